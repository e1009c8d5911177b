/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/watch.c: every state against every event, and a random walk.
 */
#include "unit.h"

#include "core/session/watch.h"

#define X                     \
	{                         \
		CPM_WATCH_NOTHING, -1 \
	}
#define SUBSCRIBE                             \
	{                                         \
		CPM_WATCH_SUBSCRIBE, CPM_WATCH_ASKING \
	}
#define FORGET                           \
	{                                    \
		CPM_WATCH_FORGET, CPM_WATCH_OVER \
	}
#define REST                              \
	{                                     \
		CPM_WATCH_REST, CPM_WATCH_RESTING \
	}

static const struct {
	enum cpm_watch_step step;
	int next; /* -1: the same */
} expected[CPM_WATCH_STATES][CPM_WATCH_EVENTS] = {
		/*                      begin, accepted, refused, time and wanted, time and unwanted */
		[CPM_WATCH_NEW] = {SUBSCRIBE, X, X, X, X},
		[CPM_WATCH_ASKING] = {X, {CPM_WATCH_REFRESH, CPM_WATCH_ACTIVE}, REST, REST, FORGET},
		[CPM_WATCH_ACTIVE] = {X, X, X, SUBSCRIBE, FORGET},
		[CPM_WATCH_RESTING] = {X, X, X, SUBSCRIBE, FORGET},
		[CPM_WATCH_OVER] = {X, X, X, X, X},
};

START_TEST(answers_every_event_in_every_state)
{
	for(int s = 0; s < CPM_WATCH_STATES; s++) {
		for(int e = 0; e < CPM_WATCH_EVENTS; e++) {
			enum cpm_watch_state state = (enum cpm_watch_state)s;
			enum cpm_watch_step step = cpm_watch_next(&state, (enum cpm_watch_event)e);
			int next = expected[s][e].next < 0 ? s : expected[s][e].next;
			ck_assert_msg(step == expected[s][e].step && (int)state == next,
					"state %d, event %d: step %d, %d", s, e, step, state);
		}
	}
}
END_TEST

/* No two SUBSCRIBEs at once, and what nobody wants ends after one period. */
START_TEST(asks_once_at_a_time)
{
	enum cpm_watch_state state = CPM_WATCH_NEW;
	uint32_t random = 3;
	int asked = 0;

	for(int i = 0; i < 100000; i++) {
		random = random * 1664525u + 1013904223u;
		enum cpm_watch_event event = (enum cpm_watch_event)((random >> 16) % CPM_WATCH_EVENTS);
		switch(cpm_watch_next(&state, event)) {
			case CPM_WATCH_SUBSCRIBE:
				ck_assert_int_eq(asked, 0);
				asked = 1;
				break;
			case CPM_WATCH_NOTHING:
				break;
			default:
				asked = 0;
		}
		if(event == CPM_WATCH_TIME_UNWANTED && state != CPM_WATCH_NEW)
			ck_assert_int_eq(state, CPM_WATCH_OVER);
		if(state == CPM_WATCH_OVER)
			state = CPM_WATCH_NEW;
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("watch");

	tcase_add_test(t, answers_every_event_in_every_state);
	tcase_add_test(t, asks_once_at_a_time);
	return unit_run("watch", t);
}
