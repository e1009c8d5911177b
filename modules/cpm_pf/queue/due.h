/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What has fallen due: expiries and deletions, reports and notifications. Each
 * queue process looks after its share of the shards, claims what is due, oldest
 * first and at a bounded rate, and hands it on by kind. What is claimed belongs
 * to this process until it is given back by one of the functions below; another
 * node gets it when that has not happened within claim_ms.
 */
#ifndef CPM_DUE_H
#define CPM_DUE_H

#include "../module/job.h"
#include "../redis/store.h"

/* An entry in our hands. Slices borrow from the claim: valid until it is given back and, for a message, until `ended` has run. */
struct due {
	enum store_due_kind kind;
	unsigned shard;
	struct cpm_slice entry, id, aor, record, body;
	int64_t token;
	int64_t due_ms, attempts;
	/* The user's documents, for EXPIRED and NOTIFY: fetched before it is handed on. */
	enum xdm_state docs;
	struct xdm_entry *documents; /* due.c releases it; NULL when there are none */
	/* Set by who wants to know: the end has been told to the store. mine false: it had ended already, do nothing twice. */
	void (*ended)(struct due *d, bool mine);
	enum store_outcome outcome; /* of due_end */
	void *extra;                /* for `ended`: malloc'ed; due.c frees it */
};

/* So much is in the hands of a process at once at most: ends of messages, and tasks. */
#define DUE_ENDS_MAX 1024
#define DUE_TASKS_MAX 256

struct due_held {
	size_t ends, tasks;
};

static inline bool due_is_end(enum store_due_kind kind)
{
	return kind == STORE_DUE_EXPIRED || kind == STORE_DUE_DELETED;
}

/* Those of the user, or of one who has none. */
const struct cpm_documents *due_documents(const struct due *d);

/* Each of these takes it back: d must not be used afterwards, but in `ended`. Told to the store until it has understood. */
void due_end(struct due *d, enum store_outcome outcome,
		const struct store_report *report); /* a message; report NULL: none */
void due_done(struct due *d);               /* a report or a notification: there is no more to do */
void due_again(
		struct due *d, int64_t at_ms); /* put off: handed out again then, with one attempt more */
void due_keep(struct due *d);          /* an expired message: kept for the message store */
void due_quarantine(struct due *d);    /* a message whose record cannot be read */

/* In the queue process: the store that it was given. */
struct store *due_store(void);

/* In the queue process, once. */
bool due_init(int process, struct store *store);
/* What is in our hands now. */
struct due_held due_held(void);
/* An answer to a claim: owner holds the memory of the n due, and is taken. */
void due_claimed(unsigned shard, struct store_claim *owner, const struct store_due *due, size_t n,
		int64_t now);
/* Runs what is due; returns when it wants to run again. */
int64_t due_run(int64_t now);
/* The documents that one waited for; takes the reference. */
void due_resume(struct documents_job *job, int64_t now);
/* The final answer to a request that was sent with a ticket of due_ticket. */
void due_answered(uint64_t ticket, int status, int64_t now);

/* A ticket for a request that is sent on behalf of d: answered gets the final answer. False when too many are under way. */
bool due_ticket(
		struct due *d, void (*answered)(struct due *d, int status, int64_t now), uint64_t *ticket);

/* Who takes what is due; each returns at once and gives it back in the end. */
void ending_due(struct due *d, int64_t now); /* EXPIRED, DELETED */
void report_due(struct due *d, int64_t now); /* REPORT */
void notify_due(struct due *d, int64_t now); /* NOTIFY */
void kept_due(struct due *d, int64_t now);   /* STORE: kept.c */

#endif
