/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Operators' questions to the queue about messages, and what they do to them.
 */
#include "admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../core/queue/key.h"
#include "../core/queue/record.h"
#include "durability.h"
#include "inquiry.h"
#include "script.h"

/* Messages in one step of what goes through many: keeps the server free for others. */
#define STEP_MAX 250
#define OFFSET_MAX 100000000
/* Unreadable messages of a shard that are looked through for the user of one. */
#define QUARANTINE_MAX 10000

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static redisReply *ask_list(struct inquiry *a, struct cpm_slice aor, size_t offset, size_t count,
		struct cpm_slice only, const char **error)
{
	struct inquiry_args args;
	redisReply *r;

	inquiry_args_init(&args);
	inquiry_arg(&args, "EVAL");
	inquiry_arg(&args, script_text(SCRIPT_LIST));
	inquiry_keys(&args, a->config, aor, listing_list_keys, LISTING_LIST_KEYS);
	inquiry_number(&args, clock_ms());
	inquiry_number(&args, offset > OFFSET_MAX ? OFFSET_MAX : (int64_t)offset);
	inquiry_number(&args, count > CALL_LIST_MAX ? CALL_LIST_MAX : (int64_t)count);
	inquiry_slice(&args, only);
	if(!inquiry_args_ok(&args, error))
		return NULL;
	r = inquiry_ask(a, &args, error);
	return r && !listing_ok(r) ? inquiry_unknown(r, error) : r;
}

static size_t rows_each(const redisReply *r, admin_each each, void *context)
{
	size_t rows = 0;

	for(size_t i = LISTING_HEAD; i < r->elements; i += LISTING_ROW, rows++) {
		struct store_listed m;

		listing_read(r->element + i, &m);
		each(context, &m);
	}
	return rows;
}

bool admin_list(const struct store_config *config, struct cpm_slice aor, size_t offset,
		size_t count, admin_each each, void *context, size_t *total, bool *leased,
		const char **error)
{
	struct inquiry a;
	redisReply *r = NULL;

	if(inquiry_open(&a, config, error))
		r = ask_list(&a, aor, offset, count, CPM_SLICE_NONE, error);
	if(r) {
		*total = (size_t)r->element[0]->integer;
		*leased = r->element[1]->integer > 0;
		rows_each(r, each, context);
		freeReplyObject(r);
	}
	inquiry_close(&a);
	return r != NULL;
}

/* The record of an id; its user stands in it. */
static redisReply *ask_record(
		struct inquiry *a, struct cpm_slice id, unsigned shard, const char **error)
{
	struct inquiry_args args;

	inquiry_args_init(&args);
	inquiry_arg(&args, "GETRANGE");
	inquiry_key(&args, a->config, shard, "m", id);
	inquiry_arg(&args, "0");
	inquiry_number(&args, (int64_t)a->config->limits->max_record_bytes + 32);
	return inquiry_args_ok(&args, error) ? inquiry_ask(a, &args, error) : NULL;
}

/* The user of a message, from its record; empty when it cannot be read. */
static struct cpm_slice user_of(struct cpm_slice text, struct cpm_slice *record)
{
	struct cpm_slice body;
	struct cpm_record parsed;

	call_text_split(text, record, &body);
	if(cpm_record_parse(*record, &parsed, NULL) != CPM_OK)
		return CPM_SLICE_NONE;
	return parsed.aor;
}

static int show_found(struct inquiry *a, struct cpm_slice id, struct cpm_slice text,
		admin_each each, void *context, const char **error)
{
	size_t rows;
	struct store_listed m = {.id = id, .state = CPM_SLICE("quarantined")};
	struct cpm_slice aor = user_of(text, &m.record);
	redisReply *r;

	if(aor.n == 0) {
		/* nobody can tell whose it is: it waits to be set aside, or has been */
		each(context, &m);
		return 1;
	}
	r = ask_list(a, aor, 0, 1, id, error);
	if(!r)
		return -1;
	rows = rows_each(r, each, context);
	freeReplyObject(r);
	return rows > 0;
}

