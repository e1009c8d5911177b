/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What users and operators want done with waiting messages, how they are
 * listed, and what that costs. Against a real server.
 */
#include "driver.h"

#include "core/queue/key.h"
#include "core/queue/record.h"

static struct server server;
static struct store_config config;
static struct store *store;
static int64_t now;

#define HOUR 3600000

static void setup(void)
{
	server_start(&server, false, "");
	config = driver_config(server.address);
	config.max_user_messages = 100000;
	store = driver_open(&config);
	now = test_now_ms();
}

static void teardown(void)
{
	store_free(&store);
	server_free(&server);
}

static unsigned shard(void)
{
	return cpm_key_shard(CPM_SLICE(AOR), config.shards);
}

static void put_in(const char *id, enum store_place place)
{
	struct store_put put = driver_message(id);

	put.place = place;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
}

static const char *listed(void)
{
	static char text[8192];
	struct list_seen seen = driver_list(store, 0, 1000);

	memcpy(text, seen.text, sizeof(text));
	return text;
}

static const char *pushed(bool ordered_only)
{
	static int sessions;
	char token[16];
	struct store_next ask, back;
	const char *ids;
	static char text[1024];

	snprintf(token, sizeof(token), "t%d", sessions++);
	ask = driver_ask(token);
	ask.ordered_only = ordered_only;
	ids = driver_ids(store, &ask, STORE_OK);
	snprintf(text, sizeof(text), "%s", ids);
	back = driver_ask(token);
	back.want = 0;
	back.release = true;
	driver_ids(store, &back, STORE_OK);
	return text;
}

static const char *claimed(int64_t at_ms)
{
	static char text[8192];
	struct claim_seen seen = driver_claim(store, shard(), at_ms, 100);

	memcpy(text, seen.text, sizeof(text));
	return text;
}

/* The ids of these tests are no real ones, so the verb goes to all messages of the user. */
static size_t act_all(enum admin_verb verb)
{
	size_t touched = 99;
	const char *error = "";

	ck_assert_msg(
			admin_act(&config, verb, CPM_SLICE_NONE, CPM_SLICE(AOR), now, &touched, &error) == 1,
			"%s", error);
	driver_balance(&config);
	return touched;
}

/* Users */

START_TEST(orders_make_parked_messages_due)
{
	struct store_next ask = driver_ask("t");
	struct store_next_result r;
	struct store_wish wishes[] = {{CPM_SLICE("p1"), STORE_ACT_DELIVER},
			{CPM_SLICE("p3"), STORE_ACT_INTERWORK}, {CPM_SLICE("nobody"), STORE_ACT_DELIVER},
			{CPM_SLICE("u1"), STORE_ACT_DELIVER}};
	struct store_manage m = {
			.aor = CPM_SLICE(AOR), .now_ms = now, .wishes = wishes, .wish_count = 4};
	struct manage_seen seen;

	put_in("p1", STORE_TO_PULL);
	put_in("u1", STORE_TO_PUSH);
	put_in("p2", STORE_TO_PULL);
	put_in("p3", STORE_TO_STORE);
	ck_assert_str_eq(listed(), "p1 pull;u1 waiting;p2 pull;p3 store;");
	ck_assert_str_eq(pushed(false), "u1");
	ck_assert_str_eq(pushed(true), "");
	for(int i = 0; i < 2; i++) {
		seen = driver_manage(store, &m);
		ck_assert_str_eq(seen.known, "++-+");
		ck_assert_int_eq(seen.waiting, 4);
		ck_assert_str_eq(listed(), "p1 deliver;u1 deliver;p2 pull;p3 interwork;");
	}
	ck_assert_str_eq(pushed(true), "p1 u1 p3");
	r = driver_next(store, &ask);
	ck_assert_uint_eq(r.count, 3);
	ck_assert_int_eq(r.messages[0].order, STORE_ORDER_DELIVER);
	ck_assert_int_eq(r.messages[2].order, STORE_ORDER_INTERWORK);
	ck_assert_int_eq(r.waiting, 3);
	ck_assert_int_eq(r.parked, 1);
	store_batch_free(&r.batch);
	ask.want = 0;
	ask.done = (const struct cpm_slice[]){CPM_SLICE("p1"), CPM_SLICE("u1")};
	ask.done_count = 2;
	driver_ids(store, &ask, STORE_OK);
	ck_assert_int_eq(server_integer(&server, "ZCARD cpm:{%d}:o:" AOR, (int)shard()), 1);
	ck_assert_int_eq(server_integer(&server, "HLEN cpm:{%d}:f:" AOR, (int)shard()), 2);
	driver_balance(&config);
}
END_TEST

