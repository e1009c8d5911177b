/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Joins the first client that accepts to the caller, and ends both.
 */
#include "conversation.h"

#include <stdlib.h>

#include "../../core/mem/shm.h"
#include "../core/codec/header.h"
#include "../core/codec/uri.h"
#include "../core/session/conversation.h"
#include "../module/logged.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../script/choice.h"
#include "branch.h"
#include "chronicle.h"
#include "lane.h"

#define SDP_MAX 4096
/* Addresses that 302s lead to, and octets of theirs. */
#define REDIRECTIONS_MAX 8
#define REDIRECTIONS_TEXT 4096
/* For what is under way when one side has left. */
#define DRAIN_MS 5000
/* For the media connection of a client that accepted in the last moment; less than the INVITE's patience beyond session_wait_ms. */
#define JOIN_MIN_MS 3000

struct conversation;

struct side {
	struct conversation *of;
	struct lane says;                 /* what it says to the other one */
	bool over;                        /* its dialog is */
	uint64_t counted, counted_failed; /* messages, in the statistics already */
};

struct conversation {
	struct conversation *next;
	enum cpm_conversation_state state;
	struct invitation_job *job;
	struct cpm_sdp offer, answer; /* the caller's, in the job, and the client's, in answer_text */
	char *answer_text;
	/* What our side is, by what the other side takes: in the offers to the clients, and in the answer to the caller. */
	struct offer_terms to_clients, to_caller;
	struct side caller, client;
	struct invitation *redirections; /* to where 302s lead; NULL: none */
	size_t redirected;               /* of them */
	bool followed;                   /* they are not followed again */
	struct cpm_buf redirections_text;
	struct branch *out;          /* the client that accepted */
	size_t pending;              /* clients that may yet */
	unsigned refusal;            /* the best one (RFC 3261 section 16.7); 0: none */
	bool busy;                   /* one could not even be invited */
	bool rung;                   /* the caller has its 180 */
	bool begun;                  /* the caller has its 200 */
	struct chronicle *chronicle; /* for the user's history; NULL: it is not recorded */
	const char *why;             /* it ended */
	int64_t started_ms, joined_ms;
	int64_t said_ms;  /* when something was said last */
	int64_t until_ms; /* the state lasts; 0: as long as it may */
};

static struct conversation *conversations;
static size_t count_of_all;

static void conversation_event(struct conversation *c, enum cpm_conversation_event event);

size_t conversation_count(void)
{
	return count_of_all;
}

static void clients_cancel(struct conversation *c, const struct branch *keep)
{
	branch_cancel_others(c, keep);
	c->pending = 0;
}

static bool is_caller(const struct side *side)
{
	return side == &side->of->caller;
}

static struct side *other(struct side *side)
{
	return is_caller(side) ? &side->of->client : &side->of->caller;
}

static void said(struct side *side)
{
	side->of->said_ms = now_ms();
}

/* Nothing of what was said by who has left is to be passed on any more. */
static void quiet_check(struct conversation *c)
{
	if(c->state == CPM_CONVERSATION_LEAVING && !c->caller.says.count && !c->client.says.count)
		conversation_event(c, CPM_CONVERSATION_QUIET);
}

/* The legs of both sides. */

static unsigned on_begin(
		void *owner, struct leg *leg, const struct cpm_msrp_head *head, void **mark)
{
	struct side *side = owner;

	said(side);
	/* One side has left: nothing new begins. */
	return side->of->state == CPM_CONVERSATION_OPEN ? lane_begin(&side->says, head, mark) : 403;
}

static bool on_octets(void *owner, struct leg *leg, void *mark, uint64_t at, struct cpm_slice piece)
{
	struct side *side = owner;

	return lane_octets(&side->says, mark, at, piece);
}

static void on_complete(void *owner, struct leg *leg, void *mark, uint64_t total)
{
	struct side *side = owner;

	said(side);
	lane_complete(&side->says, mark);
}

static void on_aborted(void *owner, struct leg *leg, void *mark)
{
	struct side *side = owner;

	lane_aborted(&side->says, mark);
	quiet_check(side->of);
}

static void on_want(void *owner, struct leg *leg, void *mark, uint64_t at, size_t n)
{
	lane_want(&other(owner)->says, mark, n);
}

