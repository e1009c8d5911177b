/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Whose turn it is among the shards that a queue process looks after: when one
 * is asked for what is due, and for how much. After an outage the shard with
 * the oldest end of a message comes first. doc/queue.md has the rules.
 */
#ifndef CPM_TURNS_H
#define CPM_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One shard; {0} has never been asked. */
struct cpm_turn {
	int64_t look_ms;  /* not before */
	int64_t asked_ms; /* when it was last */
	int64_t oldest_ms; /* when its oldest end was due, as far as is known; INT64_MAX: none is due. 0: not looked at yet */
	bool asking;
	bool asking_ends; /* ... for ends of messages as well */
};

/* What may be claimed now: ends of messages, and tasks (reports, notifications and the like). */
struct cpm_turn_room {
	size_t ends, tasks;
	int64_t ends_wait_ms; /* until their rate lets ends in; 0: now */
};

/* What one call asks for, and what came of it. */
struct cpm_turn_asked {
	size_t ends, tasks;
};
struct cpm_turn_answer {
	bool ok; /* false: the store is away */
	size_t ends, tasks;
	bool more;       /* there was no room for all that is due */
	int64_t next_ms; /* when the next falls due; 0: nothing is known to */
};

/* Of those whose time to be looked at has come, the one with the oldest end; NULL: none. *next_ms: when the first of the others
 * wants to be looked at, INT64_MAX when none does. */
struct cpm_turn *cpm_turns_next(struct cpm_turn *turns, size_t n, int64_t now_ms, int64_t *next_ms);

/* What to ask turn, one of the n, for. False: for nothing now, it has been put off. */
bool cpm_turns_ask(struct cpm_turn *turns, size_t n, struct cpm_turn *turn,
		const struct cpm_turn_room *room, int64_t now_ms, struct cpm_turn_asked *asked);
/* The question is under way. */
void cpm_turn_asked(struct cpm_turn *turn, const struct cpm_turn_asked *asked, int64_t now_ms);
/* Its answer: when the shard is looked at again. */
void cpm_turn_answered(struct cpm_turn *turn, const struct cpm_turn_asked *asked,
		const struct cpm_turn_answer *answer, int64_t now_ms);

#endif
