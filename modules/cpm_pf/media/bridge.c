/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The worker builds an INVITE for each client; the media process sends them,
 * joins the first that accepts to the sender, and ends both. Octets pass in
 * order: a sender that leaves a hole cannot be served without keeping what comes
 * behind it, so it is refused.
 */
#include "bridge.h"

#include <stdlib.h>

#include "../../core/mem/shm.h"
#include "../archive/archive.h"
#include "../core/codec/feature.h"
#include "../core/session/bridge.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../script/deferral.h"
#include "../sip/contacts.h"
#include "../sip/invite.h"
#include "../sip/message.h"
#include "media.h"
#include "offer.h"
#include "transfer.h"

#define SDP_MAX 2048
#define TEXT_MAX (512u * 1024)
/* More than this held: the sender waits. */
#define HELD_MAX (BRIDGE_BUFFER / 2)
/* For the sender's BYE, before we send our own: after the 200, and after an answer that is none. */
#define BYE_GRACE_MS 10000
#define FAIL_GRACE_MS 1000
/* A client that hung up when it had everything: for its last responses, which come by another way than its BYE. */
#define LAST_WORDS_MS 2000
/* A final answer that has not come by then never will: tm's own timers are shorter. */
#define ANSWER_LOST_MS 300000
/* tm's own time for the parked INVITE is longer than ours by this. */
#define PATIENCE_MS 5000
#define SLICE_FMT(s) (int)(s).n, (s).p ? (s).p : ""

struct bridge_client {
	struct cpm_slice uri, next_hop, headers; /* in the job's block */
	struct socket_info *socket;
};

struct bridge_job {
	struct command_job command;
	struct command_request request;
	dialog_id dialog;
	uint64_t octets;
	bool octets_known;
	struct cpm_slice aor, id, from, to, sdp; /* in the job's block */
	struct bridge_client clients[BRIDGE_CLIENTS_MAX];
	size_t count;
};

struct bridge;

/* An INVITE of ours and what comes of it. It outlives its bridge while the final answer is awaited. */
struct branch {
	bool used, pending;
	struct bridge *bridge; /* NULL: nobody wants it any more */
	uint64_t ticket;
	struct leg *leg;
	dialog_id dialog; /* 0: none, or over */
	int64_t sent_ms;
};

struct bridge {
	struct bridge *next;
	enum cpm_bridge_state state;
	struct bridge_job *job;
	struct leg *in;
	bool in_over;       /* the sender's dialog is */
	struct branch *out; /* the client that accepted */
	size_t pending;     /* clients that may yet */
	char *buffer;       /* a ring */
	size_t first, held;
	uint64_t taken; /* octets from the sender */
	uint64_t total; /* when known; else 0 */
	bool complete, giving, paused;
	bool confirmed; /* by the client, perhaps before the sender's end-line is here */
	size_t wanted;
	unsigned status; /* why it failed: the INVITE's, or MSRP's */
	unsigned answer; /* MSRP's that the sender hears then */
	int64_t started_ms, until_ms;
	int64_t hung_up_ms; /* when the client did, having everything; else 0 */
};

static struct bridge *bridges;
static struct branch *branches;
static size_t branch_count;

static void bridge_run(struct command_job *head, struct store *store, int64_t now);
static void bridge_event(struct bridge *b, enum cpm_bridge_event event);

/* In a worker. While the text grows, slices hold offsets into it. */

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

/* 8.3.1.2 step 8a-d. */
static void client_add(struct bridge_job *job, const struct cpm_record *record,
		const struct contact *contact, struct cpm_buf *text)
{
	struct bridge_client *client = &job->clients[job->count++];
	size_t start;

	client->socket = contact->socket;
	client->next_hop = text_put(text, contact_next_hop(contact));
	start = text->n;
	contact_add_request_uri(contact, record->aor, text);
	client->uri = (struct cpm_slice){(const char *)(uintptr_t)start, text->n - start};
	start = text->n;
	message_add_invite_headers(
			record, contact, CPM_ICSI_LARGEMSG, (unsigned)settings.session_expires_s, text);
	client->headers = (struct cpm_slice){(const char *)(uintptr_t)start, text->n - start};
}

