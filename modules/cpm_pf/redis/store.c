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
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

#include "claim.h"
#include "link.h"
#include "listing.h"
#include "piece.h"
#include "transition.h"

#define LINKS_MAX 16
#define REDIRECTS_MAX 16
/* Before a command goes again that the server could not take just now (LOADING, TRYAGAIN, ...). */
#define PARK_MS 25
#define SLEEP_MAX_MS 60000
#define REFUSAL_LOG_MS 10000

struct store
{
	const struct store_config *config;
	struct address_set addresses;
	struct link links[LINKS_MAX];
	size_t link_count;
	unsigned char *link_of_shard; /* index + 1; 0: not known */
	char sha[SCRIPT_LOADED][SCRIPT_SHA_SIZE];
	struct command_queue fresh;	 /* to be given to a link */
	struct command_queue parked; /* to be tried again a little later */
	size_t pending;				 /* commands that somebody waits for */
	int64_t now_ms;
	bool told;
	bool available;
	const char *reason;
	const char *failure; /* why there is no ready link */
	bool shards_checked;
	const char *full; /* NULL, or why writes are refused */
	bool probing;
	unsigned probe_shard;
	int64_t probe_at_ms;
	int64_t refusal_logged_ms;
	const char *sentence; /* about durability, as last logged */
};

static void note(struct store *s, enum store_log_level level, const char *what, const char *more)
{
	char text[512];

	if(!s->config->log)
		return;
	snprintf(text, sizeof(text), "redis: %s%s%s", what, *more ? ": " : "", more);
	s->config->log(s->config->context, level, text);
}

const char *store_rc_name(enum store_rc rc)
{
	static const char *const names[] = {"ok", "duplicate", "quota", "busy", "lost", "down"};

	return (unsigned)rc < sizeof(names) / sizeof(names[0]) ? names[rc] : "unknown";
}

const char *store_outcome_name(enum store_outcome outcome)
{
	static const char *const names[] = {
			"delivered", "stored", "forwarded", "interworked", "deleted", "expired"};

	return (unsigned)outcome < STORE_OUTCOMES ? names[outcome] : "unknown";
}

/* Availability */

static bool any_ready(const struct store *s)
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
	if(!any_ready(s))
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

/* Ends */

/* Tells whoever waits for c that it was not answered. */
static void tell_down(struct command *c)
{
	struct store_next_result result = {.rc = STORE_DOWN};

	switch(c->kind) {
		case COMMAND_PUT:
			c->cb.put(c->context, STORE_DOWN, (struct cpm_slice){c->bytes + c->id_offset, c->id_n});
			break;
		case COMMAND_NEXT:
			c->cb.next(c->context, &result);
			break;
		case COMMAND_CLAIM:
			c->cb.claim(c->context, STORE_DOWN, NULL, NULL, 0, false, 0);
			break;
		case COMMAND_SETTLE:
			if(c->cb.settle)
				c->cb.settle(c->context, STORE_DOWN, false);
			break;
		case COMMAND_REPORT:
		case COMMAND_NOTIFY:
		case COMMAND_PIECE:
		case COMMAND_UNSTAGE:
			if(c->cb.done)
				c->cb.done(c->context, STORE_DOWN);
			break;
		case COMMAND_OCTETS:
			c->cb.octets(c->context, STORE_DOWN, CPM_SLICE_NONE);
			break;
		case COMMAND_LIST:
			c->cb.list(c->context, STORE_DOWN, NULL, 0, 0);
			break;
		case COMMAND_MANAGE:
			c->cb.manage(c->context, STORE_DOWN, 0, NULL);
			break;
		default:
			break;
	}
}

/* Ends a command without an answer of use. */
static void finish_down(struct store *s, struct command *c)
{
	if(c->kind <= COMMAND_ASKED)
		s->pending--;
	if(c->kind == COMMAND_PROBE) {
		s->probing = false;
		s->probe_at_ms = s->now_ms + s->config->reconnect_min_ms;
	}
	tell_down(c);
	command_free(c);
}

