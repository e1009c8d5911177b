/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the store says, step by step, against what may be. One script reads a
 * shard as a whole, so the picture is of one instant.
 */
#include "world.h"

#include "unit.h"

/* Answers {sums, ids that have a text, due, claimed, tasks, taken, then {u, p, q, f, i, lease} of each user}. Texts are looked for
 * where an id leads to one, and now and then among all keys. */
static const char dump[] =
		"local c,p,full,r,ids=redis.call,ARGV[1],ARGV[2],{},{}\n"
		"local function see(l,kind) for i=1,#l,kind==1 and 1 or 2 do local id=l[i]\n"
		"if kind==2 then id=string.match(id,'^[xd]:([^:]*)') end if id then ids[id]=1 end end "
		"return l end\n"
		"r[1]=c('HMGET',p..'sums','accepted','delivered','stored','forwarded','interworked','"
		"deleted',"
		"'expired','vanished','reports','reports_ended')\n"
		"r[3]=see(c('ZRANGE',p..'due',0,-1,'WITHSCORES'),2)\n"
		"r[4]=see(c('ZRANGE',p..'claimed',0,-1,'WITHSCORES'),2)\n"
		"r[5]=c('ZRANGE',p..'tasks',0,-1,'WITHSCORES')\n"
		"r[6]=c('ZRANGE',p..'taken',0,-1,'WITHSCORES')\n"
		"for i=3,#ARGV do local a=ARGV[i]\n"
		"r[#r+1]={see(c('ZRANGE',p..'u:'..a,0,-1,'WITHSCORES'),3),"
		"see(c('ZRANGE',p..'p:'..a,0,-1,'WITHSCORES'),3),"
		"see(c('ZRANGE',p..'q:'..a,0,-1,'WITHSCORES'),3),c('HGETALL',p..'f:'..a),c('SMEMBERS',p..'"
		"i:'..a),"
		"c('GET',p..'l:'..a) or ''} end\n"
		"local texts={} for id in pairs(ids) do\n"
		"if c('EXISTS',p..'m:'..id)==1 then texts[#texts+1]=id end end\n"
		"if full=='1' then texts={} for _,k in ipairs(c('KEYS',p..'m:*')) do\n"
		"texts[#texts+1]=string.sub(k,#p+3) end end\n"
		"r[2]=texts return r";
#define FULL_EVERY 256

enum sum {
	SUM_ACCEPTED,
	SUM_DELIVERED,
	SUM_STORED,
	SUM_FORWARDED,
	SUM_INTERWORKED,
	SUM_DELETED,
	SUM_EXPIRED,
	SUM_VANISHED,
	SUM_REPORTS,
	SUM_REPORTS_ENDED,
	SUMS,
};

static void load(struct world *w)
{
	redisReply *r = redisCommand(w->server->control, "SCRIPT LOAD %s", dump);

	ck_assert(r && r->type == REDIS_REPLY_STRING);
	snprintf(w->dump_sha, sizeof(w->dump_sha), "%s", r->str);
	freeReplyObject(r);
}

static redisReply *ask(struct world *w, unsigned shard, int *users, int *user_count)
{
	const char *argv[5 + SIM_USERS_MAX] = {"EVALSHA", w->dump_sha, "0"};
	char prefix[32];
	int argc = 5;
	redisReply *r;

	if(!w->dump_sha[0])
		load(w);
	snprintf(prefix, sizeof(prefix), "cpm:{%u}:", shard);
	argv[3] = prefix;
	argv[4] = w->closing || w->checks % FULL_EVERY == 0 ? "1" : "0";
	*user_count = 0;
	for(int i = 0; i < w->user_count; i++)
		if(w->users[i].shard == shard) {
			argv[argc++] = w->users[i].aor;
			users[(*user_count)++] = i;
		}
	r = redisCommandArgv(w->server->control, argc, argv, NULL);
	if(!r || r->type != REDIS_REPLY_ARRAY)
		world_fail(w, NULL, "the store cannot be read: %s", r ? r->str : "gone");
	return r;
}

static struct message *found(struct world *w, const redisReply *id, unsigned place)
{
	struct message *m = world_find(w, id->str, id->len);

