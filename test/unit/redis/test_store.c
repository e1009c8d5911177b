/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The store's connections against real servers: refusals of configuration,
 * outages of every kind, replicas, Sentinel and Cluster.
 */
#include <signal.h>

#include "driver.h"

#include "core/queue/key.h"

static struct server server;

static void setup(void)
{
	server = (struct server){.pid = 0};
}

static void teardown(void)
{
	server_free(&server);
}

static const struct {
	const char *name, *address, *prefix;
	unsigned shards;
	int64_t timeout_ms, min_ms, max_ms;
	const char *user;
} bad[] = {
		{"no address", NULL, "cpm", 4, 100, 1, 10, NULL},
		{"empty address", "", "cpm", 4, 100, 1, 10, NULL},
		{"no port", "localhost", "cpm", 4, 100, 1, 10, NULL},
		{"port 0", "localhost:0", "cpm", 4, 100, 1, 10, NULL},
		{"large port", "localhost:65536", "cpm", 4, 100, 1, 10, NULL},
		{"no host", ":6379", "cpm", 4, 100, 1, 10, NULL},
		{"no path", "unix:", "cpm", 4, 100, 1, 10, NULL},
		{"sentinel without master", "sentinel:@h:1", "cpm", 4, 100, 1, 10, NULL},
		{"sentinel without hosts", "sentinel:m@", "cpm", 4, 100, 1, 10, NULL},
		{"sentinel without at", "sentinel:m", "cpm", 4, 100, 1, 10, NULL},
		{"too many sentinels", "sentinel:m@a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9", "cpm", 4, 100, 1,
				10, NULL},
		{"braces", "h:1", "c{p}m", 4, 100, 1, 10, NULL},
		{"empty prefix", "h:1", "", 4, 100, 1, 10, NULL},
		{"no shards", "h:1", "cpm", 0, 100, 1, 10, NULL},
		{"too many shards", "h:1", "cpm", 16385, 100, 1, 10, NULL},
		{"no time", "h:1", "cpm", 4, 0, 1, 10, NULL},
		{"min over max", "h:1", "cpm", 4, 100, 11, 10, NULL},
		{"user without password", "h:1", "cpm", 4, 100, 1, 10, "u"},
};

START_TEST(refuses_bad_configuration)
{
	for(size_t i = 0; i < UNIT_COUNT(bad); i++) {
		struct store_config config = driver_config(bad[i].address);
		const char *error = NULL;

		config.prefix = bad[i].prefix;
		config.shards = bad[i].shards;
		config.timeout_ms = bad[i].timeout_ms;
		config.reconnect_min_ms = bad[i].min_ms;
		config.reconnect_max_ms = bad[i].max_ms;
		config.user = bad[i].user;
		ck_assert_msg(!store_new(&config, &error), "%s", bad[i].name);
		ck_assert_msg(error != NULL, "%s", bad[i].name);
	}
}
END_TEST

START_TEST(names_its_results)
{
	ck_assert_str_eq(store_rc_name(STORE_OK), "ok");
	ck_assert_str_eq(store_rc_name(STORE_DOWN), "down");
	ck_assert_str_eq(store_rc_name((enum store_rc)99), "unknown");
}
END_TEST

START_TEST(accepts_nothing_before_it_is_connected)
{
	struct store_config config = driver_config("unix:/nonexistent/redis.sock");
	struct store *s = driver_new(&config);
	struct store_put put = driver_message("m");
	struct store_next ask = driver_ask("t");

	ck_assert(!store_available(s));
	ck_assert(!store_put(s, &put, put_seen, NULL));
	test_until(&s, 1, heard.states > 0);
	ck_assert(!heard.available);
	ck_assert_str_eq(heard.reason, "down");
	ck_assert(!store_put(s, &put, put_seen, NULL));
	ck_assert(!store_next(s, &ask, next_seen, NULL));
	ck_assert(!store_claim(s, 0, 0, 1, 1, 1, claim_seen, NULL));
	for(int i = 0; i < 20; i++)
		test_turn(&s, 1, 5);
	ck_assert_int_eq(heard.states, 1); /* told once, not at each attempt */
	store_free(&s);
}
END_TEST

START_TEST(connects_when_the_server_comes)
{
	struct store_config config;
	struct store *s;

	server_start(&server, false, "");
	server_end(&server, SIGTERM);
	config = driver_config(server.address);
	s = driver_new(&config);
	test_until(&s, 1, heard.states > 0);
	server_restart(&server);
	test_until(&s, 1, store_available(s));
	ck_assert_str_eq(heard.reason, "connected");
	driver_store(s, "m");
	store_free(&s);
}
END_TEST

