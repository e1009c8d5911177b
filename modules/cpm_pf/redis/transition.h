/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The queue's transitions as commands: building the script calls, and reading
 * the answers. What Redis answered is not trusted to have any shape.
 */
#ifndef CPM_TRANSITION_H
#define CPM_TRANSITION_H

#include "command.h"
#include "handshake.h"

#define TRANSITION_AOR_MAX 1024
#define TRANSITION_ID_MAX 128
#define TRANSITION_LIST_MAX 1000

/* All: NULL when the input is out of bounds or without memory. sha: of the script. */
struct command *transition_put(
		const struct store_config *config, const char *sha, const struct store_put *put);
struct command *transition_next(
		const struct store_config *config, const char *sha, const struct store_next *next);
struct command *transition_expire(const struct store_config *config, const char *sha, unsigned shard,
		int64_t now_ms, size_t limit);
/* Acknowledges the entries of an expire answer. */
struct command *transition_ack(const struct store_config *config, const char *sha, unsigned shard,
		const redisReply *answer);

/* id: of the message now safe; borrows from the command or the reply. */
enum store_rc transition_put_answer(
		const struct command *c, const redisReply *reply, struct cpm_slice *id);
/* Fills result. True when result->batch owns the reply from now on. gone: ids whose record vanished, borrowed from the reply. */
bool transition_next_answer(redisReply *reply, struct store_next_result *result,
		const redisReply *const **gone, size_t *gone_count);
/* expired: malloc'ed array of *count, to be freed; borrows from the reply. False when the answer has no known shape. */
bool transition_expire_answer(
		const redisReply *reply, struct store_expired **expired, size_t *count, bool *more);

#endif
