/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What answers to commands mean, for whoever waits for them.
 */
#include <stdlib.h>

#include "claim.h"
#include "listing.h"
#include "mark.h"
#include "piece.h"
#include "traffic.h"
#include "transition.h"

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
		case COMMAND_ROOM:
			if(c->cb.done)
				c->cb.done(c->context, STORE_DOWN);
			break;
		case COMMAND_SEAL:
		case COMMAND_OCTETS:
			c->cb.octets(c->context, STORE_DOWN, CPM_SLICE_NONE);
			break;
		case COMMAND_MARK:
			c->cb.mark(c->context, STORE_DOWN, CPM_SLICE_NONE, 0);
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

void answer_down(struct store *s, struct command *c)
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

void answer_all_down(struct store *s, struct command_queue *q)
{
	struct command *c;

	while((c = command_pop(q)))
		answer_down(s, c);
}

static const char unknown_answer[] = "an answer of unknown shape";

static void unknown(struct store *s, struct command *c)
{
	traffic_note(s, STORE_LOG_ERROR, unknown_answer, "");
	answer_down(s, c);
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

	if(s->config->wait_replicas == 0 || rc == STORE_DOWN || rc == STORE_QUOTA || rc == STORE_LOST
			|| rc == STORE_BUSY) {
		put_done(s, c, rc, id);
		return;
	}
	c->rc = rc;
	if(rc == STORE_DUPLICATE) {
		c->first_id = strndup(id.p, id.n);
		if(!c->first_id) {
			answer_down(s, c);
			return;
		}
	}
	command_push(&l->held, c);
}

static void log_gone(struct store *s, const redisReply *const *gone, size_t count)
{
	for(size_t i = 0; i < count; i++) {
		if(gone[i]->type == REDIS_REPLY_STRING)
			traffic_note(s, STORE_LOG_ERROR, "a waiting message has vanished from the store",
					gone[i]->str);
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
		traffic_note(s, STORE_LOG_ERROR, unknown_answer, "");
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
		answer_down(s, c);
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
		answer_down(s, c);
		return true;
	}
	next->cb = c->cb;
	next->context = c->context;
	next->waiting = c->waiting;
	command_push(&s->fresh, next);
	command_free(c);
	return true;
}

static void manage_done(struct store *s, struct command *c, const bool *known)
{
	s->pending--;
	c->cb.manage(c->context, STORE_OK, c->waiting, known);
	command_free(c);
}

/* Until the replicas have it too. */
static void manage_hold(struct store *s, struct link *l, struct command *c, const bool *known)
{
	free(c->known);
	c->known = calloc(c->count + 1, sizeof(*known));
	if(!c->known) {
		answer_down(s, c);
		return;
	}
	if(!c->all)
		memcpy(c->known, known, c->count * sizeof(*known));
	command_push(&l->held, c);
}

static void manage_answer(
		struct store *s, struct link *l, struct command *c, const redisReply *reply)
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
	if(s->config->wait_replicas)
		manage_hold(s, l, c, known);
	else
		manage_done(s, c, known);
}

/* Everything put or ordered before this WAIT has been answered, as the order of answers is that of commands. */
void answer_wait(struct store *s, struct link *l, const redisReply *reply)
{
	bool enough = reply->type == REDIS_REPLY_INTEGER && reply->integer >= s->config->wait_replicas;
	struct command_queue confirmed = l->held;
	struct command *c;

	l->held = (struct command_queue){.head = NULL};
	while((c = command_pop(&confirmed))) {
		struct cpm_slice id = {c->bytes + c->id_offset, c->id_n};

		if(!enough) {
			answer_down(s, c);
			continue;
		}
		if(c->kind == COMMAND_MANAGE) {
			manage_done(s, c, c->known);
			continue;
		}
		if(c->first_id)
			id = cpm_slice_of(c->first_id);
		put_done(s, c, c->rc, id);
	}
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
	bool lost = c->kind == COMMAND_SEAL && reply->type == REDIS_REPLY_INTEGER;

	if(reply->type != REDIS_REPLY_STRING && !lost) {
		unknown(s, c);
		return;
	}
	s->pending--;
	c->cb.octets(c->context, lost ? STORE_LOST : STORE_OK, call_slice_of(reply));
	command_free(c);
}

static void mark_answer(struct store *s, struct command *c, const redisReply *reply)
{
	struct cpm_slice id = CPM_SLICE_NONE;
	int64_t since_ms;
	enum store_rc rc = mark_read(reply, &id, &since_ms);

	if(rc == STORE_DOWN) {
		unknown(s, c);
		return;
	}
	s->pending--;
	c->cb.mark(c->context, rc, id, since_ms);
	command_free(c);
}

static void room_answer(struct store *s, struct command *c, const redisReply *reply)
{
	if(reply->type != REDIS_REPLY_INTEGER || reply->integer < 0) {
		unknown(s, c);
		return;
	}
	s->pending--;
	c->cb.done(c->context,
			(size_t)reply->integer < s->config->max_user_messages ? STORE_OK : STORE_QUOTA);
	command_free(c);
}

bool answer_take(struct store *s, struct link *l, struct command *c, redisReply *reply)
{
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
			manage_answer(s, l, c, reply);
			return false;
		case COMMAND_PIECE:
		case COMMAND_UNSTAGE:
			piece_answer(s, c, reply);
			return false;
		case COMMAND_SEAL:
		case COMMAND_OCTETS:
			octets_answer(s, c, reply);
			return false;
		case COMMAND_MARK:
			mark_answer(s, c, reply);
			return false;
		case COMMAND_ROOM:
			room_answer(s, c, reply);
			return false;
		default:
			command_free(c);
			return false;
	}
}
