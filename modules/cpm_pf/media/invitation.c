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
#include "../core/session/breadth.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../script/choice.h"
#include "../script/deferral.h"
#include "../script/draft.h"
#include "../sip/message.h"
#include "bridge.h"
#include "conversation.h"
#include "handover.h"
#include "offer.h"

#define TEXT_MAX (512u * 1024)
/* tm's own time for the parked INVITE is longer than ours by this. */
#define PATIENCE_MS 5000

const struct invitation_kind invitation_large = {"cpm_bridge", OFFER_MESSAGE, INVITATION_CLIENTS,
		CPM_ICSI_LARGEMSG, DIALOG_TAGS_NONE, bridge_run, bridge_told, &settings.bridge_wait_ms};
const struct invitation_kind invitation_large_isf = {"cpm_bridge_isf", OFFER_MESSAGE,
		INVITATION_ISF, CPM_ICSI_LARGEMSG, DIALOG_TAGS_NONE, bridge_run, bridge_told,
		&settings.bridge_wait_ms};
const struct invitation_kind invitation_large_forward = {"cpm_bridge_forward", OFFER_MESSAGE,
		INVITATION_FORWARD, CPM_ICSI_LARGEMSG, DIALOG_TAGS_NONE, bridge_run, bridge_told,
		&settings.bridge_wait_ms};
const struct invitation_kind invitation_session = {"cpm_bridge_session", OFFER_SESSION,
		INVITATION_CLIENTS, CPM_ICSI_SESSION, DIALOG_TAGS_SESSION, conversation_run,
		conversation_told, &settings.session_wait_ms};
const struct invitation_kind invitation_session_isf = {"cpm_bridge_session_isf", OFFER_SESSION,
		INVITATION_ISF, CPM_ICSI_SESSION, DIALOG_TAGS_SESSION, conversation_run, conversation_told,
		&settings.session_wait_ms};

/* What an INVITE is made of. */
struct sources {
	struct sip_msg *msg;
	struct context *c;
	const struct cpm_record *record;
	const struct handover_offer *offer;
	const struct invitation_kind *kind;
	struct cpm_slice
			preferences; /* header lines of a session's INVITEs: which clients it is not for */
	unsigned breadth;    /* of each INVITE */
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
	return cpm_slice_of(of->kind->target == INVITATION_ISF ? settings.isf_uri : settings.core_uri);
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
	if(r->message_expires_count == 1)
		line_add(out, "Message-Expires: ", r->message_expires);
}

static void uri_add(const struct sources *of, const struct contact *contact, struct cpm_buf *out)
{
	if(contact)
		contact_add_request_uri(contact, of->record->aor, out);
	else if(of->kind->target == INVITATION_FORWARD)
		cpm_buf_add(out, of->c->verdict.forward_to);
	else
		cpm_buf_add(out, of->record->request_uri);
}

/* contact: NULL unless it is for one. */
static struct cpm_slice headers_put(
		const struct sources *of, const struct contact *contact, struct cpm_buf *text)
{
	size_t start = text->n;

	message_add_invite_headers(
			of->record, contact, of->kind->service, (unsigned)settings.session_expires_s, text);
	/* Or two users who forward to each other would make an endless way, and contacts that lead back a tree. */
	if(of->msg->maxforwards)
		line_add(text, "Max-Forwards: ", slice_of_str(&of->msg->maxforwards->body));
	cpm_buf_add_str(text, "Max-Breadth: ");
	cpm_buf_add_u64(text, of->breadth);
	cpm_buf_add_str(text, "\r\n");
	if(!contact)
		onward_headers_add(of, text);
	if(!contact || of->kind->want == OFFER_SESSION)
		line_add(text, "P-Asserted-Service: ", of->c->request.asserted_service);
	if(of->kind->want == OFFER_SESSION)
		line_add(text, "Session-Replaces: ", of->c->request.session_replaces);
	if(contact)
		cpm_buf_add(text, of->preferences);
	return text_since(text, start);
}

/* Likewise. */
static void invitation_add(struct invitation_job *job, const struct sources *of,
		const struct contact *contact, struct cpm_buf *text)
{
	struct invitation *i = &job->invitations[job->count++];
	size_t start;

	if(contact) {
		i->instance = text_put(text, contact->instance);
		i->contact = text_put(text, contact->uri);
	}
	i->socket = contact ? contact->socket : NULL;
	i->next_hop = text_put(text, next_hop(of, contact));
	start = text->n;
	uri_add(of, contact, text);
	i->uri = text_since(text, start);
	i->headers = headers_put(of, contact, text);
}

/* Shares among those who are to be invited what the INVITE may still become. False when that is not enough. */
static bool breadth_share(struct sources *of, size_t invitations)
{
	if(invitations > INVITATION_CLIENTS_MAX)
		invitations = INVITATION_CLIENTS_MAX;
	of->breadth = cpm_breadth_share(of->c->request.max_breadth, invitations);
	if(!of->breadth)
		of->c->reason = "breadth";
	return of->breadth > 0;
}

static void contacts_add(struct invitation_job *job, struct sources *of,
		const struct contacts *contacts, const bool *expected, struct cpm_buf *text)
{
	size_t i;

	for(i = 0; i < contacts->count && job->count < INVITATION_CLIENTS_MAX; i++) {
		if(expected[i])
			invitation_add(job, of, &contacts->items[i], text);
	}
}

static bool clients_add(struct invitation_job *job, struct sources *of, struct cpm_buf *text)
{
	bool expected[CONTACTS_MAX];
	struct contacts contacts;
	size_t i, count = 0;

	if(!contacts_load(of->c->user.key, &contacts))
		return false;
	for(i = 0; i < contacts.count; i++) {
		expected[i] = invitation_suits(of->c, &contacts.items[i]);
		count += expected[i];
	}
	if(count && breadth_share(of, count))
		contacts_add(job, of, &contacts, expected, text);
	contacts_free(&contacts);
	return job->count > 0;
}

