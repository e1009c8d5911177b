/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The queue processes: the only ones that talk to Redis while messages flow.
 * Users are spread over them by hash.
 */
#ifndef CPM_QUEUE_H
#define CPM_QUEUE_H

#include "../module/job.h"

/* In mod_init: mailboxes and the shared state. */
bool queue_init(void);

/* Any process: is the store there? A worker refuses at once when it is not. */
bool queue_available(void);
/* The static word for why not ("down", "readonly", ...). */
const char *queue_state(void);

/* Any process: hands a job to the process of this user. False when its mailbox is full: the caller keeps the job. */
bool queue_post(struct cpm_slice aor, void *job);

/* Any process: to one queue process by its number; and the number of a user's process. */
bool queue_post_to(int process, void *job);
int queue_process_of(struct cpm_slice aor);
/* In a queue process: its own number. */
int queue_self(void);
/* In a queue process: puts the message into the store and answers its transaction; takes the job over. */
void queue_store(struct store_job *job);

/* Any process: push what waits for aor, now or after delay_ms. False without memory or room. */
bool queue_trigger(struct cpm_slice aor, struct cpm_slice contact, bool force, int64_t delay_ms);

/* The same for a client that has registered, or refreshed its registration. */
bool queue_registered(
		struct cpm_slice aor, struct cpm_slice contact, bool refreshed, int64_t delay_ms);

/* An answer came, to what was sent with this ticket. */
void queue_answered(uint64_t ticket, int status);
/* The same, for message_init. */
void queue_completed(uint64_t ticket, int status, int64_t expires_s);

/* The life of queue process number index (from 0): never returns. */
void queue_run(int index);

#endif
