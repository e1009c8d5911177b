/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One MSRP session of ours with a peer. It takes messages from the peer, or
 * sends messages to it; octets go through hooks with back-pressure both ways.
 * RFC 4975 sections 5 and 7, RFC 6135.
 */
#ifndef CPM_LEG_H
#define CPM_LEG_H

#include "endpoint.h"
#include "state.h"

struct leg;

enum leg_loss {
	LEG_LOST_REFUSED, /* our connection did not come about */
	LEG_LOST_ABSENT,  /* the peer did not connect in time */
	LEG_LOST_CLOSED,  /* the connection was closed */
	LEG_LOST_BROKEN,  /* the peer does not speak MSRP, or breaks a limit */
	LEG_LOST_IDLE,    /* nothing came, or nothing was taken, for too long */
	LEG_LOST_EXPIRED, /* life_ms is over */
};

/* Any hook may be NULL; the leg may be closed in each of them. Slices are valid during the call. mark: the owner's name of the
 * message that a hook is about. */
struct leg_hooks {
	/* The leg has its connection: leg_send will have its effect at once. */
	void (*bound)(void *owner, struct leg *leg);
	/* The first octets of a message. 0: go on, *mark (NULL before) names it from now on; else the status of the answer. NULL: 403. */
	unsigned (*begin)(void *owner, struct leg *leg, const struct cpm_msrp_head *head, void **mark);
	/* Octets at an offset from 0; later ones replace earlier ones. False: enough for now, until
	 * leg_resume (of a leg that does not converse: or the end of the message). */
	bool (*octets)(void *owner, struct leg *leg, void *mark, uint64_t at, struct cpm_slice piece);
	/* All octets have been handed out. The owner makes them safe and calls leg_verdict, now or
	 * later: the response waits for it. */
	void (*complete)(void *owner, struct leg *leg, void *mark, uint64_t total);
	/* The message that was begun comes to nothing: its sender gave it up, or it broke a limit. */
	void (*aborted)(void *owner, struct leg *leg, void *mark);
	/* At most n octets of a message that is sent are wanted, from an offset: leg_give, now or
	 * later. */
	void (*want)(void *owner, struct leg *leg, void *mark, uint64_t at, size_t n);
	/* The message that was sent has ended: 200 when the peer has it, else the peer's status (or a
	 * relay's), or 408 when it did not answer. It has it when every chunk was answered 200, and
	 * through relays, whose 200 is their own, when its success report covers the whole message. */
	void (*sent)(void *owner, struct leg *leg, void *mark, unsigned status);
	/* The leg is gone after this call. Messages begun, or not yet confirmed, come to nothing. */
	void (*lost)(void *owner, struct leg *leg, enum leg_loss why);
};

/* Of a leg that converses, each way: messages under way, and of those that come those that are not yet whole (their chunks may be
 * interleaved). One more is answered 413, or leg_send says false. */
#define LEG_MESSAGES_MAX 512
#define LEG_TAKING_MAX 4

struct leg_config {
	bool tls, ipv6;                /* which of our addresses it is reached at */
	uint64_t max_bytes;            /* of a message that is taken; more: 413 */
	struct cpm_slice accept_types; /* as in a=accept-types; others: 415. Must outlive the leg */
	/* Many messages each way, LEG_MESSAGES_MAX under way at once, and silence between them: it is idle only in the middle of a
	 * message that comes, and lives until it is closed. Else one message at a time, idle_ms and life_ms. */
	bool converses;
	const struct leg_hooks *hooks;
	void *owner;
};

/* NULL at max_legs, without memory, or without such a listener. */
struct leg *leg_open(struct endpoint *e, const struct leg_config *config);
/* From now on it is another's. */
void leg_hand_over(struct leg *leg, const struct leg_hooks *hooks, void *owner);
/* Our URI, for a=path. Borrows from the leg. */
struct cpm_slice leg_path(const struct leg *leg);
enum leg_state leg_state(const struct leg *leg);
/* The peer is behind a relay: responses are the relay's, and only reports are the peer's. */
bool leg_relayed(const struct leg *leg);

/* The peer's path (To-Path of what we send) is known, and it will connect, or the relay that is the
 * path's first URI will. May come after the peer has connected. False when the path is none, has
 * more than CPM_MSRP_PATH_MAX URIs, or without memory. */
bool leg_listen(struct leg *leg, struct cpm_slice peer_path);
/* The peer's path is known, and we connect, to it or to its relay: to address (numeric, without brackets) and port. False
 * when they are none, or the connection cannot even be tried. */
bool leg_dial(struct leg *leg, struct cpm_slice peer_path, struct cpm_slice address, unsigned port);

/* Its connection is not read at present: its owner has enough, or another's that shares it. */
bool leg_paused(const struct leg *leg);
/* Both have one connection: who does not read the one does not read the other. */
bool leg_shares(const struct leg *one, const struct leg *other);
/* The owner has enough, as when its hook says so: also in the bound hook, before the first octet. Nothing while it has no connection. */
void leg_pause(struct leg *leg);
/* The owner has room again. */
void leg_resume(struct leg *leg);
/* What became of a complete message. 200: safe; the sender gets its response, and the report that
 * it asked for. Else the status of the response. */
void leg_verdict(struct leg *leg, void *mark, unsigned status);
/* The owner can take no more of a message that comes: its sender hears the status now when a chunk is being read, else with its
 * next one; what is left of the message is answered so as well. No `aborted` comes. */
void leg_refuse(struct leg *leg, void *mark, unsigned status);

/* A message to send. content_type must outlive it. */
struct leg_message {
	struct cpm_slice content_type;
	struct cpm_slice headers; /* further MIME headers, complete lines with CRLF; likewise */
	uint64_t total;           /* octets */
	bool total_known;         /* false: leg_give says which piece is the last */
	void *mark;
};
/* Begins sending, as soon as the leg is bound. False when as many are under way as may be, or without memory. */
bool leg_send(struct leg *leg, const struct leg_message *message);
/* The octets that were wanted, at least one (or none at all, when last, of an empty message). */
void leg_give(struct leg *leg, void *mark, struct cpm_slice piece, bool last);
/* Every octet of that message is on its way: only responses and reports are awaited. */
bool leg_all_given(const struct leg *leg, const void *mark);
/* Gives the message up: tells the peer by '#'. No `sent` comes. */
void leg_abort(struct leg *leg, void *mark);

/* No hook comes any more. The connection is closed once it serves no leg and all is written. */
void leg_close(struct leg **leg);

const char *leg_loss_name(enum leg_loss why);

#endif
