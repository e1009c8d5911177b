/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Script calls and their answers.
 */
#include "transition.h"

#include <stdlib.h>

#include "../core/queue/key.h"

/* Redis scores are doubles: whole numbers up to here are exact. */
#define SCORE_MAX (INT64_C(1) << 53)
#define TTL_MAX_MS (INT64_C(100) * 365 * 86400 * 1000)
/* How long a put without identity is recognised as a repeat of itself. */
#define REPEAT_WINDOW_MS 60000
/* An expiry claimed by a node that never acknowledged it is handed out again after this time. */
#define CLAIM_MS 60000
/* Room for a key without its AoR or id, and for a number. */
#define SMALL 128

static struct cpm_slice prefix_of(const struct store_config *config)
{
	return cpm_slice_of(config->prefix);
}

static void arg_key(struct command *c, const struct store_config *config, unsigned shard,
		const char *kind, struct cpm_slice rest)
{
	char memory[TRANSITION_AOR_MAX + SMALL];
	struct cpm_buf key;

	cpm_buf_init_fixed(&key, memory, sizeof(memory));
	cpm_key_add(&key, prefix_of(config), shard, kind, rest);
	c->overflow = c->overflow || key.rc != CPM_OK;
	command_arg(c, cpm_buf_slice(&key));
}

/* The identity as a key: its hash with two seeds, 128 bits, so that long identities cost no memory. */
static void arg_identity(struct command *c, const struct store_config *config, unsigned shard,
		const struct store_put *put)
{
	struct cpm_slice identity = put->identity.n ? put->identity : put->id;
	char memory[2 * 20 + 1];
	struct cpm_buf text;

	cpm_buf_init_fixed(&text, memory, sizeof(memory));
	for(uint64_t seed = 1; seed <= 2; seed++) {
		uint64_t hash = cpm_slice_hash(identity, cpm_slice_hash(put->aor, seed) + seed);
		if(seed == 2)
			cpm_buf_add_char(&text, '-');
		cpm_buf_add_u64(&text, hash);
	}
	arg_key(c, config, shard, "d", cpm_buf_slice(&text));
}

static void arg_entry(struct command *c, struct cpm_slice id, struct cpm_slice aor)
{
	char memory[TRANSITION_AOR_MAX + TRANSITION_ID_MAX + 4];
	struct cpm_buf entry;

	cpm_buf_init_fixed(&entry, memory, sizeof(memory));
	cpm_buf_add(&entry, CPM_SLICE("x:"));
	cpm_buf_add(&entry, id);
	cpm_buf_add_char(&entry, ':');
	cpm_buf_add(&entry, aor);
	command_arg(c, cpm_buf_slice(&entry));
}

static struct command *begin(
		enum command_kind kind, const char *sha, size_t keys, size_t args, size_t bytes)
{
	struct command *c = command_new(kind, 3 + keys + args, bytes + SMALL);

	if(c) {
		command_arg(c, CPM_SLICE("EVALSHA"));
		command_arg(c, cpm_slice_of(sha));
		command_arg_i64(c, (int64_t)keys);
	}
	return c;
}

static struct command *finished(struct command *c)
{
	if(c && c->overflow) {
		command_free(c);
		return NULL;
	}
	return c;
}

/* ':' separates the id in a due entry. */
static bool id_ok(struct cpm_slice id)
{
	return id.n > 0 && id.n <= TRANSITION_ID_MAX && cpm_slice_find(id, ':') == id.n;
}

static bool aor_ok(struct cpm_slice aor)
{
	return aor.n > 0 && aor.n <= TRANSITION_AOR_MAX;
}

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
	if(value < min)
		return min;
	return value > max ? max : value;
}

static int64_t ttl_of(const struct store_config *config, const struct store_put *put)
{
	int64_t left = clamp(put->expires_ms, 0, SCORE_MAX) - clamp(put->now_ms, 0, SCORE_MAX);

	return clamp(clamp(left, 0, TTL_MAX_MS) + clamp(config->ttl_grace_ms, 0, TTL_MAX_MS), 1, TTL_MAX_MS);
}

