/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Answering the INVITE of a large message: its media, our SDP, 200. Companion
 * section 5.1.
 */
#include <stdlib.h>

#include "../module/outcome.h"
#include "../module/settings.h"
#include "offer.h"
#include "receipt.h"

#define SDP_MAX 2048

/* The INVITE is refused by the script's route. */
static void answering_refuse(struct receipt *r, const char *reason)
{
	struct receive_job *job = r->job;

	leg_close(&r->leg);
	outcome_refused(job->message->id, job->message->aor, reason);
	dialog_refuse(job->dialog);
	command_refuse(&job->request, reason);
	receive_job_free(job);
	free(r);
}

void answering_run(struct command_job *head, struct store *store, int64_t now)
{
	struct receipt *r = calloc(1, sizeof(*r));
	char memory[SDP_MAX];
	struct cpm_buf sdp;
	struct cpm_sdp offer;
	struct receive_job *job = (struct receive_job *)head;

	if(!r) {
		dialog_refuse(job->dialog);
		command_refuse(&job->request, "busy");
		receive_job_free(job);
		return;
	}
	r->job = job;
	cpm_buf_init_fixed(&sdp, memory, sizeof(memory));
	if(cpm_sdp_parse(job->sdp, &offer, NULL) != CPM_OK
			|| !(r->leg = offer_open(&offer, &job->peer, &receipt_hooks, r))
			|| !offer_answer(r->leg, &offer, (uint64_t)job->message->now_ms, &sdp)) {
		answering_refuse(r, r->leg ? "no-media" : "busy");
		return;
	}
	/* A CANCEL was faster: the worker that took it has answered. */
	if(!dialog_answer(job->dialog, cpm_buf_slice(&sdp))) {
		leg_close(&r->leg);
		receive_job_free(job);
		free(r);
		return;
	}
	receipt_enter(r);
}
