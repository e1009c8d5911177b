/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Invitations, and the script's way to them.
 */
#include "invitation.h"

#include "../../core/mem/shm.h"
#include "../archive/archive.h"
#include "../core/codec/feature.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../script/deferral.h"
#include "../sip/message.h"
#include "bridge.h"
#include "handover.h"
#include "offer.h"

#define TEXT_MAX (512u * 1024)
/* tm's own time for the parked INVITE is longer than ours by this. */
#define PATIENCE_MS 5000

/* While the text grows, slices hold offsets into it. */

static struct cpm_slice text_put(struct cpm_buf *b, struct cpm_slice s)
{
	struct cpm_slice at = {(const char *)(uintptr_t)b->n, s.n};

	cpm_buf_add(b, s);
	return at;
}

static void text_settle(struct cpm_slice *s, const char *text)
{
	s->p = text + (uintptr_t)s->p;
}

static struct cpm_slice text_since(const struct cpm_buf *b, size_t start)
{
	return (struct cpm_slice){(const char *)(uintptr_t)start, b->n - start};
}

bool invitation_suits(const struct context *c, const struct contact *contact)
{
	return contact_takes_messages(contact)
		   && cpm_decide_client(context_documents(c), contact->instance, CPM_MEDIUM_LARGE);
}

/* contact: NULL for the ISF. */
static void invitation_add(struct bridge_job *job, const struct cpm_record *record,
		const struct contact *contact, struct cpm_buf *text)
{
	struct invitation *i = &job->invitations[job->count++];
	size_t start;

	i->to_isf = !contact;
	i->socket = contact ? contact->socket : NULL;
	i->next_hop =
			text_put(text, contact ? contact_next_hop(contact) : cpm_slice_of(settings.isf_uri));
	start = text->n;
	if(contact)
		contact_add_request_uri(contact, record->aor, text);
	else
		cpm_buf_add(text, record->request_uri);
	i->uri = text_since(text, start);
	start = text->n;
	message_add_invite_headers(
			record, contact, CPM_ICSI_LARGEMSG, (unsigned)settings.session_expires_s, text);
	i->headers = text_since(text, start);
}

static bool clients_add(struct bridge_job *job, const struct context *c,
		const struct cpm_record *record, struct cpm_buf *text)
{
	struct contacts contacts;
	size_t i;

	if(!contacts_load(c->user.key, &contacts))
		return false;
	for(i = 0; i < contacts.count && job->count < INVITATION_CLIENTS_MAX; i++) {
		if(invitation_suits(c, &contacts.items[i]))
			invitation_add(job, record, &contacts.items[i], text);
	}
	contacts_free(&contacts);
	return job->count > 0;
}

static struct bridge_job *job_copy(const struct bridge_job *from, const struct cpm_buf *text)
{
	struct bridge_job *job = shm_malloc(sizeof(*job) + text->n);
	char *copy;
	size_t i;

	if(!job)
		return NULL;
	copy = (char *)(job + 1);
	*job = *from;
	memcpy(copy, text->p, text->n);
	text_settle(&job->aor, copy);
	text_settle(&job->id, copy);
	text_settle(&job->from, copy);
	text_settle(&job->to, copy);
	text_settle(&job->sdp, copy);
	text_settle(&job->history, copy);
	for(i = 0; i < job->count; i++) {
		text_settle(&job->invitations[i].uri, copy);
		text_settle(&job->invitations[i].next_hop, copy);
		text_settle(&job->invitations[i].headers, copy);
	}
	return job;
}

/* NULL with *reason. kept: the record as text. */
static struct bridge_job *job_make(const struct context *c, const struct cpm_record *record,
		struct cpm_slice kept, const struct handover_offer *offer, bool to_isf, const char **reason)
{
	static struct cpm_buf text;
	struct bridge_job plan = {.command = {{JOB_COMMAND}, bridge_run},
			.request = {.route = offer->route},
			.octets = offer->sdp.file_size,
			.octets_known = offer->sdp.file_size_known,
			.peer = offer->peer};

	if(!text.max)
		cpm_buf_init(&text, TEXT_MAX);
	cpm_buf_reset(&text);
	plan.aor = text_put(&text, record->aor);
	plan.id = text_put(&text, record->id);
	plan.from = text_put(&text, record->from);
	plan.to = text_put(&text, record->to);
	plan.sdp = text_put(&text, offer->text);
	/* Delivered or interworked, it is recorded where the user wants that (8.3.1.2 step 11). */
	plan.history = text_put(&text,
			c->verdict.record_history && archive_configured() ? kept : CPM_SLICE_NONE);
	*reason = "no-client";
	if(to_isf)
		invitation_add(&plan, record, NULL, &text);
	else if(!clients_add(&plan, c, record, &text))
		return NULL;
	*reason = "busy";
	return text.rc == CPM_OK ? job_copy(&plan, &text) : NULL;
}

static int hand_over(struct sip_msg *msg, struct context *c, struct bridge_job *job, bool to_isf)
{
	struct handover handover = {&job->command, &job->request, &job->dialog, bridge_told};
	enum handover_result result;

	transaction_patience(msg, settings.bridge_wait_ms + PATIENCE_MS);
	c->undelivered = true;
	result = handover_invite(msg, c, &handover);
	if(result == HANDOVER_DONE) {
		if(to_isf)
			count(interworked);
		else
			count(relayed);
		return 0;
	}
	shm_free(job);
	c->undelivered = false;
	return result == HANDOVER_FAILED ? -2 : 0;
}

int invitation_begin(struct sip_msg *msg, struct context *c, const str *route, bool to_isf)
{
	struct handover_offer offer;
	struct cpm_record record;
	struct store_job *kept;
	struct bridge_job *job;
	int rc = handover_read(msg, c, to_isf ? "cpm_bridge_isf" : "cpm_bridge", route, &offer);

	if(rc < 0)
		return rc;
	if(to_isf && !settings.isf_uri[0]) {
		LM_ERR("no interworking function is known: set parameter isf_uri\n");
		c->reason = "busy";
		return -2;
	}
	kept = deferral_of_invite(msg, c, offer.sdp.file_size);
	if(!kept)
		return reason_status(c->reason) < 500 ? -1 : -2;
	job = cpm_record_parse(kept->record, &record, NULL) == CPM_OK
				  ? job_make(c, &record, kept->record, &offer, to_isf, &c->reason)
				  : NULL;
	shm_free(kept);
	if(!job)
		return reason_status(c->reason) < 500 ? -1 : -2;
	c->reason = "";
	return hand_over(msg, c, job, to_isf);
}
