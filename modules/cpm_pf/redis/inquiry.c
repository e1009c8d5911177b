/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Connections and arguments of inquiries.
 */
#include "inquiry.h"

#include <stdlib.h>

#include "../core/queue/key.h"

const char inquiry_unknown_answer[] = "the server's answer has an unknown shape";

static struct timeval timeout_of(const struct store_config *config)
{
	return (struct timeval){
			.tv_sec = config->timeout_ms / 1000, .tv_usec = (config->timeout_ms % 1000) * 1000};
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

static bool node_use(struct inquiry *a, const struct address *address, const char **error)
{
	redisContext *c;

	for(size_t i = 0; i < a->node_count; i++) {
		if(address_eq(&a->nodes[i].address, address)) {
			a->current = i;
			return true;
		}
	}
	if(a->node_count == INQUIRY_CONNECTIONS_MAX) {
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

bool inquiry_open(struct inquiry *a, const struct store_config *config, const char **error)
{
	struct address_set set;
	struct address server;

	*a = (struct inquiry){.config = config};
	*error = address_set_parse(config->address, &set);
	if(*error)
		return false;
	server = set.server;
	if(set.sentinel_count && !ask_sentinel(config, &set, &server, error))
		return false;
	return node_use(a, &server, error);
}

void inquiry_close(struct inquiry *a)
{
	for(size_t i = 0; i < a->node_count; i++)
		redisFree(a->nodes[i].redis);
	a->node_count = 0;
}

redisReply *inquiry_ask(struct inquiry *a, struct inquiry_args *args, const char **error)
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

void inquiry_args_init(struct inquiry_args *args)
{
	args->count = 0;
	cpm_buf_init_fixed(&args->memory, args->text, sizeof(args->text));
}

void inquiry_slice(struct inquiry_args *args, struct cpm_slice s)
{
	if(args->count < INQUIRY_ARGS_MAX) {
		args->v[args->count] = s.n ? s.p : "";
		args->n[args->count++] = s.n;
	}
}

void inquiry_arg(struct inquiry_args *args, const char *s)
{
	inquiry_slice(args, cpm_slice_of(s));
}

void inquiry_number(struct inquiry_args *args, int64_t value)
{
	size_t from = args->memory.n;

	cpm_buf_add_i64(&args->memory, value);
	inquiry_slice(args, cpm_slice_from(cpm_buf_slice(&args->memory), from));
}

void inquiry_key(struct inquiry_args *args, const struct store_config *config, unsigned shard,
		const char *kind, struct cpm_slice rest)
{
	size_t from = args->memory.n;

	cpm_key_add(&args->memory, cpm_slice_of(config->prefix), shard, kind, rest);
	inquiry_slice(args, cpm_slice_from(cpm_buf_slice(&args->memory), from));
}

bool inquiry_args_ok(const struct inquiry_args *args, const char **error)
{
	if(args->memory.rc == CPM_OK)
		return true;
	*error = "the address of record is too long";
	return false;
}

void inquiry_keys(struct inquiry_args *args, const struct store_config *config,
		struct cpm_slice aor, const struct listing_key *keys, size_t count)
{
	unsigned shard = cpm_key_shard(aor, config->shards);

	inquiry_number(args, (int64_t)count);
	for(size_t i = 0; i < count; i++)
		inquiry_key(args, config, shard, keys[i].kind, keys[i].user ? aor : CPM_SLICE_NONE);
	inquiry_key(args, config, shard, "m:", CPM_SLICE_NONE);
	inquiry_slice(args, aor);
}

redisReply *inquiry_unknown(redisReply *r, const char **error)
{
	freeReplyObject(r);
	*error = inquiry_unknown_answer;
	return NULL;
}