/* The user has registered and asks: a retry time does not stand against that, the count of attempts stays. */
START_TEST(an_order_forgets_the_retry_time)
{
	struct store_next ask = driver_ask("t");
	struct store_failure failed = {CPM_SLICE("m"), now + HOUR / 2, 480};
	struct store_next_result r;

	put_in("m", STORE_TO_PUSH);
	ask.failed = &failed;
	ask.failed_count = 1;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	driver_wish(store, "m", STORE_ACT_DELIVER);
	ask = driver_ask("t");
	ask.ordered_only = true;
	r = driver_next(store, &ask);
	ck_assert_uint_eq(r.count, 1);
	ck_assert_int_eq(r.messages[0].attempts, 1);
	ck_assert_int_eq(r.messages[0].order, STORE_ORDER_DELIVER);
	store_batch_free(&r.batch);
	/* it fails again: the order stands, in time */
	ask.failed = &failed;
	ask.failed_count = 1;
	r = driver_next(store, &ask);
	ck_assert_uint_eq(r.count, 0);
	ck_assert_int_eq(r.next_due_ms, failed.not_before_ms);
	ck_assert_str_eq(listed(), "m deliver;");
}
END_TEST

START_TEST(a_foreign_message_cannot_be_named)
{
	struct store_put put = driver_message("carols");
	struct manage_seen seen;

	put.aor = CPM_SLICE("sip:carol@example.com");
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	for(int action = STORE_ACT_DELIVER; action <= STORE_ACT_STORE; action++) {
		seen = driver_wish(store, "carols", (enum store_action)action);
		ck_assert_str_eq(seen.known, "-");
		ck_assert_int_eq(seen.waiting, 0);
	}
	for(unsigned i = 0; i < config.shards; i++)
		ck_assert_str_eq(driver_claim(store, i, now + 1000, 10).text, "");
	ck_assert_uint_eq(driver_balance(&config).waiting, 1);
}
END_TEST

START_TEST(a_deleted_message_is_claimed_for_its_end)
{
	put_in("u", STORE_TO_PUSH);
	put_in("p", STORE_TO_PULL);
	ck_assert_str_eq(driver_wish(store, "u", STORE_ACT_DELETE).known, "+");
	ck_assert_str_eq(driver_wish(store, "p", STORE_ACT_DELETE).known, "+");
	ck_assert_str_eq(driver_wish(store, "p", STORE_ACT_DELETE).known, "+");  /* a repeat */
	ck_assert_str_eq(driver_wish(store, "p", STORE_ACT_DELIVER).known, "+"); /* too late */
	ck_assert_str_eq(listed(), "u delete;p delete;");
	ck_assert_str_eq(pushed(false), "");
	ck_assert_uint_eq(driver_balance(&config).waiting, 2);
	ck_assert_uint_eq(driver_claim(store, shard(), test_now_ms(), 10).count, 2);
	ck_assert_str_eq(driver_wish(store, "u", STORE_ACT_DELETE).known, "-");
	for(const char *const *id = (const char *const[]){"d:u:" AOR, "d:p:" AOR, NULL}; *id; id++) {
		struct store_settle settle = driver_end(shard(), *id, STORE_DELETED);
		ck_assert(driver_settle(store, &settle));
	}
	ck_assert_uint_eq(driver_balance(&config).ended[STORE_DELETED], 2);
	ck_assert_str_eq(claimed(now + 2 * HOUR), "");
}
END_TEST

