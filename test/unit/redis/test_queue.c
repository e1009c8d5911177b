/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The queue's contract against a real server: every transition, its repeats and
 * its limits.
 */
#include "driver.h"

#include "core/queue/key.h"

static struct server server;
static struct store_config config;
static struct store *store;

static void setup(void)
{
	server_start(&server, false, "--appendonly yes --appendfsync always");
	config = driver_config(server.address);
	store = driver_open(&config);
}

static void teardown(void)
{
	store_free(&store);
	ck_assert_ptr_null(store);
	server_free(&server);
}

static unsigned shard(void)
{
	return cpm_key_shard(CPM_SLICE(AOR), config.shards);
}

static int64_t zcard(const char *kind)
{
	return server_integer(&server, "ZCARD cpm:{%d}:%s", (int)shard(), kind);
}

START_TEST(stores_and_hands_out_in_order)
{
	struct store_next ask = driver_ask("t1");
	struct store_next_result r;
	const struct cpm_slice done[] = {CPM_SLICE("b"), CPM_SLICE("a"), CPM_SLICE("nobody")};

	/* as large as they may become */
	server_tell(&server, "HSET cpm:{%d}:sums accepted 9007199254000000", (int)shard());
	driver_store(store, "b");
	driver_store(store, "a");
	driver_store(store, "c");
	r = driver_next(store, &ask);
	ck_assert_int_eq(r.rc, STORE_OK);
	ck_assert_uint_eq(r.count, 3);
	ck_assert_int_eq(r.waiting, 3);
	ck_assert_int_eq(r.next_due_ms, 0);
	ck_slice(r.messages[0].id, "b", "first");
	ck_slice(r.messages[1].id, "a", "second");
	ck_slice(r.messages[2].id, "c", "third");
	ck_slice(r.messages[0].record, "cpm-record: 1\n", "record");
	ck_slice(r.messages[0].body, "hello", "body");
	ck_assert_int_eq(r.messages[0].arrival, 9007199254000001);
	ck_assert_int_eq(r.messages[0].attempts, 0);
	ck_assert_int_gt(r.messages[0].expires_ms, test_now_ms() + 3500000);
	store_batch_free(&r.batch);

	ask.done = done;
	ask.done_count = 3;
	r = driver_next(store, &ask);
	ck_assert_int_eq(r.rc, STORE_OK);
	ck_assert_uint_eq(r.count, 1);
	ck_assert_int_eq(r.waiting, 1);
	store_batch_free(&r.batch);
	ck_assert_int_eq(zcard("due"), 1);
	ck_assert_int_eq(server_integer(&server, "EXISTS cpm:{%d}:m:a", (int)shard()), 0);
	ck_assert_int_eq(server_integer(&server, "EXISTS cpm:{%d}:m:c", (int)shard()), 1);
}
END_TEST

START_TEST(keeps_bytes_as_they_are)
{
	char body[60000];
	struct store_put put = driver_message("bin");
	struct store_next ask = driver_ask("t1");
	struct store_next_result r;

	for(size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 7);
	put.body = (struct cpm_slice){body, sizeof(body)};
	put.record = CPM_SLICE("a\0b\n\nc");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	put = driver_message("empty");
	put.body = put.record = CPM_SLICE_NONE;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	r = driver_next(store, &ask);
	ck_assert_uint_eq(r.count, 2);
	ck_assert(cpm_slice_eq(r.messages[0].body, (struct cpm_slice){body, sizeof(body)}));
	ck_assert(cpm_slice_eq(r.messages[0].record, CPM_SLICE("a\0b\n\nc")));
	ck_assert_uint_eq(r.messages[1].body.n, 0);
	ck_assert_uint_eq(r.messages[1].record.n, 0);
	store_batch_free(&r.batch);
}
END_TEST

START_TEST(stores_one_identity_once)
{
	struct store_put put = driver_message("first");
	struct put_seen seen;

	put.identity = CPM_SLICE("imdn-1");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK); /* a repeat of itself */
	put.id = CPM_SLICE("second");
	seen = driver_put(store, &put);
	ck_assert_int_eq(seen.rc, STORE_DUPLICATE);
	ck_assert_str_eq(seen.id, "first");
	put.aor = CPM_SLICE("sip:carol@example.com");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_int_eq(zcard("u:" AOR), 1);
}
END_TEST

