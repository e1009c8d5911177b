/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The store's loop: which connection a command takes, what becomes of refusals
 * and time-outs, and whether new commands may be accepted (the breaker).
 *
 * A single server, one behind Sentinel and a Cluster are the same here: a
 * handful of links, and for each shard the link that last took its commands.
 * Known limits: host names are resolved by the system's resolver, which blocks,
 * so write addresses; no TLS, which hiredis 0.14 does not have; Sentinels that
 * ask for a password are not supported.
 */
#include "traffic.h"

#include <stdio.h>
#include <stdlib.h>

#define REDIRECTS_MAX 16
/* Before a command goes again that the server could not take just now (LOADING, TRYAGAIN, ...). */
#define PARK_MS 25
#define SLEEP_MAX_MS 60000
#define REFUSAL_LOG_MS 10000

void traffic_note(struct store *s, enum store_log_level level, const char *what, const char *more)
{
	char text[512];

	if(!s->config->log)
		return;
	snprintf(text, sizeof(text), "redis: %s%s%s", what, *more ? ": " : "", more);
	s->config->log(s->config->context, level, text);
}

/* Availability */

bool traffic_any_ready(const struct store *s)
{
	for(size_t i = 0; i < s->link_count; i++) {
		if(s->links[i].state == LINK_READY)
			return true;
	}
	return false;
}

static void tell(struct store *s, bool available, const char *reason)
{
	if(s->told && s->available == available && !strcmp(s->reason, reason))
		return;
	s->told = true;
	s->available = available;
	s->reason = reason;
	if(s->config->state)
		s->config->state(s->config->context, available, reason);
}

static void judge(struct store *s)
{
	if(!traffic_any_ready(s))
		tell(s, false, s->failure);
	else if(s->full)
		tell(s, false, s->full);
	else if(s->shards_checked)
		tell(s, true, "connected");
}

static void become_full(struct store *s, const char *reason, unsigned shard)
{
	if(!s->full) {
		s->probe_at_ms = s->now_ms + s->config->reconnect_min_ms;
		s->probe_shard = shard;
	}
	s->full = reason;
	judge(s);
}

/* Routing */

/* Where redirects have not said otherwise, shards are spread over the first links: Redis reads some 16 KB of a connection in a turn
 * of its loop, and one fsync serves a turn. */
static struct link *link_for(struct store *s, unsigned shard)
{
	size_t known = s->link_of_shard[shard];
	struct link *usual = &s->links[shard % s->first_links];

	if(known && (s->links[known - 1].state == LINK_READY || s->links[known - 1].quick))
		return &s->links[known - 1];
	if(usual->state == LINK_READY)
		return usual;
	for(size_t i = 0; i < s->link_count; i++) {
		if(s->links[i].state == LINK_READY)
			return &s->links[i];
	}
	return known ? &s->links[known - 1] : usual;
}

static bool link_answer(void *owner, struct link *l, struct command *c, redisReply *reply);
static void link_ready(void *owner, struct link *l);
static void link_failed(void *owner, struct link *l, const char *reason, const char *detail);
const struct link_hooks traffic_hooks = {link_answer, link_ready, link_failed};

/* The link to a Cluster node, made when it is new; NULL when there are too many. */
static struct link *link_to(struct store *s, const struct address *a)
{
	struct link *l;

	for(size_t i = 0; i < s->link_count; i++) {
		if(address_eq(&s->links[i].address, a))
			return &s->links[i];
	}
	if(s->link_count == TRAFFIC_LINKS_MAX)
		return NULL;
	l = &s->links[s->link_count++];
	link_init(l, s->config, &traffic_hooks, s);
	l->address = *a;
	return l;
}

static void dispatch(struct store *s)
{
	struct command *c;

	while((c = command_pop(&s->fresh))) {
		if(c->deadline_ms == 0)
			c->deadline_ms = s->now_ms + s->config->timeout_ms;
		link_push(link_for(s, c->shard), c);
	}
}

static void unpark(struct store *s)
{
	struct command_queue waiting = s->parked;
	struct command *c;

	s->parked = (struct command_queue){.head = NULL};
	while((c = command_pop(&waiting))) {
		if(c->deadline_ms <= s->now_ms)
			answer_down(s, c);
		else
			command_push(c->retry_at_ms <= s->now_ms ? &s->fresh : &s->parked, c);
	}
}

/* Refusals */

