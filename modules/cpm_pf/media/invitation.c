/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Invitations, and the script's way to them.
 */
#include "invitation.h"

#include "../../core/mem/shm.h"
#include "../archive/archive.h"
#include "../core/codec/feature.h"
#include "../core/codec/header.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../script/deferral.h"
#include "../script/draft.h"
#include "../sip/message.h"
#include "bridge.h"
#include "handover.h"
#include "offer.h"

#define TEXT_MAX (512u * 1024)
/* tm's own time for the parked INVITE is longer than ours by this. */
#define PATIENCE_MS 5000

static const char *const functions[] = {[INVITATION_CLIENTS] = "cpm_bridge",
		[INVITATION_ISF] = "cpm_bridge_isf",
		[INVITATION_FORWARD] = "cpm_bridge_forward"};

/* What an INVITE is made of. */
struct sources {
	struct sip_msg *msg;
	const struct context *c;
	const struct cpm_record *record;
	const struct handover_offer *offer;
	enum invitation_target target;
};

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

static void line_add(struct cpm_buf *out, const char *name, struct cpm_slice value)
{
	if(!value.n)
		return;
	cpm_buf_add_str(out, name);
	cpm_header_add_unfolded(out, value);
	cpm_buf_add_str(out, "\r\n");
}

static struct cpm_slice next_hop(const struct sources *of, const struct contact *contact)
{
	if(contact)
		return contact_next_hop(contact);
	return cpm_slice_of(of->target == INVITATION_FORWARD ? settings.core_uri : settings.isf_uri);
}

/* Forwarded or interworked, it is no client's yet. Who asked for privacy is named to the core and the ISF, which we know (RFC 3325
 * section 7), and to nobody else. */
static void onward_headers_add(const struct sources *of, struct cpm_buf *out)
{
	const struct request *r = &of->c->request;

	if(of->c->facts.anonymous && of->c->facts.originator_count && next_hop(of, NULL).n) {
		cpm_buf_add_str(out, "P-Asserted-Identity: ");
		draft_add_asserted(out, of->c, r);
		cpm_buf_add_str(out, "\r\n");
	}
	line_add(out, "P-Asserted-Service: ", r->asserted_service);
	if(r->message_expires_count == 1)
		line_add(out, "Message-Expires: ", r->message_expires);
}

static void uri_add(const struct sources *of, const struct contact *contact, struct cpm_buf *out)
{
	if(contact)
		contact_add_request_uri(contact, of->record->aor, out);
	else if(of->target == INVITATION_FORWARD)
		cpm_buf_add(out, of->c->verdict.forward_to);
	else
		cpm_buf_add(out, of->record->request_uri);
}

/* contact: NULL unless it is for one. */
static void invitation_add(struct bridge_job *job, const struct sources *of,
		const struct contact *contact, struct cpm_buf *text)
{
	struct invitation *i = &job->invitations[job->count++];
	size_t start;

	i->to_isf = of->target == INVITATION_ISF;
	i->socket = contact ? contact->socket : NULL;
	i->next_hop = text_put(text, next_hop(of, contact));
	start = text->n;
	uri_add(of, contact, text);
	i->uri = text_since(text, start);
	start = text->n;
	message_add_invite_headers(
			of->record, contact, CPM_ICSI_LARGEMSG, (unsigned)settings.session_expires_s, text);
	/* Or two users who forward to each other would make an endless way. */
	if(of->msg->maxforwards)
		line_add(text, "Max-Forwards: ", slice_of_str(&of->msg->maxforwards->body));
	if(!contact)
		onward_headers_add(of, text);
	i->headers = text_since(text, start);
}

static bool clients_add(struct bridge_job *job, const struct sources *of, struct cpm_buf *text)
{
	struct contacts contacts;
	size_t i;

	if(!contacts_load(of->c->user.key, &contacts))
		return false;
	for(i = 0; i < contacts.count && job->count < INVITATION_CLIENTS_MAX; i++) {
		if(invitation_suits(of->c, &contacts.items[i]))
			invitation_add(job, of, &contacts.items[i], text);
	}
	contacts_free(&contacts);
	return job->count > 0;
}

