/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Takes the lease with the first messages, sends, and tells what ended. Each send
 * is triggered by the answer to the one before, so nothing waits. What a client
 * took is told to the store with the next call, or after push_ack_ms: a node that
 * dies before repeats those messages with the same identifiers.
 */
#include "run.h"

#include <stdlib.h>
#include <sys/random.h>

#include "../core/queue/retry.h"
#include "../module/context.h"
#include "../module/outcome.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "bucket.h"
#include "flight.h"
#include "judge.h"
#include "session_report.h"

/* So many windows of messages are asked for, and more when half of them are gone: an fsync of Redis lies in between. */
#define WINDOWS_AHEAD 4
/* The push rate lets out so much at once. */
#define PUSH_BURST_MS 100

static struct store *store;
static uint64_t incarnation; /* tells this process from every other one that shares the store */
static void (*run_ended)(struct session *s, enum cpm_push_event event, int64_t now);

static void batch_unlink(struct session_run *run, struct session_batch *b)
{
	struct session_batch **at = &run->batches;

	while(*at != b)
		at = &(*at)->next;
	*at = b->next;
	store_batch_free(&b->owner);
	free(b);
}

bool run_init(struct store *queue_store,
		void (*ended)(struct session *s, enum cpm_push_event event, int64_t now))
{
	store = queue_store;
	run_ended = ended;
	return getrandom(&incarnation, sizeof(incarnation), 0) == sizeof(incarnation);
}

bool run_begin(struct session *s)
{
	if(!s->report)
		s->report = calloc(1, sizeof(*s->report));
	if(!s->told)
		s->told = calloc(1, sizeof(*s->told));
	s->run = s->report && s->told ? calloc(1, sizeof(*s->run)) : NULL;
	return s->run != NULL;
}

void run_end(struct session *s)
{
	struct session_run *run = s->run;

	if(!run)
		return;
	while(run->batches)
		batch_unlink(run, run->batches);
	contacts_free(&run->contacts);
	xdm_release(&run->entry);
	free(run);
	s->run = NULL;
	if(session_report_empty(s->report)) {
		free(s->report);
		free(s->told);
		s->report = s->told = NULL;
	}
}

static void token_write(const struct session *s, char *text, size_t size, struct cpm_slice *token)
{
	struct cpm_buf b;

	cpm_buf_init_fixed(&b, text, size);
	cpm_buf_add(&b, cpm_slice_head(cpm_slice_of(settings.hostname), 64));
	cpm_buf_add_char(&b, '/');
	cpm_buf_add_u64(&b, incarnation);
	cpm_buf_add_char(&b, '/');
	cpm_buf_add_u64(&b, s->number);
	*token = cpm_buf_slice(&b);
}

static void run_fetched(void *context, const struct store_next_result *result);

/* One call to the store: tells what ended, renews the lease, asks for want more. */
static void run_call(struct session *s, size_t want, bool release, int64_t now)
{
	struct session_run *run = s->run;
	struct session_report *r = s->report;
	struct session_report_lists lists;
	char token[128];
	struct store_next next = {.aor = s->aor,
			.lease_ms = settings.push_lease_ms,
			.now_ms = now,
			.after = run->after,
			.want = want,
			.max_bytes = (size_t)settings.push_prefetch_bytes,
			.force = s->force,
			.ordered_only = run->ordered_only,
			.release = release,
			.again_ms = run->rest_until_ms ? later(run->rest_until_ms, s->gone_until_ms) : 0};

	session_report_tell(r, &lists, &next);
	token_write(s, token, sizeof(token), &next.token);
	if(!store_next(store, &next, run_fetched, s)) {
		run->stopped = true;
		run->rest_until_ms = now + SESSION_TROUBLE_REST_MS;
		return;
	}
	s->report = s->told;
	s->told = r;
	run->fetching = run->asked = true;
	run->asked_last = want > 0 && release;
	run->releasing = release;
	run->flush_ms = 0;
	run->renew_ms = now + settings.push_lease_ms / 3;
}

