/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What was claimed: handed on by kind once the documents are there, and given
 * back when it is done.
 */
#include "due.h"

#include <stdlib.h>

#include "../../core/dprint.h"
#include "../module/context.h"
#include "../module/outcome.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../module/ticket.h"
#include "../module/wake.h"
#include "claims.h"
#include "ending.h"
#include "push.h"
#include "storing.h"

/* When the store is away, or documents are. */
#define TROUBLE_MS 1000
/* An answer, or documents, that have not come by then never will: our own timers are far shorter. */
#define LOST_MS 180000
#define LOST_LOOK_MS 10000
/* Without documents an expiry is put off for so long; then the parameter decides. */
#define UNDECIDED_MAX_MS 3600000

struct claim {
	struct store_claim *owner;
	size_t left; /* of its items, not yet given back */
};

struct item {
	struct due due; /* first: a due is its item */
	struct claim *claim;
	void (*answered)(struct due *d, int status, int64_t now);
	struct store_settle settle;
	int64_t told_token; /* with which it was last settled */
	char *report_text;  /* what the settle's report borrows from */
	int64_t retry_ms;
	struct item *next;                 /* in the list of the unsettled */
	uint64_t ticket;                   /* while it waits for an answer or for documents */
	int64_t lost_ms;                   /* when that is given up; 0: it waits for nothing */
	struct item *wait_next, **wait_at; /* all that wait */
	int64_t claimed_ms;
	struct item *older, *newer; /* all, in the order of their claims */
};

static struct store *store;
static struct tickets *tickets;
static struct item *unsettled, *waiting, *oldest, *newest;
static int64_t lost_look_ms;
static struct due_held held;

bool due_init(int process, struct store *queue_store)
{
	store = queue_store;
	tickets = tickets_new(TICKET_DUE, process, DUE_ENDS_MAX + DUE_TASKS_MAX);
	return tickets && claims_init(process, queue_store);
}

struct store *due_store(void)
{
	return store;
}

struct due_held due_held(void)
{
	return held;
}

static size_t *held_of(enum store_due_kind kind)
{
	return due_is_end(kind) ? &held.ends : &held.tasks;
}

const struct cpm_documents *due_documents(const struct due *d)
{
	return d->documents ? xdm_documents(d->documents) : &cpm_documents_none;
}

static bool item_wait(struct item *item, int64_t now)
{
	if(!ticket_take(tickets, item, &item->ticket))
		return false;
	item->lost_ms = now + LOST_MS;
	item->wait_next = waiting;
	item->wait_at = &waiting;
	if(waiting)
		waiting->wait_at = &item->wait_next;
	waiting = item;
	return true;
}

/* The one that waited under this ticket; NULL when it waits no more. */
static struct item *item_awake(uint64_t ticket)
{
	struct item *item = ticket_redeem(tickets, ticket);

	if(!item)
		return NULL;
	item->lost_ms = 0;
	*item->wait_at = item->wait_next;
	if(item->wait_next)
		item->wait_next->wait_at = item->wait_at;
	return item;
}

static void item_line_up(struct item *item, int64_t now)
{
	item->claimed_ms = now;
	item->newer = NULL;
	item->older = newest;
	*(newest ? &newest->newer : &oldest) = item;
	newest = item;
}

static void item_step_out(struct item *item)
{
	*(item->older ? &item->older->newer : &oldest) = item->newer;
	*(item->newer ? &item->newer->older : &newest) = item->older;
}

static void item_free(struct item *item)
{
	struct claim *claim = item->claim;

	item_step_out(item);
	--*held_of(item->due.kind);
	xdm_release(&item->due.documents);
	free(item->due.extra);
	free(item->report_text);
	free(item);
	if(--claim->left == 0) {
		store_claim_free(&claim->owner);
		free(claim);
	}
}

static void settle(struct item *item);

