/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One command for a server, in one piece of memory with its wire form, which
 * stays until the command is answered: so it can be sent again. And a queue of
 * them.
 */
#ifndef CPM_COMMAND_H
#define CPM_COMMAND_H

#include "store.h"

enum command_kind {
	COMMAND_PUT,
	COMMAND_NEXT,
	COMMAND_CLAIM,
	COMMAND_SETTLE,
	COMMAND_REPORT,
	COMMAND_NOTIFY,
	COMMAND_LIST,
	COMMAND_MANAGE,
	COMMAND_PIECE,
	COMMAND_SEAL,
	COMMAND_OCTETS,
	COMMAND_UNSTAGE,
	COMMAND_MARK,
	COMMAND_ROOM,
	COMMAND_ASKED = COMMAND_ROOM, /* somebody waits for those up to here */
	COMMAND_LOAD,                 /* SCRIPT LOAD after NOSCRIPT */
	COMMAND_ASKING,               /* precedes a command that Cluster redirected with ASK */
	COMMAND_WAIT,
	COMMAND_PROBE, /* is a full server still full? */
	COMMAND_SETUP, /* a step of the handshake */
};

struct command {
	struct command *next;
	enum command_kind kind;
	unsigned shard;
	unsigned redirects;
	int step;            /* COMMAND_SETUP: of the handshake */
	int64_t deadline_ms; /* 0 until the store has seen it */
	int64_t retry_at_ms; /* while it is put aside */
	enum store_rc rc;    /* COMMAND_PUT: the answer that waits for replicas */
	bool *known;         /* COMMAND_MANAGE: the same, of each wish; owned */
	char *first_id;      /* COMMAND_PUT: of the duplicate; owned */
	union {              /* NULL where nobody wants to know */
		store_put_cb put;
		store_next_cb next;
		store_claim_cb claim;
		store_settle_cb settle;
		store_done_cb
				done; /* COMMAND_REPORT, COMMAND_NOTIFY, COMMAND_PIECE, COMMAND_UNSTAGE, COMMAND_ROOM */
		store_octets_cb octets;
		store_mark_cb mark;
		store_list_cb list;
		store_manage_cb manage;
	} cb;
	void *context;
	size_t id_offset,
			id_n;    /* COMMAND_PUT: where the id stands within bytes; COMMAND_MANAGE: the AoR */
	size_t count;    /* COMMAND_MANAGE: of the wishes */
	bool all;        /* COMMAND_MANAGE: a step of many */
	int64_t now_ms;  /* COMMAND_MANAGE */
	int64_t waiting; /* COMMAND_MANAGE: what the first step of several said; -1 before */
	size_t size, cap;
	bool overflow; /* more was added than there is room for: our own bug, not to be sent */
	char bytes[];
};

/* Room for count arguments of argument_bytes in all; NULL without memory. Fill it with count command_arg calls. */
struct command *command_new(enum command_kind kind, size_t count, size_t argument_bytes);
void command_arg(struct command *c, struct cpm_slice arg);
void command_arg_i64(struct command *c, int64_t value);
/* One argument made of three pieces. */
void command_arg3(struct command *c, struct cpm_slice a, struct cpm_slice b, struct cpm_slice d);
/* A whole command of C strings. */
struct command *command_of(enum command_kind kind, size_t count, const char *const *args);
void command_free(struct command *c);

struct command_queue {
	struct command *head, *tail;
	size_t count;
};
void command_push(struct command_queue *q, struct command *c);
/* NULL when it is empty. */
struct command *command_pop(struct command_queue *q);
/* Moves all of from in front of q. */
void command_prepend(struct command_queue *q, struct command_queue *from);

#endif
