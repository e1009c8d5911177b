/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A read-only set of short byte strings (canonical URIs, domains), one table and
 * one run of bytes in an arena. A look-up costs the same whatever the size.
 */
#ifndef CPM_KEYSET_H
#define CPM_KEYSET_H

#include "../base/arena.h"

/* All zero is the empty set. */
struct cpm_keyset {
	const uint64_t *slots; /* upper half of the key's hash; place in bytes plus 1, 0 when free */
	const char *bytes;     /* each key: its length in two bytes, then itself */
	uint64_t signature;    /* one bit of 64 for each key: most misses of a small set end here */
	uint32_t mask;
	uint32_t count;
};

static inline uint64_t cpm_keyset_bit(uint64_t hash)
{
	return UINT64_C(1) << (hash >> 58);
}

/* hash must be cpm_slice_hash_here(key, seed) with the seed that the set was built with. */
bool cpm_keyset_has(const struct cpm_keyset *set, struct cpm_slice key, uint64_t hash);

struct cpm_keyset_item;

/* Keys on their way into a set. The seed comes from the documents' content, so that nobody can
 * write a document whose keys all fall into one place. */
struct cpm_keyset_builder {
	struct cpm_arena *scratch;
	uint64_t seed;
	struct cpm_keyset_item *items;
	size_t count;
	size_t bytes;
};

/* Copies the key (65535 bytes at most); repeated keys are welcome. */
enum cpm_rc cpm_keyset_add(struct cpm_keyset_builder *b, struct cpm_slice key);
/* Writes the set into the arena. */
enum cpm_rc cpm_keyset_build(
		const struct cpm_keyset_builder *b, struct cpm_arena *arena, struct cpm_keyset *set);

#endif
