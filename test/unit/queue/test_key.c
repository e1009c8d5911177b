/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/queue/key.c. The golden values are stored data: they never change.
 */
#include "unit.h"

#include "core/queue/key.h"

static const struct {
	const char *aor;
	unsigned shard64, shard7;
} golden[] = {
		{"sip:alice@example.com", 54, 4},
		{"sip:bob@example.com", 30, 5},
		{"tel:+15550107", 49, 5},
		{"", 38, 1},
};

START_TEST(shards_never_move)
{
	for(size_t i = 0; i < UNIT_COUNT(golden); i++) {
		struct cpm_slice aor = cpm_slice_of(golden[i].aor);

		ck_assert_msg(cpm_key_shard(aor, 64) == golden[i].shard64, "%s: %u", golden[i].aor,
				cpm_key_shard(aor, 64));
		ck_assert_msg(cpm_key_shard(aor, 7) == golden[i].shard7, "%s: %u", golden[i].aor,
				cpm_key_shard(aor, 7));
		ck_assert_uint_eq(cpm_key_shard(aor, 1), 0);
	}
}
END_TEST

START_TEST(shards_are_even)
{
	unsigned count[64] = {0};

	for(int i = 0; i < 64000; i++) {
		char aor[64];
		int n = snprintf(aor, sizeof(aor), "sip:+1555%07d@example.com", i);
		count[cpm_key_shard((struct cpm_slice){aor, (size_t)n}, 64)]++;
	}
	for(int i = 0; i < 64; i++)
		ck_assert_msg(count[i] > 800 && count[i] < 1200, "shard %d: %u", i, count[i]);
}
END_TEST

START_TEST(ids_carry_their_shard)
{
	static const unsigned char random[12] = {0, 1, 2, 0x7f, 0x80, 0xff, 6, 7, 8, 9, 10, 0xab};
	struct cpm_buf id;
	unsigned shard = 99;

	cpm_buf_init(&id, 100);
	cpm_key_add_id(&id, random, 63);
	ck_slice(cpm_buf_slice(&id), "0001027f80ff060708090aab-63", "id");
	ck_assert(cpm_key_shard_of_id(cpm_buf_slice(&id), 64, &shard));
	ck_assert_uint_eq(shard, 63);
	ck_assert(!cpm_key_shard_of_id(cpm_buf_slice(&id), 63, &shard));
	for(size_t n = 0; n < id.n - 1; n++)
		ck_assert(!cpm_key_shard_of_id(
				unit_guard(cpm_slice_head(cpm_buf_slice(&id), n)), 64, &shard));
	cpm_buf_free(&id);
}
END_TEST

static const char *const bad_ids[] = {
		"0001027f80ff060708090aab-064",
		"0001027f80ff060708090aab-00",
		"0001027F80ff060708090aab-1",
		"0001027g80ff060708090aab-1",
		"0001027f80ff060708090aab_1",
		"0001027f80ff060708090aab--1",
		"0001027f80ff060708090aab- 1",
		"0001027f80ff060708090aab-18446744073709551617",
		"00001027f80ff060708090aab-1",
		"{0}:m:80ff060708090aabcd-1",
};

START_TEST(refuses_foreign_ids)
{
	unsigned shard;

	for(size_t i = 0; i < UNIT_COUNT(bad_ids); i++)
		ck_assert_msg(!cpm_key_shard_of_id(cpm_slice_of(bad_ids[i]), 64, &shard), "%s", bad_ids[i]);
}
END_TEST

START_TEST(names_keys)
{
	struct cpm_buf key;

	cpm_buf_init(&key, 100);
	cpm_key_add(&key, CPM_SLICE("cpm"), 7, "due", CPM_SLICE_NONE);
	ck_slice(cpm_buf_slice(&key), "cpm:{7}:due", "due");
	cpm_buf_reset(&key);
	cpm_key_add(&key, CPM_SLICE("cpm"), 7, "u", CPM_SLICE("sip:a{b}@c"));
	ck_slice(cpm_buf_slice(&key), "cpm:{7}:u:sip:a{b}@c", "u");
	cpm_buf_free(&key);
	cpm_buf_init(&key, 10);
	cpm_key_add(&key, CPM_SLICE("cpm"), 7, "u", CPM_SLICE("sip:bob@example.com"));
	ck_assert_int_eq(key.rc, CPM_LIMIT);
	cpm_buf_free(&key);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("key");

	tcase_add_test(t, shards_never_move);
	tcase_add_test(t, shards_are_even);
	tcase_add_test(t, ids_carry_their_shard);
	tcase_add_test(t, refuses_foreign_ids);
	tcase_add_test(t, names_keys);
	return unit_run("key", t);
}
