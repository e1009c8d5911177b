/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The yardstick of deferral: the module's own put call from a bare hiredis loop
 * over one connection with 64 calls in the pipe, and nothing else. What this
 * loop does a second is what Redis can take on this machine.
 *   bare_redis -s SOCKET [-t SECONDS | -n COUNT] [-b BODY]
 * Prints one line of JSON: messages, seconds, rate (messages a second).
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "redis/handshake.h"
#include "redis/script.h"
#include "redis/transition.h"

#define PIPE 64
#define USERS 1000
#define RECORD 575 /* octets of a usual record */
#define BODY_MAX 60000
#define WEEK_MS (7 * 86400 * INT64_C(1000))

struct options {
	const char *socket;
	double seconds;
	long count; /* 0: by time */
	size_t body;
};

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;
/* The module's defaults. */
static const struct store_config config = {.prefix = "bare",
		.shards = 64,
		.limits = &limits,
		.max_user_messages = 1000000,
		.ttl_grace_ms = WEEK_MS};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "bare_redis: %s\n", what);
	exit(EXIT_FAILURE);
}

static void load_script(redisContext *c, char sha[SCRIPT_SHA_SIZE])
{
	redisReply *r = redisCommand(c, "SCRIPT LOAD %s", script_text(SCRIPT_PUT));

	if(!r || r->type != REDIS_REPLY_STRING || r->len != SCRIPT_SHA_SIZE - 1)
		fail("the script cannot be loaded");
	memcpy(sha, r->str, SCRIPT_SHA_SIZE);
	freeReplyObject(r);
}

/* The n-th message. */
static void append(redisContext *c, const char *sha, long n, const char *text, size_t body)
{
	char id[64], user[64];
	struct store_put put = {.place = STORE_TO_PUSH, .identity_ttl_ms = 300000};
	struct command *command;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	snprintf(user, sizeof(user), "sip:user%ld@example.com", n % USERS);
	snprintf(id, sizeof(id), "%024lx-%ld", n, n % (long)config.shards);
	put.id = put.identity = cpm_slice_of(id);
	put.aor = cpm_slice_of(user);
	put.now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	put.expires_ms = put.now_ms + WEEK_MS;
	put.record = (struct cpm_slice){text, RECORD};
	put.body = (struct cpm_slice){text + RECORD, body};
	command = transition_put(&config, sha, &put);
	if(!command || redisAppendFormattedCommand(c, command->bytes, command->size) != REDIS_OK)
		fail("a call cannot be made");
	command_free(command);
}

static void take_answer(redisContext *c)
{
	redisReply *r = NULL;

	if(redisGetReply(c, (void **)&r) != REDIS_OK)
		fail(c->errstr);
	if(r->type != REDIS_REPLY_INTEGER || r->integer != 0)
		fail(r->type == REDIS_REPLY_ERROR ? r->str : "a message was not stored");
	freeReplyObject(r);
}

static void run(redisContext *c, const struct options *o)
{
	static char text[RECORD + BODY_MAX];
	char sha[SCRIPT_SHA_SIZE];
	long sent = 0, answered = 0, first = (long)time(NULL) << 24;
	double start, end;

	memset(text, 'x', sizeof(text));
	load_script(c, sha);
	start = now_s();
	end = start + o->seconds;
	while(sent < PIPE)
		append(c, sha, first + sent++, text, o->body);
	while(answered < sent) {
		take_answer(c);
		answered++;
		if(o->count ? sent < o->count : now_s() < end)
			append(c, sha, first + sent++, text, o->body);
	}
	end = now_s();
	printf("{\"messages\": %ld, \"seconds\": %.3f, \"rate\": %.1f}\n", answered, end - start,
			(double)answered / (end - start));
}

int main(int argc, char **argv)
{
	struct options o = {.seconds = 5, .body = 600};
	redisContext *c;
	int option;

	while((option = getopt(argc, argv, "s:t:n:b:")) != -1) {
		if(option == 's')
			o.socket = optarg;
		else if(option == 't')
			o.seconds = strtod(optarg, NULL);
		else if(option == 'n')
			o.count = strtol(optarg, NULL, 10);
		else if(option == 'b')
			o.body = strtoul(optarg, NULL, 10);
		else
			fail("-s SOCKET [-t SECONDS | -n COUNT] [-b BODY]");
	}
	if(!o.socket || o.body > BODY_MAX || o.seconds <= 0)
		fail("-s SOCKET [-t SECONDS | -n COUNT] [-b BODY, at most 60000]");
	c = redisConnectUnix(o.socket);
	if(!c || c->err)
		fail(c ? c->errstr : "out of memory");
	run(c, &o);
	redisFree(c);
	return EXIT_SUCCESS;
}
