/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Script calls and their answers.
 */
#include "call.h"

#include <stdlib.h>

#include "../core/queue/key.h"

int64_t call_clamp(int64_t value, int64_t min, int64_t max)
{
	if(value < min)
		return min;
	return value > max ? max : value;
}

bool call_id_ok(struct cpm_slice id)
{
	return id.n > 0 && id.n <= CALL_ID_MAX && cpm_slice_find(id, ':') == id.n;
}

bool call_aor_ok(struct cpm_slice aor)
{
	return aor.n > 0 && aor.n <= CALL_AOR_MAX;
}

int64_t call_claim_ms(const struct store_config *config)
{
	return config->claim_ms > 0 ? config->claim_ms : CALL_CLAIM_MS;
}

int64_t call_ttl(const struct store_config *config, int64_t now_ms, int64_t expires_ms)
{
	int64_t left =
			call_clamp(expires_ms, 0, CALL_NUMBER_MAX) - call_clamp(now_ms, 0, CALL_NUMBER_MAX);

	return call_clamp(call_clamp(left, 0, CALL_TTL_MAX_MS)
							  + call_clamp(config->ttl_grace_ms, 0, CALL_TTL_MAX_MS),
			1, CALL_TTL_MAX_MS);
}

struct command *call_new(enum command_kind kind, const char *sha, unsigned shard, size_t keys,
		size_t args, size_t bytes)
{
	struct command *c = command_new(kind, 3 + keys + args, bytes + CALL_SMALL);

	if(c) {
		c->shard = shard;
		command_arg(c, CPM_SLICE("EVALSHA"));
		command_arg(c, cpm_slice_of(sha));
		command_arg_i64(c, (int64_t)keys);
	}
	return c;
}

struct command *call_finished(struct command *c)
{
	if(c && c->overflow) {
		command_free(c);
		return NULL;
	}
	return c;
}

void call_key(struct command *c, const struct store_config *config, const char *kind,
		struct cpm_slice rest)
{
	char memory[CALL_AOR_MAX + CALL_SMALL];
	struct cpm_buf key;

	cpm_buf_init_fixed(&key, memory, sizeof(memory));
	cpm_key_add(&key, cpm_slice_of(config->prefix), c->shard, kind, rest);
	c->overflow = c->overflow || key.rc != CPM_OK;
	command_arg(c, cpm_buf_slice(&key));
}

void call_number(struct command *c, int64_t value)
{
	command_arg_i64(c, call_clamp(value, 0, CALL_NUMBER_MAX));
}

void call_entry(struct command *c, char letter, struct cpm_slice id, struct cpm_slice aor)
{
	char memory[CALL_AOR_MAX + CALL_ID_MAX + 4];
	struct cpm_buf entry;

	cpm_buf_init_fixed(&entry, memory, sizeof(memory));
	cpm_buf_add_char(&entry, letter);
	cpm_buf_add_char(&entry, ':');
	cpm_buf_add(&entry, id);
	cpm_buf_add_char(&entry, ':');
	cpm_buf_add(&entry, aor);
	command_arg(c, cpm_buf_slice(&entry));
}

void call_text(struct command *c, struct cpm_slice record, struct cpm_slice body)
{
	char memory[CALL_SMALL];
	struct cpm_buf head;

	cpm_buf_init_fixed(&head, memory, sizeof(memory));
	cpm_buf_add_u64(&head, record.n);
	cpm_buf_add_char(&head, '\n');
	command_arg3(c, cpm_buf_slice(&head), record, body);
}

void call_mark(struct command *c, const struct store_config *config, const char *kind,
		struct cpm_slice aor, struct cpm_slice identity)
{
	char memory[2 * 20 + 1];
	struct cpm_buf text;

	cpm_buf_init_fixed(&text, memory, sizeof(memory));
	for(uint64_t seed = 1; seed <= 2; seed++) {
		uint64_t hash = cpm_slice_hash(identity, cpm_slice_hash(aor, seed) + seed);
		if(seed == 2)
			cpm_buf_add_char(&text, '-');
		cpm_buf_add_u64(&text, hash);
	}
	call_key(c, config, kind, cpm_buf_slice(&text));
}

int64_t call_number_of(const redisReply *r)
{
	if(r->type == REDIS_REPLY_INTEGER)
		return r->integer;
	return r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : -1;
}

struct cpm_slice call_slice_of(const redisReply *r)
{
	return r->type == REDIS_REPLY_STRING ? (struct cpm_slice){r->str, r->len} : CPM_SLICE_NONE;
}

void call_text_split(struct cpm_slice text, struct cpm_slice *record, struct cpm_slice *body)
{
	size_t line = cpm_slice_find(text, '\n');
	uint64_t n;

	*record = text;
	*body = CPM_SLICE_NONE;
	if(line < text.n && cpm_slice_u64(cpm_slice_head(text, line), &n) && n <= text.n - line - 1) {
		*record = cpm_slice_head(cpm_slice_from(text, line + 1), n);
		*body = cpm_slice_from(text, line + 1 + n);
	}
}

bool call_rows_ok(const redisReply *reply, size_t head, size_t row)
{
	if(reply->type != REDIS_REPLY_ARRAY || reply->elements < head || (reply->elements - head) % row)
		return false;
	for(size_t i = 0; i < head; i++) {
		if(reply->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
	}
	return true;
}
