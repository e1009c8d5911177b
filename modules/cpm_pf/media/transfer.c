/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A transfer: INVITE, octets from the store on demand, and what became of it
 * back to the queue process. Memory of one: what the endpoint keeps, and one
 * piece in its answer from the store.
 */
#include "transfer.h"

#include <stdlib.h>

#include "../../core/mem/shm.h"
#include "../core/session/large.h"
#include "../module/logged.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../sip/invite.h"
#include "../sip/message.h"
#include "media.h"
#include "offer.h"
#include "recording.h"

#define SDP_MAX 2048
#define HEADERS_MAX 65536

/* From a queue process. */
struct transfer_job {
	struct command_job command;
	uint64_t ticket; /* of the queue's flight */
	uint64_t size;
	struct socket_info *socket;
	bool to_isf;
	struct cpm_slice aor, id, uri, from, to, next_hop, headers; /* in the job's block */
	struct cpm_slice history; /* likewise; empty: it is not recorded */
};

struct transfer {
	enum cpm_transfer_state state;
	struct transfer_job *job; /* NULL: a free place */
	uint64_t ticket;
	struct leg *leg;
	dialog_id dialog;      /* 0: none, or over */
	int status;            /* what the queue will hear */
	unsigned calls;        /* answers of the store that are to come */
	struct pace_turn turn; /* to ask the store for octets */
	uint64_t wanted_at;
	size_t wanted;
	int64_t started_ms;
	int64_t hung_up_ms; /* when the client did, having everything; else 0 */
};

static struct transfer *transfers;
static size_t transfer_count;

static void transfer_event(struct transfer *t, enum cpm_transfer_event event, int status);
static void transfer_run(struct command_job *head, struct store *store, int64_t now);

/* In a queue process. */

/* Straight delivery, and what was deferred, are for different services of the client (8.3.1.2 step 8b, 8.3.1.6.7 step 1). */
static enum cpm_icsi service_of(bool deferred)
{
	return deferred ? CPM_ICSI_DEFERRED : CPM_ICSI_LARGEMSG;
}

bool transfer_begin(const struct cpm_record *record, const struct contact *contact, bool deferred,
		struct cpm_slice history, uint64_t ticket)
{
	static struct cpm_buf headers, uri;
	struct cpm_slice hop = contact ? contact_next_hop(contact) : cpm_slice_of(settings.isf_uri);
	struct transfer_job *job;
	char *at;

	if(!media_on() || !hop.n)
		return false;
	if(!headers.max) {
		cpm_buf_init(&headers, HEADERS_MAX);
		cpm_buf_init(&uri, 2048);
	}
	cpm_buf_reset(&headers);
	cpm_buf_reset(&uri);
	message_add_invite_headers(
			record, contact, service_of(deferred), (unsigned)settings.session_expires_s, &headers);
	if(contact)
		contact_add_request_uri(contact, record->aor, &uri);
	else
		cpm_buf_add(&uri, record->request_uri);
	if(headers.rc || uri.rc)
		return false;
	job = shm_malloc(sizeof(*job) + record->aor.n + record->id.n + uri.n + record->from.n
					 + record->to.n + hop.n + headers.n + history.n);
	if(!job)
		return false;
	memset(job, 0, sizeof(*job));
	job->command = (struct command_job){{JOB_COMMAND}, transfer_run};
	job->ticket = ticket;
	job->size = record->size;
	job->socket = contact ? contact->socket : NULL;
	job->to_isf = !contact;
	at = command_put((char *)(job + 1), &job->aor, record->aor);
	at = command_put(at, &job->id, record->id);
	at = command_put(at, &job->uri, cpm_buf_slice(&uri));
	at = command_put(at, &job->from, record->from);
	at = command_put(at, &job->to, record->to);
	at = command_put(at, &job->next_hop, hop);
	at = command_put(at, &job->headers, cpm_buf_slice(&headers));
	command_put(at, &job->history, history);
	if(post_to(POST_MEDIA, media_choose(), job))
		return true;
	shm_free(job);
	return false;
}

bool transfer_start(void)
{
	transfer_count = (size_t)settings.msrp_max_sessions;
	transfers = calloc(transfer_count, sizeof(*transfers));
	return transfers != NULL;
}

/* In the media process. */

static void transfer_release(struct transfer *t)
{
	if(t->state != CPM_TRANSFER_OVER || t->calls || !t->job)
		return;
	pace_leave(media_pace(), &t->turn);
	shm_free(t->job);
	memset(t, 0, sizeof(*t));
}

static struct transfer *transfer_take(void)
{
	static size_t from;
	size_t i;

	for(i = 0; i < transfer_count; i++) {
		struct transfer *t = &transfers[(from + i) % transfer_count];

		if(t->job)
			continue;
		from = (size_t)(t - transfers) + 1;
		t->ticket = call_ticket(CALL_TRANSFER, (size_t)(t - transfers));
		return t;
	}
	return NULL;
}