START_TEST(speaks_tcp)
{
	struct store_config config;
	struct store *s;

	server_start(&server, true, "");
	config = driver_config(server.address);
	s = driver_open(&config);
	driver_store(s, "m");
	store_free(&s);
}
END_TEST

static void check_login(const char *user, const char *password, int database, const char *reason)
{
	struct store_config config = driver_config(server.address);
	struct store *s;

	config.user = user;
	config.password = password;
	config.database = database;
	s = driver_new(&config);
	test_until(&s, 1, heard.states > 0);
	ck_assert_str_eq(heard.reason, reason);
	if(store_available(s))
		driver_store(s, "m");
	store_free(&s);
}

START_TEST(logs_in)
{
	server_start(&server, false, "");
	server_tell(&server, "ACL SETUSER cpm on >secret ~cpm:* +@all -config");
	server_tell(&server, "ACL SETUSER poor on >secret ~other:* +@all");
	server_tell(&server, "CONFIG SET requirepass top");
	check_login(NULL, NULL, 0, "auth");
	check_login(NULL, "wrong", 0, "auth");
	check_login("cpm", "wrong", 0, "auth");
	check_login("poor", "secret", 0, "auth");
	check_login(NULL, "top", 0, "connected");
	check_login("cpm", "secret", 3, "connected");
	check_login(NULL, "top", 99, "database");
	ck_assert_ptr_null(strstr(heard.log, "top"));
	server_tell(&server, "SELECT 3");
	ck_assert_int_gt(server_integer(&server, "DBSIZE"), 2);
}
END_TEST

static const struct {
	const char *options;
	const char *sentence; /* a part of it; "" when all is well */
} durable[] = {
		{"--appendonly no", "appendonly is off"},
		{"--appendonly yes --appendfsync no", "appendfsync is 'no'"},
		{"--appendonly yes --appendfsync everysec", "last second"},
		{"--appendonly yes --appendfsync always --maxmemory-policy allkeys-lru", "evict"},
		{"--appendonly yes --appendfsync always", ""},
};

START_TEST(tells_about_durability)
{
	for(size_t i = 0; i < UNIT_COUNT(durable); i++) {
		struct store_config config;
		struct store *s;

		server_start(&server, false, durable[i].options);
		config = driver_config(server.address);
		s = driver_open(&config);
		ck_assert_msg(strstr(heard.log, *durable[i].sentence ? durable[i].sentence : "connected"),
				"%s", heard.log);
		store_free(&s);
		config = driver_config(server.address);
		config.require_durable = true;
		s = driver_new(&config);
		test_until(&s, 1, heard.states > 0);
		ck_assert_str_eq(heard.reason, *durable[i].sentence ? "unsafe" : "connected");
		store_free(&s);
		/* without CONFIG, INFO tells the most */
		server_tell(&server, "ACL SETUSER cpm on >secret ~* +@all -config");
		config = driver_config(server.address);
		config.user = "cpm";
		config.password = "secret";
		s = driver_open(&config);
		ck_assert_ptr_nonnull(strstr(heard.log, i == 0   ? "appendonly is off"
												: i == 3 ? "evict"
														 : "does not tell appendfsync"));
		store_free(&s);
		server_free(&server);
	}
}
END_TEST

START_TEST(refuses_another_number_of_shards)
{
	struct store_config config;
	struct store *s;

	server_start(&server, false, "");
	config = driver_config(server.address);
	s = driver_open(&config);
	store_free(&s);
	config = driver_config(server.address);
	config.shards = 8;
	s = driver_new(&config);
	test_until(&s, 1, heard.states > 0);
	ck_assert_str_eq(heard.reason, "shards");
	ck_assert(!store_available(s));
	ck_assert_ptr_nonnull(strstr(heard.log, "configured are 8"));
	/* an operator may mend it without a restart of ours */
	server_tell(&server, "SET cpm:meta:shards 8");
	test_until(&s, 1, store_available(s));
	store_free(&s);
}
END_TEST

