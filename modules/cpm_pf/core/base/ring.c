/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The ring.
 */
#include "ring.h"

void cpm_ring_init(struct cpm_ring *r, char *memory, size_t size)
{
	*r = (struct cpm_ring){.p = memory, .size = size};
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

bool cpm_ring_put(struct cpm_ring *r, struct cpm_slice octets)
{
	if(octets.n > cpm_ring_room(r))
		return false;
	while(octets.n) {
		size_t end = (r->first + r->held) % r->size, n = smaller(octets.n, r->size - end);

		memcpy(r->p + end, octets.p, n);
		r->held += n;
		octets = cpm_slice_from(octets, n);
	}
	return true;
}

struct cpm_slice cpm_ring_take(struct cpm_ring *r, size_t n)
{
	struct cpm_slice piece;

	n = smaller(n, smaller(r->held, r->size - r->first));
	piece = (struct cpm_slice){n ? r->p + r->first : NULL, n};
	if(n)
		r->first = (r->first + n) % r->size;
	r->held -= n;
	return piece;
}