/* The client has it, so it is delivered; when it does not take it, it is gone. */
START_TEST(a_deletion_meets_a_delivery_in_flight)
{
	struct store_next ask = driver_ask("t");
	const struct cpm_slice won = CPM_SLICE("won");
	const struct store_failure lost = {CPM_SLICE("lost"), now + HOUR, 480};

	put_in("won", STORE_TO_PUSH);
	put_in("lost", STORE_TO_PUSH);
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "won lost");
	driver_wish(store, "won", STORE_ACT_DELETE);
	driver_wish(store, "lost", STORE_ACT_DELETE);
	ck_assert_str_eq(claimed(test_now_ms()), "");
	ask.done = &won;
	ask.done_count = 1;
	ask.failed = &lost;
	ask.failed_count = 1;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), ""); /* and it is not handed out again */
	ck_assert_str_eq(claimed(test_now_ms() + 1000), "d:lost:" AOR "=hello;");
	ck_assert_uint_eq(driver_balance(&config).ended[STORE_DELIVERED], 1);
}
END_TEST

START_TEST(a_message_can_be_parked_for_the_message_store)
{
	struct store_wish wish = {CPM_SLICE("m"), STORE_ACT_STORE};
	struct store_manage m = {
			.aor = CPM_SLICE(AOR), .now_ms = now, .wishes = &wish, .wish_count = 1};

	put_in("m", STORE_TO_PUSH);
	driver_manage(store, &m);
	ck_assert_str_eq(listed(), "m store;");
	ck_assert_str_eq(pushed(false), "");
	ck_assert_uint_eq(driver_balance(&config).tasks, 0); /* without a time it only waits */
	driver_wish(store, "m", STORE_ACT_DELIVER);
	ck_assert_str_eq(listed(), "m deliver;");
	m.store_ms = now + 1000;
	driver_manage(store, &m);
	driver_manage(store, &m);
	ck_assert_str_eq(claimed(now + 1000), "s:m:" AOR "=hello;");
}
END_TEST

/* What is kept again, or set aside, may have the place of another. */
static void set_arrival(const char *id, int arrival)
{
	static const char *const places[] = {"u", "p", "q"};

	for(size_t i = 0; i < UNIT_COUNT(places); i++)
		server_tell(
				&server, "ZADD cpm:{%d}:%s:" AOR " XX %d %s", (int)shard(), places[i], arrival, id);
}

START_TEST(deliver_all_takes_steps)
{
	struct store_manage all = {.aor = CPM_SLICE(AOR), .now_ms = now, .deliver_all = true};
	struct store_next ask = driver_ask("t");
	struct store_next_result r;
	size_t touched;
	const char *error = "";

	ck_assert_int_eq(driver_manage(store, &all).waiting, 0);
	for(int i = 0; i < 700; i++) {
		struct store_put put = driver_message("");
		char id[16];

		snprintf(id, sizeof(id), "m%03d", i);
		put.id = cpm_slice_of(id);
		put.place = i % 10 == 0 ? STORE_TO_PUSH : i % 10 == 1 ? STORE_TO_STORE : STORE_TO_PULL;
		ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
		if(i >= 200 && i < 550)
			set_arrival(id, 200); /* more than a step at one place */
	}
	ck_assert_int_eq(driver_manage(store, &all).waiting, 700);
	ask.want = 1000;
	ask.ordered_only = true;
	r = driver_next(store, &ask);
	ck_assert_int_eq(r.waiting, 700);
	ck_assert_int_eq(r.parked, 0);
	ck_assert_uint_eq(r.count, 700);
	store_batch_free(&r.batch);
	ck_assert_int_eq(driver_manage(store, &all).waiting, 700);
	ck_assert(admin_act(&config, ADMIN_HOLD, CPM_SLICE_NONE, CPM_SLICE(AOR), now, &touched, &error)
			  == 1);
	ck_assert_uint_eq(touched, 700);
	driver_manage(store, &all); /* an operator's hold is stronger */
	ask.want = 0;
	ask.release = true;
	driver_ids(store, &ask, STORE_OK);
	ck_assert_str_eq(pushed(false), "");
	ck_assert_uint_eq(act_all(ADMIN_RELEASE), 700);
	ask = driver_ask("u");
	ask.want = 1000;
	r = driver_next(store, &ask);
	ck_assert_uint_eq(r.count, 700);
	store_batch_free(&r.batch);
}
END_TEST

