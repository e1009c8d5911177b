/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of module/bucket.c.
 */
#include "unit.h"

#include "queue/bucket.h"

START_TEST(starts_full_and_fills_with_time)
{
	struct bucket b = {0};

	bucket_fill(&b, 100, 250, 1795535766138);
	ck_assert_uint_eq(bucket_level(&b), 25);
	bucket_take(&b, 25);
	ck_assert_uint_eq(bucket_level(&b), 0);
	ck_assert_int_eq(bucket_wait_ms(&b, 100, 1), 10);
	bucket_fill(&b, 100, 250, 1795535766138 + 9);
	ck_assert_uint_eq(bucket_level(&b), 0);
	ck_assert_int_eq(bucket_wait_ms(&b, 100, 1), 1);
	bucket_fill(&b, 100, 250, 1795535766138 + 10);
	ck_assert_uint_eq(bucket_level(&b), 1);
	ck_assert_int_eq(bucket_wait_ms(&b, 100, 1), 0);
	bucket_fill(&b, 100, 250, 1795535766138 + 3600000);
	ck_assert_uint_eq(bucket_level(&b), 25);
}
END_TEST

START_TEST(one_can_always_be_there)
{
	struct bucket b = {0};

	bucket_fill(&b, 1, 100, 5000);
	ck_assert_uint_eq(bucket_level(&b), 1);
	bucket_take(&b, 1);
	bucket_fill(&b, 1, 100, 5999);
	ck_assert_uint_eq(bucket_level(&b), 0);
	bucket_fill(&b, 1, 100, 6000);
	ck_assert_uint_eq(bucket_level(&b), 1);
}
END_TEST

START_TEST(what_was_overspent_is_paid_back)
{
	struct bucket b = {0};

	bucket_fill(&b, 1000, 10, 1000);
	bucket_take(&b, 30);
	ck_assert_uint_eq(bucket_level(&b), 0);
	ck_assert_int_eq(bucket_wait_ms(&b, 1000, 1), 21);
	bucket_give(&b, 25);
	ck_assert_uint_eq(bucket_level(&b), 5);
}
END_TEST

START_TEST(clock_that_goes_back_gives_nothing)
{
	struct bucket b = {0};

	bucket_fill(&b, 10, 1000, 100000);
	bucket_take(&b, 10);
	bucket_fill(&b, 10, 1000, 1000);
	ck_assert_uint_eq(bucket_level(&b), 0);
	bucket_fill(&b, 10, 1000, 1100);
	ck_assert_uint_eq(bucket_level(&b), 1);
}
END_TEST

/* Over any time no more goes through than the rate and one burst, whatever the steps are. */
START_TEST(keeps_the_rate)
{
	struct bucket b = {0};
	uint32_t random = 7;
	int64_t now = 1000, spent = 0;

	while(now < 61000) {
		bucket_fill(&b, 333, 100, now);
		spent += (int64_t)bucket_level(&b);
		bucket_take(&b, bucket_level(&b));
		random = random * 1664525u + 1013904223u;
		now += 1 + random % 50;
	}
	ck_assert_int_le(spent, 60 * 333 + 34);
	ck_assert_int_ge(spent, 60 * 333 - 34);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("bucket");

	tcase_add_test(t, starts_full_and_fills_with_time);
	tcase_add_test(t, one_can_always_be_there);
	tcase_add_test(t, what_was_overspent_is_paid_back);
	tcase_add_test(t, clock_that_goes_back_gives_nothing);
	tcase_add_test(t, keeps_the_rate);
	return unit_run("bucket", t);
}
