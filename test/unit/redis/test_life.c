/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * How messages end: claims of what is due, their settling, reports and
 * notifications, and an end that meets a delivery in flight. Against a real
 * server, from two nodes.
 */
#include "driver.h"

#include "core/queue/key.h"

static struct server server;
static struct store_config config;
static struct store *store, *other;
static int64_t now;

#define HOUR 3600000

static void setup(void)
{
	server_start(&server, false, "");
	config = driver_config(server.address);
	store = driver_open(&config);
	other = driver_open(&config);
	now = test_now_ms();
}

static void teardown(void)
{
	store_free(&store);
	store_free(&other);
	server_free(&server);
}

static unsigned shard(void)
{
	return cpm_key_shard(CPM_SLICE(AOR), config.shards);
}

static int64_t exists(const char *key)
{
	return server_integer(&server, "EXISTS cpm:{%d}:%s", (int)shard(), key);
}

static void put_at(const char *id, enum store_place place, int64_t at_ms)
{
	struct store_put put = driver_message(id);

	put.place = place;
	if(place == STORE_TO_PULL)
		put.notify_ms = at_ms;
	else if(place == STORE_TO_STORE)
		put.store_ms = at_ms;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
}

static void put_in(const char *id, enum store_place place)
{
	put_at(id, place, 0);
}

static const char *claimed(struct store *s, int64_t at_ms)
{
	static char text[8192];
	struct claim_seen seen = driver_claim(s, shard(), at_ms, 100);

	memcpy(text, seen.text, sizeof(text));
	return text;
}

static bool settled(struct store *s, const char *entry, enum store_outcome outcome)
{
	struct store_settle settle = driver_end(shard(), entry, outcome);

	return driver_settle(s, &settle);
}

/* One list of a next call that asks for nothing. */
static struct store_next tell(const char *token)
{
	struct store_next next = driver_ask(token);

	next.want = 0;
	return next;
}

static void tell_done(struct store *s, const char *token, const char *id)
{
	struct cpm_slice done = cpm_slice_of(id);
	struct store_next next = tell(token);

	next.done = &done;
	next.done_count = 1;
	driver_ids(s, &next, STORE_OK);
}

static uint64_t ended(enum store_outcome outcome)
{
	return driver_balance(&config).ended[outcome];
}

START_TEST(an_expired_message_is_claimed_once_and_ended_once)
{
	struct store_put put = driver_message("zero");
	struct store_next ask = driver_ask("a");
	struct claim_seen seen;

	put.expires_ms = put.now_ms; /* Expires: 0 is legal */
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	driver_store(store, "hour");
	seen = driver_claim(store, shard(), put.now_ms + 5, 10);
	ck_assert_str_eq(seen.text, "x:zero:" AOR "=hello;");
	ck_assert_int_eq(seen.due_ms, put.now_ms);
	ck_assert_int_eq(seen.attempts, 0);
	ck_assert(!seen.more);
	ck_assert_int_gt(seen.next_ms, put.now_ms);
	ck_assert_str_eq(claimed(other, put.now_ms + 5), "");
	ck_assert_uint_eq(driver_balance(&config).claimed, 1);
	/* nobody pushes or lists it any more, and a delivery told too late changes nothing */
	ck_assert_str_eq(driver_ids(other, &ask, STORE_OK), "hour");
	tell_done(other, "a", "zero");
	ck_assert_uint_eq(ended(STORE_DELIVERED), 0);
	ck_assert_int_eq(exists("m:zero"), 1);
	ck_assert(settled(store, "x:zero:" AOR, STORE_EXPIRED));
	ck_assert(!settled(store, "x:zero:" AOR, STORE_EXPIRED));
	ck_assert(!settled(other, "x:zero:" AOR, STORE_DELETED));
	ck_assert_uint_eq(ended(STORE_EXPIRED), 1);
	ck_assert_uint_eq(ended(STORE_DELETED), 0);
	ck_assert_int_eq(exists("m:zero"), 0);
	ck_assert_uint_eq(driver_balance(&config).waiting, 1);
}
END_TEST

START_TEST(a_parked_message_expires_as_any_other)
{
	put_in("pulled", STORE_TO_PULL);
	put_in("stored", STORE_TO_STORE);
	ck_assert_str_eq(claimed(store, now + HOUR / 2), "");
	ck_assert_str_eq(
			claimed(store, now + 2 * HOUR), "x:pulled:" AOR "=hello;x:stored:" AOR "=hello;");
	ck_assert_int_eq(exists("p:" AOR), 0);
	ck_assert_int_eq(exists("f:" AOR), 0);
}
END_TEST

START_TEST(an_unsettled_claim_comes_again)
{
	struct store_settle late = driver_end(shard(), "x:m:" AOR, STORE_INTERWORKED);

	driver_store(store, "m");
	ck_assert_str_eq(claimed(store, now + 2 * HOUR), "x:m:" AOR "=hello;");
	late.token = driver_token;
	ck_assert_str_eq(claimed(other, now + 2 * HOUR + CLAIM_MS - 1), "");
	ck_assert_str_eq(claimed(other, now + 2 * HOUR + CLAIM_MS), "x:m:" AOR "=hello;");
	/* both think it is theirs: it is the last claimant's, also when the first one wants it later */
	ck_assert(!driver_settle(store, &late));
	late.again_ms = now + 3 * HOUR;
	ck_assert(!driver_settle(store, &late));
	ck_assert(settled(other, "x:m:" AOR, STORE_EXPIRED));
	ck_assert_uint_eq(ended(STORE_EXPIRED), 1);
	ck_assert_uint_eq(ended(STORE_INTERWORKED), 0);
}
END_TEST

/* As long as nobody else has it, late is not too late. */
START_TEST(a_claim_that_ran_out_unnoticed_still_ends)
{
	driver_store(store, "m");
	ck_assert_str_eq(claimed(store, now + 2 * HOUR), "x:m:" AOR "=hello;");
	ck_assert(settled(store, "x:m:" AOR, STORE_EXPIRED));
	ck_assert_str_eq(claimed(other, now + 2 * HOUR + CLAIM_MS), "");
	ck_assert_uint_eq(ended(STORE_EXPIRED), 1);
}
END_TEST