struct command *transition_put(
		const struct store_config *config, const char *sha, const struct store_put *put)
{
	unsigned shard;
	size_t fixed = 5 * (SMALL + TRANSITION_ID_MAX) + 4 * put->aor.n + 8 * SMALL;
	char memory[SMALL];
	struct cpm_buf head;
	struct command *c;

	if(!id_ok(put->id) || !aor_ok(put->aor) || put->order_us < 0 || put->order_us > SCORE_MAX
			|| put->record.n > config->limits->max_record_bytes
			|| put->body.n > config->limits->max_message_bytes)
		return NULL;
	shard = cpm_key_shard(put->aor, config->shards);
	c = begin(COMMAND_PUT, sha, put->push ? 4 : 5, 8, fixed + put->record.n + put->body.n);
	if(!c)
		return NULL;
	c->shard = shard;
	arg_key(c, config, shard, "m", put->id);
	arg_key(c, config, shard, "u", put->aor);
	arg_key(c, config, shard, "due", CPM_SLICE_NONE);
	arg_identity(c, config, shard, put);
	if(!put->push)
		arg_key(c, config, shard, "f", put->aor);
	command_arg(c, put->id);
	c->id_n = put->id.n;
	c->id_offset = c->size - put->id.n - 2;
	command_arg_i64(c, put->order_us);
	command_arg_i64(c, clamp(put->expires_ms, 0, SCORE_MAX));
	command_arg_i64(c, (int64_t)config->max_user_messages);
	command_arg_i64(c, put->identity.n ? clamp(put->identity_ttl_ms, 1, TTL_MAX_MS) : REPEAT_WINDOW_MS);
	command_arg_i64(c, ttl_of(config, put));
	cpm_buf_init_fixed(&head, memory, sizeof(memory));
	cpm_buf_add_u64(&head, put->record.n);
	cpm_buf_add_char(&head, '\n');
	command_arg3(c, cpm_buf_slice(&head), put->record, put->body);
	arg_entry(c, put->id, put->aor);
	return finished(c);
}

/* Bytes of all ids; false when one is out of bounds. */
static bool next_ids_ok(const struct store_next *n, size_t *bytes)
{
	if(n->done_count > TRANSITION_LIST_MAX || n->failed_count > TRANSITION_LIST_MAX
			|| n->quarantine_count > TRANSITION_LIST_MAX)
		return false;
	for(size_t i = 0; i < n->done_count; i++) {
		if(!id_ok(n->done[i]))
			return false;
	}
	for(size_t i = 0; i < n->failed_count; i++) {
		if(!id_ok(n->failed[i].id))
			return false;
	}
	for(size_t i = 0; i < n->quarantine_count; i++) {
		if(!id_ok(n->quarantine[i]))
			return false;
	}
	*bytes = (n->done_count + n->failed_count + n->quarantine_count) * (TRANSITION_ID_MAX + SMALL);
	return true;
}

static void next_lists(struct command *c, const struct store_next *n)
{
	for(size_t i = 0; i < n->done_count; i++)
		command_arg(c, n->done[i]);
	for(size_t i = 0; i < n->failed_count; i++) {
		command_arg(c, n->failed[i].id);
		command_arg_i64(c, clamp(n->failed[i].not_before_ms, 0, SCORE_MAX));
		command_arg_i64(c, clamp(n->failed[i].status, 0, 999));
	}
	for(size_t i = 0; i < n->quarantine_count; i++)
		command_arg(c, n->quarantine[i]);
}