/* 8.3.2.1 step 5c. */
static bool session_clients_add(
		struct invitation_job *job, struct sources *of, struct cpm_buf *text)
{
	static struct cpm_buf lines;
	struct session_choice choice;

	if(!choice_make(of->msg, of->c, &choice))
		return false;
	if(!lines.max)
		cpm_buf_init(&lines, TEXT_MAX);
	cpm_buf_reset(&lines);
	choice_add_headers(&choice, choice_disposition(of->msg), &lines);
	of->preferences = cpm_buf_slice(&lines);
	if(choice.count && breadth_share(of, choice.count)) {
		contacts_add(job, of, &choice.contacts, choice.expected, text);
		job->onward = headers_put(of, NULL, text);
	}
	choice_free(&choice);
	return lines.rc == CPM_OK && job->count > 0;
}

static bool invitations_add(struct invitation_job *job, struct sources *of, struct cpm_buf *text)
{
	if(of->kind->target == INVITATION_CLIENTS)
		return of->kind->want == OFFER_SESSION ? session_clients_add(job, of, text)
											   : clients_add(job, of, text);
	if(!breadth_share(of, 1))
		return false;
	invitation_add(job, of, NULL, text);
	return true;
}

/* Delivered or interworked, it is recorded where the user wants that (8.3.1.2 step 11); forwarded it is another's. */
static bool history_wanted(const struct sources *of)
{
	return of->kind->target != INVITATION_FORWARD && of->c->verdict.record_history
		   && archive_configured();
}

static struct invitation_job *job_copy(
		const struct invitation_job *from, const struct cpm_buf *text)
{
	struct invitation_job *job = shm_malloc(sizeof(*job) + text->n);
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
	text_settle(&job->conversation_id, copy);
	text_settle(&job->contribution_id, copy);
	text_settle(&job->onward, copy);
	text_settle(&job->before, copy);
	text_settle(&job->after, copy);
	text_settle(&job->content_type, copy);
	for(i = 0; i < job->count; i++) {
		text_settle(&job->invitations[i].uri, copy);
		text_settle(&job->invitations[i].next_hop, copy);
		text_settle(&job->invitations[i].headers, copy);
		text_settle(&job->invitations[i].instance, copy);
		text_settle(&job->invitations[i].contact, copy);
	}
	return job;
}

/* What comes with the SDP of a session goes on with ours: a list of those who take part, say. */
static void body_put(struct invitation_job *plan, const struct sources *of, struct cpm_buf *text)
{
	const struct request *r = &of->c->request;
	struct cpm_slice sdp = of->offer->text;
	size_t start = text->n;

	if(of->kind->want != OFFER_SESSION || sdp.n == r->body.n)
		return;
	plan->before = text_put(text, cpm_slice_head(r->body, (size_t)(sdp.p - r->body.p)));
	plan->after = text_put(text, cpm_slice_from(r->body, (size_t)(sdp.p - r->body.p) + sdp.n));
	start = text->n;
	cpm_header_add_unfolded(text, r->content_type);
	plan->content_type = text_since(text, start);
}

/* NULL with *reason. kept: the record as text. */
static struct invitation_job *job_make(
		struct sources *of, struct cpm_slice kept, const char **reason)
{
	static struct cpm_buf text;
	const struct handover_offer *offer = of->offer;
	struct invitation_job plan = {.command = {{JOB_COMMAND}, of->kind->run},
			.request = {.route = offer->route},
			.kind = of->kind,
			.to_isf = of->kind->target == INVITATION_ISF,
			.octets = offer->sdp.file_size,
			.octets_known = offer->sdp.file_size_known,
			.peer = offer->peer,
			.forwards = of->kind->target == INVITATION_FORWARD};

	if(!text.max)
		cpm_buf_init(&text, TEXT_MAX);
	cpm_buf_reset(&text);
	plan.aor = text_put(&text, of->record->aor);
	plan.id = text_put(&text, of->record->id);
	plan.from = text_put(&text, of->record->from);
	plan.to = text_put(&text, of->record->to);
	plan.sdp = text_put(&text, offer->text);
	plan.conversation_id = text_put(&text, of->record->conversation_id);
	plan.contribution_id = text_put(&text, of->record->contribution_id);
	plan.history = text_put(&text, history_wanted(of) ? kept : CPM_SLICE_NONE);
	body_put(&plan, of, &text);
	*reason = "no-client";
	if(!invitations_add(&plan, of, &text))
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

static int hand_over(struct sip_msg *msg, struct context *c, struct invitation_job *job,
		const struct invitation_kind *kind)
{
	struct handover handover = {&job->command, &job->request, &job->dialog, kind->told, kind->tags};
	enum handover_result result;

	transaction_patience(msg, *kind->wait_ms + PATIENCE_MS);
	c->undelivered = true;
	result = handover_invite(msg, c, &handover);
	if(result == HANDOVER_DONE) {
		if(kind->want == OFFER_MESSAGE)
			count_target(kind->target);
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

int invitation_begin(struct sip_msg *msg, struct context *c, const str *route,
		const struct invitation_kind *kind)
{
	struct handover_offer offer;
	struct cpm_record record;
	struct sources sources = {msg, c, &record, &offer, kind, CPM_SLICE_NONE, 0};
	struct store_job *kept;
	struct invitation_job *job;
	int rc = handover_read(msg, c, kind->function, kind->want, route, &offer);

	if(rc < 0)
		return rc;
	if(!target_known(c, kind->target)) {
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
	return hand_over(msg, c, job, kind);
}