	if(!m)
		world_fail(w, NULL, "the store has %s, which nobody sent", id->str);
	if(m->ended)
		world_fail(w, m, "it has ended, and is in the store again (%u)", place);
	return m;
}

/* Ids with their arrival, which rises from message to message of a user, whichever node stored it. */
static void mark_arrived(struct world *w, struct user *u, const redisReply *ids, unsigned place)
{
	for(size_t i = 0; i < ids->elements; i += 2) {
		struct message *m = found(w, ids->element[i], place);
		int64_t arrival = strtoll(ids->element[i + 1]->str, NULL, 10);

		if(m->place & place)
			world_fail(w, m, "it is twice in one place (%u)", place);
		m->place |= place;
		if(!m->arrival && arrival <= u->arrival_before)
			world_fail(w, m, "it arrived as %lld, behind %lld", (long long)arrival,
					(long long)u->arrival_before);
		m->arrival = arrival;
		if(arrival > u->arrival)
			u->arrival = arrival;
	}
}

/* The texts of messages: which try of its sender is stored? */
static void mark_texts(struct world *w, const redisReply *ids)
{
	for(size_t i = 0; i < ids->elements; i++) {
		const char *id = ids->element[i]->str;
		struct message *m = world_find(w, id, strlen(id));

		if(!m)
			world_fail(w, NULL, "the store has %s, which nobody sent", id);
		if(m->ended)
			world_fail(w, m, "it has ended, and its text is in the store again");
		if(m->place & PLACE_TEXT)
			world_fail(w, m, "two tries of one message are stored");
		m->place |= PLACE_TEXT;
		for(int t = 0; t < m->tries; t++)
			if(!strcmp(m->ids[t], id)) {
				if(m->stored >= 0 && m->stored != t)
					world_fail(w, m, "another try of it is stored than before");
				m->stored = t;
			}
	}
}

/* x:<id>:<aor> and d:<id>:<aor> */
static void mark_entries(struct world *w, const redisReply *entries, unsigned place)
{
	for(size_t i = 0; i < entries->elements; i += 2) {
		const char *id = entries->element[i]->str + 2;
		struct message *m = world_find(w, id, strcspn(id, ":"));

		if(!m || m->ended)
			world_fail(w, m, "%s is due, but its message is gone", entries->element[i]->str);
		if(m->place & place)
			world_fail(w, m, "two ends are due");
		m->place |= place;
	}
}

static void mark_retries(struct world *w, const redisReply *f)
{
	for(size_t i = 0; i < f->elements; i += 2) {
		struct message *m = found(w, f->element[i], PLACE_RETRY);

		m->place |= PLACE_RETRY;
		if(strstr(f->element[i + 1]->str, " store"))
			m->place |= PLACE_KEPT;
	}
}

static void mark_flying(struct world *w, const redisReply *ids)
{
	for(size_t i = 0; i < ids->elements; i++) {
		struct message *m = world_find(w, ids->element[i]->str, ids->element[i]->len);

		/* What has ended while it was handed out stays in the set for a while. */
		if(m && !m->ended)
			m->place |= PLACE_FLYING;
	}
}

static void note_head(struct world *w, const redisReply *entries)
{
	int64_t at;

	if(!entries->elements)
		return;
	at = strtoll(entries->element[1]->str, NULL, 10);
	/* What is kept for the message store never falls due. */
	if(at < w->head_ms && at < INT64_C(1) << 52) {
		w->head_ms = at;
		snprintf(w->head, sizeof(w->head), "%s", entries->element[0]->str);
	}
}

/* Whose lease it is, and when it ends by the clock of this world. */
static void note_lease(struct world *w, int user, const char *token)
{
	struct user *u = &w->users[user];

	if(strcmp(u->token, token)) {
		snprintf(u->token, sizeof(u->token), "%s", token);
		u->lease_end_ms = 0;
	}
	if(!*token)
		return;
	for(size_t i = 0; i < w->lease_count; i++) {
		const struct lease_call *c = &w->leases[i];

		if(c->user != user || strcmp(c->token, token))
			continue;
		u->lease_end_ms = w->now_ms + c->lease_ms;
		world_event(w, c->lease_ms, (struct event){.kind = EVENT_LEASE, .a = user});
	}
	if(!u->lease_end_ms && w->rolled_back) {
		u->lease_end_ms = w->now_ms + SIM_MINUTE;
		world_event(w, SIM_MINUTE, (struct event){.kind = EVENT_LEASE, .a = user});
	}
	if(!u->lease_end_ms)
		world_fail(w, NULL, "%s: somebody unknown has the lease", u->aor);
}

