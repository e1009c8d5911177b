/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The handshake.
 */
#include "handshake.h"

#include <stdio.h>

enum step {
	STEP_AUTH,
	STEP_SELECT,
	STEP_ROLE,
	STEP_SHARDS_SET,
	STEP_SHARDS_GET,
	STEP_CONFIG,
	STEP_INFO,
	STEP_SCRIPT, /* + enum script */
};

static bool add(struct command_queue *out, int step, size_t count, const char *const *args)
{
	struct command *c = command_of(COMMAND_SETUP, count, args);

	if(!c)
		return false;
	c->step = step;
	command_push(out, c);
	return true;
}

#define ADD(out, step, ...)                                                          \
	add((out), (step), sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *), \
			(const char *[]){__VA_ARGS__})

static bool add_login(const struct store_config *config, bool sentinel, struct command_queue *out)
{
	char number[16];

	if(config->password && config->user
			&& !ADD(out, STEP_AUTH, "AUTH", config->user, config->password))
		return false;
	if(config->password && !config->user && !ADD(out, STEP_AUTH, "AUTH", config->password))
		return false;
	snprintf(number, sizeof(number), "%d", config->database);
	if(config->database != 0 && !ADD(out, STEP_SELECT, "SELECT", number))
		return false;
	return !sentinel || ADD(out, STEP_ROLE, "ROLE");
}

bool handshake_begin(struct handshake *h, const struct store_config *config, bool sentinel,
		struct command_queue *out)
{
	char key[128], number[16];

	*h = (struct handshake){.config = config};
	snprintf(key, sizeof(key), "%s:meta:shards", config->prefix);
	snprintf(number, sizeof(number), "%u", config->shards);
	if(!add_login(config, sentinel, out) || !ADD(out, STEP_SHARDS_SET, "SET", key, number, "NX")
			|| !ADD(out, STEP_SHARDS_GET, "GET", key)
			|| !ADD(out, STEP_CONFIG, "CONFIG", "GET", "appendonly")
			|| !ADD(out, STEP_CONFIG, "CONFIG", "GET", "appendfsync")
			|| !ADD(out, STEP_CONFIG, "CONFIG", "GET", "maxmemory-policy")
			|| !ADD(out, STEP_INFO, "INFO"))
		return false;
	for(int i = 0; i < SCRIPT_LOADED; i++) {
		if(!ADD(out, STEP_SCRIPT + i, "SCRIPT", "LOAD", script_text((enum script)i)))
			return false;
	}
	return true;
}

const char *handshake_write_refusal(const char *error)
{
	if(!strncmp(error, "OOM ", 4) || !strncmp(error, "MISCONF ", 8))
		return "full";
	return strncmp(error, "NOREPLICAS ", 11) ? NULL : "replicas";
}

static const char *refuse(struct handshake *h, const char *reason, const redisReply *reply)
{
	const char *text = reply->type == REDIS_REPLY_ERROR ? reply->str : "an unexpected answer";
	/* the arguments that some errors repeat may be ours to keep */
	const char *cut = strstr(text, " args beginning");
	int n = cut ? (int)(cut - text) : (int)strnlen(text, sizeof(h->detail) - 1);

	snprintf(h->detail, sizeof(h->detail), "%.*s", n, text);
	return reason;
}

static const char *shards_set(
		struct handshake *h, const redisReply *reply, const struct address *from)
{
	if(reply->type != REDIS_REPLY_ERROR)
		return NULL;
	if(handshake_write_refusal(reply->str)) {
		h->full = true;
		return NULL;
	}
	if(!strncmp(reply->str, "MOVED ", 6)) {
		h->moved = address_of_redirect(reply->str, from, &h->owner);
		return h->moved ? NULL : refuse(h, "down", reply);
	}
	if(!strncmp(reply->str, "READONLY", 8))
		return refuse(h, "readonly", reply);
	if(!strncmp(reply->str, "NOAUTH", 6) || !strncmp(reply->str, "NOPERM", 6))
		return refuse(h, "auth", reply);
	return refuse(h, "down", reply); /* LOADING, CLUSTERDOWN, MASTERDOWN, ... */
}

static const char *shards_get(struct handshake *h, const redisReply *reply)
{
	uint64_t shards;

	if(h->moved || (reply->type == REDIS_REPLY_NIL && h->full))
		return NULL;
	if(reply->type != REDIS_REPLY_STRING)
		return refuse(h, "down", reply);
	h->shards_ok = cpm_slice_u64((struct cpm_slice){reply->str, reply->len}, &shards)
				   && shards == h->config->shards;
	if(h->shards_ok)
		return NULL;
	snprintf(h->detail, sizeof(h->detail), "the store has %.20s shards, configured are %u",
			reply->str, h->config->shards);
	return "shards";
}

static const char *script(struct handshake *h, int index, const redisReply *reply)
{
	if(reply->type != REDIS_REPLY_STRING || reply->len != SCRIPT_SHA_SIZE - 1)
		return refuse(h, "scripts", reply);
	memcpy(h->sha[index], reply->str, SCRIPT_SHA_SIZE);
	return NULL;
}

static const char *role(struct handshake *h, const redisReply *reply)
{
	if(reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
			&& reply->element[0]->type == REDIS_REPLY_STRING
			&& !strcmp(reply->element[0]->str, "master"))
		return NULL;
	return refuse(h, "readonly", reply);
}

static const char *unsafe(struct handshake *h)
{
	const char *sentence = durability_sentence(&h->durability, h->config->wait_replicas);

	if(!*sentence || !h->config->require_durable)
		return NULL;
	snprintf(h->detail, sizeof(h->detail), "%s", sentence);
	return "unsafe";
}

const char *handshake_answer(
		struct handshake *h, int step, const redisReply *reply, const struct address *from)
{
	switch(step) {
		case STEP_AUTH:
			return reply->type == REDIS_REPLY_ERROR ? refuse(h, "auth", reply) : NULL;
		case STEP_SELECT:
			return reply->type == REDIS_REPLY_ERROR ? refuse(h, "database", reply) : NULL;
		case STEP_ROLE:
			return role(h, reply);
		case STEP_SHARDS_SET:
			return shards_set(h, reply, from);
		case STEP_SHARDS_GET:
			return shards_get(h, reply);
		case STEP_CONFIG:
			durability_take_config(&h->durability, reply);
			return NULL;
		case STEP_INFO:
			durability_take_info(&h->durability, reply);
			return unsafe(h);
		default:
			return script(h, step - STEP_SCRIPT, reply);
	}
}
