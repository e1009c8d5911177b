/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A receipt: octets as they come, then the proof that all are there, the
 * record completed, the put, the verdict.
 */
#include "receipt.h"

#include <stdlib.h>

#include "../../core/mem/shm.h"
#include "../core/codec/cpim.h"
#include "../module/logged.h"
#include "../module/outcome.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../queue/storing.h"
#include "../script/draft.h"
#include "call.h"

/* For the sender's BYE, before we send our own. */
#define BYE_GRACE_MS 10000

static struct receipt *receipts;

static void receipt_event(struct receipt *r, enum cpm_receipt_event event);

void receive_job_free(struct receive_job *job)
{
	shm_free(job->message);
	shm_free(job);
}

static struct receipt *receipt_of_dialog(dialog_id id)
{
	struct receipt *r = receipts;

	while(r && r->job->dialog != id)
		r = r->next;
	return r;
}

/* Freed once nobody will call back. */
static void receipt_release(struct receipt *r)
{
	struct receipt **at = &receipts;

	if(r->state != CPM_RECEIPT_GONE || r->calls || r->staging.calls)
		return;
	while(*at != r)
		at = &(*at)->next;
	*at = r->next;
	staging_free(&r->staging);
	cpm_buf_free(&r->record);
	cpm_buf_free(&r->head);
	cpm_buf_free(&r->identity);
	receive_job_free(r->job);
	free(r);
}

/* What has come is worth nothing, unless the message is, or may be, in the queue. */
static void pieces_drop(struct receipt *r)
{
	if(r->stored)
		staging_leave(&r->staging);
	else
		staging_drop(&r->staging);
}

static void settle_go_on(struct receipt *r);

/* Something that its octets waited for has come. */
static void on_moved(struct staging *s)
{
	struct receipt *r = (struct receipt *)((char *)s - offsetof(struct receipt, staging));

	if(r->state == CPM_RECEIPT_SETTLING)
		settle_go_on(r);
	else if(r->state == CPM_RECEIPT_OPEN && staging_ready(s) && r->leg)
		leg_resume(r->leg);
	receipt_release(r);
}

void receipt_enter(struct receipt *r)
{
	r->staging = (struct staging){
			.aor = r->job->message->aor, .id = r->job->message->id, .moved = on_moved};
	r->next = receipts;
	receipts = r;
}

static unsigned on_begin(
		void *owner, struct leg *leg, const struct cpm_msrp_head *head, void **mark)
{
	struct receipt *r = owner;

	/* One message a session: what has come for it lies under its name. */
	if(r->state != CPM_RECEIPT_OPEN)
		return 413;
	return staging_begin(&r->staging) ? 0 : 408;
}

static bool on_octets(void *owner, struct leg *leg, void *mark, uint64_t at, struct cpm_slice piece)
{
	struct receipt *r = owner;

	if(r->hung_up_ms)
		r->hung_up_ms = now_ms();
	return staging_add(&r->staging, at, piece);
}

static void on_complete(void *owner, struct leg *leg, void *mark, uint64_t total)
{
	struct receipt *r = owner;

	r->total = total;
	receipt_event(r, CPM_RECEIPT_COMPLETE);
}

static void on_aborted(void *owner, struct leg *leg, void *mark)
{
	struct receipt *r = owner;

	count(large_discarded);
	pieces_drop(r);
	if(r->leg)
		leg_resume(r->leg);
}

static void on_lost(void *owner, struct leg *leg, enum leg_loss why)
{
	struct receipt *r = owner;

	r->leg = NULL;
	LM_INFO("event=media_lost id=%.*s why=%s\n", SLICE_FMT(r->job->message->id),
			leg_loss_name(why));
	receipt_event(r, CPM_RECEIPT_LOST);
}

const struct leg_hooks receipt_hooks = {.begin = on_begin,
		.octets = on_octets,
		.complete = on_complete,
		.aborted = on_aborted,
		.lost = on_lost};