static void finish_all_down(struct store *s, struct command_queue *q)
{
	struct command *c;

	while((c = command_pop(q)))
		finish_down(s, c);
}

/* Routing */

static struct link *link_for(struct store *s, unsigned shard)
{
	size_t known = s->link_of_shard[shard];

	if(known && (s->links[known - 1].state == LINK_READY || s->links[known - 1].quick))
		return &s->links[known - 1];
	for(size_t i = 0; i < s->link_count; i++) {
		if(s->links[i].state == LINK_READY)
			return &s->links[i];
	}
	return known ? &s->links[known - 1] : &s->links[0];
}

static bool link_answer(void *owner, struct link *l, struct command *c, redisReply *reply);
static void link_ready(void *owner, struct link *l);
static void link_failed(void *owner, struct link *l, const char *reason, const char *detail);
static const struct link_hooks hooks = {link_answer, link_ready, link_failed};

/* The link to a Cluster node, made when it is new; NULL when there are too many. */
static struct link *link_to(struct store *s, const struct address *a)
{
	struct link *l;

	for(size_t i = 0; i < s->link_count; i++) {
		if(address_eq(&s->links[i].address, a))
			return &s->links[i];
	}
	if(s->link_count == LINKS_MAX)
		return NULL;
	l = &s->links[s->link_count++];
	link_init(l, s->config, &hooks, s);
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
			finish_down(s, c);
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
		finish_down(s, c);
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
		finish_down(s, c);
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
	note(s, STORE_LOG_ERROR, "a command was refused", text);
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
		finish_down(s, c);
		link_fail(l, "readonly", error);
	} else if(full) {
		become_full(s, full, c->shard);
		finish_down(s, c);
	} else {
		log_refusal(s, error);
		finish_down(s, c);
	}
}

/* Answers */

static const char unknown_answer[] = "an answer of unknown shape";

static void unknown(struct store *s, struct command *c)
{
	note(s, STORE_LOG_ERROR, unknown_answer, "");
	finish_down(s, c);
}

static void put_done(struct store *s, struct command *c, enum store_rc rc, struct cpm_slice id)
{
	s->pending--;
	c->cb.put(c->context, rc, id);
	command_free(c);
}

static void put_answer(struct store *s, struct link *l, struct command *c, const redisReply *reply)
{
	struct cpm_slice id;
	enum store_rc rc = transition_put_answer(c, reply, &id);

	if(s->config->wait_replicas == 0 || rc == STORE_DOWN || rc == STORE_QUOTA) {
		put_done(s, c, rc, id);
		return;
	}
	c->rc = rc;
	if(rc == STORE_DUPLICATE) {
		c->first_id = strndup(id.p, id.n);
		if(!c->first_id) {
			finish_down(s, c);
			return;
		}
	}
	command_push(&l->held, c);
}

/* Everything put before this WAIT has been answered, as the order of answers is that of commands. */
static void wait_answer(struct store *s, struct link *l, const redisReply *reply)
{
	bool enough = reply->type == REDIS_REPLY_INTEGER && reply->integer >= s->config->wait_replicas;
	struct command_queue confirmed = l->held;
	struct command *c;

	l->held = (struct command_queue){.head = NULL};
	while((c = command_pop(&confirmed))) {
		struct cpm_slice id = {c->bytes + c->id_offset, c->id_n};

		if(!enough) {
			finish_down(s, c);
			continue;
		}
		if(c->first_id)
			id = cpm_slice_of(c->first_id);
		put_done(s, c, c->rc, id);
	}
}

static void log_gone(struct store *s, const redisReply *const *gone, size_t count)
{
	for(size_t i = 0; i < count; i++) {
		if(gone[i]->type == REDIS_REPLY_STRING)
			note(s, STORE_LOG_ERROR, "a waiting message has vanished from the store", gone[i]->str);
	}
}

