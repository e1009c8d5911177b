/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Claims what is due, shard by shard, and gives back what was done. A shard is
 * looked at every second, or when it said that something falls due; after an
 * outage the one with the oldest entry comes first. doc/queue.md has the rules.
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
#include "bucket.h"
#include "ending.h"
#include "push.h"
#include "storing.h"

/* So much is in our hands at once at most: ends of messages, and tasks. */
#define ENDS_MAX 1024
#define TASKS_MAX 256
/* One claim, so that shards take turns. */
#define CLAIM_ENDS 32
#define CLAIM_TASKS 16
#define CLAIM_BYTES 262144
#define CLAIMS_UNDER_WAY 8
/* A shard in which nothing is known to fall due is looked at this often. */
#define LOOK_MS 1000
#define LOOK_MIN_MS 20
/* While expiries are held up by their rate, tasks alone are asked for this often. */
#define TASKS_LOOK_MS 250
/* The rates let in so much at once. */
#define BURST_MS 250
/* A shard in which only such things are due as are held up by their rate. */
#define RATE_LOOK_MS 50
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

struct shard {
	unsigned number;
	int64_t look_ms;  /* not before */
	int64_t asked_ms; /* when it was last */
	int64_t oldest_ms; /* when its oldest end was due, as far as is known; INT64_MAX: none is due. 0: not looked at yet */
	bool asking;
	bool asking_ends; /* ... for ends of messages as well */
};

static struct store *store;
static struct shard *shards;
static size_t shard_count, asking;
static struct tickets *tickets;
static struct item *unsettled, *waiting, *oldest, *newest;
static int64_t lost_look_ms;
static size_t ends, tasks; /* in our hands, or asked for */
static struct bucket end_rate, task_rate;

bool due_init(int process, struct store *queue_store)
{
	unsigned number;

	store = queue_store;
	shards = calloc((size_t)settings.queue_shards, sizeof(*shards));
	tickets = tickets_new(TICKET_DUE, process, ENDS_MAX + TASKS_MAX);
	for(number = (unsigned)process; shards && number < (unsigned)settings.queue_shards;
			number += (unsigned)settings.queue_workers)
		shards[shard_count++].number = number;
	return shards && tickets;
}

struct store *due_store(void)
{
	return store;
}

