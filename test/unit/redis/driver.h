/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A store driven by hand, for the tests of the store: calls that wait for their
 * callback, and what was logged and told.
 */
#ifndef TEST_DRIVER_H
#define TEST_DRIVER_H

#include "server.h"
#include "unit.h"

#define AOR "sip:bob@example.com"

static const struct cpm_limits driver_limits = CPM_LIMITS_DEFAULT;

/* What the hooks heard last. */
static struct {
	int states;
	bool available;
	char reason[32];
	int logs;
	char log[512];
} heard;

static void hear_state(void *context, bool available, const char *reason)
{
	(void)context;
	heard.states++;
	heard.available = available;
	snprintf(heard.reason, sizeof(heard.reason), "%s", reason);
}

static void hear_log(void *context, enum store_log_level level, const char *text)
{
	(void)context;
	if(level == STORE_LOG_DEBUG)
		return;
	heard.logs++;
	snprintf(heard.log, sizeof(heard.log), "%s", text);
}

static inline struct store_config driver_config(const char *address)
{
	memset(&heard, 0, sizeof(heard));
	return (struct store_config){.address = address,
			.prefix = "cpm",
			.shards = 4,
			.timeout_ms = 2000,
			.reconnect_min_ms = 5,
			.reconnect_max_ms = 50,
			.max_pending = 100000,
			.max_user_messages = 1000,
			.ttl_grace_ms = 600000,
			.limits = &driver_limits,
			.log = hear_log,
			.state = hear_state};
}

static inline struct store *driver_new(const struct store_config *config)
{
	const char *error;
	struct store *s = store_new(config, &error);

	ck_assert_msg(s != NULL, "%s", error);
	return s;
}

/* A store that is connected. */
static inline struct store *driver_open(const struct store_config *config)
{
	struct store *s = driver_new(config);

	test_until(&s, 1, store_available(s));
	return s;
}

struct put_seen {
	int calls;
	enum store_rc rc;
	char id[160];
};

static void put_seen(void *context, enum store_rc rc, struct cpm_slice id)
{
	struct put_seen *seen = context;

	seen->calls++;
	seen->rc = rc;
	snprintf(seen->id, sizeof(seen->id), "%.*s", (int)id.n, id.p);
}

static int64_t driver_order = 1;

/* A message of an hour, without identity; change what matters. */
static inline struct store_put driver_message(const char *id)
{
	int64_t now = test_now_ms();

	return (struct store_put){.id = cpm_slice_of(id),
			.aor = CPM_SLICE(AOR),
			.order_us = driver_order++,
			.now_ms = now,
			.expires_ms = now + 3600000,
			.identity_ttl_ms = 60000,
			.push = true,
			.record = CPM_SLICE("cpm-record: 1\n"),
			.body = CPM_SLICE("hello")};
}

static inline struct put_seen driver_put(struct store *s, const struct store_put *put)
{
	struct put_seen seen = {0, STORE_DOWN, ""};

	ck_assert(store_put(s, put, put_seen, &seen));
	test_until(&s, 1, seen.calls);
	ck_assert_int_eq(seen.calls, 1);
	return seen;
}

static inline void driver_store(struct store *s, const char *id)
{
	struct store_put put = driver_message(id);
	struct put_seen seen = driver_put(s, &put);

	ck_assert_msg(seen.rc == STORE_OK, "%s: %s (%s)", id, store_rc_name(seen.rc), heard.log);
	ck_assert_str_eq(seen.id, id);
}

struct next_seen {
	int calls;
	struct store_next_result r;
};

static void next_seen(void *context, const struct store_next_result *result)
{
	struct next_seen *seen = context;

	seen->calls++;
	seen->r = *result;
}

static inline struct store_next driver_ask(const char *token)
{
	return (struct store_next){.aor = CPM_SLICE(AOR),
			.token = cpm_slice_of(token),
			.lease_ms = 60000,
			.now_ms = test_now_ms(),
			.want = 10,
			.max_bytes = 1000000};
}

/* Free the batch. */
static inline struct store_next_result driver_next(struct store *s, const struct store_next *next)
{
	struct next_seen seen = {.calls = 0};

	ck_assert(store_next(s, next, next_seen, &seen));
	test_until(&s, 1, seen.calls);
	ck_assert_int_eq(seen.calls, 1);
	ck_assert_int_eq(seen.r.count > 0, seen.r.batch != NULL);
	return seen.r;
}

/* The ids handed out, with blanks between; frees the batch. */
static inline const char *driver_ids(struct store *s, const struct store_next *next, enum store_rc rc)
{
	static char ids[1024];
	struct store_next_result r = driver_next(s, next);

	ck_assert_msg(r.rc == rc, "%s", store_rc_name(r.rc));
	ids[0] = '\0';
	for(size_t i = 0; i < r.count; i++)
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%.*s", i ? " " : "",
				(int)r.messages[i].id.n, r.messages[i].id.p);
	store_batch_free(&r.batch);
	return ids;
}

struct expire_seen {
	int calls;
	enum store_rc rc;
	size_t count;
	bool more;
	char text[2048];
};

static void expire_seen(void *context, enum store_rc rc, const struct store_expired *expired,
		size_t count, bool more)
{
	struct expire_seen *seen = context;

	seen->calls++;
	seen->rc = rc;
	seen->count = count;
	seen->more = more;
	for(size_t i = 0; i < count; i++)
		snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text), "%.*s %.*s;",
				(int)expired[i].id.n, expired[i].id.p, (int)expired[i].aor.n, expired[i].aor.p);
}

static inline struct expire_seen driver_expire(
		struct store *s, unsigned shard, int64_t now_ms, size_t limit)
{
	struct expire_seen seen = {.calls = 0};

	ck_assert(store_expire(s, shard, now_ms, limit, expire_seen, &seen));
	test_until(&s, 1, seen.calls);
	return seen;
}

#endif
