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

/* Calls each for every message of the user in order of arrival, from offset on, at most count (1000 at most); *total gets how many
 * there are and *leased whether a push is under way. Slices are valid during the call. False and *error (static string) on trouble. */
typedef void (*admin_each)(void *context, const struct store_listed *m);
bool admin_list(const struct store_config *config, struct cpm_slice aor, size_t offset,
		size_t count, admin_each each, void *context, size_t *total, bool *leased,
		const char **error);

/* One message by id. 1 found, 0 not found, -1 trouble. */
int admin_show(const struct store_config *config, struct cpm_slice id, admin_each each,
		void *context, const char **error);

/* What operators do to messages. Each is idempotent and touches only what it changes. */
enum admin_verb {
	ADMIN_HOLD,    /* parked until released; expires all the same */
	ADMIN_RELEASE, /* back to where it was before the hold */
	ADMIN_DELETE,  /* as if its user had deleted it; also of a quarantined one */
	ADMIN_EXPIRE,  /* as if its time had come */
	ADMIN_REQUEUE, /* a quarantined one, or one whose retry time has not come, is due again */
};
/* Does it to one message (then aor is not looked at) or, when id is empty, to all of a user, in steps of a few hundred. *touched
 * counts those that it changed. 1 done, 0 no such message (or not the user's), -1 trouble: *touched may have been done. */
int admin_act(const struct store_config *config, enum admin_verb verb, struct cpm_slice id,
		struct cpm_slice aor, int64_t now_ms, size_t *touched, const char **error);

/* How old the waiting messages are, by the domain of their user. */
#define ADMIN_AGES 7
extern const int64_t admin_age_ms[ADMIN_AGES]; /* upper end of each bucket; the last is INT64_MAX */
struct admin_shape {
	struct cpm_slice domain; /* "tel" for numbers; "" for all beyond ADMIN_DOMAINS_MAX */
	uint64_t ages[ADMIN_AGES];
	uint64_t total;
};
#define ADMIN_DOMAINS_MAX 1000
/* Calls each once a domain, the one with the most messages first. Looks at no more than limit messages, spread over the shards; the
 * caller sees by *looked and *waiting how much of the queue that was. */
bool admin_shape(const struct store_config *config, int64_t now_ms, size_t limit,
		void (*each)(void *context, const struct admin_shape *shape), void *context,
		uint64_t *looked, uint64_t *waiting, const char **error);

/* Round trip in microseconds; -1 and *error on trouble. */
int64_t admin_ping(const struct store_config *config, const char **error);

/* Sums over all shards since the store was made. Each shard is read in one step, so balance is exact. */
struct admin_totals {
	uint64_t accepted;
	uint64_t ended[STORE_OUTCOMES];
	uint64_t
			vanished; /* gone without our doing: TTL after a long outage, eviction, somebody else's hand */
	uint64_t waiting; /* all that is kept: to be pushed, parked, claimed for its end, quarantined */
	uint64_t claimed; /* of these, those claimed for their end */
	uint64_t quarantined; /* of these */
	uint64_t tasks; /* reports, notifications and messages to be stored that are due now or later */
	uint64_t reports, reports_ended; /* made, and sent or given up; the rest waits */
	int64_t balance; /* accepted - all ended - vanished - waiting: 0, or something is wrong */
};
bool admin_totals(
		const struct store_config *config, struct admin_totals *totals, const char **error);

/* The server's durability as far as it tells: "" when a 2xx is safe, else one plain sentence of what to change. At start-up. */
bool admin_durability(
		const struct store_config *config, char *sentence, size_t size, const char **error);

#endif
