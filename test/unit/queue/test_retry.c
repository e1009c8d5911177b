/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/queue/retry.c.
 */
#include "unit.h"

#include "core/queue/retry.h"

static const struct {
	int status;
	enum cpm_push_outcome outcome;
} outcomes[] = {
		{200, CPM_PUSH_DELIVERED},
		{202, CPM_PUSH_DELIVERED},
		{299, CPM_PUSH_DELIVERED},
		{300, CPM_PUSH_REFUSED},
		{400, CPM_PUSH_REFUSED},
		{403, CPM_PUSH_REFUSED},
		{404, CPM_PUSH_CLIENT_GONE},
		{408, CPM_PUSH_CLIENT_GONE},
		{410, CPM_PUSH_CLIENT_GONE},
		{413, CPM_PUSH_REFUSED},
		{415, CPM_PUSH_REFUSED},
		{430, CPM_PUSH_CLIENT_GONE},
		{480, CPM_PUSH_CLIENT_GONE},
		{486, CPM_PUSH_CLIENT_GONE},
		{487, CPM_PUSH_CLIENT_GONE},
		{488, CPM_PUSH_REFUSED},
		{500, CPM_PUSH_REFUSED},
		{501, CPM_PUSH_REFUSED},
		{503, CPM_PUSH_CLIENT_GONE},
		{504, CPM_PUSH_CLIENT_GONE},
		{600, CPM_PUSH_REFUSED},
		{603, CPM_PUSH_REFUSED},
		{699, CPM_PUSH_REFUSED},
		{700, CPM_PUSH_CLIENT_GONE},
		{100, CPM_PUSH_CLIENT_GONE},
		{0, CPM_PUSH_CLIENT_GONE},
		{-1, CPM_PUSH_CLIENT_GONE},
};

START_TEST(knows_what_an_answer_means)
{
	for(size_t i = 0; i < UNIT_COUNT(outcomes); i++)
		ck_assert_msg(cpm_push_outcome_of(outcomes[i].status) == outcomes[i].outcome, "%d",
				outcomes[i].status);
}
END_TEST

static const struct {
	const char *name;
	int64_t now, arrived, min, max;
	uint32_t random;
	int64_t at;
} times[] = {
		{"young", 1000, 1000, 100, 5000, 0, 1100},
		{"by age", 3000, 1000, 100, 5000, 0, 5000},
		{"old", 100000, 1000, 100, 5000, 0, 105000},
		{"half the jitter", 3000, 1000, 100, 5000, 1u << 31, 5100},
		{"all the jitter", 100000, 1000, 100, 5000, UINT32_MAX, 105499},
		{"clock went back", 1000, 9000, 100, 5000, 0, 1100},
		{"no minimum", 1000, 1000, 0, 5000, UINT32_MAX, 1000},
		{"end of time", INT64_MAX - 10, 0, 100, 5000, UINT32_MAX, INT64_MAX},
		{"huge wait", INT64_MAX / 2, 0, 1, INT64_MAX / 2, 0, INT64_MAX - 1},
};

START_TEST(spreads_retries_by_age)
{
	for(size_t i = 0; i < UNIT_COUNT(times); i++) {
		int64_t at = cpm_retry_at(
				times[i].now, times[i].arrived, times[i].min, times[i].max, times[i].random);
		ck_assert_msg(at == times[i].at, "%s: %lld", times[i].name, (long long)at);
	}
}
END_TEST

/* Never before the minimum, never past the maximum and a tenth. */
START_TEST(stays_within_its_bounds)
{
	uint32_t random = 1;

	for(int i = 0; i < 100000; i++) {
		int64_t arrived, at;

		random = random * 1664525u + 1013904223u;
		arrived = random % 10000000;
		at = cpm_retry_at(10000000, arrived, 30000, 3600000, random);
		ck_assert_int_ge(at, 10000000 + 30000);
		ck_assert_int_le(at, 10000000 + 3600000 + 360000);
	}
}
END_TEST

/* What doc/queue.md says of a phone that never answers: with the defaults the oldest message is tried 7 times in its first hour,
 * later once an hour. */
START_TEST(leaves_a_silent_phone_alone)
{
	const int64_t minute = 60000, hour = 60 * minute;
	int64_t at = 0;
	int first_hour = 0, later[24] = {0};

	while(at < 24 * hour) {
		if(at < hour)
			first_hour++;
		else
			later[at / hour]++;
		at = cpm_retry_at(at, 0, minute, hour, 0);
	}
	ck_assert_int_eq(first_hour, 7);
	for(size_t i = 1; i < UNIT_COUNT(later); i++)
		ck_assert_int_le(later[i], 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("retry");

	tcase_add_test(t, knows_what_an_answer_means);
	tcase_add_test(t, spreads_retries_by_age);
	tcase_add_test(t, stays_within_its_bounds);
	tcase_add_test(t, leaves_a_silent_phone_alone);
	return unit_run("retry", t);
}
