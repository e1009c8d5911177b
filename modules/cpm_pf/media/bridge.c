/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Joins the first client that accepts to the sender, and ends both. Octets pass
 * in order: a sender that leaves a hole cannot be served without keeping what
 * comes behind it, so it is refused.
 */
#include "bridge.h"

#include <stdlib.h>

#include "../../core/mem/shm.h"
#include "../core/base/ring.h"
#include "../core/session/bridge.h"
#include "../module/logged.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "copy.h"
#include "offer.h"

#define SDP_MAX 2048
/* More than this held: the sender waits. */
#define HELD_MAX (BRIDGE_BUFFER / 2)
/* For the sender's BYE, before we send our own: after the 200, and after an answer that is none. */
#define BYE_GRACE_MS 10000
#define FAIL_GRACE_MS 1000
/* For the media connection of a client that accepted in the last moment; less than the INVITE's patience beyond bridge_wait_ms. */
#define JOIN_MIN_MS 3000

struct bridge {
	struct bridge *next;
	enum cpm_bridge_state state;
	struct invitation_job *job;
	uint64_t octets;          /* as announced */
	struct offer_terms terms; /* of our offers */
	struct leg *in;
	bool in_over;         /* the sender's dialog is */
	struct branch *out;   /* the client that accepted */
	size_t pending;       /* clients that may yet */
	struct cpm_ring ring; /* its memory comes with the first octets */
	uint64_t taken;       /* octets from the sender */
	uint64_t total;       /* when known; else 0 */
	bool complete, giving, paused;
	struct copy *copy; /* for the user's history; NULL: none, or it has been recorded */
	bool copy_waits;   /* ... and takes no more at present */
	bool confirmed;    /* by the client, perhaps before the sender's end-line is here */
	size_t wanted;
	const char *why; /* it failed in the middle */
	unsigned status; /* ... or at all: the INVITE's, or MSRP's */
	unsigned answer; /* MSRP's that the sender hears then */
	int64_t started_ms, until_ms;
	int64_t hung_up_ms; /* when the client did, having everything; else 0 */
	int64_t left_ms; /* when the sender did, with octets perhaps at its relay, or when one of them came; else 0 */
};

static struct bridge *bridges;

static void bridge_event(struct bridge *b, enum cpm_bridge_event event);

static void clients_cancel(struct bridge *b, const struct branch *keep)
{
	branch_cancel_others(b, keep);
	b->pending = 0;
}

/* The sender may go on when there is room for what it sends. */
static void sender_resume(struct bridge *b)
{
	if(b->state != CPM_BRIDGE_OPEN || !b->in || !b->paused || b->copy_waits
			|| b->ring.held > HELD_MAX)
		return;
	b->paused = false;
	leg_resume(b->in);
}

/* From the ring to the client, as it wants. Each piece can bring the next wish, or the end of everything. Without a known total one octet
 * is held back, so that the last piece is never empty. */
static void octets_pass(struct bridge *b)
{
	if(b->giving)
		return;
	b->giving = true;
	while(b->state == CPM_BRIDGE_OPEN && b->out && b->out->leg && b->wanted) {
		size_t ready = b->ring.held - (!b->total && !b->complete && b->ring.held);
		struct cpm_slice piece = cpm_ring_take(&b->ring, ready < b->wanted ? ready : b->wanted);

		if(!piece.n)
			break;
		b->wanted = 0;
		leg_give(b->out->leg, NULL, piece, b->complete && !b->ring.held);
	}
	b->giving = false;
	sender_resume(b);
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
	b->why = "the client did not take it all";
	b->status = status;
	b->answer = answer_of(b, status);
	bridge_event(b, CPM_BRIDGE_BROKEN);
}

/* What the sender says cannot be passed on. */
static void sender_breach(struct bridge *b, unsigned answer, const char *why)
{
	b->why = why;
	b->status = b->answer = answer;
	bridge_event(b, CPM_BRIDGE_BROKEN);
}

/* The history. */

static void copy_went_on(void *owner)
{
	struct bridge *b = owner;

	b->copy_waits = false;
	sender_resume(b);
}

static void client_end(struct bridge *b);

/* It has been recorded, or could not be. The client hears of it with its BYE; the ISF is no client of the user's. */
static void copy_recorded(void *owner, struct cpm_slice line)
{
	struct bridge *b = owner;

	b->copy = NULL;
	if(line.n && b->out && b->out->dialog && !b->job->to_isf)
		dialog_set_farewell(b->out->dialog, line);
	if(b->state == CPM_BRIDGE_GONE)
		client_end(b);
}

static const struct copy_hooks copy_hooks = {copy_went_on, copy_recorded};

/* The sender's side. */

