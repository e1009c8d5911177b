/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/queue/turns.c.
 */
#include "unit.h"

#include "core/queue/turns.h"

#define NOW 1000000

static struct cpm_turn turns[3];
static const struct cpm_turn_room room = {.ends = 32, .tasks = 16};

static void setup(void)
{
	memset(turns, 0, sizeof(turns));
}

/* Asks the shard whose turn it is at now; -1: none. What it was asked for is in *asked. */
static int ask(int64_t now, const struct cpm_turn_room *r, struct cpm_turn_asked *asked)
{
	int64_t next;
	struct cpm_turn *t = cpm_turns_next(turns, UNIT_COUNT(turns), now, &next);

	if(!t || !cpm_turns_ask(turns, UNIT_COUNT(turns), t, r, now, asked))
		return -1;
	cpm_turn_asked(t, asked, now);
	return (int)(t - turns);
}

static void answer(
		int shard, const struct cpm_turn_asked *asked, struct cpm_turn_answer a, int64_t now)
{
	a.ok = true;
	cpm_turn_answered(&turns[shard], asked, &a, now);
}

/* The first look at each shard: how old its oldest end is; 0: it has none. */
static void look_at_all(int64_t now, const int64_t oldest[3])
{
	struct cpm_turn_asked asked[3];
	int shard[3];

	for(size_t i = 0; i < 3; i++) {
		shard[i] = ask(now, &room, &asked[i]);
		ck_assert_int_ge(shard[i], 0);
		ck_assert_uint_eq(asked[i].ends, 0);
	}
	for(size_t i = 0; i < 3; i++)
		answer(shard[i], &asked[i],
				(struct cpm_turn_answer){.next_ms = oldest[shard[i]], .more = oldest[shard[i]] > 0},
				now);
}

START_TEST(looks_at_an_idle_shard_once_a_second)
{
	struct cpm_turn_asked asked;
	int64_t next;

	look_at_all(NOW, (int64_t[]){0, 0, 0});
	ck_assert_int_eq(ask(NOW + 999, &room, &asked), -1);
	cpm_turns_next(turns, 3, NOW + 999, &next);
	ck_assert_int_eq(next, NOW + 1000);
	for(int i = 0; i < 3; i++) {
		ck_assert_int_ge(ask(NOW + 1000, &room, &asked), 0);
		ck_assert_uint_eq(asked.ends, 32);
		ck_assert_uint_eq(asked.tasks, 16);
	}
	ck_assert_int_eq(ask(NOW + 1000, &room, &asked), -1);
}
END_TEST

START_TEST(asks_the_oldest_first_after_an_outage)
{
	struct cpm_turn_asked asked;

	look_at_all(NOW, (int64_t[]){NOW - 100, NOW - 3000, NOW - 2000});
	ck_assert_int_eq(ask(NOW + 50, &room, &asked), 1);
	ck_assert_uint_eq(asked.ends, 32);
	/* While it is asked, the next oldest has its turn. */
	ck_assert_int_eq(ask(NOW + 50, &room, &asked), 2);
	ck_assert_uint_eq(asked.ends, 32);
}
END_TEST

/* Ends of a younger shard wait until the older one's are claimed, its tasks do not. */
START_TEST(asks_a_younger_shard_for_tasks_alone)
{
	struct cpm_turn_asked asked;
	struct cpm_turn_room r = room;

	look_at_all(NOW, (int64_t[]){NOW - 100, NOW - 3000, 0});
	turns[1].look_ms = NOW + 5000;
	ck_assert(!cpm_turns_ask(turns, 3, &turns[0], &r, NOW + 50, &asked));
	ck_assert(cpm_turns_ask(turns, 3, &turns[0], &r, NOW + 250, &asked));
	ck_assert_uint_eq(asked.ends, 0);
	ck_assert_uint_eq(asked.tasks, 16);
}
END_TEST

START_TEST(comes_back_at_once_while_there_is_more)
{
	struct cpm_turn_asked asked;
	int shard;

	look_at_all(NOW, (int64_t[]){NOW - 500, 0, 0});
	shard = ask(NOW + 50, &room, &asked);
	ck_assert_int_eq(shard, 0);
	answer(shard, &asked, (struct cpm_turn_answer){.ends = 32, .more = true, .next_ms = NOW - 400},
			NOW + 60);
	ck_assert_int_eq(turns[0].oldest_ms, NOW - 400);
	ck_assert_int_eq(ask(NOW + 60, &room, &asked), 0);
	/* Nothing is left. */
	answer(0, &asked, (struct cpm_turn_answer){.ends = 3}, NOW + 70);
	ck_assert_int_eq(turns[0].oldest_ms, INT64_MAX);
	ck_assert_int_eq(turns[0].look_ms, NOW + 1070);
}
END_TEST