static bool next_answer(struct store *s, struct command *c, redisReply *reply)
{
	struct store_next_result result;
	const redisReply *const *gone;
	size_t gone_count;
	bool taken = transition_next_answer(reply, &result, &gone, &gone_count);

	log_gone(s, gone, gone_count);
	result.vanished = gone_count;
	if(result.rc == STORE_DOWN)
		note(s, STORE_LOG_ERROR, unknown_answer, "");
	s->pending--;
	c->cb.next(c->context, &result);
	command_free(c);
	return taken;
}

static bool claim_answer(struct store *s, struct command *c, redisReply *reply)
{
	struct claim_answer answer;

	if(!claim_answer_read(reply, &answer)) {
		unknown(s, c);
		return false;
	}
	log_gone(s, answer.gone, answer.gone_count);
	s->pending--;
	c->cb.claim(c->context, STORE_OK, answer.claim, answer.due, answer.count, answer.more,
			answer.next_ms);
	command_free(c);
	return answer.claim != NULL;
}

/* Of those that answer with a number: is it 1? */
static void yes_answer(struct store *s, struct command *c, const redisReply *reply)
{
	bool yes = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;

	if(reply->type != REDIS_REPLY_INTEGER) {
		unknown(s, c);
		return;
	}
	s->pending--;
	if(c->kind == COMMAND_SETTLE && c->cb.settle)
		c->cb.settle(c->context, STORE_OK, yes);
	else if(c->kind == COMMAND_REPORT && c->cb.done)
		c->cb.done(c->context, yes ? STORE_OK : STORE_DUPLICATE);
	else if(c->kind == COMMAND_NOTIFY && c->cb.done)
		c->cb.done(c->context, STORE_OK);
	command_free(c);
}

static void list_answer(struct store *s, struct command *c, const redisReply *reply)
{
	struct store_listed *items;
	size_t count;

	if(!listing_ok(reply)) {
		unknown(s, c);
		return;
	}
	count = (reply->elements - LISTING_HEAD) / LISTING_ROW;
	items = calloc(count + 1, sizeof(*items));
	if(!items) {
		finish_down(s, c);
		return;
	}
	for(size_t i = 0; i < count; i++)
		listing_read(reply->element + LISTING_HEAD + i * LISTING_ROW, &items[i]);
	s->pending--;
	c->cb.list(c->context, STORE_OK, items, count, (size_t)reply->element[0]->integer);
	free(items);
	command_free(c);
}

/* A step of deliver_all; true when another one has taken its place. */
static bool manage_step(struct store *s, struct command *c, const redisReply *reply, bool *known)
{
	struct command *next;
	bool done = true;

	*known = listing_step_ok(reply, &done);
	if(c->waiting < 0 && *known)
		c->waiting = reply->element[0]->integer;
	if(done)
		return false;
	next = listing_manage_on(s->config, s->sha[SCRIPT_ACT], c, reply);
	if(!next) {
		finish_down(s, c);
		return true;
	}
	next->cb = c->cb;
	next->context = c->context;
	next->waiting = c->waiting;
	command_push(&s->fresh, next);
	command_free(c);
	return true;
}

static void manage_answer(struct store *s, struct command *c, const redisReply *reply)
{
	bool known[CALL_LIST_MAX];
	bool all = c->all, shape = false;

	if(all) {
		if(manage_step(s, c, reply, &shape))
			return;
	} else if(call_rows_ok(reply, 1 + c->count, 1) && reply->elements == 1 + c->count) {
		shape = true;
		c->waiting = reply->element[0]->integer;
		for(size_t i = 0; i < c->count; i++)
			known[i] = reply->element[1 + i]->integer >= 0;
	}
	if(!shape) {
		unknown(s, c);
		return;
	}
	s->pending--;
	c->cb.manage(c->context, STORE_OK, c->waiting, known);
	command_free(c);
}