/* A repeat that comes when the message has been delivered already must not bring it back. */
START_TEST(a_late_repeat_stores_nothing)
{
	struct store_put put = driver_message("m");
	struct store_next ask = driver_ask("t1");
	const struct cpm_slice done = CPM_SLICE("m");

	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ask.done = &done;
	ask.done_count = 1;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_int_eq(zcard("u:" AOR), 0);
	ck_assert_int_eq(zcard("due"), 0);
}
END_TEST

START_TEST(forgets_an_identity_after_its_window)
{
	struct store_put put = driver_message("first");
	struct put_seen seen;

	put.identity = CPM_SLICE("imdn-1");
	put.identity_ttl_ms = 1;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	put.id = CPM_SLICE("second");
	do {
		seen = driver_put(store, &put);
	} while(seen.rc == STORE_DUPLICATE);
	ck_assert_int_eq(seen.rc, STORE_OK);
}
END_TEST

START_TEST(keeps_the_quota)
{
	struct store_next ask = driver_ask("t1");
	const struct cpm_slice done = CPM_SLICE("m1");
	struct store_put put;

	config.max_user_messages = 3;
	driver_store(store, "m1");
	driver_store(store, "m2");
	driver_store(store, "m3");
	put = driver_message("m4");
	put.identity = CPM_SLICE("i4");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_QUOTA);
	ask.done = &done;
	ask.done_count = 1;
	ask.want = 0;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK); /* its identity was not taken */
	put.aor = CPM_SLICE("sip:carol@example.com");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
}
END_TEST

START_TEST(one_holder_of_the_lease)
{
	struct store_next a = driver_ask("a"), b = driver_ask("b");
	struct store_next_result r;
	const struct cpm_slice m1 = CPM_SLICE("m1");

	ck_assert_str_eq(driver_ids(store, &b, STORE_OK), ""); /* nothing there, no lease taken */
	driver_store(store, "m1");
	driver_store(store, "m2");
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m1 m2");
	r = driver_next(store, &b);
	ck_assert_int_eq(r.rc, STORE_BUSY);
	ck_assert_int_eq(r.waiting, 2);
	ck_assert_int_gt(r.busy_ms, 50000);
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m1 m2"); /* a repeat of ours */
	a.release = true;
	a.want = 0;
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "");
	ck_assert_str_eq(driver_ids(store, &b, STORE_OK), "m1 m2");
	/* a has lost it: its end of a message counts all the same */
	a = driver_ask("a");
	a.done = &m1;
	a.done_count = 1;
	ck_assert_str_eq(driver_ids(store, &a, STORE_LOST), "");
	ck_assert_str_eq(driver_ids(store, &b, STORE_OK), "m2");
	/* also a mere renewal, or a session that goes on, is told LOST */
	a = driver_ask("a");
	a.want = 0;
	ck_assert_str_eq(driver_ids(store, &a, STORE_LOST), "");
	a.want = 1;
	a.after = 1;
	ck_assert_str_eq(driver_ids(store, &a, STORE_LOST), "");
	/* giving back what is not ours changes nothing */
	a.release = true;
	ck_assert_str_eq(driver_ids(store, &a, STORE_LOST), "");
	ck_assert_str_eq(driver_ids(store, &b, STORE_OK), "m2");
}
END_TEST