/* Its end was put off, and its answer lost: the repeat meets the claim of another. */
START_TEST(a_repeat_does_not_put_off_the_next_claim)
{
	struct store_settle later = driver_end(shard(), "x:m:" AOR, STORE_EXPIRED);

	driver_store(store, "m");
	ck_assert_str_eq(claimed(store, now + 2 * HOUR), "x:m:" AOR "=hello;");
	later.token = driver_token;
	later.again_ms = now + 2 * HOUR + 1;
	ck_assert(driver_settle(store, &later));
	ck_assert_str_eq(claimed(other, now + 2 * HOUR + 1), "x:m:" AOR "=hello;");
	ck_assert(!driver_settle(store, &later));
	ck_assert(settled(other, "x:m:" AOR, STORE_EXPIRED));
}
END_TEST

START_TEST(what_is_put_off_comes_again_in_time)
{
	struct store_settle later = driver_end(shard(), "x:m:" AOR, STORE_EXPIRED);
	struct claim_seen seen;

	driver_store(store, "m");
	ck_assert_str_eq(claimed(store, now + 2 * HOUR), "x:m:" AOR "=hello;");
	later.again_ms = now + 3 * HOUR;
	ck_assert(driver_settle(store, &later));
	ck_assert(!driver_settle(store, &later)); /* its repeat */
	ck_assert_uint_eq(driver_balance(&config).waiting, 1);
	ck_assert_str_eq(claimed(store, now + 3 * HOUR - 1), "");
	seen = driver_claim(other, shard(), now + 3 * HOUR, 10);
	ck_assert_str_eq(seen.text, "x:m:" AOR "=hello;");
	ck_assert_int_eq(seen.attempts, 1);
	ck_assert_int_eq(seen.due_ms, now + 3 * HOUR);
	ck_assert(settled(other, "x:m:" AOR, STORE_EXPIRED));
	ck_assert_int_eq(exists("tries"), 0);
}
END_TEST

START_TEST(an_outage_is_caught_up_oldest_first_in_pieces)
{
	size_t total = 0;

	for(int i = 0; i < 25; i++) {
		struct store_put put = driver_message("");
		char id[16];

		snprintf(id, sizeof(id), "m%02d", i);
		put.id = cpm_slice_of(id);
		put.expires_ms = now + 1000 - i; /* the last to come is the first to go */
		ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	}
	for(int i = 0; i < 3; i++) {
		struct claim_seen seen = driver_claim(store, shard(), now + HOUR, 10);
		char first[64];

		snprintf(first, sizeof(first), "x:m%02d:", 24 - 10 * i);
		ck_assert_msg(!strncmp(seen.text, first, strlen(first)), "%s", seen.text);
		total += seen.count;
		ck_assert_int_eq(seen.more, i < 2);
	}
	ck_assert_uint_eq(total, 25);
	ck_assert_str_eq(claimed(store, now + HOUR), "");
}
END_TEST

/* Ends and tasks have a limit each, so neither holds up the other; bytes are bounded, but one always comes. */
START_TEST(a_claim_keeps_its_limits)
{
	struct claim_seen seen = {.calls = 0};
	struct store_report report = {
			CPM_SLICE("r1"), CPM_SLICE("record"), CPM_SLICE("body"), now, now + HOUR};

	driver_store(store, "m1");
	driver_store(store, "m2");
	driver_store(store, "m3");
	ck_assert_int_eq(driver_report(store, AOR, &report), STORE_OK);
	driver_notify(store, AOR, now);
	ck_assert(store_claim(store, shard(), now + 2 * HOUR, 2, 1, 1000000, claim_seen, &seen));
	test_until(&store, 1, seen.calls);
	ck_assert_str_eq(seen.text, "x:m1:" AOR "=hello;x:m2:" AOR "=hello;n::" AOR "=;");
	ck_assert(seen.more);
	seen = (struct claim_seen){.calls = 0};
	ck_assert(store_claim(store, shard(), now + 2 * HOUR, 0, 5, 1000000, claim_seen, &seen));
	test_until(&store, 1, seen.calls);
	ck_assert_str_eq(seen.text, "r:r1:=body;");
	ck_assert(!seen.more); /* of tasks */
	ck_assert_int_lt(seen.next_ms, now + 2 * HOUR);
	driver_store(store, "m4");
	seen = (struct claim_seen){.calls = 0};
	ck_assert(store_claim(store, shard(), now + 2 * HOUR, 10, 10, 1, claim_seen, &seen));
	test_until(&store, 1, seen.calls);
	ck_assert_str_eq(seen.text, "x:m3:" AOR "=hello;");
	ck_assert(seen.more);
}
END_TEST

START_TEST(tells_when_something_is_due_next)
{
	struct claim_seen seen = driver_claim(store, shard(), now, 10);

	ck_assert_int_eq(seen.next_ms, 0);
	driver_notify(store, AOR, now + 5000);
	driver_store(store, "m");
	seen = driver_claim(store, shard(), now, 10);
	ck_assert_int_eq(seen.next_ms, now + 5000);
	ck_assert_uint_eq(driver_claim(store, shard(), now + 5000, 10).count, 1);
	seen = driver_claim(store, shard(), now + 5000, 10);
	ck_assert_int_eq(seen.next_ms, now + 5000 + CLAIM_MS); /* the claim */
}
END_TEST

/* An expiry meets a delivery in flight: there is one winner. */

START_TEST(the_delivery_wins)
{
	struct store_next ask = driver_ask("a");
	struct claim_seen seen;

	driver_store(store, "m");
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m");
	seen = driver_claim(other, shard(), now + 2 * HOUR, 10);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert(!seen.more);
	ck_assert_int_eq(seen.next_ms, now + 2 * HOUR + 500); /* it is looked at again */
	tell_done(store, "a", "m");
	ck_assert_str_eq(claimed(other, now + 2 * HOUR + 500), "");
	ck_assert_uint_eq(ended(STORE_DELIVERED), 1);
	ck_assert_uint_eq(ended(STORE_EXPIRED), 0);
}
END_TEST

