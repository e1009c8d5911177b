/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Pushing in one queue process: a session for each user who has, or may have,
 * something waiting and a client. One user at a time on one node (the lease),
 * messages in order of arrival, the next one sent when the last is answered.
 * core/queue/push.h has the states, doc/queue.md the rules.
 */
#ifndef CPM_MODULE_PUSH_H
#define CPM_MODULE_PUSH_H

#include "../module/job.h"
#include "../redis/store.h"
#include "due.h"

/* In the queue process, once; store outlives it. */
bool push_init(int process, struct store *store);

/* Start pushing for a user, now or at a time. */
void push_trigger(const struct trigger_job *job, int64_t now);

/* STORE_DUE_PUSH: something waits, and whoever wanted to push it has not come. */
void push_due(struct due *d, int64_t now);

/* When a message of this cause must have been pushed, or else another node is to see to it; 0: when a client comes. */
int64_t push_stored_ms(struct cpm_slice aor, enum cpm_defer_cause cause, int64_t now);

/* After a message was stored: its user may have a client already. */
void push_stored(struct cpm_slice aor, enum cpm_defer_cause cause, int64_t now);

/* The final answer to a push. */
void push_answered(uint64_t ticket, int status, int64_t now);

/* The documents that a session waited for; takes the reference. */
void push_documents(struct documents_job *job, int64_t now);

/* Runs what is due; returns when it wants to run again. */
int64_t push_run(int64_t now);

#endif
