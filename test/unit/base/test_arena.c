/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/base/arena.c.
 */
#include <stdalign.h>

#include "unit.h"

/* Sizes around those of chunks and of the alignment. */
static const size_t sizes[] = {
		0, 1, 7, 8, 15, 16, 17, 100, 4000, 4063, 4064, 4065, 4096, 5000, 70000, 3, 300000, 1};

START_TEST(gives_zeroed_aligned_memory)
{
	struct cpm_arena a;
	char *p[UNIT_COUNT(sizes)];

	cpm_arena_init(&a, &cpm_allocator_libc, 1 << 20);
	for(size_t i = 0; i < UNIT_COUNT(sizes); i++) {
		p[i] = cpm_arena_alloc(&a, sizes[i]);
		ck_assert_ptr_nonnull(p[i]);
		ck_assert_uint_eq((uintptr_t)p[i] % alignof(int64_t), 0);
		for(size_t k = 0; k < sizes[i]; k++)
			ck_assert_int_eq(p[i][k], 0);
		memset(p[i], (int)i + 1, sizes[i]);
	}
	for(size_t i = 0; i < UNIT_COUNT(sizes); i++)
		for(size_t k = 0; k < sizes[i]; k++)
			ck_assert_int_eq(p[i][k], (int)i + 1);
	cpm_arena_free(&a);
	ck_assert_uint_eq(a.used, 0);
}
END_TEST

START_TEST(keeps_its_maximum)
{
	for(size_t max = 0; max < 20000; max += 61) {
		struct cpm_arena a;
		size_t got = 0;

		cpm_arena_init(&a, &cpm_allocator_libc, max);
		while(cpm_arena_alloc(&a, 100)) {
			got++;
			ck_assert_uint_le(a.used, max);
		}
		/* At least three quarters of a maximum that is not tiny can be used. */
		if(max > 1000)
			ck_assert_uint_ge(got * 112, max * 3 / 4);
		ck_assert_ptr_null(cpm_arena_alloc(&a, max + 1));
		cpm_arena_free(&a);
	}
}
END_TEST

START_TEST(refuses_sizes_that_overflow)
{
	struct cpm_arena a;

	cpm_arena_init(&a, &cpm_allocator_libc, SIZE_MAX);
	ck_assert_ptr_null(cpm_arena_array(&a, SIZE_MAX / 8, 16));
	ck_assert_ptr_null(cpm_arena_array(&a, 16, SIZE_MAX / 8));
	ck_assert_ptr_null(cpm_arena_alloc(&a, SIZE_MAX));
	ck_assert_ptr_null(cpm_arena_alloc(&a, SIZE_MAX - 15));
	ck_assert_ptr_nonnull(cpm_arena_array(&a, 0, 16));
	ck_assert_ptr_nonnull(cpm_arena_array(&a, 16, 0));
	ck_assert_ptr_nonnull(cpm_arena_array(&a, 10, 10));
	cpm_arena_free(&a);
}
END_TEST

START_TEST(copies_slices)
{
	struct cpm_arena a;
	struct cpm_slice copy;
	char text[] = "abc";

	cpm_arena_init(&a, &cpm_allocator_libc, 10000);
	ck_assert(cpm_arena_dup(&a, cpm_slice_of(text), &copy));
	text[0] = 'x';
	ck_slice(copy, "abc", "copy");
	ck_assert(cpm_arena_dup(&a, CPM_SLICE_NONE, &copy));
	ck_assert_uint_eq(copy.n, 0);
	cpm_arena_free(&a);
}
END_TEST

START_TEST(survives_each_failing_allocation)
{
	size_t served = 0;

	for(size_t allowed = 0; served < UNIT_COUNT(sizes); allowed++) {
		struct unit_memory memory;
		struct cpm_arena a;

		unit_memory_init(&memory, allowed);
		cpm_arena_init(&a, &memory.allocator, 1 << 20);
		served = 0;
		for(size_t i = 0; i < UNIT_COUNT(sizes); i++)
			served += cpm_arena_alloc(&a, sizes[i]) != NULL;
		cpm_arena_free(&a);
		ck_assert_uint_eq(memory.live, 0);
		ck_assert_uint_lt(allowed, 100);
	}
}
END_TEST

START_TEST(takes_few_chunks_for_much_data)
{
	struct unit_memory memory;
	struct cpm_arena a;

	unit_memory_init(&memory, SIZE_MAX);
	cpm_arena_init(&a, &memory.allocator, 64 << 20);
	for(size_t i = 0; i < 300000; i++)
		ck_assert_ptr_nonnull(cpm_arena_alloc(&a, 48));
	ck_assert_uint_lt(memory.live, 150);
	cpm_arena_free(&a);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("arena");

	tcase_add_test(t, gives_zeroed_aligned_memory);
	tcase_add_test(t, keeps_its_maximum);
	tcase_add_test(t, refuses_sizes_that_overflow);
	tcase_add_test(t, copies_slices);
	tcase_add_test(t, survives_each_failing_allocation);
	tcase_add_test(t, takes_few_chunks_for_much_data);
	return unit_run("arena", t);
}
