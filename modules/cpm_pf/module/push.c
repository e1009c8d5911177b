/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Runs push sessions: looks at the documents and the clients, takes the lease,
 * sends, and reports what ended. Each send is triggered by the answer to the
 * one before, so nothing waits. What a client took is told to the store with
 * the next call, or after push_ack_ms: a node that dies before repeats those
 * messages with the same identifiers.
 */
#include "push.h"

#include <stdlib.h>
#include <sys/random.h>

#include "../core/queue/retry.h"
#include "../sip/message.h"
#include "context.h"
#include "outcome.h"
#include "queue.h"
#include "script.h"
#include "session.h"
#include "settings.h"
#include "statistics.h"
#include "ticket.h"

/* A push whose answer has not come by then never will: tm's own timers are far shorter. */
#define FLIGHT_LOST_MS 180000
/* When the store is away, or documents are, look again after this. */
#define TROUBLE_REST_MS 2000
/* Do-not-disturb is looked at again at least this far apart. */
#define DND_LOOK_MIN_MS 1000

/* A message that was sent and not yet answered. */
struct flight {
	struct session *session; /* NULL: free */
	struct session_batch *batch;
	const struct store_message *message;
	int64_t sent_ms;
	uint64_t ticket;
};

static struct store *store;
static struct tickets *tickets;
static struct flight *flights; /* by the place of the ticket */
static size_t flight_count;
static size_t turns; /* sessions that have their turn */
static int64_t swept_ms;
static uint64_t incarnation; /* tells this process from every other one that shares the store */

static void session_step(struct session *s, enum cpm_push_event event, int64_t now);

bool push_init(int index, struct store *queue_store)
{
	store = queue_store;
	if(getrandom(&incarnation, sizeof(incarnation), 0) != sizeof(incarnation))
		return false;
	flight_count = (size_t)settings.push_parallel * (size_t)settings.push_window;
	tickets = tickets_new(TICKET_PUSH, index, flight_count);
	flights = calloc(flight_count, sizeof(*flights));
	return tickets && flights && sessions_init((size_t)settings.push_sessions);
}

/* NULL when too many are under way. */
static struct flight *flight_take(void)
{
	struct flight *f;
	uint64_t ticket;

	if(!ticket_take(tickets, flights, &ticket))
		return NULL;
	f = &flights[ticket_place(ticket)];
	f->ticket = ticket;
	return f;
}

/* The flight that has ended, free for another from now on: read it before the next one starts. */
static struct flight *flight_land(uint64_t ticket)
{
	return ticket_redeem(tickets, ticket) ? &flights[ticket_place(ticket)] : NULL;
}

static void batch_unlink(struct session_run *run, struct session_batch *b)
{
	struct session_batch **at = &run->batches;

	while(*at != b)
		at = &(*at)->next;
	*at = b->next;
	store_batch_free(&b->owner);
	free(b);
}

static bool report_empty(const struct session_report *r)
{
	return !r || r->done_count + r->failed_count + r->quarantine_count == 0;
}

static bool run_begin(struct session *s)
{
	if(!s->report)
		s->report = calloc(1, sizeof(*s->report));
	if(!s->told)
		s->told = calloc(1, sizeof(*s->told));
	s->run = s->report && s->told ? calloc(1, sizeof(*s->run)) : NULL;
	return s->run != NULL;
}

static void run_end(struct session *s)
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
	if(report_empty(s->report)) {
		free(s->report);
		free(s->told);
		s->report = s->told = NULL;
	}
}

static void id_keep(struct session_id *id, struct cpm_slice text)
{
	id->len = (unsigned char)(text.n < sizeof(id->text) ? text.n : sizeof(id->text));
	memcpy(id->text, text.p, id->len);
}

static struct cpm_slice id_slice(const struct session_id *id)
{
	return (struct cpm_slice){id->text, id->len};
}

