/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The set of keys: open addressing at a load of one half at most. A slot holds
 * half of the hash, so a miss seldom touches the bytes.
 */
#include "keyset.h"

#define TAG_MASK UINT64_C(0xffffffff00000000)
#define PLACE_MASK UINT64_C(0xffffffff)
#define LENGTH_BYTES sizeof(uint16_t)

struct cpm_keyset_item {
	struct cpm_keyset_item *next;
	uint64_t hash;
	uint16_t n;
	char key[];
};

static struct cpm_slice key_at(const char *bytes, uint64_t slot)
{
	const char *p = bytes + (slot & PLACE_MASK) - 1;
	uint16_t n;

	memcpy(&n, p, LENGTH_BYTES);
	return (struct cpm_slice){p + LENGTH_BYTES, n};
}

/* The slot that holds the key, or the free one where it belongs. */
static size_t find(const uint64_t *slots, const char *bytes, uint32_t mask, struct cpm_slice key,
		uint64_t hash)
{
	size_t at = (uint32_t)hash & mask;

	while(slots[at]) {
		if(!((slots[at] ^ hash) & TAG_MASK) && cpm_slice_eq(key_at(bytes, slots[at]), key))
			break;
		at = (at + 1) & mask;
	}
	return at;
}

bool cpm_keyset_has(const struct cpm_keyset *set, struct cpm_slice key, uint64_t hash)
{
	if(!(set->signature & cpm_keyset_bit(hash)))
		return false;
	return set->slots[find(set->slots, set->bytes, set->mask, key, hash)] != 0;
}

enum cpm_rc cpm_keyset_add(struct cpm_keyset_builder *b, struct cpm_slice key)
{
	struct cpm_keyset_item *item;

	if(key.n > UINT16_MAX)
		return CPM_LIMIT;
	item = cpm_arena_alloc(b->scratch, sizeof(*item) + key.n);
	if(!item)
		return CPM_NOMEM;
	item->hash = cpm_slice_hash_here(key, b->seed);
	item->n = (uint16_t)key.n;
	if(key.n)
		memcpy(item->key, key.p, key.n);
	item->next = b->items;
	b->items = item;
	b->count++;
	b->bytes += LENGTH_BYTES + key.n;
	return CPM_OK;
}

enum cpm_rc cpm_keyset_build(
		const struct cpm_keyset_builder *b, struct cpm_arena *arena, struct cpm_keyset *set)
{
	size_t size = 2, used = 0;
	uint64_t *slots;
	char *bytes;

	*set = (struct cpm_keyset){0};
	if(!b->count)
		return CPM_OK;
	if(b->bytes >= PLACE_MASK || b->count > UINT32_MAX / 4)
		return CPM_LIMIT;
	while(size < 2 * b->count)
		size *= 2;
	slots = cpm_arena_array(arena, size, sizeof(*slots));
	bytes = slots ? cpm_arena_alloc(arena, b->bytes) : NULL;
	if(!bytes)
		return CPM_NOMEM;
	set->mask = (uint32_t)(size - 1);
	for(const struct cpm_keyset_item *i = b->items; i; i = i->next) {
		size_t at = find(slots, bytes, set->mask, (struct cpm_slice){i->key, i->n}, i->hash);

		if(slots[at])
			continue;
		slots[at] = (i->hash & TAG_MASK) | (used + 1);
		memcpy(bytes + used, &i->n, LENGTH_BYTES);
		memcpy(bytes + used + LENGTH_BYTES, i->key, i->n);
		used += LENGTH_BYTES + i->n;
		set->signature |= cpm_keyset_bit(i->hash);
		set->count++;
	}
	set->slots = slots;
	set->bytes = bytes;
	return CPM_OK;
}
