/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Operators' questions against real servers.
 */
#include <signal.h>

#include "driver.h"

#include "core/queue/key.h"
#include "core/queue/record.h"
#include "redis/admin.h"

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
	server_free(&server);
}

/* A message with a real record and a real id. */
static struct cpm_buf real_put(const char *aor, unsigned char seed, int64_t expires_ms)
{
	struct cpm_buf id, text;
	unsigned char random[12];
	struct cpm_record r = {.arrived_ms = 1, .expires_ms = expires_ms, .size = 5};
	struct store_put put = driver_message("x");
	struct put_seen seen;

	memset(random, seed, sizeof(random));
	cpm_buf_init(&id, 100);
	cpm_buf_init(&text, 10000);
	cpm_key_add_id(&id, random, cpm_key_shard(cpm_slice_of(aor), config.shards));
	r.id = cpm_buf_slice(&id);
	r.aor = cpm_slice_of(aor);
	ck_assert_int_eq(cpm_record_build(&r, &driver_limits, &text, NULL), CPM_OK);
	put.id = r.id;
	put.aor = r.aor;
	put.expires_ms = expires_ms;
	put.record = cpm_buf_slice(&text);
	seen = driver_put(store, &put);
	ck_assert_int_eq(seen.rc, STORE_OK);
	cpm_buf_free(&text);
	return id;
}

struct listed {
	int count;
	char states[256];
	int64_t attempts, not_before_ms, last_status, expires_ms;
	uint64_t size;
	size_t record_n;
};

static void list_one(void *context, const struct store_listed *m)
{
	struct listed *l = context;

	snprintf(l->states + strlen(l->states), sizeof(l->states) - strlen(l->states), "%s%.*s",
			l->count++ ? " " : "", (int)m->state.n, m->state.p);
	l->attempts = m->attempts;
	l->not_before_ms = m->not_before_ms;
	l->last_status = m->last_status;
	l->expires_ms = m->expires_ms;
	l->size = m->size;
	l->record_n = m->record.n;
}

static struct listed list(size_t offset, size_t count, size_t *total, bool *leased)
{
	struct listed l = {.count = 0};
	const char *error = "";

	ck_assert_msg(
			admin_list(&config, CPM_SLICE(AOR), offset, count, list_one, &l, total, leased, &error),
			"%s", error);
	return l;
}

START_TEST(lists_every_state_in_order)
{
	struct store_next ask = driver_ask("t");
	int64_t now = test_now_ms(), hour = now + 3600000;
	struct cpm_buf ids[8];
	struct store_failure failed;
	struct cpm_slice bad;
	size_t total = 9, touched;
	bool leased = true;
	const char *error = "";
	struct listed l = list(0, 10, &total, &leased);
	unsigned shard = cpm_key_shard(CPM_SLICE(AOR), config.shards);

	ck_assert_int_eq(l.count, 0);
	ck_assert_uint_eq(total, 0);
	ck_assert(!leased);
	for(int i = 0; i < 8; i++)
		ids[i] = real_put(AOR, (unsigned char)i, i == 1 ? now - 1 : hour);
	bad = cpm_buf_slice(&ids[2]);
	failed = (struct store_failure){cpm_buf_slice(&ids[3]), hour, 486};
	ask.quarantine = &bad;
	ask.quarantine_count = 1;
	ask.failed = &failed;
	ask.failed_count = 1;
	ask.want = 0;
	driver_ids(store, &ask, STORE_OK);
	ck_assert_int_eq(admin_act(&config, ADMIN_HOLD, cpm_buf_slice(&ids[4]), CPM_SLICE_NONE, now,
							 &touched, &error),
			1);
	ck_assert_uint_eq(driver_claim(store, shard, now, 10).count, 1);
	server_tell(&server, "DEL cpm:{%d}:m:%b", (int)shard, ids[5].p, ids[5].n);
	ids[6].p[ids[6].n] = 0;
	driver_wish(store, ids[6].p, STORE_ACT_INTERWORK);
	ck_assert_int_eq(admin_act(&config, ADMIN_DELETE, cpm_buf_slice(&ids[7]), CPM_SLICE_NONE, now,
							 &touched, &error),
			1);

	l = list(0, 10, &total, &leased);
	ck_assert_str_eq(l.states, "waiting quarantined retry held waiting interwork delete");
	ck_assert_uint_eq(total, 7);
	ck_assert(leased);
	ck_assert_int_eq(l.expires_ms, hour); /* of the last one, from the record */
	l = list(4, 1, &total, &leased);
	ck_assert_uint_eq(l.record_n, 0); /* its record is gone */
	l = list(2, 1, &total, &leased);
	ck_assert_str_eq(l.states, "retry");
	ck_assert_uint_eq(total, 7);
	ck_assert_int_eq(l.attempts, 1);
	ck_assert_int_eq(l.not_before_ms, hour);
	ck_assert_int_eq(l.last_status, 486);
	ck_assert_int_eq(l.expires_ms, hour);
	ck_assert_uint_eq(l.size, 5);
	l = list(7, 10, &total, &leased);
	ck_assert_int_eq(l.count, 0);
	l = (struct listed){.count = 0};
	ck_assert_int_eq(admin_show(&config, cpm_buf_slice(&ids[1]), list_one, &l, &error), 1);
	ck_assert_str_eq(l.states, "ending");
	for(int i = 0; i < 8; i++)
		cpm_buf_free(&ids[i]);
}
END_TEST