static void read_shard(struct world *w, unsigned shard)
{
	int users[SIM_USERS_MAX], count;
	redisReply *r = ask(w, shard, users, &count);

	for(int i = 0; i < SUMS; i++) {
		const redisReply *sum = r->element[0]->element[i];

		w->sums[i] += sum->type == REDIS_REPLY_STRING ? strtoll(sum->str, NULL, 10) : 0;
	}
	mark_texts(w, r->element[1]);
	mark_entries(w, r->element[2], PLACE_DUE);
	mark_entries(w, r->element[3], PLACE_CLAIMED);
	for(int i = 2; i < 6; i++)
		note_head(w, r->element[i]);
	for(size_t i = 0; w->closing && i < r->element[4]->elements; i += 2)
		world_say(w, "task left: %s at %s", r->element[4]->element[i]->str,
				r->element[4]->element[i + 1]->str);
	w->tasks += (r->element[4]->elements + r->element[5]->elements) / 2;
	for(int i = 0; i < count; i++) {
		redisReply **of = r->element[6 + i]->element;

		w->users[users[i]].arrival_before = w->users[users[i]].arrival;
		mark_arrived(w, &w->users[users[i]], of[0], PLACE_WAITING);
		mark_arrived(w, &w->users[users[i]], of[1], PLACE_PARKED);
		mark_arrived(w, &w->users[users[i]], of[2], PLACE_QUARANTINED);
		mark_retries(w, of[3]);
		mark_flying(w, of[4]);
		note_lease(w, users[i], of[5]->str);
	}
	freeReplyObject(r);
}

/* What each message that went may have gone as, against the sums. */
struct ends {
	int64_t least[SUMS], most[SUMS], count;
};

static void note_end(struct world *w, struct ends *e, struct message *m)
{
	const struct {
		enum sum sum;
		bool possible;
	} ways[] = {{SUM_DELIVERED, m->took}, {SUM_INTERWORKED, m->isf_took},
			{SUM_DELETED, m->delete_wanted},
			{SUM_EXPIRED, m->expires_ms <= w->latest_ms || m->expire_wanted}};
	int possible = 0;

	for(size_t i = 0; i < UNIT_COUNT(ways); i++)
		possible += ways[i].possible;
	if(!possible)
		world_fail(w, m, "it is lost");
	for(size_t i = 0; i < SIM_FLIGHTS_MAX; i++)
		if(w->flights[i].used && w->flights[i].message == m && flight_sound(w, &w->flights[i]))
			world_fail(w, m, "it ended while it was under way");
	for(size_t i = 0; i < UNIT_COUNT(ways); i++) {
		e->most[ways[i].sum] += ways[i].possible;
		e->least[ways[i].sum] += ways[i].possible && possible == 1;
	}
	e->count++;
	m->ended = true;
	w->digest = w->digest * 31 + (uint64_t)(m->serial ^ w->now_ms);
}

static void check_places(struct world *w, struct message *m)
{
	unsigned homes = m->place & (PLACE_WAITING | PLACE_PARKED | PLACE_QUARANTINED | PLACE_CLAIMED);

	/* An end that was put off is due again, and its message has left the places from which it could be pushed. */
	if(!homes && m->place & PLACE_DUE)
		return;
	if(!homes || (homes & (homes - 1)))
		world_fail(w, m, "it is in no place, or in two (%u)", m->place);
	m->kept |= m->place & PLACE_KEPT;
	if(homes & (PLACE_WAITING | PLACE_PARKED) && !(m->place & PLACE_DUE) && !m->kept)
		world_fail(w, m, "it waits, and its expiry is not set (%u)", m->place);
	if(homes & (PLACE_QUARANTINED | PLACE_CLAIMED) && m->place & PLACE_DUE)
		world_fail(w, m, "it does not wait, and its expiry is set (%u)", m->place);
	if(homes == PLACE_QUARANTINED && !m->damaged)
		world_fail(w, m, "it was quarantined, and is not damaged");
	if(m->place & PLACE_RETRY || homes != PLACE_WAITING)
		m->jumps = true;
}

