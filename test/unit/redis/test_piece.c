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

static void write_piece(const char *id, unsigned attempt, size_t number, uint64_t at,
		const char *octets, int64_t ttl_ms, bool renew)
{
	struct store_piece p = {CPM_SLICE(AOR), cpm_slice_of(id), attempt, number, at,
			cpm_slice_of(octets), ttl_ms, renew};
	struct seen seen = {0};

	ck_assert(store_piece(store, &p, piece_seen, &seen));
	test_until(&store, 1, seen.calls);
	ck_assert_int_eq(seen.rc, STORE_OK);
}

static void piece(const char *id, size_t number, uint64_t at, const char *octets)
{
	write_piece(id, 1, number, at, octets, 60000, false);
}

static struct seen seal_attempt(const char *id, unsigned attempt, size_t pieces, uint64_t total)
{
	struct store_seal call = {.aor = CPM_SLICE(AOR),
			.id = cpm_slice_of(id),
			.attempt = attempt,
			.pieces = pieces,
			.total = total,
			.ttl_ms = 5000,
			.head = 3};
	struct seen seen = {0};

	ck_assert(store_seal(store, &call, octets_seen, &seen));
	test_until(&store, 1, seen.calls);
	return seen;
}

static struct seen seal(const char *id, size_t pieces, uint64_t total)
{
	return seal_attempt(id, 1, pieces, total);
}

/* A message of one piece, ready for a put. */
static void sealed(const char *id)
{
	piece(id, 0, 0, "abc");
	ck_assert_int_eq(seal(id, 1, 3).rc, STORE_OK);
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

/* Of a message that comes: "c" its octets, "a" the notes of its pieces. */
static int64_t coming_ttl(const char *kind)
{
	return server_integer(&server, "PTTL cpm:{%d}:%s:a.1", shard(), kind);
}

START_TEST(puts_octets_where_they_belong)
{
	struct seen seen;

	piece("a", 0, 5, "fgh");
	piece("a", 1, 0, "ab");
	/* Later ones replace earlier ones; a repeat of a call changes nothing. */
	piece("a", 2, 1, "bcde");
	piece("a", 2, 1, "bcde");
	ck_assert_str_eq(octets("a", 0, 100), "");
	ck_assert_int_eq(count("a"), 0);
	seen = seal("a", 3, 8);
	ck_assert_int_eq(seen.rc, STORE_OK);
	ck_assert_str_eq(seen.text, "abc");
	ck_assert_str_eq(octets("a", 0, 100), "abcdefgh");
	ck_assert_str_eq(octets("a", 2, 3), "cde");
	ck_assert_str_eq(octets("a", 7, 3), "h");
	ck_assert_str_eq(octets("a", 8, 3), "");
	ck_assert_str_eq(octets("nobody", 0, 3), "");
	ck_assert_int_gt(ttl("a"), 0);
	ck_assert_int_le(ttl("a"), 5000);
	ck_assert_int_eq(coming_ttl("c"), -2);
	ck_assert_int_eq(coming_ttl("a"), -2);
	/* So does a repeat of the seal. */
	seen = seal("a", 3, 8);
	ck_assert_int_eq(seen.rc, STORE_OK);
	ck_assert_str_eq(seen.text, "abc");
	ck_assert_str_eq(octets("a", 0, 100), "abcdefgh");
}
END_TEST

START_TEST(vanish_when_they_are_not_renewed)
{
	write_piece("a", 1, 0, 0, "abc", 60000, false);
	write_piece("a", 1, 1, 3, "def", 90000, false);
	ck_assert_int_gt(coming_ttl("c"), 1000);
	ck_assert_int_le(coming_ttl("c"), 60000);
	ck_assert_int_gt(coming_ttl("a"), 1000);
	ck_assert_int_le(coming_ttl("a"), 60000);
	write_piece("a", 1, 2, 6, "ghi", 90000, true);
	ck_assert_int_gt(coming_ttl("c"), 60000);
	ck_assert_int_gt(coming_ttl("a"), 60000);
}
END_TEST

/* The state of both keys is remembered, or taken back: that of a replica that had heard no more when it took over. */
static void copy_state(const char *from, const char *to)
{
	static const char *const kinds[] = {"c", "a"};

	for(int i = 0; i < 2; i++) {
		server_integer(&server, "DEL cpm:{%d}:%s:%s", shard(), kinds[i], to);
		server_integer(&server, "COPY cpm:{%d}:%s:%s cpm:{%d}:%s:%s", shard(), kinds[i], from,
				shard(), kinds[i], to);
	}
}

#define PIECES 3
static void piece_out_of_order(size_t number)
{
	static const struct {
		uint64_t at;
		const char *octets;
	} pieces[PIECES] = {{0, "ab"}, {4, "ef"}, {2, "cd"}};

	piece("a", number, pieces[number].at, pieces[number].octets);
}

/* For all k <= m: m pieces are confirmed, then the server is one that knows of k only, and takes the others. */
START_TEST(are_missed_when_the_server_lost_them)
{
	size_t knows = (size_t)_i % (PIECES + 1), confirmed = (size_t)_i / (PIECES + 1), i = 0;
	struct store_put put = driver_message("a");
	struct seen seen;

	if(knows > confirmed)
		return;
	while(i < knows)
		piece_out_of_order(i++);
	copy_state("a.1", "then");
	while(i < confirmed)
		piece_out_of_order(i++);
	copy_state("then", "a.1");
	while(i < PIECES)
		piece_out_of_order(i++);
	seen = seal("a", PIECES, 6);
	put.staged = true;
	if(knows == confirmed) {
		ck_assert_int_eq(seen.rc, STORE_OK);
		ck_assert_str_eq(octets("a", 0, 100), "abcdef");
		ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
		return;
	}
	ck_assert_int_eq(seen.rc, STORE_LOST);
	ck_assert_str_eq(octets("a", 0, 100), "");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_LOST);
	ck_assert_int_eq(server_integer(&server, "EXISTS cpm:{%d}:m:a", shard()), 0);
}
END_TEST

