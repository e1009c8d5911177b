/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Messages on their way from one MSRP leg to another, several at once: octets of
 * each in order, with back-pressure; the sender's last SEND gets its response
 * when the far side has confirmed the message, or said why it does not take it.
 *
 * Memory of one lane: LANE_MEMORY at most, and none while nothing is said.
 */
#ifndef CPM_LANE_H
#define CPM_LANE_H

#include "../msrp/leg.h"

#define LANE_MEMORY (1024u * 1024)

struct lane;

/* Who looks on: for a record of what is said. Any may be NULL. Trouble of its stops nothing. */
struct lane_watch {
	/* A message begins; total: octets, 0 when unknown. NULL: it is not watched, and no other hook comes for it. */
	void *(*begin)(
			void *watcher, const struct cpm_msrp_head *head, uint64_t total, struct lane *lane);
	/* Octets, in order, each once. False: no more at present, until lane_go_on. */
	bool (*octets)(void *watcher, void *watched, uint64_t at, struct cpm_slice octets);
	/* It has arrived, total octets of it (200), or has not. */
	void (*ended)(void *watcher, void *watched, unsigned status, uint64_t total);
};

struct passage;

struct lane {
	struct leg *from, *to; /* NULL: not there (any more) */
	struct lane *back;     /* the other direction */
	const struct lane_watch *watch;
	void *watcher;
	struct passage *passages;          /* the oldest first */
	size_t count;                      /* of them */
	size_t memory;                     /* octets of their buffers */
	bool paused;                       /* from is not read */
	uint64_t messages, failed, octets; /* that have arrived, or not */
};

/* Hooks of from, called with the lane; *mark and mark are the passage. */
unsigned lane_begin(struct lane *l, const struct cpm_msrp_head *head, void **mark);
bool lane_octets(struct lane *l, void *mark, uint64_t at, struct cpm_slice piece);
void lane_complete(struct lane *l, void *mark);
void lane_aborted(struct lane *l, void *mark);
/* Hooks of to. */
void lane_want(struct lane *l, void *mark, size_t n);
void lane_sent(struct lane *l, void *mark, unsigned status);

/* The watcher takes octets of this message again. */
void lane_go_on(struct lane *l, const void *watched);
/* The near side is gone: what it has not said to the end comes to nothing. */
void lane_cut(struct lane *l);
/* All that is under way comes to nothing; both sides are told, as far as they are there. */
void lane_clear(struct lane *l);

#endif
