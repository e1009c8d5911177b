/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/policy/keyset.c.
 */
#include "policy.h"

#include "core/policy/keyset.h"

#define SEED UINT64_C(42)

static struct cpm_slice key_of(char *memory, size_t size, unsigned number)
{
	int n = snprintf(memory, size, "sip:user%u@example.net", number);

	return (struct cpm_slice){memory, (size_t)n};
}

static bool has(const struct cpm_keyset *set, struct cpm_slice key)
{
	return cpm_keyset_has(set, key, cpm_slice_hash_here(key, SEED));
}

START_TEST(finds_all_and_nothing_else)
{
	static const unsigned sizes[] = {0, 1, 2, 3, 7, 8, 9, 100, 5000};

	for(size_t i = 0; i < UNIT_COUNT(sizes); i++) {
		struct cpm_arena arena;
		struct cpm_keyset_builder b = {.scratch = &arena, .seed = SEED};
		struct cpm_keyset set;
		char memory[64];

		cpm_arena_init(&arena, &cpm_allocator_libc, (size_t)16 << 20);
		for(unsigned k = 0; k < sizes[i]; k++)
			ck_assert_int_eq(cpm_keyset_add(&b, key_of(memory, sizeof(memory), k)), CPM_OK);
		for(unsigned k = 0; k < sizes[i]; k += 2)
			ck_assert_int_eq(cpm_keyset_add(&b, key_of(memory, sizeof(memory), k)), CPM_OK);
		ck_assert_int_eq(cpm_keyset_build(&b, &arena, &set), CPM_OK);
		ck_assert_uint_eq(set.count, sizes[i]);
		for(unsigned k = 0; k < 2 * sizes[i] + 2; k++)
			ck_assert_msg(has(&set, key_of(memory, sizeof(memory), k)) == (k < sizes[i]),
					"%u of %u", k, sizes[i]);
		cpm_arena_free(&arena);
	}
}
END_TEST

START_TEST(zero_is_the_empty_set)
{
	struct cpm_keyset set = {0};

	ck_assert(!has(&set, CPM_SLICE("sip:a@b")));
	ck_assert(!has(&set, CPM_SLICE_NONE));
}
END_TEST

START_TEST(takes_empty_and_long_keys)
{
	static char longest[UINT16_MAX + 1];
	struct cpm_arena arena;
	struct cpm_keyset_builder b = {.scratch = &arena, .seed = SEED};
	struct cpm_keyset set;

	cpm_arena_init(&arena, &cpm_allocator_libc, (size_t)1 << 20);
	ck_assert_int_eq(cpm_keyset_add(&b, CPM_SLICE_NONE), CPM_OK);
	ck_assert_int_eq(cpm_keyset_add(&b, (struct cpm_slice){longest, UINT16_MAX}), CPM_OK);
	ck_assert_int_eq(cpm_keyset_add(&b, (struct cpm_slice){longest, sizeof(longest)}), CPM_LIMIT);
	ck_assert_int_eq(cpm_keyset_build(&b, &arena, &set), CPM_OK);
	ck_assert(has(&set, CPM_SLICE_NONE));
	ck_assert(has(&set, (struct cpm_slice){longest, UINT16_MAX}));
	ck_assert(!has(&set, (struct cpm_slice){longest, UINT16_MAX - 1}));
	cpm_arena_free(&arena);
}
END_TEST

START_TEST(says_when_memory_ends)
{
	for(size_t max = 0; max < 16384; max += 512) {
		struct cpm_arena arena;
		struct cpm_keyset_builder b = {.scratch = &arena, .seed = SEED};
		struct cpm_keyset set;
		enum cpm_rc rc = CPM_OK;
		char memory[64];

		cpm_arena_init(&arena, &cpm_allocator_libc, max);
		for(unsigned k = 0; k < 50 && !rc; k++)
			rc = cpm_keyset_add(&b, key_of(memory, sizeof(memory), k));
		if(!rc)
			rc = cpm_keyset_build(&b, &arena, &set);
		ck_assert(rc == CPM_NOMEM || rc == CPM_OK);
		ck_assert(max < 16384 - 512 || rc == CPM_OK);
		ck_assert(max || rc == CPM_NOMEM);
		cpm_arena_free(&arena);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("keyset");

	tcase_add_test(t, finds_all_and_nothing_else);
	tcase_add_test(t, zero_is_the_empty_set);
	tcase_add_test(t, takes_empty_and_long_keys);
	tcase_add_test(t, says_when_memory_ends);
	return unit_run("policy/keyset", t);
}