/* What is stored under an id. 1 and *r, 0 nothing, -1 trouble. */
static int ask_message(struct inquiry *a, struct cpm_slice id, redisReply **r, const char **error)
{
	unsigned shard;

	*r = NULL;
	if(!cpm_key_shard_of_id(id, a->config->shards, &shard))
		return 0;
	*r = ask_record(a, id, shard, error);
	if(*r && (*r)->type != REDIS_REPLY_STRING)
		*r = inquiry_unknown(*r, error);
	if(!*r)
		return -1;
	return (*r)->len > 0;
}

int admin_show(const struct store_config *config, struct cpm_slice id, admin_each each,
		void *context, const char **error)
{
	struct inquiry a;
	redisReply *r = NULL;
	int found = -1;

	if(inquiry_open(&a, config, error))
		found = ask_message(&a, id, &r, error);
	if(found == 1)
		found = show_found(&a, id, call_slice_of(r), each, context, error);
	freeReplyObject(r);
	inquiry_close(&a);
	return found;
}

static const struct {
	const char *name;
	const char *places; /* in which order one goes through a user's messages */
} verbs[] = {
		[ADMIN_HOLD] = {"hold", "up"},
		[ADMIN_RELEASE] = {"release", "p"},
		[ADMIN_DELETE] = {"delete", "upq"},
		[ADMIN_EXPIRE] = {"expire", "up"},
		[ADMIN_REQUEUE] = {"requeue", "qup"},
};

static void act_begin(
		struct inquiry *a, struct inquiry_args *args, struct cpm_slice aor, int64_t now_ms)
{
	inquiry_args_init(args);
	inquiry_arg(args, "EVAL");
	inquiry_arg(args, script_text(SCRIPT_ACT));
	inquiry_keys(args, a->config, aor, listing_act_keys, LISTING_ACT_KEYS);
	inquiry_number(args, now_ms);
	inquiry_arg(args, "0");
	inquiry_number(args, call_clamp(a->config->ttl_grace_ms, 1, CALL_TTL_MAX_MS));
	inquiry_number(args, now_ms + call_claim_ms(a->config));
}

static int act_one(struct inquiry *a, enum admin_verb verb, struct cpm_slice id,
		struct cpm_slice aor, int64_t now_ms, size_t *touched, const char **error)
{
	struct inquiry_args args;
	redisReply *r;
	int found = -1;

	act_begin(a, &args, aor, now_ms);
	inquiry_arg(&args, "operator");
	inquiry_arg(&args, verbs[verb].name);
	inquiry_slice(&args, id);
	if(!inquiry_args_ok(&args, error) || !(r = inquiry_ask(a, &args, error)))
		return -1;
	if(call_rows_ok(r, 2, 1)) {
		found = r->element[1]->integer >= 0;
		*touched = r->element[1]->integer == 1;
	} else {
		*error = inquiry_unknown_answer;
	}
	freeReplyObject(r);
	return found;
}

static int act_all(struct inquiry *a, enum admin_verb verb, struct cpm_slice aor, int64_t now_ms,
		size_t *touched, const char **error)
{
	char places[8], after[32] = "-1";
	bool done = false;

	snprintf(places, sizeof(places), "%s", verbs[verb].places);
	while(!done) {
		struct inquiry_args args;
		redisReply *r;

		act_begin(a, &args, aor, now_ms);
		inquiry_arg(&args, verbs[verb].name);
		inquiry_arg(&args, places);
		inquiry_arg(&args, after);
		inquiry_number(&args, STEP_MAX);
		if(!inquiry_args_ok(&args, error) || !(r = inquiry_ask(a, &args, error)))
			return -1;
		if(!listing_step_ok(r, &done)) {
			inquiry_unknown(r, error);
			return -1;
		}
		*touched += (size_t)r->element[1]->integer;
		snprintf(places, sizeof(places), "%s", r->element[2]->str);
		snprintf(after, sizeof(after), "%s", r->element[3]->str);
		freeReplyObject(r);
	}
	return 1;
}

