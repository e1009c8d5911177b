/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A ticket is kind, process, generation and place; the generation of a place
 * changes with each use.
 */
#include "ticket.h"

#include <stdlib.h>

#define PLACE_BITS 24
#define PROCESS_SHIFT 56
#define PROCESS_MASK 0x3fu
#define KIND_SHIFT 62

struct place {
	void *what; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

struct tickets {
	uint64_t base; /* kind and process */
	uint32_t count, free;
	struct place places[];
};

struct tickets *tickets_new(enum ticket_kind kind, int process, size_t max)
{
	uint32_t i, count = max < (1u << PLACE_BITS) ? (uint32_t)max : (1u << PLACE_BITS) - 1;
	struct tickets *t = calloc(1, sizeof(*t) + count * sizeof(t->places[0]));

	if(!t)
		return NULL;
	t->base = (uint64_t)kind << KIND_SHIFT | ((uint64_t)process & PROCESS_MASK) << PROCESS_SHIFT;
	t->count = count;
	for(i = 0; i < count; i++)
		t->places[i] = (struct place){.generation = 1, .next_free = i + 1};
	return t;
}

bool ticket_take(struct tickets *t, void *what, uint64_t *ticket)
{
	uint32_t at = t->free;
	struct place *p = &t->places[at];

	if(at == t->count)
		return false;
	t->free = p->next_free;
	p->what = what;
	*ticket = t->base | (uint64_t)p->generation << PLACE_BITS | at;
	return true;
}

void *ticket_redeem(struct tickets *t, uint64_t ticket)
{
	uint32_t at = (uint32_t)ticket_place(ticket);
	struct place *p = &t->places[at];
	void *what;

	if(at >= t->count || !p->what
			|| ticket != (t->base | (uint64_t)p->generation << PLACE_BITS | at))
		return NULL;
	what = p->what;
	p->what = NULL;
	/* 0 is left out, so that no ticket is 0. */
	p->generation += p->generation == UINT32_MAX ? 2 : 1;
	p->next_free = t->free;
	t->free = at;
	return what;
}

enum ticket_kind ticket_kind_of(uint64_t ticket)
{
	return (enum ticket_kind)(ticket >> KIND_SHIFT);
}

int ticket_process(uint64_t ticket)
{
	return (int)(ticket >> PROCESS_SHIFT & PROCESS_MASK);
}

size_t ticket_place(uint64_t ticket)
{
	return (size_t)(ticket & ((1u << PLACE_BITS) - 1));
}
