/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of media/pace.c.
 */
#include "unit.h"

#include <string.h>

#include "media/pace.h"

#define SENDERS 3
#define T0 INT64_C(1000000)
/* Until a piece is owed. */
#define PIECE_US ((int64_t)PACE_LARGE * 1000000 / PACE_FLOOR + 1)

static struct pace pace;
static struct sender {
	struct pace_turn turn; /* first */
	size_t sent;
	bool more; /* than its turn lets go: it lines up again */
} senders[SENDERS];
static int64_t now_us;
static char order[100];

/* A piece each turn. */
static void served(struct pace_turn *turn)
{
	struct sender *s = (struct sender *)turn;
	size_t n = pace_ask(&pace, turn, now_us);

	ck_assert_uint_gt(n, 0);
	n = n < PACE_SMALL ? n : PACE_SMALL;
	s->sent += n;
	pace_begin(&pace, n, now_us);
	snprintf(order + strlen(order), sizeof(order) - strlen(order), "%d", (int)(s - senders));
	if(s->more)
		ck_assert_uint_eq(pace_ask(&pace, turn, now_us), 0);
}

static void setup(void)
{
	pace = (struct pace){.share = 50, .processes = 1};
	memset(senders, 0, sizeof(senders));
	for(int i = 0; i < SENDERS; i++)
		senders[i].turn.serve = served;
	now_us = T0;
	order[0] = '\0';
}

static int64_t run(bool busy)
{
	return pace_run(&pace, busy, now_us);
}

static void answered_after(int64_t us)
{
	now_us += us;
	pace_end(&pace, PACE_SMALL, now_us);
}

START_TEST(alone_fills_the_window)
{
	struct pace_turn *turn = &senders[0].turn;

	for(size_t under_way = 0; under_way < PACE_WINDOW; under_way += PACE_LARGE) {
		ck_assert_uint_ge(pace_ask(&pace, turn, now_us), PACE_LARGE);
		pace_begin(&pace, PACE_LARGE, now_us);
	}
	ck_assert_uint_eq(pace_ask(&pace, turn, now_us), 0);
	ck_assert(turn->waits);
	ck_assert_int_eq(run(false), -1);
	ck_assert_str_eq(order, "");
	pace_end(&pace, PACE_LARGE, now_us);
	ck_assert_int_eq(run(false), -1);
	ck_assert_str_eq(order, "0");
}
END_TEST

/* One small piece under way, then a rest: half of the time is Redis' own. */
START_TEST(rests_beside_messages)
{
	run(true);
	ck_assert_uint_eq(pace_ask(&pace, &senders[0].turn, now_us), PACE_SMALL);
	pace_begin(&pace, PACE_SMALL, now_us);
	ck_assert_uint_eq(pace_ask(&pace, &senders[1].turn, now_us), 0);
	answered_after(300);
	ck_assert_int_eq(run(true), 300);
	now_us += 299;
	ck_assert_int_eq(run(true), 1);
	ck_assert_str_eq(order, "");
	now_us += 1;
	ck_assert_int_eq(run(true), -1);
	ck_assert_str_eq(order, "1");
}
END_TEST

START_TEST(rests_by_its_share)
{
	static const struct {
		int share, processes;
		int64_t took_us, rest_us;
	} cases[] = {{50, 1, 300, 300}, {25, 1, 300, 900}, {50, 2, 300, 900}, {99, 1, 990, 10},
			{1, 1, 10000, PACE_REST_US}, {50, 16, PACE_REST_US * 10, PACE_REST_US}, {50, 1, 0, -1},
			{50, 1, -100, -1}, {1, 16, INT64_MAX / 2, PACE_REST_US}};

	pace.share = cases[_i].share;
	pace.processes = cases[_i].processes;
	run(true);
	pace_ask(&pace, &senders[0].turn, now_us);
	pace_begin(&pace, PACE_SMALL, now_us);
	answered_after(cases[_i].took_us);
	pace.first = NULL;
	/* Somebody has to wait for there to be an end to wait for. */
	if(cases[_i].rest_us > 0)
		ck_assert_uint_eq(pace_ask(&pace, &senders[1].turn, now_us), 0);
	/* Before a long rest is over octets fall behind the floor. */
	ck_assert_int_eq(run(true), cases[_i].rest_us < PIECE_US ? cases[_i].rest_us : PIECE_US);
}
END_TEST

START_TEST(takes_no_care_at_100_percent)
{
	pace.share = 100;
	run(true);
	ck_assert_uint_ge(pace_ask(&pace, &senders[0].turn, now_us), PACE_WINDOW);
}
END_TEST

