/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A store driven by hand, for the tests of the store: calls that wait for their
 * callback, and what was logged and told.
 */
#ifndef TEST_DRIVER_H
#define TEST_DRIVER_H

#include "redis/admin.h"
#include "server.h"
#include "unit.h"

#define AOR "sip:bob@example.com"
#define CLAIM_MS 60000

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
			.timeout_ms = 10000 * unit_slowness(),
			.reconnect_min_ms = 5,
			.reconnect_max_ms = 50,
			.max_pending = 100000,
			.claim_ms = CLAIM_MS,
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

/* A message of an hour, without identity; change what matters. */
static inline struct store_put driver_message(const char *id)
{
	int64_t now = test_now_ms();

	return (struct store_put){.id = cpm_slice_of(id),
			.aor = CPM_SLICE(AOR),
			.now_ms = now,
			.expires_ms = now + 3600000,
			.identity_ttl_ms = 60000,
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
static inline const char *driver_ids(
		struct store *s, const struct store_next *next, enum store_rc rc)
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

/* What a claim brought, as "<kind letter>:<id>:<AoR>=<body>;" each. */
struct claim_seen {
	int calls;
	enum store_rc rc;
	size_t count;
	bool more;
	int64_t next_ms;
	int64_t attempts, due_ms; /* of the last one */
	char text[8192];
};

/* Of the last claim. */
static int64_t driver_token;

static void claim_seen(void *context, enum store_rc rc, struct store_claim *claim,
		const struct store_due *due, size_t count, bool more, int64_t next_ms)
{
	struct claim_seen *seen = context;
	static const char letters[] = "xdrnsp";

	seen->calls++;
	seen->rc = rc;
	seen->count = count;
	seen->more = more;
	seen->next_ms = next_ms;
	ck_assert_int_eq(count > 0, claim != NULL);
	for(size_t i = 0; i < count; i++) {
		const struct store_due *d = &due[i];

		ck_assert_int_eq(d->entry.p[0], letters[d->kind]);
		snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text),
				"%c:%.*s:%.*s=%.*s;", letters[d->kind], (int)d->id.n, d->id.p, (int)d->aor.n,
				d->aor.p, (int)d->body.n, d->body.p);
		seen->attempts = d->attempts;
		seen->due_ms = d->due_ms;
		driver_token = d->token;
	}
	store_claim_free(&claim);
}

static inline struct claim_seen driver_claim(
		struct store *s, unsigned shard, int64_t now_ms, size_t limit)
{
	struct claim_seen seen = {.calls = 0};

	ck_assert(store_claim(s, shard, now_ms, limit, limit, 1000000, claim_seen, &seen));
	test_until(&s, 1, seen.calls);
	ck_assert_int_eq(seen.calls, 1);
	ck_assert_int_eq(seen.rc, STORE_OK);
	return seen;
}

struct settle_seen {
	int calls;
	enum store_rc rc;
	bool mine;
};

static void settle_seen(void *context, enum store_rc rc, bool mine)
{
	struct settle_seen *seen = context;

	seen->calls++;
	seen->rc = rc;
	seen->mine = mine;
}

static inline struct store_settle driver_end(
		unsigned shard, const char *entry, enum store_outcome outcome)
{
	return (struct store_settle){.shard = shard,
			.entry = cpm_slice_of(entry),
			.now_ms = test_now_ms(),
			.outcome = outcome};
}

/* Was it ours to settle? */
static inline bool driver_settle(struct store *s, const struct store_settle *settle)
{
	struct settle_seen seen = {.calls = 0};
	struct store_settle of_claim = *settle;

	if(!of_claim.token)
		of_claim.token = driver_token;
	ck_assert(store_settle(s, &of_claim, settle_seen, &seen));
	test_until(&s, 1, seen.calls);
	ck_assert_int_eq(seen.rc, STORE_OK);
	return seen.mine;
}

static void done_seen(void *context, enum store_rc rc)
{
	*(int *)context = 100 + (int)rc;
}

static inline enum store_rc driver_notify(struct store *s, const char *aor, int64_t at_ms)
{
	int seen = 0;

	ck_assert(store_notify(s, cpm_slice_of(aor), at_ms, done_seen, &seen));
	test_until(&s, 1, seen);
	return (enum store_rc)(seen - 100);
}

static inline enum store_rc driver_report(
		struct store *s, const char *aor, const struct store_report *report)
{
	int seen = 0;

	ck_assert(store_report_put(s, cpm_slice_of(aor), test_now_ms(), report, done_seen, &seen));
	test_until(&s, 1, seen);
	return (enum store_rc)(seen - 100);
}

/* A page as "<id> <state>;" each. */
struct list_seen {
	int calls;
	size_t count, total;
	struct store_listed last; /* its slices are gone */
	char text[8192];
};

static void list_seen(void *context, enum store_rc rc, const struct store_listed *items,
		size_t count, size_t total)
{
	struct list_seen *seen = context;

	ck_assert_int_eq(rc, STORE_OK);
	seen->calls++;
	seen->count = count;
	seen->total = total;
	for(size_t i = 0; i < count; i++) {
		snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text),
				"%.*s %.*s;", (int)items[i].id.n, items[i].id.p, (int)items[i].state.n,
				items[i].state.p);
		seen->last = items[i];
	}
}

static inline struct list_seen driver_list(struct store *s, size_t offset, size_t count)
{
	struct list_seen seen = {.calls = 0};

	ck_assert(store_list(s, CPM_SLICE(AOR), test_now_ms(), offset, count, list_seen, &seen));
	test_until(&s, 1, seen.calls);
	return seen;
}

/* What a management call said: "+" for each id known, "-" for the others. */
struct manage_seen {
	int calls;
	enum store_rc rc;
	int64_t waiting;
	size_t count;
	char known[64];
};

static void manage_seen(void *context, enum store_rc rc, int64_t waiting, const bool *known)
{
	struct manage_seen *seen = context;

	seen->calls++;
	seen->rc = rc;
	seen->waiting = waiting;
	for(size_t i = 0; known && i < seen->count; i++)
		seen->known[i] = known[i] ? '+' : '-';
}

static inline struct manage_seen driver_manage(struct store *s, const struct store_manage *m)
{
	struct manage_seen seen = {.count = m->wish_count};

	ck_assert(store_manage(s, m, manage_seen, &seen));
	test_until(&s, 1, seen.calls);
	ck_assert_int_eq(seen.rc, STORE_OK);
	return seen;
}

static inline struct manage_seen driver_wish(
		struct store *s, const char *id, enum store_action action)
{
	struct store_wish wish = {cpm_slice_of(id), action};
	struct store_manage m = {
			.aor = CPM_SLICE(AOR), .now_ms = test_now_ms(), .wishes = &wish, .wish_count = 1};

	return driver_manage(s, &m);
}

/* The queue's balance: accepted is what has ended and what waits. */
static inline struct admin_totals driver_balance(const struct store_config *config)
{
	struct admin_totals totals;
	const char *error = "";

	ck_assert_msg(admin_totals(config, &totals, &error), "%s", error);
	ck_assert_int_eq(totals.balance, 0);
	return totals;
}

#endif