static void on_sent(void *owner, struct leg *leg, void *mark, unsigned status)
{
	struct side *side = owner;

	said(side);
	lane_sent(&other(side)->says, mark, status);
	quiet_check(side->of);
}

static void on_bound(void *owner, struct leg *leg)
{
	struct side *side = owner;

	if(!is_caller(side))
		conversation_event(side->of, CPM_CONVERSATION_ACCEPTED);
}

static void on_lost(void *owner, struct leg *leg, enum leg_loss why)
{
	struct side *side = owner;
	struct conversation *c = side->of;

	LM_INFO("event=media_lost id=%.*s why=%s\n", SLICE_FMT(c->job->id), leg_loss_name(why));
	side->says.from = other(side)->says.to = NULL;
	if(!is_caller(side) && c->out)
		c->out->leg = NULL;
	if(!c->why)
		c->why = "media";
	conversation_event(c, CPM_CONVERSATION_LEFT);
}

static const struct leg_hooks leg_hooks = {
		on_bound, on_begin, on_octets, on_complete, on_aborted, on_want, on_sent, on_lost};

/* The history (8.3.2.1, first 200, step 5). */

static void watched_went_on(void *lane, struct chronicle_entry *watched)
{
	lane_go_on(lane, watched);
}

/* Who is invited is the served user. */
static void *watch_begin(
		void *watcher, const struct cpm_msrp_head *head, uint64_t total, struct lane *lane)
{
	struct side *side = watcher;

	return chronicle_open(side->of->chronicle, !is_caller(side), head->content_type, total,
			watched_went_on, lane);
}

static bool watch_octets(void *watcher, void *watched, uint64_t at, struct cpm_slice octets)
{
	return chronicle_put(watched, at, octets);
}

static void watch_ended(void *watcher, void *watched, unsigned status, uint64_t total)
{
	struct chronicle_entry *e = watched;

	if(status == 200)
		chronicle_finish(&e, total);
	else
		chronicle_drop(&e);
}

static const struct lane_watch watch = {watch_begin, watch_octets, watch_ended};

static void record(struct conversation *c)
{
	struct side *sides[] = {&c->caller, &c->client};
	size_t i;

	if(c->job->history.n)
		c->chronicle = chronicle_begin(c->job->aor, c->job->history);
	for(i = 0; c->chronicle && i < 2; i++) {
		sides[i]->says.watch = &watch;
		sides[i]->says.watcher = sides[i];
	}
}

/* Steps */

/* What may be said to a side is what it takes, within our own maximum; a=max-size 0 is none. */
static struct offer_terms terms_of(const struct cpm_sdp *sdp, bool to_isf)
{
	uint64_t most = (uint64_t)settings.max_large_bytes;

	return (struct offer_terms){.converses = true,
			.to_isf = to_isf,
			.direction = sdp->direction,
			.accept_types = sdp->accept_types.n ? sdp->accept_types : CPM_SLICE("*"),
			.accept_wrapped_types = sdp->accept_wrapped_types,
			.max_size = sdp->max_size && sdp->max_size < most ? sdp->max_size : most,
			.carried = sdp->carried,
			.carried_count = sdp->carried_count};
}

static void client_choose(struct conversation *c)
{
	int64_t least = now_ms() + JOIN_MIN_MS;

	clients_cancel(c, c->out);
	if(c->until_ms < least)
		c->until_ms = least;
}

/* Both legs are there: each lane has its two ends. */
static void lanes_join(struct conversation *c, struct leg *caller)
{
	c->caller.says.from = c->client.says.to = caller;
	c->client.says.from = c->caller.says.to = c->out->leg;
	c->caller.says.back = &c->client.says;
	c->client.says.back = &c->caller.says;
}

static void log_begun(const struct conversation *c)
{
	LM_INFO("event=conversation_begun id=%.*s user=%.*s conversation=%.*s contribution=%.*s "
			"ms=%lld\n",
			SLICE_FMT(c->job->id), USER_FMT(c->job->aor), SLICE_FMT(c->job->conversation_id),
			SLICE_FMT(c->job->contribution_id), (long long)(c->joined_ms - c->started_ms));
}

