/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Delivering a large message as a B2BUA: the user's clients are invited at
 * once, the first that accepts gets the sender's octets piece by piece, and the
 * sender's last SEND its 200 when that client has confirmed them all. In place of
 * clients it can be the ISF, or whom the user forwards to. Nothing is kept but a
 * copy for the user's history, where the user wants one (copy.h). The norm's
 * 8.3.1.2 steps 4, 6b, 6d and 8 to 11.
 *
 * Memory of one: a buffer of BRIDGE_BUFFER octets, what the endpoint keeps for
 * its legs, and what a copy takes (staging.h).
 */
#ifndef CPM_BRIDGE_H
#define CPM_BRIDGE_H

#include "../module/context.h"
#include "branch.h"

#define BRIDGE_BUFFER (256u * 1024)

/* The job's run function: invites the clients. */
void bridge_run(struct command_job *job, struct store *store, int64_t now_ms);
/* For dialog_open: the sender's dialog has news. */
void bridge_told(dialog_id id, enum dialog_news news);
/* About once a second. */
void bridge_sweep(int64_t now_ms);

#endif
