/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What workers hand to a queue process: one block of shared memory each, owned
 * by the sender until mailbox_post succeeds and by the queue process after it.
 */
#ifndef CPM_JOB_H
#define CPM_JOB_H

#include "../core/queue/record.h"
#include "../redis/store.h"
#include "../sip/transaction.h"
#include "../xdm/xdm.h"

enum job_kind {
	JOB_STORE,     /* struct store_job */
	JOB_TRIGGER,   /* struct trigger_job: push what waits for a user */
	JOB_ANSWER,    /* struct answer_job: the final answer to a request of ours */
	JOB_DOCUMENTS, /* struct documents_job: the documents that a push, or something due, waited for */
	JOB_COMMAND,   /* struct command_job, which brings its own function */
};

struct job {
	enum job_kind kind;
};

struct store_job {
	struct job head;
	struct transaction_id transaction;
	struct transaction_route route; /* runs when the message could not be made safe */
	enum cpm_defer_cause cause;
	enum store_place place;
	unsigned wants; /* CPM_WANT_..., of the record */
	int stored_status; /* answered when the message is in the message store: 200, or 202 for a deferred one */
	int64_t store_ms; /* when it is to be put there from the queue; 0: never, it only waits */
	int64_t now_ms, expires_ms;
	struct cpm_slice id, aor, identity, record, body; /* borrow from the job */
};

struct trigger_job {
	struct job head;
	bool force;      /* also what is to be retried later */
	bool registered; /* a client registered anew: its user hears of what else is kept */
	bool due;        /* nobody came to push what waits, or is to go to the ISF (ordered) */
	bool ordered;
	int64_t not_before_ms;
	struct cpm_slice aor, contact; /* contact: only to this one; empty for any client */
};

struct answer_job {
	struct job head;
	int status;
	uint64_t ticket;
	int64_t expires_s; /* see message_answered */
};

struct documents_job {
	struct job head;
	enum xdm_state state;
	uint64_t ticket;         /* of what is due; 0: the push session of aor */
	struct xdm_entry *entry; /* a reference, the job's; NULL when there are none */
	struct cpm_slice aor;
};

#endif
