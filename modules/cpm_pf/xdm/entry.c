/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Entries of the documents cache: one block for the entry, its parts and their
 * strings, and the arena of the compiled form.
 */
#include "entry.h"

#include "../../core/mem/shm_mem.h"

static char *copy(char *at, struct cpm_slice from, struct cpm_slice *to)
{
	if(from.n)
		memcpy(at, from.p, from.n);
	*to = (struct cpm_slice){at, from.n};
	return at + from.n;
}

struct xdm_entry *entry_new(const struct cpm_allocator *allocator, const struct entry_part *parts,
		size_t count, const struct cpm_documents *documents, struct cpm_arena *arena)
{
	/* Sizes cannot overflow: parts and the lengths of URLs and ETags have small maxima. */
	size_t size = sizeof(struct xdm_entry) + count * sizeof(*parts);
	struct xdm_entry *e;
	char *at;

	for(size_t i = 0; i < count; i++)
		size += parts[i].url.n + parts[i].etag.n;
	e = allocator->alloc(allocator->context, size);
	if(!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	atomic_init(&e->references, 1);
	e->documents = documents;
	e->arena = *arena;
	e->bytes = size + arena->used;
	e->count = count;
	at = (char *)&e->parts[count];
	for(size_t i = 0; i < count; i++) {
		e->parts[i] = parts[i];
		at = copy(at, parts[i].url, &e->parts[i].url);
		at = copy(at, parts[i].etag, &e->parts[i].etag);
	}
	arena->chunks = NULL;
	return e;
}

void entry_release(struct xdm_entry **entry)
{
	struct xdm_entry *e = *entry;

	*entry = NULL;
	if(!e || atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) != 1)
		return;
	cpm_arena_free(&e->arena);
	shm_free(e);
}
