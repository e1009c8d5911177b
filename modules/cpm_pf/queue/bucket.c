/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Token buckets.
 */
#include "bucket.h"

void bucket_fill(struct bucket *b, int64_t rate, int64_t burst_ms, int64_t now_ms)
{
	int64_t full = rate * burst_ms > 1000 ? rate * burst_ms : 1000;
	int64_t passed = now_ms - b->filled_ms;

	b->filled_ms = now_ms;
	/* The clock may jump: back is nothing, far ahead is full. */
	if(passed <= 0)
		return;
	if(passed > full / rate + 1 - b->milli / rate)
		b->milli = full;
	else {
		b->milli += passed * rate;
		b->milli = b->milli < full ? b->milli : full;
	}
}

size_t bucket_level(const struct bucket *b)
{
	return b->milli > 0 ? (size_t)(b->milli / 1000) : 0;
}

void bucket_take(struct bucket *b, size_t n)
{
	b->milli -= (int64_t)n * 1000;
}

void bucket_give(struct bucket *b, size_t n)
{
	b->milli += (int64_t)n * 1000;
}

int64_t bucket_wait_ms(const struct bucket *b, int64_t rate, size_t n)
{
	int64_t missing = (int64_t)n * 1000 - b->milli;

	return missing > 0 ? (missing + rate - 1) / rate : 0;
}
