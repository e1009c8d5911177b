/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The calls on the octets of a large message: piece.lua and seal.lua while it
 * comes, GETRANGE when it is whole, UNLINK.
 */
#include "piece.h"

#include "../core/queue/key.h"

/* Redis holds no longer string. */
#define OCTETS_MAX (512u << 20)
/* Of each of the keys of a message that comes. */
#define KEY_BYTES (CALL_ID_MAX + CALL_SMALL)

static bool named(struct cpm_slice aor, struct cpm_slice id)
{
	return call_aor_ok(aor) && call_id_ok(id);
}

static bool within(uint64_t at, size_t n)
{
	return n && n <= STORE_PIECE_MAX && at <= OCTETS_MAX && n <= OCTETS_MAX - at;
}

/* "c" and "a": octets, and notes of the pieces. Each attempt has its own, so that nothing of one can pass for the next. */
static void coming_keys(
		struct command *c, const struct store_config *config, struct cpm_slice id, unsigned attempt)
{
	char memory[CALL_ID_MAX + 16];
	struct cpm_buf name;

	cpm_buf_init_fixed(&name, memory, sizeof(memory));
	cpm_buf_add(&name, id);
	cpm_buf_add_char(&name, '.');
	cpm_buf_add_u64(&name, attempt);
	call_key(c, config, "c", cpm_buf_slice(&name));
	call_key(c, config, "a", cpm_buf_slice(&name));
}

struct command *piece_put(
		const struct store_config *config, const char *sha, const struct store_piece *piece)
{
	struct command *c;

	if(!named(piece->aor, piece->id) || !within(piece->at, piece->octets.n)
			|| piece->number >= STORE_PIECES_MAX)
		return NULL;
	c = call_new(COMMAND_PIECE, sha, cpm_key_shard(piece->aor, config->shards), 2, 5,
			2 * KEY_BYTES + 4 * CALL_SMALL + piece->octets.n);
	if(!c)
		return NULL;
	coming_keys(c, config, piece->id, piece->attempt);
	command_arg_i64(c, (int64_t)piece->number);
	command_arg_i64(c, (int64_t)piece->at);
	command_arg(c, piece->octets);
	command_arg_i64(c, call_clamp(piece->ttl_ms, 1, CALL_TTL_MAX_MS));
	command_arg_i64(c, piece->renew);
	return call_finished(c);
}

struct command *piece_seal(
		const struct store_config *config, const char *sha, const struct store_seal *seal)
{
	struct command *c;

	if(!named(seal->aor, seal->id) || seal->total > OCTETS_MAX || !seal->head
			|| seal->head > STORE_PIECE_MAX)
		return NULL;
	c = call_new(COMMAND_SEAL, sha, cpm_key_shard(seal->aor, config->shards), 3, 4,
			3 * KEY_BYTES + 4 * CALL_SMALL);
	if(!c)
		return NULL;
	coming_keys(c, config, seal->id, seal->attempt);
	call_key(c, config, "b", seal->id);
	command_arg_i64(c, (int64_t)seal->pieces);
	command_arg_i64(c, (int64_t)seal->total);
	command_arg_i64(c, call_clamp(seal->ttl_ms, 1, CALL_TTL_MAX_MS));
	command_arg_i64(c, (int64_t)seal->head);
	return call_finished(c);
}

struct command *piece_get(const struct store_config *config, struct cpm_slice aor,
		struct cpm_slice id, uint64_t at, size_t n)
{
	struct command *c;

	if(!named(aor, id) || !within(at, n))
		return NULL;
	c = command_new(COMMAND_OCTETS, 4, KEY_BYTES + 3 * CALL_SMALL);
	if(!c)
		return NULL;
	c->shard = cpm_key_shard(aor, config->shards);
	command_arg(c, CPM_SLICE("GETRANGE"));
	call_key(c, config, "b", id);
	command_arg_i64(c, (int64_t)at);
	command_arg_i64(c, (int64_t)(at + n - 1));
	return call_finished(c);
}

struct command *piece_drop(const struct store_config *config, struct cpm_slice aor,
		struct cpm_slice id, unsigned attempt)
{
	struct command *c;

	if(!named(aor, id))
		return NULL;
	c = command_new(COMMAND_UNSTAGE, 4, 3 * KEY_BYTES + CALL_SMALL);
	if(!c)
		return NULL;
	c->shard = cpm_key_shard(aor, config->shards);
	command_arg(c, CPM_SLICE("UNLINK"));
	coming_keys(c, config, id, attempt);
	call_key(c, config, "b", id);
	return call_finished(c);
}