static void on_settled(void *context, enum store_rc rc, bool mine)
{
	struct item *item = context;

	if(rc != STORE_OK) {
		/* Whether it took effect is not known; a second time does no harm. */
		item->retry_ms = now_ms() + TROUBLE_MS;
		item->next = unsettled;
		unsettled = item;
		return;
	}
	if(!mine && item->told_token != item->settle.token) {
		settle(item); /* it was claimed anew, by us, in the meantime */
		return;
	}
	if(item->due.ended)
		item->due.ended(&item->due, mine);
	item_free(item);
}

static void settle(struct item *item)
{
	item->settle.now_ms = now_ms();
	item->told_token = item->settle.token;
	if(!store_settle(store, &item->settle, on_settled, item))
		on_settled(item, STORE_DOWN, false);
}

static struct item *give_back(struct due *d)
{
	struct item *item = (struct item *)d;

	item->settle = (struct store_settle){.shard = d->shard, .entry = d->entry, .token = d->token};
	return item;
}

static bool report_copy(struct item *item, const struct store_report *report)
{
	struct store_report *to = &item->settle.report;
	char *at = malloc(report->id.n + report->record.n + report->body.n + 1);

	if(!at)
		return false;
	item->report_text = at;
	*to = *report;
	memcpy(at, report->id.p, report->id.n);
	to->id.p = at;
	at += report->id.n;
	memcpy(at, report->record.p, report->record.n);
	to->record.p = at;
	at += report->record.n;
	memcpy(at, report->body.p, report->body.n);
	to->body.p = at;
	return true;
}

void due_end(struct due *d, enum store_outcome outcome, const struct store_report *report)
{
	struct item *item = give_back(d);

	d->outcome = outcome;
	item->settle.outcome = outcome;
	if(report && report->id.n && !report_copy(item, report)) {
		due_again(d, now_ms() + TROUBLE_MS);
		return;
	}
	settle(item);
}

void due_done(struct due *d)
{
	settle(give_back(d));
}

void due_again(struct due *d, int64_t at_ms)
{
	struct item *item = give_back(d);

	d->ended = NULL;
	item->settle.again_ms = at_ms;
	settle(item);
}

void due_keep(struct due *d)
{
	struct item *item = give_back(d);

	item->settle.keep = true;
	item->settle.store_ms = storing_first_ms(now_ms());
	settle(item);
}

void due_quarantine(struct due *d)
{
	struct item *item = give_back(d);

	d->ended = NULL;
	item->settle.quarantine = true;
	settle(item);
}

bool due_ticket(
		struct due *d, void (*answered)(struct due *d, int status, int64_t now), uint64_t *ticket)
{
	struct item *item = (struct item *)d;

	if(!item_wait(item, now_ms()))
		return false;
	item->answered = answered;
	*ticket = item->ticket;
	return true;
}

void due_answered(uint64_t ticket, int status, int64_t now)
{
	struct item *item = item_awake(ticket);

	if(item)
		item->answered(&item->due, status, now);
}

static void hand_on(struct item *item, int64_t now)
{
	struct due *d = &item->due;

	switch(d->kind) {
		case STORE_DUE_EXPIRED:
		case STORE_DUE_DELETED:
			ending_due(d, now);
			break;
		case STORE_DUE_REPORT:
			report_due(d, now);
			break;
		case STORE_DUE_NOTIFY:
			notify_due(d, now);
			break;
		case STORE_DUE_STORE:
			kept_due(d, now);
			break;
		case STORE_DUE_PUSH:
			push_due(d, now);
			break;
	}
}

static void documents_came(
		struct item *item, enum xdm_state docs, struct xdm_entry *entry, int64_t now)
{
	struct due *d = &item->due;

	d->docs = docs;
	d->documents = entry;
	if(docs == XDM_FAILED && settings.xdm_fail != XDM_FAIL_OPEN
			&& now - d->due_ms < UNDECIDED_MAX_MS)
		due_again(d, now + 10 * TROUBLE_MS);
	else
		hand_on(item, now);
}