/* Enough to fill the window again while the next call is under way. */
static size_t fetch_size(void)
{
	size_t prefetch = (size_t)settings.push_prefetch, window = (size_t)settings.push_window;
	size_t least = window > 1 ? WINDOWS_AHEAD * window : 2;

	return prefetch > least ? prefetch : least;
}

static size_t run_unsent(const struct session_run *run)
{
	const struct session_batch *b;
	size_t n = 0;

	for(b = run->batches; b; b = b->next)
		n += b->count - b->sent;
	return n;
}

/* All is sent and there is room for more; or, so that a wide window does not run dry meanwhile, it is full with little left behind. */
static bool run_wants_more(const struct session_run *run)
{
	size_t window = (size_t)settings.push_window, unsent = run_unsent(run);

	if(run->drained && run->in_flight)
		return false;
	if(!unsent)
		return run->in_flight < window;
	return window > 1 && run->in_flight == window && unsent < WINDOWS_AHEAD / 2 * window;
}

static void message_ended(struct session_run *run, struct session_batch *b)
{
	if(++b->ended == b->count)
		batch_unlink(run, b);
}

/* The message stays, and is not handed out before its time. */
static void put_off(
		struct session *s, const struct store_message *m, int64_t not_before_ms, int status)
{
	struct session_run *run = s->run;

	session_report_failed(s, m, not_before_ms, status);
	if(!run->rest_until_ms || not_before_ms < run->rest_until_ms)
		run->rest_until_ms = not_before_ms;
}

static int64_t retry_at(int64_t arrived_ms, int64_t now)
{
	return cpm_retry_at(now, arrived_ms, (int64_t)settings.retry_min_s * 1000,
			(int64_t)settings.retry_max_s * 1000, (uint32_t)random());
}

/* Returns when it is tried again. */
static int64_t fail_message(struct session *s, const struct store_message *m, int64_t arrived_ms,
		int status, int64_t now)
{
	int64_t at = retry_at(arrived_ms, now);

	put_off(s, m, at, status);
	return at;
}

/* What was handed out and is not for now: in flight no more. */
static void leave_unsent(struct session *s, struct session_batch *b, const struct store_message *m)
{
	session_report_unsent(s, m);
	message_ended(s->run, b);
}

/* May this message go now? If not it is disposed of. */
static bool message_clear(struct session *s, struct session_batch *b, const struct store_message *m,
		struct cpm_record *record, int64_t now)
{
	struct cpm_diag diag = {0};
	int64_t until;

	if(m->expires_ms && m->expires_ms <= now) {
		/* Its end has been waiting for us. */
		count(push_expired);
		leave_unsent(s, b, m);
		return false;
	}
	if(cpm_record_parse(m->record, record, &diag) != CPM_OK) {
		session_report_quarantine(s, m);
		outcome_quarantined(m->id, diag.reason);
		message_ended(s->run, b);
		return false;
	}
	if(m->order == STORE_ORDER_INTERWORK)
		return true;
	if(!s->run->reachable
			|| (record->kind == CPM_RECORD_LARGE && !judge_client_for_large(s->run))) {
		/* A client that can take it makes it due when it registers. */
		put_off(s, m, retry_at(record->arrived_ms, now), 0);
		message_ended(s->run, b);
		return false;
	}
	if(m->order == STORE_ORDER_NONE && judge_unwelcome(s, record, now, &until)) {
		put_off(s, m, until, 0);
		message_ended(s->run, b);
		return false;
	}
	return true;
}

/* Sends one message to the present client, or where its user ordered. */
static void send_one(
		struct session *s, struct session_batch *b, const struct store_message *m, int64_t now)
{
	struct cpm_record *record = &b->records[m - b->messages];

	if(!message_clear(s, b, m, record, now) || flight_start(s, b, m, record, now))
		return;
	s->run->stopped = true;
	s->run->rest_until_ms = now + SESSION_TROUBLE_REST_MS;
	b->sent--;
}

/* The cap on pushes a second; when it is reached *send_ms says when the next may go. */
static bool rate_take(int64_t now, int64_t *send_ms)
{
	static struct bucket bucket;

	if(!settings.push_rate)
		return true;
	bucket_fill(&bucket, settings.push_rate, PUSH_BURST_MS, now);
	if(bucket_level(&bucket) > 0) {
		bucket_take(&bucket, 1);
		return true;
	}
	*send_ms = now + bucket_wait_ms(&bucket, settings.push_rate, 1);
	return false;
}