/* Operators */

START_TEST(hold_and_release_bring_back_what_was)
{
	struct store_next ask = driver_ask("t");
	const struct cpm_slice d = CPM_SLICE("d");

	put_in("u", STORE_TO_PUSH);
	put_in("p", STORE_TO_PULL);
	put_in("d", STORE_TO_PULL);
	driver_wish(store, "d", STORE_ACT_DELIVER);
	ck_assert_uint_eq(act_all(ADMIN_HOLD), 3);
	ck_assert_uint_eq(act_all(ADMIN_HOLD), 0);
	ck_assert_str_eq(listed(), "u held;p held;d held;");
	ck_assert_str_eq(pushed(false), "");
	ck_assert_str_eq(pushed(true), "");
	ck_assert_uint_eq(act_all(ADMIN_RELEASE), 3);
	ck_assert_uint_eq(act_all(ADMIN_RELEASE), 0);
	ck_assert_str_eq(listed(), "u waiting;p pull;d deliver;");
	/* the user's word counts once the operator lets go */
	act_all(ADMIN_HOLD);
	driver_wish(store, "p", STORE_ACT_DELIVER);
	ck_assert_str_eq(listed(), "u held;p held;d held;");
	act_all(ADMIN_RELEASE);
	ck_assert_str_eq(listed(), "u waiting;p deliver;d deliver;");
	/* a hold takes hold of a message in flight, unless its client takes it */
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "u p d");
	act_all(ADMIN_HOLD);
	ask.done = &d;
	ask.done_count = 1;
	ck_assert_str_eq(driver_ids(store, &ask, STORE_OK), "");
	ck_assert_str_eq(listed(), "u held;p held;");
	/* and it does not stop the clock */
	ask = driver_ask("t");
	ask.want = 0;
	ask.release = true;
	driver_ids(store, &ask, STORE_OK);
	ck_assert_uint_eq(driver_claim(store, shard(), now + 2 * HOUR, 10).count, 2);
}
END_TEST

START_TEST(expire_and_delete_by_hand)
{
	put_in("u", STORE_TO_PUSH);
	put_in("p", STORE_TO_PULL);
	ck_assert_uint_eq(act_all(ADMIN_EXPIRE), 2);
	ck_assert_uint_eq(act_all(ADMIN_EXPIRE), 0);
	ck_assert_str_eq(pushed(false), "");
	ck_assert_uint_eq(act_all(ADMIN_DELETE), 2);
	ck_assert_uint_eq(act_all(ADMIN_DELETE), 0);
	ck_assert_uint_eq(act_all(ADMIN_EXPIRE), 0);
	ck_assert_uint_eq(act_all(ADMIN_HOLD), 0);
	ck_assert_str_eq(claimed(now), "d:p:" AOR "=hello;d:u:" AOR "=hello;");
	ck_assert_uint_eq(act_all(ADMIN_DELETE), 0); /* claimed for its end */
}
END_TEST

START_TEST(requeue_forgets_retry_times)
{
	struct store_next ask = driver_ask("t");
	const struct store_failure failed[] = {
			{CPM_SLICE("a"), now + HOUR / 2, 486}, {CPM_SLICE("b"), now + HOUR / 2, 486}};

	put_in("a", STORE_TO_PUSH);
	put_in("b", STORE_TO_PUSH);
	put_in("c", STORE_TO_PUSH);
	ask.failed = failed;
	ask.failed_count = 2;
	ask.want = 0;
	driver_ids(store, &ask, STORE_OK);
	ask = driver_ask("t");
	ask.want = 0;
	ask.release = true;
	driver_ids(store, &ask, STORE_OK);
	ck_assert_str_eq(listed(), "a retry;b retry;c waiting;");
	ck_assert_uint_eq(act_all(ADMIN_REQUEUE), 2);
	ck_assert_uint_eq(act_all(ADMIN_REQUEUE), 0);
	ck_assert_str_eq(pushed(false), "a b c");
	ck_assert_int_eq(driver_list(store, 0, 1).last.attempts, 1);
}
END_TEST

