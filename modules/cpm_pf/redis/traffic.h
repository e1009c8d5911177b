/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The store from inside: what store.c (its life and its calls), traffic.c
 * (which connection a command takes and what becomes of refusals) and answer.c
 * (what answers mean) share.
 */
#ifndef CPM_TRAFFIC_H
#define CPM_TRAFFIC_H

#include "link.h"

#define TRAFFIC_LINKS_MAX 24

struct store {
	const struct store_config *config;
	struct address_set addresses;
	struct link links[TRAFFIC_LINKS_MAX];
	size_t link_count;
	size_t first_links;           /* of them, to the server that was configured */
	unsigned char *link_of_shard; /* index + 1; 0: not known */
	char sha[SCRIPT_LOADED][SCRIPT_SHA_SIZE];
	struct command_queue fresh;  /* to be given to a link */
	struct command_queue parked; /* to be tried again a little later */
	size_t pending;              /* commands that somebody waits for */
	int64_t now_ms;
	bool told;
	bool available;
	const char *reason;
	const char *failure; /* why there is no ready link */
	bool shards_checked;
	const char *full; /* NULL, or why writes are refused */
	bool probing;
	unsigned probe_shard;
	int64_t probe_at_ms;
	int64_t refusal_logged_ms;
	const char *sentence; /* about durability, as last logged */
};

extern const struct link_hooks traffic_hooks;

/* One line for the log, "redis: <what>[: <more>]". */
void traffic_note(struct store *s, enum store_log_level level, const char *what, const char *more);
bool traffic_any_ready(const struct store *s);

/* Ends a command without an answer of use, and tells whoever waits for it. */
void answer_down(struct store *s, struct command *c);
void answer_all_down(struct store *s, struct command_queue *q);
/* Reads the answer to a command up to COMMAND_ASKED and tells whoever waits; the command is used up. True when it has taken the reply
 * too. */
bool answer_take(struct store *s, struct link *l, struct command *c, redisReply *reply);
/* The answer to WAIT: puts that were held for it. */
void answer_wait(struct store *s, struct link *l, const redisReply *reply);

#endif
