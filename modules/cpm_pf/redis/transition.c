/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Storing and handing out as script calls.
 */
#include "transition.h"

#include <stdlib.h>

#include "../core/queue/key.h"
#include "mark.h"

/* What put.lua says of a parked message, for the retries. */
static struct cpm_slice word_of(enum store_place place)
{
	switch(place) {
		case STORE_TO_STORE:
			return CPM_SLICE("store");
		case STORE_TO_PULL:
			return CPM_SLICE("pull");
		default:
			return CPM_SLICE_NONE;
	}
}

/* When the task that goes with a message is due; 0: there is none. */
static int64_t task_ms(const struct store_put *put)
{
	switch(put->place) {
		case STORE_TO_PULL:
			return put->notify_ms;
		case STORE_TO_STORE:
			return put->store_ms;
		default:
			return put->push_ms;
	}
}

static void put_task(struct command *c, const struct store_put *put)
{
	if(put->place == STORE_TO_STORE)
		call_entry(c, 's', put->id, put->aor);
	else
		command_arg3(c, put->place == STORE_TO_PULL ? CPM_SLICE("n:") : CPM_SLICE("p:"), put->aor,
				CPM_SLICE_NONE);
	call_number(c, task_ms(put));
}

static bool put_ok(const struct store_config *config, const struct store_put *put)
{
	return call_id_ok(put->id) && call_aor_ok(put->aor)
		   && put->record.n <= config->limits->max_record_bytes
		   && put->body.n <= config->limits->max_message_bytes && put->place <= STORE_TO_STORE;
}

struct command *transition_put(
		const struct store_config *config, const char *sha, const struct store_put *put)
{
	bool parked = put->place != STORE_TO_PUSH, task = task_ms(put) > 0, marked = parked || task;
	size_t bytes = 5 * (CALL_SMALL + CALL_ID_MAX) + 5 * put->aor.n + 12 * CALL_SMALL;
	struct command *c;

	if(!put_ok(config, put))
		return NULL;
	c = call_new(COMMAND_PUT, sha, cpm_key_shard(put->aor, config->shards),
			(marked ? 8u : 6u) + put->staged, 7u + marked + 2u * task,
			bytes + put->record.n + put->body.n);
	if(!c)
		return NULL;
	call_key(c, config, "m", put->id);
	call_key(c, config, parked ? "p" : "u", put->aor);
	call_key(c, config, "due", CPM_SLICE_NONE);
	call_mark(c, config, "d", put->aor, put->identity.n ? put->identity : put->id);
	call_key(c, config, parked ? "u" : "p", put->aor);
	call_key(c, config, "sums", CPM_SLICE_NONE);
	if(marked) {
		call_key(c, config, "f", put->aor);
		call_key(c, config, "tasks", CPM_SLICE_NONE);
	}
	if(put->staged)
		call_key(c, config, "b", put->id);
	command_arg(c, put->id);
	c->id_n = put->id.n;
	c->id_offset = c->size - put->id.n - 2;
	call_number(c, put->expires_ms);
	command_arg_i64(c, (int64_t)config->max_user_messages);
	command_arg_i64(c, put->identity.n ? call_clamp(put->identity_ttl_ms, 1, CALL_TTL_MAX_MS)
									   : CALL_REPEAT_MS);
	command_arg_i64(c, call_ttl(config, put->now_ms, put->expires_ms));
	call_text(c, put->record, put->body);
	call_entry(c, 'x', put->id, put->aor);
	if(marked)
		command_arg(c, word_of(put->place));
	if(task)
		put_task(c, put);
	return call_finished(c);
}

/* The lists of a next call, in the order of next.lua. */
#define ID_LISTS 4
struct id_list {
	const struct cpm_slice *ids;
	size_t count;
};

static void id_lists(const struct store_next *n, struct id_list lists[ID_LISTS])
{
	lists[0] = (struct id_list){n->done, n->done_count};
	lists[1] = (struct id_list){n->interworked, n->interworked_count};
	lists[2] = (struct id_list){n->unsent, n->unsent_count};
	lists[3] = (struct id_list){n->quarantine, n->quarantine_count};
}

/* How many arguments they make; false when one is out of bounds. */
static bool next_lists_ok(const struct store_next *n, size_t *count)
{
	struct id_list lists[ID_LISTS];

	id_lists(n, lists);
	*count = 3 * n->failed_count;
	if(n->failed_count > CALL_LIST_MAX)
		return false;
	for(size_t i = 0; i < n->failed_count; i++) {
		if(!call_id_ok(n->failed[i].id))
			return false;
	}
	for(size_t l = 0; l < ID_LISTS; l++) {
		if(lists[l].count > CALL_LIST_MAX)
			return false;
		*count += lists[l].count;
		for(size_t i = 0; i < lists[l].count; i++) {
			if(!call_id_ok(lists[l].ids[i]))
				return false;
		}
	}
	return true;
}

static void next_ids(struct command *c, const struct cpm_slice *ids, size_t count)
{
	for(size_t i = 0; i < count; i++)
		command_arg(c, ids[i]);
}

static void next_lists(struct command *c, const struct store_next *n)
{
	command_arg_i64(c, (int64_t)n->done_count);
	command_arg_i64(c, (int64_t)n->interworked_count);
	command_arg_i64(c, (int64_t)n->failed_count);
	command_arg_i64(c, (int64_t)n->unsent_count);
	command_arg_i64(c, (int64_t)n->quarantine_count);
	next_ids(c, n->done, n->done_count);
	next_ids(c, n->interworked, n->interworked_count);
	for(size_t i = 0; i < n->failed_count; i++) {
		command_arg(c, n->failed[i].id);
		call_number(c, n->failed[i].not_before_ms);
		command_arg_i64(c, call_clamp(n->failed[i].status, 0, 999));
	}
	next_ids(c, n->unsent, n->unsent_count);
	next_ids(c, n->quarantine, n->quarantine_count);
}