/* Sends as far as window, rate, report and batches allow. */
static void run_send(struct session *s, int64_t now)
{
	struct session_run *run = s->run;
	struct session_batch *b, *next;
	bool last;

	run->send_ms = 0;
	for(b = run->batches; b; b = next) {
		next = b->next;
		/* The batch may go with its last message. */
		for(last = b->sent == b->count; !last;) {
			if(run->stopped || run->in_flight >= (size_t)settings.push_window
					|| !session_report_has_room(s) || !rate_take(now, &run->send_ms))
				return;
			last = ++b->sent == b->count;
			send_one(s, b, &b->messages[b->sent - 1], now);
		}
	}
}

/* After anything has changed in a run: send, ask for more, tell what ended, or end. False when the run has ended (and the session
 * may be gone). */
static bool run_go_on(struct session *s, int64_t now)
{
	struct session_run *run = s->run;

	run_send(s, now);
	if(run->fetching)
		return true;
	if(run->stopped) {
		if(run->in_flight)
			return true;
		run_call(s, 0, true, now);
	} else if(run_wants_more(run))
		run_call(s, fetch_size(), run->in_flight == 0, now);
	else if(!session_report_has_room(s))
		run_call(s, 0, false, now);
	if(!run->fetching && run->stopped && run->in_flight == 0) {
		run_ended(s, CPM_PUSH_LATER, now);
		return false;
	}
	return true;
}

/* When the run wants to be looked after next. */
static void run_clock(struct session *s, int64_t now)
{
	const struct session_run *run = s->run;
	int64_t at = run->renew_ms;

	if(run->flush_ms)
		at = earlier(at, run->flush_ms);
	if(run->send_ms)
		at = earlier(at, run->send_ms);
	if(run->stopped)
		at = now + 1000; /* the answers that it waits for wake it */
	session_wake_at(s, later(at, now + 5));
}

static void batch_add(struct session_run *run, const struct store_next_result *result)
{
	struct session_batch *b = malloc(sizeof(*b) + result->count * sizeof(b->records[0]));
	struct session_batch **at = &run->batches;

	if(!b) {
		struct store_batch *owner = result->batch;
		store_batch_free(&owner);
		run->stopped = true;
		return;
	}
	*b = (struct session_batch){
			.owner = result->batch, .messages = result->messages, .count = result->count};
	while(*at)
		at = &(*at)->next;
	*at = b;
	run->after = result->messages[result->count - 1].arrival;
	run->handed_out = true;
}

/* What became due behind us meanwhile, as its user or an operator moved it, or its time came, is not passed over: the run goes through
 * once more. What it has tried itself has a later time by now, so this ends. */
static bool run_goes_back(struct session *s, const struct store_next_result *result)
{
	struct session_run *run = s->run;

	if(run->stopped || !run->handed_out || result->waiting == 0)
		return false;
	run->handed_out = run->drained = false;
	run->after = 0;
	s->force = false;
	return true;
}

static void run_fetched(void *context, const struct store_next_result *result)
{
	struct session *s = context;
	struct session_run *run = s->run;
	int64_t now = now_ms();
	bool finishing = run->stopped && run->in_flight == 0 && run->releasing
					 && session_report_empty(s->report);

	run->fetching = false;
	if(result->rc == STORE_DOWN)
		session_report_take_back(s->report, s->told);
	session_report_clear(s->told);
	if(result->rc != STORE_OK) {
		/* What was handed out and not yet sent will be handed out again, to us or to another. */
		run->stopped = true;
		run->rest_until_ms =
				now + (result->rc == STORE_BUSY ? result->busy_ms + 1 : SESSION_TROUBLE_REST_MS);
		if(result->rc == STORE_LOST)
			count(lost_leases);
		if(run->in_flight == 0)
			run_ended(s, CPM_PUSH_LATER, now);
		return;
	}
	if(s->registered && !run->greeted && result->parked > 0)
		store_notify(store, s->aor, now + settings.notify_delay_ms, NULL, NULL);
	run->greeted = true;
	if(result->next_due_ms && (!run->rest_until_ms || result->next_due_ms < run->rest_until_ms))
		run->rest_until_ms = result->next_due_ms;
	run->drained = !result->count && !result->looked;
	if(result->count)
		batch_add(run, result);
	else if(result->looked && !run->stopped)
		run->after = result->looked;
	else if((finishing || run->asked_last) && !run_goes_back(s, result)) {
		run_ended(s, run->rest_until_ms && result->waiting > 0 ? CPM_PUSH_LATER : CPM_PUSH_EMPTY,
				now);
		return;
	}
	if(run_go_on(s, now))
		run_clock(s, now);
}