static void quarantine(const char *id, const char *record)
{
	struct store_put put = driver_message(id);
	struct store_next ask = driver_ask("q");
	struct cpm_slice bad = cpm_slice_of(id);

	put.record = cpm_slice_of(record);
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ask.want = 0;
	ask.release = true;
	ask.quarantine = &bad;
	ask.quarantine_count = 1;
	driver_ids(store, &ask, STORE_OK);
}

START_TEST(quarantined_messages_can_be_requeued_or_deleted)
{
	char record[128];

	snprintf(record, sizeof(record), "cpm-record: 9\nexpires-ms: %lld\nend: cpm-record\n",
			(long long)now + HOUR / 2);
	quarantine("later", record);
	quarantine("odd", "no record at all");
	put_in("u", STORE_TO_PUSH);
	ck_assert_str_eq(listed(), "later quarantined;odd quarantined;u waiting;");
	/* its user cannot touch it */
	ck_assert_str_eq(driver_wish(store, "odd", STORE_ACT_DELIVER).known, "-");
	ck_assert_str_eq(driver_wish(store, "odd", STORE_ACT_DELETE).known, "-");
	ck_assert_uint_eq(act_all(ADMIN_HOLD), 1);
	ck_assert_uint_eq(act_all(ADMIN_RELEASE), 1);
	ck_assert_uint_eq(act_all(ADMIN_REQUEUE), 2);
	ck_assert_uint_eq(act_all(ADMIN_REQUEUE), 0);
	ck_assert_str_eq(listed(), "later waiting;odd waiting;u waiting;");
	ck_assert_str_eq(pushed(false), "later odd u");
	ck_assert_int_gt(server_integer(&server, "PTTL cpm:{%d}:m:later", (int)shard()), HOUR / 2);
	ck_assert_str_eq(claimed(now + HOUR / 2), "x:odd:" AOR "=hello;x:later:" AOR "=hello;");
	quarantine("more", record);
	ck_assert_uint_eq(act_all(ADMIN_DELETE), 2);
	ck_assert_str_eq(claimed(now), "d:more:" AOR "=hello;d:u:" AOR "=hello;");
	ck_assert_uint_eq(driver_balance(&config).quarantined, 0);
}
END_TEST

static struct cpm_slice real_id(char *memory, size_t size, unsigned char seed)
{
	unsigned char random[12];
	struct cpm_buf id;

	memset(random, seed, sizeof(random));
	cpm_buf_init_fixed(&id, memory, size);
	cpm_key_add_id(&id, random, shard());
	return cpm_buf_slice(&id);
}

static void real_put(struct cpm_slice id, const char *aor)
{
	struct cpm_record r = {.id = id, .aor = cpm_slice_of(aor), .expires_ms = now + HOUR};
	struct store_put put = driver_message("x");
	struct cpm_buf text;

	cpm_buf_init(&text, 10000);
	ck_assert_int_eq(cpm_record_build(&r, &driver_limits, &text, NULL), CPM_OK);
	put.id = id;
	put.aor = r.aor;
	put.record = cpm_buf_slice(&text);
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	cpm_buf_free(&text);
}

