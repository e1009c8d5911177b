/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/queue/expiry.c.
 */
#include "unit.h"

#include "core/queue/expiry.h"

static const struct {
	const char *value;
	bool present;
	uint64_t seconds;
	bool odd;
} rows[] = {
		{"", false, 1000, false},
		{"60", false, 1000, false},
		{"0", true, 0, false},
		{"1", true, 1, false},
		{"00", true, 0, false},
		{"999", true, 999, false},
		{"1000", true, 1000, false},
		{"1001", true, 1000, false},
		{" 60 ", true, 60, false},
		{"4294967296", true, 1000, false},
		{"18446744073709551615", true, 1000, false},
		{"18446744073709551616", true, 1000, true},
		{"99999999999999999999999999", true, 1000, true},
		{"-1", true, 1000, true},
		{"+5", true, 1000, true},
		{"", true, 1000, true},
		{"   ", true, 1000, true},
		{"60s", true, 1000, true},
		{"6 0", true, 1000, true},
		{"1.5", true, 1000, true},
		{"0x10", true, 1000, true},
};

/* 8.3.1.6.1 step 5 */
START_TEST(keeps_for_what_was_asked_up_to_the_maximum)
{
	for(size_t i = 0; i < UNIT_COUNT(rows); i++) {
		bool odd = !rows[i].odd;
		uint64_t s = cpm_expiry_seconds(cpm_slice_of(rows[i].value), rows[i].present, 1000, &odd);

		ck_assert_msg(s == rows[i].seconds, "\"%s\": %llu", rows[i].value, (unsigned long long)s);
		ck_assert_msg(odd == rows[i].odd, "\"%s\": odd", rows[i].value);
		ck_assert_uint_eq(
				cpm_expiry_seconds(cpm_slice_of(rows[i].value), rows[i].present, 1000, NULL), s);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("expiry");

	tcase_add_test(t, keeps_for_what_was_asked_up_to_the_maximum);
	return unit_run("expiry", t);
}