/* Redis, or the machine, is so busy that octets would hardly get on: what they are owed goes at once. */
START_TEST(keeps_to_the_floor)
{
	run(true);
	for(int i = 0; i < SENDERS; i++)
		senders[i].more = false;
	pace_ask(&pace, &senders[0].turn, now_us);
	pace_begin(&pace, PACE_SMALL, now_us);
	for(int i = 0; i < SENDERS; i++)
		pace_ask(&pace, &senders[i].turn, now_us);
	/* The answer does not come. */
	ck_assert_int_eq(run(true), PIECE_US);
	now_us += PIECE_US - 1;
	ck_assert_int_eq(run(true), 1);
	ck_assert_str_eq(order, "");
	now_us++;
	run(true);
	ck_assert_uint_ge(senders[0].sent, PACE_SMALL);
	/* Much later more goes at once, up to the window. */
	now_us += 1000000000;
	run(true);
	ck_assert_str_eq(order, "012");
}
END_TEST

/* ... but is not owed for the time when nobody had anything to send. */
START_TEST(owes_nothing_to_nobody)
{
	run(true);
	pace_ask(&pace, &senders[0].turn, now_us);
	pace_begin(&pace, PACE_SMALL, now_us);
	answered_after(100);
	ck_assert_uint_eq(pace_ask(&pace, &senders[0].turn, now_us), 0);
	now_us += 100;
	run(true);
	answered_after(100);
	now_us += 10000000;
	ck_assert_uint_gt(pace_ask(&pace, &senders[1].turn, now_us), 0);
}
END_TEST

START_TEST(gives_everybody_a_turn)
{
	run(true);
	for(int i = 0; i < SENDERS; i++)
		senders[i].more = true;
	pace_ask(&pace, &senders[0].turn, now_us);
	pace_begin(&pace, PACE_SMALL, now_us);
	/* Who comes while others wait lines up behind them. */
	for(int i = 1; i <= SENDERS; i++)
		ck_assert_uint_eq(pace_ask(&pace, &senders[i % SENDERS].turn, now_us), 0);
	for(int i = 0; i < 6; i++) {
		answered_after(100);
		now_us += 100;
		run(true);
	}
	ck_assert_str_eq(order, "120120");
	ck_assert_uint_eq(senders[0].sent, 2 * PACE_SMALL);
}
END_TEST

START_TEST(nobody_jumps_the_line)
{
	run(true);
	pace_ask(&pace, &senders[0].turn, now_us);
	pace_begin(&pace, PACE_SMALL, now_us);
	ck_assert_uint_eq(pace_ask(&pace, &senders[1].turn, now_us), 0);
	answered_after(100);
	now_us += 100;
	/* There is room, but somebody waits for it. */
	ck_assert_uint_eq(pace_ask(&pace, &senders[0].turn, now_us), 0);
	run(true);
	ck_assert_str_eq(order, "1");
}
END_TEST

START_TEST(leaves_the_line)
{
	run(true);
	pace_ask(&pace, &senders[0].turn, now_us);
	pace_begin(&pace, PACE_SMALL, now_us);
	for(int i = 0; i < SENDERS; i++)
		pace_ask(&pace, &senders[i].turn, now_us);
	pace_leave(&pace, &senders[_i].turn);
	pace_leave(&pace, &senders[_i].turn);
	ck_assert(!senders[_i].turn.waits);
	for(int i = 0; i < SENDERS; i++) {
		answered_after(100);
		now_us += 100;
		run(true);
	}
	ck_assert_str_eq(order, _i == 0 ? "12" : _i == 1 ? "02" : "01");
	ck_assert(!pace.first && !pace.last);
	ck_assert_int_eq(run(true), -1);
}
END_TEST

START_TEST(goes_at_full_speed_when_no_more_messages_come)
{
	run(true);
	pace_ask(&pace, &senders[0].turn, now_us);
	pace_begin(&pace, PACE_SMALL, now_us);
	pace_ask(&pace, &senders[1].turn, now_us);
	ck_assert_int_eq(run(false), -1);
	ck_assert_str_eq(order, "1");
}
END_TEST

/* And where a clock was set back. */
START_TEST(does_not_rest_for_ever)
{
	run(true);
	pace_ask(&pace, &senders[0].turn, now_us);
	pace_begin(&pace, PACE_SMALL, now_us);
	answered_after(100);
	now_us -= 100 * PACE_REST_US;
	ck_assert_uint_eq(pace_ask(&pace, &senders[0].turn, now_us), PACE_SMALL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("pace");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, alone_fills_the_window);
	tcase_add_test(t, rests_beside_messages);
	tcase_add_loop_test(t, rests_by_its_share, 0, 9);
	tcase_add_test(t, takes_no_care_at_100_percent);
	tcase_add_test(t, keeps_to_the_floor);
	tcase_add_test(t, owes_nothing_to_nobody);
	tcase_add_test(t, gives_everybody_a_turn);
	tcase_add_test(t, nobody_jumps_the_line);
	tcase_add_loop_test(t, leaves_the_line, 0, SENDERS);
	tcase_add_test(t, goes_at_full_speed_when_no_more_messages_come);
	tcase_add_test(t, does_not_rest_for_ever);
	return unit_run("pace", t);
}