START_TEST(a_stopped_server_is_a_timeout)
{
	struct store_config config;
	struct store *s;
	struct put_seen seen[3] = {{0}};
	int64_t start;

	server_start(&server, false, "");
	config = driver_config(server.address);
	config.timeout_ms = 150;
	s = driver_open(&config);
	kill(server.pid, SIGSTOP);
	start = test_now_ms();
	for(int i = 0; i < 3; i++) {
		struct store_put put = driver_message(i == 0 ? "a" : i == 1 ? "b" : "c");
		ck_assert(store_put(s, &put, put_seen, &seen[i]));
	}
	test_until(&s, 1, seen[2].calls);
	for(int i = 0; i < 3; i++) {
		ck_assert_int_eq(seen[i].calls, 1);
		ck_assert_int_eq(seen[i].rc, STORE_DOWN);
	}
	ck_assert_int_ge(test_now_ms() - start, 149);
	ck_assert_int_lt(test_now_ms() - start, 1000);
	ck_assert(!store_available(s));
	ck_assert_str_eq(heard.reason, "timeout");
	ck_assert_uint_eq(store_pending(s), 0);
	kill(server.pid, SIGCONT);
	test_until(&s, 1, store_available(s));
	/* they may have been stored, and a repeat of them is harmless */
	driver_store(s, "a");
	driver_store(s, "b");
	driver_store(s, "c");
	ck_assert_int_eq(server_integer(&server, "ZCARD cpm:{%d}:u:%s",
							 (int)cpm_key_shard(CPM_SLICE(AOR), 4), AOR),
			3);
	store_free(&s);
}
END_TEST

/* A lost connection that comes back at once is nobody's business: commands are repeated, nothing is told. */
START_TEST(a_killed_connection_is_made_again)
{
	struct store_config config;
	struct store *s;
	struct put_seen seen = {0, STORE_DOWN, ""};
	char ids[300][16];

	server_start(&server, false, "");
	config = driver_config(server.address);
	s = driver_open(&config);
	for(int i = 0; i < 300; i++) {
		struct store_put put;

		snprintf(ids[i], sizeof(ids[i]), "m%03d", i);
		put = driver_message(ids[i]);
		ck_assert(store_put(s, &put, put_seen, &seen));
		if(i % 50 == 0)
			test_until(&s, 1, seen.calls > i - 20);
		if(i % 50 == 25) {
			test_turn(&s, 1, 0);
			server_tell(&server, "CLIENT KILL TYPE normal SKIPME yes");
		}
	}
	test_until(&s, 1, seen.calls == 300);
	ck_assert_int_eq(seen.rc, STORE_OK);
	ck_assert_int_eq(heard.states, 1);
	ck_assert_int_eq(server_integer(&server, "ZCARD cpm:{%d}:u:%s",
							 (int)cpm_key_shard(CPM_SLICE(AOR), 4), AOR),
			300);
	store_free(&s);
}
END_TEST

/* Over several connections: shards are spread, and what one of them loses is asked again. */
START_TEST(several_connections_serve_as_one)
{
	struct store_config config;
	struct store *s;
	struct put_seen seen = {0, STORE_DOWN, ""};
	char ids[300][16], aors[300][32];

	server_start(&server, false, "");
	config = driver_config(server.address);
	config.connections = STORE_CONNECTIONS_MAX + 1;
	ck_assert(!store_new(&config, &(const char *){NULL}));
	config.connections = 3;
	config.shards = 64;
	s = driver_open(&config);
	for(int i = 0; i < 300; i++) {
		struct store_put put;

		snprintf(ids[i], sizeof(ids[i]), "m%03d", i);
		snprintf(aors[i], sizeof(aors[i]), "sip:user%d@example.com", i);
		put = driver_message(ids[i]);
		put.aor = cpm_slice_of(aors[i]);
		ck_assert(store_put(s, &put, put_seen, &seen));
		if(i == 100)
			test_until(&s, 1, seen.calls == 101);
		if(i == 200) {
			test_turn(&s, 1, 0);
			server_tell(&server, "CLIENT KILL TYPE normal SKIPME yes");
		}
	}
	test_until(&s, 1, seen.calls == 300);
	ck_assert_int_eq(seen.rc, STORE_OK);
	/* When all three are found closed at once it was away for a moment, and says so. */
	ck_assert(heard.available && (heard.states == 1 || heard.states == 3));
	ck_assert_int_eq(
			server_integer(&server, "EVAL %s 0", "return#redis.call('KEYS','*:m:*')"), 300);
	store_free(&s);
}
END_TEST

START_TEST(a_restart_loses_nothing)
{
	struct store_config config;
	struct store *s;
	struct store_next ask = driver_ask("t");

	server_start(&server, false, "--appendonly yes --appendfsync always");
	config = driver_config(server.address);
	s = driver_open(&config);
	driver_store(s, "m1");
	driver_store(s, "m2");
	server_end(&server, SIGKILL);
	test_until(&s, 1, !store_available(s));
	ck_assert_str_eq(heard.reason, "down");
	server_restart(&server);
	test_until(&s, 1, store_available(s));
	ask.now_ms = test_now_ms();
	ck_assert_str_eq(driver_ids(s, &ask, STORE_OK), "m1 m2");
	store_free(&s);
}
END_TEST

