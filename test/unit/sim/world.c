/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The clock of a world: it jumps to whatever is next, lets it happen, and lets
 * the nodes run until they wait for time to pass.
 */
#include "world.h"

/* For everything to end after the faults. */
#define CALM_DAYS 10
/* For everything that somebody meant to push to be pushed: the longest time until a retry, and some. */
#define LOOK_MS (3 * SIM_HOUR)

static bool flies(const struct world *w, int node)
{
	for(size_t i = 0; i < SIM_FLIGHTS_MAX; i++)
		if(w->flights[i].used && w->flights[i].node == node
				&& w->flights[i].life == w->fleet.nodes[node].life)
			return true;
	return false;
}

/* Something went wrong lately: the node may have in hand what the store does not tell us of. */
static bool restless(const struct world *w, const struct node *n)
{
	return n->api->clock() != w->now_ms
		   || (n->fault_ms >= 0 && w->now_ms - n->fault_ms < 70 * SIM_SECOND);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When the world moves on. What is due is looked at by a node up to a second late. */
static int64_t next_time(struct world *w)
{
	int64_t next = w->heap_count ? w->heap[0].at_ms : INT64_MAX;

	for(int i = 0; i < w->fleet.count; i++) {
		struct node *n = &w->fleet.nodes[i];
		int64_t due = n->due_ms;

		if(!node_runs(n, w->now_ms))
			continue;
		/* A node without pushes wakes every ten seconds for nothing. */
		if(n->push_ms != w->now_ms + 10000 || flies(w, i))
			next = least(next, n->push_ms);
		if(w->head_ms < INT64_MAX)
			next = least(next, w->head_ms > w->now_ms ? w->head_ms + (w->head_ms % 7) * 100
							   : due > w->now_ms      ? due
													  : w->now_ms + 20);
		else if(restless(w, n))
			next = least(next, due > w->now_ms ? due : w->now_ms + SIM_SECOND);
	}
	return next;
}

static void pump(struct world *w)
{
	int first = (int)world_random(w, (uint64_t)w->fleet.count);
	bool talked = w->touched;

	for(int i = 0; i < w->fleet.count; i++) {
		int node = (first + i) % w->fleet.count;
		struct node *n = &w->fleet.nodes[node];

		if(!node_runs(n, w->now_ms))
			continue;
		fleet_pump(&w->fleet, node, w->now_ms, w->head_ms <= w->now_ms || restless(w, n));
		talked |= n->talked;
		if(!n->alive)
			world_event(w, SIM_SECOND + (int64_t)world_random(w, (uint64_t)SIM_HOUR),
					(struct event){.kind = EVENT_MEND, .a = node});
	}
	w->touched = false;
	if(talked)
		ledger_check(w);
}

static void drop_dead_flights(struct world *w)
{
	for(size_t i = 0; i < SIM_FLIGHTS_MAX; i++) {
		struct flight *f = &w->flights[i];

		/* The node itself gives up an answer that never comes. */
		if(f->used
				&& (w->fleet.nodes[f->node].life != f->life
						|| w->now_ms - f->sent_ms > 4 * SIM_MINUTE))
			f->used = false;
	}
}

/* Nothing is left but what nobody may touch. */
static bool all_ended(const struct world *w)
{
	for(size_t i = 0; i < SIM_FLIGHTS_MAX; i++)
		if(w->flights[i].used)
			return false;
	return w->waiting == w->staying && !w->tasks && w->now_ms > w->end_ms + SIM_DAY;
}

static void see_clocks(struct world *w)
{
	for(int i = 0; i < w->fleet.count; i++) {
		if(world_clock(w, i) > w->latest_ms)
			w->latest_ms = world_clock(w, i);
		if(world_clock(w, i) != w->now_ms)
			w->skewed_ms = w->now_ms;
	}
}

static void run_until(struct world *w, int64_t end_ms)
{
	int64_t next;

	while((next = next_time(w)) < end_ms && !(w->calm && all_ended(w))) {
		w->step++;
		w->lease_count = 0;
		if(next > w->now_ms)
			w->now_ms = next;
		see_clocks(w);
		if(w->heap_count && w->heap[0].at_ms <= w->now_ms) {
			struct event e = world_take(w);

			world_happen(w, &e);
			see_clocks(w); /* one may have been put wrong */
		}
		pump(w);
		if(w->step % 256 == 0)
			drop_dead_flights(w);
	}
}

/* Everything is mended, everybody is there and friendly. */
static void make_calm(struct world *w)
{
	w->calm = true;
	world_event(w, LOOK_MS, (struct event){.kind = EVENT_LOOK});
	trouble_forget(w);
	for(int i = 0; i < w->fleet.count; i++) {
		w->fleet.nodes[i].frozen_until_ms = 0;
		w->fleet.nodes[i].doom = 0;
		if(!w->fleet.nodes[i].alive || w->fleet.nodes[i].cut || w->fleet.nodes[i].skew_ms)
			world_mend(w, i);
	}
	for(int i = 0; i < w->user_count; i++) {
		w->users[i].quiet = QUIET_NEVER;
		w->users[i].quiet_since_ms = w->now_ms;
		for(int p = 0; p < w->users[i].phone_count; p++)
			if(!w->users[i].phones[p].registered && !w->unprompted)
				world_phone_comes(w, i, p);
			else
				w->users[i].phones[p].manner = MANNER_GOOD;
	}
}

void world_run(struct world *w, struct server *server, uint64_t seed, int days, bool smooth)
{
	world_make(w, server, seed, days, smooth);
	run_until(w, w->end_ms);
	make_calm(w);
	run_until(w, w->end_ms + CALM_DAYS * SIM_DAY);
	w->closing = true;
	ledger_check(w);
	ledger_close(w);
}

void world_free(struct world *w)
{
	trouble_forget(w);
	fleet_close(&w->fleet);
	for(size_t i = 0; i < w->message_count; i++)
		free(w->messages[i]);
	free(w->messages);
	free(w->index);
	free(w->heap);
	cpm_arena_free(&w->arena);
}