#define NEXT_KEYS 12

struct command *transition_next(
		const struct store_config *config, const char *sha, const struct store_next *next)
{
	static const struct {
		const char *kind;
		bool user;
	} keys[NEXT_KEYS] = {{"u", true}, {"l", true}, {"due", false}, {"f", true}, {"q", true},
			{"quarantine", false}, {"p", true}, {"o", true}, {"i", true}, {"sums", false},
			{"tasks", false}, {"tries", false}};
	size_t lists = 0;
	bool first;
	struct command *c;

	if(!call_aor_ok(next->aor) || next->token.n == 0 || next->token.n > CALL_SMALL
			|| !next_lists_ok(next, &lists))
		return NULL;
	first = next->want > 0 && lists == 0 && next->after <= 0;
	c = call_new(COMMAND_NEXT, sha, cpm_key_shard(next->aor, config->shards), NEXT_KEYS, 18 + lists,
			lists * CALL_ID_MAX + 9 * next->aor.n + 43 * CALL_SMALL);
	if(!c)
		return NULL;
	for(size_t i = 0; i < NEXT_KEYS; i++)
		call_key(c, config, keys[i].kind, keys[i].user ? next->aor : CPM_SLICE_NONE);
	call_key(c, config, "m:", CPM_SLICE_NONE);
	command_arg(c, next->aor);
	command_arg(c, next->token);
	command_arg_i64(c, call_clamp(next->lease_ms, 1, CALL_TTL_MAX_MS));
	call_number(c, next->now_ms);
	call_number(c, next->after);
	command_arg_i64(c, next->want > CALL_LIST_MAX ? CALL_LIST_MAX : (int64_t)next->want);
	command_arg_i64(c,
			next->max_bytes > (size_t)CALL_NUMBER_MAX ? CALL_NUMBER_MAX : (int64_t)next->max_bytes);
	command_arg_i64(c, next->force);
	command_arg_i64(c, next->release);
	command_arg_i64(c, first);
	command_arg_i64(c, next->ordered_only);
	call_number(c, next->again_ms);
	next_lists(c, next);
	return call_finished(c);
}

enum store_rc transition_put_answer(
		const struct command *c, const redisReply *reply, struct cpm_slice *id)
{
	int64_t since_ms;

	*id = (struct cpm_slice){c->bytes + c->id_offset, c->id_n};
	if(reply->type == REDIS_REPLY_STRING)
		return mark_read(reply, id, &since_ms);
	if(reply->type != REDIS_REPLY_INTEGER)
		return STORE_DOWN;
	if(reply->integer == 0)
		return STORE_OK;
	if(reply->integer == 3)
		return STORE_LOST;
	return reply->integer == 2 ? STORE_QUOTA : STORE_DOWN;
}

struct store_batch {
	redisReply *reply;
	struct store_message messages[];
};

void store_batch_free(struct store_batch **batch)
{
	if(*batch) {
		freeReplyObject((*batch)->reply);
		free(*batch);
		*batch = NULL;
	}
}

#define NEXT_HEAD 7
#define NEXT_PER_MESSAGE 6

static bool batch_make(redisReply *reply, size_t from, struct store_next_result *result)
{
	size_t count = (reply->elements - from) / NEXT_PER_MESSAGE;
	struct store_batch *batch = malloc(sizeof(*batch) + count * sizeof(struct store_message));

	if(!batch) {
		result->rc = STORE_DOWN;
		return false;
	}
	batch->reply = reply;
	for(size_t i = 0; i < count; i++) {
		redisReply **v = reply->element + from + i * NEXT_PER_MESSAGE;
		struct store_message *m = &batch->messages[i];
		int64_t order = call_number_of(v[4]);

		if(v[0]->type != REDIS_REPLY_STRING || v[5]->type != REDIS_REPLY_STRING || order < 0
				|| order > STORE_ORDER_INTERWORK) {
			free(batch);
			result->rc = STORE_DOWN;
			return false;
		}
		m->id = call_slice_of(v[0]);
		m->arrival = call_number_of(v[1]);
		m->expires_ms = call_number_of(v[2]);
		m->attempts = call_number_of(v[3]);
		m->order = (enum store_order)order;
		call_text_split(call_slice_of(v[5]), &m->record, &m->body);
	}
	result->batch = batch;
	result->messages = batch->messages;
	result->count = count;
	return true;
}

bool transition_next_answer(redisReply *reply, struct store_next_result *result,
		const redisReply *const **gone, size_t *gone_count)
{
	static const enum store_rc codes[] = {STORE_OK, STORE_BUSY, STORE_LOST};
	size_t from;

	*result = (struct store_next_result){.rc = STORE_DOWN};
	*gone_count = 0;
	if(!call_rows_ok(reply, NEXT_HEAD, 1) || reply->element[0]->integer < 0
			|| reply->element[0]->integer > 2 || reply->element[6]->integer < 0
			|| (size_t)reply->element[6]->integer > reply->elements - NEXT_HEAD)
		return false;
	*gone_count = (size_t)reply->element[6]->integer;
	*gone = (const redisReply *const *)(reply->element + NEXT_HEAD);
	from = NEXT_HEAD + *gone_count;
	if((reply->elements - from) % NEXT_PER_MESSAGE)
		return false;
	result->rc = codes[reply->element[0]->integer];
	result->waiting = reply->element[1]->integer;
	result->parked = reply->element[2]->integer;
	result->next_due_ms = reply->element[3]->integer;
	result->busy_ms = reply->element[4]->integer;
	result->looked = reply->element[5]->integer;
	return reply->elements > from && batch_make(reply, from, result);
}
