/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A script call in the making: its keys, its numbers within what Redis keeps
 * exactly, and readers of what came back. What Redis answered is not trusted to
 * have any shape.
 */
#ifndef CPM_CALL_H
#define CPM_CALL_H

#include <hiredis/hiredis.h>

#include "command.h"

#define CALL_AOR_MAX 1024
#define CALL_ID_MAX 128
#define CALL_LIST_MAX 1000
/* Redis scores are doubles: whole numbers up to here are exact. */
#define CALL_NUMBER_MAX (INT64_C(1) << 53)
#define CALL_TTL_MAX_MS (INT64_C(100) * 365 * 86400 * 1000)
/* Room for a key without its AoR or id, and for a number. */
#define CALL_SMALL 128
/* How long a claim is its claimant's, when the configuration does not say. */
#define CALL_CLAIM_MS 60000
/* How long a call without an identity of its own is recognised as a repeat of itself. */
#define CALL_REPEAT_MS 60000

int64_t call_clamp(int64_t value, int64_t min, int64_t max);
/* ':' separates the id in an entry. */
bool call_id_ok(struct cpm_slice id);
bool call_aor_ok(struct cpm_slice aor);
/* How long a claim is its claimant's, by the configuration. */
int64_t call_claim_ms(const struct store_config *config);
/* TTL of what expires at expires_ms: past that by the grace. */
int64_t call_ttl(const struct store_config *config, int64_t now_ms, int64_t expires_ms);

/* EVALSHA with room for so many keys and arguments of argument bytes; NULL without memory. Fill it with keys, then arguments. */
struct command *call_new(enum command_kind kind, const char *sha, unsigned shard, size_t keys,
		size_t args, size_t bytes);
/* NULL when more was added than there is room for. */
struct command *call_finished(struct command *c);

/* "<prefix>:{<shard>}:<kind>[:<rest>]" */
void call_key(struct command *c, const struct store_config *config, const char *kind,
		struct cpm_slice rest);
/* A whole number, clamped to 0 and CALL_NUMBER_MAX. */
void call_number(struct command *c, int64_t value);
/* "<letter>:<id>:<aor>" */
void call_entry(struct command *c, char letter, struct cpm_slice id, struct cpm_slice aor);
/* "<length of the record>\n<record><body>" */
void call_text(struct command *c, struct cpm_slice record, struct cpm_slice body);
/* A key that marks an identity as seen: its hash with two seeds, 128 bits, so that long ones cost no memory. */
void call_mark(struct command *c, const struct store_config *config, const char *kind,
		struct cpm_slice aor, struct cpm_slice identity);

/* A whole number, whether Lua sent it as one or as text; -1 otherwise. */
int64_t call_number_of(const redisReply *r);
struct cpm_slice call_slice_of(const redisReply *r);
/* Takes "<length of the record>\n<record><body>" apart. What does not look like that is all record: the reader of records refuses it
 * then. */
void call_text_split(struct cpm_slice text, struct cpm_slice *record, struct cpm_slice *body);
/* The answer is an array of head numbers and then rows of row values each (of any type). */
bool call_rows_ok(const redisReply *reply, size_t head, size_t row);

#endif
