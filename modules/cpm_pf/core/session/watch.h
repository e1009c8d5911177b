/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The states of a subscription to one user's documents, made as long as
 * somebody wants to hear of their changes. Each period is a subscription of its
 * own, begun before the last one ends: what both of them report does no harm.
 * RFC 5875, RFC 6665; companion section 8.6.
 */
#ifndef CPM_SESSION_WATCH_H
#define CPM_SESSION_WATCH_H

enum cpm_watch_state {
	CPM_WATCH_NEW,
	CPM_WATCH_ASKING, /* the SUBSCRIBE is under way */
	CPM_WATCH_ACTIVE,
	CPM_WATCH_RESTING, /* it was refused, or not answered: not asked again for a while */
	CPM_WATCH_OVER,    /* to be forgotten */
	CPM_WATCH_STATES,
};

enum cpm_watch_event {
	CPM_WATCH_BEGIN,
	CPM_WATCH_ACCEPTED,
	CPM_WATCH_REFUSED,
	CPM_WATCH_TIME_WANTED,   /* the state's time is over, and somebody wanted to know meanwhile */
	CPM_WATCH_TIME_UNWANTED, /* it is over, and nobody did */
	CPM_WATCH_EVENTS,
};

enum cpm_watch_step {
	CPM_WATCH_NOTHING,
	CPM_WATCH_SUBSCRIBE, /* send it, and set the clock for its answer */
	CPM_WATCH_REFRESH,   /* set the clock before the subscription ends */
	CPM_WATCH_REST,      /* set the clock for the next try */
	CPM_WATCH_FORGET,
};

/* Moves *state on; what is to be done. A pair that is not listed changes nothing. */
enum cpm_watch_step cpm_watch_next(enum cpm_watch_state *state, enum cpm_watch_event event);

#endif
