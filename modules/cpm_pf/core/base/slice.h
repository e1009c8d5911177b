/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A borrowed piece of bytes: never NUL-terminated, never owned. Whoever hands
 * one out says from what it borrows.
 */
#ifndef CPM_SLICE_H
#define CPM_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cpm_slice {
	const char *p;
	size_t n;
};

#define CPM_SLICE(literal) ((struct cpm_slice){(literal), sizeof(literal) - 1})
#define CPM_SLICE_NONE ((struct cpm_slice){NULL, 0})

/* The bytes of a C string without its NUL; NULL gives the empty slice. */
static inline struct cpm_slice cpm_slice_of(const char *s)
{
	return (struct cpm_slice){s, s ? strlen(s) : 0};
}

/* From offset to the end; an offset past the end gives the empty slice at the end. */
static inline struct cpm_slice cpm_slice_from(struct cpm_slice s, size_t offset)
{
	if(offset > s.n)
		offset = s.n;
	return (struct cpm_slice){s.n ? s.p + offset : s.p, s.n - offset};
}

/* The first n bytes at most. */
static inline struct cpm_slice cpm_slice_head(struct cpm_slice s, size_t n)
{
	return (struct cpm_slice){s.p, n < s.n ? n : s.n};
}

static inline bool cpm_slice_eq(struct cpm_slice a, struct cpm_slice b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}
/* ASCII letters compare without case. */
bool cpm_slice_ieq(struct cpm_slice a, struct cpm_slice b);
static inline bool cpm_slice_starts(struct cpm_slice s, struct cpm_slice prefix)
{
	return s.n >= prefix.n && cpm_slice_eq(cpm_slice_head(s, prefix.n), prefix);
}
bool cpm_slice_istarts(struct cpm_slice s, struct cpm_slice prefix);
/* Index of the first c, or s.n. */
static inline size_t cpm_slice_find(struct cpm_slice s, char c)
{
	const char *found = s.n ? (const char *)memchr(s.p, c, s.n) : NULL;

	return found ? (size_t)(found - s.p) : s.n;
}
/* Without blanks, tabs, CR and LF at both ends. */
struct cpm_slice cpm_slice_trim(struct cpm_slice s);
/* Takes the part before the first c off *rest and steps over c; false when *rest is used up.
 * An empty last part (text that ends in c) is not handed out. */
bool cpm_slice_split(struct cpm_slice *rest, char c, struct cpm_slice *part);
/* Decimal digits only, no sign, no blanks; false on anything else and on overflow. */
bool cpm_slice_u64(struct cpm_slice s, uint64_t *value);
/* 64-bit FNV-1a with a final mix: stable over builds and machines, not for hostile-key tables without a seed. */
uint64_t cpm_slice_hash(struct cpm_slice s, uint64_t seed);
/* For tables in memory: several times as fast, another value on machines of another byte order, never to be stored. */
uint64_t cpm_slice_hash_here(struct cpm_slice s, uint64_t seed);

#endif