/* Each answer adds to the report, so room must be left for what is in flight; and for what is being told, should that fail. */
static bool report_has_room(const struct session *s)
{
	size_t flying = s->run->in_flight;

	return s->report->done_count + s->told->done_count + flying < SESSION_IDS_MAX
		   && s->report->failed_count + s->told->failed_count + flying < SESSION_IDS_MAX
		   && s->report->quarantine_count + s->told->quarantine_count < SESSION_IDS_MAX;
}

/* The call that told them failed: they are to be told again. */
static void report_take_back(struct session_report *report, struct session_report *told)
{
	memcpy(report->done + report->done_count, told->done, told->done_count * sizeof(told->done[0]));
	memcpy(report->failed + report->failed_count, told->failed,
			told->failed_count * sizeof(told->failed[0]));
	memcpy(report->quarantine + report->quarantine_count, told->quarantine,
			told->quarantine_count * sizeof(told->quarantine[0]));
	report->done_count += told->done_count;
	report->failed_count += told->failed_count;
	report->quarantine_count += told->quarantine_count;
}

static void report_clear(struct session_report *r)
{
	r->done_count = r->failed_count = r->quarantine_count = 0;
}

static bool client_suits(const struct session *s, const struct contact *c, const struct cpm_documents *d)
{
	return contact_takes_messages(c) && session_aims_at(s, c->uri)
		   && cpm_decide_client(d, c->instance, CPM_MEDIUM_DEFERRED)
		   && cpm_decide_client(d, c->instance, CPM_MEDIUM_PAGER);
}

