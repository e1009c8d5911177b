/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Places count from 1: the children of i are 2i and 2i+1.
 */
#include "alarm.h"

void cpm_alarms_init(struct cpm_alarms *all, struct cpm_alarm **heap, size_t max)
{
	*all = (struct cpm_alarms){.heap = heap, .max = max};
}

static struct cpm_alarm *at(const struct cpm_alarms *all, size_t place)
{
	return all->heap[place - 1];
}

static void put(struct cpm_alarms *all, size_t place, struct cpm_alarm *a)
{
	all->heap[place - 1] = a;
	a->place = place;
}

static void sift(struct cpm_alarms *all, struct cpm_alarm *a)
{
	size_t place = a->place, child;

	while(place > 1 && at(all, place / 2)->at_ms > a->at_ms) {
		put(all, place, at(all, place / 2));
		place /= 2;
	}
	while((child = place * 2) <= all->count) {
		if(child < all->count && at(all, child + 1)->at_ms < at(all, child)->at_ms)
			child++;
		if(at(all, child)->at_ms >= a->at_ms)
			break;
		put(all, place, at(all, child));
		place = child;
	}
	put(all, place, a);
}

bool cpm_alarm_set(struct cpm_alarms *all, struct cpm_alarm *a, int64_t at_ms)
{
	if(!a->place) {
		if(all->count == all->max)
			return false;
		put(all, ++all->count, a);
	}
	a->at_ms = at_ms;
	sift(all, a);
	return true;
}

void cpm_alarm_clear(struct cpm_alarms *all, struct cpm_alarm *a)
{
	struct cpm_alarm *last;

	if(!a->place)
		return;
	last = at(all, all->count--);
	if(last != a) {
		put(all, a->place, last);
		sift(all, last);
	}
	a->place = 0;
}

struct cpm_alarm *cpm_alarm_first(const struct cpm_alarms *all)
{
	return all->count ? at(all, 1) : NULL;
}
