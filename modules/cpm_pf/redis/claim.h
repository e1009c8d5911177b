/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What is due: building the calls of claim.lua, settle.lua and report.lua, and
 * reading their answers.
 */
#ifndef CPM_CLAIM_H
#define CPM_CLAIM_H

#include "call.h"

/* All: NULL when the input is out of bounds or without memory. sha: of the script. */
struct command *claim_call(const struct store_config *config, const char *sha, unsigned shard,
		int64_t now_ms, size_t ends, size_t tasks, size_t max_bytes);
struct command *claim_settle(
		const struct store_config *config, const char *sha, const struct store_settle *settle);
struct command *claim_report(const struct store_config *config, const char *sha,
		struct cpm_slice aor, int64_t now_ms, const struct store_report *report);
/* A plain ZADD; there: only when the entry is there already. */
struct command *claim_notify(
		const struct store_config *config, struct cpm_slice aor, int64_t at_ms, bool there);

/* Likewise. */
struct command *claim_push(const struct store_config *config, struct cpm_slice aor, int64_t at_ms);

struct claim_answer {
	bool more;
	int64_t next_ms;
	const redisReply *const *gone; /* entries of vanished messages, borrowed from the reply */
	size_t gone_count;
	struct store_claim *claim; /* owns the reply; NULL when nothing was claimed */
	const struct store_due *due;
	size_t count;
};
/* False when the answer has no known shape (or without memory): then nothing is owned. */
bool claim_answer_read(redisReply *reply, struct claim_answer *answer);

#endif
