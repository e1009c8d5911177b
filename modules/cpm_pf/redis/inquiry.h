/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One inquiry of an operator: a blocking connection of its own, bounded by the
 * configured time-out, made for it and closed after it; finds the master by
 * Sentinel and follows a Cluster's redirects.
 */
#ifndef CPM_INQUIRY_H
#define CPM_INQUIRY_H

#include "../core/base/buf.h"
#include "address.h"
#include "listing.h"

#define INQUIRY_CONNECTIONS_MAX 16
#define INQUIRY_ARGS_MAX 32
#define INQUIRY_KEY_SIZE 1280

/* One connection for each Cluster node that was met; the last one used comes first. */
struct inquiry {
	const struct store_config *config;
	struct {
		struct address address;
		redisContext *redis;
	} nodes[INQUIRY_CONNECTIONS_MAX];
	size_t node_count;
	size_t current;
};

struct inquiry_args {
	const char *v[INQUIRY_ARGS_MAX];
	size_t n[INQUIRY_ARGS_MAX];
	int count;
	char text[INQUIRY_KEY_SIZE * 12]; /* of keys and numbers */
	struct cpm_buf memory;
};

/* False and *error (static string) on trouble, here and below. Close it in either case. */
bool inquiry_open(struct inquiry *a, const struct store_config *config, const char **error);
void inquiry_close(struct inquiry *a);

/* The arguments of one command; what slices borrow from must outlive it. */
void inquiry_args_init(struct inquiry_args *args);
void inquiry_arg(struct inquiry_args *args, const char *s);
void inquiry_slice(struct inquiry_args *args, struct cpm_slice s);
void inquiry_number(struct inquiry_args *args, int64_t value);
void inquiry_key(struct inquiry_args *args, const struct store_config *config, unsigned shard,
		const char *kind, struct cpm_slice rest);
/* The number of keys, the keys, and the first two arguments of list.lua and act.lua. */
void inquiry_keys(struct inquiry_args *args, const struct store_config *config,
		struct cpm_slice aor, const struct listing_key *keys, size_t count);
bool inquiry_args_ok(const struct inquiry_args *args, const char **error);

/* The answer, or NULL and *error. Follows one MOVED. */
redisReply *inquiry_ask(struct inquiry *a, struct inquiry_args *args, const char **error);
/* Frees the answer: NULL and *error. */
redisReply *inquiry_unknown(redisReply *r, const char **error);
extern const char inquiry_unknown_answer[];

#endif