static void caller_answer(struct conversation *c)
{
	struct leg *leg = NULL;
	char memory[SDP_MAX];
	struct cpm_buf sdp;

	clients_cancel(c, c->out);
	cpm_buf_init_fixed(&sdp, memory, sizeof(memory));
	if(c->out->leg)
		leg = offer_open(&c->offer, &c->job->peer, &c->to_caller, &leg_hooks, &c->caller);
	if(!leg || !offer_answer(leg, &c->offer, &c->to_caller, c->out->ticket, &sdp)) {
		leg_close(&leg);
		c->busy = true;
		conversation_event(c, CPM_CONVERSATION_UNABLE);
		return;
	}
	lanes_join(c, leg);
	c->joined_ms = c->said_ms = now_ms();
	c->until_ms = 0;
	/* A CANCEL was faster: the worker that took it has answered. */
	if(!dialog_answer(c->job->dialog, cpm_buf_slice(&sdp))) {
		c->caller.over = true;
		conversation_event(c, CPM_CONVERSATION_CANCELLED);
		return;
	}
	c->begun = true;
	record(c);
	count(sessions_bridged);
	log_begun(c);
	if(c->out->invitation->contact.n)
		choice_remember(c->job->aor, c->job->contribution_id, c->out->invitation->instance,
				c->out->invitation->contact);
	/* From now on what it says has a way. */
	leg_resume(c->out->leg);
}

static void client_leave(struct conversation *c)
{
	clients_cancel(c, NULL);
	c->client.says.from = c->caller.says.to = NULL;
	c->out = NULL;
}