static void on_octets(void *context, enum store_rc rc, struct cpm_slice octets)
{
	struct transfer *t = context;

	t->calls--;
	pace_end(media_pace(), t->wanted, media_now_us());
	if(t->state == CPM_TRANSFER_SENDING && t->leg) {
		if(rc == STORE_OK && octets.n) {
			leg_give(t->leg, NULL, octets, false);
		} else {
			/* Its octets are gone, or the store is away: the client is told that no more comes. */
			leg_abort(t->leg, NULL);
			transfer_event(t, CPM_TRANSFER_BROKEN, rc == STORE_OK ? 500 : 503);
		}
	}
	transfer_release(t);
	media_pace_run();
}

/* At once, or when its turn has come. */
static void octets_ask(struct transfer *t)
{
	if(!pace_ask(media_pace(), &t->turn, media_now_us()))
		return;
	if(store_octets(
			   media_store(), t->job->aor, t->job->id, t->wanted_at, t->wanted, on_octets, t)) {
		t->calls++;
		pace_begin(media_pace(), t->wanted, media_now_us());
		return;
	}
	leg_abort(t->leg, NULL);
	transfer_event(t, CPM_TRANSFER_BROKEN, 503);
}

static void on_turn(struct pace_turn *turn)
{
	struct transfer *t = (struct transfer *)((char *)turn - offsetof(struct transfer, turn));

	if(t->state == CPM_TRANSFER_SENDING && t->leg)
		octets_ask(t);
	transfer_release(t);
}

static void on_want(void *owner, struct leg *leg, void *mark, uint64_t at, size_t n)
{
	struct transfer *t = owner;

	if(!n) {
		leg_give(leg, NULL, CPM_SLICE_NONE, true);
		return;
	}
	t->turn.serve = on_turn;
	t->wanted_at = at;
	t->wanted = n;
	octets_ask(t);
}

static void on_sent(void *owner, struct leg *leg, void *mark, unsigned status)
{
	struct transfer *t = owner;

	if(status == 200)
		transfer_event(t, CPM_TRANSFER_SENT, 200);
	else
		transfer_event(t, CPM_TRANSFER_BROKEN, status >= 400 ? (int)status : 500);
	transfer_release(t);
}

static void on_lost(void *owner, struct leg *leg, enum leg_loss why)
{
	struct transfer *t = owner;

	t->leg = NULL;
	LM_INFO("event=media_lost id=%.*s why=%s\n", SLICE_FMT(t->job->id), leg_loss_name(why));
	transfer_event(t, CPM_TRANSFER_BROKEN, 408);
	transfer_release(t);
}

static const struct leg_hooks hooks = {.want = on_want, .sent = on_sent, .lost = on_lost};

static void transfer_end(struct transfer *t)
{
	leg_close(&t->leg);
	if(t->status < 300)
		count(large_sent);
	LM_INFO("event=transfer id=%.*s user=%.*s octets=%llu status=%d ms=%lld\n",
			SLICE_FMT(t->job->id), USER_FMT(t->job->aor), (unsigned long long)t->job->size,
			t->status, (long long)(now_ms() - t->started_ms));
	post_answer(t->job->ticket, t->status);
}

static void hang_up(struct transfer *t)
{
	if(t->dialog)
		dialog_hang_up(t->dialog);
	t->dialog = 0;
	transfer_end(t);
}

static void on_recorded(void *owner, struct cpm_slice line)
{
	struct transfer *t = owner;

	t->calls--;
	if(line.n && t->dialog)
		dialog_set_farewell(t->dialog, line);
	hang_up(t);
	transfer_release(t);
}

/* 8.3.1.6.7, end: the history, then the BYE that tells of it. */
static bool record_first(struct transfer *t)
{
	struct recording r = {.aor = t->job->aor,
			.id = t->job->id,
			.record = t->job->history,
			.size = t->job->size,
			.again = true};

	if(!t->job->history.n)
		return false;
	/* Before anything answers: the transfer is not to go under it. */
	t->calls++;
	if(recording_begin(&r, on_recorded, t))
		return true;
	t->calls--;
	return false;
}

/* Callers release the transfer when they are done with it. */
static void transfer_event(struct transfer *t, enum cpm_transfer_event event, int status)
{
	enum cpm_transfer_step step = cpm_transfer_next(&t->state, event);

	switch(step) {
		case CPM_TRANSFER_NOTHING:
			if(t->state == CPM_TRANSFER_GIVEN_UP)
				leg_close(&t->leg);
			break;
		case CPM_TRANSFER_SEND: {
			struct leg_message message = {.content_type = CPM_SLICE("message/cpim"),
					.total = t->job->size,
					.total_known = true};
			if(!leg_send(t->leg, &message))
				transfer_event(t, CPM_TRANSFER_BROKEN, 503);
			break;
		}
		case CPM_TRANSFER_END:
		case CPM_TRANSFER_END_BYE:
			t->status = status;
			if(step == CPM_TRANSFER_END_BYE && status < 300 && record_first(t))
				break;
			if(step == CPM_TRANSFER_END_BYE) {
				hang_up(t);
				break;
			}
			t->dialog = 0;
			transfer_end(t);
			break;
	}
}

