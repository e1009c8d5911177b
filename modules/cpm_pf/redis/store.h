/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The durable queue in Redis. One store belongs to one process; every call is
 * pipelined and answered by a callback from store_run, in one thread. Each
 * transition is one Lua script, idempotent by id and token, so that a repeat
 * after a time-out or a reconnect stores or removes nothing twice.
 * Knows nothing of Kamailio. Design section 5.
 */
#ifndef CPM_STORE_H
#define CPM_STORE_H

#include "../core/base/limits.h"
#include "../core/base/slice.h"
#include "../core/base/rc.h"

struct store;

enum store_log_level { STORE_LOG_ERROR, STORE_LOG_WARNING, STORE_LOG_NOTICE, STORE_LOG_DEBUG };

struct store_config {
	/* "host:port", "unix:/path", or "sentinel:<master name>@host:port,host:port"; a Cluster is recognised by its redirects */
	const char *address;
	const char *user; /* ACL user, or NULL */
	const char *password; /* or NULL */
	int database;
	const char *prefix;
	unsigned shards;
	int64_t timeout_ms; /* of one command, and of connecting */
	int64_t reconnect_min_ms, reconnect_max_ms;
	unsigned wait_replicas; /* a put succeeds once so many replicas have it (WAIT); 0 for none */
	bool require_durable;   /* stay unavailable while the server would lose acknowledged writes, instead of warning */
	size_t max_pending;     /* commands under way; more are refused at once */
	size_t max_user_messages; /* waiting for one user; more are refused as over quota */
	int64_t ttl_grace_ms;   /* Redis TTL of a record past its expiry: the last safety net */
	const struct cpm_limits *limits;
	void (*log)(void *context, enum store_log_level level, const char *text); /* one line, no secrets, no bodies */
	/* Told on each change: may commands be accepted? reason is a static word: "connected", "down", "timeout", "readonly", "full",
	 * "unsafe", "shards" (the store was laid out with another number of shards), ... */
	void (*state)(void *context, bool available, const char *reason);
	void *context;
};

/* NULL and *error (static string, what to write instead) on a bad configuration. Copies nothing: config must outlive it. Does not connect. */
struct store *store_new(const struct store_config *config, const char **error);
void store_free(struct store **store);

/* One turn of the loop without waiting: connects, writes what is pending, reads what is there, runs callbacks, times out.
 * Returns the time at which it wants to run again even without I/O. Callbacks may submit more. */
int64_t store_run(struct store *s, int64_t now_ms);

/* The descriptors to poll until then: fills at most max, returns how many. write: also wait for writability. The set may change
 * with each store_run. */
struct store_poll {
	int fd;
	bool write;
};
size_t store_poll_set(const struct store *s, struct store_poll *set, size_t max);

bool store_available(const struct store *s);
size_t store_pending(const struct store *s);

enum store_rc {
	STORE_OK,
	STORE_DUPLICATE, /* put: a message with the same identity is there already (or was, in the window) */
	STORE_QUOTA,     /* put: the user has max_user_messages waiting */
	STORE_BUSY,      /* next: somebody else holds the lease */
	STORE_LOST,      /* next: our lease ran out and was taken by another */
	STORE_DOWN,      /* not available, timed out, refused by the server; whether it took effect is not known */
};
const char *store_rc_name(enum store_rc rc);

struct store_put {
	struct cpm_slice id;
	struct cpm_slice aor;
	int64_t order_us; /* order of arrival; larger is later */
	int64_t now_ms;
	int64_t expires_ms;
	struct cpm_slice identity; /* of the message for de-duplication; empty: none */
	bool push; /* hand it out for pushing; false: it waits for the user (pull) and is only listed */
	int64_t identity_ttl_ms;
	struct cpm_slice record;
	struct cpm_slice body;
};
/* id: that of the message now safe (the first one's with STORE_DUPLICATE); valid during the call. */
typedef void (*store_put_cb)(void *context, enum store_rc rc, struct cpm_slice id);
/* False when it is refused at once (not available or max_pending); then the callback does not come. Copies what it needs. */
bool store_put(struct store *s, const struct store_put *put, store_put_cb cb, void *context);

/* A message handed out for pushing; slices borrow from the batch. */
struct store_message {
	struct cpm_slice id;
	struct cpm_slice record;
	struct cpm_slice body;
	int64_t order_us;
	int64_t expires_ms;
	int64_t attempts; /* failed pushes so far */
};

struct store_batch; /* owns a reply of the server */

struct store_failure {
	struct cpm_slice id;
	int64_t not_before_ms;
	int status; /* the client's SIP status, for operators */
};

/* Takes or renews the push lease of a user, ends messages, and hands out the next ones, in one step. */
struct store_next {
	struct cpm_slice aor;
	struct cpm_slice token; /* of the lease: unique per push session and process */
	int64_t lease_ms;
	int64_t now_ms;
	const struct cpm_slice *done; /* ids delivered: removed */
	size_t done_count;
	const struct store_failure *failed; /* kept, not handed out before their time (unless force) */
	size_t failed_count;
	const struct cpm_slice *quarantine; /* ids whose record could not be read: set aside, kept */
	size_t quarantine_count;
	int64_t after_us; /* only messages that arrived later than this */
	size_t want;      /* at most so many messages; 0: only renew and end */
	size_t max_bytes; /* stop handing out past this sum of bodies (but always one) */
	bool force;       /* also those whose retry time has not come (a client has just registered) */
	bool release;     /* give the lease back afterwards, unless messages were handed out */
};

struct store_next_result {
	enum store_rc rc;
	struct store_batch *batch; /* the caller's: store_batch_free; NULL when count is 0 */
	const struct store_message *messages; /* in the batch, in order of arrival */
	size_t count;
	int64_t busy_ms;       /* STORE_BUSY: how long the other's lease still runs */
	int64_t waiting;       /* messages of the user still in the queue (held and not-yet-due ones too) */
	int64_t next_due_ms;   /* earliest retry time among those passed over, 0 when none */
	size_t vanished;       /* waiting ids whose record was gone (TTL, eviction): dropped from the queue, and logged */
};
typedef void (*store_next_cb)(void *context, const struct store_next_result *result);
bool store_next(struct store *s, const struct store_next *next, store_next_cb cb, void *context);
void store_batch_free(struct store_batch **batch);

/* Claims up to limit messages of one shard whose expiry time has come: they leave the push queue for the user's set of expired ones
 * and are kept there. The callback gets each one's id and AoR. */
struct store_expired {
	struct cpm_slice id;
	struct cpm_slice aor;
};
typedef void (*store_expire_cb)(void *context, enum store_rc rc, const struct store_expired *expired, size_t count, bool more);
bool store_expire(struct store *s, unsigned shard, int64_t now_ms, size_t limit, store_expire_cb cb, void *context);

#endif
