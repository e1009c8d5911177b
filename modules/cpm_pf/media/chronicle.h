/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The recording of a conversation: what its two sides say goes beside its way
 * into the queue's store, and from there into the served user's message store
 * (queue/recorder.h; a large one by copy.h). Trouble with it stops nothing. The
 * norm's 8.3.2.1 (first 200, step 5), 8.5; companion section 6.
 *
 * Not recorded: disposition notifications, and that somebody is composing.
 *
 * Memory of a conversation: 1 MiB of its open messages at most, and for each of at
 * most 8 large ones what a copy takes (staging.h). What is beyond is not recorded.
 * One that is finished takes nothing once it is on its way to the store.
 */
#ifndef CPM_CHRONICLE_H
#define CPM_CHRONICLE_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/base/slice.h"

struct chronicle;       /* of one conversation */
struct chronicle_entry; /* of one of its messages */

/* What chronicle_put waited for has come. */
typedef void (*chronicle_went_on)(void *owner, struct chronicle_entry *e);

/* All below take NULL for none: then nothing is recorded. */

/* aor: canonical key of the served user, who was invited; invite: the text of the INVITE's record. Both are copied. NULL when there is no
 * memory, counted and logged. */
struct chronicle *chronicle_begin(struct cpm_slice aor, struct cpm_slice invite);
/* The conversation is over: messages that are open are dropped, the others are recorded all the same. Clears the pointer. */
void chronicle_end(struct chronicle **c);
/* About once a second. */
void chronicle_tend(struct chronicle *c, int64_t now_ms);

/* A message begins. sent: by the served user. content_type: of its SEND. total: octets when known, else 0. go_on is not
 * called after finish or drop. NULL: it is not recorded, and if it ought to have been that was counted and logged. */
struct chronicle_entry *chronicle_open(struct chronicle *c, bool sent,
		struct cpm_slice content_type, uint64_t total, chronicle_went_on go_on, void *owner);
/* Octets in order, each once. False: no more, until go_on. */
bool chronicle_put(struct chronicle_entry *e, uint64_t at, struct cpm_slice octets);
/* The other side has all of it, total octets. Clears the pointer. */
void chronicle_finish(struct chronicle_entry **e, uint64_t total);
/* It has not, and will not. Clears the pointer. */
void chronicle_drop(struct chronicle_entry **e);

#endif
