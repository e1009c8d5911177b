/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/dialog.c: every state against every event, and random walks.
 */
#include "unit.h"

#include "core/session/dialog.h"

#define X     \
	{         \
		0, -1 \
	}
#define TELL CPM_DIALOG_TELL_ENDED
#define FREE CPM_DIALOG_FREE
#define BYE CPM_DIALOG_SEND_BYE

/* Steps and next state, event by event in the order of the enumeration; X: nothing changes. */
static const struct {
	enum cpm_dialog_state state;
	struct {
		unsigned steps;
		int next;
	} on[CPM_DIALOG_EVENTS];
} expected[] = {
		/*                      answer, refuse, cancel, ack, bye, hang up, bye done, time */
		{CPM_DIALOG_PENDING, {{CPM_DIALOG_SEND_200, CPM_DIALOG_ANSWERED}, {FREE, CPM_DIALOG_ENDED},
									 {CPM_DIALOG_SEND_487 | TELL | FREE, CPM_DIALOG_ENDED}, X, X, X,
									 X, {TELL | FREE, CPM_DIALOG_ENDED}}},
		{CPM_DIALOG_ANSWERED, {X, X, X, {CPM_DIALOG_TELL_ACKED, CPM_DIALOG_CONFIRMED},
									  {TELL | FREE, CPM_DIALOG_ENDED}, {0, CPM_DIALOG_LEAVING}, X,
									  {BYE | TELL, CPM_DIALOG_ENDING}}},
		{CPM_DIALOG_LEAVING, {X, X, X, {BYE, CPM_DIALOG_ENDING}, {FREE, CPM_DIALOG_ENDED}, X, X,
									 {BYE, CPM_DIALOG_ENDING}}},
		{CPM_DIALOG_CONFIRMED,
				{X, X, X, X, {TELL | FREE, CPM_DIALOG_ENDED}, {BYE, CPM_DIALOG_ENDING}, X,
						{BYE | TELL, CPM_DIALOG_ENDING}}},
		{CPM_DIALOG_ENDING, {X, X, X, X, X, X, {FREE, CPM_DIALOG_ENDED}, {FREE, CPM_DIALOG_ENDED}}},
		{CPM_DIALOG_ENDED, {X, X, X, X, X, X, X, X}},
};

START_TEST(answers_every_event_in_every_state)
{
	ck_assert_uint_eq(UNIT_COUNT(expected), CPM_DIALOG_STATES);
	for(size_t i = 0; i < UNIT_COUNT(expected); i++) {
		for(int e = 0; e < CPM_DIALOG_EVENTS; e++) {
			enum cpm_dialog_state state = expected[i].state;
			unsigned steps = cpm_dialog_next(&state, (enum cpm_dialog_event)e);
			int next = expected[i].on[e].next < 0 ? (int)expected[i].state : expected[i].on[e].next;
			ck_assert_msg(steps == expected[i].on[e].steps && (int)state == next,
					"%s, event %d: steps %u, %s", cpm_dialog_state_name(expected[i].state), e,
					steps, cpm_dialog_state_name(state));
		}
	}
}
END_TEST

/* Each dialog is freed once; BYE goes out at most once, and after the answer; time alone ends every dialog. */
START_TEST(ends_once)
{
	uint32_t random = 7;

	for(int run = 0; run < 20000; run++) {
		enum cpm_dialog_state state = CPM_DIALOG_PENDING;
		int freed = 0, byes = 0, answered = 0, told = 0;

		for(int i = 0; i < 12; i++) {
			random = random * 1664525u + 1013904223u;
			enum cpm_dialog_event event =
					i < 8 ? (enum cpm_dialog_event)((random >> 16) % CPM_DIALOG_EVENTS)
						  : CPM_DIALOG_TIME;
			unsigned steps = cpm_dialog_next(&state, event);
			answered += (steps & CPM_DIALOG_SEND_200) != 0;
			byes += (steps & CPM_DIALOG_SEND_BYE) != 0;
			freed += (steps & CPM_DIALOG_FREE) != 0;
			told += (steps & CPM_DIALOG_TELL_ENDED) != 0;
			ck_assert(byes <= answered && answered <= 1 && freed <= 1 && told <= 1);
		}
		ck_assert_int_eq(freed, 1);
		ck_assert_int_eq(state, CPM_DIALOG_ENDED);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("dialog");

	tcase_add_test(t, answers_every_event_in_every_state);
	tcase_add_test(t, ends_once);
	return unit_run("dialog", t);
}