START_TEST(the_delivery_fails_and_the_expiry_wins)
{
	struct store_next ask = driver_ask("a");
	const struct store_failure failed = {CPM_SLICE("m"), now + 3 * HOUR, 480};

	driver_store(store, "m");
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m");
	ck_assert_str_eq(claimed(other, now + 2 * HOUR), "");
	ask = tell("a");
	ask.failed = &failed;
	ask.failed_count = 1;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_str_eq(claimed(other, now + 2 * HOUR + 500), "x:m:" AOR "=hello;");
	ck_assert_int_eq(exists("f:" AOR), 0);
	tell_done(store, "a", "m"); /* of no use */
	ck_assert(settled(other, "x:m:" AOR, STORE_EXPIRED));
	ck_assert_uint_eq(ended(STORE_DELIVERED), 0);
}
END_TEST

START_TEST(the_expiry_comes_first)
{
	struct store_next ask = driver_ask("a");

	driver_store(store, "m");
	ck_assert_str_eq(claimed(other, now + 2 * HOUR), "x:m:" AOR "=hello;");
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert(settled(other, "x:m:" AOR, STORE_EXPIRED));
}
END_TEST

/* Its end has been put off, as it was in flight; that is no longer life for it. */
START_TEST(an_expired_message_is_not_handed_out_again)
{
	struct store_put put = driver_message("m");
	struct store_next ask = driver_ask("a");
	const struct store_failure failed = {CPM_SLICE("m"), now, 480};

	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m");
	ck_assert_str_eq(claimed(other, put.expires_ms + 10), "");
	ask.failed = &failed;
	ask.failed_count = 1;
	ask.force = true;
	ask.now_ms = put.expires_ms + 20;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_str_eq(claimed(other, put.expires_ms + 510), "x:m:" AOR "=hello;");
}
END_TEST

/* The same when an operator's word has ended it, long before its own time. */
START_TEST(a_message_expired_by_hand_is_not_handed_out_again)
{
	struct store_next ask = driver_ask("a");
	const struct store_failure failed = {CPM_SLICE("m"), now, 480};
	const char *error = "";
	size_t touched;

	driver_store(store, "m");
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m");
	ck_assert_int_eq(
			admin_act(&config, ADMIN_EXPIRE, CPM_SLICE_NONE, CPM_SLICE(AOR), now, &touched, &error),
			1);
	ck_assert_uint_eq(touched, 1);
	ck_assert_str_eq(claimed(other, now), "");
	ask.failed = &failed;
	ask.failed_count = 1;
	ask.force = true;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_str_eq(claimed(other, now + 500), "x:m:" AOR "=hello;");
}
END_TEST

START_TEST(a_message_that_was_not_sent_is_in_flight_no_more)
{
	struct store_next ask = driver_ask("a");
	const struct cpm_slice m = CPM_SLICE("m");

	driver_store(store, "m");
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m");
	ask = tell("a");
	ask.unsent = &m;
	ask.unsent_count = 1;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_str_eq(claimed(other, now + 2 * HOUR), "x:m:" AOR "=hello;");
}
END_TEST

static void lease_runs_out(void)
{
	server_tell(&server, "DEL cpm:{%d}:l:" AOR " cpm:{%d}:i:" AOR, (int)shard(), (int)shard());
}

START_TEST(nothing_is_in_flight_without_a_lease)
{
	struct store_next ask = driver_ask("a");

	driver_store(store, "m1");
	driver_store(store, "m2");
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m1 m2");
	ask = tell("a");
	ask.release = true;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_int_eq(exists("i:" AOR), 0);
	ask = driver_ask("b");
	ask.want = 1;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m1");
	ck_assert_str_eq(claimed(other, now + 2 * HOUR), "x:m2:" AOR "=hello;");
	/* its node died: the lease runs out, and with it what is in flight */
	lease_runs_out();
	ck_assert_str_eq(claimed(other, now + 3 * HOUR), "x:m2:" AOR "=hello;x:m1:" AOR "=hello;");
	/* the next holder of the lease starts anew */
	driver_store(store, "m3");
	ask = driver_ask("c");
	ck_assert_str_eq(driver_ids(other, &ask, STORE_OK), "m3");
	ck_assert_int_eq(server_integer(&server, "SCARD cpm:{%d}:i:" AOR, (int)shard()), 1);
}
END_TEST

START_TEST(a_renewed_lease_keeps_what_is_in_flight)
{
	struct store_next ask = driver_ask("a"), renew = tell("a");

	driver_store(store, "m");
	ask.lease_ms = 5000;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m");
	ck_assert_str_eq(driver_ids(store, &renew, STORE_OK), "");
	ck_assert_int_gt(server_integer(&server, "PTTL cpm:{%d}:i:" AOR, (int)shard()), 10000);
	ck_assert_str_eq(claimed(other, now + 2 * HOUR), "");
}
END_TEST

/* A holder that has lost its lease says nothing of what the next one has in flight. */
START_TEST(who_lost_the_lease_lands_nothing)
{
	struct store_next a = driver_ask("a"), b = driver_ask("b");
	const struct cpm_slice m = CPM_SLICE("m");

	driver_store(store, "m");
	a.lease_ms = 1;
	ck_assert_str_eq(driver_ids(store, &a, STORE_OK), "m");
	test_until(&store, 1, !exists("l:" AOR));
	ck_assert_str_eq(driver_ids(other, &b, STORE_OK), "m");
	a = tell("a");
	a.unsent = &m;
	a.unsent_count = 1;
	ck_assert_str_eq(driver_ids(store, &a, STORE_LOST), "");
	ck_assert_str_eq(claimed(store, now + 2 * HOUR), "");
}
END_TEST

