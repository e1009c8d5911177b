/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What waits for a user, as it is told to the user: read from the store page by
 * page, in the queue process. The norm's Appendices I and J.
 */
#ifndef CPM_LISTING_H
#define CPM_LISTING_H

#include "../core/codec/msginfo.h"
#include "../redis/store.h"

/* An item of msginfo+xml takes at least so many bytes. */
#define LISTING_ITEM_MIN 200

enum listing_kind {
	LISTING_ALL,    /* all but what is set aside or about to go */
	LISTING_PARKED, /* only what waits for the user's word */
};

struct listing {
	struct cpm_msginfo info; /* number: messages of that kind; items: the oldest of them */
	size_t parked;           /* messages that wait for the user's word, as far as was looked */
};

/* listing is valid during the call; NULL unless STORE_OK. */
typedef void (*listing_cb)(void *context, enum store_rc rc, const struct listing *listing);

/* Reads the oldest messages, at most max of the kind. False when the store refuses at once: cb is not called then. */
bool listing_load(struct store *store, struct cpm_slice aor, int64_t now_ms, enum listing_kind kind,
		size_t max, listing_cb cb, void *context);

#endif