static void push_internal(struct store *s, struct link *l, struct command *c)
{
	if(c) {
		c->deadline_ms = s->now_ms + s->config->timeout_ms;
		link_push(l, c);
	}
}

static void redirect(struct store *s, struct link *l, struct command *c, const char *error)
{
	struct address to;
	struct link *target = address_of_redirect(error, &l->address, &to) ? link_to(s, &to) : NULL;
	bool ask = error[0] == 'A';

	/* a slot on its way answers ASK and TRYAGAIN in turn until it has arrived: its deadline ends that */
	if(!target || (!ask && c->redirects++ == REDIRECTS_MAX)) {
		answer_down(s, c);
		return;
	}
	if(ask)
		push_internal(s, target, command_of(COMMAND_ASKING, 1, (const char *[]){"ASKING"}));
	else
		s->link_of_shard[c->shard] = (unsigned char)(target - s->links + 1);
	link_push(target, c);
}

static void reload(struct store *s, struct link *l, struct command *c)
{
	for(int i = 0; i < SCRIPT_LOADED && !l->reloading; i++) {
		struct command *load = command_of(
				COMMAND_LOAD, 3, (const char *[]){"SCRIPT", "LOAD", script_text((enum script)i)});
		if(load)
			load->step = i;
		push_internal(s, l, load);
	}
	l->reloading = true;
	if(c->redirects++ == REDIRECTS_MAX)
		answer_down(s, c);
	else
		link_push(l, c);
}

static bool starts(const char *text, const char *word)
{
	return !strncmp(text, word, strlen(word));
}

/* One line now and then: what is refused once is mostly refused a thousand times. */
static void log_refusal(struct store *s, const char *error)
{
	char text[160];
	const char *cut = strstr(error, " args beginning");

	if(s->refusal_logged_ms && s->now_ms - s->refusal_logged_ms < REFUSAL_LOG_MS)
		return;
	s->refusal_logged_ms = s->now_ms;
	snprintf(text, sizeof(text), "%.*s", cut ? (int)(cut - error) : 150, error);
	traffic_note(s, STORE_LOG_ERROR, "a command was refused", text);
}

static void refused(struct store *s, struct link *l, struct command *c, const char *error)
{
	const char *full = handshake_write_refusal(error);

	if(starts(error, "MOVED ") || starts(error, "ASK ")) {
		redirect(s, l, c, error);
	} else if(starts(error, "NOSCRIPT")) {
		reload(s, l, c);
	} else if(starts(error, "TRYAGAIN") || starts(error, "LOADING") || starts(error, "CLUSTERDOWN")
			  || starts(error, "MASTERDOWN") || starts(error, "BUSY ")) {
		c->retry_at_ms = s->now_ms + PARK_MS;
		command_push(&s->parked, c);
	} else if(starts(error, "READONLY")) {
		answer_down(s, c);
		link_fail(l, "readonly", error);
	} else if(full) {
		become_full(s, full, c->shard);
		answer_down(s, c);
	} else {
		log_refusal(s, error);
		answer_down(s, c);
	}
}

/* Answers */

static void probe_answer(struct store *s, struct link *l)
{
	s->probing = false;
	s->full = NULL;
	if(s->shards_checked) {
		judge(s);
		return;
	}
	/* the handshake could not write the number of shards: it has to be done again */
	link_fail(l, "down", "not full any more, connecting again");
}

static bool link_answer(void *owner, struct link *l, struct command *c, redisReply *reply)
{
	struct store *s = owner;

	if(reply->type == REDIS_REPLY_ERROR && c->kind != COMMAND_WAIT && c->kind != COMMAND_LOAD
			&& c->kind != COMMAND_ASKING) {
		refused(s, l, c, reply->str);
		return false;
	}
	switch(c->kind) {
		case COMMAND_PROBE:
			probe_answer(s, l);
			break;
		case COMMAND_WAIT:
			answer_wait(s, l, reply);
			break;
		case COMMAND_LOAD:
			if(c->step == SCRIPT_LOADED - 1)
				l->reloading = false;
			break;
		case COMMAND_ASKING:
		case COMMAND_SETUP:
			break;
		default:
			return answer_take(s, l, c, reply);
	}
	command_free(c);
	return false;
}

/* Links */