/* Notifications that were put off look at what the documents say now: do-not-disturb may have ended. */
static void documents_wait(struct item *item, int64_t now)
{
	struct xdm_waiter waiter = {.kind = WAITER_DUE};
	struct xdm_entry *entry = NULL;
	bool refresh = item->due.kind == STORE_DUE_NOTIFY && item->due.attempts > 0;
	enum xdm_state docs = refresh ? XDM_MISS : xdm_lookup(item->due.aor, now, &entry);

	if(docs != XDM_MISS) {
		documents_came(item, docs, entry, now);
		return;
	}
	item->answered = NULL;
	if(item_wait(item, now)) {
		waiter.a = item->ticket;
		if(xdm_wait(item->due.aor, &waiter, refresh))
			return;
		item_awake(item->ticket);
	}
	due_again(&item->due, now + TROUBLE_MS);
}

void due_resume(struct documents_job *job, int64_t now)
{
	struct item *item = item_awake(job->ticket);

	if(item)
		documents_came(item, job->state, job->entry, now);
	else
		xdm_release(&job->entry);
}

static struct item *item_make(struct claim *claim, unsigned shard, const struct store_due *due)
{
	struct item *item = calloc(1, sizeof(*item));

	if(!item)
		return NULL;
	item->claim = claim;
	item_line_up(item, now_ms());
	item->due = (struct due){.kind = due->kind,
			.shard = shard,
			.entry = due->entry,
			.token = due->token,
			.id = due->id,
			.aor = due->aor,
			.record = due->record,
			.body = due->body,
			.due_ms = due->due_ms,
			.attempts = due->attempts};
	return item;
}

/* Our own claim ran out while we are still at it: then the new one is for the same work. */
static bool claimed_anew(const struct store_due *due, int64_t now)
{
	struct item *item;

	for(item = oldest; item && item->claimed_ms + settings.claim_ms <= now; item = item->newer) {
		if(!cpm_slice_eq(item->due.entry, due->entry))
			continue;
		item->due.token = item->settle.token = due->token;
		item_step_out(item);
		item_line_up(item, now);
		return true;
	}
	return false;
}

static void take(struct claim *claim, unsigned shard, const struct store_due *due, int64_t now)
{
	struct item *item = claimed_anew(due, now) ? NULL : item_make(claim, shard, due);

	if(!item) {
		/* Without memory it stays claimed, and somebody gets it after claim_ms. */
		claim->left--;
		return;
	}
	++*held_of(due->kind);
	if(due->kind == STORE_DUE_EXPIRED || due->kind == STORE_DUE_NOTIFY)
		documents_wait(item, now);
	else
		hand_on(item, now);
}

void due_claimed(unsigned shard, struct store_claim *owner, const struct store_due *due, size_t n,
		int64_t now)
{
	struct claim *claim = n ? malloc(sizeof(*claim)) : NULL;

	if(!claim) {
		store_claim_free(&owner);
		return;
	}
	/* One more while it is handed out, so that it does not go under us. */
	*claim = (struct claim){.owner = owner, .left = n + 1};
	for(size_t i = 0; i < n; i++)
		take(claim, shard, &due[i], now);
	if(--claim->left == 0) {
		store_claim_free(&claim->owner);
		free(claim);
	}
}

static void settle_again(int64_t now)
{
	struct item *item, *list = unsettled;

	unsettled = NULL;
	while((item = list)) {
		list = item->next;
		if(item->retry_ms > now) {
			item->next = unsettled;
			unsettled = item;
		} else
			settle(item);
	}
}

/* A lost answer must not keep a place among what is in our hands for ever. Nothing is told to the store: the claim has run
 * out, so somebody gets it. */
static void give_up_lost(int64_t now)
{
	struct item *item, *next;

	if(now < lost_look_ms)
		return;
	lost_look_ms = now + LOST_LOOK_MS;
	for(item = waiting; item; item = next) {
		next = item->wait_next;
		if(item->lost_ms >= now)
			continue;
		item_awake(item->ticket);
		item_free(item);
	}
}

int64_t due_run(int64_t now)
{
	int64_t next;

	if(!store_available(store))
		return now + TROUBLE_MS;
	settle_again(now);
	give_up_lost(now);
	next = claims_run(now);
	return unsettled && next > now + TROUBLE_MS ? now + TROUBLE_MS : next;
}