struct command *transition_next(
		const struct store_config *config, const char *sha, const struct store_next *next)
{
	size_t bytes = 0;
	size_t lists = next->done_count + 3 * next->failed_count + next->quarantine_count;
	bool first = next->want > 0 && lists == 0 && next->after_us <= 0;
	struct command *c;

	if(!aor_ok(next->aor) || next->token.n == 0 || next->token.n > SMALL || !next_ids_ok(next, &bytes))
		return NULL;
	c = begin(COMMAND_NEXT, sha, 6, 14 + lists, bytes + 7 * next->aor.n + 32 * SMALL);
	if(!c)
		return NULL;
	c->shard = cpm_key_shard(next->aor, config->shards);
	arg_key(c, config, c->shard, "u", next->aor);
	arg_key(c, config, c->shard, "l", next->aor);
	arg_key(c, config, c->shard, "due", CPM_SLICE_NONE);
	arg_key(c, config, c->shard, "f", next->aor);
	arg_key(c, config, c->shard, "q", next->aor);
	arg_key(c, config, c->shard, "quarantine", CPM_SLICE_NONE);
	arg_key(c, config, c->shard, "m:", CPM_SLICE_NONE);
	command_arg(c, next->aor);
	command_arg(c, next->token);
	command_arg_i64(c, clamp(next->lease_ms, 1, TTL_MAX_MS));
	command_arg_i64(c, clamp(next->now_ms, 0, SCORE_MAX));
	command_arg_i64(c, clamp(next->after_us, 0, SCORE_MAX));
	command_arg_i64(c, next->want > TRANSITION_LIST_MAX ? TRANSITION_LIST_MAX : (int64_t)next->want);
	command_arg_i64(c, next->max_bytes > (size_t)SCORE_MAX ? SCORE_MAX : (int64_t)next->max_bytes);
	command_arg_i64(c, next->force);
	command_arg_i64(c, next->release);
	command_arg_i64(c, first);
	command_arg_i64(c, (int64_t)next->done_count);
	command_arg_i64(c, (int64_t)next->failed_count);
	command_arg_i64(c, (int64_t)next->quarantine_count);
	next_lists(c, next);
	return finished(c);
}

static struct command *expire_begin(const struct store_config *config, enum command_kind kind,
		const char *sha, unsigned shard, int64_t now_ms, size_t limit, size_t acks, size_t bytes)
{
	struct command *c = begin(kind, sha, 3, 5 + acks, bytes + 16 * SMALL);

	if(!c)
		return NULL;
	c->shard = shard;
	arg_key(c, config, shard, "due", CPM_SLICE_NONE);
	arg_key(c, config, shard, "claimed", CPM_SLICE_NONE);
	arg_key(c, config, shard, "expired", CPM_SLICE_NONE);
	arg_key(c, config, shard, "", CPM_SLICE_NONE);
	command_arg_i64(c, clamp(now_ms, 0, SCORE_MAX));
	command_arg_i64(c, limit > TRANSITION_LIST_MAX ? TRANSITION_LIST_MAX : (int64_t)limit);
	command_arg_i64(c, clamp(config->ttl_grace_ms, 1, TTL_MAX_MS));
	command_arg_i64(c, CLAIM_MS);
	return c;
}

struct command *transition_expire(const struct store_config *config, const char *sha, unsigned shard,
		int64_t now_ms, size_t limit)
{
	if(shard >= config->shards || limit == 0)
		return NULL;
	return finished(expire_begin(config, COMMAND_EXPIRE, sha, shard, now_ms, limit, 0, 0));
}

struct command *transition_ack(const struct store_config *config, const char *sha, unsigned shard,
		const redisReply *answer)
{
	size_t bytes = 0;
	struct command *c;

	for(size_t i = 1; i < answer->elements; i++)
		bytes += answer->element[i]->len;
	c = expire_begin(config, COMMAND_ACK, sha, shard, 0, 0, answer->elements - 1, bytes);
	for(size_t i = 1; c && i < answer->elements; i++)
		command_arg(c, (struct cpm_slice){answer->element[i]->str, answer->element[i]->len});
	return finished(c);
}

