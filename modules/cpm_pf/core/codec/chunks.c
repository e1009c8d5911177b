/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A short ordered list of ranges; what touches is merged.
 */
#include "chunks.h"

#include <string.h>

void cpm_chunks_init(struct cpm_chunks *c, uint64_t max)
{
	memset(c, 0, sizeof(*c));
	c->max = max;
}

static uint64_t reached(const struct cpm_chunks *c)
{
	return c->count ? c->ranges[c->count - 1].to : 0;
}

static enum cpm_rc total_set(struct cpm_chunks *c, uint64_t total)
{
	if(total > c->max)
		return CPM_LIMIT;
	if(c->total_known ? total != c->total : total < reached(c))
		return CPM_SYNTAX;
	c->total = total;
	c->total_known = true;
	return CPM_OK;
}

enum cpm_rc cpm_chunks_begin(struct cpm_chunks *c, const struct cpm_msrp_range *range, uint64_t *at)
{
	*at = range->first - 1;
	if(range->total_known) {
		enum cpm_rc rc = total_set(c, range->total);

		if(rc)
			return rc;
	}
	if(*at > c->max || (range->last_known && range->last > c->max))
		return CPM_LIMIT;
	if(c->total_known && (*at > c->total || (range->last_known && range->last > c->total)))
		return CPM_SYNTAX;
	return CPM_OK;
}

enum cpm_rc cpm_chunks_add(struct cpm_chunks *c, uint64_t at, uint64_t n)
{
	size_t first = 0, last;
	uint64_t to = at + n;

	if(at > c->max || n > c->max - at)
		return CPM_LIMIT;
	if(c->total_known && to > c->total)
		return CPM_SYNTAX;
	if(!n)
		return CPM_OK;
	/* Ranges first..last - 1 touch the new one and melt into it. */
	while(first < c->count && c->ranges[first].to < at)
		first++;
	for(last = first; last < c->count && c->ranges[last].from <= to; last++) {
		if(c->ranges[last].from < at)
			at = c->ranges[last].from;
		if(c->ranges[last].to > to)
			to = c->ranges[last].to;
	}
	if(first == last && c->count == CPM_CHUNKS_RANGES_MAX)
		return CPM_LIMIT;
	memmove(&c->ranges[first + 1], &c->ranges[last], (c->count - last) * sizeof(c->ranges[0]));
	c->ranges[first].from = at;
	c->ranges[first].to = to;
	c->count = c->count - (last - first) + 1;
	return CPM_OK;
}

enum cpm_rc cpm_chunks_end(struct cpm_chunks *c, uint64_t at)
{
	enum cpm_rc rc = total_set(c, at);

	c->ended = c->ended || !rc;
	return rc;
}

bool cpm_chunks_complete(const struct cpm_chunks *c)
{
	if(!c->ended)
		return false;
	return !c->total || (c->count == 1 && !c->ranges[0].from && c->ranges[0].to == c->total);
}

uint64_t cpm_chunks_octets(const struct cpm_chunks *c)
{
	uint64_t sum = 0;

	for(size_t i = 0; i < c->count; i++)
		sum += c->ranges[i].to - c->ranges[i].from;
	return sum;
}
