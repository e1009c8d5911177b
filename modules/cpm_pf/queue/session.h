/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Push sessions of one queue process: found by user, lined up for a turn, and
 * woken in time. Private memory; no I/O.
 */
#ifndef CPM_SESSION_H
#define CPM_SESSION_H

#include "../core/base/alarm.h"
#include "../core/queue/push.h"
#include "../core/queue/record.h"
#include "../redis/store.h"
#include "../sip/contacts.h"
#include "../xdm/xdm.h"

#define SESSION_TARGETS_MAX 4
#define SESSION_IDS_MAX 256
/* When the store is away, or documents are, look again after this. */
#define SESSION_TROUBLE_REST_MS 2000

/* Messages handed out together; lives until each of them has ended. */
struct session_batch {
	struct store_batch *owner;
	const struct store_message *messages;
	size_t count, sent, ended;
	struct session_batch *next;
	struct cpm_record records[]; /* what each says, once it is sent */
};

/* An id that must reach the store with the next call. */
struct session_id {
	char text[48];
	unsigned char len;
};

struct session_end {
	struct session_id id;
	int64_t not_before_ms;
	int status;
};

/* What ended and was not yet told to the store. */
struct session_report {
	struct session_id done[SESSION_IDS_MAX];
	struct session_id interworked[SESSION_IDS_MAX];
	struct session_end failed[SESSION_IDS_MAX];
	struct session_id unsent[SESSION_IDS_MAX];
	struct session_id quarantine[SESSION_IDS_MAX];
	size_t done_count, interworked_count, failed_count, unsent_count, quarantine_count;
};

/* Only while a session has its turn. */
struct session_run {
	struct xdm_entry *entry; /* the documents judged by; NULL when the user has none */
	struct contacts contacts;
	bool suitable[CONTACTS_MAX];
	bool reachable;    /* one of them is suitable */
	size_t contact;    /* the one pushed to at present */
	bool ordered_only; /* only what the user ordered: do-not-disturb is on, or nobody is reachable */
	bool probed;  /* a message found the client gone, and the next one is to tell whether it is */
	bool greeted; /* the user's notification was brought forward, if one is due */
	struct session_batch *batches; /* oldest first */
	int64_t after;                 /* arrival of the last one that was handed out */
	bool handed_out;               /* something, since it went through from the start */
	size_t in_flight, large_in_flight;
	bool fetching;    /* a call to the store is under way */
	bool asked;       /* one was made */
	bool drained;     /* the last call brought nothing: ask again only when nothing is in flight */
	bool asked_last;  /* ... which asked for more with nothing in flight */
	bool releasing;   /* ... which gives the lease back */
	bool stopped;     /* the client is gone, or the lease: send no more */
	int64_t renew_ms; /* when the lease must be renewed */
	int64_t flush_ms; /* when what ended must be told to the store; 0 when nothing waits */
	int64_t send_ms;  /* when the push rate lets the next one go; 0 when it does not hold us up */
	int64_t rest_until_ms; /* when to look again after this run; 0: no need */
};

struct session {
	struct session *hash_next;
	struct session *ready_next;
	enum cpm_push_state state;
	struct cpm_alarm wake;
	uint64_t number; /* makes the lease token unique */
	bool force, again, again_force, refresh;
	bool registered, again_registered; /* the trigger was a client that registered anew */
	bool ordered;                      /* something that the user ordered is to be tried again */
	int64_t gone_until_ms; /* the client was gone: nothing but a trigger from outside wakes it before */
	char *targets[SESSION_TARGETS_MAX]; /* contacts that just registered; none: any client */
	size_t target_count;
	bool any_target;
	struct session_run *run;
	/* What ended and is not yet told; and what the call under way tells. They outlive a run while the store is away. */
	struct session_report *report, *told;
	struct cpm_slice aor; /* in the same block */
	uint64_t hash;
};

static inline int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static inline int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Tables for at most max sessions. */
bool sessions_init(size_t max);
struct session *session_find(struct cpm_slice aor);
/* NULL at the maximum or without memory. */
struct session *session_make(struct cpm_slice aor);
void session_free(struct session *s);
size_t sessions_count(void);

/* Remembers a client to push to; an empty contact means any. */
void session_aim(struct session *s, struct cpm_slice contact);
void session_aim_clear(struct session *s);
/* Is this contact among those aimed at? */
bool session_aims_at(const struct session *s, struct cpm_slice contact);

void session_wake_at(struct session *s, int64_t at_ms);
void session_wake_clear(struct session *s);
/* The first session whose time has come, taken off the clock; else NULL and *next_ms the earliest time (INT64_MAX without). */
struct session *session_due(int64_t now_ms, int64_t *next_ms);

void session_line_up(struct session *s);
/* Next in line, or NULL. */
struct session *session_step_up(void);

#endif