/* The user in "x:<id>:<aor>" of the shard's quarantine; empty when it is not there. Borrows from *entries. */
static struct cpm_slice ask_quarantined_user(
		struct inquiry *a, struct cpm_slice id, redisReply **entries, const char **error)
{
	struct inquiry_args args;
	unsigned shard;

	cpm_key_shard_of_id(id, a->config->shards, &shard);
	inquiry_args_init(&args);
	inquiry_arg(&args, "ZRANGE");
	inquiry_key(&args, a->config, shard, "quarantine", CPM_SLICE_NONE);
	inquiry_arg(&args, "0");
	inquiry_number(&args, QUARANTINE_MAX);
	*entries = inquiry_args_ok(&args, error) ? inquiry_ask(a, &args, error) : NULL;
	if(*entries && (*entries)->type != REDIS_REPLY_ARRAY)
		*entries = inquiry_unknown(*entries, error);
	for(size_t i = 0; *entries && i < (*entries)->elements; i++) {
		struct cpm_slice entry = call_slice_of((*entries)->element[i]),
						 rest = cpm_slice_from(entry, 2);

		if(cpm_slice_starts(rest, id) && rest.n > id.n && rest.p[id.n] == ':')
			return cpm_slice_from(rest, id.n + 1);
	}
	return CPM_SLICE_NONE;
}

/* Of a message whose record nobody can read, the user stands in the quarantine. */
static int act_on_id(struct inquiry *a, enum admin_verb verb, struct cpm_slice id, int64_t now_ms,
		size_t *touched, const char **error)
{
	redisReply *r, *entries = NULL;
	struct cpm_slice record, aor;
	int found = ask_message(a, id, &r, error);

	if(found == 1) {
		aor = user_of(call_slice_of(r), &record);
		if(aor.n == 0)
			aor = ask_quarantined_user(a, id, &entries, error);
		found = aor.n ? act_one(a, verb, id, aor, now_ms, touched, error) : *error ? -1 : 0;
	}
	freeReplyObject(r);
	freeReplyObject(entries);
	return found;
}

int admin_act(const struct store_config *config, enum admin_verb verb, struct cpm_slice id,
		struct cpm_slice aor, int64_t now_ms, size_t *touched, const char **error)
{
	struct inquiry a;
	int found = -1;

	*touched = 0;
	*error = NULL;
	if(inquiry_open(&a, config, error))
		found = id.n ? act_on_id(&a, verb, id, now_ms, touched, error)
					 : act_all(&a, verb, aor, now_ms, touched, error);
	inquiry_close(&a);
	return found;
}

int64_t admin_ping(const struct store_config *config, const char **error)
{
	struct inquiry a;
	struct inquiry_args args;
	struct timespec from, to;
	redisReply *r = NULL;

	inquiry_args_init(&args);
	inquiry_arg(&args, "PING");
	if(inquiry_open(&a, config, error)) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		r = inquiry_ask(&a, &args, error);
		clock_gettime(CLOCK_MONOTONIC, &to);
	}
	freeReplyObject(r);
	inquiry_close(&a);
	if(!r)
		return -1;
	return (int64_t)(to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
}

bool admin_durability(
		const struct store_config *config, char *sentence, size_t size, const char **error)
{
	static const char *const names[] = {"appendonly", "appendfsync", "maxmemory-policy"};
	struct durability d = {.appendonly = ""};
	const char *text;
	struct inquiry a;
	bool ok = inquiry_open(&a, config, error);

	for(size_t i = 0; ok && i < 4; i++) {
		redisReply *r = i < 3 ? redisCommand(a.nodes[a.current].redis, "CONFIG GET %s", names[i])
							  : redisCommand(a.nodes[a.current].redis, "INFO");
		ok = r != NULL;
		if(!ok)
			*error = "the server did not answer in time";
		else if(i < 3)
			durability_take_config(&d, r);
		else
			durability_take_info(&d, r);
		freeReplyObject(r);
	}
	inquiry_close(&a);
	text = durability_sentence(&d, config->wait_replicas);
	if(ok && size) {
		size_t n = strnlen(text, size - 1);
		memcpy(sentence, text, n);
		sentence[n] = '\0';
	}
	return ok;
}