START_TEST(a_read_only_server_is_unavailable)
{
	struct store_config config;
	struct store *s;
	struct store_put put = driver_message("m");

	server_start(&server, true, "");
	config = driver_config(server.address);
	s = driver_open(&config);
	server_tell(&server, "REPLICAOF 127.0.0.1 1");
	ck_assert_int_eq(driver_put(s, &put).rc, STORE_DOWN);
	ck_assert(!store_available(s));
	ck_assert_str_eq(heard.reason, "readonly");
	server_tell(&server, "REPLICAOF NO ONE");
	test_until(&s, 1, store_available(s));
	driver_store(s, "m");
	store_free(&s);
}
END_TEST

/* Full: nothing more is accepted, but what is there can be delivered, which makes room. */
START_TEST(a_full_server_can_be_emptied)
{
	struct store_config config;
	struct store *s;
	struct store_put put;
	struct store_next ask = driver_ask("t");
	struct store_settle settle;
	unsigned shard;

	server_start(&server, false, "");
	config = driver_config(server.address);
	s = driver_open(&config);
	driver_store(s, "m1");
	driver_store(s, "m2");
	server_tell(&server, "CONFIG SET maxmemory 1");
	put = driver_message("m3");
	ck_assert_int_eq(driver_put(s, &put).rc, STORE_DOWN);
	ck_assert(!store_available(s));
	ck_assert_str_eq(heard.reason, "full");
	ck_assert(!store_put(s, &put, put_seen, NULL));
	ck_assert_str_eq(driver_ids(s, &ask, STORE_OK), "m1 m2");
	ask.done = (const struct cpm_slice[]){CPM_SLICE("m1")};
	ask.done_count = 1;
	ask.failed = (const struct store_failure[]){{CPM_SLICE("m2"), ask.now_ms + 10000, 480}};
	ask.failed_count = 1;
	ck_assert_str_eq(driver_ids(s, &ask, STORE_OK), "");
	for(int i = 0; i < 10; i++)
		test_turn(&s, 1, 10);
	ck_assert(!store_available(s));
	/* m2 is still in our hands */
	shard = cpm_key_shard(CPM_SLICE(AOR), 4);
	ask = driver_ask("t");
	ask.want = 0;
	ask.release = true;
	ck_assert_str_eq(driver_ids(s, &ask, STORE_OK), "");
	ck_assert_uint_eq(driver_claim(s, shard, ask.now_ms + 3700000, 10).count, 1);
	settle = driver_end(shard, "x:m2:" AOR, STORE_EXPIRED);
	settle.report = (struct store_report){
			CPM_SLICE("m2"), CPM_SLICE("r"), CPM_SLICE("b"), ask.now_ms, ask.now_ms + 60000};
	ck_assert(driver_settle(s, &settle));
	ck_assert_str_eq(driver_claim(s, shard, ask.now_ms + 1, 10).text, "r:m2:=b;");
	settle = driver_end(shard, "r:m2", STORE_DELIVERED);
	ck_assert(driver_settle(s, &settle));
	server_tell(&server, "CONFIG SET maxmemory 0");
	test_until(&s, 1, store_available(s));
	driver_store(s, "m3");
	store_free(&s);
	/* and a server that is full at the start */
	server_tell(&server, "FLUSHALL");
	server_tell(&server, "CONFIG SET maxmemory 1");
	config = driver_config(server.address);
	s = driver_new(&config);
	test_until(&s, 1, heard.states > 0);
	ck_assert_str_eq(heard.reason, "full");
	server_tell(&server, "CONFIG SET maxmemory 0");
	test_until(&s, 1, store_available(s));
	driver_store(s, "m3");
	store_free(&s);
}
END_TEST

