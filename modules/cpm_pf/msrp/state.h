/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The states of an MSRP session (a leg), and of the message that it takes or
 * sends, as tables. An event that a table does not list for a state changes
 * nothing. RFC 4975 sections 5 and 7, RFC 6135.
 */
#ifndef CPM_STATE_H
#define CPM_STATE_H

enum leg_state {
	LEG_IDLE,    /* made; who connects is not yet known */
	LEG_AWAITED, /* the peer connects */
	LEG_DIALLED, /* we connect */
	LEG_BOUND,   /* belongs to one connection */
	LEG_GONE,
	LEG_STATES,
};

enum leg_event {
	LEG_LISTEN, /* the owner: the peer connects */
	LEG_DIAL,   /* the owner: we connect */
	LEG_UP,     /* our connection is there */
	LEG_CALLED, /* the first request for this session came */
	LEG_DOWN,   /* the connection is lost, or does not come about */
	LEG_LATE,   /* a time-out */
	LEG_CLOSE,  /* the owner */
	LEG_EVENTS,
};

enum leg_step {
	LEG_NOTHING,
	LEG_WAIT, /* start the clock for the peer's connection */
	LEG_CONNECT,
	LEG_GREET,   /* an empty SEND, then tell the owner that the leg is bound */
	LEG_WELCOME, /* tell the owner that the leg is bound */
	LEG_LOSE,    /* tell the owner why it is lost, then free */
	LEG_FREE,
};

enum leg_step leg_next(enum leg_state *state, enum leg_event event);

/* The message that comes. */
enum intake_state { INTAKE_NONE, INTAKE_TAKING, INTAKE_WHOLE, INTAKE_STATES };
enum intake_event {
	INTAKE_BEGIN,    /* octets of a new message */
	INTAKE_MORE,     /* octets of the same message */
	INTAKE_COMPLETE, /* nothing is missing any more */
	INTAKE_VERDICT,  /* the owner has made it safe, or not */
	INTAKE_ABORT,    /* the sender gives it up, or we refuse it */
	INTAKE_EVENTS,
};
enum intake_step {
	INTAKE_NOTHING,
	INTAKE_OPEN,
	INTAKE_TAKE,
	INTAKE_HAND_OVER,
	INTAKE_ANSWER,
	INTAKE_DISCARD
};
enum intake_step intake_next(enum intake_state *state, enum intake_event event);

/* The message that goes. */
enum outgo_state { OUTGO_NONE, OUTGO_SENDING, OUTGO_CONFIRMING, OUTGO_STATES };
enum outgo_event {
	OUTGO_BEGIN,     /* the owner has a message */
	OUTGO_LAST,      /* its last octet is on the way */
	OUTGO_CONFIRMED, /* every chunk has its 200 */
	OUTGO_REFUSED,   /* a chunk was refused or not answered, or the owner gives it up */
	OUTGO_EVENTS,
};
enum outgo_step { OUTGO_NOTHING, OUTGO_START, OUTGO_WATCH, OUTGO_SUCCEED, OUTGO_FAIL };
enum outgo_step outgo_next(enum outgo_state *state, enum outgo_event event);

const char *leg_state_name(enum leg_state state);

#endif
