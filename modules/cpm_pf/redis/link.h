/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One non-blocking connection to one server: connects, keeps two queues (the
 * handshake's, then the commands'), writes with as few system calls as there
 * are, reads in large pieces, and comes back after a loss. What answers mean is
 * the owner's business. hiredis connects and parses; writing is ours, straight
 * from the commands' own memory.
 */
#ifndef CPM_LINK_H
#define CPM_LINK_H

#include "handshake.h"

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_SETUP, LINK_READY };

struct link;

struct link_hooks {
	/* An answer to a command, which is the hook's now. True when it has taken the reply too. */
	bool (*answer)(void *owner, struct link *l, struct command *c, redisReply *reply);
	/* The handshake is done. */
	void (*ready)(void *owner, struct link *l);
	/* The connection is gone and the next attempt will wait. reason is a static word, detail for the log. */
	void (*failed)(void *owner, struct link *l, const char *reason, const char *detail);
};

struct link {
	const struct store_config *config;
	const struct link_hooks *hooks;
	void *owner;
	const struct address_set *sentinels; /* NULL when the address is fixed */
	size_t sentinel;                     /* the next one to ask */
	bool resolved;                       /* address is what Sentinel said */
	bool quick; /* a connection that worked was lost: try again at once, and say nothing yet */
	struct address address;
	redisContext *redis;
	enum link_state state;
	int64_t now_ms;
	int64_t retry_at_ms;
	int64_t backoff_ms;
	int64_t setup_deadline_ms;
	int64_t due_ms; /* no command's deadline is earlier */
	struct handshake handshake;
	struct command_queue setup, work;
	struct command_queue held; /* answered, but waiting for WAIT */
	struct command *unsent;    /* the first in the active queue that is not fully written */
	size_t unsent_offset;
	bool writes_to_confirm; /* puts or orders were queued after the last WAIT */
	bool reloading;         /* a SCRIPT LOAD is on its way */
	bool silent;            /* known to have nothing to read in this turn */
	uint64_t random;
};

void link_init(struct link *l, const struct store_config *config, const struct link_hooks *hooks,
		void *owner);
/* Closes; the owner empties the queues first. */
void link_close(struct link *l);
/* Puts a command with a deadline at the end of the work. */
void link_push(struct link *l, struct command *c);
/* Opens when it is time, finishes connecting, writes. */
void link_write(struct link *l, int64_t now_ms);
/* Reads what is there and calls the hooks. */
void link_read(struct link *l, int64_t now_ms);
/* Takes the commands that are due out of the work into late; an unanswered one among them drops the connection. */
void link_expire(struct link *l, int64_t now_ms, struct command_queue *late);
/* Drops the connection; the next attempt comes after the back-off. What was not answered is sent again then. */
void link_fail(struct link *l, const char *reason, const char *detail);
/* When link_write wants to be called even without I/O. */
int64_t link_wake_at(const struct link *l);

#endif
