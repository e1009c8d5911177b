/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A copy of a large message that goes through a bridge, for its user's history:
 * octets into the queue's store beside their way (staging.h), and when the
 * message has arrived from there into the user's message store (recording.h).
 * Trouble with the copy stops nothing. The norm's 8.3.1.2 step 11a.
 */
#ifndef CPM_COPY_H
#define CPM_COPY_H

#include "recording.h"

struct copy;

struct copy_hooks {
	/* What copy_put waited for has come. */
	void (*go_on)(void *owner);
	/* After copy_finish, perhaps within it; the copy is gone. */
	recording_told recorded;
};

/* record: of the INVITE. Slices are copied. total: octets when known, else 0. NULL when it cannot be recorded, counted and logged. */
struct copy *copy_begin(struct cpm_slice aor, struct cpm_slice id, struct cpm_slice record,
		uint64_t total, const struct copy_hooks *hooks, void *owner);
/* In order. False: no more, until go_on. */
bool copy_put(struct copy *c, uint64_t at, struct cpm_slice octets);
/* The message has arrived, and was total octets. */
void copy_finish(struct copy *c, uint64_t total);
/* It has not: clears the pointer, which may be NULL. */
void copy_drop(struct copy **c);
/* About once a second, until it is finished. */
void copy_tend(struct copy *c, int64_t now_ms);

#endif
