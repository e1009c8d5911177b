/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of the marks of messages that go straight into the message store:
 * redis/mark.c, and what a put does with them.
 */
#include <signal.h>

#include "driver.h"

static struct server server;
static struct store_config config;
static struct store *store;

static void setup(void)
{
	server_start(&server, false, "--appendonly yes");
	config = driver_config(server.address);
	store = driver_open(&config);
}

static void teardown(void)
{
	store_free(&store);
	server_free(&server);
}

struct seen {
	int calls;
	enum store_rc rc;
	int64_t since_ms;
	char id[64];
};

static void mark_seen(void *context, enum store_rc rc, struct cpm_slice id, int64_t since_ms)
{
	struct seen *seen = context;

	seen->calls++;
	seen->rc = rc;
	seen->since_ms = since_ms;
	snprintf(seen->id, sizeof(seen->id), "%.*s", (int)id.n, id.p);
}

static struct store_mark mark_of(const char *id)
{
	return (struct store_mark){.id = cpm_slice_of(id),
			.aor = CPM_SLICE(AOR),
			.identity = CPM_SLICE("imdn-1"),
			.now_ms = 1767225600000,
			.ttl_ms = 120000};
}

static struct seen make_as(const char *id)
{
	struct store_mark mark = mark_of(id);
	struct seen seen = {0};

	ck_assert(store_mark(store, &mark, mark_seen, &seen));
	test_until(&store, 1, seen.calls);
	ck_assert_int_eq(seen.calls, 1);
	return seen;
}

static struct seen look(void)
{
	return make_as("any");
}

static void make(const char *id)
{
	ck_assert_int_eq(make_as(id).rc, STORE_OK);
}

START_TEST(is_seen_by_the_next)
{
	struct seen seen;

	make("first");
	make("first"); /* a repeat of itself */
	seen = look();
	ck_assert_int_eq(seen.rc, STORE_BUSY);
	ck_assert_str_eq(seen.id, "first");
	ck_assert_int_eq(seen.since_ms, 1767225600000);
}
END_TEST

/* A recording is another object than a message in place of delivery; and each user has his own. */
START_TEST(is_apart_from_others)
{
	struct store_mark mark = mark_of("second");
	struct seen seen = {0};

	make("first");
	mark.history = _i == 0;
	if(_i == 1)
		mark.aor = CPM_SLICE("sip:carol@example.com");
	if(_i == 2)
		mark.identity = CPM_SLICE("imdn-2");
	ck_assert(store_mark(store, &mark, mark_seen, &seen));
	test_until(&store, 1, seen.calls);
	ck_assert_int_eq(seen.rc, STORE_OK);
}
END_TEST

/* A mark that waited for the disk would cost each stored message a write. */
START_TEST(is_not_written_to_the_disk)
{
	int64_t size = server_integer(&server, "DBSIZE");

	make("first");
	ck_assert_int_eq(server_integer(&server, "DBSIZE"), size + 1);
	server_end(&server, SIGKILL);
	server_restart(&server);
	ck_assert_int_eq(server_integer(&server, "DBSIZE"), size);
}
END_TEST

START_TEST(gives_way_to_its_put_alone)
{
	struct store_put put = driver_message("second");
	struct put_seen seen;

	put.identity = CPM_SLICE("imdn-1");
	put.place = STORE_TO_STORE;
	make("first");
	seen = driver_put(store, &put);
	ck_assert_int_eq(seen.rc, STORE_BUSY);
	ck_assert_str_eq(seen.id, "first");
	ck_assert_int_eq(look().rc, STORE_BUSY);
	put.id = CPM_SLICE("first");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_int_eq(look().rc, STORE_DUPLICATE);
	ck_assert_str_eq(look().id, "first");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK); /* a repeat of itself */
	put.id = CPM_SLICE("third");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_DUPLICATE);
}
END_TEST

/* Over quota the message is not kept, and where its first copy is still is not known. */
START_TEST(stays_when_a_put_is_refused)
{
	struct store_put put = driver_message("other");

	config.max_user_messages = 1;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	make("second");
	put = driver_message("second");
	put.identity = CPM_SLICE("imdn-1");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_QUOTA);
	ck_assert_int_eq(look().rc, STORE_BUSY);
	put.id = CPM_SLICE("third");
	put.identity = CPM_SLICE("imdn-2");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_QUOTA);
	config.max_user_messages = 2;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
}
END_TEST

static const char *const odd[] = {
		"+", "+1767225600000", "+:id", "+x:id", "+9007199254740993:id", ""};

START_TEST(odd_ones_are_no_answer)
{
	redisReply *keys;

	make("first");
	keys = server_ask(&server, "KEYS *:d:*");
	ck_assert_uint_eq(keys->elements, 1);
	server_tell(&server, "SET %s %s", keys->element[0]->str, odd[_i]);
	freeReplyObject(keys);
	ck_assert_int_eq(look().rc, STORE_DOWN);
}
END_TEST

START_TEST(refuses_what_is_out_of_bounds)
{
	struct store_mark mark = mark_of("a:b");
	struct seen seen = {0};

	ck_assert(!store_mark(store, &mark, mark_seen, &seen));
	mark = mark_of("a");
	mark.identity = CPM_SLICE_NONE;
	ck_assert(!store_mark(store, &mark, mark_seen, &seen));
	mark = mark_of("a");
	mark.aor = CPM_SLICE_NONE;
	ck_assert(!store_mark(store, &mark, mark_seen, &seen));
	ck_assert_uint_eq(store_pending(store), 0);
}
END_TEST

START_TEST(without_a_server)
{
	struct store_mark mark = mark_of("a");
	struct seen seen = {0};

	ck_assert(store_mark(store, &mark, mark_seen, &seen));
	server_end(&server, SIGKILL);
	test_until(&store, 1, seen.calls);
	ck_assert_int_eq(seen.rc, STORE_DOWN);
	test_until(&store, 1, !store_available(store));
	ck_assert(!store_mark(store, &mark, mark_seen, &seen));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("mark");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, is_seen_by_the_next);
	tcase_add_loop_test(t, is_apart_from_others, 0, 3);
	tcase_add_test(t, is_not_written_to_the_disk);
	tcase_add_test(t, gives_way_to_its_put_alone);
	tcase_add_test(t, stays_when_a_put_is_refused);
	tcase_add_loop_test(t, odd_ones_are_no_answer, 0, UNIT_COUNT(odd));
	tcase_add_test(t, refuses_what_is_out_of_bounds);
	tcase_add_test(t, without_a_server);
	return unit_run("mark", t);
}
