/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The store's life, and its calls. traffic.c has the loop.
 */
#include "store.h"

#include <stdlib.h>

#include "claim.h"
#include "listing.h"
#include "mark.h"
#include "piece.h"
#include "traffic.h"
#include "transition.h"

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

void store_poll_nothing(struct store *s, int fd)
{
	for(size_t i = 0; i < s->link_count; i++) {
		if(s->links[i].redis && s->links[i].redis->fd == fd)
			s->links[i].silent = true;
	}
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
	if(c->connections > STORE_CONNECTIONS_MAX)
		return "connections must be 1 to 8";
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
	s->first_links = config->connections ? config->connections : 1;
	for(size_t i = 0; i < s->first_links; i++) {
		link_init(&s->links[i], config, &traffic_hooks, s);
		s->links[i].address = addresses.server;
		if(addresses.sentinel_count)
			s->links[i].sentinels = &s->addresses;
	}
	s->link_count = s->first_links;
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
		answer_all_down(s, &s->links[i].held);
		answer_all_down(s, &all);
		link_close(&s->links[i]);
	}
	answer_all_down(s, &s->fresh);
	answer_all_down(s, &s->parked);
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

bool store_mark(struct store *s, const struct store_mark *mark, store_mark_cb cb, void *context)
{
	struct command *c;

	if(!s->available || s->pending >= s->config->max_pending)
		return false;
	c = mark_call(s->config, s->sha[SCRIPT_MARK], mark);
	if(c)
		c->cb.mark = cb;
	return submit(s, c, context);
}

/* A full server still hands out and ends messages: that is what empties it. */
static bool accepts(const struct store *s)
{
	return (s->available || (s->full && s->shards_checked && traffic_any_ready(s)))
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

bool store_push(
		struct store *s, struct cpm_slice aor, int64_t at_ms, store_done_cb cb, void *context)
{
	struct command *c;

	if(!accepts(s))
		return false;
	c = claim_push(s->config, aor, at_ms);
	if(c)
		c->cb.done = cb;
	return submit(s, c, context);
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

bool store_room(struct store *s, struct cpm_slice aor, store_done_cb cb, void *context)
{
	struct command *c;

	if(!s->available || s->pending >= s->config->max_pending)
		return false;
	c = listing_room(s->config, s->sha[SCRIPT_ROOM], aor);
	if(c)
		c->cb.done = cb;
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
	struct command *c;

	if(!s->available || s->pending >= s->config->max_pending)
		return false;
	c = piece_put(s->config, s->sha[SCRIPT_PIECE], piece);
	if(c)
		c->cb.done = cb;
	return submit(s, c, context);
}

bool store_seal(struct store *s, const struct store_seal *seal, store_octets_cb cb, void *context)
{
	struct command *c;

	if(!s->available || s->pending >= s->config->max_pending)
		return false;
	c = piece_seal(s->config, s->sha[SCRIPT_SEAL], seal);
	if(c)
		c->cb.octets = cb;
	return submit(s, c, context);
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

bool store_unstage(struct store *s, struct cpm_slice aor, struct cpm_slice id, unsigned attempt,
		store_done_cb cb, void *context)
{
	struct command *c;

	if(!accepts(s))
		return false;
	c = piece_drop(s->config, aor, id, attempt);
	if(c)
		c->cb.done = cb;
	return submit(s, c, context);
}
