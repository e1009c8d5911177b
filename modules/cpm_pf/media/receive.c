/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The worker's part: is the INVITE one that can be answered, and what is kept of
 * it. The rest is the media process's.
 */
#include "receive.h"

#include "../../core/mem/shm.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../script/deferral.h"
#include "../sip/contacts.h"
#include "handover.h"
#include "invitation.h"
#include "offer.h"
#include "receipt.h"

static struct receive_job *job_make(struct store_job *message, struct cpm_slice sdp)
{
	struct receive_job *job = shm_malloc(sizeof(*job) + sdp.n);

	if(!job)
		return NULL;
	memset(job, 0, sizeof(*job));
	job->command = (struct command_job){{JOB_COMMAND}, answering_run};
	job->message = message;
	job->sdp = (struct cpm_slice){(char *)(job + 1), sdp.n};
	memcpy(job + 1, sdp.p, sdp.n);
	return job;
}

static int hand_over(struct sip_msg *msg, struct context *c, struct receive_job *job)
{
	struct handover handover = {
			&job->command, &job->request, &job->dialog, receipt_told, DIALOG_TAGS_NONE};
	enum handover_result result = handover_invite(msg, c, &handover);

	if(result == HANDOVER_DONE)
		count(accepted);
	else
		receive_job_free(job);
	return result == HANDOVER_FAILED ? -2 : 0;
}

/* Is a client there that may have it (8.3.1.2 step 8)? It is pushed as soon as it is safe. */
static bool client_ready(const struct context *c)
{
	struct contacts contacts;
	bool ready = false;
	size_t i;

	if(!contacts_load(c->user.key, &contacts))
		return false;
	for(i = 0; i < contacts.count && !ready; i++)
		ready = invitation_suits(c, &contacts.items[i]);
	contacts_free(&contacts);
	return ready;
}

int receive_begin(struct sip_msg *msg, struct context *c, const str *route)
{
	struct handover_offer offer;
	struct store_job *message;
	struct receive_job *job;
	bool direct;
	int rc = handover_read(msg, c, "cpm_receive", OFFER_MESSAGE, route, &offer);

	if(rc < 0)
		return rc;
	if(!media_available()) {
		count(store_failures);
		return offer_refuse(c, "store", "redis");
	}
	/* With a client at hand it is not to be deferred, whatever is to become of deferred ones. */
	direct = !c->undelivered && c->decided && c->verdict.action == CPM_DELIVER && !c->dnd
			 && client_ready(c);
	c->no_client = !direct;
	message = deferral_of_invite(msg, c, offer.sdp.file_size);
	if(!message)
		return reason_status(c->reason) < 500 ? -1 : -2;
	if(direct)
		message->place = STORE_TO_PUSH;
	job = job_make(message, offer.text);
	if(!job) {
		shm_free(message);
		return offer_refuse(c, "busy", "no memory");
	}
	job->request.route = offer.route;
	job->peer = offer.peer;
	return hand_over(msg, c, job);
}
