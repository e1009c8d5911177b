/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What goes wrong in a world: nodes die between a command and its answer,
 * freeze, lose their way to the store, have wrong clocks; the store forgets its
 * scripts, a lease, or the last second.
 */
#include "unit.h"
#include "world.h"

/* How wrong a clock may be. */
#define SKEW_MAX_MS (10 * SIM_MINUTE)
/* What a store that writes to its disk once a second may forget. */
#define FORGOTTEN_MS 2000

struct saved {
	char *key, *bytes;
	size_t key_n, n;
	long long ttl_ms;
};

struct snapshot {
	size_t count;
	struct saved keys[];
};

static redisReply *ask(struct world *w, const char *format, const char *key, size_t n)
{
	redisReply *r = redisCommand(w->server->control, format, key, n);

	if(!r || r->type == REDIS_REPLY_ERROR)
		world_fail(w, NULL, "the store refuses %s: %s", format, r ? r->str : "gone");
	return r;
}

static char *copy(const char *bytes, size_t n)
{
	char *to = malloc(n + 1);

	memcpy(to, bytes, n);
	return to;
}

static struct snapshot *snapshot_take(struct world *w)
{
	redisReply *keys = ask(w, "KEYS *", NULL, 0);
	struct snapshot *s = calloc(1, sizeof(*s) + keys->elements * sizeof(s->keys[0]));

	for(size_t i = 0; i < keys->elements; i++) {
		const redisReply *key = keys->element[i];
		redisReply *bytes = ask(w, "DUMP %b", key->str, key->len);
		redisReply *ttl = ask(w, "PTTL %b", key->str, key->len);

		if(bytes->type == REDIS_REPLY_STRING)
			s->keys[s->count++] =
					(struct saved){copy(key->str, key->len), copy(bytes->str, bytes->len), key->len,
							bytes->len, ttl->integer > 0 ? ttl->integer : 0};
		freeReplyObject(bytes);
		freeReplyObject(ttl);
	}
	freeReplyObject(keys);
	return s;
}

void trouble_forget(struct world *w)
{
	struct snapshot *s = w->snapshot;

	for(size_t i = 0; s && i < s->count; i++) {
		free(s->keys[i].key);
		free(s->keys[i].bytes);
	}
	free(s);
	w->snapshot = NULL;
}

void trouble_rolls_back(struct world *w)
{
	const struct snapshot *s = w->snapshot;

	if(!s)
		return;
	world_say(w, "the store forgets what happened lately");
	server_tell(w->server, "FLUSHALL");
	for(size_t i = 0; i < s->count; i++) {
		const struct saved *k = &s->keys[i];
		redisReply *r = redisCommand(w->server->control, "RESTORE %b %lld %b", k->key, k->key_n,
				k->ttl_ms, k->bytes, k->n);

		ck_assert(r && r->type == REDIS_REPLY_STATUS);
		freeReplyObject(r);
	}
	trouble_forget(w);
	fleet_shake(&w->fleet, w->now_ms);
	w->rolled_back = w->touched = true;
}

static void unsound(struct world *w)
{
	for(int i = 0; i < w->fleet.count; i++)
		w->fleet.nodes[i].fault_ms = w->now_ms;
}

/* Of the store, and of all nodes. */
static void general_fault(struct world *w)
{
	const struct user *u = &w->users[world_random(w, (uint64_t)w->user_count)];

	w->faults++;
	switch(world_random(w, 3)) {
		case 0:
			if(w->snapshot)
				return;
			world_say(w, "the store will forget what happens from now on");
			w->snapshot = snapshot_take(w);
			world_event(w, (int64_t)world_random(w, FORGOTTEN_MS),
					(struct event){.kind = EVENT_ROLLBACK});
			break;
		case 1:
			world_say(w, "the store forgets its scripts");
			server_tell(w->server, "SCRIPT FLUSH");
			w->dump_sha[0] = '\0';
			break;
		default:
			world_say(w, "the lease of %s is gone", u->aor);
			server_tell(w->server, "DEL cpm:{%u}:l:%s cpm:{%u}:i:%s", u->shard, u->aor, u->shard,
					u->aor);
			unsound(w);
			w->touched = true;
			break;
	}
}

/* True when it passes by itself. */
static bool node_fault(struct world *w, int node, int64_t span)
{
	struct node *n = &w->fleet.nodes[node];
	bool may_die = w->fleet.life_count < FLEET_LIVES_MAX - 2 * FLEET_MAX;

	switch(world_random(w, 13)) {
		case 0:
			if(!may_die)
				return true;
			world_say(w, "node %d dies", node);
			fleet_kill(&w->fleet, node, w->now_ms);
			return false;
		case 1:
		case 2:
			if(!may_die)
				return true;
			n->doom = 1 + (int)world_random(w, 12);
			world_say(w, "node %d dies after %d turns", node, n->doom);
			return true;
		case 3:
		case 4:
			world_say(w, "node %d freezes for %lld ms", node, (long long)span);
			n->frozen_until_ms = w->now_ms + span;
			return false;
		case 5:
		case 6:
		case 7:
			world_say(w, "node %d is cut off for %lld ms", node, (long long)span);
			fleet_cut(&w->fleet, node, w->now_ms);
			return false;
		case 8:
		case 9:
			n->skew_ms = (int64_t)world_random(w, 2 * SKEW_MAX_MS) - SKEW_MAX_MS;
			world_say(w, "the clock of node %d steps by %lld ms", node, (long long)n->skew_ms);
			return false;
		default:
			world_say(w, "node %d loses answers", node);
			n->lose_answers = true;
			return true;
	}
}

void trouble_begins(struct world *w)
{
	int node = (int)world_random(w, (uint64_t)w->fleet.count);
	struct node *n = &w->fleet.nodes[node];
	int64_t span = SIM_SECOND
				   + (int64_t)world_random(
						   w, (uint64_t)(world_chance(w, 800) ? SIM_MINUTE : 3 * SIM_HOUR));

	if(w->calm)
		return;
	world_event(w, (int64_t)world_random(w, (uint64_t)(4 * SIM_HOUR)),
			(struct event){.kind = EVENT_FAULT});
	if(world_chance(w, 200)) {
		general_fault(w);
		return;
	}
	if(!node_runs(n, w->now_ms) || n->cut || n->doom)
		return;
	w->faults++;
	n->fault_ms = w->now_ms;
	if(!node_fault(w, node, span))
		world_event(w, span, (struct event){.kind = EVENT_MEND, .a = node});
}

void world_mend(struct world *w, int node)
{
	struct node *n = &w->fleet.nodes[node];

	world_say(w, "node %d is back", node);
	n->fault_ms = w->now_ms;
	n->skew_ms = 0;
	if(!n->alive)
		fleet_start(&w->fleet, node, w->now_ms);
	fleet_heal(&w->fleet, node, w->now_ms);
}

/* Redis runs by a clock of its own: what has run out by ours is deleted. */
void trouble_lease_ends(struct world *w, int user)
{
	struct user *u = &w->users[user];

	if(!u->token[0] || u->lease_end_ms > w->now_ms)
		return;
	world_say(w, "the lease of %s runs out", u->aor);
	server_tell(w->server, "DEL cpm:{%u}:l:%s cpm:{%u}:i:%s", u->shard, u->aor, u->shard, u->aor);
	w->touched = true;
}
