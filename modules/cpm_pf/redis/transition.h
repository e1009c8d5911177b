/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Storing and handing out: building the calls of put.lua and next.lua, and
 * reading their answers.
 */
#ifndef CPM_TRANSITION_H
#define CPM_TRANSITION_H

#include "call.h"

/* Both: NULL when the input is out of bounds or without memory. sha: of the script. */
struct command *transition_put(
		const struct store_config *config, const char *sha, const struct store_put *put);
struct command *transition_next(
		const struct store_config *config, const char *sha, const struct store_next *next);

/* id: of the message now safe; borrows from the command or the reply. */
enum store_rc transition_put_answer(
		const struct command *c, const redisReply *reply, struct cpm_slice *id);
/* Fills result. True when result->batch owns the reply from now on. gone: ids whose record vanished, borrowed from the reply. */
bool transition_next_answer(redisReply *reply, struct store_next_result *result,
		const redisReply *const **gone, size_t *gone_count);

#endif
