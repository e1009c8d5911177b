/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The wall clock is followed, but never back.
 */
#include "core/base/clock.h"

#include "unit.h"

#define MS INT64_C(1000000)
#define START (INT64_C(1893456000000) * MS)

static struct cpm_clock c;

/* What it says when the wall clock stands at ms after the start, and so much time has really passed. */
static int64_t at(int64_t wall_ms, int64_t steady_ms)
{
	return cpm_clock_ms(&c, START + wall_ms * MS, 7777 * MS + steady_ms * MS) - START / MS;
}

static void setup(void)
{
	c = (struct cpm_clock){0};
	ck_assert_int_eq(at(0, 0), 0);
}

START_TEST(follows_the_wall_clock)
{
	ck_assert_int_eq(at(10, 10), 10);
	ck_assert_int_eq(at(1000, 1000), 1000);
	/* also when it is set forward, or runs a little fast or slow */
	ck_assert_int_eq(at(600000, 1001), 600000);
	ck_assert_int_eq(at(600010, 1012), 600010);
}
END_TEST

START_TEST(goes_on_at_half_its_pace_when_the_wall_clock_is_set_back)
{
	ck_assert_int_eq(at(600000, 600000), 600000);
	ck_assert_int_eq(at(0, 600000), 600000);
	ck_assert_int_eq(at(10, 600010), 600005);
	ck_assert_int_eq(at(1000, 601000), 600500);
	/* until that has caught up */
	for(int64_t s = 2; s < 1199; s++)
		ck_assert_int_eq(at(s * 1000, (600 + s) * 1000), 600000 + s * 500);
	ck_assert_int_eq(at(1200000, 1800000), 1200000);
	ck_assert_int_eq(at(1200001, 1800001), 1200001);
}
END_TEST

START_TEST(small_steps_add_up)
{
	int64_t i, last = at(600000, 600000);

	for(i = 1; i <= 1000000; i++) {
		int64_t now = cpm_clock_ms(&c, START, 7777 * MS + 600000 * MS + i * 2000);
		ck_assert_int_ge(now, last + START / MS);
	}
	ck_assert_int_eq(at(0, 602000), 601000);
}
END_TEST

START_TEST(is_not_set_back_by_a_steady_clock_that_is_not)
{
	ck_assert_int_eq(at(600000, 600000), 600000);
	ck_assert_int_eq(at(0, 500000), 600000);
	ck_assert_int_eq(at(0, 500010), 600005);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("clock");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, follows_the_wall_clock);
	tcase_add_test(t, goes_on_at_half_its_pace_when_the_wall_clock_is_set_back);
	tcase_add_test(t, small_steps_add_up);
	tcase_add_test(t, is_not_set_back_by_a_steady_clock_that_is_not);
	return unit_run("base/clock", t);
}