/* Whose clock is behind, or whose worker took both within one microsecond, stores a later message behind the earlier ones. */
START_TEST(what_is_stored_later_arrives_later)
{
	struct store *behind = driver_open(&config);
	struct store_next a = driver_ask("a");
	struct store_next_result r;
	struct store_put put;

	driver_store(store, "m1");
	r = driver_next(store, &a);
	ck_assert_uint_eq(r.count, 1);
	a.after = r.messages[0].arrival;
	store_batch_free(&r.batch);
	for(int i = 2; i <= 3; i++) {
		char id[16];

		snprintf(id, sizeof(id), "m%d", i);
		put = driver_message(id);
		put.now_ms -= 3600000;
		put.expires_ms = put.now_ms + 7200000;
		ck_assert_int_eq(driver_put(behind, &put).rc, STORE_OK);
	}
	r = driver_next(store, &a);
	ck_assert_uint_eq(r.count, 2);
	ck_slice(r.messages[0].id, "m2", "the next one");
	ck_slice(r.messages[1].id, "m3", "the last one");
	ck_assert_int_gt(r.messages[0].arrival, a.after);
	ck_assert_int_gt(r.messages[1].arrival, r.messages[0].arrival);
	store_batch_free(&r.batch);
	store_free(&behind);
}
END_TEST

START_TEST(a_lease_runs_out)
{
	struct store_next a = driver_ask("a"), b = driver_ask("b");
	struct store_next_result r;

	driver_store(store, "m1");
	a.lease_ms = 30;
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m1");
	do {
		r = driver_next(store, &b);
		store_batch_free(&r.batch);
	} while(r.rc == STORE_BUSY);
	ck_assert_int_eq(r.rc, STORE_OK);
	ck_assert_uint_eq(r.count, 1);
}
END_TEST

START_TEST(hands_out_no_more_than_wanted)
{
	struct store_next a = driver_ask("a");
	struct store_next_result r;

	for(int i = 0; i < 40; i++) {
		char id[32];
		snprintf(id, sizeof(id), "m%02d", i);
		driver_store(store, id);
	}
	a.want = 2;
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m00 m01");
	r = driver_next(store, &a);
	a.after = r.messages[1].arrival;
	store_batch_free(&r.batch);
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m02 m03");
	a.want = 1000;
	r = driver_next(store, &a);
	ck_assert_uint_eq(r.count, 38);
	ck_assert_int_eq(r.waiting, 40);
	store_batch_free(&r.batch);
	a.max_bytes = 0; /* always one */
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m02");
	a.max_bytes = 3 * (sizeof("14\ncpm-record: 1\nhello") - 1);
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m02 m03 m04");
}
END_TEST

START_TEST(failed_messages_wait_for_their_time)
{
	struct store_next a = driver_ask("a");
	struct store_next_result r;
	const int64_t later = test_now_ms() + 100000;
	const struct store_failure failed[] = {
			{CPM_SLICE("m1"), later, 480}, {CPM_SLICE("gone"), later, 480}};

	driver_store(store, "m1");
	driver_store(store, "m2");
	a.failed = failed;
	a.failed_count = 2;
	for(int i = 0; i < 2; i++) { /* the repeat counts nothing */
		r = driver_next(store, &a);
		ck_assert_uint_eq(r.count, 1);
		ck_slice(r.messages[0].id, "m2", "not due");
		ck_assert_int_eq(r.next_due_ms, later);
		ck_assert_int_eq(r.waiting, 2);
		store_batch_free(&r.batch);
	}
	a = driver_ask("a");
	a.force = true;
	r = driver_next(store, &a);
	ck_assert_uint_eq(r.count, 2);
	ck_slice(r.messages[0].id, "m1", "forced");
	ck_assert_int_eq(r.messages[0].attempts, 1);
	store_batch_free(&r.batch);
	a.force = false;
	a.now_ms = later;
	r = driver_next(store, &a);
	ck_assert_uint_eq(r.count, 2);
	store_batch_free(&r.batch);
	ck_assert_int_eq(server_integer(&server, "HLEN cpm:{%d}:f:%s", (int)shard(), AOR), 1);
	a.done = (const struct cpm_slice[]){CPM_SLICE("m1"), CPM_SLICE("m2")};
	a.done_count = 2;
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "");
	ck_assert_int_eq(server_integer(&server, "EXISTS cpm:{%d}:f:%s", (int)shard(), AOR), 0);
}
END_TEST

