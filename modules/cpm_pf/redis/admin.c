/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Operators' questions to the queue.
 */
#include "admin.h"

#include <stdlib.h>
#include <time.h>

#include "../core/queue/key.h"
#include "../core/queue/record.h"
#include "address.h"
#include "durability.h"
#include "script.h"

#define CONNECTIONS_MAX 16
#define ARGS_MAX 20
#define KEY_SIZE 1280
#define ROW 9 /* values a message in the answer of list.lua */

static const char unknown_answer[] = "the server's answer has an unknown shape";

/* One connection for each Cluster node that was met; the last one used comes first. */
struct admin {
	const struct store_config *config;
	struct {
		struct address address;
		redisContext *redis;
	} nodes[CONNECTIONS_MAX];
	size_t node_count;
	size_t current;
};

struct admin_args {
	const char *v[ARGS_MAX];
	size_t n[ARGS_MAX];
	int count;
	char text[KEY_SIZE * 8]; /* of keys and numbers */
	struct cpm_buf memory;
};

static struct timeval timeout_of(const struct store_config *config)
{
	return (struct timeval){.tv_sec = config->timeout_ms / 1000,
			.tv_usec = (config->timeout_ms % 1000) * 1000};
}

static redisContext *connect_to(
		const struct store_config *config, const struct address *a, const char **error)
{
	struct timeval timeout = timeout_of(config);
	redisContext *c = a->port ? redisConnectWithTimeout(a->host, a->port, timeout)
							  : redisConnectUnixWithTimeout(a->host, timeout);

	if(c && !c->err && redisSetTimeout(c, timeout) == REDIS_OK)
		return c;
	if(c)
		redisFree(c);
	*error = "the server cannot be reached";
	return NULL;
}

/* False when the server refuses or does not answer. */
static bool login(const struct store_config *config, redisContext *c, const char **error)
{
	redisReply *r = NULL;
	bool ok = true;

	if(config->password) {
		r = config->user ? redisCommand(c, "AUTH %s %s", config->user, config->password)
						 : redisCommand(c, "AUTH %s", config->password);
		ok = r && r->type != REDIS_REPLY_ERROR;
		freeReplyObject(r);
	}
	if(ok && config->database != 0) {
		r = redisCommand(c, "SELECT %d", config->database);
		ok = r && r->type != REDIS_REPLY_ERROR;
		freeReplyObject(r);
	}
	if(!ok)
		*error = "the server refuses the user, the password or the database";
	return ok;
}

static bool node_use(struct admin *a, const struct address *address, const char **error)
{
	redisContext *c;

	for(size_t i = 0; i < a->node_count; i++) {
		if(address_eq(&a->nodes[i].address, address)) {
			a->current = i;
			return true;
		}
	}
	if(a->node_count == CONNECTIONS_MAX) {
		*error = "the cluster has too many nodes";
		return false;
	}
	c = connect_to(a->config, address, error);
	if(!c)
		return false;
	if(!login(a->config, c, error)) {
		redisFree(c);
		return false;
	}
	a->current = a->node_count++;
	a->nodes[a->current].address = *address;
	a->nodes[a->current].redis = c;
	return true;
}

static bool ask_sentinel(const struct store_config *config, const struct address_set *set,
		struct address *master, const char **error)
{
	for(size_t i = 0; i < set->sentinel_count; i++) {
		redisContext *c = connect_to(config, &set->sentinels[i], error);
		redisReply *r;
		bool known;

		if(!c)
			continue;
		r = redisCommand(c, "SENTINEL get-master-addr-by-name %s", set->master);
		known = r && address_of_master(r, master);
		freeReplyObject(r);
		redisFree(c);
		if(known)
			return true;
		*error = "no Sentinel knows the master";
	}
	return false;
}

static bool admin_open(struct admin *a, const struct store_config *config, const char **error)
{
	struct address_set set;
	struct address server;

	*a = (struct admin){.config = config};
	*error = address_set_parse(config->address, &set);
	if(*error)
		return false;
	server = set.server;
	if(set.sentinel_count && !ask_sentinel(config, &set, &server, error))
		return false;
	return node_use(a, &server, error);
}

static void admin_close(struct admin *a)
{
	for(size_t i = 0; i < a->node_count; i++)
		redisFree(a->nodes[i].redis);
	a->node_count = 0;
}

/* The answer, or NULL and *error. Follows one MOVED. */
static redisReply *ask(struct admin *a, struct admin_args *args, const char **error)
{
	for(int attempt = 0; attempt < 2; attempt++) {
		redisReply *r = redisCommandArgv(a->nodes[a->current].redis, args->count, args->v, args->n);
		struct address to;
		bool moved;

		if(!r) {
			*error = "the server did not answer in time";
			return NULL;
		}
		if(r->type != REDIS_REPLY_ERROR)
			return r;
		moved = !strncmp(r->str, "MOVED ", 6)
				&& address_of_redirect(r->str, &a->nodes[a->current].address, &to);
		freeReplyObject(r);
		*error = "the server refuses the command";
		if(!moved || !node_use(a, &to, error))
			return NULL;
	}
	return NULL;
}

