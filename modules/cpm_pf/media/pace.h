/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Who may hand octets of large messages to Redis, how many, and when. Pure: the
 * clock is passed in.
 *
 * Alone, octets go as fast as Redis takes them, PACE_WINDOW under way. While
 * messages are being stored, octets are background work, as each of their pieces
 * keeps Redis from the others for the time of its fsync: one small piece is
 * under way at a time, and between two of them Redis is left alone, so that
 * octets have `share` percent of its time. What falls short of PACE_FLOOR that
 * way, as Redis or the machine is busy, goes in larger pieces: senders do not
 * wait for ever. They wait in line, a piece each turn.
 */
#ifndef CPM_PACE_H
#define CPM_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of all sessions under way. */
#define PACE_WINDOW (1u << 20)
/* In a piece beside messages that are being stored: its fsync is hardly longer than theirs. */
#define PACE_SMALL 16384u
/* In one that makes up for lost time. */
#define PACE_LARGE 65536u
/* Octets a second of all sessions, at least, whatever else happens. */
#define PACE_FLOOR (8u << 20)
/* The longest rest. */
#define PACE_REST_US 20000
/* Messages are being stored: the last one came so long ago at most. */
#define PACE_BUSY_MS 1000

struct pace_turn {
	struct pace_turn *next;
	bool waits;
	/* Its turn: pace_ask will let it go once. May free the turn. */
	void (*serve)(struct pace_turn *turn);
};

/* Starts as {share, processes}. */
struct pace {
	int share; /* percent of Redis' time, 100: no care is taken; of all processes that pace octets */
	int processes; /* ... which are so many */
	bool busy;     /* messages are being stored */
	size_t under_way, pieces;
	int64_t began_us;      /* the last piece */
	int64_t rest_us;       /* until then nothing goes while busy, but for what is owed */
	int64_t owed, owed_us; /* octets by which we are behind the floor, and when that was */
	struct pace_turn *first, *last, *served;
};

/* How many octets may go in one piece now; 0: it has been lined up. */
size_t pace_ask(struct pace *p, struct pace_turn *turn, int64_t now_us);
/* Its turn is wanted no more. */
void pace_leave(struct pace *p, struct pace_turn *turn);

/* A piece went; it was answered, or never will be. octets: what it counts for, the same in both. */
void pace_begin(struct pace *p, size_t octets, int64_t now_us);
void pace_end(struct pace *p, size_t octets, int64_t now_us);

/* Serves those that wait while they may go. Returns in how many microseconds somebody may go without an answer, -1: nobody. */
int64_t pace_run(struct pace *p, bool busy, int64_t now_us);

#endif