static bool stays(const struct message *m)
{
	return m->place & PLACE_QUARANTINED || m->kept;
}

/* A message that is in the store, or was a step ago, or should be. */
static void check_message(struct world *w, struct ends *e, struct message *m)
{
	if(m->place & PLACE_TEXT) {
		if(m->reported)
			world_fail(w, m, "its sender heard of its end, and it is still there");
		if(!m->stored_step)
			m->stored_step = (int64_t)w->step;
		if(!m->seen_ms)
			m->seen_ms = w->now_ms;
		check_places(w, m);
		w->waiting++;
		w->staying += stays(m);
	} else if(m->place & ~(unsigned)PLACE_FLYING) {
		world_fail(w, m, "its text is gone, and its id is not (%u)", m->place);
	} else if(m->before & PLACE_TEXT || m->accepted) {
		note_end(w, e, m);
	}
}

static void check_sums(struct world *w, const struct ends *e)
{
	int64_t ended = 0;

	for(int i = SUM_DELIVERED; i <= SUM_VANISHED; i++) {
		int64_t more = w->sums[i] - w->sums_before[i];

		ended += more;
		if(more < e->least[i] || more > e->most[i])
			world_fail(w, NULL, "sum %d grew by %lld, not by %lld to %lld", i, (long long)more,
					(long long)e->least[i], (long long)e->most[i]);
	}
	if(ended != e->count)
		world_fail(w, NULL, "%lld ends for %lld messages", (long long)ended, (long long)e->count);
	for(int i = SUM_DELIVERED; i <= SUM_VANISHED; i++)
		ended += w->sums_before[i];
	if(w->sums[SUM_ACCEPTED] != ended + (int64_t)w->waiting)
		world_fail(w, NULL, "%lld accepted, %lld ended, %zu wait", (long long)w->sums[SUM_ACCEPTED],
				(long long)ended, w->waiting);
}

/* While all is well, what is due is claimed in time. */
static void check_lateness(struct world *w)
{
	for(int i = 0; i < w->fleet.count; i++) {
		const struct node *n = &w->fleet.nodes[i];

		if(w->now_ms - n->fault_ms < 2 * SIM_MINUTE || !node_runs(n, w->now_ms) || n->cut
				|| w->now_ms - w->skewed_ms < 2 * SIM_MINUTE)
			return;
	}
	if(w->head_ms < w->now_ms - 2 * SIM_SECOND)
		world_fail(w, NULL, "what was due %lld ms ago is not claimed: %s",
				(long long)(w->now_ms - w->head_ms), w->head);
}

/* Whoever has a push under way, and nothing went wrong with it since, has the lease. */
static void check_leases(struct world *w)
{
	for(size_t i = 0; i < SIM_FLIGHTS_MAX; i++) {
		const struct flight *f = &w->flights[i];

		if(f->used && flight_sound(w, f)
				&& strcmp(w->tokens[f->user][f->node], w->users[f->user].token))
			world_fail(w, f->message, "node %d pushes, and does not have the lease", f->node);
	}
}

static bool in_question(const struct message *m)
{
	return !m->ended && !m->refused && !m->forgotten;
}

/* The store has forgotten what happened lately: what had ended may be there again, what had been accepted may be gone. Neither is a
 * fault of the nodes; that the store agrees with itself is checked all the same. */
static void forget(struct world *w, bool *ended)
{
	for(size_t i = 0; i < w->message_count; i++) {
		ended[i] = w->messages[i]->ended;
		w->messages[i]->ended = false;
		w->messages[i]->arrival = 0;
	}
	for(int i = 0; i < w->user_count; i++)
		w->users[i].arrival = 0;
}