/* The client said BYE. With octets left for it that is the end of the transfer. */
static void client_hung_up(struct transfer *t)
{
	t->dialog = 0;
	if(t->state != CPM_TRANSFER_SENDING)
		return;
	if(t->leg && leg_all_given(t->leg, NULL)) {
		t->hung_up_ms = now_ms();
		return;
	}
	if(t->leg)
		leg_abort(t->leg, NULL);
	transfer_event(t, CPM_TRANSFER_BROKEN, 408);
	transfer_release(t);
}

void transfer_told(dialog_id id, enum dialog_news news)
{
	size_t i;

	for(i = 0; i < transfer_count && news == DIALOG_OVER; i++) {
		if(transfers[i].job && transfers[i].dialog == id) {
			client_hung_up(&transfers[i]);
			return;
		}
	}
}

void transfer_answered(size_t place, uint64_t ticket, const struct call_answer *answer)
{
	struct transfer *t = &transfers[place];
	struct offer_terms terms;

	if(!t->job || t->ticket != ticket) {
		if(answer->dialog)
			dialog_hang_up(answer->dialog);
		return;
	}
	terms = offer_terms_out(&t->job->size, t->job->to_isf);
	t->dialog = answer->dialog;
	if(answer->status >= 300) {
		transfer_event(t, CPM_TRANSFER_REFUSED, answer->status);
	} else if(t->state != CPM_TRANSFER_INVITED) {
		transfer_event(t, CPM_TRANSFER_ACCEPTED, 408);
	} else if(!dialog_lives(answer->dialog)) {
		/* It has hung up already. */
		transfer_event(t, CPM_TRANSFER_REFUSED, 408);
	} else if(offer_answered(t->leg, &terms, answer->sdp, &answer->peer)) {
		transfer_event(t, CPM_TRANSFER_ACCEPTED, 200);
	} else {
		LM_NOTICE("event=answer_unusable id=%.*s user=%.*s\n", SLICE_FMT(t->job->id),
				USER_FMT(t->job->aor));
		transfer_event(t, CPM_TRANSFER_BROKEN, 488);
		transfer_event(t, CPM_TRANSFER_ACCEPTED, 488);
	}
	transfer_release(t);
}

static bool transfer_invite(struct transfer *t)
{
	const struct transfer_job *job = t->job;
	char memory[SDP_MAX];
	struct cpm_buf sdp;
	struct offer_terms terms = offer_terms_out(&job->size, job->to_isf);
	struct invite invite = {.tags = DIALOG_TAGS_NONE,
			.uri = job->uri,
			.from = job->from,
			.to = job->to,
			.next_hop = job->next_hop,
			.headers = job->headers,
			.socket = job->socket};

	t->leg = offer_begin(&terms, &hooks, t);
	cpm_buf_init_fixed(&sdp, memory, sizeof(memory));
	if(!t->leg || !offer_make(t->leg, &terms, t->ticket, &sdp))
		return false;
	invite.sdp = cpm_buf_slice(&sdp);
	return invite_send(&invite, t->ticket);
}

static void transfer_run(struct command_job *head, struct store *store, int64_t now)
{
	struct transfer_job *job = (struct transfer_job *)head;
	struct transfer *t = transfer_take();

	if(!t) {
		post_answer(job->ticket, 503);
		shm_free(job);
		return;
	}
	t->job = job;
	t->state = CPM_TRANSFER_INVITED;
	t->started_ms = now;
	if(!transfer_invite(t)) {
		transfer_event(t, CPM_TRANSFER_REFUSED, 503);
		transfer_release(t);
	}
}

/* An answer that was lost on its way to us must not keep a place for ever. */
void transfer_sweep(int64_t now_ms)
{
	size_t i;

	for(i = 0; i < transfer_count; i++) {
		struct transfer *t = &transfers[i];

		if(!t->job)
			continue;
		if(t->hung_up_ms && t->hung_up_ms + CALL_LAST_WORDS_MS <= now_ms)
			transfer_event(t, CPM_TRANSFER_BROKEN, 408);
		else if(t->state != CPM_TRANSFER_SENDING && t->started_ms + CALL_LOST_MS < now_ms)
			transfer_event(t, CPM_TRANSFER_REFUSED, 408);
		transfer_release(t);
	}
}