/* One message by its id alone, also when nobody can read its record. */
START_TEST(a_verb_finds_one_message)
{
	char memory[2][64];
	struct cpm_slice id = real_id(memory[0], sizeof(memory[0]), 1),
					 odd = real_id(memory[1], sizeof(memory[1]), 2);
	struct store_put put = driver_message("x");
	struct store_next ask = driver_ask("q");
	const char *error = "";
	size_t touched;

	real_put(id, AOR);
	put.id = odd;
	ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	ask.want = 0;
	ask.release = true;
	ask.quarantine = &odd;
	ask.quarantine_count = 1;
	driver_ids(store, &ask, STORE_OK);
	for(int i = 1; i >= 0; i--) {
		ck_assert_int_eq(
				admin_act(&config, ADMIN_HOLD, id, CPM_SLICE_NONE, now, &touched, &error), 1);
		ck_assert_uint_eq(touched, (size_t)i);
	}
	ck_assert_int_eq(admin_act(&config, ADMIN_HOLD, odd, CPM_SLICE_NONE, now, &touched, &error), 1);
	ck_assert_uint_eq(touched, 0);
	ck_assert_int_eq(
			admin_act(&config, ADMIN_DELETE, odd, CPM_SLICE_NONE, now, &touched, &error), 1);
	ck_assert_uint_eq(touched, 1);
	ck_assert_int_eq(admin_act(&config, ADMIN_DELETE, real_id(memory[1], sizeof(memory[1]), 3),
							 CPM_SLICE_NONE, now, &touched, &error),
			0);
	ck_assert_int_eq(admin_act(&config, ADMIN_DELETE, CPM_SLICE("no id"), CPM_SLICE_NONE, now,
							 &touched, &error),
			0);
	ck_assert_uint_eq(driver_claim(store, shard(), now, 10).count, 1);
	driver_balance(&config);
}
END_TEST

/* Lists */

#define LISTED 400

static uint32_t random_state = 20260101;