static void remember(struct world *w, const bool *ended)
{
	for(size_t i = 0; i < w->message_count; i++) {
		struct message *m = w->messages[i];

		if(m->place & PLACE_TEXT) {
			m->jumps = true;
			m->reported = false;
			continue;
		}
		m->before = 0;
		m->ended = ended[i];
		m->forgotten |= m->accepted && !m->ended;
		if(!m->ended) {
			m->stored = -1;
			m->stored_step = 0;
		}
	}
	memcpy(w->sums_before, w->sums, sizeof(w->sums));
}

/* Somebody has meant to push it, and its user has a client that takes everything. */
static bool owes_push(const struct world *w, const struct message *m, int64_t since_ms)
{
	const struct user *u = &w->users[m->user];
	bool there = false;

	if(!(m->place & PLACE_WAITING) || m->damaged || m->expires_ms <= w->latest_ms
			|| u->quiet != QUIET_NEVER || u->quiet_since_ms > since_ms)
		return false;
	for(int i = 0; i < u->phone_count; i++) {
		const struct phone *p = &u->phones[i];

		if(p->since_ms > since_ms || (p->registered && p->manner != MANNER_GOOD))
			return false;
		there |= p->registered;
	}
	return there;
}

void ledger_look(struct world *w)
{
	for(size_t i = 0; i < w->message_count; i++) {
		const struct message *m = w->messages[i];

		if(in_question(m) && owes_push(w, m, w->now_ms - SIM_HOUR)
				&& (!w->unprompted || m->place & PLACE_RETRY))
			world_fail(w, m, "its client is there, and it waits (%u)", m->place);
	}
}

/* While nothing goes wrong, what was never tried does not wait for a client that is there. */
static void check_passed_over(struct world *w)
{
	for(size_t i = 0; w->smooth && !w->calm && i < w->message_count; i++) {
		const struct message *m = w->messages[i];

		if(in_question(m) && !(m->place & (PLACE_RETRY | PLACE_FLYING)) && !m->jumps
				&& m->seen_ms < w->now_ms - SIM_MINUTE
				&& owes_push(w, m, w->now_ms - 15 * SIM_MINUTE))
			world_fail(w, m, "it was passed over (%u)", m->place);
	}
}

void ledger_check(struct world *w)
{
	struct ends e = {.count = 0};
	bool *ended = w->rolled_back ? calloc(w->message_count + 1, sizeof(*ended)) : NULL;

	if(ended)
		forget(w, ended);
	memcpy(w->sums_before, w->sums, sizeof(w->sums));
	memset(w->sums, 0, sizeof(w->sums));
	w->head_ms = INT64_MAX;
	w->waiting = w->staying = w->tasks = 0;
	for(size_t i = 0; i < w->message_count; i++) {
		w->messages[i]->before = w->messages[i]->place;
		w->messages[i]->place = 0;
	}
	for(unsigned shard = 0; shard < w->shards; shard++)
		read_shard(w, shard);
	if(ended)
		remember(w, ended);
	free(ended);
	w->rolled_back = false;
	for(size_t i = 0; i < w->message_count; i++)
		if(in_question(w->messages[i]))
			check_message(w, &e, w->messages[i]);
	check_sums(w, &e);
	check_leases(w);
	check_lateness(w);
	check_passed_over(w);
	w->lease_count = 0;
	w->checks++;
}

/* It can only have expired or been deleted, and its sender wanted to know. */
static bool owes_report(const struct message *m)
{
	return m->ended && m->wants & CPM_WANT_NEGATIVE && !m->took && !m->isf_took && !m->damaged
		   && !m->failures_reported;
}

void ledger_close(struct world *w)
{
	for(size_t i = 0; i < w->message_count; i++) {
		const struct message *m = w->messages[i];

		if(in_question(m) && (m->accepted || m->place & PLACE_TEXT) && !stays(m))
			world_fail(w, m, "it never ended (%u)", m->place);
		if(owes_report(m))
			world_fail(w, m, "its sender never heard of its end");
	}
	if(w->tasks || w->sums[SUM_REPORTS] != w->sums[SUM_REPORTS_ENDED])
		world_fail(w, NULL, "%zu tasks are left, %lld reports made, %lld ended", w->tasks,
				(long long)w->sums[SUM_REPORTS], (long long)w->sums[SUM_REPORTS_ENDED]);
}
