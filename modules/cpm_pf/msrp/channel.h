/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One connection of the endpoint, over TCP or TLS: octets in, octets out, and
 * the legs that it serves. Internal to this folder.
 */
#ifndef CPM_CHANNEL_H
#define CPM_CHANNEL_H

#include "leg.h"
#include "tls.h"

enum channel_stage { CHANNEL_CONNECTING, CHANNEL_SHAKING, CHANNEL_OPEN, CHANNEL_DEAD };

struct incoming;

/* The frame that is being read. */
struct exchange {
	struct leg *leg; /* whose body it is; NULL: nobody's */
	struct incoming *
			message; /* ... and of which message; NULL before its first octet, or when it is of no use any more */
	bool started;       /* its first octet has been dealt with */
	bool answered;      /* there is no more to say; the rest is discarded */
	unsigned status;    /* to be said at its end */
	uint64_t at;        /* where the next octet of the body belongs */
	uint64_t discarded; /* octets that nobody wants */
};

struct channel {
	int kind; /* first, as in struct listener: what an event is about */
	struct endpoint *endpoint;
	struct channel *previous, *next; /* all of them, the oldest first */
	struct channel *todo;            /* what has something to do in this turn */
	bool in_todo;
	int fd;
	bool tls, dialled;
	struct tls_session *session;
	enum channel_stage stage;
	bool watched;    /* is in the epoll set */
	unsigned events; /* asked for there */
	size_t paused;   /* legs whose owners have enough */
	bool retry;   /* read without being asked to: octets may be there that epoll does not know of */
	bool closing; /* serves no leg any more: flush, then close */
	bool shut;    /* ... and all is flushed: the peer closes, or time does */
	bool overflow; /* more waits to be written than may */
	bool starving; /* TLS cannot read before it has written, or the reverse */
	struct cpm_msrp_reader reader;
	struct exchange exchange;
	bool stopped; /* somebody had enough in the middle of what was read: the reader has more to tell, and these octets are left */
	char *kept;
	size_t kept_n;
	char *head; /* max_head octets for the reader */
	char *out;
	size_t out_at, out_end, out_size;
	uint64_t queued, written; /* octets since the start */
	int64_t opened_ms, head_ms, read_ms, write_ms,
			closing_ms; /* head_ms: 0 when no head is begun */
	unsigned errors;    /* requests refused while it has no leg */
	struct leg *legs;
	char peer[56]; /* for the log */
};

/* Takes the descriptor. NULL without memory; it is closed then. */
struct channel *channel_accept(struct endpoint *e, int fd, bool tls, const char *peer);
/* NULL when it cannot even be tried. name: what the peer's certificate must be for. */
struct channel *channel_dial(struct endpoint *e, struct cpm_slice address, unsigned port, bool tls,
		struct cpm_slice name);
/* Something happened in epoll. */
void channel_event(struct channel *c, unsigned events);
/* A turn for what waits in todo. */
void channel_turn(struct channel *c);
/* What time does to it. */
void channel_sweep(struct channel *c, int64_t now_ms);

/* Appends octets to be written. Past ENDPOINT_OUT_MAX for each of its legs the connection fails. */
void channel_queue(struct channel *c, struct cpm_slice octets);
size_t channel_unwritten(const struct channel *c);
/* The owner of a leg of its has enough, or has room again. It is read while none of them has enough. */
void channel_pause(struct channel *c, struct leg *leg);
void channel_resume(struct channel *c, struct leg *leg);

void channel_attach(struct channel *c, struct leg *leg);
/* Closes it once all is written, when no leg is left. */
void channel_detach(struct channel *c, struct leg *leg);
/* Closes it now and tells its legs. It is freed at the end of the turn. */
void channel_fail(struct channel *c, enum leg_loss why, const char *reason);
/* Without a word to anybody. */
void channel_free(struct channel *c);

/* exchange.c: frames of a connection to legs, and answers. What is left when somebody has enough: then the channel is stopped. */
struct cpm_slice exchange_take(struct channel *c, struct cpm_slice octets);
/* Answers the request that is being read, if it wants that answer; what is left of it is
 * discarded. */
void exchange_answer(struct channel *c, unsigned status);

#endif
