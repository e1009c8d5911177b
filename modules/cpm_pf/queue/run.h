/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The run of a push session: from its turn until nothing is left to send, the
 * client is gone, or the lease is lost. Queue process.
 */
#ifndef CPM_RUN_H
#define CPM_RUN_H

#include "session.h"

/* In the queue process, once; store outlives it. ended gets CPM_PUSH_EMPTY or CPM_PUSH_LATER when a run has ended; it may free the
 * session. */
bool run_init(struct store *store,
		void (*ended)(struct session *s, enum cpm_push_event event, int64_t now));

/* Before the documents and clients are looked at. False without memory. */
bool run_begin(struct session *s);
/* Nothing may be in flight; also of a session without a run. What is not yet told stays with the session. */
void run_end(struct session *s);

/* Asks the store for lease and messages; the rest follows from its answer. False when it cannot be asked. */
bool run_start(struct session *s, int64_t now);

/* The final answer to a push. */
void run_answered(uint64_t ticket, int status, int64_t now);

/* The clock of a run: what ended is told to the store, the lease is renewed, and what the rate held up goes on. */
void run_tend(struct session *s, int64_t now);

#endif
