/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Octets of one large message on their way to the store, where they lie under
 * its name until it is put. They are gathered into pieces, which go in their
 * turn (pace.h).
 *
 * Memory of one: a buffer of 128 KiB, and at most 256 KiB (and one buffer more)
 * under way to the store; over all, 1 MiB is under way.
 */
#ifndef CPM_STAGING_H
#define CPM_STAGING_H

#include "../core/base/slice.h"
#include "../redis/store.h"
#include "pace.h"

/* Enough for the headers of any CPIM: what reports and lists need of it. */
#define STAGING_HEAD_BYTES 16384u

/* Starts as {aor, id, moved}. */
struct staging {
	struct cpm_slice aor, id; /* of the message; borrowed */
	/* What it waited for has come, a turn or the answer to a piece: staging_ready or staging_finish may say yes. May free it when
	 * calls is 0. */
	void (*moved)(struct staging *s);
	char *buffer;           /* octets that go to the store together */
	size_t start, buffered; /* where they lie in it */
	uint64_t buffer_at;     /* and in the message */
	unsigned attempt; /* to send the message: one that its sender gave up is followed by another */
	size_t pieces;    /* written so far */
	int64_t kept_ms;  /* when their time to live began */
	bool staged;      /* something has been written */
	bool failed;      /* a piece could not be written */
	bool paused;      /* no more comes until it has had its turn */
	size_t unsafe;    /* octets under way */
	unsigned calls;   /* answers that are to come: it must outlive them */
	struct pace_turn turn;
};

/* Its octets come, from the first on (once more). False without memory. */
bool staging_begin(struct staging *s);
/* Octets from at on; copied. False: paused, no more is to come until staging_ready. */
bool staging_add(struct staging *s, uint64_t at, struct cpm_slice octets);
/* Is it paused no longer? Once. */
bool staging_ready(struct staging *s);
/* All have come. True once every piece is answered for; `failed` says whether they are safe. */
bool staging_finish(struct staging *s);
/* Then: proves that the store has all of them, as many as total, under the message's name, and brings the first. False when they are not
 * safe: cb is not called. */
bool staging_seal(struct staging *s, uint64_t total, store_octets_cb cb, void *context);
/* About once a second, while octets may come: keeps what has come from running out of its time. */
void staging_keep(struct staging *s, int64_t now_ms);
/* What has come is worth nothing, in the store either. */
void staging_drop(struct staging *s);
/* No turn is wanted any more. */
void staging_leave(struct staging *s);
void staging_free(struct staging *s);

#endif
