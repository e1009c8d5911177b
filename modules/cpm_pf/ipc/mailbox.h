/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Hands shared-memory jobs from any process to one owner process: a bounded ring of pointers in shared memory, and an eventfd that is
 * written only when the owner sleeps. Made before the fork, so that every process has both ends. A job's owner is the sender until
 * mailbox_post returns true, the receiver afterwards.
 */
#ifndef CPM_MAILBOX_H
#define CPM_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

struct mailbox;

/* NULL without memory or descriptors. capacity is rounded up to a power of two. In mod_init. */
struct mailbox *mailbox_new(size_t capacity);
void mailbox_free(struct mailbox **m);

/* False when it is full: the caller still owns the job and answers for it. Any process, never blocks. */
bool mailbox_post(struct mailbox *m, void *job);

/* The owner process: takes up to max jobs, in order. */
size_t mailbox_take(struct mailbox *m, void **jobs, size_t max);

/* The owner process, before it sleeps in poll: true when the box is empty and posts will now wake the descriptor; false when there is
 * something to take first. After waking: mailbox_awake. */
bool mailbox_sleep(struct mailbox *m);
void mailbox_awake(struct mailbox *m);
int mailbox_fd(const struct mailbox *m);

#endif