/* For the caller: what is between the clients and us is not for it. */
static int status_for_caller(unsigned refusal)
{
	static const unsigned ours[] = {401, 407, 420, 421, 422, 423, 481};
	size_t i;

	for(i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if(refusal == ours[i])
			return 0;
	return (int)refusal;
}

static void caller_refuse(struct conversation *c)
{
	bool busy = c->busy && !c->refusal;

	client_leave(c);
	count(sessions_unbridged);
	LM_NOTICE("event=conversation_failed id=%.*s user=%.*s why=%s status=%u\n",
			SLICE_FMT(c->job->id), USER_FMT(c->job->aor), busy ? "busy" : "undelivered",
			c->refusal);
	dialog_refuse(c->job->dialog);
	context_resume_status(busy ? 0 : status_for_caller(c->refusal));
	command_refuse(&c->job->request, busy ? "busy" : "undelivered");
}

static void drain(struct conversation *c)
{
	struct side *sides[] = {&c->caller, &c->client}, *gone;
	size_t i;

	if(!c->until_ms)
		c->until_ms = now_ms() + DRAIN_MS;
	for(i = 0; i < 2; i++) {
		gone = sides[i];
		if(!gone->says.from)
			lane_cut(&gone->says);
		if(gone->over || !gone->says.from)
			lane_clear(&other(gone)->says);
	}
	quiet_check(c);
}

static void log_ended(const struct conversation *c)
{
	const struct lane *in = &c->caller.says, *out = &c->client.says;

	LM_INFO("event=conversation_ended id=%.*s user=%.*s why=%s s=%lld received=%llu sent=%llu "
			"failed=%llu octets=%llu\n",
			SLICE_FMT(c->job->id), USER_FMT(c->job->aor), c->why ? c->why : "time",
			(long long)((now_ms() - c->joined_ms) / 1000), (unsigned long long)in->messages,
			(unsigned long long)out->messages, (unsigned long long)(in->failed + out->failed),
			(unsigned long long)(in->octets + out->octets));
}

/* Into the statistics. */
static void tally(struct side *side)
{
	update_stat(stat_session_messages, (int)(side->says.messages - side->counted));
	update_stat(stat_session_messages_failed, (int)(side->says.failed - side->counted_failed));
	side->counted = side->says.messages;
	side->counted_failed = side->says.failed;
}

static void both_end(struct conversation *c)
{
	struct leg *leg;

	lane_clear(&c->caller.says);
	lane_clear(&c->client.says);
	chronicle_end(&c->chronicle);
	leg = c->caller.says.from;
	c->caller.says.from = c->client.says.to = NULL;
	leg_close(&leg);
	if(!c->caller.over)
		dialog_hang_up(c->job->dialog);
	c->caller.over = true;
	tally(&c->caller);
	tally(&c->client);
	if(c->begun)
		log_ended(c);
	client_leave(c);
}

static void conversation_event(struct conversation *c, enum cpm_conversation_event event)
{
	switch(cpm_conversation_next(&c->state, event)) {
		case CPM_CONVERSATION_NOTHING:
			break;
		case CPM_CONVERSATION_CHOOSE:
			client_choose(c);
			break;
		case CPM_CONVERSATION_ANSWER:
			caller_answer(c);
			break;
		case CPM_CONVERSATION_REFUSE:
			caller_refuse(c);
			break;
		case CPM_CONVERSATION_CANCEL:
			client_leave(c);
			break;
		case CPM_CONVERSATION_DRAIN:
			drain(c);
			break;
		case CPM_CONVERSATION_END:
			both_end(c);
			break;
	}
}

/* What happens to the clients that are invited. */

static const struct branch_hooks branch_hooks;

/* The client's description stays at hand. */
static bool answer_keep(struct conversation *c, struct cpm_slice sdp)
{
	c->answer_text = malloc(sdp.n);
	if(!c->answer_text)
		return false;
	memcpy(c->answer_text, sdp.p, sdp.n);
	sdp.p = c->answer_text;
	if(cpm_sdp_parse(sdp, &c->answer, NULL) != CPM_OK)
		return false;
	c->to_caller = terms_of(&c->answer, false);
	return true;
}

static void on_accepted(void *owner, struct branch *branch, struct cpm_slice sdp)
{
	struct conversation *c = owner;
	/* Behind a relay its first request comes over a connection that the caller may share, whose octets must not go before it. */
	bool joins = leg_relayed(branch->leg) && leg_state(branch->leg) != LEG_BOUND;

	if(!answer_keep(c, sdp)) {
		c->busy = true;
		conversation_event(c, CPM_CONVERSATION_REFUSED);
		return;
	}
	c->out = branch;
	leg_hand_over(branch->leg, &leg_hooks, &c->client);
	conversation_event(c, joins ? CPM_CONVERSATION_CHOSEN : CPM_CONVERSATION_ACCEPTED);
}

static bool is_tried(const struct conversation *c, struct cpm_slice uri)
{
	size_t i;

	for(i = 0; i < c->job->count; i++)
		if(cpm_slice_eq(c->job->invitations[i].uri, uri)
				|| cpm_slice_eq(c->job->invitations[i].contact, uri))
			return true;
	for(i = 0; i < c->redirected; i++)
		if(cpm_slice_eq(c->redirections[i].uri, uri))
			return true;
	return false;
}

/* One where a 302 leads, by the core if we know it; else a number cannot be reached. */
static void redirection_add(struct conversation *c, struct cpm_slice uri)
{
	struct cpm_buf *text = &c->redirections_text;
	struct cpm_uri parsed;
	size_t start = text->n;

	if(cpm_uri_parse(uri, &parsed, NULL) != CPM_OK
			|| (parsed.scheme == CPM_URI_TEL && !settings.core_uri[0]))
		return;
	/* A Request-URI has no header fields (RFC 3261 section 19.1.1), and these are none of the caller's. */
	if(parsed.headers.n)
		uri = cpm_slice_head(uri, (size_t)(parsed.headers.p - uri.p) - 1);
	if(is_tried(c, uri))
		return;
	if(!c->redirections) {
		c->redirections = calloc(REDIRECTIONS_MAX, sizeof(*c->redirections));
		cpm_buf_init_fixed(text, malloc(REDIRECTIONS_TEXT), REDIRECTIONS_TEXT);
	}
	if(!c->redirections || !text->p || uri.n > REDIRECTIONS_TEXT - text->n)
		return;
	cpm_buf_add(text, uri);
	c->redirections[c->redirected++] = (struct invitation){.uri = {text->p + start, uri.n},
			.next_hop = cpm_slice_of(settings.core_uri),
			.headers = c->job->onward};
}

static void redirections_add(struct conversation *c, struct cpm_slice contacts)
{
	struct cpm_slice value, uri;

	while(!c->followed && c->redirected < REDIRECTIONS_MAX
			&& cpm_header_next_value(&contacts, &value)) {
		if(cpm_uri_of_address(value, &uri))
			redirection_add(c, uri);
	}
}

static void clients_invite(struct conversation *c, const struct invitation *to, size_t n)
{
	struct branch_plan plan = {&branch_hooks, c, c->job, &c->to_clients};
	size_t i;

	for(i = 0; i < n; i++) {
		if(branch_invite(&plan, &to[i]))
			c->pending++;
		else
			c->busy = true;
	}
}

/* Nobody accepts. Where 302s lead to is tried, once (8.3.2.1). */
static void all_refused(struct conversation *c)
{
	if(c->redirected && !c->followed) {
		c->followed = true;
		count(redirected);
		LM_INFO("event=redirected id=%.*s user=%.*s branches=%zu\n", SLICE_FMT(c->job->id),
				USER_FMT(c->job->aor), c->redirected);
		clients_invite(c, c->redirections, c->redirected);
	}
	if(!c->pending)
		conversation_event(c, CPM_CONVERSATION_REFUSED);
}

static void on_refused(void *owner, unsigned status, struct cpm_slice contacts)
{
	struct conversation *c = owner;

	/* A 3xx is no answer of a client's: it is followed, or means nothing to the caller without its Contact. */
	if(status >= 400)
		c->refusal = cpm_conversation_better(c->refusal, status);
	redirections_add(c, contacts);
	c->pending--;
	/* A 6xx is everybody's (RFC 3261 section 16.7 step 5): no other client rings on, nowhere else is tried. */
	if(status >= 600)
		conversation_event(c, CPM_CONVERSATION_REFUSED);
	else if(!c->pending)
		all_refused(c);
}

static void side_left(struct side *side)
{
	struct conversation *c = side->of;

	side->over = true;
	if(!c->why)
		c->why = is_caller(side) ? "caller" : "client";
	conversation_event(c, CPM_CONVERSATION_LEFT);
}

static void on_hung_up(void *owner, struct branch *branch)
{
	struct conversation *c = owner;

	if(branch == c->out)
		side_left(&c->client);
}

static void on_rings(void *owner)
{
	struct conversation *c = owner;

	if(c->rung)
		return;
	c->rung = true;
	dialog_ring(c->job->dialog);
}

static const struct branch_hooks branch_hooks = {on_accepted, on_refused, on_hung_up, on_rings};

void conversation_told(dialog_id id, enum dialog_news news)
{
	struct conversation *c = conversations;

	while(c && c->job->dialog != id)
		c = c->next;
	if(news != DIALOG_OVER || !c || c->caller.over)
		return;
	if(c->begun) {
		side_left(&c->caller);
		return;
	}
	c->caller.over = true;
	conversation_event(c, CPM_CONVERSATION_CANCELLED);
}

void conversation_run(struct command_job *head, struct store *store, int64_t now)
{
	struct invitation_job *job = (struct invitation_job *)head;
	struct conversation *c;

	/* Cancelled before it came here. */
	if(!dialog_lives(job->dialog)) {
		shm_free(job);
		return;
	}
	c = calloc(1, sizeof(*c));
	if(!c || cpm_sdp_parse(job->sdp, &c->offer, NULL) != CPM_OK) {
		free(c);
		dialog_refuse(job->dialog);
		command_refuse(&job->request, "busy");
		shm_free(job);
		return;
	}
	c->job = job;
	c->caller.of = c->client.of = c;
	c->to_clients = terms_of(&c->offer, job->to_isf);
	c->started_ms = now;
	c->until_ms = now + *job->kind->wait_ms;
	c->next = conversations;
	conversations = c;
	count_of_all++;
	clients_invite(c, job->invitations, job->count);
	if(!c->pending)
		conversation_event(c, CPM_CONVERSATION_REFUSED);
}

static void clock_look(struct conversation *c, int64_t now)
{
	int64_t idle_ms = (int64_t)settings.session_idle_s * 1000,
			life_ms = (int64_t)settings.session_life_s * 1000;

	if(c->until_ms) {
		if(c->until_ms <= now)
			conversation_event(c, CPM_CONVERSATION_TIME);
		return;
	}
	if(now - c->joined_ms > life_ms)
		c->why = "life";
	else if(now - c->said_ms > idle_ms && !c->caller.says.count && !c->client.says.count)
		c->why = "idle";
	else
		return;
	conversation_event(c, CPM_CONVERSATION_TIME);
}

void conversation_sweep(int64_t now_ms)
{
	struct conversation **at = &conversations, *c;

	while((c = *at)) {
		clock_look(c, now_ms);
		tally(&c->caller);
		tally(&c->client);
		chronicle_tend(c->chronicle, now_ms);
		if(c->state != CPM_CONVERSATION_GONE) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		count_of_all--;
		free(c->answer_text);
		free(c->redirections);
		free(c->redirections_text.p);
		shm_free(c->job);
		free(c);
	}
}
