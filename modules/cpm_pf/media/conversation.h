/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A CPM session whose media go through us, as a B2BUA: the user's clients are
 * invited at once, the first that accepts talks to the caller, until one of them
 * ends it. In place of clients it can be the ISF. The norm's 8.3.2.1.
 *
 * Memory of one: two lanes (lane.h), two legs (endpoint.h), less than 2 KiB
 * beside them, and the text of its INVITEs.
 */
#ifndef CPM_CONVERSATION_H
#define CPM_CONVERSATION_H

#include "../module/context.h"
#include "../module/command.h"

/* The job's run function: invites the clients. */
void conversation_run(struct command_job *job, struct store *store, int64_t now_ms);
/* For dialog_open: the caller's dialog has news. */
void conversation_told(dialog_id id, enum dialog_news news);
/* About once a second. */
void conversation_sweep(int64_t now_ms);
/* In this process, invited ones too. */
size_t conversation_count(void);

#endif
