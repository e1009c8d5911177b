/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/bridge.c: every pair of state and event.
 */
#include "unit.h"

#include "core/session/bridge.h"

static const struct {
	enum cpm_bridge_state state;
	enum cpm_bridge_event event;
	enum cpm_bridge_step step;
	enum cpm_bridge_state next;
} moves[] = {
		{CPM_BRIDGE_INVITING, CPM_BRIDGE_ACCEPTED, CPM_BRIDGE_ANSWER, CPM_BRIDGE_OPEN},
		{CPM_BRIDGE_INVITING, CPM_BRIDGE_REFUSED, CPM_BRIDGE_REFUSE, CPM_BRIDGE_GONE},
		{CPM_BRIDGE_INVITING, CPM_BRIDGE_OVER, CPM_BRIDGE_CANCEL, CPM_BRIDGE_GONE},
		{CPM_BRIDGE_INVITING, CPM_BRIDGE_TIME, CPM_BRIDGE_REFUSE, CPM_BRIDGE_GONE},
		{CPM_BRIDGE_OPEN, CPM_BRIDGE_UNABLE, CPM_BRIDGE_REFUSE, CPM_BRIDGE_GONE},
		{CPM_BRIDGE_OPEN, CPM_BRIDGE_CONFIRMED, CPM_BRIDGE_TELL, CPM_BRIDGE_LEAVING},
		{CPM_BRIDGE_OPEN, CPM_BRIDGE_BROKEN, CPM_BRIDGE_FAIL, CPM_BRIDGE_LEAVING},
		{CPM_BRIDGE_OPEN, CPM_BRIDGE_LOST, CPM_BRIDGE_STOP, CPM_BRIDGE_GONE},
		{CPM_BRIDGE_OPEN, CPM_BRIDGE_OVER, CPM_BRIDGE_STOP, CPM_BRIDGE_GONE},
		{CPM_BRIDGE_LEAVING, CPM_BRIDGE_LOST, CPM_BRIDGE_END, CPM_BRIDGE_GONE},
		{CPM_BRIDGE_LEAVING, CPM_BRIDGE_OVER, CPM_BRIDGE_END, CPM_BRIDGE_GONE},
		{CPM_BRIDGE_LEAVING, CPM_BRIDGE_TIME, CPM_BRIDGE_END, CPM_BRIDGE_GONE},
};

START_TEST(moves_a_bridge)
{
	for(int s = 0; s < CPM_BRIDGE_STATES; s++) {
		for(int e = 0; e < CPM_BRIDGE_EVENTS; e++) {
			enum cpm_bridge_state state = (enum cpm_bridge_state)s, next = state;
			enum cpm_bridge_step step = CPM_BRIDGE_NOTHING;

			for(size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
				if((int)moves[i].state == s && (int)moves[i].event == e) {
					step = moves[i].step;
					next = moves[i].next;
				}
			}
			ck_assert_int_eq(cpm_bridge_next(&state, (enum cpm_bridge_event)e), step);
			ck_assert_int_eq(state, next);
		}
	}
}
END_TEST

/* From each state a peer that is lost, hangs up or is silent leads to the end: nothing stays for ever. */
START_TEST(ends_from_every_state)
{
	static const enum cpm_bridge_event ends[] = {CPM_BRIDGE_OVER, CPM_BRIDGE_LOST};

	for(int s = 0; s < CPM_BRIDGE_GONE; s++) {
		enum cpm_bridge_state state = (enum cpm_bridge_state)s;

		for(size_t i = 0; i < 2; i++)
			cpm_bridge_next(&state, ends[i]);
		ck_assert_int_eq(state, CPM_BRIDGE_GONE);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("bridge");

	tcase_add_test(t, moves_a_bridge);
	tcase_add_test(t, ends_from_every_state);
	return unit_run("bridge", t);
}