/* Picks the clients that may have the messages; false when there is none. */
static bool clients_choose(struct session *s, const struct cpm_documents *d)
{
	struct session_run *run = s->run;
	bool any = false;
	size_t i;

	if(!contacts_load(s->aor, &run->contacts))
		return false;
	for(i = run->contacts.count; i-- > 0;) {
		run->suitable[i] = client_suits(s, &run->contacts.items[i], d);
		if(run->suitable[i]) {
			run->contact = i;
			any = true;
		}
	}
	return any;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static const struct cpm_documents *run_documents(const struct session_run *run)
{
	return run->entry ? xdm_documents(run->entry) : &cpm_documents_none;
}

/* With the documents known: may anything be pushed now? Takes the reference. */
static void session_judge(struct session *s, enum xdm_state state, struct xdm_entry *entry, int64_t now)
{
	struct cpm_facts facts = {.medium = CPM_MEDIUM_DEFERRED, .now_ms = now};
	const struct cpm_documents *d;
	int64_t until;

	s->run->entry = entry;
	d = run_documents(s->run);
	if(state == XDM_FAILED && settings.xdm_fail != XDM_FAIL_OPEN) {
		s->run->rest_until_ms = now + TROUBLE_REST_MS;
		session_step(s, CPM_PUSH_NOT_NOW, now);
		return;
	}
	if(cpm_decide_dnd(d, &facts, NULL, &until)) {
		s->refresh = true;
		s->run->rest_until_ms = later(
				earlier(until, now + settings.xdm_max_age_ms), now + DND_LOOK_MIN_MS);
		session_step(s, contacts_any(s->aor) ? CPM_PUSH_NOT_NOW : CPM_PUSH_NO_CLIENT, now);
		return;
	}
	session_step(s, clients_choose(s, d) ? CPM_PUSH_CLEAR : CPM_PUSH_NO_CLIENT, now);
}

static void session_check(struct session *s, int64_t now)
{
	struct xdm_waiter waiter = {.kind = WAITER_PUSH};
	struct xdm_entry *entry = NULL;
	enum xdm_state state;

	if(!run_begin(s)) {
		session_step(s, CPM_PUSH_NO_CLIENT, now);
		return;
	}
	if(!report_empty(s->report)) {
		/* The store was away when the last run ended: tell it first, then look again. */
		s->run->stopped = true;
		s->run->rest_until_ms = now;
		session_step(s, CPM_PUSH_CLEAR, now);
		return;
	}
	state = s->refresh ? XDM_MISS : xdm_lookup(s->aor, now, &entry);
	if(state == XDM_MISS) {
		if(!xdm_wait(s->aor, &waiter, s->refresh)) {
			s->run->rest_until_ms = now + TROUBLE_REST_MS;
			session_step(s, CPM_PUSH_NOT_NOW, now);
			return;
		}
		s->refresh = false;
		session_wake_at(s, now + 2 * settings.xdm_timeout_ms + TROUBLE_REST_MS);
		return;
	}
	session_judge(s, state, entry, now);
}

void push_documents(struct documents_job *job, int64_t now)
{
	struct session *s = session_find(job->aor);

	if(s && s->state == CPM_PUSH_CHECKING) {
		session_wake_clear(s);
		session_judge(s, job->state, job->entry, now);
		return;
	}
	xdm_release(&job->entry);
}

static void on_fetched(void *context, const struct store_next_result *result);

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

/* One call to the store: tells what ended, renews the lease, asks for want more. */
static void session_call(struct session *s, size_t want, bool release, int64_t now)
{
	struct session_run *run = s->run;
	struct session_report *r = s->report;
	struct cpm_slice done[SESSION_IDS_MAX], quarantine[SESSION_IDS_MAX];
	struct store_failure failed[SESSION_IDS_MAX];
	char token[128];
	size_t i;
	struct store_next next = {.aor = s->aor,
			.lease_ms = settings.push_lease_ms,
			.now_ms = now,
			.done = done,
			.done_count = r->done_count,
			.failed = failed,
			.failed_count = r->failed_count,
			.quarantine = quarantine,
			.quarantine_count = r->quarantine_count,
			.after_us = run->after_us,
			.want = want,
			.max_bytes = (size_t)settings.push_prefetch_bytes,
			.force = s->force,
			.release = release};

	for(i = 0; i < r->done_count; i++)
		done[i] = id_slice(&r->done[i]);
	for(i = 0; i < r->quarantine_count; i++)
		quarantine[i] = id_slice(&r->quarantine[i]);
	for(i = 0; i < r->failed_count; i++)
		failed[i] = (struct store_failure){
				id_slice(&r->failed[i].id), r->failed[i].not_before_ms, r->failed[i].status};
	token_write(s, token, sizeof(token), &next.token);
	if(!store_next(store, &next, on_fetched, s)) {
		run->stopped = true;
		run->rest_until_ms = now + TROUBLE_REST_MS;
		return;
	}
	s->report = s->told;
	s->told = r;
	run->fetching = true;
	run->asked_last = want > 0 && release;
	run->releasing = release;
	run->flush_ms = 0;
	run->renew_ms = now + settings.push_lease_ms / 3;
}

/* Enough to fill the window again while the next call is under way. */
static size_t fetch_size(void)
{
	size_t prefetch = (size_t)settings.push_prefetch, window = (size_t)settings.push_window;

	return prefetch > 2 * window ? prefetch : 2 * window;
}

static size_t run_unsent(const struct session_run *run)
{
	const struct session_batch *b;
	size_t n = 0;

	for(b = run->batches; b; b = b->next)
		n += b->count - b->sent;
	return n;
}

static void message_ended(struct session_run *run, struct session_batch *b)
{
	if(++b->ended == b->count)
		batch_unlink(run, b);
}

/* The message stays, and is not handed out before its time. */
static void put_off(struct session *s, const struct store_message *m, int64_t not_before_ms, int status)
{
	struct session_run *run = s->run;
	struct session_end *end = &s->report->failed[s->report->failed_count++];

	id_keep(&end->id, m->id);
	end->status = status;
	end->not_before_ms = not_before_ms;
	if(!run->rest_until_ms || end->not_before_ms < run->rest_until_ms)
		run->rest_until_ms = end->not_before_ms;
}

static void fail_message(struct session *s, const struct store_message *m, int64_t arrived_ms,
		int status, int64_t now)
{
	put_off(s, m,
			cpm_retry_at(now, arrived_ms, (int64_t)settings.retry_min_s * 1000,
					(int64_t)settings.retry_max_s * 1000, (uint32_t)random()),
			status);
}

/* A do-not-disturb rule may be meant for this originator alone. */
static bool unwelcome(const struct session *s, const struct cpm_record *r, int64_t now, int64_t *until)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_facts facts = {
			.medium = CPM_MEDIUM_DEFERRED, .anonymous = r->anonymous, .now_ms = now};

	if(cpm_uri_canon(r->originator, memory, sizeof(memory), &facts.originators[0]) == CPM_OK)
		facts.originator_count = 1;
	if(!cpm_decide_dnd(run_documents(s->run), &facts, NULL, until))
		return false;
	*until = later(earlier(*until, now + settings.xdm_max_age_ms), now + DND_LOOK_MIN_MS);
	return true;
}