START_TEST(an_interworked_message_has_its_own_sum)
{
	struct store_next ask = driver_ask("a");
	const struct cpm_slice ids[] = {
			CPM_SLICE("m1"), CPM_SLICE("m2"), CPM_SLICE("m2"), CPM_SLICE("gone")};

	driver_store(store, "m1");
	driver_store(store, "m2");
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m1 m2");
	ask = tell("a");
	ask.done = ids;
	ask.done_count = 1;
	ask.interworked = ids + 1;
	ask.interworked_count = 3;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), ""); /* a repeat counts nothing */
	ck_assert_uint_eq(ended(STORE_DELIVERED), 1);
	ck_assert_uint_eq(ended(STORE_INTERWORKED), 1);
	ck_assert_int_eq(server_integer(&server, "SCARD cpm:{%d}:i:" AOR, (int)shard()), 0);
}
END_TEST

START_TEST(a_repeated_put_is_accepted_once)
{
	struct store_put put = driver_message("m");

	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_int_eq(driver_put(other, &put).rc, STORE_OK);
	put = driver_message("p");
	put.place = STORE_TO_PULL;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_uint_eq(driver_balance(&config).accepted, 2);
	config.max_user_messages = 2;
	put = driver_message("q");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_QUOTA);
	put.place = STORE_TO_PULL;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_QUOTA);
	ck_assert_uint_eq(driver_balance(&config).accepted, 2);
}
END_TEST

static enum store_rc room(const char *aor)
{
	int seen = 0;

	ck_assert(store_room(store, cpm_slice_of(aor), done_seen, &seen));
	test_until(&store, 1, seen);
	return (enum store_rc)(seen - 100);
}

/* It says what a put would, waiting and parked together, and changes nothing. */
START_TEST(room_is_what_a_put_finds)
{
	struct store_put put = driver_message("m");

	config.max_user_messages = 2;
	ck_assert_int_eq(room(AOR), STORE_OK);
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_int_eq(room(AOR), STORE_OK);
	put = driver_message("p");
	put.place = STORE_TO_PULL;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_int_eq(room(AOR), STORE_QUOTA);
	put = driver_message("q");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_QUOTA);
	ck_assert_int_eq(room("sip:carol@example.com"), STORE_OK);
	ck_assert(!store_room(store, CPM_SLICE_NONE, done_seen, NULL));
	driver_wish(store, "p", STORE_ACT_DELETE);
	ck_assert_uint_eq(driver_balance(&config).accepted, 2);
}
END_TEST

/* Reports */

START_TEST(an_end_and_its_report_are_one_step)
{
	struct store_settle settle = driver_end(shard(), "x:m:" AOR, STORE_EXPIRED);
	struct admin_totals totals;

	settle.report = (struct store_report){
			CPM_SLICE("m"), CPM_SLICE("about m"), CPM_SLICE("IMDN"), now + 1000, now + HOUR};
	driver_store(store, "m");
	ck_assert(!driver_settle(store, &settle)); /* nobody claimed it */
	ck_assert_int_eq(exists("r:m"), 0);
	ck_assert_str_eq(claimed(store, now + 2 * HOUR), "x:m:" AOR "=hello;");
	ck_assert(driver_settle(store, &settle));
	ck_assert(!driver_settle(store, &settle));
	totals = driver_balance(&config);
	ck_assert_uint_eq(totals.reports, 1);
	ck_assert_uint_eq(totals.tasks, 1);
	ck_assert_uint_eq(totals.waiting, 0);
	ck_assert_str_eq(claimed(store, now + 999), "");
	ck_assert_str_eq(claimed(store, now + 1000), "r:m:=IMDN;");
	ck_assert_int_gt(server_integer(&server, "PTTL cpm:{%d}:r:m", (int)shard()), HOUR);
	ck_assert(settled(store, "r:m", STORE_DELIVERED));
	ck_assert(!settled(store, "r:m", STORE_DELIVERED));
	ck_assert_int_eq(exists("r:m"), 0);
	totals = driver_balance(&config);
	ck_assert_uint_eq(totals.reports_ended, 1);
	ck_assert_uint_eq(totals.tasks, 0);
	ck_assert_uint_eq(totals.ended[STORE_DELIVERED], 0); /* a report is no message */
}
END_TEST

START_TEST(a_report_is_tried_again_until_it_lapses)
{
	struct store_report report = {
			CPM_SLICE("m"), CPM_SLICE("about m"), CPM_SLICE("IMDN"), now, now + HOUR};
	struct store_settle later = driver_end(shard(), "r:m", STORE_DELIVERED);

	ck_assert_int_eq(driver_report(store, AOR, &report), STORE_OK);
	ck_assert_int_eq(driver_report(other, AOR, &report), STORE_DUPLICATE);
	for(int i = 0; i < 3; i++) {
		struct claim_seen seen = driver_claim(store, shard(), now + i * 1000, 10);

		ck_assert_str_eq(seen.text, "r:m:=IMDN;");
		ck_assert_int_eq(seen.attempts, i);
		later.again_ms = now + (i + 1) * 1000;
		ck_assert(driver_settle(store, &later));
	}
	server_tell(&server, "DEL cpm:{%d}:r:m", (int)shard()); /* its TTL */
	ck_assert_str_eq(claimed(store, now + 3000), "");
	ck_assert_uint_eq(driver_balance(&config).reports_ended, 1);
	ck_assert_uint_eq(driver_balance(&config).tasks, 0);
	ck_assert_int_eq(exists("tries"), 0);
}
END_TEST

/* A repeat that comes when the report has been sent must not bring it back. */
START_TEST(a_late_repeat_of_a_report_keeps_nothing)
{
	struct store_report report = {
			CPM_SLICE("m"), CPM_SLICE("about m"), CPM_SLICE("IMDN"), now, now + HOUR};

	ck_assert_int_eq(driver_report(store, AOR, &report), STORE_OK);
	ck_assert_str_eq(claimed(store, now), "r:m:=IMDN;");
	ck_assert(settled(store, "r:m", STORE_DELIVERED));
	ck_assert_int_eq(driver_report(store, AOR, &report), STORE_DUPLICATE);
	ck_assert_str_eq(claimed(store, now + 1000), "");
}
END_TEST

/* Notifications */