/* The client did not answer, or is not there. Either it is gone, or this message is more than it can take: when the message has met
 * that before, the next one tells. */
static void client_gone(struct session *s, const struct store_message *m,
		const struct cpm_record *r, int status, int64_t now)
{
	struct session_run *run = s->run;
	int64_t at = fail_message(s, m, r->arrived_ms, status, now);

	s->gone_until_ms = later(s->gone_until_ms, at);
	if(m->attempts > 0 && !run->probed)
		run->probed = true;
	else
		run->stopped = true;
}

static void interwork_answered(struct session *s, const struct store_message *m,
		const struct cpm_record *r, int status, int64_t now)
{
	if(cpm_push_outcome_of(status) == CPM_PUSH_DELIVERED) {
		session_report_interworked(s, m);
		outcome_ended(m->id, s->aor, STORE_INTERWORKED, 0);
		return;
	}
	count(isf_refused);
	outcome_failed(r, m->body, status, "not interworked");
	s->ordered = true;
	fail_message(s, m, r->arrived_ms, status, now);
}

/* False when the message is on its way to another client. */
static bool push_ended(struct session *s, struct session_batch *b, const struct store_message *m,
		const struct cpm_record *r, int status, int64_t now)
{
	struct session_run *run = s->run;

	switch(cpm_push_outcome_of(status)) {
		case CPM_PUSH_DELIVERED:
			session_report_done(s, m);
			run->probed = false;
			s->gone_until_ms = 0;
			outcome_delivered(r, m->body, status, now);
			return true;
		case CPM_PUSH_CLIENT_GONE:
			outcome_failed(r, m->body, status, "client gone");
			count(push_gone);
			if(run->in_flight == 0 && judge_next_client(run)) {
				send_one(s, b, m, now);
				return false;
			}
			client_gone(s, m, r, status, now);
			break;
		case CPM_PUSH_REFUSED:
			outcome_failed(r, m->body, status, "refused");
			count(push_refused);
			fail_message(s, m, r->arrived_ms, status, now);
			break;
	}
	s->ordered |= m->order != STORE_ORDER_NONE;
	return true;
}

void run_answered(uint64_t ticket, int status, int64_t now)
{
	struct flight f;
	struct session *s;
	bool ended = true;

	if(!flight_land(ticket, status, &f))
		return;
	s = f.session;
	if(f.message->order == STORE_ORDER_INTERWORK)
		interwork_answered(s, f.message, f.record, status, now);
	else
		ended = push_ended(s, f.batch, f.message, f.record, status, now);
	if(ended) {
		if(!s->run->flush_ms)
			s->run->flush_ms = now + settings.push_ack_ms;
		message_ended(s->run, f.batch);
	}
	if(run_go_on(s, now))
		run_clock(s, now);
}

void run_tend(struct session *s, int64_t now)
{
	struct session_run *run = s->run;

	/* Also of one that has stopped: what is under way must not go to another node. */
	if(!run->fetching && (!run->stopped || run->in_flight > 0)
			&& (now >= run->renew_ms || (run->flush_ms && now >= run->flush_ms)))
		run_call(s, 0, false, now);
	if(run_go_on(s, now))
		run_clock(s, now);
}

bool run_start(struct session *s, int64_t now)
{
	run_call(s, s->run->stopped ? 0 : fetch_size(), true, now);
	return s->run->fetching;
}
