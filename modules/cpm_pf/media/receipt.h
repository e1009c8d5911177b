/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Receipts: large messages that come, in the media process. From octets to
 * pieces (staging.h), from the last of them to the put, and its verdict to the
 * response of the last SEND. The states are in core/session/large.h.
 */
#ifndef CPM_RECEIPT_H
#define CPM_RECEIPT_H

#include "../core/session/large.h"
#include "media.h"
#include "peer.h"
#include "staging.h"

/* What the worker hands over. */
struct receive_job {
	struct command_job command;
	struct command_request request;
	dialog_id dialog;
	struct store_job *message; /* what is kept of the INVITE */
	struct cpm_slice sdp;      /* the offer; in the job's block */
	struct peer_address peer;  /* of the sender, when we are to connect to it */
};

struct receipt {
	struct receipt *next;
	enum cpm_receipt_state state;
	struct receive_job *job;
	struct leg *leg; /* NULL once it is gone */
	bool dialog_over;
	int64_t hung_up_ms; /* when its sender did, with octets perhaps at its relay, or when one of them came; else 0 */
	struct staging staging; /* of its octets */
	bool stored;    /* the message is, or may be, in the queue: its octets are not ours to drop */
	unsigned calls; /* answers that are to come: the receipt outlives them */
	uint64_t total;
	int64_t until_ms; /* LEAVING: for the BYE */
	struct cpm_buf record, head, identity;
};

/* The job's run function (answering.c): opens the media, answers the INVITE, and enters the receipt; or refuses. */
void answering_run(struct command_job *job, struct store *store, int64_t now_ms);
/* For dialog_open: the sender's dialog is over. */
void receipt_told(dialog_id id, enum dialog_news news);

void receive_job_free(struct receive_job *job);
/* What its leg calls; the owner is the receipt. */
extern const struct leg_hooks receipt_hooks;
/* Among those that live, from now on. */
void receipt_enter(struct receipt *r);
/* About once a second. */
void receipt_sweep(int64_t now_ms);

#endif