static void piece_answer(struct store *s, struct command *c, const redisReply *reply)
{
	if(reply->type != REDIS_REPLY_INTEGER) {
		unknown(s, c);
		return;
	}
	s->pending--;
	if(c->cb.done)
		c->cb.done(c->context, STORE_OK);
	command_free(c);
}

static void octets_answer(struct store *s, struct command *c, const redisReply *reply)
{
	if(reply->type != REDIS_REPLY_STRING) {
		unknown(s, c);
		return;
	}
	s->pending--;
	c->cb.octets(c->context, STORE_OK, call_slice_of(reply));
	command_free(c);
}

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
		case COMMAND_PUT:
			put_answer(s, l, c, reply);
			return false;
		case COMMAND_NEXT:
			return next_answer(s, c, reply);
		case COMMAND_CLAIM:
			return claim_answer(s, c, reply);
		case COMMAND_SETTLE:
		case COMMAND_REPORT:
		case COMMAND_NOTIFY:
			yes_answer(s, c, reply);
			return false;
		case COMMAND_LIST:
			list_answer(s, c, reply);
			return false;
		case COMMAND_MANAGE:
			manage_answer(s, c, reply);
			return false;
		case COMMAND_PIECE:
		case COMMAND_UNSTAGE:
			piece_answer(s, c, reply);
			return false;
		case COMMAND_OCTETS:
			octets_answer(s, c, reply);
			return false;
		case COMMAND_PROBE:
			probe_answer(s, l);
			break;
		case COMMAND_WAIT:
			wait_answer(s, l, reply);
			break;
		case COMMAND_LOAD:
			if(c->step == SCRIPT_LOADED - 1)
				l->reloading = false;
			break;
		default:
			break;
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
	note(s, STORE_LOG_NOTICE, "connected to", where);
	if(sentence != s->sentence && *sentence)
		note(s, STORE_LOG_WARNING, "a 2xx is not fully safe", sentence);
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

	note(s, STORE_LOG_DEBUG, reason, detail);
	for(unsigned i = 0; i < s->config->shards; i++) {
		if(s->link_of_shard[i] == mine)
			s->link_of_shard[i] = 0;
	}
	if(any_ready(s)) {
		/* another node may have taken over */
		struct command *c;
		while((c = command_pop(&l->work))) {
			if(c->redirects++ == REDIRECTS_MAX)
				finish_down(s, c);
			else
				command_push(&s->fresh, c);
		}
		return;
	}
	if(!s->told || s->available || strcmp(reason, s->failure))
		note(s, STORE_LOG_WARNING, reason, detail);
	s->failure = reason;
	judge(s);
}

/* One WAIT confirms all puts that were queued since the last one. */
static void confirm_puts(struct store *s)
{
	char replicas[16], wait_ms[32];

	if(s->config->wait_replicas == 0)
		return;
	snprintf(replicas, sizeof(replicas), "%u", s->config->wait_replicas);
	/* its answer has to come before the puts' own deadline; 0 would wait for ever */
	snprintf(wait_ms, sizeof(wait_ms), "%lld", (long long)(s->config->timeout_ms / 2 + 1));
	for(size_t i = 0; i < s->link_count; i++) {
		struct link *l = &s->links[i];

		if(l->state != LINK_READY || !l->puts_to_confirm)
			continue;
		push_internal(
				s, l, command_of(COMMAND_WAIT, 3, (const char *[]){"WAIT", replicas, wait_ms}));
		l->puts_to_confirm = false;
	}
}

static void probe(struct store *s)
{
	char key[128];
	struct command *c;

	if(!s->full || s->probing || s->now_ms < s->probe_at_ms || !any_ready(s))
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
	confirm_puts(s);
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
		finish_all_down(s, &late);
	}
	write_all(s);
	return wake_at(s);
}

size_t store_poll_set(const struct store *s, struct store_poll *set, size_t max)
{
	size_t n = 0;

	for(size_t i = 0; i < s->link_count && n < max; i++) {
		const struct link *l = &s->links[i];

		if(!l->redis)
			continue;
		set[n].fd = l->redis->fd;
		set[n++].write = l->state == LINK_CONNECTING || l->unsent;
	}
	return n;
}