/* Only the octets went, or only the notes: somebody deleted them. */
START_TEST(are_missed_when_a_key_is_gone)
{
	piece_out_of_order(0);
	piece_out_of_order(1);
	ck_assert_int_eq(server_integer(&server, "DEL cpm:{%d}:%s:a.1", shard(), _i ? "c" : "a"), 1);
	piece_out_of_order(2);
	ck_assert_int_eq(seal("a", PIECES, 6).rc, STORE_LOST);
}
END_TEST

/* They were there when it was sealed, and another server took over that had not heard of it. */
START_TEST(are_missed_after_the_seal)
{
	struct store_put put = driver_message("a");

	sealed("a");
	server_tell(&server, "RENAME cpm:{%d}:b:a cpm:{%d}:c:a.1", shard(), shard());
	put.staged = true;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_LOST);
	ck_assert_int_eq(server_integer(&server, "EXISTS cpm:{%d}:m:a", shard()), 0);
}
END_TEST

/* A sender gave up and began again; the server took over in between and did not hear that the first octets went. */
START_TEST(of_another_attempt_do_not_count)
{
	piece("a", 0, 0, "abc");
	write_piece("a", 2, 1, 3, "def", 60000, false);
	ck_assert_int_eq(seal_attempt("a", 2, 2, 6).rc, STORE_LOST);
	write_piece("a", 2, 0, 0, "ABC", 60000, false);
	ck_assert_int_eq(seal_attempt("a", 2, 2, 6).rc, STORE_OK);
	ck_assert_str_eq(octets("a", 0, 100), "ABCdef");
}
END_TEST

START_TEST(lets_go_of_them)
{
	struct seen seen = {0};

	piece("a", 0, 0, "abc");
	if(_i)
		ck_assert_int_eq(seal("a", 1, 3).rc, STORE_OK);
	ck_assert(store_unstage(store, CPM_SLICE(AOR), CPM_SLICE("a"), 1, piece_seen, &seen));
	test_until(&store, 1, seen.calls);
	ck_assert_int_eq(count("a"), 0);
	ck_assert_int_eq(coming_ttl("c"), -2);
	ck_assert_int_eq(coming_ttl("a"), -2);
	ck_assert(store_unstage(store, CPM_SLICE(AOR), CPM_SLICE("a"), 1, NULL, NULL));
}
END_TEST

START_TEST(end_with_their_message)
{
	struct store_put put = driver_message("a");
	struct store_next ask = driver_ask("t1");
	const struct cpm_slice done = CPM_SLICE("a");

	put.staged = true;
	put.place = _i ? STORE_TO_PULL : STORE_TO_PUSH;
	sealed("a");
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
	sealed("a");
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
	sealed("a");
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
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_LOST);
	ck_assert_int_eq(server_integer(&server, "EXISTS cpm:{%d}:m:a", shard()), 0);
	sealed("a");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
}
END_TEST

START_TEST(refuses_what_is_out_of_bounds)
{
	static char large[STORE_PIECE_MAX + 1];
	struct store_piece p = {
			CPM_SLICE(AOR), CPM_SLICE("a"), 1, 0, 0, {large, sizeof(large)}, 1, false};
	struct store_seal seal = {.aor = CPM_SLICE(AOR), .id = CPM_SLICE("a"), .head = 0};
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
	p.number = STORE_PIECES_MAX;
	ck_assert(!store_piece(store, &p, piece_seen, &seen));
	p.number = 0;
	p.id = CPM_SLICE("a:b");
	ck_assert(!store_piece(store, &p, piece_seen, &seen));
	ck_assert(!store_seal(store, &seal, octets_seen, &seen));
	seal.head = 1;
	seal.total = (512u << 20) + 1;
	ck_assert(!store_seal(store, &seal, octets_seen, &seen));
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
	tcase_add_test(t, vanish_when_they_are_not_renewed);
	tcase_add_loop_test(t, are_missed_when_the_server_lost_them, 0, (PIECES + 1) * (PIECES + 1));
	tcase_add_loop_test(t, are_missed_when_a_key_is_gone, 0, 2);
	tcase_add_test(t, are_missed_after_the_seal);
	tcase_add_test(t, of_another_attempt_do_not_count);
	tcase_add_loop_test(t, lets_go_of_them, 0, 2);
	tcase_add_loop_test(t, end_with_their_message, 0, 2);
	tcase_add_test(t, end_with_an_expired_message);
	tcase_add_test(t, are_kept_with_a_message_in_quarantine);
	tcase_add_test(t, are_needed_for_a_put);
	tcase_add_test(t, refuses_what_is_out_of_bounds);
	return unit_run("piece", t);
}
