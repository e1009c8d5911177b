/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A growing byte buffer with a maximum. The first append that would pass the
 * maximum, or that finds no memory, marks the buffer as failed; later appends
 * do nothing. So a builder appends freely and asks once at the end.
 */
#ifndef CPM_BUF_H
#define CPM_BUF_H

#include "rc.h"
#include "slice.h"

struct cpm_buf {
	char *p;
	size_t n;
	size_t cap;
	size_t max;
	enum cpm_rc rc; /* CPM_OK, CPM_LIMIT or CPM_NOMEM */
	bool fixed;     /* the caller's memory: neither grown nor freed */
};

/* An empty buffer that may grow to max bytes; free with cpm_buf_free. */
void cpm_buf_init(struct cpm_buf *b, size_t max);
/* A buffer over the caller's memory of cap bytes. */
void cpm_buf_init_fixed(struct cpm_buf *b, char *memory, size_t cap);
void cpm_buf_free(struct cpm_buf *b);
/* Empties it and keeps the memory. */
void cpm_buf_reset(struct cpm_buf *b);
void cpm_buf_add(struct cpm_buf *b, struct cpm_slice s);
void cpm_buf_add_str(struct cpm_buf *b, const char *s);
void cpm_buf_add_char(struct cpm_buf *b, char c);
void cpm_buf_add_u64(struct cpm_buf *b, uint64_t value);
void cpm_buf_add_i64(struct cpm_buf *b, int64_t value);
static inline struct cpm_slice cpm_buf_slice(const struct cpm_buf *b)
{
	return (struct cpm_slice){b->p, b->n};
}

#endif