enum store_rc transition_put_answer(
		const struct command *c, const redisReply *reply, struct cpm_slice *id)
{
	*id = (struct cpm_slice){c->bytes + c->id_offset, c->id_n};
	if(reply->type == REDIS_REPLY_STRING) {
		*id = (struct cpm_slice){reply->str, reply->len};
		return STORE_DUPLICATE;
	}
	if(reply->type != REDIS_REPLY_INTEGER)
		return STORE_DOWN;
	if(reply->integer == 0)
		return STORE_OK;
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

/* A whole number, whether Lua sent it as one or as text; -1 otherwise. */
static int64_t number_of(const redisReply *r)
{
	if(r->type == REDIS_REPLY_INTEGER)
		return r->integer;
	return r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : -1;
}

/* "<length of the record>\n<record><body>". What does not look like that is all record: the reader of records refuses it then. */
static void text_split(const redisReply *r, struct store_message *m)
{
	struct cpm_slice text = {r->str, r->len};
	size_t line = cpm_slice_find(text, '\n');
	uint64_t n;

	m->record = text;
	m->body = CPM_SLICE_NONE;
	if(line < text.n && cpm_slice_u64(cpm_slice_head(text, line), &n) && n <= text.n - line - 1) {
		m->record = cpm_slice_head(cpm_slice_from(text, line + 1), n);
		m->body = cpm_slice_from(text, line + 1 + n);
	}
}

#define NEXT_HEAD 5
#define NEXT_PER_MESSAGE 5

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

		if(v[0]->type != REDIS_REPLY_STRING || v[4]->type != REDIS_REPLY_STRING) {
			free(batch);
			result->rc = STORE_DOWN;
			return false;
		}
		m->id = (struct cpm_slice){v[0]->str, v[0]->len};
		m->order_us = number_of(v[1]);
		m->expires_ms = number_of(v[2]);
		m->attempts = number_of(v[3]);
		text_split(v[4], m);
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
	if(reply->type != REDIS_REPLY_ARRAY || reply->elements < NEXT_HEAD)
		return false;
	for(size_t i = 0; i < NEXT_HEAD; i++) {
		if(reply->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
	}
	if(reply->element[0]->integer < 0 || reply->element[0]->integer > 2
			|| reply->element[4]->integer < 0
			|| (size_t)reply->element[4]->integer > reply->elements - NEXT_HEAD)
		return false;
	*gone_count = (size_t)reply->element[4]->integer;
	*gone = (const redisReply *const *)(reply->element + NEXT_HEAD);
	from = NEXT_HEAD + *gone_count;
	if((reply->elements - from) % NEXT_PER_MESSAGE)
		return false;
	result->rc = codes[reply->element[0]->integer];
	result->waiting = reply->element[1]->integer;
	result->next_due_ms = reply->element[2]->integer;
	result->busy_ms = reply->element[3]->integer;
	return reply->elements > from && batch_make(reply, from, result);
}

bool transition_expire_answer(
		const redisReply *reply, struct store_expired **expired, size_t *count, bool *more)
{
	*expired = NULL;
	*count = 0;
	if(reply->type != REDIS_REPLY_ARRAY || reply->elements < 1
			|| reply->element[0]->type != REDIS_REPLY_INTEGER)
		return false;
	*more = reply->element[0]->integer == 1;
	*expired = calloc(reply->elements, sizeof(**expired));
	if(!*expired)
		return false;
	for(size_t i = 1; i < reply->elements; i++) {
		struct cpm_slice entry = {reply->element[i]->str, reply->element[i]->len};
		struct cpm_slice id;

		if(reply->element[i]->type != REDIS_REPLY_STRING || !cpm_slice_starts(entry, CPM_SLICE("x:")))
			continue;
		entry = cpm_slice_from(entry, 2);
		if(!cpm_slice_split(&entry, ':', &id) || id.n == 0)
			continue;
		(*expired)[(*count)++] = (struct store_expired){.id = id, .aor = entry};
	}
	return true;
}