static bool clients_add(struct bridge_job *job, const struct context *c,
		const struct cpm_record *record, struct cpm_buf *text)
{
	struct contacts contacts;
	size_t i;

	if(!contacts_load(c->user.key, &contacts))
		return false;
	for(i = 0; i < contacts.count && job->count < BRIDGE_CLIENTS_MAX; i++) {
		const struct contact *contact = &contacts.items[i];

		if(contact_takes_messages(contact)
				&& cpm_decide_client(context_documents(c), contact->instance, CPM_MEDIUM_LARGE))
			client_add(job, record, contact, text);
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
	for(i = 0; i < job->count; i++) {
		text_settle(&job->clients[i].uri, copy);
		text_settle(&job->clients[i].next_hop, copy);
		text_settle(&job->clients[i].headers, copy);
	}
	return job;
}

/* NULL with c->reason. */
static struct bridge_job *job_make(const struct context *c, const struct cpm_record *record,
		struct cpm_slice sdp, const struct cpm_sdp *offer, const char **reason)
{
	static struct cpm_buf text;
	struct bridge_job plan = {.command = {{JOB_COMMAND}, bridge_run},
			.octets = offer->file_size,
			.octets_known = offer->file_size_known};
	struct bridge_job *job;

	if(!text.max)
		cpm_buf_init(&text, TEXT_MAX);
	cpm_buf_reset(&text);
	plan.aor = text_put(&text, record->aor);
	plan.id = text_put(&text, record->id);
	plan.from = text_put(&text, record->from);
	plan.to = text_put(&text, record->to);
	plan.sdp = text_put(&text, sdp);
	*reason = "no-client";
	if(!clients_add(&plan, c, record, &text))
		return NULL;
	*reason = "busy";
	job = text.rc == CPM_OK ? job_copy(&plan, &text) : NULL;
	return job;
}

static int hand_over(struct sip_msg *msg, struct context *c, struct bridge_job *job)
{
	int process = media_choose();

	transaction_patience(msg, settings.bridge_wait_ms + PATIENCE_MS);
	c->undelivered = true;
	context_keep(msg, c);
	switch(dialog_open(
			msg, media_owner(process), bridge_told, &job->dialog, &job->request.transaction)) {
		case DIALOG_OPENED:
			break;
		case DIALOG_ABSORBED:
		case DIALOG_REPLIED:
			shm_free(job);
			return 0;
		case DIALOG_FAILED:
		default:
			shm_free(job);
			c->undelivered = false;
			return offer_refuse(c, "busy", "no room for the dialog");
	}
	if(post_to(POST_MEDIA, process, job)) {
		count(relayed);
		return 0;
	}
	dialog_refuse(job->dialog);
	transaction_unpark(&job->request.transaction);
	shm_free(job);
	c->undelivered = false;
	return offer_refuse(c, "busy", "the msrp process is behind");
}

int bridge_begin(struct sip_msg *msg, struct context *c, const str *route)
{
	struct transaction_route target;
	struct cpm_slice sdp = CPM_SLICE_NONE;
	struct cpm_record record;
	struct store_job *kept;
	struct bridge_job *job;
	struct cpm_sdp offer;
	int rc;

	if(!transaction_route_find(route, &target)) {
		LM_ERR("cpm_bridge: there is no route[%.*s]\n", route->len, route->s);
		c->reason = "busy";
		return -2;
	}
	if(!context_request(msg, c)) {
		count(malformed);
		return offer_refuse(c, "malformed", "the headers cannot be read");
	}
	if(!media_on())
		return offer_refuse(c, "no-media", "msrp_listen is not set");
	if((rc = offer_read(c, &sdp, &offer)) < 0)
		return rc;
	/* What is to be recorded must be had as a whole: it is received, and sent from here (adr/0031). */
	if(c->verdict.record_history && archive_configured()) {
		c->reason = "history";
		return -1;
	}
	kept = deferral_of_invite(msg, c, offer.file_size);
	if(!kept)
		return reason_status(c->reason) < 500 ? -1 : -2;
	job = cpm_record_parse(kept->record, &record, NULL) == CPM_OK
				  ? job_make(c, &record, sdp, &offer, &c->reason)
				  : NULL;
	shm_free(kept);
	if(!job)
		return reason_status(c->reason) < 500 ? -1 : -2;
	c->reason = "";
	job->request.route = target;
	return hand_over(msg, c, job);
}

/* In the media process. */

bool bridge_start(void)
{
	branch_count = (size_t)settings.msrp_max_sessions;
	branches = calloc(branch_count, sizeof(*branches));
	return branches != NULL;
}

static struct branch *branch_take(struct bridge *b)
{
	static size_t from;
	size_t i;

	for(i = 0; i < branch_count; i++) {
		struct branch *branch = &branches[(from + i) % branch_count];

		if(branch->used)
			continue;
		from = (size_t)(branch - branches) + 1;
		*branch = (struct branch){.used = true, .bridge = b};
		branch->ticket = transfer_ticket(branch_count + (size_t)(branch - branches));
		return branch;
	}
	return NULL;
}

/* Nobody waits for anything of it. */
static void branch_release(struct branch *branch)
{
	leg_close(&branch->leg);
	if(!branch->pending && !branch->dialog)
		branch->used = false;
}

static void branch_hang_up(struct branch *branch)
{
	if(branch->dialog)
		dialog_hang_up(branch->dialog);
	branch->dialog = 0;
}

/* All clients but the one that is kept. */
static void clients_cancel(struct bridge *b, const struct branch *keep)
{
	size_t i;

	for(i = 0; i < branch_count; i++) {
		struct branch *branch = &branches[i];

		if(!branch->used || branch->bridge != b || branch == keep)
			continue;
		branch->bridge = NULL;
		if(branch->pending)
			invite_cancel(branch->ticket);
		branch_hang_up(branch);
		branch_release(branch);
	}
	b->pending = 0;
}

/* How many octets can be given now. Without a known total one is held back, so that the last piece is never empty. */
static size_t octets_ready(const struct bridge *b)
{
	size_t n = b->held, straight = BRIDGE_BUFFER - b->first;

	if(!b->total && !b->complete && n)
		n--;
	n = n < straight ? n : straight;
	return n < b->wanted ? n : b->wanted;
}

/* From the ring to the client, as it wants. Each piece can bring the next wish, or the end of everything. */
static void octets_pass(struct bridge *b)
{
	size_t n;

	if(b->giving)
		return;
	b->giving = true;
	while(b->state == CPM_BRIDGE_OPEN && b->out && b->out->leg && b->wanted
			&& (n = octets_ready(b)) > 0) {
		struct cpm_slice piece = {b->buffer + b->first, n};

		b->wanted = 0;
		b->first = (b->first + n) % BRIDGE_BUFFER;
		b->held -= n;
		leg_give(b->out->leg, piece, b->complete && !b->held);
	}
	b->giving = false;
	if(b->state == CPM_BRIDGE_OPEN && b->in && b->paused && b->held <= HELD_MAX) {
		b->paused = false;
		leg_resume(b->in);
	}
}

/* What the sender is told. Of what the client says only that counts which is about the message: the rest is between it and us. While
 * octets come, 413 alone stops them (RFC 4975 section 10.5); after the last one the answer says why it is none: 408, as when no
 * response comes. */
static unsigned answer_of(const struct bridge *b, unsigned client)
{
	if(client == 403 || client == 413 || client == 415)
		return client;
	return b->complete ? 408 : 413;
}

/* The client takes no more. status: what it says, or ours for it. */
static void client_fail(struct bridge *b, unsigned status)
{
	b->status = status;
	b->answer = answer_of(b, status);
	bridge_event(b, CPM_BRIDGE_BROKEN);
}

/* What the sender says cannot be passed on. */
static void sender_breach(struct bridge *b, unsigned answer, const char *why)
{
	LM_NOTICE("event=unbridged id=%.*s why=\"%s\"\n", SLICE_FMT(b->job->id), why);
	b->status = b->answer = answer;
	bridge_event(b, CPM_BRIDGE_BROKEN);
}

/* The sender's side. */

static unsigned in_begin(void *owner, struct leg *leg, const struct cpm_msrp_head *head)
{
	struct bridge *b = owner;
	uint64_t total = head->range.total_known ? head->range.total : b->job->octets;
	struct leg_message message = {
			.content_type = CPM_SLICE("message/cpim"), .total = total, .total_known = total > 0};

	/* One message a session; and none for a client that is gone. */
	if(b->buffer || b->state != CPM_BRIDGE_OPEN)
		return 413;
	b->buffer = malloc(BRIDGE_BUFFER);
	if(!b->buffer)
		return 408;
	b->total = total;
	if(b->out->leg)
		leg_send(b->out->leg, &message);
	return 0;
}

static bool in_octets(void *owner, struct leg *leg, uint64_t at, struct cpm_slice piece)
{
	struct bridge *b = owner;
	size_t end, n;

	if(b->total && (at > b->total || piece.n > b->total - at)) {
		sender_breach(b, 413, "more octets than announced");
		return true;
	}
	if(at < b->taken)
		piece = cpm_slice_from(piece, b->taken - at < piece.n ? (size_t)(b->taken - at) : piece.n);
	if(at > b->taken || piece.n > BRIDGE_BUFFER - b->held) {
		sender_breach(b, 413, "octets out of order");
		return true;
	}
	while(piece.n) {
		end = (b->first + b->held) % BRIDGE_BUFFER;
		n = piece.n < BRIDGE_BUFFER - end ? piece.n : BRIDGE_BUFFER - end;
		memcpy(b->buffer + end, piece.p, n);
		b->held += n;
		b->taken += n;
		piece = cpm_slice_from(piece, n);
	}
	/* Not under its own feet: what is passed on may ask for more. */
	b->paused = b->held > HELD_MAX;
	octets_pass(b);
	return !b->paused || b->state != CPM_BRIDGE_OPEN;
}

static void in_complete(void *owner, struct leg *leg, uint64_t total)
{
	struct bridge *b = owner;

	b->complete = true;
	if(!b->taken || (b->total && b->total != total)) {
		sender_breach(b, 400, "not as many octets as announced");
		return;
	}
	if(b->confirmed)
		bridge_event(b, CPM_BRIDGE_CONFIRMED);
	else
		octets_pass(b);
}

static void in_aborted(void *owner, struct leg *leg)
{
	bridge_event(owner, CPM_BRIDGE_LOST);
}

/* The sender is gone. What is here as a whole goes through all the same, as what is received is made safe all the same. */
static void sender_gone(struct bridge *b, enum cpm_bridge_event how)
{
	if(b->state != CPM_BRIDGE_OPEN || !b->complete)
		bridge_event(b, how);
}

static void in_lost(void *owner, struct leg *leg, enum leg_loss why)
{
	struct bridge *b = owner;

	b->in = NULL;
	LM_INFO("event=media_lost id=%.*s why=%s\n", SLICE_FMT(b->job->id), leg_loss_name(why));
	sender_gone(b, CPM_BRIDGE_LOST);
}

static const struct leg_hooks in_hooks = {.begin = in_begin,
		.octets = in_octets,
		.complete = in_complete,
		.aborted = in_aborted,
		.lost = in_lost};

/* The client's side. */

static void out_want(void *owner, struct leg *leg, uint64_t at, size_t n)
{
	struct branch *branch = owner;

	if(!branch->bridge)
		return;
	branch->bridge->wanted = n;
	octets_pass(branch->bridge);
}

static void out_sent(void *owner, struct leg *leg, unsigned status)
{
	struct branch *branch = owner;

	if(!branch->bridge)
		return;
	if(status != 200) {
		client_fail(branch->bridge, status);
		return;
	}
	branch->bridge->confirmed = true;
	if(branch->bridge->complete)
		bridge_event(branch->bridge, CPM_BRIDGE_CONFIRMED);
}

static void out_lost(void *owner, struct leg *leg, enum leg_loss why)
{
	struct branch *branch = owner;
	struct bridge *b = branch->bridge;

	branch->leg = NULL;
	if(!b || b->out != branch || b->confirmed)
		return;
	LM_INFO("event=media_lost id=%.*s why=%s\n", SLICE_FMT(b->job->id), leg_loss_name(why));
	client_fail(b, 408);
}

static const struct leg_hooks out_hooks = {.want = out_want, .sent = out_sent, .lost = out_lost};

/* Steps */

static void sender_answer(struct bridge *b)
{
	char memory[SDP_MAX];
	struct cpm_buf sdp;
	struct cpm_sdp offer;

	clients_cancel(b, b->out);
	cpm_buf_init_fixed(&sdp, memory, sizeof(memory));
	if(cpm_sdp_parse(b->job->sdp, &offer, NULL) != CPM_OK
			|| !(b->in = offer_open(&offer, &in_hooks, b))
			|| !offer_answer(b->in, &offer, b->out->ticket, &sdp)) {
		bridge_event(b, CPM_BRIDGE_UNABLE);
		return;
	}
	/* A CANCEL was faster: the worker that took it has answered. */
	if(!dialog_answer(b->job->dialog, cpm_buf_slice(&sdp))) {
		b->in_over = true;
		bridge_event(b, CPM_BRIDGE_OVER);
	}
}

static void client_end(struct bridge *b)
{
	if(b->out && b->out->leg)
		leg_abort(b->out->leg);
	clients_cancel(b, NULL);
	b->out = NULL;
}

static void both_end(struct bridge *b)
{
	leg_close(&b->in);
	if(!b->in_over)
		dialog_hang_up(b->job->dialog);
	b->in_over = true;
	client_end(b);
}

static void bridge_failed(struct bridge *b, const char *why)
{
	count(large_unbridged);
	LM_NOTICE("event=unbridged id=%.*s user=%.*s octets=%llu why=\"%s\" status=%u\n",
			SLICE_FMT(b->job->id), SLICE_FMT(b->job->aor), (unsigned long long)b->taken, why,
			b->status);
}

static void sender_refuse(struct bridge *b)
{
	leg_close(&b->in);
	clients_cancel(b, NULL);
	b->out = NULL;
	bridge_failed(b, "no client took it");
	dialog_refuse(b->job->dialog);
	command_refuse(&b->job->request, "undelivered");
}

/* It has its answer, and is to say BYE. */
static void sender_leaves(struct bridge *b, int64_t grace_ms)
{
	b->until_ms = now_ms() + grace_ms;
	if(b->in_over)
		bridge_event(b, CPM_BRIDGE_OVER);
	else if(!b->in)
		bridge_event(b, CPM_BRIDGE_LOST);
}

static void sender_tell(struct bridge *b)
{
	count(large_bridged);
	LM_INFO("event=bridged id=%.*s user=%.*s octets=%llu ms=%lld\n", SLICE_FMT(b->job->id),
			SLICE_FMT(b->job->aor), (unsigned long long)b->taken,
			(long long)(now_ms() - b->started_ms));
	if(b->in)
		leg_verdict(b->in, 200);
	sender_leaves(b, BYE_GRACE_MS);
}

static void sender_fail(struct bridge *b)
{
	bridge_failed(b, "the client did not take it all");
	client_end(b);
	if(b->in) {
		leg_refuse(b->in, b->answer);
		b->paused = false;
		leg_resume(b->in);
	}
	sender_leaves(b, FAIL_GRACE_MS);
}

static void bridge_event(struct bridge *b, enum cpm_bridge_event event)
{
	switch(cpm_bridge_next(&b->state, event)) {
		case CPM_BRIDGE_NOTHING:
			break;
		case CPM_BRIDGE_ANSWER:
			sender_answer(b);
			break;
		case CPM_BRIDGE_REFUSE:
			sender_refuse(b);
			break;
		case CPM_BRIDGE_CANCEL:
			clients_cancel(b, NULL);
			break;
		case CPM_BRIDGE_TELL:
			sender_tell(b);
			break;
		case CPM_BRIDGE_FAIL:
			sender_fail(b);
			break;
		case CPM_BRIDGE_STOP:
			bridge_failed(b, "its sender gave up");
			both_end(b);
			break;
		case CPM_BRIDGE_END:
			both_end(b);
			break;
	}
}

/* A client is none of those that may accept any more. */
static void client_out(struct branch *branch)
{
	struct bridge *b = branch->bridge;

	branch->bridge = NULL;
	branch_hang_up(branch);
	branch_release(branch);
	if(--b->pending == 0)
		bridge_event(b, CPM_BRIDGE_REFUSED);
}

void bridge_answered(
		size_t place, uint64_t ticket, int status, dialog_id dialog, struct cpm_slice sdp)
{
	struct branch *branch = &branches[place];
	struct bridge *b;

	if(!branch->used || branch->ticket != ticket) {
		if(dialog)
			dialog_hang_up(dialog);
		return;
	}
	b = branch->bridge;
	branch->pending = false;
	branch->dialog = dialog;
	if(!b) {
		/* Too late: another was faster, or nobody waits. */
		branch_hang_up(branch);
		branch_release(branch);
	} else if(status >= 300 || !dialog_lives(dialog) || !branch->leg
			  || !offer_answered(branch->leg, false, sdp)) {
		b->status = status >= 300 ? (unsigned)status : 488;
		client_out(branch);
	} else {
		b->out = branch;
		bridge_event(b, CPM_BRIDGE_ACCEPTED);
	}
}

static void client_hung_up(struct branch *branch)
{
	struct bridge *b = branch->bridge;

	branch->dialog = 0;
	if(!b || b->out != branch || b->state != CPM_BRIDGE_OPEN || b->confirmed)
		return;
	if(branch->leg && leg_all_given(branch->leg))
		b->hung_up_ms = now_ms();
	else
		client_fail(b, 408);
}

void bridge_told(dialog_id id, enum dialog_news news)
{
	struct bridge *b;
	size_t i;

	if(news != DIALOG_OVER)
		return;
	for(i = 0; i < branch_count; i++) {
		if(branches[i].used && branches[i].dialog == id) {
			client_hung_up(&branches[i]);
			return;
		}
	}
	for(b = bridges; b && b->job->dialog != id; b = b->next)
		;
	if(b && !b->in_over) {
		b->in_over = true;
		sender_gone(b, CPM_BRIDGE_OVER);
	}
}

static bool client_invite(struct bridge *b, const struct bridge_client *client)
{
	struct branch *branch = branch_take(b);
	struct invite invite = {.uri = client->uri,
			.from = b->job->from,
			.to = b->job->to,
			.next_hop = client->next_hop,
			.headers = client->headers,
			.socket = client->socket};
	char memory[SDP_MAX];
	struct cpm_buf sdp;

	if(!branch)
		return false;
	cpm_buf_init_fixed(&sdp, memory, sizeof(memory));
	branch->leg = offer_begin(&out_hooks, branch);
	if(branch->leg
			&& offer_make(branch->leg, branch->ticket,
					b->job->octets_known ? &b->job->octets : NULL, false, &sdp)) {
		invite.sdp = cpm_buf_slice(&sdp);
		branch->pending = invite_send(&invite, branch->ticket);
		branch->sent_ms = now_ms();
	}
	if(branch->pending)
		return true;
	branch->bridge = NULL;
	branch_release(branch);
	return false;
}

static void bridge_run(struct command_job *head, struct store *store, int64_t now)
{
	struct bridge_job *job = (struct bridge_job *)head;
	struct bridge *b = calloc(1, sizeof(*b));
	size_t i;

	if(!b) {
		dialog_refuse(job->dialog);
		command_refuse(&job->request, "busy");
		shm_free(job);
		return;
	}
	b->job = job;
	b->started_ms = now;
	b->until_ms = now + settings.bridge_wait_ms;
	b->next = bridges;
	bridges = b;
	for(i = 0; i < job->count; i++)
		b->pending += client_invite(b, &job->clients[i]);
	if(!b->pending)
		bridge_event(b, CPM_BRIDGE_REFUSED);
}

/* An answer that was lost on its way to us must not keep a place for ever. */
static void branches_sweep(int64_t now_ms)
{
	size_t i;

	for(i = 0; i < branch_count; i++) {
		if(branches[i].used && branches[i].pending && !branches[i].bridge
				&& branches[i].sent_ms + ANSWER_LOST_MS < now_ms) {
			branches[i].pending = false;
			branch_release(&branches[i]);
		}
	}
}

void bridge_sweep(int64_t now_ms)
{
	struct bridge **at = &bridges, *b;

	branches_sweep(now_ms);

	while((b = *at)) {
		if(b->state != CPM_BRIDGE_OPEN && b->until_ms <= now_ms)
			bridge_event(b, CPM_BRIDGE_TIME);
		if(b->hung_up_ms && !b->confirmed && b->hung_up_ms + LAST_WORDS_MS <= now_ms)
			client_fail(b, 408);
		if(b->state != CPM_BRIDGE_GONE) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		free(b->buffer);
		shm_free(b->job);
		free(b);
	}
}