START_TEST(one_notification_for_a_burst)
{
	put_at("m1", STORE_TO_PULL, now + 1000);
	put_at("m2", STORE_TO_PULL, now + 2000);
	put_at("m3", STORE_TO_PULL, now + 500);
	put_at("m4", STORE_TO_PULL, now + 4000);
	driver_notify(other, AOR, now + 3000);
	ck_assert_str_eq(claimed(store, now + 499), "");
	ck_assert_str_eq(claimed(store, now + 500), "n::" AOR "=;");
	ck_assert_str_eq(claimed(store, now + 5000), "");
	ck_assert(settled(store, "n:" AOR, STORE_DELIVERED));
	ck_assert(!settled(store, "n:" AOR, STORE_DELIVERED));
	ck_assert_str_eq(claimed(store, now + 5000), "");
	ck_assert_uint_eq(ended(STORE_DELIVERED), 0);
}
END_TEST

/* What comes while its user is being told makes one more, after that. */
START_TEST(a_notification_that_is_under_way_is_not_lost_sight_of)
{
	struct store_settle later = driver_end(shard(), "n:" AOR, STORE_DELIVERED);

	driver_notify(store, AOR, now);
	ck_assert_str_eq(claimed(store, now), "n::" AOR "=;");
	driver_notify(store, AOR, now + 10);
	ck_assert_str_eq(claimed(other, now + 10), "");
	ck_assert(settled(store, "n:" AOR, STORE_DELIVERED));
	ck_assert_str_eq(claimed(other, now + 10 + 500), "n::" AOR "=;");
	/* put off: the earlier of the two counts */
	driver_notify(store, AOR, now + 2000);
	later.again_ms = now + 9000;
	ck_assert(driver_settle(other, &later));
	ck_assert_str_eq(claimed(other, now + 2000), "n::" AOR "=;");
	ck_assert(settled(other, "n:" AOR, STORE_DELIVERED));
	ck_assert_str_eq(claimed(other, now + 10000), "");
}
END_TEST

static void notify_sooner(int64_t at_ms)
{
	int seen = 0;

	ck_assert(store_notify_sooner(store, CPM_SLICE(AOR), at_ms, done_seen, &seen));
	test_until(&store, 1, seen);
	ck_assert_int_eq(seen, 100 + STORE_OK);
}

START_TEST(a_notification_is_brought_forward)
{
	notify_sooner(now);
	ck_assert_str_eq(claimed(store, now + HOUR), "");
	driver_notify(store, AOR, now + 5000);
	notify_sooner(now + 6000);
	ck_assert_str_eq(claimed(store, now + 4999), "");
	notify_sooner(now + 1000);
	ck_assert_str_eq(claimed(store, now + 1000), "n::" AOR "=;");
}
END_TEST

START_TEST(a_claim_runs_out_as_configured)
{
	config.claim_ms = 5000;
	driver_notify(store, AOR, now);
	ck_assert_str_eq(claimed(store, now), "n::" AOR "=;");
	ck_assert_str_eq(claimed(store, now + 4999), "");
	ck_assert_str_eq(claimed(store, now + 5000), "n::" AOR "=;");
	config.claim_ms = 0; /* not said */
	ck_assert_str_eq(claimed(store, now + 10000), "n::" AOR "=;");
	ck_assert_str_eq(claimed(store, now + 10000 + CLAIM_MS - 1), "");
}
END_TEST

/* Messages for the message store */

START_TEST(a_message_to_be_stored_is_claimed_and_ended)
{
	struct store_put put = driver_message("m");

	put.place = STORE_TO_STORE;
	put.store_ms = now + 1000;
	put.expires_ms = now + 2000;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	put_in("later", STORE_TO_STORE);
	ck_assert_str_eq(claimed(store, now + 1000), "s:m:" AOR "=hello;");
	/* it is in our hands: its end waits, and orders leave it alone */
	ck_assert_str_eq(claimed(other, now + 2000), "");
	ck_assert_uint_eq(driver_balance(&config).waiting, 2);
	ck_assert_int_eq(driver_wish(other, "m", STORE_ACT_DELIVER).known[0], '+');
	ck_assert_str_eq(driver_list(store, 0, 10).text, "m store;later store;");
	ck_assert_int_eq(driver_wish(other, "m", STORE_ACT_DELETE).known[0], '+');
	ck_assert_str_eq(claimed(other, now + 2000), "");
	ck_assert(settled(store, "s:m:" AOR, STORE_STORED));
	ck_assert(!settled(store, "s:m:" AOR, STORE_STORED));
	ck_assert_uint_eq(ended(STORE_STORED), 1);
	ck_assert_str_eq(driver_list(store, 0, 10).text, "later store;");
	ck_assert_str_eq(claimed(other, now + 3000), ""); /* the deletion is gone with it */
}
END_TEST

START_TEST(a_message_that_could_not_be_stored_stays)
{
	struct store_settle later = driver_end(shard(), "s:m:" AOR, STORE_STORED);

	put_at("m", STORE_TO_STORE, now);
	ck_assert_str_eq(claimed(store, now), "s:m:" AOR "=hello;");
	later.again_ms = now + 5000;
	ck_assert(driver_settle(store, &later));
	ck_assert_str_eq(driver_list(store, 0, 10).text, "m store;");
	ck_assert_uint_eq(driver_claim(store, shard(), now + 5000, 10).attempts, 1);
	/* the node dies; the message expires: its end has it when the claim has run out */
	ck_assert_str_eq(claimed(other, now + 2 * HOUR), "x:m:" AOR "=hello;");
	ck_assert(settled(other, "x:m:" AOR, STORE_EXPIRED));
	ck_assert(!settled(store, "s:m:" AOR, STORE_STORED));
	ck_assert_uint_eq(ended(STORE_STORED), 0);
}
END_TEST

START_TEST(a_message_ordered_otherwise_is_not_stored)
{
	struct store_next ask = driver_ask("a");

	put_at("m", STORE_TO_STORE, now + 1000);
	driver_wish(store, "m", STORE_ACT_DELIVER);
	ck_assert_str_eq(claimed(store, now + 1000), "");
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m");
	tell_done(store, "a", "m");
	ck_assert_uint_eq(ended(STORE_DELIVERED), 1);
	ck_assert_str_eq(claimed(store, now + HOUR), "");
	ck_assert_uint_eq(driver_balance(&config).tasks, 0);
}
END_TEST