/* Sends one message to the present client. */
static void send_one(struct session *s, struct session_batch *b, const struct store_message *m, int64_t now)
{
	struct session_run *run = s->run;
	struct cpm_record record;
	struct cpm_diag diag = {0};
	struct flight *f;
	int64_t until;

	if(cpm_record_parse(m->record, &record, &diag) != CPM_OK) {
		id_keep(&s->report->quarantine[s->report->quarantine_count++], m->id);
		outcome_quarantined(m->id, diag.reason);
		message_ended(run, b);
		return;
	}
	if(unwelcome(s, &record, now, &until)) {
		put_off(s, m, until, 0);
		message_ended(run, b);
		return;
	}
	f = flight_take();
	if(!f) {
		run->stopped = true;
		run->rest_until_ms = now + TROUBLE_REST_MS;
		b->sent--;
		return;
	}
	*f = (struct flight){.session = s, .batch = b, .message = m, .sent_ms = now, .ticket = f->ticket};
	run->in_flight++;
	count(push_sent);
	if(!message_send(&record, m->body, &run->contacts.items[run->contact], f->ticket)) {
		count(push_unsent);
		queue_answered(f->ticket, 503);
	}
}

/* Sends as far as window, report and batches allow. */
static void session_send(struct session *s, int64_t now)
{
	struct session_run *run = s->run;
	struct session_batch *b, *next;
	bool last;

	for(b = run->batches; b; b = next) {
		next = b->next;
		/* The batch may go with its last message. */
		for(last = b->sent == b->count; !last;) {
			if(run->stopped || run->in_flight >= (size_t)settings.push_window || !report_has_room(s))
				return;
			last = ++b->sent == b->count;
			send_one(s, b, &b->messages[b->sent - 1], now);
		}
	}
}

/* After anything has changed in a run: send, ask for more, tell what ended, or end. False when the run has ended (and the session
 * may be gone). */
static bool session_go_on(struct session *s, int64_t now)
{
	struct session_run *run = s->run;

	session_send(s, now);
	if(run->fetching)
		return true;
	if(run->stopped) {
		if(run->in_flight)
			return true;
		session_call(s, 0, true, now);
	} else if(run_unsent(run) == 0 && run->in_flight < (size_t)settings.push_window)
		session_call(s, fetch_size(), run->in_flight == 0, now);
	else if(!report_has_room(s))
		session_call(s, 0, false, now);
	if(!run->fetching && run->stopped && run->in_flight == 0) {
		session_step(s, CPM_PUSH_LATER, now);
		return false;
	}
	return true;
}

static void batch_add(struct session_run *run, const struct store_next_result *result)
{
	struct session_batch *b = calloc(1, sizeof(*b)), **at = &run->batches;

	if(!b) {
		struct store_batch *owner = result->batch;
		store_batch_free(&owner);
		run->stopped = true;
		return;
	}
	*b = (struct session_batch){.owner = result->batch, .messages = result->messages, .count = result->count};
	while(*at)
		at = &(*at)->next;
	*at = b;
	run->after_us = result->messages[result->count - 1].order_us;
}

