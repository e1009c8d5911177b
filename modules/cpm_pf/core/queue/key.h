/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Names of keys in the store: <prefix>:{<shard>}:<kind>:<rest>. Everything that
 * one transition touches carries the same hash tag, so one layout serves a
 * single server and Redis Cluster. Design section 5.
 */
#ifndef CPM_KEY_H
#define CPM_KEY_H

#include "../base/buf.h"

/* Stable over builds, machines and versions: stored data depends on it. */
unsigned cpm_key_shard(struct cpm_slice aor, unsigned shards);

/* The shard in a message id <24 hex>-<shard>; false when the id is not of that form or the shard is not below shards. */
bool cpm_key_shard_of_id(struct cpm_slice id, unsigned shards, unsigned *shard);

/* Appends a message id from 12 random bytes and the shard. */
void cpm_key_add_id(struct cpm_buf *out, const unsigned char random[12], unsigned shard);

/* Appends "<prefix>:{<shard>}:<kind>" and, when rest is not empty, ":" and rest. */
void cpm_key_add(struct cpm_buf *out, struct cpm_slice prefix, unsigned shard, const char *kind,
		struct cpm_slice rest);

#endif
