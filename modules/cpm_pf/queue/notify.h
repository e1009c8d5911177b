/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Telling users what waits for their word, and what has expired: system
 * messages to their clients, or the out-of-band event route. The norm's
 * 8.3.1.6.3 and 8.3.1.6.8; companion 4.8.
 */
#ifndef CPM_NOTIFY_H
#define CPM_NOTIFY_H

#include "due.h"
#include "ending.h"

/* In the queue process, once; store outlives it. */
bool notify_init(int process, struct store *store);

/* notify_due: see due.h. notify_expired: see ending.h. */

/* Gives up what was never answered; returns when it wants to run again. */
int64_t notify_run(int64_t now);

/* The final answer to a system message: ticket of kind TICKET_COMMAND. */
void notify_answered(uint64_t ticket, int status, int64_t now);

#endif