static void link_ready(void *owner, struct link *l)
{
	struct store *s = owner;
	const char *sentence = durability_sentence(&l->handshake.durability, s->config->wait_replicas);
	char where[ADDRESS_HOST_MAX + 16];

	memcpy(s->sha, l->handshake.sha, sizeof(s->sha));
	snprintf(where, sizeof(where), l->address.port ? "%s:%d" : "%s", l->address.host,
			l->address.port);
	traffic_note(s, STORE_LOG_NOTICE, "connected to", where);
	if(sentence != s->sentence && *sentence)
		traffic_note(s, STORE_LOG_WARNING, "a 2xx is not fully safe", sentence);
	s->sentence = sentence;
	if(l->handshake.shards_ok)
		s->shards_checked = true;
	if(l->handshake.moved)
		link_to(s,
				&l->handshake.owner); /* opened in the next turn: it knows the number of shards */
	if(l->handshake.full)
		become_full(s, "full", 0);
	judge(s);
}

static void link_failed(void *owner, struct link *l, const char *reason, const char *detail)
{
	struct store *s = owner;
	unsigned char mine = (unsigned char)(l - s->links + 1);

	traffic_note(s, STORE_LOG_DEBUG, reason, detail);
	for(unsigned i = 0; i < s->config->shards; i++) {
		if(s->link_of_shard[i] == mine)
			s->link_of_shard[i] = 0;
	}
	if(traffic_any_ready(s)) {
		/* another node may have taken over */
		struct command *c;
		while((c = command_pop(&l->work))) {
			if(c->redirects++ == REDIRECTS_MAX)
				answer_down(s, c);
			else
				command_push(&s->fresh, c);
		}
		return;
	}
	if(!s->told || s->available || strcmp(reason, s->failure))
		traffic_note(s, STORE_LOG_WARNING, reason, detail);
	s->failure = reason;
	judge(s);
}

/* One WAIT confirms all puts and orders that were queued since the last one. */
static void confirm_writes(struct store *s)
{
	char replicas[16], wait_ms[32];

	if(s->config->wait_replicas == 0)
		return;
	snprintf(replicas, sizeof(replicas), "%u", s->config->wait_replicas);
	/* its answer has to come before the puts' own deadline; 0 would wait for ever */
	snprintf(wait_ms, sizeof(wait_ms), "%lld", (long long)(s->config->timeout_ms / 2 + 1));
	for(size_t i = 0; i < s->link_count; i++) {
		struct link *l = &s->links[i];

		if(l->state != LINK_READY || !l->writes_to_confirm)
			continue;
		push_internal(
				s, l, command_of(COMMAND_WAIT, 3, (const char *[]){"WAIT", replicas, wait_ms}));
		l->writes_to_confirm = false;
	}
}

static void probe(struct store *s)
{
	char key[128];
	struct command *c;

	if(!s->full || s->probing || s->now_ms < s->probe_at_ms || !traffic_any_ready(s))
		return;
	snprintf(key, sizeof(key), "%s:{%u}:probe", s->config->prefix, s->probe_shard);
	c = command_of(COMMAND_PROBE, 5, (const char *[]){"SET", key, "1", "PX", "1000"});
	if(!c)
		return;
	c->shard = s->probe_shard;
	s->probing = true;
	command_push(&s->fresh, c);
}

static void write_all(struct store *s)
{
	dispatch(s);
	confirm_writes(s);
	for(size_t i = 0; i < s->link_count; i++)
		link_write(&s->links[i], s->now_ms);
}

static int64_t wake_at(const struct store *s)
{
	int64_t at = s->now_ms + SLEEP_MAX_MS;

	if(s->fresh.head)
		return s->now_ms;
	for(size_t i = 0; i < s->link_count; i++) {
		int64_t link_at = link_wake_at(&s->links[i]);
		if(link_at < at)
			at = link_at;
	}
	if(s->parked.head && s->now_ms + PARK_MS < at)
		at = s->now_ms + PARK_MS;
	if(s->full && !s->probing && s->probe_at_ms < at)
		at = s->probe_at_ms;
	return at;
}

int64_t store_run(struct store *s, int64_t now_ms)
{
	s->now_ms = now_ms;
	unpark(s);
	probe(s);
	write_all(s);
	for(size_t i = 0; i < s->link_count; i++)
		link_read(&s->links[i], now_ms);
	for(size_t i = 0; i < s->link_count; i++) {
		struct command_queue late = {.head = NULL};

		link_expire(&s->links[i], now_ms, &late);
		answer_all_down(s, &late);
	}
	write_all(s);
	return wake_at(s);
}
