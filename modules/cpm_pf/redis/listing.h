/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Listing a user's messages and acting on them: building the calls of list.lua
 * and act.lua, and reading their answers, for the store and for operators.
 */
#ifndef CPM_LISTING_H
#define CPM_LISTING_H

#include "call.h"

/* The keys of both scripts, in order; of a user when user is set, else of the shard. */
struct listing_key {
	const char *kind;
	bool user;
};
#define LISTING_LIST_KEYS 6
#define LISTING_ACT_KEYS 11
extern const struct listing_key listing_list_keys[LISTING_LIST_KEYS];
extern const struct listing_key listing_act_keys[LISTING_ACT_KEYS];

/* All: NULL when the input is out of bounds or without memory. sha: of the script. */
struct command *listing_call(const struct store_config *config, const char *sha,
		struct cpm_slice aor, int64_t now_ms, size_t offset, size_t count);
struct command *listing_manage(
		const struct store_config *config, const char *sha, const struct store_manage *manage);
/* The next step of deliver_all after c, as its answer says. */
struct command *listing_manage_on(const struct store_config *config, const char *sha,
		const struct command *c, const redisReply *answer);

/* How many messages the user has, by room.lua: an integer. */
struct command *listing_room(
		const struct store_config *config, const char *sha, struct cpm_slice aor);

/* Values at the head of the answers of list.lua: total, leased. */
#define LISTING_HEAD 2
#define LISTING_ROW 9
bool listing_ok(const redisReply *reply);
/* From the values of one row, which it borrows from. */
void listing_read(redisReply *const *row, struct store_listed *m);

/* The answer of a step of act.lua for all: how many it changed and where to go on. False when it has no known shape. done: nothing is
 * left to do. */
bool listing_step_ok(const redisReply *reply, bool *done);

#endif