static void on_fetched(void *context, const struct store_next_result *result)
{
	struct session *s = context;
	struct session_run *run = s->run;
	int64_t now = now_ms();
	bool finishing = run->stopped && run->in_flight == 0 && run->releasing && report_empty(s->report);

	run->fetching = false;
	if(result->rc == STORE_DOWN)
		report_take_back(s->report, s->told);
	report_clear(s->told);
	if(result->rc != STORE_OK) {
		/* What was handed out and not yet sent will be handed out again, to us or to another. */
		run->stopped = true;
		run->rest_until_ms = now + (result->rc == STORE_BUSY ? result->busy_ms + 1 : TROUBLE_REST_MS);
		if(result->rc == STORE_LOST)
			count(lost_leases);
		if(run->in_flight == 0)
			session_step(s, CPM_PUSH_LATER, now);
		return;
	}
	if(result->next_due_ms && (!run->rest_until_ms || result->next_due_ms < run->rest_until_ms))
		run->rest_until_ms = result->next_due_ms;
	if(result->count)
		batch_add(run, result);
	else if(result->looked_us)
		run->after_us = result->looked_us; /* there is more behind many that are not due */
	else if(finishing || run->asked_last) {
		session_step(s, run->rest_until_ms && result->waiting > 0 ? CPM_PUSH_LATER : CPM_PUSH_EMPTY, now);
		return;
	}
	session_go_on(s, now);
}

/* The next suitable client after the present one, for a message that this one did not take. */
static bool client_next(struct session_run *run)
{
	size_t i;

	for(i = run->contact + 1; i < run->contacts.count; i++) {
		if(run->suitable[i]) {
			run->contact = i;
			return true;
		}
	}
	return false;
}

void push_answered(uint64_t ticket, int status, int64_t now)
{
	struct flight *f = flight_land(ticket);
	const struct store_message *m;
	struct session *s;
	struct session_run *run;
	struct session_batch *b;
	struct cpm_record record = {0};

	if(!f)
		return;
	s = f->session;
	run = s->run;
	m = f->message;
	b = f->batch;
	f->session = NULL;
	run->in_flight--;
	cpm_record_parse(m->record, &record, NULL);

	switch(cpm_push_outcome_of(status)) {
		case CPM_PUSH_DELIVERED:
			id_keep(&s->report->done[s->report->done_count++], m->id);
			outcome_delivered(&record, m->body, status, now);
			break;
		case CPM_PUSH_CLIENT_GONE:
			outcome_failed(&record, m->body, status, "client gone");
			count(push_gone);
			if(run->in_flight == 0 && client_next(run)) {
				send_one(s, b, m, now);
				return;
			}
			fail_message(s, m, record.arrived_ms, status, now);
			run->stopped = true;
			break;
		case CPM_PUSH_REFUSED:
			outcome_failed(&record, m->body, status, "refused");
			count(push_refused);
			fail_message(s, m, record.arrived_ms, status, now);
			break;
	}
	if(!run->flush_ms)
		run->flush_ms = now + settings.push_ack_ms;
	message_ended(run, b);
	if(session_go_on(s, now) && run->flush_ms)
		session_wake_at(s, earlier(run->flush_ms, run->renew_ms));
}

/* The clock of a run: what ended is told to the store, and the lease is renewed. */
static void session_tend(struct session *s, int64_t now)
{
	struct session_run *run = s->run;

	if(!run->fetching && !run->stopped)
		session_call(s, 0, false, now);
	if(session_go_on(s, now))
		session_wake_at(s, later(run->renew_ms, now + 10));
}

static void session_rest(struct session *s, int64_t now)
{
	int64_t until = s->run ? s->run->rest_until_ms : 0;

	turns--;
	run_end(s);
	if(!report_empty(s->report))
		until = later(until, now + TROUBLE_REST_MS);
	session_aim_clear(s);
	s->force = false;
	if(s->again) {
		s->again = false;
		s->force = s->again_force;
		until = now;
	}
	if(until)
		session_wake_at(s, later(until, now));
	else
		session_free(s);
}