bool store_available(const struct store *s)
{
	return s->available;
}

size_t store_pending(const struct store *s)
{
	return s->pending;
}

/* Life */

static const char *config_refusal(const struct store_config *c)
{
	if(!c->prefix || !*c->prefix || strlen(c->prefix) > 64 || strpbrk(c->prefix, "{} \r\n\t"))
		return "the prefix must have 1 to 64 characters, without braces and blanks";
	if(c->shards < 1 || c->shards > 16384)
		return "shards must be 1 to 16384";
	if(c->timeout_ms < 10)
		return "the time-out must be at least 10 ms";
	if(c->reconnect_min_ms < 1 || c->reconnect_max_ms < c->reconnect_min_ms)
		return "the shortest reconnect time must be at least 1 ms and not above the longest";
	if(c->max_pending < 1 || c->max_user_messages < 1 || c->ttl_grace_ms < 1)
		return "max_pending, max_user_messages and ttl_grace must be positive";
	if(c->database < 0)
		return "the database is a number from 0 on";
	if(c->user && !c->password)
		return "an ACL user needs a password";
	return c->address ? NULL : "write the server's address: host:port or unix:/path";
}

struct store *store_new(const struct store_config *config, const char **error)
{
	struct address_set addresses;
	struct store *s;

	*error = config_refusal(config);
	if(!*error)
		*error = address_set_parse(config->address, &addresses);
	if(*error)
		return NULL;
	s = calloc(1, sizeof(*s));
	if(s)
		s->link_of_shard = calloc(config->shards, 1);
	if(!s || !s->link_of_shard) {
		free(s);
		*error = "out of memory";
		return NULL;
	}
	s->config = config;
	s->addresses = addresses;
	s->failure = "down";
	s->reason = "down";
	link_init(&s->links[0], config, &hooks, s);
	s->link_count = 1;
	s->links[0].address = addresses.server;
	if(addresses.sentinel_count)
		s->links[0].sentinels = &s->addresses;
	return s;
}

void store_free(struct store **store)
{
	struct store *s = *store;

	if(!s)
		return;
	s->available = false;
	s->told = true;
	for(size_t i = 0; i < s->link_count; i++) {
		struct command_queue all = s->links[i].work;

		s->links[i].work = (struct command_queue){.head = NULL};
		s->links[i].unsent = NULL;
		finish_all_down(s, &s->links[i].held);
		finish_all_down(s, &all);
		link_close(&s->links[i]);
	}
	finish_all_down(s, &s->fresh);
	finish_all_down(s, &s->parked);
	free(s->link_of_shard);
	free(s);
	*store = NULL;
}

/* Submitting: a command goes out with the next store_run, together with all others of its turn. */

static bool submit(struct store *s, struct command *c, void *context)
{
	if(!c)
		return false;
	c->context = context;
	s->pending++;
	command_push(&s->fresh, c);
	return true;
}

bool store_put(struct store *s, const struct store_put *put, store_put_cb cb, void *context)
{
	struct command *c;

	if(!s->available || s->pending >= s->config->max_pending)
		return false;
	c = transition_put(s->config, s->sha[SCRIPT_PUT], put);
	if(c)
		c->cb.put = cb;
	return submit(s, c, context);
}

/* A full server still hands out and ends messages: that is what empties it. */
static bool accepts(const struct store *s)
{
	return (s->available || (s->full && s->shards_checked && any_ready(s)))
		   && s->pending < s->config->max_pending;
}

bool store_next(struct store *s, const struct store_next *next, store_next_cb cb, void *context)
{
	struct command *c;

	if(!accepts(s))
		return false;
	c = transition_next(s->config, s->sha[SCRIPT_NEXT], next);
	if(c)
		c->cb.next = cb;
	return submit(s, c, context);
}

