/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of the octets of large messages: redis/piece.c and what the scripts do
 * with them.
 */
#include "driver.h"

#include "core/queue/key.h"

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

static int shard(void)
{
	return (int)cpm_key_shard(CPM_SLICE(AOR), config.shards);
}

struct seen {
	int calls;
	enum store_rc rc;
	char text[64];
	size_t n;
};

static void piece_seen(void *context, enum store_rc rc)
{
	struct seen *seen = context;

	seen->calls++;
	seen->rc = rc;
}

static void octets_seen(void *context, enum store_rc rc, struct cpm_slice octets)
{
	struct seen *seen = context;

	seen->calls++;
	seen->rc = rc;
	seen->n = octets.n;
	snprintf(seen->text, sizeof(seen->text), "%.*s", (int)octets.n, octets.p);
}

static enum store_rc piece(const char *id, uint64_t at, const char *octets, int64_t ttl_ms)
{
	struct store_piece p = {CPM_SLICE(AOR), cpm_slice_of(id), at, cpm_slice_of(octets), ttl_ms};
	struct seen seen = {0};

	ck_assert(store_piece(store, &p, piece_seen, &seen));
	test_until(&store, 1, seen.calls);
	return seen.rc;
}

static const char *octets(const char *id, uint64_t at, size_t n)
{
	static struct seen seen;

	seen = (struct seen){0};
	ck_assert(store_octets(store, CPM_SLICE(AOR), cpm_slice_of(id), at, n, octets_seen, &seen));
	test_until(&store, 1, seen.calls);
	ck_assert_int_eq(seen.rc, STORE_OK);
	return seen.text;
}

static int64_t count(const char *id)
{
	return server_integer(&server, "EXISTS cpm:{%d}:b:%s", shard(), id);
}

static int64_t ttl(const char *id)
{
	return server_integer(&server, "PTTL cpm:{%d}:b:%s", shard(), id);
}

START_TEST(puts_octets_where_they_belong)
{
	ck_assert_int_eq(piece("a", 5, "fgh", 60000), STORE_OK);
	ck_assert_int_eq(piece("a", 0, "abcde", 0), STORE_OK);
	ck_assert_str_eq(octets("a", 0, 100), "abcdefgh");
	ck_assert_str_eq(octets("a", 2, 3), "cde");
	ck_assert_str_eq(octets("a", 7, 3), "h");
	ck_assert_str_eq(octets("a", 8, 3), "");
	ck_assert_str_eq(octets("nobody", 0, 3), "");
	ck_assert_int_gt(ttl("a"), 1000);
	ck_assert_int_le(ttl("a"), 60000);
}
END_TEST

START_TEST(lets_go_of_them)
{
	struct seen seen = {0};

	ck_assert_int_eq(piece("a", 0, "abc", 60000), STORE_OK);
	ck_assert(store_unstage(store, CPM_SLICE(AOR), CPM_SLICE("a"), piece_seen, &seen));
	test_until(&store, 1, seen.calls);
	ck_assert_int_eq(count("a"), 0);
	ck_assert(store_unstage(store, CPM_SLICE(AOR), CPM_SLICE("a"), NULL, NULL));
}
END_TEST

START_TEST(end_with_their_message)
{
	struct store_put put = driver_message("a");
	struct store_next ask = driver_ask("t1");
	const struct cpm_slice done = CPM_SLICE("a");

	put.staged = true;
	put.place = _i ? STORE_TO_PULL : STORE_TO_PUSH;
	ck_assert_int_eq(piece("a", 0, "abc", 5000), STORE_OK);
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_int_gt(ttl("a"), 3600000);
	/* A repeat of the call changes nothing. */
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), _i ? "" : "a");
	ck_assert_int_eq(count("a"), 1);
	ask.done = &done;
	ask.done_count = 1;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_int_eq(count("a"), 0);
}
END_TEST

START_TEST(end_with_an_expired_message)
{
	struct store_put put = driver_message("a");
	struct store_settle settle = {.shard = (unsigned)shard(), .outcome = STORE_EXPIRED};
	struct claim_seen claims = {0};

	settle.entry = CPM_SLICE("x:a:" AOR);
	put.staged = true;
	put.expires_ms = put.now_ms - 1;
	ck_assert_int_eq(piece("a", 0, "abc", 5000), STORE_OK);
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert(store_claim(store, settle.shard, put.now_ms, 10, 0, 1000, claim_seen, &claims));
	test_until(&store, 1, claims.calls);
	ck_assert_uint_eq(claims.count, 1);
	ck_assert_int_eq(count("a"), 1);
	settle.token = driver_token;
	settle.now_ms = put.now_ms;
	ck_assert(store_settle(store, &settle, NULL, NULL));
	test_until(&store, 1, count("a") == 0);
}
END_TEST

START_TEST(are_kept_with_a_message_in_quarantine)
{
	struct store_put put = driver_message("a");
	struct store_next ask = driver_ask("t1");
	const struct cpm_slice id = CPM_SLICE("a");

	put.staged = true;
	ck_assert_int_eq(piece("a", 0, "abc", 5000), STORE_OK);
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "a");
	ask.quarantine = &id;
	ask.quarantine_count = 1;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_int_eq(ttl("a"), -1);
}
END_TEST

/* A message whose octets are gone is not in the queue, and may be tried again. */
START_TEST(are_needed_for_a_put)
{
	struct store_put put = driver_message("a");

	put.staged = true;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_DOWN);
	ck_assert_int_eq(server_integer(&server, "EXISTS cpm:{%d}:m:a", shard()), 0);
	ck_assert_int_eq(piece("a", 0, "abc", 5000), STORE_OK);
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
}
END_TEST

START_TEST(refuses_what_is_out_of_bounds)
{
	static char large[STORE_PIECE_MAX + 1];
	struct store_piece p = {CPM_SLICE(AOR), CPM_SLICE("a"), 0, {large, sizeof(large)}, 1};
	struct seen seen = {0};

	ck_assert(!store_piece(store, &p, piece_seen, &seen));
	p.octets.n--;
	p.at = 512u << 20;
	ck_assert(!store_piece(store, &p, piece_seen, &seen));
	p.at = UINT64_MAX;
	ck_assert(!store_piece(store, &p, piece_seen, &seen));
	p.octets.n = p.at = 0;
	ck_assert(!store_piece(store, &p, piece_seen, &seen));
	p.octets.n = 1;
	p.id = CPM_SLICE("a:b");
	ck_assert(!store_piece(store, &p, piece_seen, &seen));
	ck_assert(!store_octets(store, CPM_SLICE(AOR), CPM_SLICE("a"), 0, 0, octets_seen, &seen));
	ck_assert(!store_octets(
			store, CPM_SLICE(AOR), CPM_SLICE("a"), 0, STORE_PIECE_MAX + 1, octets_seen, &seen));
	ck_assert(!store_octets(store, CPM_SLICE(""), CPM_SLICE("a"), 0, 1, octets_seen, &seen));
	ck_assert_uint_eq(store_pending(store), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("piece");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, puts_octets_where_they_belong);
	tcase_add_test(t, lets_go_of_them);
	tcase_add_loop_test(t, end_with_their_message, 0, 2);
	tcase_add_test(t, end_with_an_expired_message);
	tcase_add_test(t, are_kept_with_a_message_in_quarantine);
	tcase_add_test(t, are_needed_for_a_put);
	tcase_add_test(t, refuses_what_is_out_of_bounds);
	return unit_run("piece", t);
}
