/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What operators ask of the queue, over a connection of the calling process:
 * blocking, bounded by the configured time-out, made for the call and closed
 * after it. For RPC and start-up checks, never for SIP workers.
 */
#ifndef CPM_ADMIN_H
#define CPM_ADMIN_H

#include "store.h"

struct admin_message {
	struct cpm_slice id;
	struct cpm_slice state; /* "waiting", "retry", "held", "expired", "quarantined" */
	struct cpm_slice record; /* empty when the record is gone (TTL) */
	int64_t order_us;
	int64_t expires_ms;
	int64_t attempts;
	int64_t not_before_ms; /* 0 when due */
	int64_t last_status;   /* of the last failed push, 0 when none */
	uint64_t size;
};

/* Calls each for every message of the user in order of arrival, from offset on, at most count; *total gets how many there are and
 * *leased whether a push is under way. Slices are valid during the call. False and *error (static string) on trouble. */
bool admin_list(const struct store_config *config, struct cpm_slice aor, size_t offset, size_t count,
		void (*each)(void *context, const struct admin_message *m), void *context, size_t *total, bool *leased, const char **error);

/* One message by id. 1 found, 0 not found, -1 trouble. */
int admin_show(const struct store_config *config, struct cpm_slice id, void (*each)(void *context, const struct admin_message *m),
		void *context, const char **error);

/* Round trip in microseconds; -1 and *error on trouble. */
int64_t admin_ping(const struct store_config *config, const char **error);

/* Sums over all shards. expired: of those still kept; the number of users is not kept, as every put would have to count. */
struct admin_totals {
	uint64_t waiting, expired, quarantined;
};
bool admin_totals(const struct store_config *config, struct admin_totals *totals, const char **error);

/* The server's durability as far as it tells: "" when a 2xx is safe, else one plain sentence of what to change. At start-up. */
bool admin_durability(const struct store_config *config, char *sentence, size_t size, const char **error);

#endif
