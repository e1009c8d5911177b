/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A window, a rest, and a line.
 */
#include "pace.h"

static bool careful(const struct pace *p)
{
	return p->busy && p->share < 100;
}

static bool resting(const struct pace *p, int64_t now_us)
{
	/* A clock that was set back is no reason to wait. */
	return now_us < p->rest_us && p->rest_us - now_us <= PACE_REST_US;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* How far behind the floor we are; never more than the window, and nothing while nobody waits. */
static int64_t owed(const struct pace *p, int64_t now_us)
{
	int64_t passed = now_us - p->owed_us;

	if(passed <= 0)
		return p->owed;
	return least(PACE_WINDOW, p->owed + least(passed, 1000000) * PACE_FLOOR / 1000000);
}

static size_t room(const struct pace *p, int64_t now_us)
{
	if(p->under_way >= PACE_WINDOW)
		return 0;
	if(!careful(p))
		return PACE_WINDOW;
	if(owed(p, now_us) >= PACE_LARGE)
		return PACE_LARGE;
	return p->pieces || resting(p, now_us) ? 0 : PACE_SMALL;
}

static void line_up(struct pace *p, struct pace_turn *turn)
{
	if(turn->waits)
		return;
	turn->waits = true;
	turn->next = NULL;
	if(p->last)
		p->last->next = turn;
	else
		p->first = turn;
	p->last = turn;
}

size_t pace_ask(struct pace *p, struct pace_turn *turn, int64_t now_us)
{
	bool ours = p->served == turn || !p->first;
	size_t n;

	/* Nobody had anything to send: nothing is owed for that time. */
	if(p->served != turn && !p->first && !p->pieces) {
		p->owed = 0;
		p->owed_us = now_us;
	}
	n = ours && !turn->waits ? room(p, now_us) : 0;
	p->served = NULL;
	if(!n)
		line_up(p, turn);
	return n;
}

void pace_leave(struct pace *p, struct pace_turn *turn)
{
	struct pace_turn *before = NULL, *at = p->first;

	if(p->served == turn)
		p->served = NULL;
	if(!turn->waits)
		return;
	while(at != turn) {
		before = at;
		at = at->next;
	}
	if(before)
		before->next = turn->next;
	else
		p->first = turn->next;
	if(p->last == turn)
		p->last = before;
	turn->waits = false;
}

void pace_begin(struct pace *p, size_t octets, int64_t now_us)
{
	p->owed = owed(p, now_us) - (int64_t)octets;
	p->owed = p->owed > 0 ? p->owed : 0;
	p->owed_us = now_us;
	p->under_way += octets;
	p->pieces++;
	p->began_us = now_us;
}

void pace_end(struct pace *p, size_t octets, int64_t now_us)
{
	int64_t took = now_us - p->began_us, rest;

	p->under_way -= octets;
	p->pieces--;
	if(p->pieces)
		return;
	/* Later than that it is not Redis that takes the time. */
	took = took < 0 ? 0 : least(took, PACE_REST_US);
	rest = least(took * (100 * p->processes - p->share) / p->share, PACE_REST_US);
	p->rest_us = now_us + rest;
}

int64_t pace_run(struct pace *p, bool busy, int64_t now_us)
{
	int64_t missing;

	p->busy = busy;
	while(p->first && room(p, now_us)) {
		struct pace_turn *turn = p->first;

		pace_leave(p, turn);
		p->served = turn;
		turn->serve(turn);
		p->served = NULL;
	}
	if(!p->first || !careful(p) || p->under_way >= PACE_WINDOW)
		return -1;
	missing = (PACE_LARGE - owed(p, now_us)) * 1000000 / PACE_FLOOR + 1;
	return p->pieces || !resting(p, now_us) ? missing : least(missing, p->rest_us - now_us);
}