/* Who pushes */

static int64_t push_due_ms(void)
{
	redisReply *r = server_ask(&server, "ZSCORE cpm:{%d}:tasks p:" AOR, (int)shard());
	int64_t at = r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : -1;

	freeReplyObject(r);
	return at;
}

START_TEST(a_lease_that_runs_out_is_noticed)
{
	struct store_next ask = driver_ask("a");

	ask.release = true; /* as a run begins */
	driver_store(store, "m");
	ck_assert_int_eq(exists("tasks"), 0);
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m");
	ck_assert_int_eq(push_due_ms(), ask.now_ms + ask.lease_ms + 1000);
	/* a run may take longer than one lease */
	ck_assert_str_eq(claimed(other, now + 2 * CLAIM_MS), "");
	ck_assert_int_eq(push_due_ms(), now + 2 * CLAIM_MS + 5000);
	lease_runs_out();
	ck_assert_str_eq(claimed(other, now + 2 * CLAIM_MS + 5000), "p::" AOR "=;");
	/* whoever got it dies as well */
	ck_assert_str_eq(claimed(store, now + 3 * CLAIM_MS + 4999), "");
	ck_assert_str_eq(claimed(store, now + 3 * CLAIM_MS + 5000), "p::" AOR "=;");
}
END_TEST

START_TEST(a_run_that_ends_well_leaves_no_task)
{
	struct store_next ask = driver_ask("a");
	const struct cpm_slice m = CPM_SLICE("m");

	ask.release = true;
	driver_store(store, "m");
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m");
	ask.done = &m;
	ask.done_count = 1;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_int_eq(exists("tasks"), 0);
	/* nor does one that finds nothing */
	ask = driver_ask("b");
	ask.release = true;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_int_eq(exists("tasks"), 0);
}
END_TEST

START_TEST(a_run_says_when_it_looks_again)
{
	struct store_next ask = driver_ask("a");
	struct store_failure failure = {CPM_SLICE("m1"), now + 120000, 480};

	ask.release = true;
	driver_store(store, "m1");
	driver_store(store, "m2");
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m1 m2");
	/* it stops: what is not told is for later */
	ask.want = 0;
	ask.failed = &failure;
	ask.failed_count = 1;
	ask.again_ms = now + 120000;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_int_eq(push_due_ms(), now + 120000 + ask.lease_ms);
	/* an earlier time of a message counts; so does that of a run that finds nothing for now */
	failure.id = CPM_SLICE("m2");
	failure.not_before_ms = now + 60000;
	ask.again_ms = 0;
	driver_ids(store, &ask, STORE_OK);
	ask = driver_ask("b");
	ask.release = true;
	ask.again_ms = now + 90000;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_int_eq(push_due_ms(), now + 60000 + ask.lease_ms);
}
END_TEST

START_TEST(nobody_is_looked_after_without_messages)
{
	ck_assert(store_push(store, CPM_SLICE(AOR), now, NULL, NULL));
	test_until(&store, 1, store_pending(store) == 0);
	ck_assert_int_eq(push_due_ms(), now);
	ck_assert_str_eq(claimed(store, now), "");
	ck_assert_int_eq(exists("tasks"), 0);
}
END_TEST

START_TEST(a_task_to_push_comes_again_until_it_is_done)
{
	struct store_settle settle = driver_end(shard(), "p:" AOR, STORE_DELIVERED);
	struct store_put put = driver_message("m");
	struct claim_seen seen;

	put.push_ms = now + 1000;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ck_assert_int_eq(exists("f:" AOR), 0); /* it is not parked */
	ck_assert_str_eq(claimed(store, now + 999), "");
	ck_assert_str_eq(claimed(store, now + 1000), "p::" AOR "=;");
	settle.again_ms = now + 2000;
	ck_assert(driver_settle(store, &settle));
	seen = driver_claim(other, shard(), now + 2000, 10);
	ck_assert_str_eq(seen.text, "p::" AOR "=;");
	ck_assert_int_eq(seen.attempts, 1);
	settle.again_ms = 0;
	ck_assert(driver_settle(other, &settle));
	ck_assert_int_eq(exists("tasks") + exists("taken") + exists("tries"), 0);
	ck_assert_uint_eq(driver_balance(&config).waiting, 1);
}
END_TEST

START_TEST(what_is_for_the_isf_needs_no_client)
{
	struct store_settle settle = driver_end(shard(), "p:" AOR, STORE_DELIVERED);

	put_in("m1", STORE_TO_PULL);
	put_in("m2", STORE_TO_PULL);
	driver_wish(store, "m1", STORE_ACT_DELIVER);
	ck_assert_str_eq(claimed(store, now + 2 * CLAIM_MS), "p::" AOR "=;");
	settle.again_ms = now + 2 * CLAIM_MS;
	ck_assert(driver_settle(store, &settle));
	driver_wish(store, "m2", STORE_ACT_INTERWORK);
	ck_assert_str_eq(claimed(store, now + 2 * CLAIM_MS), "p::" AOR "=interwork;");
}
END_TEST

/* Its user wants what has expired in the message store (EX-5). */
START_TEST(an_expired_message_is_kept_for_the_message_store)
{
	struct store_settle keep = driver_end(shard(), "x:m:" AOR, STORE_EXPIRED);

	driver_store(store, "m");
	ck_assert_str_eq(claimed(store, now + 2 * HOUR), "x:m:" AOR "=hello;");
	keep.keep = true;
	keep.store_ms = now + 3 * HOUR;
	ck_assert(driver_settle(store, &keep));
	ck_assert(!driver_settle(store, &keep));
	ck_assert_uint_eq(driver_balance(&config).waiting, 1);
	ck_assert_str_eq(driver_list(store, 0, 10).text, "m store;");
	ck_assert_int_eq(server_integer(&server, "PTTL cpm:{%d}:m:m", (int)shard()), -1);
	ck_assert_str_eq(claimed(store, now + INT64_C(10000) * HOUR), "s:m:" AOR "=hello;");
	ck_assert(settled(store, "s:m:" AOR, STORE_STORED));
	ck_assert_uint_eq(ended(STORE_STORED), 1);
	ck_assert_uint_eq(driver_balance(&config).waiting, 0);
	ck_assert_int_eq(exists("due"), 0);
}
END_TEST

