/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Octets of large messages in pieces.
 */
#ifndef CPM_PIECE_H
#define CPM_PIECE_H

#include "call.h"

/* NULL when the input is out of bounds or without memory. */
struct command *piece_put(
		const struct store_config *config, const char *sha, const struct store_piece *piece);
struct command *piece_seal(
		const struct store_config *config, const char *sha, const struct store_seal *seal);
struct command *piece_get(const struct store_config *config, struct cpm_slice aor,
		struct cpm_slice id, uint64_t at, size_t n);
struct command *piece_drop(const struct store_config *config, struct cpm_slice aor,
		struct cpm_slice id, unsigned attempt);

#endif
