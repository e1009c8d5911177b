/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/breadth.c.
 */
#include "unit.h"

#include "core/session/breadth.h"

START_TEST(shares_what_there_is)
{
	ck_assert_uint_eq(cpm_breadth_share(CPM_SLICE("60"), 1), 60);
	ck_assert_uint_eq(cpm_breadth_share(CPM_SLICE("60"), 2), 30);
	ck_assert_uint_eq(cpm_breadth_share(CPM_SLICE(" 7 "), 2), 3);
	ck_assert_uint_eq(cpm_breadth_share(CPM_SLICE("8"), 8), 1);
	ck_assert_uint_eq(cpm_breadth_share(CPM_SLICE("7"), 8), 0);
	ck_assert_uint_eq(cpm_breadth_share(CPM_SLICE("0"), 1), 0);
}
END_TEST

START_TEST(takes_the_default_for_what_says_nothing)
{
	static const char *const values[] = {"", "many", "-1", "61", "99999999999999999999"};

	for(size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		ck_assert_uint_eq(cpm_breadth_share(cpm_slice_of(values[i]), 3), CPM_BREADTH_DEFAULT / 3);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("breadth");

	tcase_add_test(t, shares_what_there_is);
	tcase_add_test(t, takes_the_default_for_what_says_nothing);
	return unit_run("breadth", t);
}