/* Without a message store it waits for its user's word, or an operator's. */
START_TEST(a_kept_message_can_be_ordered_and_deleted)
{
	struct store_settle keep = driver_end(shard(), "x:m1:" AOR, STORE_EXPIRED);
	struct store_next ask = driver_ask("a");

	driver_store(store, "m1");
	driver_store(store, "m2");
	ck_assert_uint_eq(driver_claim(store, shard(), now + 2 * HOUR, 10).count, 2);
	keep.keep = true;
	ck_assert(driver_settle(store, &keep));
	keep.entry = CPM_SLICE("x:m2:" AOR);
	ck_assert(driver_settle(store, &keep));
	driver_wish(store, "m1", STORE_ACT_DELIVER);
	driver_wish(store, "m2", STORE_ACT_DELETE);
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "m1");
	ck_assert_str_eq(claimed(store, now + 5 * HOUR), "d:m2:" AOR "=hello;");
	tell_done(store, "a", "m1");
	ck_assert_uint_eq(driver_balance(&config).waiting, 1);
}
END_TEST

/* Whoever took it and never came back finds it gone, and its message is not ended twice. */
START_TEST(a_lapsed_storing_is_overtaken)
{
	const int64_t lapsed = now - CLAIM_MS;
	struct store_next ask = driver_ask("a");

	put_at("ordered", STORE_TO_STORE, lapsed);
	put_at("gone", STORE_TO_STORE, lapsed);
	ck_assert_uint_eq(driver_claim(store, shard(), lapsed, 10).count, 2);
	driver_wish(other, "ordered", STORE_ACT_DELIVER);
	driver_wish(other, "gone", STORE_ACT_DELETE);
	ck_assert(!settled(store, "s:ordered:" AOR, STORE_STORED));
	ck_assert(!settled(store, "s:gone:" AOR, STORE_STORED));
	ck_assert_str_eq(driver_ids(other, &ask, STORE_OK), "ordered");
	tell_done(other, "a", "ordered");
	ck_assert_str_eq(claimed(other, test_now_ms()), "d:gone:" AOR "=hello;");
	ck_assert_uint_eq(driver_balance(&config).waiting, 1);
}
END_TEST

/* Trouble */

START_TEST(a_vanished_message_is_counted_and_told)
{
	driver_store(store, "m1");
	put_at("m2", STORE_TO_STORE, now);
	server_tell(&server, "DEL cpm:{%d}:m:m1 cpm:{%d}:m:m2", (int)shard(), (int)shard());
	ck_assert_str_eq(claimed(store, now + 2 * HOUR), "");
	ck_assert_ptr_nonnull(strstr(heard.log, "vanished"));
	ck_assert_uint_eq(driver_balance(&config).vanished, 2);
	ck_assert_uint_eq(driver_balance(&config).tasks, 0);
	ck_assert_int_eq(driver_list(store, 0, 10).total, 0);
	/* also while it is claimed */
	driver_store(store, "m3");
	ck_assert_str_eq(claimed(store, now + 2 * HOUR), "x:m3:" AOR "=hello;");
	server_tell(&server, "DEL cpm:{%d}:m:m3", (int)shard());
	ck_assert_str_eq(claimed(store, now + 3 * HOUR), "");
	ck_assert_uint_eq(driver_balance(&config).vanished, 3);
}
END_TEST

START_TEST(an_unreadable_record_is_set_aside_at_its_end)
{
	struct store_settle aside = driver_end(shard(), "x:m:" AOR, STORE_EXPIRED);

	driver_store(store, "m");
	ck_assert_str_eq(claimed(store, now + 2 * HOUR), "x:m:" AOR "=hello;");
	aside.quarantine = true;
	ck_assert(driver_settle(store, &aside));
	ck_assert(!driver_settle(store, &aside));
	ck_assert_uint_eq(driver_balance(&config).quarantined, 1);
	ck_assert_str_eq(driver_list(store, 0, 10).text, "m quarantined;");
	ck_assert_int_eq(server_integer(&server, "PTTL cpm:{%d}:m:m", (int)shard()), -1);
	ck_assert_str_eq(claimed(store, now + 3 * HOUR), "");
}
END_TEST

START_TEST(a_full_server_ends_messages)
{
	struct store_settle settle = driver_end(shard(), "d:m2:" AOR, STORE_DELETED);

	driver_store(store, "m1");
	driver_store(store, "m2");
	server_tell(&server, "CONFIG SET maxmemory 1");
	ck_assert_int_eq(driver_wish(store, "m2", STORE_ACT_DELETE).known[0], '+');
	ck_assert_str_eq(claimed(store, test_now_ms()), "d:m2:" AOR "=hello;");
	settle.report =
			(struct store_report){CPM_SLICE("m2"), CPM_SLICE("r"), CPM_SLICE("b"), now, now + HOUR};
	ck_assert(driver_settle(store, &settle));
	ck_assert_str_eq(claimed(store, now + 2 * HOUR), "x:m1:" AOR "=hello;r:m2:=b;");
	settle = driver_end(shard(), "x:m1:" AOR, STORE_EXPIRED);
	settle.again_ms = now + 3 * HOUR;
	ck_assert(driver_settle(store, &settle));
	ck_assert_str_eq(claimed(store, now + 4 * HOUR), "x:m1:" AOR "=hello;r:m2:=b;");
	ck_assert(settled(store, "x:m1:" AOR, STORE_EXPIRED));
	ck_assert_uint_eq(driver_balance(&config).waiting, 0);
}
END_TEST