static void args_init(struct admin_args *args)
{
	args->count = 0;
	cpm_buf_init_fixed(&args->memory, args->text, sizeof(args->text));
}

static void arg_slice(struct admin_args *args, struct cpm_slice s)
{
	if(args->count < ARGS_MAX) {
		args->v[args->count] = s.n ? s.p : "";
		args->n[args->count++] = s.n;
	}
}

static void arg(struct admin_args *args, const char *s)
{
	arg_slice(args, cpm_slice_of(s));
}

static void arg_number(struct admin_args *args, int64_t value)
{
	size_t from = args->memory.n;

	cpm_buf_add_i64(&args->memory, value);
	arg_slice(args, cpm_slice_from(cpm_buf_slice(&args->memory), from));
}

static void arg_key(struct admin_args *args, const struct store_config *config, unsigned shard,
		const char *kind, struct cpm_slice rest)
{
	size_t from = args->memory.n;

	cpm_key_add(&args->memory, cpm_slice_of(config->prefix), shard, kind, rest);
	arg_slice(args, cpm_slice_from(cpm_buf_slice(&args->memory), from));
}

static bool args_ok(const struct admin_args *args, const char **error)
{
	if(args->memory.rc == CPM_OK)
		return true;
	*error = "the address of record is too long";
	return false;
}

static int64_t number_of(const redisReply *r)
{
	if(r->type == REDIS_REPLY_INTEGER)
		return r->integer;
	return r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : 0;
}

static struct cpm_slice text_of(const redisReply *r)
{
	return r->type == REDIS_REPLY_STRING ? (struct cpm_slice){r->str, r->len} : CPM_SLICE_NONE;
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

static void row_read(redisReply *const *row, struct admin_message *m)
{
	struct cpm_record record;
	size_t head_n;
	uint64_t stored = (uint64_t)number_of(row[7]);

	*m = (struct admin_message){.id = text_of(row[0]),
			.state = text_of(row[1]),
			.record = record_of(text_of(row[8]), &head_n),
			.order_us = number_of(row[2]),
			.expires_ms = number_of(row[3]),
			.not_before_ms = number_of(row[4]),
			.attempts = number_of(row[5]),
			.last_status = number_of(row[6])};
	if(m->record.n && stored >= head_n + m->record.n)
		m->size = stored - head_n - m->record.n;
	/* only waiting messages have a due entry */
	if(m->expires_ms == 0 && cpm_record_parse(m->record, &record, NULL) == CPM_OK)
		m->expires_ms = record.expires_ms;
}

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static redisReply *ask_list(struct admin *a, struct cpm_slice aor, size_t offset, size_t count,
		struct cpm_slice only, const char **error)
{
	unsigned shard = cpm_key_shard(aor, a->config->shards);
	struct admin_args args;
	redisReply *r;

	args_init(&args);
	arg(&args, "EVAL");
	arg(&args, script_text(SCRIPT_LIST));
	arg(&args, "6");
	for(const char *const *kind = (const char *const[]){"u", "e", "q", "f", "l", NULL}; *kind; kind++)
		arg_key(&args, a->config, shard, *kind, aor);
	arg_key(&args, a->config, shard, "due", CPM_SLICE_NONE);
	arg_key(&args, a->config, shard, "m:", CPM_SLICE_NONE);
	arg_slice(&args, aor);
	arg_number(&args, clock_ms());
	arg_number(&args, offset > 1000000 ? 1000000 : (int64_t)offset);
	arg_number(&args, count > 1000 ? 1000 : (int64_t)count);
	arg_slice(&args, only);
	if(!args_ok(&args, error))
		return NULL;
	r = ask(a, &args, error);
	if(r && (r->type != REDIS_REPLY_ARRAY || r->elements < 2 || (r->elements - 2) % ROW)) {
		freeReplyObject(r);
		*error = unknown_answer;
		return NULL;
	}
	return r;
}

static size_t rows_each(const redisReply *r,
		void (*each)(void *context, const struct admin_message *m), void *context)
{
	size_t rows = 0;

	for(size_t i = 2; i < r->elements; i += ROW, rows++) {
		struct admin_message m;

		row_read(r->element + i, &m);
		each(context, &m);
	}
	return rows;
}

bool admin_list(const struct store_config *config, struct cpm_slice aor, size_t offset, size_t count,
		void (*each)(void *context, const struct admin_message *m), void *context, size_t *total,
		bool *leased, const char **error)
{
	struct admin a;
	redisReply *r = NULL;

	if(admin_open(&a, config, error))
		r = ask_list(&a, aor, offset, count, CPM_SLICE_NONE, error);
	if(r) {
		*total = (size_t)number_of(r->element[0]);
		*leased = number_of(r->element[1]) > 0;
		rows_each(r, each, context);
		freeReplyObject(r);
	}
	admin_close(&a);
	return r != NULL;
}

/* The record of an id; its user stands in it. */
static redisReply *ask_record(
		struct admin *a, struct cpm_slice id, unsigned shard, const char **error)
{
	struct admin_args args;

