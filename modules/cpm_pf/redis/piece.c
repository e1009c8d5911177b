/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * SETRANGE, PEXPIRE, GETRANGE and UNLINK on the octets of a large message.
 */
#include "piece.h"

#include "../core/queue/key.h"

/* Redis holds no longer string. */
#define OCTETS_MAX (512u << 20)

static struct command *piece_new(const struct store_config *config, enum command_kind kind,
		const char *verb, size_t args, size_t bytes, struct cpm_slice aor, struct cpm_slice id)
{
	struct command *c;

	if(!call_aor_ok(aor) || !call_id_ok(id))
		return NULL;
	c = command_new(kind, 2 + args, bytes + CALL_ID_MAX + 4 * CALL_SMALL);
	if(!c)
		return NULL;
	c->shard = cpm_key_shard(aor, config->shards);
	command_arg(c, cpm_slice_of(verb));
	call_key(c, config, "b", id);
	return c;
}

struct command *piece_put(const struct store_config *config, const struct store_piece *piece)
{
	struct command *c;

	if(!piece->octets.n || piece->octets.n > STORE_PIECE_MAX || piece->at > OCTETS_MAX
			|| piece->octets.n > OCTETS_MAX - piece->at)
		return NULL;
	c = piece_new(config, COMMAND_PIECE, "SETRANGE", 2, piece->octets.n, piece->aor, piece->id);
	if(!c)
		return NULL;
	command_arg_i64(c, (int64_t)piece->at);
	command_arg(c, piece->octets);
	return call_finished(c);
}

struct command *piece_keep(const struct store_config *config, const struct store_piece *piece)
{
	struct command *c =
			piece_new(config, COMMAND_PIECE, "PEXPIRE", 1, CALL_SMALL, piece->aor, piece->id);

	if(!c)
		return NULL;
	command_arg_i64(c, call_clamp(piece->ttl_ms, 1, CALL_TTL_MAX_MS));
	return call_finished(c);
}

struct command *piece_get(const struct store_config *config, struct cpm_slice aor,
		struct cpm_slice id, uint64_t at, size_t n)
{
	struct command *c;

	if(!n || n > STORE_PIECE_MAX || at > OCTETS_MAX)
		return NULL;
	c = piece_new(config, COMMAND_OCTETS, "GETRANGE", 2, CALL_SMALL, aor, id);
	if(!c)
		return NULL;
	command_arg_i64(c, (int64_t)at);
	command_arg_i64(c, (int64_t)(at + n - 1));
	return call_finished(c);
}

struct command *piece_drop(
		const struct store_config *config, struct cpm_slice aor, struct cpm_slice id)
{
	struct command *c = piece_new(config, COMMAND_UNSTAGE, "UNLINK", 0, 0, aor, id);

	return c ? call_finished(c) : NULL;
}