static unsigned in_begin(
		void *owner, struct leg *leg, const struct cpm_msrp_head *head, void **mark)
{
	struct bridge *b = owner;
	uint64_t total = head->range.total_known ? head->range.total : b->job->octets;
	struct leg_message message = {
			.content_type = CPM_SLICE("message/cpim"), .total = total, .total_known = total > 0};

	/* One message a session; and none for a client that is gone. */
	if(b->ring.p || b->state != CPM_BRIDGE_OPEN)
		return 413;
	cpm_ring_init(&b->ring, malloc(BRIDGE_BUFFER), BRIDGE_BUFFER);
	if(!b->ring.p)
		return 408;
	b->total = total;
	if(b->job->history.n)
		b->copy = copy_begin(b->job->aor, b->job->id, b->job->history, total, &copy_hooks, b);
	return !b->out->leg || leg_send(b->out->leg, &message) ? 0 : 408;
}

static bool in_octets(void *owner, struct leg *leg, void *mark, uint64_t at, struct cpm_slice piece)
{
	struct bridge *b = owner;

	if(b->total && (at > b->total || piece.n > b->total - at)) {
		sender_breach(b, 413, "more octets than announced");
		return true;
	}
	if(at < b->taken)
		piece = cpm_slice_from(piece, b->taken - at < piece.n ? (size_t)(b->taken - at) : piece.n);
	if(b->left_ms)
		b->left_ms = now_ms();
	/* It always has the room: the leg is paused before it is used up. */
	if(at > b->taken || !cpm_ring_put(&b->ring, piece)) {
		sender_breach(b, 413, "octets out of order");
		return true;
	}
	if(b->copy && piece.n)
		b->copy_waits = !copy_put(b->copy, b->taken, piece);
	b->taken += piece.n;
	/* Not under its own feet: what is passed on may ask for more. */
	b->paused = b->copy_waits || b->ring.held > HELD_MAX;
	octets_pass(b);
	return !b->paused || b->state != CPM_BRIDGE_OPEN;
}

static void in_complete(void *owner, struct leg *leg, void *mark, uint64_t total)
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

static void in_aborted(void *owner, struct leg *leg, void *mark)
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

static void out_want(void *owner, struct leg *leg, void *mark, uint64_t at, size_t n)
{
	struct bridge *b = owner;

	b->wanted = n;
	octets_pass(b);
}

static void out_sent(void *owner, struct leg *leg, void *mark, unsigned status)
{
	struct bridge *b = owner;

	if(status != 200) {
		client_fail(b, status);
		return;
	}
	b->confirmed = true;
	if(b->complete)
		bridge_event(b, CPM_BRIDGE_CONFIRMED);
}

static void out_lost(void *owner, struct leg *leg, enum leg_loss why)
{
	struct bridge *b = owner;

	b->out->leg = NULL;
	if(b->confirmed)
		return;
	LM_INFO("event=media_lost id=%.*s why=%s\n", SLICE_FMT(b->job->id), leg_loss_name(why));
	client_fail(b, 408);
}

static void out_bound(void *owner, struct leg *leg)
{
	bridge_event(owner, CPM_BRIDGE_ACCEPTED);
}

static const struct leg_hooks out_hooks = {
		.bound = out_bound, .want = out_want, .sent = out_sent, .lost = out_lost};

/* Steps */

static void client_choose(struct bridge *b)
{
	int64_t least = now_ms() + JOIN_MIN_MS;

	clients_cancel(b, b->out);
	if(b->until_ms < least)
		b->until_ms = least;
}

