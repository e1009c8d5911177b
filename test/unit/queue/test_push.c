/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/queue/push.c: every state against every event, and random walks.
 */
#include "unit.h"

#include "core/queue/push.h"

/* What the table must say, event by event in the order of the enumeration; '-' for nothing. */
static const struct {
	enum cpm_push_state state;
	enum cpm_push_step steps[CPM_PUSH_EVENTS];
	enum cpm_push_state next[CPM_PUSH_EVENTS];
} expected[] = {
		{CPM_PUSH_RESTING, {CPM_PUSH_QUEUE, CPM_PUSH_QUEUE, 0, 0, 0, 0, 0, 0},
				{CPM_PUSH_READY, CPM_PUSH_READY, 0, 0, 0, 0, 0, 0}},
		{CPM_PUSH_READY, {0, 0, CPM_PUSH_CHECK, 0, 0, 0, 0, 0},
				{0, 0, CPM_PUSH_CHECKING, 0, 0, 0, 0, 0}},
		{CPM_PUSH_CHECKING,
				{CPM_PUSH_REMEMBER, 0, 0, CPM_PUSH_FETCH, CPM_PUSH_REST, CPM_PUSH_END, 0, 0},
				{CPM_PUSH_CHECKING, 0, 0, CPM_PUSH_RUNNING, CPM_PUSH_RESTING, CPM_PUSH_RESTING, 0,
						0}},
		{CPM_PUSH_RUNNING, {CPM_PUSH_REMEMBER, 0, 0, 0, 0, 0, CPM_PUSH_END, CPM_PUSH_REST},
				{CPM_PUSH_RUNNING, 0, 0, 0, 0, 0, CPM_PUSH_RESTING, CPM_PUSH_RESTING}},
};

START_TEST(answers_every_event_in_every_state)
{
	for(size_t i = 0; i < UNIT_COUNT(expected); i++) {
		for(int e = 0; e < CPM_PUSH_EVENTS; e++) {
			enum cpm_push_state state = expected[i].state;
			enum cpm_push_step step = cpm_push_next(&state, (enum cpm_push_event)e);
			enum cpm_push_state next = expected[i].steps[e] == CPM_PUSH_NOTHING
											   ? expected[i].state
											   : expected[i].next[e];
			ck_assert_msg(step == expected[i].steps[e] && state == next,
					"%s, event %d: step %d, %s", cpm_push_state_name(expected[i].state), e, step,
					cpm_push_state_name(state));
		}
	}
}
END_TEST

/* A turn is taken by CHECK and given back by REST or END, never twice. */
START_TEST(takes_and_gives_back_turns_in_pairs)
{
	enum cpm_push_state state = CPM_PUSH_RESTING;
	uint32_t random = 1;
	int turns = 0;

	for(int i = 0; i < 100000; i++) {
		random = random * 1664525u + 1013904223u;
		switch(cpm_push_next(&state, (enum cpm_push_event)((random >> 16) % CPM_PUSH_EVENTS))) {
			case CPM_PUSH_CHECK:
				turns++;
				break;
			case CPM_PUSH_REST:
			case CPM_PUSH_END:
				turns--;
				break;
			default:
				break;
		}
		ck_assert_int_eq(turns, state == CPM_PUSH_CHECKING || state == CPM_PUSH_RUNNING);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("push");

	tcase_add_test(t, answers_every_event_in_every_state);
	tcase_add_test(t, takes_and_gives_back_turns_in_pairs);
	return unit_run("push", t);
}