/* The verdict: 200, or the MSRP status of what went wrong. */
static void verdict(struct receipt *r, unsigned status, const char *reason)
{
	const struct store_job *m = r->job->message;

	if(status != 200) {
		outcome_refused(m->id, m->aor, reason);
		pieces_drop(r);
	}
	if(r->leg)
		leg_verdict(r->leg, NULL, status);
	receipt_event(r, CPM_RECEIPT_VERDICT);
}

/* Redis had confirmed them, and has them no more: another server took over that had not yet heard of them, or it was restarted. */
static void octets_lost(struct receipt *r)
{
	count(store_failures);
	LM_ERR("event=octets_lost id=%.*s user=%.*s pieces=%zu octets=%llu\n",
			SLICE_FMT(r->job->message->id), USER_FMT(r->job->message->aor), r->staging.pieces,
			(unsigned long long)r->total);
	verdict(r, 408, "lost");
}

static void on_put(void *context, enum store_rc rc, struct cpm_slice id)
{
	struct receipt *r = context;
	struct store_job *m = r->job->message, known = *m;

	r->calls--;
	switch(rc) {
		case STORE_OK:
			known.record = cpm_buf_slice(&r->record);
			known.body = cpm_buf_slice(&r->head);
			outcome_deferred(&known);
			if(m->place == STORE_TO_PUSH && m->expires_ms > now_ms())
				post_trigger(m->aor, CPM_SLICE_NONE, false,
						m->cause == CPM_CAUSE_UNDELIVERED ? (int64_t)settings.retry_min_s * 1000
														  : 0);
			verdict(r, 200, NULL);
			break;
		case STORE_DUPLICATE:
			outcome_duplicate(id, m->aor);
			r->stored = false;
			pieces_drop(r);
			verdict(r, 200, NULL);
			break;
		case STORE_QUOTA:
			count(quota_refused);
			r->stored = false;
			verdict(r, 413, "quota");
			break;
		case STORE_LOST:
			r->stored = false;
			octets_lost(r);
			break;
		default:
			/* It may be in the queue all the same: its octets stay. */
			count(store_failures);
			verdict(r, 408, "store");
			break;
	}
	receipt_release(r);
}

/* The record learns what only the CPIM tells. False when it cannot be kept. */
static bool record_complete(struct receipt *r, const struct cpm_cpim *cpim)
{
	struct cpm_slice originator;

	cpm_buf_init(&r->record, settings.limits.max_record_bytes);
	if(!draft_complete(r->job->message->record, cpim, r->total, &r->record, &originator))
		return false;
	cpm_buf_init(&r->identity, settings.limits.max_record_bytes);
	if(cpim->imdn_id.n)
		draft_add_identity(&r->identity, originator, cpim->imdn_id);
	else
		cpm_buf_add(&r->identity, r->job->message->identity);
	return r->identity.rc == CPM_OK;
}

static void message_put(struct receipt *r)
{
	const struct store_job *m = r->job->message;
	int64_t now = now_ms();
	struct store_put put = {.id = m->id,
			.aor = m->aor,
			.now_ms = now,
			.expires_ms = m->expires_ms,
			.identity = cpm_buf_slice(&r->identity),
			.identity_ttl_ms = (int64_t)settings.dedup_window_s * 1000,
			.place = m->place,
			.notify_ms = m->place == STORE_TO_PULL ? now + settings.notify_delay_ms : 0,
			.store_ms = m->place == STORE_TO_STORE ? storing_first_ms(now) : 0,
			.record = cpm_buf_slice(&r->record),
			.body = cpm_buf_slice(&r->head),
			.staged = true};

	r->stored = true;
	if(store_put(media_store(), &put, on_put, r)) {
		r->calls++;
		return;
	}
	r->stored = false;
	count(store_failures);
	verdict(r, 408, "store");
}