static bool is_end(enum store_due_kind kind)
{
	return kind == STORE_DUE_EXPIRED || kind == STORE_DUE_DELETED;
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
	if(is_end(item->due.kind))
		ends--;
	else
		tasks--;
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

static struct item *item_make(
		struct claim *claim, const struct shard *shard, const struct store_due *due)
{
	struct item *item = calloc(1, sizeof(*item));

	if(!item)
		return NULL;
	item->claim = claim;
	item_line_up(item, now_ms());
	item->due = (struct due){.kind = due->kind,
			.shard = shard->number,
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

static void take(struct claim *claim, struct shard *shard, const struct store_due *due, int64_t now)
{
	struct item *item = claimed_anew(due, now) ? NULL : item_make(claim, shard, due);

	if(!item) {
		/* Without memory it stays claimed, and somebody gets it after claim_ms. */
		claim->left--;
		return;
	}
	if(is_end(due->kind))
		ends++;
	else
		tasks++;
	if(due->kind == STORE_DUE_EXPIRED || due->kind == STORE_DUE_NOTIFY)
		documents_wait(item, now);
	else
		hand_on(item, now);
}

/* What one call asked for. */
struct question {
	struct shard *shard;
	size_t ends, tasks;
};

static void on_claimed(void *context, enum store_rc rc, struct store_claim *owner,
		const struct store_due *due, size_t n, bool more, int64_t next_ms)
{
	struct question *q = context;
	struct shard *shard = q->shard;
	struct claim *claim;
	int64_t now = now_ms();
	size_t i, end_count = 0, q_ends;
	bool half; /* not all that may be due was asked for */

	asking--;
	shard->asking = shard->asking_ends = false;
	ends -= q->ends;
	tasks -= q->tasks;
	for(i = 0; i < n; i++)
		end_count += is_end(due[i].kind);
	bucket_give(&end_rate, q->ends - end_count);
	bucket_give(&task_rate, q->tasks - (n - end_count));
	half = !q->ends || !q->tasks;
	q_ends = q->ends;
	free(q);
	/* All that was asked for: there may be more, not older than what is due next. The first look asks for none: it only tells. */
	if(q_ends ? end_count == q_ends || (more && end_count) : !shard->oldest_ms)
		shard->oldest_ms = next_ms ? next_ms : INT64_MAX;
	else if(q_ends || rc != STORE_OK)
		shard->oldest_ms = INT64_MAX;
	shard->look_ms = rc != STORE_OK ? now + TROUBLE_MS : now + LOOK_MS;
	if(rc == STORE_OK && next_ms && next_ms < shard->look_ms) {
		shard->look_ms = next_ms > now + LOOK_MIN_MS ? next_ms : now + (more ? 0 : LOOK_MIN_MS);
		/* What is due is held up by its rate. */
		if(half && !n)
			shard->look_ms = now + RATE_LOOK_MS;
	}
	if(!n)
		return;
	claim = malloc(sizeof(*claim));
	if(!claim) {
		store_claim_free(&owner);
		return;
	}
	/* One more while it is handed out, so that it does not go under us. */
	*claim = (struct claim){.owner = owner, .left = n + 1};
	for(i = 0; i < n; i++)
		take(claim, shard, &due[i], now);
	if(--claim->left == 0) {
		store_claim_free(&claim->owner);
		free(claim);
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* So many ends are claimed at once: the rate is spent in portions, since a claim costs what it costs. */
static size_t portion(void)
{
	int64_t burst = (int64_t)settings.expiry_rate * BURST_MS / 1000;

	return burst > CLAIM_ENDS ? CLAIM_ENDS : burst > 1 ? (size_t)burst : 1;
}

/* Has another shard an older message, or is it not yet known? Then its turn comes first. */
static bool older_elsewhere(const struct shard *shard, int64_t now)
{
	size_t i;

	for(i = 0; i < shard_count; i++) {
		const struct shard *s = &shards[i];
		if(s->oldest_ms < shard->oldest_ms && s->oldest_ms <= now && !s->asking_ends)
			return true;
	}
	return false;
}

static void shard_ask(struct shard *shard, int64_t now)
{
	size_t want_tasks = least(least(CLAIM_TASKS, TASKS_MAX - tasks), bucket_level(&task_rate));
	size_t want_ends = least(portion(), ENDS_MAX - ends);
	int64_t wait_ms = bucket_wait_ms(&end_rate, settings.expiry_rate, portion());
	struct question *q;

	/* The first look only tells how old its oldest is, so that after an outage the oldest of all comes first. */
	if(wait_ms > 0 || !shard->asked_ms || older_elsewhere(shard, now))
		want_ends = 0;
	if(!want_ends && (!want_tasks || (shard->asked_ms && now - shard->asked_ms < TASKS_LOOK_MS))) {
		shard->look_ms = now + (wait_ms > 0 ? wait_ms : LOOK_MIN_MS / 4);
		return;
	}
	shard->look_ms = now + LOOK_MIN_MS;
	if(!(q = malloc(sizeof(*q))))
		return;
	*q = (struct question){shard, want_ends, want_tasks};
	if(!store_claim(store, shard->number, now, want_ends, want_tasks, CLAIM_BYTES, on_claimed, q)) {
		free(q);
		return;
	}
	asking++;
	shard->asking = true;
	shard->asking_ends = want_ends > 0;
	shard->asked_ms = now;
	ends += want_ends;
	tasks += want_tasks;
	bucket_take(&end_rate, want_ends);
	bucket_take(&task_rate, want_tasks);
}

/* Of those whose time to be looked at has come, the one with the oldest entry. */
static struct shard *shard_next(int64_t now, int64_t *next_ms)
{
	struct shard *best = NULL;
	size_t i;

	*next_ms = INT64_MAX;
	for(i = 0; i < shard_count; i++) {
		struct shard *s = &shards[i];
		if(s->asking)
			continue;
		if(s->look_ms > now)
			*next_ms = s->look_ms < *next_ms ? s->look_ms : *next_ms;
		else if(!best || s->oldest_ms < best->oldest_ms
				|| (s->oldest_ms == best->oldest_ms && s->asked_ms < best->asked_ms))
			best = s;
	}
	return best;
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
	struct shard *shard;
	int64_t next = INT64_MAX;

	if(!store_available(store))
		return now + TROUBLE_MS;
	bucket_fill(&end_rate, settings.expiry_rate, BURST_MS, now);
	bucket_fill(&task_rate, settings.report_rate, BURST_MS, now);
	settle_again(now);
	give_up_lost(now);
	while(asking < CLAIMS_UNDER_WAY && (shard = shard_next(now, &next)))
		shard_ask(shard, now);
	if(unsettled && next > now + TROUBLE_MS)
		next = now + TROUBLE_MS;
	return next;
}