/* Delivered or interworked, it is recorded where the user wants that (8.3.1.2 step 11); forwarded it is another's. */
static bool history_wanted(const struct sources *of)
{
	return of->target != INVITATION_FORWARD && of->c->verdict.record_history
		   && archive_configured();
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
static struct bridge_job *job_make(
		const struct sources *of, struct cpm_slice kept, const char **reason)
{
	static struct cpm_buf text;
	const struct handover_offer *offer = of->offer;
	struct bridge_job plan = {.command = {{JOB_COMMAND}, bridge_run},
			.request = {.route = offer->route},
			.octets = offer->sdp.file_size,
			.octets_known = offer->sdp.file_size_known,
			.peer = offer->peer,
			.forwards = of->target == INVITATION_FORWARD};

	if(!text.max)
		cpm_buf_init(&text, TEXT_MAX);
	cpm_buf_reset(&text);
	plan.aor = text_put(&text, of->record->aor);
	plan.id = text_put(&text, of->record->id);
	plan.from = text_put(&text, of->record->from);
	plan.to = text_put(&text, of->record->to);
	plan.sdp = text_put(&text, offer->text);
	plan.history = text_put(&text, history_wanted(of) ? kept : CPM_SLICE_NONE);
	*reason = "no-client";
	if(of->target != INVITATION_CLIENTS)
		invitation_add(&plan, of, NULL, &text);
	else if(!clients_add(&plan, of, &text))
		return NULL;
	*reason = "busy";
	return text.rc == CPM_OK ? job_copy(&plan, &text) : NULL;
}

static void count_target(enum invitation_target target)
{
	switch(target) {
		case INVITATION_CLIENTS:
			count(relayed);
			break;
		case INVITATION_ISF:
			count(interworked);
			break;
		case INVITATION_FORWARD:
			count(forwarded);
			break;
	}
}

static int hand_over(struct sip_msg *msg, struct context *c, struct bridge_job *job,
		enum invitation_target target)
{
	struct handover handover = {&job->command, &job->request, &job->dialog, bridge_told};
	enum handover_result result;

	transaction_patience(msg, settings.bridge_wait_ms + PATIENCE_MS);
	c->undelivered = true;
	result = handover_invite(msg, c, &handover);
	if(result == HANDOVER_DONE) {
		count_target(target);
		return 0;
	}
	shm_free(job);
	c->undelivered = false;
	return result == HANDOVER_FAILED ? -2 : 0;
}

/* Is there somebody to invite at all? */
static bool target_known(const struct context *c, enum invitation_target target)
{
	if(target == INVITATION_ISF && !settings.isf_uri[0])
		LM_ERR("no interworking function is known: set parameter isf_uri\n");
	else if(target == INVITATION_FORWARD && !c->verdict.forward_to.n)
		LM_ERR("cpm_bridge_forward: the verdict is not to forward\n");
	else
		return true;
	return false;
}

int invitation_begin(
		struct sip_msg *msg, struct context *c, const str *route, enum invitation_target target)
{
	struct handover_offer offer;
	struct cpm_record record;
	struct sources sources = {msg, c, &record, &offer, target};
	struct store_job *kept;
	struct bridge_job *job;
	int rc = handover_read(msg, c, functions[target], route, &offer);

	if(rc < 0)
		return rc;
	if(!target_known(c, target)) {
		c->reason = "busy";
		return -2;
	}
	kept = deferral_of_invite(msg, c, offer.sdp.file_size);
	if(!kept)
		return reason_status(c->reason) < 500 ? -1 : -2;
	c->reason = "busy";
	job = cpm_record_parse(kept->record, &record, NULL) == CPM_OK
				  ? job_make(&sources, kept->record, &c->reason)
				  : NULL;
	shm_free(kept);
	if(!job)
		return reason_status(c->reason) < 500 ? -1 : -2;
	c->reason = "";
	return hand_over(msg, c, job, target);
}