START_TEST(many_that_are_not_due_do_not_hide_one_that_is)
{
	struct store_next a = driver_ask("a");
	struct store_failure failed[300];
	char ids[300][16];

	for(int i = 0; i < 300; i++) {
		snprintf(ids[i], sizeof(ids[i]), "m%03d", i);
		driver_store(store, ids[i]);
		failed[i] = (struct store_failure){cpm_slice_of(ids[i]), a.now_ms + 50000 + i, 486};
	}
	a.failed = failed;
	a.failed_count = 299;
	a.want = 1;
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m299");
}
END_TEST

START_TEST(quarantine_sets_aside_and_keeps)
{
	struct store_next a = driver_ask("a");
	const struct cpm_slice bad[] = {CPM_SLICE("m1"), CPM_SLICE("gone")};

	driver_store(store, "m1");
	driver_store(store, "m2");
	a.quarantine = bad;
	a.quarantine_count = 2;
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m2");
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m2");
	ck_assert_int_eq(zcard("q:" AOR), 1);
	ck_assert_int_eq(zcard("quarantine"), 1);
	ck_assert_int_eq(zcard("due"), 1);
	ck_assert_int_eq(server_integer(&server, "PTTL cpm:{%d}:m:m1", (int)shard()), -1);
	/* done afterwards must not remove it */
	a = driver_ask("a");
	a.done = bad;
	a.done_count = 1;
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m2");
	ck_assert_int_eq(server_integer(&server, "EXISTS cpm:{%d}:m:m1", (int)shard()), 1);
}
END_TEST

START_TEST(a_vanished_record_is_dropped_and_told)
{
	struct store_next a = driver_ask("a");
	struct store_next_result r;

	driver_store(store, "m1");
	driver_store(store, "m2");
	server_tell(&server, "DEL cpm:{%d}:m:m1", (int)shard());
	r = driver_next(store, &a);
	ck_assert_uint_eq(r.count, 1);
	ck_assert_uint_eq(r.vanished, 1);
	ck_assert_int_eq(r.waiting, 1);
	store_batch_free(&r.batch);
	ck_assert_ptr_nonnull(strstr(heard.log, "m1"));
	ck_assert_int_eq(zcard("due"), 1);
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m2");
}
END_TEST

START_TEST(a_damaged_record_is_all_record)
{
	struct store_next a = driver_ask("a");
	struct store_next_result r;

	driver_store(store, "m1");
	server_tell(&server, "SET cpm:{%d}:m:m1 %s", (int)shard(), "999\nshort");
	r = driver_next(store, &a);
	ck_slice(r.messages[0].record, "999\nshort", "record");
	ck_assert_uint_eq(r.messages[0].body.n, 0);
	store_batch_free(&r.batch);
}
END_TEST

START_TEST(refuses_what_is_out_of_bounds)
{
	struct store_put put = driver_message("a:b");
	struct store_next ask = driver_ask("");
	static char large[70000];
	struct put_seen seen = {0, STORE_OK, ""};

	ck_assert(!store_put(store, &put, put_seen, &seen));
	put = driver_message("");
	ck_assert(!store_put(store, &put, put_seen, &seen));
	put = driver_message("a");
	put.aor = (struct cpm_slice){large, 1025};
	ck_assert(!store_put(store, &put, put_seen, &seen));
	put = driver_message("a");
	put.body = (struct cpm_slice){large, 60001};
	ck_assert(!store_put(store, &put, put_seen, &seen));
	ck_assert(!store_next(store, &ask, next_seen, NULL));
	ck_assert(!store_claim(store, config.shards, 0, 1, 1, 1, claim_seen, NULL));
	ck_assert(!store_claim(store, 0, 0, 0, 0, 1, claim_seen, NULL));
	ck_assert_uint_eq(store_pending(store), 0);
	/* the largest that is allowed */
	memset(large, 'a', sizeof(large));
	put = driver_message("b");
	put.aor = (struct cpm_slice){large, 1024};
	put.id = (struct cpm_slice){large, 128};
	put.identity = (struct cpm_slice){large, 5000};
	put.record = (struct cpm_slice){large, 32768};
	put.body = (struct cpm_slice){large, 60000};
	put.expires_ms = INT64_MAX;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ask = driver_ask("a");
	ask.aor = put.aor;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK),
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			"aa");
}
END_TEST