static uint32_t random_below(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

/* Pages of any size, put together, are the whole, in order; with many that arrived at the same time and all places in use. */
START_TEST(pages_put_together_are_the_whole)
{
	static char whole[LISTED][16];
	size_t at = 0;

	for(int i = 0; i < LISTED; i++) {
		struct store_put put = driver_message("");
		char id[16];

		snprintf(id, sizeof(id), "m%03d", (int)((unsigned)i * 7919u % 1000u));
		put.id = cpm_slice_of(id);
		put.place = random_below(3) ? STORE_TO_PUSH : STORE_TO_PULL;
		ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
		if(random_below(4) == 0) {
			struct store_next ask = driver_ask("q");
			ask.want = 0;
			ask.quarantine = &put.id;
			ask.quarantine_count = 1;
			driver_ids(store, &ask, STORE_OK);
		}
		set_arrival(id, 1 + i / (1 + (int)random_below(9)));
	}
	for(size_t offset = 0; offset <= LISTED; offset++) {
		struct list_seen one = driver_list(store, offset, 1);
		ck_assert_uint_eq(one.total, LISTED);
		ck_assert_uint_eq(one.count, offset < LISTED);
		if(offset < LISTED)
			snprintf(whole[offset], sizeof(whole[offset]), "%.4s", one.text);
	}
	for(size_t i = 0; i < LISTED; i++) {
		for(size_t j = 0; j < i; j++)
			ck_assert_str_ne(whole[i], whole[j]);
	}
	for(size_t size = 7; at < LISTED; at += size) {
		struct list_seen page = driver_list(store, at, size);
		const char *text = page.text;
		static int64_t last;

		ck_assert_uint_eq(page.count, LISTED - at < size ? LISTED - at : size);
		for(size_t i = 0; i < page.count; i++) {
			ck_assert_msg(!strncmp(text, whole[at + i], 4), "%zu: %s", at + i, text);
			text = strchr(text, ';') + 1;
		}
		ck_assert_int_ge(page.last.arrival, last);
		last = page.last.arrival;
	}
	ck_assert_uint_eq(driver_list(store, LISTED + 5, 10).count, 0);
	ck_assert_uint_eq(driver_list(store, 5, 0).count, 0);
}
END_TEST

/* How many commands the scripts have executed in Redis since the last call. */
static long long commands_done(void)
{
	redisReply *r = server_ask(&server, "INFO commandstats");
	long long sum = 0;

	for(const char *at = r->str; (at = strstr(at, "cmdstat_")); at++) {
		if(strncmp(at, "cmdstat_eval", 12) && strncmp(at, "cmdstat_config", 14)
				&& strncmp(at, "cmdstat_info", 12))
			sum += atoll(strstr(at, "calls=") + 6);
	}
	freeReplyObject(r);
	server_tell(&server, "CONFIG RESETSTAT");
	return sum;
}

struct cost {
	long long push, page, claim;
};

static struct cost cost_now(void)
{
	struct store_next ask = driver_ask("t");
	struct store_next_result r;
	struct cost cost;
	size_t total = driver_list(store, 0, 1).total;

	commands_done();
	ask.want = 5;
	r = driver_next(store, &ask);
	ck_assert_uint_eq(r.count, 5);
	store_batch_free(&r.batch);
	cost.push = commands_done();
	driver_list(store, total - 5, 5);
	cost.page = commands_done();
	ask.want = 0;
	ask.release = true;
	driver_ids(store, &ask, STORE_OK);
	commands_done();
	ck_assert_uint_eq(driver_claim(store, shard(), now + 2 * HOUR, 5).count, 5);
	cost.claim = commands_done();
	return cost;
}

START_TEST(a_long_queue_costs_no_more)
{
	struct put_seen seen = {0, STORE_DOWN, ""};
	struct cost few, many;
	int sent = 0;

	for(; sent < 30; sent++) {
		char id[16];
		snprintf(id, sizeof(id), "m%05d", sent);
		put_in(id, sent % 2 ? STORE_TO_PULL : STORE_TO_PUSH);
	}
	few = cost_now();
	for(; sent < 20000; sent++) {
		char id[16];
		struct store_put put;

		snprintf(id, sizeof(id), "m%05d", sent);
		put = driver_message(id);
		put.place = sent % 2 ? STORE_TO_PULL : STORE_TO_PUSH;
		ck_assert(store_put(store, &put, put_seen, &seen));
		if(sent % 100 == 0)
			test_turn(&store, 1, 0);
	}
	test_until(&store, 1, seen.calls == 20000 - 30);
	many = cost_now();
	ck_assert_int_eq(many.push, few.push);
	ck_assert_int_eq(many.claim, few.claim);
	ck_assert_int_le(many.page, few.page + 60); /* a search that halves */
}
END_TEST

/* Thousands that are not due hide nothing: the search goes on where it stopped. */
START_TEST(a_search_goes_on_where_it_stopped)
{
	struct store_next ask = driver_ask("t");
	struct store_next_result r;
	static char ids[2500][16];
	static struct store_failure failed[2500];
	int64_t last = 0;

	for(int i = 0; i < 2500; i++) {
		snprintf(ids[i], sizeof(ids[i]), "m%04d", i);
		put_in(ids[i], STORE_TO_PUSH);
		failed[i] = (struct store_failure){cpm_slice_of(ids[i]), ask.now_ms + 50000, 486};
	}
	ask.want = 0;
	for(size_t i = 0; i < 2499; i += 500) {
		ask.failed = failed + i;
		ask.failed_count = i + 500 < 2499 ? 500 : 2499 - i;
		driver_ids(store, &ask, STORE_OK);
	}
	ask = driver_ask("t");
	ask.want = 1;
	for(int i = 0;; i++) {
		ck_assert_int_lt(i, 4);
		r = driver_next(store, &ask);
		ck_assert_int_eq(r.rc, STORE_OK);
		if(r.count)
			break;
		ck_assert_int_gt(r.looked, last);
		last = ask.after = r.looked;
	}
	ck_slice(r.messages[0].id, "m2499", "the last one");
	ck_assert_int_eq(r.looked, 0);
	store_batch_free(&r.batch);
}
END_TEST

/* Shape */

struct shapes {
	char text[512];
};

static void shape_seen(void *context, const struct admin_shape *shape)
{
	struct shapes *s = context;

	snprintf(s->text + strlen(s->text), sizeof(s->text) - strlen(s->text), "%.*s",
			(int)shape->domain.n, shape->domain.p);
	for(size_t i = 0; i < ADMIN_AGES; i++)
		snprintf(s->text + strlen(s->text), sizeof(s->text) - strlen(s->text), " %d",
				(int)shape->ages[i]);
	snprintf(s->text + strlen(s->text), sizeof(s->text) - strlen(s->text), " = %d;",
			(int)shape->total);
}

START_TEST(shape_counts_by_domain_and_age)
{
	static const struct {
		const char *aor;
		int64_t age_ms;
	} messages[] = {{"sip:a@one.example", 0}, {"sip:b@one.example", 59999},
			{"sip:c@one.example", 60000}, {"sip:a@two.example", 3599999},
			{"sip:b@two.example", INT64_C(100) * 86400000}, {"tel:+15550107", 3600000}};
	struct shapes s = {""};
	const char *error = "";
	uint64_t looked, waiting;

	for(size_t i = 0; i < UNIT_COUNT(messages); i++) {
		struct store_put put = driver_message("");
		char id[16], record[80];

		snprintf(id, sizeof(id), "m%zu", i);
		snprintf(record, sizeof(record), "cpm-record: 1\narrived-ms: %lld\n",
				(long long)(now - messages[i].age_ms));
		put.id = cpm_slice_of(id);
		put.aor = cpm_slice_of(messages[i].aor);
		put.record = cpm_slice_of(record);
		put.place = i % 2 ? STORE_TO_PULL : STORE_TO_PUSH;
		ck_assert_int_eq(driver_put(store, &put).rc, STORE_OK);
	}
	ck_assert_msg(admin_shape(&config, now, 1000, shape_seen, &s, &looked, &waiting, &error), "%s",
			error);
	ck_assert_str_eq(s.text,
			"one.example 2 1 0 0 0 0 0 = 3;two.example 0 0 1 0 0 0 1 = 2;tel 0 0 0 1 0 0 0 = 1;");
	ck_assert_uint_eq(looked, 6);
	ck_assert_uint_eq(waiting, 6);
	s.text[0] = '\0';
	ck_assert(admin_shape(&config, now, 3, shape_seen, &s, &looked, &waiting, &error));
	ck_assert_uint_le(looked, 3);
	ck_assert_uint_eq(waiting, 6);
	s.text[0] = '\0';
	ck_assert(admin_shape(&config, now, 0, shape_seen, &s, &looked, &waiting, &error));
	ck_assert_str_eq(s.text, "");
}
END_TEST

START_TEST(shape_is_bounded)
{
	struct shapes *s = calloc(1, sizeof(*s));
	struct put_seen seen = {0, STORE_DOWN, ""};
	const char *error = "";
	uint64_t looked, waiting;
	const int count = ADMIN_DOMAINS_MAX + 300;

	for(int i = 0; i < count; i++) {
		char id[16], aor[48];
		struct store_put put;

		snprintf(id, sizeof(id), "m%05d", i);
		snprintf(aor, sizeof(aor), "sip:a@d%d.example", i);
		put = driver_message(id);
		put.aor = cpm_slice_of(aor);
		ck_assert(store_put(store, &put, put_seen, &seen));
		if(i % 100 == 0)
			test_turn(&store, 1, 0);
	}
	test_until(&store, 1, seen.calls == count);
	ck_assert(admin_shape(&config, now, 100000, shape_seen, s, &looked, &waiting, &error));
	ck_assert_uint_eq(looked, (uint64_t)count);
	free(s);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("act");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, orders_make_parked_messages_due);
	tcase_add_test(t, an_order_forgets_the_retry_time);
	tcase_add_test(t, a_foreign_message_cannot_be_named);
	tcase_add_test(t, a_deleted_message_is_claimed_for_its_end);
	tcase_add_test(t, a_deletion_meets_a_delivery_in_flight);
	tcase_add_test(t, a_message_can_be_parked_for_the_message_store);
	tcase_add_test(t, deliver_all_takes_steps);
	tcase_add_test(t, hold_and_release_bring_back_what_was);
	tcase_add_test(t, expire_and_delete_by_hand);
	tcase_add_test(t, requeue_forgets_retry_times);
	tcase_add_test(t, quarantined_messages_can_be_requeued_or_deleted);
	tcase_add_test(t, a_verb_finds_one_message);
	tcase_add_test(t, pages_put_together_are_the_whole);
	tcase_add_test(t, a_long_queue_costs_no_more);
	tcase_add_test(t, a_search_goes_on_where_it_stopped);
	tcase_add_test(t, shape_counts_by_domain_and_age);
	tcase_add_test(t, shape_is_bounded);
	return unit_run("act", t);
}
