/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Claims: the shards whose turn it is, within the rates and what may be in our
 * hands.
 */
#include "claims.h"

#include <stdlib.h>

#include "../core/queue/turns.h"
#include "../module/context.h"
#include "../module/settings.h"
#include "bucket.h"
#include "due.h"

/* One claim, so that shards take turns; and what a message that comes meanwhile waits for. */
#define CLAIM_ENDS 8
#define CLAIM_TASKS 16
#define CLAIM_BYTES 262144
#define CLAIMS_UNDER_WAY 8
/* The rates let in so much at once. */
#define BURST_MS 250

static struct store *store;
static struct cpm_turn *turns; /* of our shards: the first, and every queue_workers-th after it */
static size_t shard_count;
static unsigned first_shard;
static size_t asking;
static struct cpm_turn_asked under_way; /* of all that is being asked for */
static struct bucket end_rate, task_rate;

bool claims_init(int process, struct store *queue_store)
{
	size_t shards = (size_t)settings.queue_shards, workers = (size_t)settings.queue_workers;

	store = queue_store;
	first_shard = (unsigned)process;
	shard_count = (shards + workers - 1 - (size_t)process) / workers;
	turns = calloc(shard_count + 1, sizeof(*turns));
	return turns != NULL;
}

/* A claim that is under way. */
struct question {
	struct cpm_turn *turn;
	struct cpm_turn_asked asked;
};

static unsigned shard_of(const struct cpm_turn *turn)
{
	return first_shard + (unsigned)(turn - turns) * (unsigned)settings.queue_workers;
}

static void on_claimed(void *context, enum store_rc rc, struct store_claim *owner,
		const struct store_due *due, size_t n, bool more, int64_t next_ms)
{
	struct question q = *(struct question *)context;
	struct cpm_turn_answer answer = {.ok = rc == STORE_OK, .more = more, .next_ms = next_ms};
	int64_t now = now_ms();

	free(context);
	for(size_t i = 0; i < n; i++)
		answer.ends += due_is_end(due[i].kind);
	answer.tasks = n - answer.ends;
	asking--;
	under_way.ends -= q.asked.ends;
	under_way.tasks -= q.asked.tasks;
	bucket_give(&end_rate, q.asked.ends - answer.ends);
	bucket_give(&task_rate, q.asked.tasks - answer.tasks);
	cpm_turn_answered(q.turn, &q.asked, &answer, now);
	due_claimed(shard_of(q.turn), owner, due, n, now);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* So many ends are claimed at once: the rate is spent in portions, since a claim costs what it costs. */
static size_t portion(void)
{
	int64_t burst = (int64_t)settings.expiry_rate * BURST_MS / 1000;

	return burst > CLAIM_ENDS ? CLAIM_ENDS : burst > 1 ? (size_t)burst : 1;
}

static struct cpm_turn_room room_now(void)
{
	struct due_held held = due_held();

	return (struct cpm_turn_room){
			.ends = least(portion(), DUE_ENDS_MAX - held.ends - under_way.ends),
			.tasks = least(least(CLAIM_TASKS, DUE_TASKS_MAX - held.tasks - under_way.tasks),
					bucket_level(&task_rate)),
			.ends_wait_ms = bucket_wait_ms(&end_rate, settings.expiry_rate, portion()),
	};
}

static void shard_ask(struct cpm_turn *turn, int64_t now)
{
	struct cpm_turn_room room = room_now();
	struct cpm_turn_asked asked;
	struct question *q;

	if(!cpm_turns_ask(turns, shard_count, turn, &room, now, &asked) || !(q = malloc(sizeof(*q))))
		return;
	*q = (struct question){turn, asked};
	if(!store_claim(
			   store, shard_of(turn), now, asked.ends, asked.tasks, CLAIM_BYTES, on_claimed, q)) {
		free(q);
		return;
	}
	cpm_turn_asked(turn, &asked, now);
	asking++;
	under_way.ends += asked.ends;
	under_way.tasks += asked.tasks;
	bucket_take(&end_rate, asked.ends);
	bucket_take(&task_rate, asked.tasks);
}

int64_t claims_run(int64_t now)
{
	struct cpm_turn *turn;
	int64_t next = INT64_MAX;

	bucket_fill(&end_rate, settings.expiry_rate, BURST_MS, now);
	bucket_fill(&task_rate, settings.report_rate, BURST_MS, now);
	while(asking < CLAIMS_UNDER_WAY && (turn = cpm_turns_next(turns, shard_count, now, &next)))
		shard_ask(turn, now);
	return next;
}
