/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the files of this folder know of one another.
 */
#ifndef CPM_INSIDE_H
#define CPM_INSIDE_H

#include "../core/codec/chunks.h"
#include "../core/codec/msrpbuild.h"
#include "../core/codec/msrpuri.h"
#include "../core/codec/sdp.h"
#include "channel.h"

#define INSIDE_LISTENER 1
#define INSIDE_CHANNEL 2
/* SENDs of ours that wait for their responses; of a leg that converses: a peer that sends at the same time may answer only when it
 * comes to the end of a frame, and what it is sent must go on until then. */
#define LEG_WINDOW 4
#define LEG_WINDOW_MAX 1024

struct listener {
	int kind;
	int fd;
	bool tls, ipv6;
	unsigned port;
	char address[48];
};

struct endpoint {
	const struct endpoint_config *config;
	int epoll;
	int64_t now_ms, sweep_ms;
	struct listener listeners[ENDPOINT_LISTEN_MAX];
	size_t listener_count;
	struct tls_context *tls;
	struct channel *channels, *last_channel;
	struct channel *todo, **todo_end;
	struct channel *dead;
	struct leg **table; /* by session */
	size_t table_size;  /* a power of two */
	struct leg *gone;   /* freed at the end of the turn */
	size_t unbound;     /* accepted channels that never had a leg */
	struct endpoint_statistics statistics;
	char input[ENDPOINT_READ_MAX];
};

/* A message that comes, from its first octet until its last chunk is answered. */
struct incoming {
	struct incoming *next;
	enum intake_state state;
	void *mark;
	struct cpm_chunks *chunks;              /* until it is whole */
	uint64_t total;                         /* then */
	struct cpm_slice message_id, from_path; /* in its own block */
	bool wants_report;
	char tid[CPM_MSRP_TID_MAX]; /* of the chunk that waits for the verdict */
	size_t tid_length;
	enum cpm_msrp_wish wish;
};

/* A message that goes. */
struct outgoing {
	struct outgoing *next;
	enum outgo_state state;
	struct leg_message message;
	char name[CPM_MSRP_ID_LENGTH];
	uint64_t at; /* octets given so far */
	bool asked;
	size_t unanswered; /* chunks of its in the window */
	/* Through relays: what the peer itself has confirmed, and until when the rest is waited for (0:
	 * the next hop has not yet taken all). */
	struct cpm_chunks *reported; /* NULL until one comes */
	int64_t report_due_ms;
};

struct sent_chunk {
	struct outgoing *of;
	char tid[CPM_MSRP_ID_LENGTH];
	uint64_t mark;  /* the channel's count of octets once it is written */
	int64_t due_ms; /* 0: not yet written */
};

struct leg {
	struct endpoint *endpoint;
	struct leg *table_next;
	struct leg *channel_next; /* also in endpoint.gone */
	struct channel *channel;
	enum leg_state state;
	bool tls;
	const struct leg_hooks *hooks;
	void *owner;
	uint64_t max_bytes;
	struct cpm_slice accept_types;
	char session[CPM_MSRP_ID_LENGTH];
	char path[128];
	size_t path_length;
	char *peer_path;
	size_t peer_path_length;
	size_t peer_hops;                         /* URIs in it: the peer, and before it its relays */
	int64_t opened_ms, waiting_ms, active_ms; /* when it was made, began to wait, last had octets */
	char greeting[CPM_MSRP_ID_LENGTH];        /* transaction of our empty SEND */
	bool greeted;                             /* ... which waits for its response */

	bool converses;
	bool enough; /* its owner has, until it resumes */
	struct incoming *incomings;
	uint64_t ended; /* hash of the Message-ID of the message before; 0: none */
	unsigned ended_status;

	struct outgoing *outgoings; /* whose turn it is first */
	bool pumping;
	struct sent_chunk *window;
	size_t window_count, window_size,
			asked; /* asked: messages whose owner was, and has not yet given */
};

void endpoint_log(struct endpoint *e, enum endpoint_log level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
void endpoint_todo(struct endpoint *e, struct channel *c);
void endpoint_watch(struct channel *c, bool read, bool write);
void endpoint_unwatch(struct channel *c);
void endpoint_id(char id[CPM_MSRP_ID_LENGTH]);
struct leg *endpoint_find(const struct endpoint *e, struct cpm_slice session);
void endpoint_count_refusal(struct endpoint *e, unsigned status);

/* leg.c, for channel.c and exchange.c */
void leg_up(struct leg *leg);                        /* its own connection is there */
void leg_called(struct leg *leg, struct channel *c); /* the first request for it */
/* Its relay comes with requests over a connection of the relay's own. */
void leg_move(struct leg *leg, struct channel *c);
void leg_down(struct leg *leg, enum leg_loss why);
void leg_sweep(struct leg *leg, int64_t now_ms);
void leg_release(struct leg *leg);
/* intake.c: octets of the frame that c reads; its end */
size_t intake_count(const struct leg *leg, enum intake_state state);
void intake_release(struct leg *leg);
void intake_octets(struct leg *leg, struct channel *c, struct cpm_slice piece);
void intake_end(struct leg *leg, struct channel *c, char flag);
/* outgo.c */
void outgo_release(struct leg *leg);
void outgo_pump(struct leg *leg);
void outgo_response(struct leg *leg, struct cpm_slice tid, unsigned status);
void outgo_report(struct leg *leg, const struct cpm_msrp_head *head);
void outgo_sweep(struct leg *leg, int64_t now_ms);
void outgo_greet(struct leg *leg);

#endif
