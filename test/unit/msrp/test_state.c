/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of msrp/state.c: every pair of state and event.
 */
#include "unit.h"

#include "msrp/state.h"

/* step and next state for each event; "--" where nothing happens. */
struct cell {
	int step, next;
};
#define NONE  \
	{         \
		0, -1 \
	}

static const struct cell legs[LEG_STATES][LEG_EVENTS] = {
		[LEG_IDLE] = {{LEG_WAIT, LEG_AWAITED}, {LEG_CONNECT, LEG_DIALLED}, NONE,
				{LEG_WELCOME, LEG_BOUND}, NONE, {LEG_LOSE, LEG_GONE}, {LEG_FREE, LEG_GONE}},
		[LEG_AWAITED] = {NONE, NONE, NONE, {LEG_WELCOME, LEG_BOUND}, NONE, {LEG_LOSE, LEG_GONE},
				{LEG_FREE, LEG_GONE}},
		[LEG_DIALLED] = {NONE, NONE, {LEG_GREET, LEG_BOUND}, {LEG_WELCOME, LEG_BOUND},
				{LEG_LOSE, LEG_GONE}, {LEG_LOSE, LEG_GONE}, {LEG_FREE, LEG_GONE}},
		[LEG_BOUND] = {NONE, NONE, NONE, NONE, {LEG_LOSE, LEG_GONE}, {LEG_LOSE, LEG_GONE},
				{LEG_FREE, LEG_GONE}},
		[LEG_GONE] = {NONE, NONE, NONE, NONE, NONE, NONE, NONE},
};

static const struct cell intakes[INTAKE_STATES][INTAKE_EVENTS] = {
		[INTAKE_NONE] = {{INTAKE_OPEN, INTAKE_TAKING}, NONE, NONE, NONE, NONE},
		[INTAKE_TAKING] = {NONE, {INTAKE_TAKE, INTAKE_TAKING}, {INTAKE_HAND_OVER, INTAKE_WHOLE},
				NONE, {INTAKE_DISCARD, INTAKE_NONE}},
		[INTAKE_WHOLE] = {NONE, NONE, NONE, {INTAKE_ANSWER, INTAKE_NONE}, NONE},
};

static const struct cell outgos[OUTGO_STATES][OUTGO_EVENTS] = {
		[OUTGO_NONE] = {{OUTGO_START, OUTGO_SENDING}, NONE, NONE, NONE},
		[OUTGO_SENDING] = {NONE, {OUTGO_WATCH, OUTGO_CONFIRMING}, NONE, {OUTGO_FAIL, OUTGO_NONE}},
		[OUTGO_CONFIRMING] = {NONE, NONE, {OUTGO_SUCCEED, OUTGO_NONE}, {OUTGO_FAIL, OUTGO_NONE}},
};

START_TEST(moves_a_leg)
{
	for(int s = 0; s < LEG_STATES; s++) {
		for(int e = 0; e < LEG_EVENTS; e++) {
			const struct cell *cell = &legs[s][e];
			enum leg_state state = (enum leg_state)s;

			ck_assert_int_eq(leg_next(&state, (enum leg_event)e), cell->step);
			ck_assert_int_eq((int)state, cell->next < 0 ? s : cell->next);
		}
	}
}
END_TEST

START_TEST(moves_messages)
{
	for(int s = 0; s < INTAKE_STATES; s++) {
		for(int e = 0; e < INTAKE_EVENTS; e++) {
			const struct cell *cell = &intakes[s][e];
			enum intake_state state = (enum intake_state)s;

			ck_assert_int_eq(intake_next(&state, (enum intake_event)e), cell->step);
			ck_assert_int_eq((int)state, cell->next < 0 ? s : cell->next);
		}
	}
	for(int s = 0; s < OUTGO_STATES; s++) {
		for(int e = 0; e < OUTGO_EVENTS; e++) {
			const struct cell *cell = &outgos[s][e];
			enum outgo_state state = (enum outgo_state)s;

			ck_assert_int_eq(outgo_next(&state, (enum outgo_event)e), cell->step);
			ck_assert_int_eq((int)state, cell->next < 0 ? s : cell->next);
		}
	}
}
END_TEST

START_TEST(names_states)
{
	ck_assert_str_eq(leg_state_name(LEG_BOUND), "bound");
	ck_assert_str_eq(leg_state_name(LEG_STATES), "?");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("state");

	tcase_add_test(t, moves_a_leg);
	tcase_add_test(t, moves_messages);
	tcase_add_test(t, names_states);
	return unit_run("state", t);
}
