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

/* Any process: when a message last came to be stored; 0: none has. */
int64_t queue_stored_ms(void);

/* In a queue process: its own number. */
int queue_self(void);
/* In a queue process: puts the message into the store and answers its transaction; takes the job over. */
void queue_store(struct store_job *job);
/* Likewise: it is not safe, and the script's route answers. */
void queue_refuse(struct store_job *job, const char *reason);
/* Gives it the id of the one that it repeats, so that both are one message: one object, one place in the queue, one report. False when that id is none of this user. */
bool queue_adopt(struct store_job *job, struct cpm_slice id);

/* The life of queue process number index (from 0): never returns. */
void queue_run(int index);

#endif
