/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The durable queue in Redis. One store belongs to one process; every call is
 * pipelined and answered by a callback from store_run, in one thread. Each
 * transition is one Lua script, idempotent by id and token, so that a repeat
 * after a time-out or a reconnect stores, removes or counts nothing twice.
 * Knows nothing of Kamailio. Design section 5; doc/storage.md has the keys.
 */
#ifndef CPM_STORE_H
#define CPM_STORE_H

#include "../core/base/limits.h"
#include "../core/base/slice.h"
#include "../core/base/rc.h"

struct store;

enum store_log_level { STORE_LOG_ERROR, STORE_LOG_WARNING, STORE_LOG_NOTICE, STORE_LOG_DEBUG };

#define STORE_CONNECTIONS_MAX 8

struct store_config {
	/* "host:port", "unix:/path", or "sentinel:<master name>@host:port,host:port"; a Cluster is recognised by its redirects */
	const char *address;
	const char *user;     /* ACL user, or NULL */
	const char *password; /* or NULL */
	int database;
	const char *prefix;
	unsigned shards;
	unsigned connections; /* to a server, shards spread over them; 0 is 1 */
	int64_t timeout_ms;   /* of one command, and of connecting */
	int64_t reconnect_min_ms, reconnect_max_ms;
	unsigned
			wait_replicas; /* a put or a user's order succeeds once so many replicas have it (WAIT); 0 for none */
	bool require_durable; /* stay unavailable while the server would lose acknowledged writes, instead of warning */
	size_t max_pending;       /* commands under way; more are refused at once */
	size_t max_user_messages; /* waiting for one user; more are refused as over quota */
	int64_t ttl_grace_ms;     /* Redis TTL of a record past its expiry: the last safety net */
	int64_t claim_ms; /* what was claimed and not settled by then is handed out again, to whoever asks */
	const struct cpm_limits *limits;
	void (*log)(void *context, enum store_log_level level,
			const char *text); /* one line, no secrets, no bodies */
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
/* The poll found nothing to read on this descriptor: the next store_run spares the look. */
void store_poll_nothing(struct store *s, int fd);

bool store_available(const struct store *s);
size_t store_pending(const struct store *s);

enum store_rc {
	STORE_OK,
	STORE_DUPLICATE, /* put: a message with the same identity is there already (or was, in the window) */
	STORE_QUOTA, /* put: the user has max_user_messages, waiting and parked together */
	STORE_BUSY, /* next: somebody else holds the lease; put: the same message is on its way into the message store under another id */
	STORE_LOST, /* next: our lease ran out and was taken by another; seal, put: octets are gone, and the message is not in the queue */
	STORE_DOWN, /* not available, timed out, refused by the server; whether it took effect is not known */
};
const char *store_rc_name(enum store_rc rc);

/* Where a message is kept: to be pushed, or parked for somebody's word. */
enum store_place {
	STORE_TO_PUSH,
	STORE_TO_PULL,  /* until its user orders something */
	STORE_TO_STORE, /* until it is in the message store */
};

struct store_put {
	struct cpm_slice id;
	struct cpm_slice aor;
	int64_t now_ms;
	int64_t expires_ms;
	struct cpm_slice identity; /* of the message for de-duplication; empty: none */
	int64_t identity_ttl_ms;
	enum store_place place;
	int64_t notify_ms; /* STORE_TO_PULL: when the user is to be told of it, unless that is due earlier already; 0: not */
	int64_t store_ms; /* STORE_TO_STORE: when it becomes due as STORE_DUE_STORE; 0: never, it only waits */
	int64_t push_ms; /* STORE_TO_PUSH: when its user becomes due as STORE_DUE_PUSH, if nobody has pushed by then; 0: never */
	struct cpm_slice record;
	struct cpm_slice body;
	bool staged; /* a large message: its octets are there (store_seal), body has only their head */
};
/* id: that of the message now safe (the first one's with STORE_DUPLICATE and STORE_BUSY); valid during the call. */
typedef void (*store_put_cb)(void *context, enum store_rc rc, struct cpm_slice id);
/* False when it is refused at once (not available or max_pending); then the callback does not come. Copies what it needs. */
bool store_put(struct store *s, const struct store_put *put, store_put_cb cb, void *context);

/* Would a message of this user's be over quota now? rc STORE_OK or STORE_QUOTA; a put asks again. */
typedef void (*store_done_cb)(void *context, enum store_rc rc);
bool store_room(struct store *s, struct cpm_slice aor, store_done_cb cb, void *context);

/* A message that goes into the message store without being put leaves a mark, in the place of that of a put: who repeats it finds out
 * that there may be one already. It outlives this node, not the server: nobody waits for the disk. */
struct store_mark {
	struct cpm_slice id;
	struct cpm_slice aor;
	struct cpm_slice identity; /* not empty */
	bool history; /* of a recording, which is another object than a message in place of delivery */
	int64_t now_ms;
	int64_t ttl_ms;
};
/* STORE_OK: the mark is made. STORE_DUPLICATE: id is safe in the queue, or was. STORE_BUSY: id was on its way into the message store at
 * since_ms, and may have arrived. id is valid during the call. Only a put with that id replaces such a mark. */
typedef void (*store_mark_cb)(
		void *context, enum store_rc rc, struct cpm_slice id, int64_t since_ms);
bool store_mark(struct store *s, const struct store_mark *mark, store_mark_cb cb, void *context);

/* What its user ordered for a message that is to be pushed (8.3.1.6.3). */
enum store_order { STORE_ORDER_NONE, STORE_ORDER_DELIVER, STORE_ORDER_INTERWORK };

/* A message handed out for pushing; slices borrow from the batch. */
struct store_message {
	struct cpm_slice id;
	struct cpm_slice record;
	struct cpm_slice body;
	int64_t arrival; /* rises from message to message of a user */
	int64_t expires_ms;
	int64_t attempts; /* failed pushes so far */
	enum store_order order;
};

struct store_batch; /* owns a reply of the server */

struct store_failure {
	struct cpm_slice id;
	int64_t not_before_ms;
	int status; /* the client's SIP status, for operators */
};

/* Takes or renews the push lease of a user, ends messages, and hands out the next ones, in one step. What is handed out is in flight
 * until it is told in one of the lists, the lease is given back, or it runs out; meanwhile its expiry and its deletion wait. A
 * holder must not send a message whose expiry time has come, but tell it as unsent. An end that comes too late, as the message has
 * ended otherwise, is ignored. Each list holds at most 1000. */
struct store_next {
	struct cpm_slice aor;
	struct cpm_slice token; /* of the lease: unique per push session and process */
	int64_t lease_ms;
	int64_t now_ms;
	const struct cpm_slice *done; /* ids delivered: removed */
	size_t done_count;
	const struct cpm_slice
			*interworked; /* ids that the interworking function took: removed, counted apart */
	size_t interworked_count;
	const struct store_failure *failed; /* kept, not handed out before their time (unless force) */
	size_t failed_count;
	const struct cpm_slice *unsent; /* ids handed out and not sent: in flight no more */
	size_t unsent_count;
	const struct cpm_slice *quarantine; /* ids whose record could not be read: set aside, kept */
	size_t quarantine_count;
	int64_t after;     /* only messages that arrived later than this */
	size_t want;       /* at most so many messages; 0: only renew and end */
	size_t max_bytes;  /* stop handing out past this sum of bodies (but always one) */
	bool force;        /* also those whose retry time has not come (a client has just registered) */
	bool ordered_only; /* only what the user ordered (do-not-disturb is on) */
	/* With release: when this session looks again, 0: it does not. If it has not by a lease later, the user becomes due as
	 * STORE_DUE_PUSH; a lease that runs out does the same. */
	int64_t again_ms;
	bool release; /* give the lease back afterwards, unless messages were handed out */
};

struct store_next_result {
	enum store_rc rc;
	struct store_batch *batch;            /* the caller's: store_batch_free; NULL when count is 0 */
	const struct store_message *messages; /* in the batch, in order of arrival */
	size_t count;
	int64_t busy_ms; /* STORE_BUSY: how long the other's lease still runs */
	int64_t waiting; /* messages of the user that are to be pushed (not-yet-due and expired ones too) */
	int64_t parked;      /* messages of the user that wait for somebody's word */
	int64_t next_due_ms; /* earliest retry time among those passed over, 0 when none */
	int64_t looked; /* not 0: nothing was found among the many that arrived up to then; ask again with this as after */
	size_t vanished; /* waiting ids whose record was gone (TTL, eviction): dropped from the queue, counted and logged */
};
typedef void (*store_next_cb)(void *context, const struct store_next_result *result);
bool store_next(struct store *s, const struct store_next *next, store_next_cb cb, void *context);
void store_batch_free(struct store_batch **batch);

/* Why a message left the queue; each is one of the sums. */
enum store_outcome {
	STORE_DELIVERED,
	STORE_STORED,
	STORE_FORWARDED,
	STORE_INTERWORKED,
	STORE_DELETED,
	STORE_EXPIRED,
	STORE_OUTCOMES,
};
/* The name of its sum. */
const char *store_outcome_name(enum store_outcome outcome);

/* What is due in a shard. EXPIRED and DELETED are the ends of messages: whoever claims one has the message to himself, as it has
 * left the places from which it could be pushed. The others are tasks. */
enum store_due_kind {
	STORE_DUE_EXPIRED,
	STORE_DUE_DELETED,
	STORE_DUE_REPORT,
	STORE_DUE_NOTIFY,
	STORE_DUE_STORE,
	STORE_DUE_PUSH /* something waits for this user, and who wanted to push it has not come; body: not empty when that is also for the ISF */
};

struct store_due {
	enum store_due_kind kind;
	struct cpm_slice entry;  /* names the claim to store_settle, */
	int64_t token;           /* together with this: another claim of the same has another one */
	struct cpm_slice id;     /* of the message or report; empty for NOTIFY and PUSH */
	struct cpm_slice aor;    /* empty for REPORT */
	struct cpm_slice record; /* of the message, or the report's; empty for NOTIFY */
	struct cpm_slice body;
	int64_t due_ms;   /* when it was due: how late are we */
	int64_t attempts; /* earlier claims that were put off (again_ms) */
};

struct store_claim; /* owns the reply */
void store_claim_free(struct store_claim **claim);

/* claim is the callee's, to be freed once no slice of due is used any more; NULL when count is 0. due lies in it.
 * more: there is more that is due now. next_ms: when something in this shard is due next as far as is known (also past), 0: nothing. */
typedef void (*store_claim_cb)(void *context, enum store_rc rc, struct store_claim *claim,
		const struct store_due *due, size_t count, bool more, int64_t next_ms);
/* Claims what is due in a shard, oldest first: at most ends of messages, and at most tasks (reports, notifications, messages to be
 * stored); stops past max_bytes of records and bodies (but always one). A claim that is not settled within claim_ms is handed
 * out again, to whoever asks. The end of a message that is in flight waits until it is not. */
bool store_claim(struct store *s, unsigned shard, int64_t now_ms, size_t ends, size_t tasks,
		size_t max_bytes, store_claim_cb cb, void *context);

/* A disposition notification to be sent. id: without ':', of at most 128 bytes; a second report of the same id is dropped, so the
 * id of the message it is about makes repeats harmless. Becomes due at due_ms as STORE_DUE_REPORT in the same shard. Its TTL ends
 * ttl_grace_ms after expires_ms. Empty id: none. */
struct store_report {
	struct cpm_slice id, record, body;
	int64_t due_ms, expires_ms;
};

/* Ends or puts off what was claimed. The end of a message, its sum and its report are one step. */
struct store_settle {
	unsigned shard;
	struct cpm_slice entry;
	int64_t token;
	int64_t now_ms;
	int64_t again_ms; /* > 0: not ended; handed out again then, attempts + 1 */
	bool quarantine;  /* of a message: its record cannot be read; set aside, kept, not ended */
	bool keep; /* of an expired message: parked for the message store, without a TTL and never to expire; not ended */
	int64_t store_ms; /* with keep: when it becomes due as STORE_DUE_STORE; 0: never, it only waits */
	enum store_outcome outcome; /* of a message; ignored for reports and notifications */
	struct store_report report;
};
/* mine false: it had been settled already, or the claim ran out and is another's: do nothing twice. */
typedef void (*store_settle_cb)(void *context, enum store_rc rc, bool mine);
/* cb may be NULL here and in the two below. */
bool store_settle(
		struct store *s, const struct store_settle *settle, store_settle_cb cb, void *context);

/* A report on its own, of a message that never was in the queue; kept in the shard of aor. rc STORE_DUPLICATE: it is there already. */
bool store_report_put(struct store *s, struct cpm_slice aor, int64_t now_ms,
		const struct store_report *report, store_done_cb cb, void *context);

/* STORE_DUE_NOTIFY for the user at at_ms, unless an earlier one is there. While one is claimed the new one waits for its end. */
bool store_notify(
		struct store *s, struct cpm_slice aor, int64_t at_ms, store_done_cb cb, void *context);
/* The same, but only when one is there already and due later: what it waits for may have come. */
bool store_notify_sooner(
		struct store *s, struct cpm_slice aor, int64_t at_ms, store_done_cb cb, void *context);

/* STORE_DUE_PUSH for the user at at_ms, instead of any other time. It comes only if something waits then. */
bool store_push(
		struct store *s, struct cpm_slice aor, int64_t at_ms, store_done_cb cb, void *context);

/* A message as it is listed. Slices are valid during the call. */
struct store_listed {
	struct cpm_slice id;
	/* why it waits: "waiting" or "retry" (to be pushed), "deliver" or "interwork" (ordered by its user), "pull", "held", "store"
	 * (parked), "delete" (about to go), "quarantined"; by admin_show also "ending" (claimed for its end) */
	struct cpm_slice state;
	struct cpm_slice record; /* empty when it is gone (TTL) */
	int64_t arrival;
	int64_t expires_ms;
	int64_t attempts;
	int64_t not_before_ms; /* 0 when due */
	int64_t last_status;   /* of the last failed push, 0 when none */
	uint64_t size;         /* of the body */
};
typedef void (*store_list_cb)(void *context, enum store_rc rc, const struct store_listed *items,
		size_t count, size_t total);
/* A page of a user's messages in order of arrival, without bodies: to be pushed, parked and quarantined. count: at most 1000. Costs
 * what the page costs, however many there are. */
bool store_list(struct store *s, struct cpm_slice aor, int64_t now_ms, size_t offset, size_t count,
		store_list_cb cb, void *context);

/* The user's orders (8.3.1.6.3). DELIVER and INTERWORK make a message due for pushing whatever parked it (but an operator's hold);
 * DELETE makes it due as STORE_DUE_DELETED; STORE parks it for the message store. Only messages of this user can be named. */
enum store_action { STORE_ACT_DELIVER, STORE_ACT_INTERWORK, STORE_ACT_DELETE, STORE_ACT_STORE };

struct store_wish {
	struct cpm_slice id;
	enum store_action action;
};

struct store_manage {
	struct cpm_slice aor;
	int64_t now_ms;
	int64_t store_ms; /* STORE_ACT_STORE: when it becomes due as STORE_DUE_STORE; 0: never, it only waits */
	const struct store_wish *wishes; /* at most 1000 */
	size_t wish_count;
	bool deliver_all; /* DELIVER for every message; then no wishes */
};
/* waiting: the user's messages before, to be pushed and parked. known: for each wish, whether the user has such a message; valid
 * during the call, NULL unless STORE_OK. */
typedef void (*store_manage_cb)(
		void *context, enum store_rc rc, int64_t waiting, const bool *known);
bool store_manage(
		struct store *s, const struct store_manage *manage, store_manage_cb cb, void *context);

/* The octets of a large message are kept apart from its record. While it comes they are written in pieces, in any order, under a name
 * of their own for each attempt to send it; with each piece the store notes its number in the same step. Sealing proves that all
 * pieces are there and gives the octets the message's name; a put with `staged` takes them over. So a piece that the server lost,
 * though it had confirmed it, is found missing, and is never read as zeros. Till the put they belong to nobody and vanish ttl_ms
 * after they were first written or renewed; then they end with the message. */
struct store_piece {
	struct cpm_slice aor; /* says in which shard */
	struct cpm_slice id;
	unsigned attempt;
	size_t number; /* from 0, below STORE_PIECES_MAX: each piece of an attempt has the next one */
	uint64_t at;
	struct cpm_slice octets; /* at most STORE_PIECE_MAX */
	int64_t ttl_ms;
	bool renew; /* it begins anew; with the first piece it does so anyway */
};
#define STORE_PIECE_MAX (256u * 1024)
#define STORE_PIECES_MAX (1u << 20)
bool store_piece(struct store *s, const struct store_piece *piece, store_done_cb cb, void *context);

struct store_seal {
	struct cpm_slice aor, id;
	unsigned attempt;
	size_t pieces;  /* that were written, and confirmed */
	uint64_t total; /* octets */
	int64_t ttl_ms;
	size_t head; /* so many of the first octets are wanted, of STORE_PIECE_MAX */
};
/* rc STORE_LOST when octets are missing. octets are valid during the call. */
typedef void (*store_octets_cb)(void *context, enum store_rc rc, struct cpm_slice octets);
bool store_seal(struct store *s, const struct store_seal *seal, store_octets_cb cb, void *context);

/* Of a message that is whole: at most n octets (of STORE_PIECE_MAX) from an offset; fewer at the end, none behind it or when there is
 * no such message. */
bool store_octets(struct store *s, struct cpm_slice aor, struct cpm_slice id, uint64_t at, size_t n,
		store_octets_cb cb, void *context);
/* What no put took over goes at once, sealed or not. cb may be NULL. */
bool store_unstage(struct store *s, struct cpm_slice aor, struct cpm_slice id, unsigned attempt,
		store_done_cb cb, void *context);

#endif
