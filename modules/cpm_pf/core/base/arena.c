/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The arena: a list of chunks, each filled from its start. An object that does
 * not fit into the newest chunk gets a new one, of its own size when it is large.
 */
#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>

/* Chunks grow with the arena, so that a large document takes few of them and a small one little
 * memory. */
#define CHUNK_MIN 4096
#define CHUNK_MAX (256 * 1024)
/* What an object here may need; an injected allocator (Kamailio's) promises no more. */
union word {
	int64_t number;
	double real;
	void *pointer;
};
#define ALIGNMENT alignof(union word)

struct cpm_arena_chunk {
	struct cpm_arena_chunk *next;
	size_t used;
	size_t size;
	union word data[];
};

static void *libc_alloc(void *context, size_t size)
{
	(void)context;
	return malloc(size);
}

static void libc_release(void *context, void *p)
{
	(void)context;
	free(p);
}

const struct cpm_allocator cpm_allocator_libc = {libc_alloc, libc_release, NULL};

void cpm_arena_init(struct cpm_arena *a, const struct cpm_allocator *allocator, size_t max)
{
	*a = (struct cpm_arena){.allocator = allocator, .max = max};
}

void cpm_arena_free(struct cpm_arena *a)
{
	while(a->chunks) {
		struct cpm_arena_chunk *chunk = a->chunks;

		a->chunks = chunk->next;
		a->allocator->release(a->allocator->context, chunk);
	}
	a->used = 0;
}

/* A chunk for at least size bytes; the last one may be smaller than usual, so that the maximum can
 * be used up. */
static struct cpm_arena_chunk *chunk_new(struct cpm_arena *a, size_t size)
{
	size_t head = offsetof(struct cpm_arena_chunk, data);
	size_t room = a->max - a->used;
	size_t data = a->used / 8;
	struct cpm_arena_chunk *chunk;

	if(room < head || room - head < size)
		return NULL;
	data = data < CHUNK_MIN ? CHUNK_MIN : data > CHUNK_MAX ? CHUNK_MAX : data & ~(ALIGNMENT - 1);
	data = size > data - head ? size : data - head;
	if(data > room - head)
		data = (room - head) & ~(ALIGNMENT - 1);
	chunk = a->allocator->alloc(a->allocator->context, head + data);
	if(!chunk)
		return NULL;
	*chunk = (struct cpm_arena_chunk){.size = data};
	a->used += head + data;
	return chunk;
}

static void chunk_link(struct cpm_arena *a, struct cpm_arena_chunk *chunk)
{
	/* A large object must not hide the newest chunk while that still has more room to offer. */
	if(a->chunks && a->chunks->size - a->chunks->used > chunk->size - chunk->used) {
		chunk->next = a->chunks->next;
		a->chunks->next = chunk;
		return;
	}
	chunk->next = a->chunks;
	a->chunks = chunk;
}

void *cpm_arena_alloc(struct cpm_arena *a, size_t size)
{
	struct cpm_arena_chunk *chunk = a->chunks;
	char *p;

	if(size > SIZE_MAX - ALIGNMENT)
		return NULL;
	size = (size + (size ? 0 : 1) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if(chunk && chunk->size - chunk->used >= size) {
		p = (char *)chunk->data + chunk->used;
		chunk->used += size;
	} else {
		chunk = chunk_new(a, size);
		if(!chunk)
			return NULL;
		p = (char *)chunk->data;
		chunk->used = size;
		chunk_link(a, chunk);
	}
	return memset(p, 0, size);
}

void *cpm_arena_array(struct cpm_arena *a, size_t count, size_t size)
{
	if(size && count > SIZE_MAX / size)
		return NULL;
	return cpm_arena_alloc(a, count * size);
}

bool cpm_arena_dup(struct cpm_arena *a, struct cpm_slice s, struct cpm_slice *copy)
{
	char *p = cpm_arena_alloc(a, s.n);

	if(!p)
		return false;
	if(s.n)
		memcpy(p, s.p, s.n);
	*copy = (struct cpm_slice){p, s.n};
	return true;
}