START_TEST(waits_for_replicas)
{
	struct server replica;
	struct store_config config;
	struct store *s;
	struct put_seen seen = {0, STORE_DOWN, ""};
	struct store_put put;
	struct store_wish wishes[] = {
			{CPM_SLICE("alone"), STORE_ACT_DELIVER}, {CPM_SLICE("nobodys"), STORE_ACT_DELETE}};
	struct store_manage manage;
	struct manage_seen ordered;

	server_start(&server, true, "");
	server_start(&replica, true, "");
	config = driver_config(server.address);
	config.timeout_ms = 600;
	config.wait_replicas = 1;
	s = driver_open(&config);
	put = driver_message("alone");
	ck_assert_int_eq(driver_put(s, &put).rc, STORE_DOWN); /* nobody else has it */
	server_tell(&replica, "REPLICAOF 127.0.0.1 %d", server.port);
	put.identity = CPM_SLICE("i");
	while(driver_put(s, &put).rc != STORE_OK) /* until the replica has synced */
		;
	config.timeout_ms = 5000; /* from here on nothing is to time out */
	put.id = CPM_SLICE("again");
	seen = driver_put(s, &put);
	ck_assert_int_eq(seen.rc, STORE_DUPLICATE);
	ck_assert_str_eq(seen.id, "alone");
	manage = (struct store_manage){
			.aor = put.aor, .now_ms = put.now_ms, .wishes = wishes, .wish_count = 2};
	ordered = driver_manage(s, &manage);
	ck_assert_str_eq(ordered.known, "+-");
	manage = (struct store_manage){.aor = put.aor, .now_ms = put.now_ms, .deliver_all = true};
	ck_assert_int_eq(driver_manage(s, &manage).waiting, 1);
	seen.calls = 0;
	for(int i = 0; i < 200; i++) {
		char id[16];

		snprintf(id, sizeof(id), "m%d", i % 1000);
		put = driver_message(id);
		ck_assert(store_put(s, &put, put_seen, &seen));
		if(i % 10 == 0)
			test_turn(&s, 1, 0);
		if(i == 100)
			server_tell(&server, "CLIENT KILL TYPE normal SKIPME yes");
	}
	test_until(&s, 1, seen.calls == 200);
	ck_assert_int_eq(seen.rc, STORE_OK);
	/* An order that nobody else has is not safe. */
	server_tell(&replica, "REPLICAOF NO ONE");
	config.timeout_ms = 600;
	ordered.calls = 0;
	ck_assert(store_manage(s, &manage, manage_seen, &ordered));
	test_until(&s, 1, ordered.calls);
	ck_assert_int_eq(ordered.rc, STORE_DOWN);
	store_free(&s);
	server_free(&replica);
}
END_TEST

/* Two nodes share the queue: messages come, are pushed by either, fail, expire, and connections die. In the end each one is
 * accounted for exactly once. */

#define WALK_USERS 5
#define WALK_MESSAGES 400
#define WALK_STEPS 4000

struct walk {
	struct store *stores[2];
	uint32_t random;
	int64_t clock_ms;
	int put_ok, expired, sessions, outstanding;
	unsigned char state[WALK_MESSAGES]; /* 1 accepted, 2 delivered, 3 expired, ... */
};

/* A put, or a push session with a lease of its own. */
struct walk_call {
	struct walk *walk;
	int node, user, message;
	bool releasing;
	int64_t last_arrival;
	char token[16];
	struct cpm_slice done[4];
	char ids[4][16];
	size_t count;
};

static uint32_t walk_random(struct walk *w, uint32_t below)
{
	w->random = w->random * 1664525u + 1013904223u;
	return (w->random >> 8) % below;
}

static struct cpm_slice walk_user(int user)
{
	static const char *const users[WALK_USERS] = {
			"sip:a@x", "sip:b@x", "sip:c@x", "sip:d@x", "tel:+15550107"};
	return cpm_slice_of(users[user]);
}

static void walk_put(void *context, enum store_rc rc, struct cpm_slice id)
{
	struct walk_call *call = context;

	(void)id;
	call->walk->outstanding--;
	ck_assert_int_eq(rc, STORE_OK);
	call->walk->state[call->message] |= 1;
	call->walk->put_ok++;
	free(call);
}

static void walk_ask(struct walk *w, int node, int user, struct walk_call *before);

static void walk_got(void *context, const struct store_next_result *r)
{
	struct walk_call *call = context;
	struct walk *w = call->walk;
	struct store_batch *batch = r->batch;

	w->outstanding--;
	ck_assert(r->rc == STORE_OK || r->rc == STORE_BUSY || r->rc == STORE_LOST);
	for(size_t i = 0; i < call->count; i++)
		w->state[atoi(call->ids[i] + 1)] |= 2;
	call->count = 0;
	for(size_t i = 0; i < r->count && i < 4; i++) {
		/* in order of arrival, never what was done, never what has expired */
		int message = atoi(r->messages[i].id.p + 1);

		ck_assert_msg(!(w->state[message] & 2), "m%d was delivered already", message);
		ck_assert_int_gt(r->messages[i].expires_ms, 0);
		if(i > 0)
			ck_assert_int_gt(r->messages[i].arrival, r->messages[i - 1].arrival);
		snprintf(call->ids[i], sizeof(call->ids[i]), "%.*s", (int)r->messages[i].id.n,
				r->messages[i].id.p);
		call->done[i] = cpm_slice_of(call->ids[i]);
		call->last_arrival = r->messages[i].arrival;
		call->count++;
	}
	store_batch_free(&batch);
	if(r->rc == STORE_OK && !call->releasing)
		walk_ask(w, call->node, call->user, call);
	else
		free(call);
}

