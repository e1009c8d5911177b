/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Lists, and what is done with what they name.
 */
#include "listing.h"

#include "../core/queue/key.h"
#include "../core/queue/record.h"

/* Of deliver_all, in one step: keeps the server free for others. */
#define STEP_MAX "250"
#define OFFSET_MAX 100000000

const struct listing_key listing_list_keys[LISTING_LIST_KEYS] = {
		{"u", true}, {"p", true}, {"q", true}, {"f", true}, {"l", true}, {"due", false}};
const struct listing_key listing_act_keys[LISTING_ACT_KEYS] = {{"u", true}, {"p", true},
		{"f", true}, {"o", true}, {"due", false}, {"tasks", false}, {"taken", false}, {"q", true},
		{"quarantine", false}, {"sums", false}, {"tries", false}};

static void add_keys(struct command *c, const struct store_config *config, struct cpm_slice aor,
		const struct listing_key *keys, size_t count)
{
	for(size_t i = 0; i < count; i++)
		call_key(c, config, keys[i].kind, keys[i].user ? aor : CPM_SLICE_NONE);
	call_key(c, config, "m:", CPM_SLICE_NONE);
	command_arg(c, aor);
}

struct command *listing_call(const struct store_config *config, const char *sha,
		struct cpm_slice aor, int64_t now_ms, size_t offset, size_t count)
{
	struct command *c;

	if(!call_aor_ok(aor))
		return NULL;
	c = call_new(COMMAND_LIST, sha, cpm_key_shard(aor, config->shards), LISTING_LIST_KEYS, 6,
			7 * aor.n + 14 * CALL_SMALL);
	if(!c)
		return NULL;
	add_keys(c, config, aor, listing_list_keys, LISTING_LIST_KEYS);
	call_number(c, now_ms);
	command_arg_i64(c, offset > OFFSET_MAX ? OFFSET_MAX : (int64_t)offset);
	command_arg_i64(c, count > CALL_LIST_MAX ? CALL_LIST_MAX : (int64_t)count);
	command_arg(c, CPM_SLICE_NONE);
	return call_finished(c);
}

struct command *listing_room(
		const struct store_config *config, const char *sha, struct cpm_slice aor)
{
	struct command *c;

	if(!call_aor_ok(aor))
		return NULL;
	c = call_new(
			COMMAND_ROOM, sha, cpm_key_shard(aor, config->shards), 2, 0, 2 * (aor.n + CALL_SMALL));
	if(!c)
		return NULL;
	call_key(c, config, "u", aor);
	call_key(c, config, "p", aor);
	return call_finished(c);
}

static struct command *manage_new(const struct store_config *config, const char *sha,
		struct cpm_slice aor, int64_t now_ms, int64_t store_ms, size_t args)
{
	struct command *c = call_new(COMMAND_MANAGE, sha, cpm_key_shard(aor, config->shards),
			LISTING_ACT_KEYS, 6 + args, 8 * aor.n + (17 + args) * CALL_SMALL);

	if(!c)
		return NULL;
	add_keys(c, config, aor, listing_act_keys, LISTING_ACT_KEYS);
	c->id_n = aor.n;
	c->id_offset = c->size - aor.n - 2;
	c->now_ms = now_ms;
	c->waiting = -1;
	call_number(c, now_ms);
	call_number(c, store_ms);
	command_arg_i64(c, call_clamp(config->ttl_grace_ms, 1, CALL_TTL_MAX_MS));
	call_number(c, now_ms + call_claim_ms(config));
	return c;
}

static struct command *manage_all(
		struct command *c, struct cpm_slice places, struct cpm_slice after)
{
	if(!c)
		return NULL;
	c->all = true;
	command_arg(c, CPM_SLICE("deliver"));
	command_arg(c, places);
	command_arg(c, after);
	command_arg(c, CPM_SLICE(STEP_MAX));
	return call_finished(c);
}

struct command *listing_manage(
		const struct store_config *config, const char *sha, const struct store_manage *m)
{
	static const char *const verbs[] = {"deliver", "interwork", "delete", "store"};
	struct command *c;

	if(!call_aor_ok(m->aor) || m->wish_count > CALL_LIST_MAX)
		return NULL;
	if(m->deliver_all)
		return manage_all(
				manage_new(config, sha, m->aor, m->now_ms, 0, 4), CPM_SLICE("pu"), CPM_SLICE("-1"));
	for(size_t i = 0; i < m->wish_count; i++) {
		if(!call_id_ok(m->wishes[i].id) || m->wishes[i].action > STORE_ACT_STORE)
			return NULL;
	}
	c = manage_new(config, sha, m->aor, m->now_ms, m->store_ms, 1 + 2 * m->wish_count);
	if(!c)
		return NULL;
	c->count = m->wish_count;
	command_arg(c, CPM_SLICE("user"));
	for(size_t i = 0; i < m->wish_count; i++) {
		command_arg(c, cpm_slice_of(verbs[m->wishes[i].action]));
		command_arg(c, m->wishes[i].id);
	}
	return call_finished(c);
}

struct command *listing_manage_on(const struct store_config *config, const char *sha,
		const struct command *c, const redisReply *answer)
{
	struct cpm_slice aor = {c->bytes + c->id_offset, c->id_n};

	return manage_all(manage_new(config, sha, aor, c->now_ms, 0, 4),
			call_slice_of(answer->element[2]), call_slice_of(answer->element[3]));
}

bool listing_step_ok(const redisReply *reply, bool *done)
{
	if(!call_rows_ok(reply, 2, 1) || reply->elements != 4
			|| reply->element[2]->type != REDIS_REPLY_STRING
			|| reply->element[3]->type != REDIS_REPLY_STRING)
		return false;
	*done = reply->element[2]->len == 0;
	return true;
}

bool listing_ok(const redisReply *reply)
{
	return call_rows_ok(reply, LISTING_HEAD, LISTING_ROW);
}

/* "<length>\n<record>"; head_n gets the bytes of the first line. */
static struct cpm_slice record_of(struct cpm_slice text, size_t *head_n)
{
	size_t line = cpm_slice_find(text, '\n');
	uint64_t n;

	*head_n = line + 1;
	if(line == text.n || !cpm_slice_u64(cpm_slice_head(text, line), &n))
		return CPM_SLICE_NONE;
	return cpm_slice_head(cpm_slice_from(text, line + 1), n);
}

void listing_read(redisReply *const *row, struct store_listed *m)
{
	struct cpm_record record;
	size_t head_n;
	uint64_t stored = (uint64_t)call_number_of(row[7]);

	*m = (struct store_listed){.id = call_slice_of(row[0]),
			.state = call_slice_of(row[1]),
			.record = record_of(call_slice_of(row[8]), &head_n),
			.arrival = call_number_of(row[2]),
			.expires_ms = call_number_of(row[3]),
			.not_before_ms = call_number_of(row[4]),
			.attempts = call_number_of(row[5]),
			.last_status = call_number_of(row[6])};
	if(m->record.n && stored >= head_n + m->record.n)
		m->size = stored - head_n - m->record.n;
	/* quarantined messages and those about to go have no expiry in the queue, those kept for the message store none at all */
	if((m->expires_ms == 0 || m->expires_ms >= CALL_NUMBER_MAX)
			&& cpm_record_parse(m->record, &record, NULL) == CPM_OK)
		m->expires_ms = record.expires_ms;
}