/* Is it sealed? Then this is its head as it lies in the store. */
static void on_sealed(void *context, enum store_rc rc, struct cpm_slice octets)
{
	struct receipt *r = context;
	struct cpm_cpim cpim;
	struct cpm_diag diag = {0};
	enum cpm_rc parsed;

	r->calls--;
	if(rc == STORE_LOST) {
		octets_lost(r);
	} else if(rc != STORE_OK) {
		count(store_failures);
		verdict(r, 408, "store");
	} else if((parsed = cpm_cpim_parse(octets, &settings.limits, &cpim, &diag)) != CPM_OK) {
		count(malformed);
		LM_NOTICE("event=refused id=%.*s reason=malformed why=\"%s\"\n",
				SLICE_FMT(r->job->message->id), diag.reason);
		verdict(r, parsed == CPM_LIMIT ? 413 : 400, "malformed");
	} else {
		cpm_buf_init(&r->head, STAGING_HEAD_BYTES);
		cpm_buf_add(&r->head, cpm_slice_head(octets, (size_t)(cpim.content.p - octets.p)));
		if(!r->head.rc && record_complete(r, &cpim))
			message_put(r);
		else
			verdict(r, 413, "too-large");
	}
	receipt_release(r);
}

/* Every piece is confirmed: prove that all are there and look at the head, then put. */
static void settle_go_on(struct receipt *r)
{
	if(!staging_finish(&r->staging))
		return;
	if(staging_seal(&r->staging, r->total, on_sealed, r)) {
		r->calls++;
		return;
	}
	count(store_failures);
	verdict(r, 408, "store");
}

static void leave(struct receipt *r, bool hang_up)
{
	staging_leave(&r->staging);
	leg_close(&r->leg);
	if(hang_up && !r->dialog_over)
		dialog_hang_up(r->job->dialog);
}

static void discard(struct receipt *r, bool hang_up)
{
	const struct store_job *m = r->job->message;

	count(large_discarded);
	LM_NOTICE("event=discarded id=%.*s user=%.*s why=\"%s before the message was whole\"\n",
			SLICE_FMT(m->id), USER_FMT(m->aor),
			hang_up ? "connection lost" : "ended by its sender");
	pieces_drop(r);
	leave(r, hang_up);
}

/* Callers release the receipt when they are done with it. */
static void receipt_event(struct receipt *r, enum cpm_receipt_event event)
{
	switch(cpm_receipt_next(&r->state, event)) {
		case CPM_RECEIPT_NOTHING:
			break;
		case CPM_RECEIPT_SETTLE:
			settle_go_on(r);
			break;
		case CPM_RECEIPT_ANSWER:
			r->until_ms = now_ms() + (r->leg ? BYE_GRACE_MS : 0);
			if(r->dialog_over)
				receipt_event(r, CPM_RECEIPT_OVER);
			break;
		case CPM_RECEIPT_DISCARD:
			discard(r, false);
			break;
		case CPM_RECEIPT_DISCARD_BYE:
			discard(r, true);
			break;
		case CPM_RECEIPT_END:
			leave(r, false);
			break;
		case CPM_RECEIPT_END_BYE:
			leave(r, true);
			break;
	}
}

void receipt_told(dialog_id id, enum dialog_news news)
{
	struct receipt *r = receipt_of_dialog(id);

	if(!r || news != DIALOG_OVER)
		return;
	r->dialog_over = true;
	/* The sender has been answered by its relay, which may still have octets of it. */
	if(r->state == CPM_RECEIPT_OPEN && r->leg && leg_relayed(r->leg)) {
		r->hung_up_ms = now_ms();
		return;
	}
	receipt_event(r, CPM_RECEIPT_OVER);
	receipt_release(r);
}

void receipt_sweep(int64_t now_ms)
{
	struct receipt *r, *next;

	for(r = receipts; r; r = next) {
		next = r->next;
		if(r->state == CPM_RECEIPT_OPEN)
			staging_keep(&r->staging, now_ms);
		/* While nothing is read its relay cannot bring the rest. */
		if(r->hung_up_ms && r->leg && leg_paused(r->leg))
			r->hung_up_ms = now_ms;
		if(r->state == CPM_RECEIPT_OPEN && r->hung_up_ms
				&& r->hung_up_ms + CALL_LAST_WORDS_MS <= now_ms)
			receipt_event(r, CPM_RECEIPT_OVER);
		if(r->state == CPM_RECEIPT_LEAVING && r->until_ms <= now_ms)
			receipt_event(r, CPM_RECEIPT_TIME);
		receipt_release(r);
	}
}
