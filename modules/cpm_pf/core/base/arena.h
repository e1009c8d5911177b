/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Memory that is given back all at once. Parse results live in one; the chunks
 * come from an injected allocator, so the same parser builds in private memory
 * or straight in shared memory. Pointers into an arena stay valid until
 * cpm_arena_free.
 */
#ifndef CPM_ARENA_H
#define CPM_ARENA_H

#include "rc.h"
#include "slice.h"

struct cpm_allocator {
	void *(*alloc)(void *context, size_t size); /* NULL when there is none */
	void (*release)(void *context, void *p);
	void *context;
};

/* malloc and free. */
extern const struct cpm_allocator cpm_allocator_libc;

struct cpm_arena_chunk;

struct cpm_arena {
	const struct cpm_allocator *allocator; /* must outlive the arena */
	struct cpm_arena_chunk *chunks;
	size_t used; /* bytes taken from the allocator */
	size_t max;
};

void cpm_arena_init(struct cpm_arena *a, const struct cpm_allocator *allocator, size_t max);
void cpm_arena_free(struct cpm_arena *a);
/* Zeroed memory aligned for integers, doubles and pointers; NULL past the maximum or without memory. */
void *cpm_arena_alloc(struct cpm_arena *a, size_t size);
/* The same for count objects of size bytes; NULL also when the product overflows. */
void *cpm_arena_array(struct cpm_arena *a, size_t count, size_t size);
/* A copy of s in the arena. False without memory. */
bool cpm_arena_dup(struct cpm_arena *a, struct cpm_slice s, struct cpm_slice *copy);

#endif
