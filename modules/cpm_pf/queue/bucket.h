/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A rate with a burst: tokens that come in with time and are spent.
 */
#ifndef CPM_BUCKET_H
#define CPM_BUCKET_H

#include <stddef.h>
#include <stdint.h>

/* Starts as {0}: full at the first fill. */
struct bucket {
	int64_t milli; /* thousandths of a token; below 0 after more was spent than was there */
	int64_t filled_ms;
};

/* What has come in by now at rate tokens a second (above 0); never more than burst_ms let in, but always one can be there. */
void bucket_fill(struct bucket *b, int64_t rate, int64_t burst_ms, int64_t now_ms);

/* Whole tokens that are there. */
size_t bucket_level(const struct bucket *b);
void bucket_take(struct bucket *b, size_t n);
void bucket_give(struct bucket *b, size_t n);

/* Milliseconds until n tokens are there, if nobody spends any: 0 when they are. */
int64_t bucket_wait_ms(const struct bucket *b, int64_t rate, size_t n);

#endif