START_TEST(refuses_what_is_out_of_bounds)
{
	struct store_settle settle = driver_end(shard(), "x:m:" AOR, STORE_OUTCOMES);
	struct store_report report = {CPM_SLICE("a:b"), CPM_SLICE("r"), CPM_SLICE("b"), now, now};
	static char large[70000];

	ck_assert(!store_settle(store, &settle, settle_seen, NULL));
	settle = driver_end(config.shards, "x:m:" AOR, STORE_EXPIRED);
	ck_assert(!store_settle(store, &settle, settle_seen, NULL));
	settle = driver_end(shard(), "x", STORE_EXPIRED);
	ck_assert(!store_settle(store, &settle, settle_seen, NULL));
	ck_assert(!store_report_put(store, CPM_SLICE(AOR), now, &report, done_seen, NULL));
	report.id = CPM_SLICE("a");
	report.body = (struct cpm_slice){large, sizeof(large)};
	ck_assert(!store_report_put(store, CPM_SLICE(AOR), now, &report, done_seen, NULL));
	ck_assert(!store_notify(store, CPM_SLICE_NONE, now, done_seen, NULL));
	ck_assert(!store_list(store, CPM_SLICE_NONE, now, 0, 1, list_seen, NULL));
	ck_assert_uint_eq(store_pending(store), 0);
	/* nobody needs to listen */
	ck_assert(store_notify(store, CPM_SLICE(AOR), now, NULL, NULL));
	settle = driver_end(shard(), "x:m:" AOR, STORE_EXPIRED);
	ck_assert(store_settle(store, &settle, NULL, NULL));
	test_until(&store, 1, store_pending(store) == 0);
	ck_assert(store_notify(store, CPM_SLICE(AOR), now, NULL, NULL));
	ck_assert(store_settle(store, &settle, NULL, NULL));
	store_free(&store);
}
END_TEST

START_TEST(ends_what_is_pending_when_freed)
{
	struct claim_seen claim = {.calls = 0};
	struct settle_seen settle = {.calls = 0};
	struct manage_seen manage = {.calls = 0};
	struct store_settle end = driver_end(shard(), "x:m:" AOR, STORE_EXPIRED);
	struct store_manage all = {.aor = CPM_SLICE(AOR), .now_ms = now, .deliver_all = true};
	int done = 0;

	ck_assert(store_claim(store, shard(), now, 1, 1, 1, claim_seen, &claim));
	ck_assert(store_settle(store, &end, settle_seen, &settle));
	ck_assert(store_manage(store, &all, manage_seen, &manage));
	ck_assert(store_notify(store, CPM_SLICE(AOR), now, done_seen, &done));
	store_free(&store);
	ck_assert_int_eq(claim.rc, STORE_DOWN);
	ck_assert_int_eq(settle.rc, STORE_DOWN);
	ck_assert_int_eq(manage.rc, STORE_DOWN);
	ck_assert_int_eq(done, 100 + STORE_DOWN);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("life");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_expired_message_is_claimed_once_and_ended_once);
	tcase_add_test(t, a_parked_message_expires_as_any_other);
	tcase_add_test(t, an_unsettled_claim_comes_again);
	tcase_add_test(t, a_claim_that_ran_out_unnoticed_still_ends);
	tcase_add_test(t, a_repeat_does_not_put_off_the_next_claim);
	tcase_add_test(t, what_is_put_off_comes_again_in_time);
	tcase_add_test(t, an_outage_is_caught_up_oldest_first_in_pieces);
	tcase_add_test(t, a_claim_keeps_its_limits);
	tcase_add_test(t, tells_when_something_is_due_next);
	tcase_add_test(t, the_delivery_wins);
	tcase_add_test(t, the_delivery_fails_and_the_expiry_wins);
	tcase_add_test(t, the_expiry_comes_first);
	tcase_add_test(t, an_expired_message_is_not_handed_out_again);
	tcase_add_test(t, a_message_expired_by_hand_is_not_handed_out_again);
	tcase_add_test(t, a_message_that_was_not_sent_is_in_flight_no_more);
	tcase_add_test(t, nothing_is_in_flight_without_a_lease);
	tcase_add_test(t, a_renewed_lease_keeps_what_is_in_flight);
	tcase_add_test(t, who_lost_the_lease_lands_nothing);
	tcase_add_test(t, an_interworked_message_has_its_own_sum);
	tcase_add_test(t, a_repeated_put_is_accepted_once);
	tcase_add_test(t, room_is_what_a_put_finds);
	tcase_add_test(t, an_end_and_its_report_are_one_step);
	tcase_add_test(t, a_report_is_tried_again_until_it_lapses);
	tcase_add_test(t, a_late_repeat_of_a_report_keeps_nothing);
	tcase_add_test(t, one_notification_for_a_burst);
	tcase_add_test(t, a_notification_that_is_under_way_is_not_lost_sight_of);
	tcase_add_test(t, a_message_to_be_stored_is_claimed_and_ended);
	tcase_add_test(t, a_message_that_could_not_be_stored_stays);
	tcase_add_test(t, a_message_ordered_otherwise_is_not_stored);
	tcase_add_test(t, a_lease_that_runs_out_is_noticed);
	tcase_add_test(t, a_run_that_ends_well_leaves_no_task);
	tcase_add_test(t, a_run_says_when_it_looks_again);
	tcase_add_test(t, nobody_is_looked_after_without_messages);
	tcase_add_test(t, a_task_to_push_comes_again_until_it_is_done);
	tcase_add_test(t, what_is_for_the_isf_needs_no_client);
	tcase_add_test(t, an_expired_message_is_kept_for_the_message_store);
	tcase_add_test(t, a_kept_message_can_be_ordered_and_deleted);
	tcase_add_test(t, a_lapsed_storing_is_overtaken);
	tcase_add_test(t, a_notification_is_brought_forward);
	tcase_add_test(t, a_claim_runs_out_as_configured);
	tcase_add_test(t, a_vanished_message_is_counted_and_told);
	tcase_add_test(t, an_unreadable_record_is_set_aside_at_its_end);
	tcase_add_test(t, a_full_server_ends_messages);
	tcase_add_test(t, refuses_what_is_out_of_bounds);
	tcase_add_test(t, ends_what_is_pending_when_freed);
	return unit_run("life", t);
}
