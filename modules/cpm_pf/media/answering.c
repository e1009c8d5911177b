/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Answering the INVITE of a large message: is there room for one more of its
 * user, its media, our SDP, 200. Companion section 5.1.
 */
#include <stdlib.h>

#include "../module/outcome.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "offer.h"
#include "receipt.h"

#define SDP_MAX 2048

/* The INVITE is refused by the script's route. */
static void answering_refuse(struct receive_job *job, const char *reason)
{
	outcome_refused(job->message->id, job->message->aor, reason);
	dialog_refuse(job->dialog);
	command_refuse(&job->request, reason);
	receive_job_free(job);
}

/* Its media and our SDP; NULL, or why it cannot be had. */
static const char *receipt_open(struct receipt *r, struct cpm_buf *sdp)
{
	const struct receive_job *job = r->job;
	struct cpm_sdp offer;
	struct offer_terms terms = offer_terms_in();

	if(cpm_sdp_parse(job->sdp, &offer, NULL) != CPM_OK)
		return "busy";
	r->leg = offer_open(&offer, &job->peer, &terms, &receipt_hooks, r);
	if(!r->leg)
		return "busy";
	return offer_answer(r->leg, &offer, &terms, (uint64_t)job->message->now_ms, sdp) ? NULL
																					 : "no-media";
}

static void answer(struct receive_job *job)
{
	struct receipt *r = calloc(1, sizeof(*r));
	char memory[SDP_MAX];
	struct cpm_buf sdp;
	const char *reason = "busy";

	cpm_buf_init_fixed(&sdp, memory, sizeof(memory));
	if(r) {
		r->job = job;
		reason = receipt_open(r, &sdp);
		/* False: a CANCEL was faster, and the worker that took it has answered. */
		if(!reason && dialog_answer(job->dialog, cpm_buf_slice(&sdp))) {
			receipt_enter(r);
			return;
		}
		leg_close(&r->leg);
		free(r);
	}
	if(reason)
		answering_refuse(job, reason);
	else
		receive_job_free(job);
}

static void on_room(void *context, enum store_rc rc)
{
	struct receive_job *job = context;

	if(!dialog_lives(job->dialog)) {
		receive_job_free(job);
	} else if(rc == STORE_OK) {
		answer(job);
	} else {
		if(rc == STORE_QUOTA)
			count(quota_refused);
		count(store_failures);
		answering_refuse(job, rc == STORE_QUOTA ? "quota" : "store");
	}
}

void answering_run(struct command_job *head, struct store *store, int64_t now)
{
	struct receive_job *job = (struct receive_job *)head;

	if(!store_room(media_store(), job->message->aor, on_room, job)) {
		count(store_failures);
		answering_refuse(job, "store");
	}
}