START_TEST(shows_one)
{
	struct cpm_buf id = real_put(AOR, 7, test_now_ms() + 3600000);
	struct listed l = {.count = 0};
	const char *error = "";
	unsigned shard = cpm_key_shard(CPM_SLICE(AOR), config.shards);

	ck_assert_int_eq(admin_show(&config, cpm_buf_slice(&id), list_one, &l, &error), 1);
	ck_assert_str_eq(l.states, "waiting");
	ck_assert_uint_eq(l.size, 5);
	id.p[0] = 'f';
	ck_assert_int_eq(admin_show(&config, cpm_buf_slice(&id), list_one, &l, &error), 0);
	ck_assert_int_eq(admin_show(&config, CPM_SLICE("no id"), list_one, &l, &error), 0);
	ck_assert_int_eq(l.count, 1);
	/* what cannot be read is shown as it stands */
	server_tell(&server, "SET cpm:{%d}:m:%b %s", (int)shard, id.p, id.n, "garbage");
	l = (struct listed){.count = 0};
	ck_assert_int_eq(admin_show(&config, cpm_buf_slice(&id), list_one, &l, &error), 1);
	ck_assert_str_eq(l.states, "quarantined");
	ck_assert_uint_eq(l.record_n, 7);
	cpm_buf_free(&id);
}
END_TEST

START_TEST(sums_over_all_shards)
{
	struct admin_totals totals;
	const char *error = "";
	int64_t now = test_now_ms();
	struct store_next ask = driver_ask("t");
	struct cpm_buf id;
	struct cpm_slice bad;

	for(int i = 0; i < 20; i++) {
		char aor[32];

		snprintf(aor, sizeof(aor), "sip:user%d@x", i);
		id = real_put(aor, (unsigned char)(100 + i), i < 3 ? now - 1 : now + 3600000);
		cpm_buf_free(&id);
	}
	id = real_put(AOR, 99, now + 3600000);
	bad = cpm_buf_slice(&id);
	ask.quarantine = &bad;
	ask.quarantine_count = 1;
	driver_ids(store, &ask, STORE_OK);
	for(unsigned i = 0; i < config.shards; i++)
		driver_claim(store, i, now, 10);
	ck_assert(admin_totals(&config, &totals, &error));
	ck_assert_uint_eq(totals.accepted, 21);
	ck_assert_uint_eq(totals.waiting, 21);
	ck_assert_uint_eq(totals.claimed, 3);
	ck_assert_uint_eq(totals.quarantined, 1);
	ck_assert_int_eq(totals.balance, 0);
	cpm_buf_free(&id);
}
END_TEST

