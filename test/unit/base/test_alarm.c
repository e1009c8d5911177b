/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/base/alarm.c.
 */
#include "core/base/alarm.h"
#include "unit.h"

#define MAX 50

static struct cpm_alarm *heap[MAX];
static struct cpm_alarms all;

/* As the module has it: not the first member. */
struct sleeper {
	int number;
	struct cpm_alarm wake;
};

START_TEST(names_the_earliest)
{
	struct sleeper s[] = {{1, {0}}, {2, {0}}, {3, {0}}};
	static const int64_t times[] = {30, 10, 20};
	static const int order[] = {2, 3, 1};

	cpm_alarms_init(&all, heap, MAX);
	ck_assert_ptr_null(cpm_alarm_first(&all));
	for(size_t i = 0; i < UNIT_COUNT(s); i++) {
		ck_assert(!cpm_alarm_is_set(&s[i].wake));
		ck_assert(cpm_alarm_set(&all, &s[i].wake, times[i]));
		ck_assert(cpm_alarm_is_set(&s[i].wake));
	}
	for(size_t i = 0; i < UNIT_COUNT(s); i++) {
		struct cpm_alarm *a = cpm_alarm_first(&all);

		ck_assert_int_eq(CPM_ALARM_OWNER(a, struct sleeper, wake)->number, order[i]);
		cpm_alarm_clear(&all, a);
		ck_assert(!cpm_alarm_is_set(a));
	}
	ck_assert_ptr_null(cpm_alarm_first(&all));
	cpm_alarm_clear(&all, &s[0].wake);
	ck_assert_uint_eq(all.count, 0);
}
END_TEST

START_TEST(takes_no_more_than_it_has_room_for)
{
	static struct cpm_alarm a[MAX + 1];

	cpm_alarms_init(&all, heap, MAX);
	for(size_t i = 0; i < MAX; i++)
		ck_assert(cpm_alarm_set(&all, &a[i], (int64_t)i));
	ck_assert(!cpm_alarm_set(&all, &a[MAX], 0));
	ck_assert(!cpm_alarm_is_set(&a[MAX]));
	/* One that is set can still be moved. */
	ck_assert(cpm_alarm_set(&all, &a[MAX - 1], -1));
	ck_assert_ptr_eq(cpm_alarm_first(&all), &a[MAX - 1]);
	cpm_alarm_clear(&all, &a[3]);
	ck_assert(cpm_alarm_set(&all, &a[MAX], -2));
	ck_assert_ptr_eq(cpm_alarm_first(&all), &a[MAX]);
}
END_TEST

/* Whatever is set, moved and cleared, the first is one that no other comes before. */
START_TEST(is_right_after_any_step)
{
	static struct cpm_alarm a[MAX];
	unsigned long seed = 1;

	memset(a, 0, sizeof(a));
	cpm_alarms_init(&all, heap, MAX);
	for(int step = 0; step < 20000; step++) {
		const struct cpm_alarm *first;
		size_t set = 0, which;
		int64_t earliest = INT64_MAX;

		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
		which = (seed >> 33) % MAX;
		if(seed >> 63)
			cpm_alarm_clear(&all, &a[which]);
		else
			ck_assert(cpm_alarm_set(&all, &a[which], (int64_t)((seed >> 40) % 100)));
		for(size_t i = 0; i < MAX; i++) {
			if(!cpm_alarm_is_set(&a[i]))
				continue;
			set++;
			ck_assert_ptr_eq(heap[a[i].place - 1], &a[i]);
			if(a[i].at_ms < earliest)
				earliest = a[i].at_ms;
		}
		ck_assert_uint_eq(set, all.count);
		first = cpm_alarm_first(&all);
		ck_assert_int_eq(first ? first->at_ms : INT64_MAX, earliest);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("alarm");

	tcase_add_test(t, names_the_earliest);
	tcase_add_test(t, takes_no_more_than_it_has_room_for);
	tcase_add_test(t, is_right_after_any_step);
	return unit_run("alarm", t);
}
