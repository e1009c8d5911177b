/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Which of many that wait is the next whose time comes: a heap of times. Its
 * memory is the caller's, and it never grows.
 */
#ifndef CPM_ALARM_H
#define CPM_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A member of what waits; zero before its first use. */
struct cpm_alarm {
	int64_t at_ms;
	size_t place; /* in the heap, from 1; 0: not set */
};

struct cpm_alarms {
	struct cpm_alarm **heap;
	size_t count, max;
};

/* The struct that an alarm is a member of. */
#define CPM_ALARM_OWNER(alarm, type, member) ((type *)((char *)(alarm)-offsetof(type, member)))

/* heap has room for max alarms. */
void cpm_alarms_init(struct cpm_alarms *all, struct cpm_alarm **heap, size_t max);

static inline bool cpm_alarm_is_set(const struct cpm_alarm *a)
{
	return a->place != 0;
}

/* Sets it, or moves it to another time. False at the maximum. */
bool cpm_alarm_set(struct cpm_alarms *all, struct cpm_alarm *a, int64_t at_ms);

/* Nothing when it is not set. */
void cpm_alarm_clear(struct cpm_alarms *all, struct cpm_alarm *a);

/* One with the earliest time, which stays set; NULL without any. */
struct cpm_alarm *cpm_alarm_first(const struct cpm_alarms *all);

#endif