/* Asks for a user's next ones, ending those of the call before; some end with a failure. A session that got nothing more gives its
 * lease back. */
static void walk_ask(struct walk *w, int node, int user, struct walk_call *before)
{
	struct walk_call *call = before ? before : calloc(1, sizeof(*call));
	struct store_failure failure = {.not_before_ms = w->clock_ms + 1000, .status = 480};
	struct store_next next = {.aor = walk_user(user), .lease_ms = 60000, .now_ms = w->clock_ms};

	if(!before) {
		*call = (struct walk_call){.walk = w, .node = node, .user = user};
		snprintf(call->token, sizeof(call->token), "s%d", w->sessions++ % 100000);
	}
	call->releasing = before && call->count == 0;
	next.token = cpm_slice_of(call->token);
	next.release = call->releasing;
	next.want = call->releasing ? 0 : 1 + walk_random(w, 4);
	next.max_bytes = 10000;
	next.force = walk_random(w, 2);
	next.done = call->done;
	next.done_count = call->count;
	if(call->count > 1 && walk_random(w, 3) == 0) {
		failure.id = call->done[--call->count];
		next.done_count = call->count;
		next.failed = &failure;
		next.failed_count = 1;
		next.after = call->last_arrival;
	}
	w->outstanding++;
	ck_assert(store_next(w->stores[node], &next, walk_got, call));
}

/* Of a claim: settled by the node that made it, but now and then that one dies before. */
static void walk_settled(void *context, enum store_rc rc, bool mine)
{
	struct walk *w = context;

	(void)mine;
	w->outstanding--;
	ck_assert_int_eq(rc, STORE_OK);
}

struct walk_claim {
	struct walk *walk;
	int node;
	unsigned shard;
};

static void walk_claimed(void *context, enum store_rc rc, struct store_claim *claim,
		const struct store_due *due, size_t count, bool more, int64_t next_ms)
{
	struct walk_claim *c = context;
	struct walk *w = c->walk;

	(void)more;
	(void)next_ms;
	w->outstanding--;
	ck_assert_int_eq(rc, STORE_OK);
	for(size_t i = 0; i < count; i++) {
		int message = atoi(due[i].id.p + 1);
		struct store_settle settle = {.shard = c->shard,
				.entry = due[i].entry,
				.token = due[i].token,
				.now_ms = w->clock_ms,
				.outcome = STORE_EXPIRED};

		w->expired += !(w->state[message] & 4);
		w->state[message] |= 4;
		if(walk_random(w, 10) == 0)
			continue;
		w->outstanding++;
		ck_assert(store_settle(w->stores[c->node], &settle, walk_settled, w));
	}
	store_claim_free(&claim);
	free(c);
}

static void walk_expire(struct walk *w, int node, unsigned shard, int64_t now_ms, size_t limit)
{
	struct walk_claim *c = calloc(1, sizeof(*c));

	*c = (struct walk_claim){w, node, shard};
	w->outstanding++;
	ck_assert(store_claim(w->stores[node], shard, now_ms, limit, 0, 100000, walk_claimed, c));
}

static void walk_step(struct walk *w, int step, int *next_message)
{
	int node = (int)walk_random(w, 2);

	if(*next_message < WALK_MESSAGES && walk_random(w, 3) == 0) {
		struct walk_call *call = calloc(1, sizeof(*call));
		char id[16];
		struct store_put put;

		snprintf(id, sizeof(id), "m%d", *next_message % 10000);
		put = driver_message(id);
		put.aor = walk_user((int)walk_random(w, WALK_USERS));
		put.now_ms = w->clock_ms;
		put.expires_ms = w->clock_ms + (walk_random(w, 4) ? 10000000 : 500);
		call->walk = w;
		call->message = (*next_message)++;
		w->outstanding++;
		ck_assert(store_put(w->stores[node], &put, walk_put, call));
	} else if(walk_random(w, 3) == 0) {
		walk_ask(w, node, (int)walk_random(w, WALK_USERS - 1), NULL); /* one user stays away */
	} else if(walk_random(w, 10) == 0) {
		walk_expire(w, node, walk_random(w, 4), w->clock_ms, 5);
	}
	/* a connection may die at any time, but not again before it is back: that would be an outage, and be told */
	if(step % 500 == 200)
		test_until(w->stores, 2, w->outstanding == 0);
	if(step % 500 == 250)
		server_tell(&server, "CLIENT KILL TYPE normal SKIPME yes");
	if(step % 700 == 350)
		server_tell(&server, "SCRIPT FLUSH");
	if(walk_random(w, 3) == 0)
		test_turn(w->stores, 2, 0);
	w->clock_ms += walk_random(w, 3);
}