bool store_claim(struct store *s, unsigned shard, int64_t now_ms, size_t ends, size_t tasks,
		size_t max_bytes, store_claim_cb cb, void *context)
{
	struct command *c;

	if(!accepts(s))
		return false;
	c = claim_call(s->config, s->sha[SCRIPT_CLAIM], shard, now_ms, ends, tasks, max_bytes);
	if(c)
		c->cb.claim = cb;
	return submit(s, c, context);
}

bool store_settle(
		struct store *s, const struct store_settle *settle, store_settle_cb cb, void *context)
{
	struct command *c;

	if(!accepts(s))
		return false;
	c = claim_settle(s->config, s->sha[SCRIPT_SETTLE], settle);
	if(c)
		c->cb.settle = cb;
	return submit(s, c, context);
}

bool store_report_put(struct store *s, struct cpm_slice aor, int64_t now_ms,
		const struct store_report *report, store_done_cb cb, void *context)
{
	struct command *c;

	if(!accepts(s))
		return false;
	c = claim_report(s->config, s->sha[SCRIPT_REPORT], aor, now_ms, report);
	if(c)
		c->cb.done = cb;
	return submit(s, c, context);
}

static bool notify(struct store *s, struct cpm_slice aor, int64_t at_ms, bool there,
		store_done_cb cb, void *context)
{
	struct command *c;

	if(!accepts(s))
		return false;
	c = claim_notify(s->config, aor, at_ms, there);
	if(c)
		c->cb.done = cb;
	return submit(s, c, context);
}

bool store_notify(
		struct store *s, struct cpm_slice aor, int64_t at_ms, store_done_cb cb, void *context)
{
	return notify(s, aor, at_ms, false, cb, context);
}

bool store_notify_sooner(
		struct store *s, struct cpm_slice aor, int64_t at_ms, store_done_cb cb, void *context)
{
	return notify(s, aor, at_ms, true, cb, context);
}

bool store_list(struct store *s, struct cpm_slice aor, int64_t now_ms, size_t offset, size_t count,
		store_list_cb cb, void *context)
{
	struct command *c;

	if(!accepts(s))
		return false;
	c = listing_call(s->config, s->sha[SCRIPT_LIST], aor, now_ms, offset, count);
	if(c)
		c->cb.list = cb;
	return submit(s, c, context);
}

bool store_manage(
		struct store *s, const struct store_manage *manage, store_manage_cb cb, void *context)
{
	struct command *c;

	if(!accepts(s))
		return false;
	c = listing_manage(s->config, s->sha[SCRIPT_ACT], manage);
	if(c)
		c->cb.manage = cb;
	return submit(s, c, context);
}

bool store_piece(struct store *s, const struct store_piece *piece, store_done_cb cb, void *context)
{
	struct command *c, *keep = NULL;

	if(!s->available || s->pending >= s->config->max_pending)
		return false;
	c = piece_put(s->config, piece);
	if(c && piece->ttl_ms > 0)
		keep = piece_keep(s->config, piece);
	if(!c || (piece->ttl_ms > 0 && !keep)) {
		command_free(c);
		return false;
	}
	c->cb.done = cb;
	submit(s, c, context);
	if(keep)
		submit(s, keep, NULL);
	return true;
}

bool store_octets(struct store *s, struct cpm_slice aor, struct cpm_slice id, uint64_t at, size_t n,
		store_octets_cb cb, void *context)
{
	struct command *c;

	if(!accepts(s))
		return false;
	c = piece_get(s->config, aor, id, at, n);
	if(c)
		c->cb.octets = cb;
	return submit(s, c, context);
}

bool store_unstage(struct store *s, struct cpm_slice aor, struct cpm_slice id, store_done_cb cb,
		void *context)
{
	struct command *c;

	if(!accepts(s))
		return false;
	c = piece_drop(s->config, aor, id);
	if(c)
		c->cb.done = cb;
	return submit(s, c, context);
}
