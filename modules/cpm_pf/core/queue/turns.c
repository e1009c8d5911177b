/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Turns of the shards.
 */
#include "turns.h"

/* A shard in which nothing is known to fall due is looked at this often. */
#define LOOK_MS 1000
#define LOOK_MIN_MS 20
/* While ends are held up by their rate, tasks alone are asked for this often. */
#define TASKS_LOOK_MS 250
/* A shard in which only such things are due as are held up by their rate. */
#define RATE_LOOK_MS 50
/* When the store is away. */
#define TROUBLE_MS 1000

struct cpm_turn *cpm_turns_next(struct cpm_turn *turns, size_t n, int64_t now_ms, int64_t *next_ms)
{
	struct cpm_turn *best = NULL;

	*next_ms = INT64_MAX;
	for(struct cpm_turn *t = turns; t < turns + n; t++) {
		if(t->asking)
			continue;
		if(t->look_ms > now_ms)
			*next_ms = t->look_ms < *next_ms ? t->look_ms : *next_ms;
		else if(!best || t->oldest_ms < best->oldest_ms
				|| (t->oldest_ms == best->oldest_ms && t->asked_ms < best->asked_ms))
			best = t;
	}
	return best;
}

/* Has another shard an older end, or is it not yet known? Then its turn comes first. */
static bool older_elsewhere(
		const struct cpm_turn *turns, size_t n, const struct cpm_turn *turn, int64_t now_ms)
{
	for(const struct cpm_turn *t = turns; t < turns + n; t++) {
		if(t->oldest_ms < turn->oldest_ms && t->oldest_ms <= now_ms && !t->asking_ends)
			return true;
	}
	return false;
}

bool cpm_turns_ask(struct cpm_turn *turns, size_t n, struct cpm_turn *turn,
		const struct cpm_turn_room *room, int64_t now_ms, struct cpm_turn_asked *asked)
{
	/* The first look only tells how old its oldest is, so that after an outage the oldest of all comes first. */
	bool first = !turn->asked_ms;

	*asked = (struct cpm_turn_asked){room->ends, room->tasks};
	if(room->ends_wait_ms > 0 || first || older_elsewhere(turns, n, turn, now_ms))
		asked->ends = 0;
	if(!asked->ends && (!asked->tasks || (!first && now_ms - turn->asked_ms < TASKS_LOOK_MS))) {
		turn->look_ms = now_ms + (room->ends_wait_ms > 0 ? room->ends_wait_ms : LOOK_MIN_MS / 4);
		return false;
	}
	turn->look_ms = now_ms + LOOK_MIN_MS;
	return true;
}

void cpm_turn_asked(struct cpm_turn *turn, const struct cpm_turn_asked *asked, int64_t now_ms)
{
	turn->asking = true;
	turn->asking_ends = asked->ends > 0;
	turn->asked_ms = now_ms;
}

/* Does the answer tell how old the oldest end is that is left? All that was asked for: there may be more, not older than what is due
 * next. A look that asked for none tells the first time only. */
static bool tells_oldest(const struct cpm_turn *turn, const struct cpm_turn_asked *asked,
		const struct cpm_turn_answer *answer)
{
	if(!asked->ends)
		return !turn->oldest_ms;
	return answer->ends == asked->ends || (answer->more && answer->ends);
}

void cpm_turn_answered(struct cpm_turn *turn, const struct cpm_turn_asked *asked,
		const struct cpm_turn_answer *answer, int64_t now_ms)
{
	bool half = !asked->ends || !asked->tasks; /* not all that may be due was asked for */

	turn->asking = turn->asking_ends = false;
	if(tells_oldest(turn, asked, answer))
		turn->oldest_ms = answer->next_ms ? answer->next_ms : INT64_MAX;
	else if(asked->ends || !answer->ok)
		turn->oldest_ms = INT64_MAX;
	turn->look_ms = now_ms + (answer->ok ? LOOK_MS : TROUBLE_MS);
	if(!answer->ok || !answer->next_ms || answer->next_ms >= turn->look_ms)
		return;
	if(answer->next_ms > now_ms + LOOK_MIN_MS)
		turn->look_ms = answer->next_ms;
	else if(half && !answer->ends && !answer->tasks)
		/* What is due is held up by its rate. */
		turn->look_ms = now_ms + RATE_LOOK_MS;
	else
		turn->look_ms = now_ms + (answer->more ? 0 : LOOK_MIN_MS);
}