static void session_end(struct session *s, int64_t now)
{
	if(s->run)
		s->run->rest_until_ms = 0;
	session_rest(s, now);
}

static void session_step(struct session *s, enum cpm_push_event event, int64_t now)
{
	switch(cpm_push_next(&s->state, event)) {
		case CPM_PUSH_NOTHING:
		case CPM_PUSH_REMEMBER:
			break;
		case CPM_PUSH_QUEUE:
			session_wake_clear(s);
			session_line_up(s);
			break;
		case CPM_PUSH_CHECK:
			turns++;
			session_check(s, now);
			break;
		case CPM_PUSH_FETCH:
			session_call(s, s->run->stopped ? 0 : fetch_size(), true, now);
			if(!s->run->fetching)
				session_step(s, CPM_PUSH_LATER, now);
			else
				session_wake_at(s, s->run->renew_ms);
			break;
		case CPM_PUSH_REST:
			session_rest(s, now);
			break;
		case CPM_PUSH_END:
			session_end(s, now);
			break;
	}
}

void push_trigger(struct cpm_slice aor, struct cpm_slice contact, bool force, int64_t at_ms, int64_t now)
{
	struct session *s = session_find(aor);

	if(!s && !(s = session_make(aor))) {
		count(push_overflow);
		return;
	}
	if(s->state == CPM_PUSH_RESTING || s->state == CPM_PUSH_READY) {
		session_aim(s, contact);
		s->force |= force;
	} else {
		/* The clients of a run are chosen at its start. */
		s->again = true;
		s->again_force |= force;
		return;
	}
	if(s->state != CPM_PUSH_RESTING)
		return;
	if(at_ms > now)
		session_wake_at(s, s->heap_at ? earlier(s->wake_ms, at_ms) : at_ms);
	else
		session_step(s, CPM_PUSH_TRIGGER, now);
}

void push_stored(struct cpm_slice aor, enum cpm_defer_cause cause, int64_t now)
{
	switch(cause) {
		case CPM_CAUSE_OFFLINE:
			/* The client may have registered while the message was on its way to the store. */
			if(contacts_any(aor))
				push_trigger(aor, CPM_SLICE_NONE, false, now, now);
			break;
		case CPM_CAUSE_DND:
			if(!session_find(aor) && contacts_any(aor))
				push_trigger(aor, CPM_SLICE_NONE, false, now + DND_LOOK_MIN_MS, now);
			break;
		case CPM_CAUSE_UNDELIVERED:
			if(!session_find(aor))
				push_trigger(aor, CPM_SLICE_NONE, false, now + (int64_t)settings.retry_min_s * 1000, now);
			break;
		default:
			break;
	}
}

/* A lost answer must not hold a user's queue for ever. */
static void flights_sweep(int64_t now)
{
	size_t i;

	for(i = 0; i < flight_count; i++) {
		if(flights[i].session && flights[i].sent_ms + FLIGHT_LOST_MS < now)
			push_answered(flights[i].ticket, 408, now);
	}
}

/* The documents process never answered. */
static void session_overdue(struct session *s, int64_t now)
{
	s->run->rest_until_ms = now + TROUBLE_REST_MS;
	session_step(s, CPM_PUSH_NOT_NOW, now);
}

int64_t push_run(int64_t now)
{
	struct session *s;
	int64_t next;

	while((s = session_due(now, &next))) {
		if(s->state == CPM_PUSH_RUNNING)
			session_tend(s, now);
		else if(s->state == CPM_PUSH_CHECKING)
			session_overdue(s, now);
		else
			session_step(s, CPM_PUSH_TIME, now);
	}
	while(turns < (size_t)settings.push_parallel && (s = session_step_up()))
		session_step(s, CPM_PUSH_TURN, now);
	if(now - swept_ms > 10000) {
		swept_ms = now;
		flights_sweep(now);
	}
	return earlier(next, now + 10000);
}
