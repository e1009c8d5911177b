/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The states of pushing one user's deferred messages, as a table.
 * doc/queue.md draws it. The norm's 8.3.1.6.2.
 */
#ifndef CPM_PUSH_H
#define CPM_PUSH_H

#include <stdbool.h>

enum cpm_push_state {
	CPM_PUSH_RESTING,  /* waits for its time or a trigger */
	CPM_PUSH_READY,    /* waits for its turn */
	CPM_PUSH_CHECKING, /* are the documents at hand, is do-not-disturb off, is there a client? */
	CPM_PUSH_RUNNING,  /* holds or asks for the lease, sends, records answers */
	CPM_PUSH_STATES,
};

enum cpm_push_event {
	CPM_PUSH_TRIGGER,   /* a client registered, a script or an operator asked */
	CPM_PUSH_TIME,      /* the time it waited for has come */
	CPM_PUSH_TURN,      /* fewer than push_parallel others are under way */
	CPM_PUSH_CLEAR,     /* nothing stands against pushing */
	CPM_PUSH_NOT_NOW,   /* do-not-disturb, or no documents: look again later */
	CPM_PUSH_NO_CLIENT, /* no suitable client is registered */
	CPM_PUSH_EMPTY,     /* nothing is left to hand out and nothing is in flight */
	CPM_PUSH_LATER, /* the lease is another's, the store is away, the client is gone, or a retry is due later */
	CPM_PUSH_EVENTS,
};

enum cpm_push_step {
	CPM_PUSH_NOTHING,
	CPM_PUSH_QUEUE, /* line up for a turn */
	CPM_PUSH_CHECK,
	CPM_PUSH_FETCH,    /* take the lease and the first messages */
	CPM_PUSH_REST,     /* give the turn back and set the clock */
	CPM_PUSH_END,      /* give the turn back and forget the user */
	CPM_PUSH_REMEMBER, /* start anew once this run has ended */
};

/* The step for an event; moves *state. An event that the table does not list for the state changes nothing and gives
 * CPM_PUSH_NOTHING. */
enum cpm_push_step cpm_push_next(enum cpm_push_state *state, enum cpm_push_event event);

const char *cpm_push_state_name(enum cpm_push_state state);

#endif