START_TEST(refuses_more_than_max_pending)
{
	struct put_seen seen = {0, STORE_DOWN, ""};

	config.max_pending = 10;
	for(int i = 0; i < 12; i++) {
		char id[32];
		struct store_put put;

		snprintf(id, sizeof(id), "m%02d", i);
		put = driver_message(id);
		ck_assert_int_eq(store_put(store, &put, put_seen, &seen), i < 10);
	}
	ck_assert_uint_eq(store_pending(store), 10);
	test_until(&store, 1, seen.calls == 10);
	ck_assert_uint_eq(store_pending(store), 0);
}
END_TEST

/* Group commit by itself: what one turn submits goes out in one write and needs few turns to come back. */
START_TEST(a_turn_goes_out_together)
{
	struct put_seen seen = {0, STORE_DOWN, ""};
	int64_t before = server_integer(&server, "DBSIZE");
	int turns = 0;

	for(int i = 0; i < 100; i++) {
		char id[32];
		struct store_put put;

		snprintf(id, sizeof(id), "m%02d", i);
		put = driver_message(id);
		ck_assert(store_put(store, &put, put_seen, &seen));
	}
	for(; seen.calls < 100 && turns < 1000; turns++)
		test_turn(&store, 1, 1000);
	ck_assert_int_eq(seen.calls, 100);
	ck_assert_int_lt(turns, 30);
	ck_assert_int_gt(server_integer(&server, "DBSIZE"), before + 100);
}
END_TEST

START_TEST(ends_what_is_pending_when_freed)
{
	struct put_seen seen = {0, STORE_OK, ""};
	struct store_put put = driver_message("m1");

	ck_assert(store_put(store, &put, put_seen, &seen));
	store_free(&store);
	ck_assert_int_eq(seen.calls, 1);
	ck_assert_int_eq(seen.rc, STORE_DOWN);
	store_free(&store);
}
END_TEST

START_TEST(survives_a_flush_of_scripts)
{
	struct put_seen seen = {0, STORE_DOWN, ""};

	for(int round = 0; round < 3; round++) {
		server_tell(&server, "SCRIPT FLUSH");
		for(int i = 0; i < 50; i++) {
			char id[32];
			struct store_put put;

			snprintf(id, sizeof(id), "m%d-%02d", round, i);
			put = driver_message(id);
			ck_assert(store_put(store, &put, put_seen, &seen));
		}
		test_until(&store, 1, seen.calls == 50 * (round + 1));
		ck_assert_int_eq(seen.rc, STORE_OK);
	}
	ck_assert_int_eq(zcard("u:" AOR), 150);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("queue");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, stores_and_hands_out_in_order);
	tcase_add_test(t, keeps_bytes_as_they_are);
	tcase_add_test(t, stores_one_identity_once);
	tcase_add_test(t, a_late_repeat_stores_nothing);
	tcase_add_test(t, forgets_an_identity_after_its_window);
	tcase_add_test(t, keeps_the_quota);
	tcase_add_test(t, one_holder_of_the_lease);
	tcase_add_test(t, what_is_stored_later_arrives_later);
	tcase_add_test(t, a_lease_runs_out);
	tcase_add_test(t, hands_out_no_more_than_wanted);
	tcase_add_test(t, failed_messages_wait_for_their_time);
	tcase_add_test(t, many_that_are_not_due_do_not_hide_one_that_is);
	tcase_add_test(t, quarantine_sets_aside_and_keeps);
	tcase_add_test(t, a_vanished_record_is_dropped_and_told);
	tcase_add_test(t, a_damaged_record_is_all_record);
	tcase_add_test(t, refuses_what_is_out_of_bounds);
	tcase_add_test(t, refuses_more_than_max_pending);
	tcase_add_test(t, a_turn_goes_out_together);
	tcase_add_test(t, ends_what_is_pending_when_freed);
	tcase_add_test(t, survives_a_flush_of_scripts);
	return unit_run("queue", t);
}
