/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Handing jobs from any process to one of ours: each has a mailbox. A job is
 * the sender's until it is posted, the receiver's afterwards.
 */
#ifndef CPM_POST_H
#define CPM_POST_H

#include "../ipc/mailbox.h"
#include "job.h"

/* Kinds of processes that take jobs. */
enum post_kind { POST_QUEUE, POST_MEDIA, POST_STORE, POST_KINDS };

/* In mod_init: so many processes of this kind, with room for so many jobs each. */
bool post_init(enum post_kind kind, int processes, size_t capacity);

/* For the process itself: where its jobs come in. */
struct mailbox *post_mailbox(enum post_kind kind, int process);

/* The process that a user's jobs of this kind go to. */
int post_process_of(enum post_kind kind, struct cpm_slice aor);

/* False when there is no such process or it has no room: the caller keeps the job. */
bool post_to(enum post_kind kind, int process, void *job);

/* To the user's queue process. */
bool post_queue(struct cpm_slice aor, void *job);

/* Push what waits for aor, now or after delay_ms. force: also what is to be retried later. False without memory or room. */
bool post_trigger(struct cpm_slice aor, struct cpm_slice contact, bool force, int64_t delay_ms);

/* The same for a client that has registered, or refreshed its registration. */
bool post_registered(
		struct cpm_slice aor, struct cpm_slice contact, bool refreshed, int64_t delay_ms);

/* STORE_DUE_PUSH came: somebody has to push what waits for aor. ordered: also to the ISF. */
bool post_due(struct cpm_slice aor, bool ordered);

/* An answer came, to what was sent with this ticket. */
void post_answer(uint64_t ticket, int status);
/* The same with the Expires of the answer, for message_init. */
void post_answer_expires(uint64_t ticket, int status, int64_t expires_s);

#endif
