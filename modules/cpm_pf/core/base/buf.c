/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The growing buffer. It doubles, so appending n bytes costs O(n).
 */
#include "buf.h"

#include <stdlib.h>

#define FIRST_SIZE 256

void cpm_buf_init(struct cpm_buf *b, size_t max)
{
	*b = (struct cpm_buf){.max = max};
}

void cpm_buf_init_fixed(struct cpm_buf *b, char *memory, size_t cap)
{
	*b = (struct cpm_buf){.p = memory, .cap = cap, .max = cap, .fixed = true};
}

void cpm_buf_free(struct cpm_buf *b)
{
	if(!b->fixed)
		free(b->p);
	*b = (struct cpm_buf){0};
}

void cpm_buf_reset(struct cpm_buf *b)
{
	b->n = 0;
	b->rc = CPM_OK;
}

static bool grow(struct cpm_buf *b, size_t more)
{
	size_t cap;
	char *p;

	if(b->rc)
		return false;
	if(more > b->max - b->n) {
		b->rc = CPM_LIMIT;
		return false;
	}
	cap = b->cap ? b->cap : FIRST_SIZE;
	while(cap < b->n + more && cap <= b->max / 2)
		cap *= 2;
	if(cap < b->n + more || cap > b->max)
		cap = b->max;
	p = realloc(b->p, cap);
	if(!p) {
		b->rc = CPM_NOMEM;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

/* Room for more bytes behind the n used ones. */
static inline bool reserve(struct cpm_buf *b, size_t more)
{
	return (!b->rc && more <= b->cap - b->n) || grow(b, more);
}

void cpm_buf_add(struct cpm_buf *b, struct cpm_slice s)
{
	if(!s.n || !reserve(b, s.n))
		return;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void cpm_buf_add_str(struct cpm_buf *b, const char *s)
{
	cpm_buf_add(b, cpm_slice_of(s));
}

void cpm_buf_add_char(struct cpm_buf *b, char c)
{
	if(reserve(b, 1))
		b->p[b->n++] = c;
}

void cpm_buf_add_u64(struct cpm_buf *b, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + value % 10);
	while(value /= 10);
	cpm_buf_add(b, (struct cpm_slice){digits + at, sizeof(digits) - at});
}

void cpm_buf_add_i64(struct cpm_buf *b, int64_t value)
{
	if(value < 0)
		cpm_buf_add_char(b, '-');
	/* Negated as unsigned: -INT64_MIN does not exist. */
	cpm_buf_add_u64(b, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}