START_TEST(two_nodes_lose_and_repeat_nothing)
{
	struct store_config config;
	struct walk w = {.random = 20260101};
	int next_message = 0, delivered = 0, waiting = 0;

	server_start(&server, false, "");
	config = driver_config(server.address);
	w.stores[0] = driver_open(&config);
	w.stores[1] = driver_open(&config);
	w.clock_ms = test_now_ms();
	for(int step = 0; step < WALK_STEPS; step++)
		walk_step(&w, step, &next_message);
	test_until(w.stores, 2, w.outstanding == 0);
	ck_assert_int_eq(w.put_ok, next_message);
	/* claims that were not settled come again when they have run out */
	for(int round = 1; round < 20; round++) {
		for(unsigned i = 0; i < config.shards; i++)
			walk_expire(&w, 0, i, w.clock_ms + round * 61000, 100);
		test_until(w.stores, 1, w.outstanding == 0);
	}
	waiting = (int)driver_balance(&config).waiting;
	for(int i = 0; i < WALK_MESSAGES; i++)
		delivered += (w.state[i] & 2) && !(w.state[i] & 4);
	/* a message in flight may expire: then it counts as expired, whatever its client says */
	ck_assert_int_gt(delivered, 50);
	ck_assert_int_gt(w.expired, 10);
	ck_assert_int_eq(delivered + w.expired + waiting, next_message);
	store_free(&w.stores[0]);
	store_free(&w.stores[1]);
}
END_TEST

START_TEST(follows_sentinel)
{
	struct server replica, sentinel;
	struct store_config config;
	struct store *s;
	redisReply *r;
	struct put_seen seen;
	int64_t end = test_now_ms() + 20000;

	server_start(&server, true, "");
	server_start(&replica, true, "");
	server_tell(&replica, "REPLICAOF 127.0.0.1 %d", server.port);
	server_start_sentinel(&sentinel, &server);
	config = driver_config(sentinel.address);
	s = driver_open(&config);
	driver_store(s, "m1");
	ck_assert_int_gt(server_integer(&server, "DBSIZE"), 2);
	/* once Sentinel knows the replica, it can be told to change over */
	for(;;) {
		bool ok;
		ck_assert_int_lt(test_now_ms(), end);
		r = server_ask(&sentinel, "SENTINEL FAILOVER mymaster");
		ok = r->type == REDIS_REPLY_STATUS;
		freeReplyObject(r);
		if(ok)
			break;
		test_turn(&s, 1, 50);
	}
	do {
		struct store_put put = driver_message("m2");
		r = server_ask(&replica, "ROLE");
		bool moved = !strcmp(r->element[0]->str, "master");
		freeReplyObject(r);
		ck_assert_int_lt(test_now_ms(), end);
		seen = (struct put_seen){.rc = STORE_DOWN};
		if(moved && store_available(s))
			seen = driver_put(s, &put);
		else
			test_turn(&s, 1, 50);
	} while(seen.rc != STORE_OK
			|| server_integer(
					   &replica, "EXISTS cpm:{%d}:m:m2", (int)cpm_key_shard(CPM_SLICE(AOR), 4))
					   == 0);
	store_free(&s);
	server_free(&sentinel);
	server_free(&replica);
}
END_TEST

#define NODES 3
static struct server nodes[NODES];

static bool cluster_ok(struct server *node)
{
	redisReply *r = server_ask(node, "CLUSTER INFO");
	bool ok = strstr(r->str, "cluster_state:ok") && strstr(r->str, "cluster_known_nodes:3");

	freeReplyObject(r);
	return ok;
}

static void start_cluster(void)
{
	static const int slots[NODES + 1] = {0, 5461, 10923, 16384};
	int64_t end = test_now_ms() + 20000;

	for(int i = 0; i < NODES; i++) {
		server_start(&nodes[i], true, "--cluster-enabled yes --cluster-node-timeout 2000");
		server_tell(&nodes[i], "CLUSTER ADDSLOTSRANGE %d %d", slots[i], slots[i + 1] - 1);
	}
	for(int i = 1; i < NODES; i++)
		server_tell(&nodes[0], "CLUSTER MEET 127.0.0.1 %d", nodes[i].port);
	for(int i = 0; i < NODES; i++) {
		while(!cluster_ok(&nodes[i])) {
			ck_assert_int_lt(test_now_ms(), end);
			usleep(10000);
		}
	}
}