START_TEST(looks_when_something_falls_due)
{
	struct cpm_turn_asked asked;
	int64_t next;

	look_at_all(NOW, (int64_t[]){0, 0, NOW + 300});
	ck_assert_int_eq(ask(NOW + 299, &room, &asked), -1);
	cpm_turns_next(turns, 3, NOW + 299, &next);
	ck_assert_int_eq(next, NOW + 300);
	ck_assert_int_eq(ask(NOW + 300, &room, &asked), 2);
}
END_TEST

START_TEST(keeps_ends_to_their_rate)
{
	struct cpm_turn_room held = {.ends = 32, .tasks = 16, .ends_wait_ms = 700};
	struct cpm_turn_asked asked;
	int64_t next;

	look_at_all(NOW, (int64_t[]){NOW - 500, 0, 0});
	/* Tasks were asked for a moment ago: it waits for its rate. */
	ck_assert_int_eq(ask(NOW + 50, &held, &asked), -1);
	ck_assert_int_eq(turns[0].look_ms, NOW + 750);
	/* Later tasks are asked for alone; of ends that are due it tells nothing new. */
	turns[0].look_ms = 0;
	ck_assert_int_eq(ask(NOW + 300, &held, &asked), 0);
	ck_assert_uint_eq(asked.ends, 0);
	answer(0, &asked, (struct cpm_turn_answer){.more = true, .next_ms = NOW - 500}, NOW + 310);
	ck_assert_int_eq(turns[0].oldest_ms, NOW - 500);
	ck_assert_int_eq(turns[0].look_ms, NOW + 360);
	cpm_turns_next(turns, 3, NOW + 310, &next);
	ck_assert_int_eq(next, NOW + 360);
}
END_TEST

/* A store that is away is not asked at full speed, and what it knew is forgotten. */
START_TEST(leaves_a_store_alone_that_is_away)
{
	struct cpm_turn_asked asked;
	struct cpm_turn_answer away = {.ok = false, .next_ms = 1};

	look_at_all(NOW, (int64_t[]){NOW - 500, 0, 0});
	ck_assert_int_eq(ask(NOW + 50, &room, &asked), 0);
	cpm_turn_answered(&turns[0], &asked, &away, NOW + 60);
	ck_assert_int_eq(turns[0].oldest_ms, INT64_MAX);
	ck_assert_int_eq(turns[0].look_ms, NOW + 1060);
	ck_assert_int_eq(ask(NOW + 500, &room, &asked), -1);
}
END_TEST

/* A thousand shards of which all have old ends: each is asked before one is asked again. */
START_TEST(lets_nobody_starve)
{
	struct cpm_turn many[1000] = {{0}};
	struct cpm_turn_asked asked;
	struct cpm_turn_answer one = {.ok = true, .ends = 32, .more = true, .next_ms = NOW - 10};
	int count[1000] = {0};
	int64_t next;

	for(size_t i = 0; i < UNIT_COUNT(many); i++)
		many[i] = (struct cpm_turn){.asked_ms = NOW - 1000, .oldest_ms = NOW - 10};
	for(int i = 0; i < 3000; i++) {
		struct cpm_turn *t = cpm_turns_next(many, UNIT_COUNT(many), NOW + i, &next);
		ck_assert_ptr_nonnull(t);
		ck_assert(cpm_turns_ask(many, UNIT_COUNT(many), t, &room, NOW + i, &asked));
		cpm_turn_asked(t, &asked, NOW + i);
		cpm_turn_answered(t, &asked, &one, NOW + i);
		count[t - many]++;
	}
	for(size_t i = 0; i < UNIT_COUNT(many); i++)
		ck_assert_int_eq(count[i], 3);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("turns");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, looks_at_an_idle_shard_once_a_second);
	tcase_add_test(t, asks_the_oldest_first_after_an_outage);
	tcase_add_test(t, asks_a_younger_shard_for_tasks_alone);
	tcase_add_test(t, comes_back_at_once_while_there_is_more);
	tcase_add_test(t, looks_when_something_falls_due);
	tcase_add_test(t, keeps_ends_to_their_rate);
	tcase_add_test(t, leaves_a_store_alone_that_is_away);
	tcase_add_test(t, lets_nobody_starve);
	return unit_run("turns", t);
}