static void sender_answer(struct bridge *b)
{
	char memory[SDP_MAX];
	struct cpm_buf sdp;
	struct cpm_sdp offer;
	struct offer_terms terms = offer_terms_in();

	clients_cancel(b, b->out);
	cpm_buf_init_fixed(&sdp, memory, sizeof(memory));
	if(cpm_sdp_parse(b->job->sdp, &offer, NULL) != CPM_OK
			|| !(b->in = offer_open(&offer, &b->job->peer, &terms, &in_hooks, b))
			|| !offer_answer(b->in, &offer, &terms, b->out->ticket, &sdp)) {
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
	copy_drop(&b->copy);
	if(b->out && b->out->leg)
		leg_abort(b->out->leg, NULL);
	clients_cancel(b, NULL);
	b->out = NULL;
}

static void both_end(struct bridge *b)
{
	leg_close(&b->in);
	if(!b->in_over)
		dialog_hang_up(b->job->dialog);
	b->in_over = true;
	/* What is being recorded is to be told to the client. */
	if(!b->copy)
		client_end(b);
}

static void bridge_failed(struct bridge *b, const char *why)
{
	count(large_unbridged);
	LM_NOTICE("event=unbridged id=%.*s user=%.*s octets=%llu why=\"%s\" status=%u\n",
			SLICE_FMT(b->job->id), USER_FMT(b->job->aor), (unsigned long long)b->taken, why,
			b->status);
}

/* What whom the user forwards to has answered is the sender's answer, but for what is between him and us: another way to go, who we are,
 * and what our INVITE asks for. 0: as for others. */
static int refusal_of(const struct bridge *b)
{
	static const unsigned ours[] = {401, 407, 420, 421, 422, 423, 481, 488};
	size_t i;

	if(!b->job->forwards || b->status < 400)
		return 0;
	for(i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if(b->status == ours[i])
			return 0;
	return (int)b->status;
}

static void sender_refuse(struct bridge *b)
{
	/* Who accepted and did not come has refused nothing. */
	int refusal = b->out ? 0 : refusal_of(b);

	leg_close(&b->in);
	clients_cancel(b, NULL);
	b->out = NULL;
	bridge_failed(b, "no client took it");
	dialog_refuse(b->job->dialog);
	context_resume_status(refusal);
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
			USER_FMT(b->job->aor), (unsigned long long)b->taken,
			(long long)(now_ms() - b->started_ms));
	if(b->in)
		leg_verdict(b->in, NULL, 200);
	if(b->copy)
		copy_finish(b->copy, b->taken);
	sender_leaves(b, BYE_GRACE_MS);
}

static void sender_fail(struct bridge *b)
{
	bridge_failed(b, b->why);
	client_end(b);
	if(b->in) {
		leg_refuse(b->in, NULL, b->answer);
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
		case CPM_BRIDGE_CHOOSE:
			client_choose(b);
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
			client_end(b);
			both_end(b);
			break;
		case CPM_BRIDGE_END:
			both_end(b);
			break;
	}
}

static void on_accepted(void *owner, struct branch *branch, struct cpm_slice sdp)
{
	struct bridge *b = owner;
	/* Behind a relay its first request comes over a connection that the sender may share, whose octets must not go before it. */
	bool joins = leg_relayed(branch->leg) && leg_state(branch->leg) != LEG_BOUND;

	b->out = branch;
	leg_hand_over(branch->leg, &out_hooks, b);
	leg_resume(branch->leg);
	bridge_event(b, joins ? CPM_BRIDGE_CHOSEN : CPM_BRIDGE_ACCEPTED);
}

static void on_refused(void *owner, unsigned status, struct cpm_slice contacts)
{
	struct bridge *b = owner;

	b->status = status;
	if(--b->pending == 0)
		bridge_event(b, CPM_BRIDGE_REFUSED);
}

static void on_hung_up(void *owner, struct branch *branch)
{
	struct bridge *b = owner;

	if(b->out != branch || b->confirmed
			|| (b->state != CPM_BRIDGE_OPEN && b->state != CPM_BRIDGE_JOINING))
		return;
	if(branch->leg && leg_all_given(branch->leg, NULL))
		b->hung_up_ms = now_ms();
	else
		client_fail(b, 408);
}

static const struct branch_hooks branch_hooks = {on_accepted, on_refused, on_hung_up, NULL};

void bridge_told(dialog_id id, enum dialog_news news)
{
	struct bridge *b = bridges;

	while(b && b->job->dialog != id)
		b = b->next;
	if(news != DIALOG_OVER || !b || b->in_over)
		return;
	b->in_over = true;
	if(b->state == CPM_BRIDGE_OPEN && b->in && leg_relayed(b->in))
		b->left_ms = now_ms();
	else
		sender_gone(b, CPM_BRIDGE_OVER);
}

void bridge_run(struct command_job *head, struct store *store, int64_t now)
{
	struct invitation_job *job = (struct invitation_job *)head;
	struct branch_plan plan = {&branch_hooks, NULL, job, NULL};
	struct bridge *b;
	size_t i;

	/* A CANCEL was faster, and bridge_told had no bridge yet to tell it to. */
	if(!dialog_lives(job->dialog)) {
		shm_free(job);
		return;
	}
	b = calloc(1, sizeof(*b));
	if(!b) {
		dialog_refuse(job->dialog);
		command_refuse(&job->request, "busy");
		shm_free(job);
		return;
	}
	b->job = job;
	b->octets = job->octets;
	b->terms = offer_terms_out(job->octets_known ? &b->octets : NULL, job->to_isf);
	plan.owner = b;
	plan.terms = &b->terms;
	b->started_ms = now;
	b->until_ms = now + settings.bridge_wait_ms;
	b->next = bridges;
	bridges = b;
	for(i = 0; i < job->count; i++)
		b->pending += branch_invite(&plan, &job->invitations[i]);
	if(!b->pending)
		bridge_event(b, CPM_BRIDGE_REFUSED);
}

void bridge_sweep(int64_t now_ms)
{
	struct bridge **at = &bridges, *b;

	while((b = *at)) {
		if(b->state != CPM_BRIDGE_OPEN && b->until_ms <= now_ms)
			bridge_event(b, CPM_BRIDGE_TIME);
		/* While nothing is read its relay cannot bring the rest. */
		if(b->left_ms && b->in && leg_paused(b->in))
			b->left_ms = now_ms;
		if(b->left_ms && b->state == CPM_BRIDGE_OPEN && b->left_ms + CALL_LAST_WORDS_MS <= now_ms)
			sender_gone(b, CPM_BRIDGE_OVER);
		if(b->hung_up_ms && !b->confirmed && b->hung_up_ms + CALL_LAST_WORDS_MS <= now_ms)
			client_fail(b, 408);
		if(b->copy && b->state == CPM_BRIDGE_OPEN)
			copy_tend(b->copy, now_ms);
		if(b->state != CPM_BRIDGE_GONE || b->copy) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		free(b->ring.p);
		shm_free(b->job);
		free(b);
	}
}
