/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Octets on their way from one side to another, in order, in memory of fixed
 * size that is the caller's.
 */
#ifndef CPM_RING_H
#define CPM_RING_H

#include "slice.h"

struct cpm_ring {
	char *p;
	size_t size, first, held;
};

void cpm_ring_init(struct cpm_ring *r, char *memory, size_t size);
static inline size_t cpm_ring_room(const struct cpm_ring *r)
{
	return r->size - r->held;
}
/* Appends all of it, or nothing: false without room. */
bool cpm_ring_put(struct cpm_ring *r, struct cpm_slice octets);
/* The oldest octets that lie together, at most n. Borrows from the ring: as they are until the next put. */
struct cpm_slice cpm_ring_take(struct cpm_ring *r, size_t n);

#endif
