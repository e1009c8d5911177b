/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Where a Redis server is: the redis_url parameter taken apart, and the
 * addresses that Sentinel and Cluster answer with.
 */
#ifndef CPM_ADDRESS_H
#define CPM_ADDRESS_H

#include <hiredis/hiredis.h>

#include "../core/base/slice.h"

#define ADDRESS_HOST_MAX 256
#define ADDRESS_SENTINELS_MAX 8

/* A unix socket has port 0 and its path as host. */
struct address {
	char host[ADDRESS_HOST_MAX];
	int port;
};

struct address_set {
	struct address server; /* without Sentinel */
	char master[64];       /* Sentinel's name of the master; empty without Sentinel */
	struct address sentinels[ADDRESS_SENTINELS_MAX];
	size_t sentinel_count;
};

/* NULL, or a static string that says what to write instead. */
const char *address_set_parse(const char *text, struct address_set *set);
/* host:port, [v6]:port, and ::1:6379 as Cluster writes it: the last colon separates. */
bool address_parse(struct cpm_slice text, struct address *a);
bool address_eq(const struct address *a, const struct address *b);
/* The new address in "MOVED 3999 127.0.0.1:6381" and "ASK ...". An empty host means that of from. */
bool address_of_redirect(const char *error, const struct address *from, struct address *a);
/* The address in Sentinel's answer to get-master-addr-by-name; false when it knows none. */
bool address_of_master(const redisReply *reply, struct address *a);

#endif