static void node_id(struct server *node, char id[64])
{
	redisReply *r = server_ask(node, "CLUSTER MYID");

	snprintf(id, 64, "%s", r->str);
	freeReplyObject(r);
}

/* Moves a slot half way: the old node answers ASK for keys that it does not have. */
static void begin_move(int slot, int from, int to)
{
	char from_id[64], to_id[64];

	node_id(&nodes[from], from_id);
	node_id(&nodes[to], to_id);
	server_tell(&nodes[to], "CLUSTER SETSLOT %d IMPORTING %s", slot, from_id);
	server_tell(&nodes[from], "CLUSTER SETSLOT %d MIGRATING %s", slot, to_id);
}

START_TEST(follows_cluster)
{
	struct store_config config;
	struct store *s;
	struct put_seen seen = {0, STORE_DOWN, ""};
	struct store_put put;
	int64_t keys = 0;
	int slot, from, to;
	char to_id[64];

	start_cluster();
	config = driver_config(nodes[1].address);
	config.shards = 64;
	s = driver_open(&config);
	for(int i = 0; i < 500; i++) {
		char id[32], aor[32];

		snprintf(id, sizeof(id), "m%d", i);
		snprintf(aor, sizeof(aor), "sip:user%d@x", i);
		put = driver_message(id);
		put.aor = cpm_slice_of(aor);
		ck_assert(store_put(s, &put, put_seen, &seen));
		if(i % 20 == 0)
			test_turn(&s, 1, 0);
	}
	test_until(&s, 1, seen.calls == 500);
	ck_assert_int_eq(seen.rc, STORE_OK);
	for(int i = 0; i < NODES; i++) {
		ck_assert_int_gt(server_integer(&nodes[i], "DBSIZE"), 100);
		keys += server_integer(&nodes[i], "DBSIZE");
	}
	ck_assert_int_eq(keys, 500 * 3 + 2 * 64 + 1);
	/* ASK: a slot on its way */
	server_tell(&nodes[0], "FLUSHALL");
	server_tell(&nodes[1], "FLUSHALL");
	server_tell(&nodes[2], "FLUSHALL");
	slot = (int)server_integer(
			&nodes[0], "CLUSTER KEYSLOT cpm:{%d}:due", (int)cpm_key_shard(CPM_SLICE(AOR), 64));
	from = slot < 5461 ? 0 : slot < 10923 ? 1 : 2;
	to = (from + 1) % NODES;
	begin_move(slot, from, to);
	put = driver_message("asked");
	seen.calls = 0;
	ck_assert(store_put(s, &put, put_seen, &seen));
	for(int i = 0; i < 5; i++)
		test_turn(&s, 1, 30);
	ck_assert_int_eq(seen.calls, 0); /* waits for the move to end */
	node_id(&nodes[to], to_id);
	for(int i = 0; i < NODES; i++)
		server_tell(&nodes[(to + i) % NODES], "CLUSTER SETSLOT %d NODE %s", slot, to_id);
	test_until(&s, 1, seen.calls);
	ck_assert_int_eq(seen.rc, STORE_OK);
	ck_assert_int_gt(server_integer(&nodes[to], "CLUSTER COUNTKEYSINSLOT %d", slot), 0);
	driver_store(s, "moved");
	/* a node that restarts is found again */
	server_tell(&nodes[to], "CLIENT KILL TYPE normal SKIPME yes");
	driver_store(s, "again");
	ck_assert(store_available(s));
	store_free(&s);
	for(int i = 0; i < NODES; i++)
		server_free(&nodes[i]);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("store");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, refuses_bad_configuration);
	tcase_add_test(t, names_its_results);
	tcase_add_test(t, accepts_nothing_before_it_is_connected);
	tcase_add_test(t, connects_when_the_server_comes);
	tcase_add_test(t, speaks_tcp);
	tcase_add_test(t, logs_in);
	tcase_add_test(t, tells_about_durability);
	tcase_add_test(t, refuses_another_number_of_shards);
	tcase_add_test(t, a_stopped_server_is_a_timeout);
	tcase_add_test(t, a_killed_connection_is_made_again);
	tcase_add_test(t, several_connections_serve_as_one);
	tcase_add_test(t, a_restart_loses_nothing);
	tcase_add_test(t, a_read_only_server_is_unavailable);
	tcase_add_test(t, a_full_server_can_be_emptied);
	tcase_add_test(t, waits_for_replicas);
	tcase_add_test(t, two_nodes_lose_and_repeat_nothing);
	tcase_add_test(t, follows_sentinel);
	tcase_add_test(t, follows_cluster);
	return unit_run("store", t);
}