START_TEST(pings_and_judges)
{
	char sentence[256];
	const char *error = "";

	ck_assert_int_ge(admin_ping(&config, &error), 0);
	ck_assert(admin_durability(&config, sentence, sizeof(sentence), &error));
	ck_assert_str_eq(sentence, "");
	server_tell(&server, "CONFIG SET appendfsync no");
	ck_assert(admin_durability(&config, sentence, sizeof(sentence), &error));
	ck_assert_ptr_nonnull(strstr(sentence, "appendfsync"));
	ck_assert(admin_durability(&config, sentence, 5, &error));
	ck_assert_uint_eq(strlen(sentence), 4);
}
END_TEST

START_TEST(tells_trouble_in_time)
{
	struct store_config other = config;
	const char *error = NULL;
	struct admin_totals totals;
	char sentence[16];
	size_t total;
	bool leased;
	int64_t start;
	char path[128];

	other.timeout_ms = 100;
	snprintf(path, sizeof(path), "unix:%s/none", server.dir);
	other.address = path;
	ck_assert_int_eq(admin_ping(&other, &error), -1);
	ck_assert_ptr_nonnull(error);
	ck_assert(!admin_totals(&other, &totals, &error));
	ck_assert(!admin_durability(&other, sentence, sizeof(sentence), &error));
	ck_assert(!admin_list(&other, CPM_SLICE(AOR), 0, 1, list_one, NULL, &total, &leased, &error));
	ck_assert_int_eq(
			admin_show(&other, CPM_SLICE("0001027f80ff060708090aab-1"), list_one, NULL, &error),
			-1);
	other.address = "nonsense";
	ck_assert_int_eq(admin_ping(&other, &error), -1);
	other.address = server.address;
	other.password = "wrong";
	ck_assert_int_eq(admin_ping(&other, &error), -1);
	ck_assert_ptr_nonnull(strstr(error, "refuses"));
	other.password = NULL;
	kill(server.pid, SIGSTOP);
	start = test_now_ms();
	ck_assert_int_eq(admin_ping(&other, &error), -1);
	ck_assert_int_lt(test_now_ms() - start, 1000);
	kill(server.pid, SIGCONT);
	ck_assert_int_ge(admin_ping(&config, &error), 0);
}
END_TEST

START_TEST(asks_sentinel_and_follows_cluster)
{
	struct server nodes[2], sentinel;
	struct admin_totals totals;
	const char *error = "";

	server_start(&nodes[0], true, "--cluster-enabled yes");
	server_start(&nodes[1], true, "--cluster-enabled yes");
	server_tell(&nodes[0], "CLUSTER ADDSLOTSRANGE 0 8191");
	server_tell(&nodes[1], "CLUSTER ADDSLOTSRANGE 8192 16383");
	server_tell(&nodes[0], "CLUSTER MEET 127.0.0.1 %d", nodes[1].port);
	store_free(&store);
	config = driver_config(nodes[0].address);
	config.shards = 16;
	store = driver_open(&config);
	for(int i = 0; i < 40; i++) {
		char aor[32];
		struct cpm_buf id;

		snprintf(aor, sizeof(aor), "sip:user%d@x", i);
		id = real_put(aor, (unsigned char)i, test_now_ms() + 3600000);
		cpm_buf_free(&id);
	}
	ck_assert_msg(admin_totals(&config, &totals, &error), "%s", error);
	ck_assert_uint_eq(totals.waiting, 40);
	server_free(&nodes[1]);

	server_free(&nodes[0]);
	server_start(&nodes[0], true, "");
	server_start_sentinel(&sentinel, &nodes[0]);
	config.address = sentinel.address;
	ck_assert_msg(admin_ping(&config, &error) >= 0, "%s", error);
	server_free(&sentinel);
	server_free(&nodes[0]);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("admin");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, lists_every_state_in_order);
	tcase_add_test(t, shows_one);
	tcase_add_test(t, sums_over_all_shards);
	tcase_add_test(t, pings_and_judges);
	tcase_add_test(t, tells_trouble_in_time);
	tcase_add_test(t, asks_sentinel_and_follows_cluster);
	return unit_run("admin", t);
}