	args_init(&args);
	arg(&args, "GETRANGE");
	arg_key(&args, a->config, shard, "m", id);
	arg(&args, "0");
	arg_number(&args, (int64_t)a->config->limits->max_record_bytes + 32);
	return args_ok(&args, error) ? ask(a, &args, error) : NULL;
}

static int show_found(struct admin *a, struct cpm_slice id, struct cpm_slice text,
		void (*each)(void *context, const struct admin_message *m), void *context,
		const char **error)
{
	struct cpm_record record;
	size_t head_n, rows;
	struct admin_message m = {.id = id, .state = CPM_SLICE("quarantined")};
	redisReply *r;

	m.record = record_of(text, &head_n);
	if(cpm_record_parse(m.record, &record, NULL) != CPM_OK) {
		/* nobody can tell whose it is: it waits to be set aside, or has been */
		m.record = m.record.n ? m.record : text;
		each(context, &m);
		return 1;
	}
	r = ask_list(a, record.aor, 0, 1, id, error);
	if(!r)
		return -1;
	rows = rows_each(r, each, context);
	freeReplyObject(r);
	return rows > 0;
}

int admin_show(const struct store_config *config, struct cpm_slice id,
		void (*each)(void *context, const struct admin_message *m), void *context,
		const char **error)
{
	struct admin a;
	unsigned shard;
	redisReply *r = NULL;
	int found = -1;

	if(!cpm_key_shard_of_id(id, config->shards, &shard))
		return 0;
	if(admin_open(&a, config, error))
		r = ask_record(&a, id, shard, error);
	if(r && r->type != REDIS_REPLY_STRING)
		*error = unknown_answer;
	else if(r)
		found = r->len == 0 ? 0 : show_found(&a, id, text_of(r), each, context, error);
	freeReplyObject(r);
	admin_close(&a);
	return found;
}

int64_t admin_ping(const struct store_config *config, const char **error)
{
	struct admin a;
	struct admin_args args;
	struct timespec from, to;
	redisReply *r = NULL;

	args_init(&args);
	arg(&args, "PING");
	if(admin_open(&a, config, error)) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		r = ask(&a, &args, error);
		clock_gettime(CLOCK_MONOTONIC, &to);
	}
	freeReplyObject(r);
	admin_close(&a);
	if(!r)
		return -1;
	return (int64_t)(to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
}

static bool totals_of_shard(
		struct admin *a, unsigned shard, struct admin_totals *totals, const char **error)
{
	struct admin_args args;
	redisReply *r;
	bool known;

	args_init(&args);
	arg(&args, "EVAL");
	arg(&args, script_text(SCRIPT_TOTALS));
	arg(&args, "3");
	for(const char *const *kind = (const char *const[]){"due", "expired", "quarantine", NULL}; *kind;
			kind++)
		arg_key(&args, a->config, shard, *kind, CPM_SLICE_NONE);
	r = ask(a, &args, error);
	if(!r)
		return false;
	known = r->type == REDIS_REPLY_ARRAY && r->elements == 3;
	if(known) {
		totals->waiting += (uint64_t)number_of(r->element[0]);
		totals->expired += (uint64_t)number_of(r->element[1]);
		totals->quarantined += (uint64_t)number_of(r->element[2]);
	} else {
		*error = unknown_answer;
	}
	freeReplyObject(r);
	return known;
}

bool admin_totals(
		const struct store_config *config, struct admin_totals *totals, const char **error)
{
	struct admin a;
	bool ok = admin_open(&a, config, error);

	*totals = (struct admin_totals){.waiting = 0};
	for(unsigned i = 0; ok && i < config->shards; i++)
		ok = totals_of_shard(&a, i, totals, error);
	admin_close(&a);
	return ok;
}

bool admin_durability(
		const struct store_config *config, char *sentence, size_t size, const char **error)
{
	static const char *const names[] = {"appendonly", "appendfsync", "maxmemory-policy"};
	struct durability d = {.appendonly = ""};
	const char *text;
	struct admin a;
	bool ok = admin_open(&a, config, error);

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
	admin_close(&a);
	text = durability_sentence(&d, config->wait_replicas);
	if(ok && size) {
		size_t n = strnlen(text, size - 1);
		memcpy(sentence, text, n);
		sentence[n] = '\0';
	}
	return ok;
}
