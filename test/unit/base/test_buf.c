/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/base/buf.c.
 */
#include "unit.h"

START_TEST(appends)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 1000);
	cpm_buf_add(&b, CPM_SLICE_NONE);
	ck_assert_ptr_null(b.p);
	cpm_buf_add_str(&b, "a=");
	cpm_buf_add_u64(&b, 0);
	cpm_buf_add_char(&b, ' ');
	cpm_buf_add_u64(&b, UINT64_MAX);
	cpm_buf_add_char(&b, ' ');
	cpm_buf_add_i64(&b, INT64_MIN);
	cpm_buf_add_char(&b, ' ');
	cpm_buf_add_i64(&b, INT64_MAX);
	cpm_buf_add_i64(&b, -7);
	ck_assert_int_eq(b.rc, CPM_OK);
	ck_slice(cpm_buf_slice(&b),
			"a=0 18446744073709551615 -9223372036854775808 9223372036854775807-7", "all");
	cpm_buf_reset(&b);
	ck_slice(cpm_buf_slice(&b), "", "reset");
	cpm_buf_free(&b);
	ck_assert_ptr_null(b.p);
}
END_TEST

START_TEST(stops_at_its_maximum)
{
	for(size_t max = 0; max < 1200; max++) {
		struct cpm_buf b;

		cpm_buf_init(&b, max);
		for(size_t i = 0; i < max; i++)
			cpm_buf_add_char(&b, (char)('a' + i % 26));
		ck_assert_int_eq(b.rc, CPM_OK);
		ck_assert_uint_eq(b.n, max);
		ck_assert_uint_le(b.cap, max);
		cpm_buf_add_char(&b, 'x');
		ck_assert_int_eq(b.rc, CPM_LIMIT);
		ck_assert_uint_eq(b.n, max);
		for(size_t i = 0; i < max; i++)
			ck_assert_int_eq(b.p[i], (char)('a' + i % 26));
		cpm_buf_free(&b);
	}
}
END_TEST

START_TEST(appends_nothing_after_a_failure)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 4);
	cpm_buf_add_str(&b, "abc");
	cpm_buf_add_str(&b, "de");
	ck_assert_int_eq(b.rc, CPM_LIMIT);
	cpm_buf_add_char(&b, 'f');
	ck_slice(cpm_buf_slice(&b), "abc", "a short append after a failed one");
	cpm_buf_reset(&b);
	cpm_buf_add_str(&b, "defg");
	ck_assert_int_eq(b.rc, CPM_OK);
	cpm_buf_free(&b);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__ /* which reports the absurd size as an error of ours */
START_TEST(reports_missing_memory)
{
	const size_t absurd = (size_t)1 << 46;
	struct cpm_buf b;

	/* Nothing is read: the reservation fails first. */
	cpm_buf_init(&b, absurd);
	cpm_buf_add(&b, (struct cpm_slice){"", absurd});
	ck_assert_int_eq(b.rc, CPM_NOMEM);
	cpm_buf_free(&b);
}
END_TEST
#endif

START_TEST(stays_in_fixed_memory)
{
	char memory[4];
	struct cpm_buf b;

	cpm_buf_init_fixed(&b, memory, sizeof(memory));
	cpm_buf_add_str(&b, "abcd");
	ck_assert_int_eq(b.rc, CPM_OK);
	ck_assert_ptr_eq(b.p, memory);
	cpm_buf_add_char(&b, 'e');
	ck_assert_int_eq(b.rc, CPM_LIMIT);
	cpm_buf_free(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("buf");

	tcase_add_test(t, appends);
	tcase_add_test(t, stops_at_its_maximum);
	tcase_add_test(t, appends_nothing_after_a_failure);
#ifndef __SANITIZE_ADDRESS__
	tcase_add_test(t, reports_missing_memory);
#endif
	tcase_add_test(t, stays_in_fixed_memory);
	return unit_run("buf", t);
}
