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

#include "../../core/mem/shm.h"
#include "../core/codec/cpim.h"
#include "../core/queue/retry.h"
#include "../sip/message.h"
#include "changes.h"
#include "bucket.h"
#include "context.h"
#include "history.h"
#include "outcome.h"
#include "queue.h"
#include "script.h"
#include "session.h"
#include "settings.h"
#include "statistics.h"
#include "ticket.h"
#include "transfer.h"

/* A push whose answer has not come by then never will: tm's own timers are far shorter. */
#define FLIGHT_LOST_MS 180000
/* Added to the longest life of a session with a client. */
#define LARGE_LOST_MS 120000
/* When the store is away, or documents are, look again after this. */
#define TROUBLE_REST_MS 2000
/* Do-not-disturb is looked at again at least this far apart. */
#define DND_LOOK_MIN_MS 1000
/* The push rate lets out so much at once. */
#define PUSH_BURST_MS 100

/* A message that was sent and not yet answered. */
/* A recording that was made before the message was sent (8.5). */
struct recording {
	uint32_t uid, uidvalidity;
	size_t folder_n;
	char folder[];
};

struct flight {
	struct session *session; /* NULL: free */
	struct session_batch *batch;
	const struct store_message *message;
	int64_t lost_ms; /* when the answer is given up */
	uint64_t ticket;
	size_t contact;              /* it goes to this one of the run's */
	struct recording *recording; /* the flight's; NULL: none */
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
	return !r
		   || r->done_count + r->interworked_count + r->failed_count + r->unsent_count
							  + r->quarantine_count
					  == 0;
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
	const struct session_report *r = s->report, *t = s->told;
	size_t flying = s->run->in_flight;

	return r->done_count + t->done_count + flying < SESSION_IDS_MAX
		   && r->interworked_count + t->interworked_count + flying < SESSION_IDS_MAX
		   && r->failed_count + t->failed_count + flying < SESSION_IDS_MAX
		   && r->unsent_count + t->unsent_count < SESSION_IDS_MAX
		   && r->quarantine_count + t->quarantine_count < SESSION_IDS_MAX;
}

#define TAKE_BACK(list)                                         \
	do {                                                        \
		memcpy(report->list + report->list##_count, told->list, \
				told->list##_count * sizeof(told->list[0]));    \
		report->list##_count += told->list##_count;             \
	} while(0)

/* The call that told them failed: they are to be told again. */
static void report_take_back(struct session_report *report, struct session_report *told)
{
	TAKE_BACK(done);
	TAKE_BACK(interworked);
	TAKE_BACK(failed);
	TAKE_BACK(unsent);
	TAKE_BACK(quarantine);
}

static void report_clear(struct session_report *r)
{
	r->done_count = r->interworked_count = r->failed_count = r->unsent_count = r->quarantine_count =
			0;
}

static const struct cpm_documents *run_documents(const struct session_run *run)
{
	return run->entry ? xdm_documents(run->entry) : &cpm_documents_none;
}

/* The client for a large message: the present one, else another that has nothing against large ones (PU-5); NULL without. */
static const struct contact *client_for_large(const struct session_run *run)
{
	size_t i, n = run->contacts.count;

	for(i = 0; i < n; i++) {
		size_t at = (run->contact + i) % n;

		if(run->suitable[at]
				&& cpm_decide_client(run_documents(run), run->contacts.items[at].instance,
						CPM_MEDIUM_LARGE))
			return &run->contacts.items[at];
	}
	return NULL;
}

static bool client_suits(
		const struct session *s, const struct contact *c, const struct cpm_documents *d)
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

/* With the documents known: may anything be pushed now? Takes the reference. */
static void session_judge(
		struct session *s, enum xdm_state state, struct xdm_entry *entry, int64_t now)
{
	struct cpm_facts facts = {.medium = CPM_MEDIUM_DEFERRED, .now_ms = now};
	const struct cpm_documents *d;
	bool orders = s->force || s->ordered; /* there may be some */
	int64_t until;

	s->ordered = false;
	s->run->entry = entry;
	d = run_documents(s->run);
	if(state == XDM_FAILED && settings.xdm_fail != XDM_FAIL_OPEN) {
		s->run->rest_until_ms = now + TROUBLE_REST_MS;
		session_step(s, CPM_PUSH_NOT_NOW, now);
		return;
	}
	s->run->reachable = clients_choose(s, d);
	if(cpm_decide_dnd(d, &facts, NULL, &until)) {
		s->refresh = true;
		changes_watch(s->aor, now);
		s->run->ordered_only = true;
		s->run->rest_until_ms =
				later(earlier(until, now + settings.xdm_max_age_ms), now + DND_LOOK_MIN_MS);
		if(orders)
			session_step(s, CPM_PUSH_CLEAR, now);
		else
			session_step(s, contacts_any(s->aor) ? CPM_PUSH_NOT_NOW : CPM_PUSH_NO_CLIENT, now);
		return;
	}
	/* What the user ordered for the ISF needs no client. */
	s->run->ordered_only = !s->run->reachable;
	session_step(s, s->run->reachable || orders ? CPM_PUSH_CLEAR : CPM_PUSH_NO_CLIENT, now);
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

static size_t ids_list(const struct session_id *ids, size_t n, struct cpm_slice *list)
{
	size_t i;

	for(i = 0; i < n; i++)
		list[i] = id_slice(&ids[i]);
	return n;
}

/* One call to the store: tells what ended, renews the lease, asks for want more. */
static void session_call(struct session *s, size_t want, bool release, int64_t now)
{
	struct session_run *run = s->run;
	struct session_report *r = s->report;
	struct cpm_slice done[SESSION_IDS_MAX], interworked[SESSION_IDS_MAX], unsent[SESSION_IDS_MAX],
			quarantine[SESSION_IDS_MAX];
	struct store_failure failed[SESSION_IDS_MAX];
	char token[128];
	size_t i;
	struct store_next next = {.aor = s->aor,
			.lease_ms = settings.push_lease_ms,
			.now_ms = now,
			.done = done,
			.done_count = ids_list(r->done, r->done_count, done),
			.interworked = interworked,
			.interworked_count = ids_list(r->interworked, r->interworked_count, interworked),
			.failed = failed,
			.failed_count = r->failed_count,
			.unsent = unsent,
			.unsent_count = ids_list(r->unsent, r->unsent_count, unsent),
			.quarantine = quarantine,
			.quarantine_count = ids_list(r->quarantine, r->quarantine_count, quarantine),
			.after_us = run->after_us,
			.want = want,
			.max_bytes = (size_t)settings.push_prefetch_bytes,
			.force = s->force,
			.ordered_only = run->ordered_only,
			.release = release};

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

/* All is sent and there is room for more; or, so that a wide window does not run dry meanwhile, it is full with little left behind. */
static bool run_wants_more(const struct session_run *run)
{
	size_t window = (size_t)settings.push_window, unsent = run_unsent(run);

	if(run->drained && run->in_flight)
		return false;
	return unsent ? unsent < window && run->in_flight == window : run->in_flight < window;
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
	struct session_end *end = &s->report->failed[s->report->failed_count++];

	id_keep(&end->id, m->id);
	end->status = status;
	end->not_before_ms = not_before_ms;
	if(!run->rest_until_ms || end->not_before_ms < run->rest_until_ms)
		run->rest_until_ms = end->not_before_ms;
}

/* Returns when it is tried again. */
static int64_t fail_message(struct session *s, const struct store_message *m, int64_t arrived_ms,
		int status, int64_t now)
{
	int64_t at = cpm_retry_at(now, arrived_ms, (int64_t)settings.retry_min_s * 1000,
			(int64_t)settings.retry_max_s * 1000, (uint32_t)random());

	put_off(s, m, at, status);
	return at;
}

/* A do-not-disturb rule may be meant for this originator alone. */
static bool unwelcome(
		const struct session *s, const struct cpm_record *r, int64_t now, int64_t *until)
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

/* What was handed out and is not for now: in flight no more. */
static void leave_unsent(struct session *s, struct session_batch *b, const struct store_message *m)
{
	id_keep(&s->report->unsent[s->report->unsent_count++], m->id);
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
		id_keep(&s->report->quarantine[s->report->quarantine_count++], m->id);
		outcome_quarantined(m->id, diag.reason);
		message_ended(s->run, b);
		return false;
	}
	if(m->order == STORE_ORDER_INTERWORK)
		return true;
	if(!s->run->reachable) {
		leave_unsent(s, b, m);
		return false;
	}
	if(record->kind == CPM_RECORD_LARGE && !client_for_large(s->run)) {
		leave_unsent(s, b, m);
		return false;
	}
	if(m->order == STORE_ORDER_NONE && unwelcome(s, record, now, &until)) {
		put_off(s, m, until, 0);
		message_ended(s->run, b);
		return false;
	}
	return true;
}

/* Does the user want a history of what is delivered? Not of notifications. */
static bool wants_history(const struct session *s, const struct store_message *m, const struct cpm_record *r, int64_t now)
{
	enum cpm_medium media[] = {r->kind == CPM_RECORD_LARGE ? CPM_MEDIUM_LARGE : CPM_MEDIUM_PAGER,
			CPM_MEDIUM_DEFERRED};
	char memory[CPM_URI_KEY_MAX];
	struct cpm_facts facts = {.anonymous = r->anonymous, .now_ms = now};
	struct cpm_verdict verdict;
	struct cpm_cpim cpim;
	bool wanted = false;
	size_t i;

	if(!archive_configured())
		return false;
	if(cpm_uri_canon(r->originator, memory, sizeof(memory), &facts.originators[0]) == CPM_OK)
		facts.originator_count = 1;
	for(i = 0; i < 2 && !wanted; i++) {
		facts.medium = media[i];
		cpm_decide(run_documents(s->run), &facts, &verdict);
		wanted = verdict.record_history;
	}
	return wanted
		   && (cpm_cpim_find(m->body, r->content_type, &settings.limits, &cpim, NULL) != CPM_OK || !cpm_cpim_is_imdn(&cpim));
}

static void send_to_client(struct flight *f, const struct cpm_record *r)
{
	const struct recording *rec = f->recording;
	char text[CPM_FOLDER_MAX + 100];
	struct cpm_buf extra;

	cpm_buf_init_fixed(&extra, text, sizeof(text));
	if(rec)
		history_add_header(&extra, rec->uid, rec->uidvalidity, (struct cpm_slice){rec->folder, rec->folder_n});
	count(push_sent);
	if(!message_send(r, f->message->body, &f->session->run->contacts.items[f->contact], cpm_buf_slice(&extra), f->message->attempts, f->ticket)) {
		count(push_unsent);
		queue_answered(f->ticket, 503);
	}
}

/* Objects of one message are told apart by the attempt and the client, so that the removal of one never meets another. */
static void recording_suffix(const struct store_message *m, size_t contact, char *text, size_t size)
{
	snprintf(text, size, ".%lld.%zu", (long long)m->attempts, contact);
}

static void recording_drop(struct flight *f, const struct cpm_record *r)
{
	struct recording *rec = f->recording;
	char suffix[48];

	f->recording = NULL;
	if(!rec)
		return;
	recording_suffix(f->message, f->contact, suffix, sizeof(suffix));
	history_remove(r->aor, r->id, suffix, rec->uid, rec->uidvalidity, (struct cpm_slice){rec->folder, rec->folder_n});
	free(rec);
}

/* The message was recorded, or could not be: now it goes to its client. */
static void push_recorded(struct command_job *command, struct store *queue_store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;
	struct flight *f = &flights[ticket_place(a->ticket)];
	bool waits = f->session && f->ticket == a->ticket;
	struct cpm_record r;
	size_t at = cpm_slice_find(a->key, '@');

	if(a->rc != IMAP_OK) {
		history_failed(a);
	} else if(waits && (f->recording = malloc(sizeof(*f->recording) + a->folder_n))) {
		count(recordings);
		*f->recording = (struct recording){a->uid, a->uidvalidity, a->folder_n};
		memcpy(f->recording->folder, a->folder, a->folder_n);
	} else {
		history_remove(a->aor, cpm_slice_head(a->key, at), "", a->uid, a->uidvalidity, archive_folder(a));
	}
	shm_free(a);
	if(!waits)
		return;
	cpm_record_parse(f->message->record, &r, NULL);
	send_to_client(f, &r);
}

static bool record_first(const struct flight *f, const struct cpm_record *r, int64_t now)
{
	char suffix[48];

	if(!wants_history(f->session, f->message, r, now))
		return false;
	recording_suffix(f->message, f->contact, suffix, sizeof(suffix));
	if(history_record(r->aor, r->id, suffix, f->message->record, f->message->body, f->ticket, push_recorded))
		return true;
	count(recordings_failed);
	return false;
}

/* A large message goes over MSRP, from a process of its own. */
static void send_large(struct flight *f, const struct cpm_record *r, int64_t now)
{
	struct session_run *run = f->session->run;
	struct cpm_slice history =
			wants_history(f->session, f->message, r, now) ? f->message->record : CPM_SLICE_NONE;
	bool to_isf = f->message->order == STORE_ORDER_INTERWORK;

	f->lost_ms += (int64_t)settings.msrp_life_s * 1000 + LARGE_LOST_MS;
	if(to_isf)
		count(interworked);
	else
		count(push_sent);
	/* Kept for a client that was there all the time: delivered, and not yet deferred. */
	if(!transfer_begin(r, to_isf ? NULL : client_for_large(run),
			   r->cause != CPM_CAUSE_SCRIPT || f->message->attempts > 0
					   || f->message->order != STORE_ORDER_NONE,
			   history, f->ticket)) {
		count(push_unsent);
		queue_answered(f->ticket, 503);
	}
}

/* Sends one message to the present client, or where its user ordered. */
static void send_one(
		struct session *s, struct session_batch *b, const struct store_message *m, int64_t now)
{
	struct session_run *run = s->run;
	struct cpm_record record;
	struct flight *f;
	bool sent;

	if(!message_clear(s, b, m, &record, now))
		return;
	f = flight_take();
	if(!f) {
		run->stopped = true;
		run->rest_until_ms = now + TROUBLE_REST_MS;
		b->sent--;
		return;
	}
	*f = (struct flight){
			.session = s, .batch = b, .message = m, .lost_ms = now + FLIGHT_LOST_MS, .ticket = f->ticket, .contact = run->contact};
	run->in_flight++;
	if(record.kind == CPM_RECORD_LARGE) {
		send_large(f, &record, now);
	} else if(m->order == STORE_ORDER_INTERWORK) {
		count(interworked);
		sent = settings.isf_uri[0]
			   && message_interwork(&record, m->body, cpm_slice_of(settings.isf_uri), f->ticket);
		if(!sent) {
			count(push_unsent);
			queue_answered(f->ticket, 503);
		}
	} else if(!record_first(f, &record, now)) {
		send_to_client(f, &record);
	}
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
static void session_send(struct session *s, int64_t now)
{
	struct session_run *run = s->run;
	struct session_batch *b, *next;
	bool last;

	run->send_ms = 0;
	for(b = run->batches; b; b = next) {
		next = b->next;
		/* The batch may go with its last message. */
		for(last = b->sent == b->count; !last;) {
			if(run->stopped || run->in_flight >= (size_t)settings.push_window || !report_has_room(s)
					|| !rate_take(now, &run->send_ms))
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
	} else if(run_wants_more(run))
		session_call(s, fetch_size(), run->in_flight == 0, now);
	else if(!report_has_room(s))
		session_call(s, 0, false, now);
	if(!run->fetching && run->stopped && run->in_flight == 0) {
		session_step(s, CPM_PUSH_LATER, now);
		return false;
	}
	return true;
}

/* When the run wants to be looked after next. */
static void session_clock(struct session *s, int64_t now)
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
	struct session_batch *b = calloc(1, sizeof(*b)), **at = &run->batches;

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
	run->after_us = result->messages[result->count - 1].order_us;
}

static void on_fetched(void *context, const struct store_next_result *result)
{
	struct session *s = context;
	struct session_run *run = s->run;
	int64_t now = now_ms();
	bool finishing =
			run->stopped && run->in_flight == 0 && run->releasing && report_empty(s->report);

	run->fetching = false;
	if(result->rc == STORE_DOWN)
		report_take_back(s->report, s->told);
	report_clear(s->told);
	if(result->rc != STORE_OK) {
		/* What was handed out and not yet sent will be handed out again, to us or to another. */
		run->stopped = true;
		run->rest_until_ms =
				now + (result->rc == STORE_BUSY ? result->busy_ms + 1 : TROUBLE_REST_MS);
		if(result->rc == STORE_LOST)
			count(lost_leases);
		if(run->in_flight == 0)
			session_step(s, CPM_PUSH_LATER, now);
		return;
	}
	if(s->registered && !run->greeted && result->parked > 0)
		store_notify(store, s->aor, now + settings.notify_delay_ms, NULL, NULL);
	run->greeted = true;
	if(result->next_due_ms && (!run->rest_until_ms || result->next_due_ms < run->rest_until_ms))
		run->rest_until_ms = result->next_due_ms;
	run->drained = !result->count && !result->looked_us;
	if(result->count)
		batch_add(run, result);
	else if(result->looked_us && !run->stopped)
		run->after_us = result->looked_us;
	else if(finishing || run->asked_last) {
		session_step(s, run->rest_until_ms && result->waiting > 0 ? CPM_PUSH_LATER : CPM_PUSH_EMPTY,
				now);
		return;
	}
	if(session_go_on(s, now))
		session_clock(s, now);
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
	struct session_report *report = s->report;

	if(cpm_push_outcome_of(status) == CPM_PUSH_DELIVERED) {
		id_keep(&report->interworked[report->interworked_count++], m->id);
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
			id_keep(&s->report->done[s->report->done_count++], m->id);
			run->probed = false;
			s->gone_until_ms = 0;
			outcome_delivered(r, m->body, status, now);
			return true;
		case CPM_PUSH_CLIENT_GONE:
			outcome_failed(r, m->body, status, "client gone");
			count(push_gone);
			if(run->in_flight == 0 && client_next(run)) {
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

void push_answered(uint64_t ticket, int status, int64_t now)
{
	struct flight *f = flight_land(ticket);
	const struct store_message *m;
	struct session *s;
	struct session_run *run;
	struct session_batch *b;
	struct cpm_record record = {0};
	bool ended = true;

	if(!f)
		return;
	s = f->session;
	run = s->run;
	m = f->message;
	b = f->batch;
	f->session = NULL;
	run->in_flight--;
	cpm_record_parse(m->record, &record, NULL);
	if(cpm_push_outcome_of(status) != CPM_PUSH_DELIVERED)
		recording_drop(f, &record);
	free(f->recording);
	f->recording = NULL;
	if(m->order == STORE_ORDER_INTERWORK)
		interwork_answered(s, m, &record, status, now);
	else
		ended = push_ended(s, b, m, &record, status, now);
	if(ended) {
		if(!run->flush_ms)
			run->flush_ms = now + settings.push_ack_ms;
		message_ended(run, b);
	}
	if(session_go_on(s, now))
		session_clock(s, now);
}

/* The clock of a run: what ended is told to the store, the lease is renewed, and what the rate held up goes on. */
static void session_tend(struct session *s, int64_t now)
{
	struct session_run *run = s->run;

	/* Also of one that has stopped: what is under way must not go to another node. */
	if(!run->fetching && (!run->stopped || run->in_flight > 0)
			&& (now >= run->renew_ms || (run->flush_ms && now >= run->flush_ms)))
		session_call(s, 0, false, now);
	if(session_go_on(s, now))
		session_clock(s, now);
}

static void session_rest(struct session *s, int64_t now)
{
	int64_t until = s->run ? s->run->rest_until_ms : 0;

	turns--;
	run_end(s);
	if(!report_empty(s->report))
		until = later(until, now + TROUBLE_REST_MS);
	session_aim_clear(s);
	s->force = s->registered = false;
	if(until && s->gone_until_ms > now)
		until = later(until, s->gone_until_ms);
	if(s->again) {
		s->again = false;
		s->force = s->again_force;
		s->registered = s->again_registered;
		s->again_force = s->again_registered = false;
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

void push_trigger(const struct trigger_job *job, int64_t now)
{
	struct session *s = session_find(job->aor);

	if(!s && !(s = session_make(job->aor))) {
		count(push_overflow);
		return;
	}
	if(s->state == CPM_PUSH_RESTING || s->state == CPM_PUSH_READY) {
		session_aim(s, job->contact);
		s->force |= job->force;
		s->registered |= job->registered;
	} else {
		/* The clients of a run are chosen at its start. */
		s->again = true;
		s->again_force |= job->force;
		s->again_registered |= job->registered;
		return;
	}
	if(s->state != CPM_PUSH_RESTING)
		return;
	if(job->not_before_ms > now)
		session_wake_at(
				s, s->heap_at ? earlier(s->wake_ms, job->not_before_ms) : job->not_before_ms);
	else
		session_step(s, CPM_PUSH_TRIGGER, now);
}

void push_stored(struct cpm_slice aor, enum cpm_defer_cause cause, int64_t now)
{
	struct trigger_job job = {.aor = aor};
	struct session *s = session_find(aor);

	switch(cause) {
		case CPM_CAUSE_OFFLINE:
			/* The client may have registered while the message was on its way to the store. */
			if((!s || s->gone_until_ms <= now) && contacts_any(aor))
				push_trigger(&job, now);
			break;
		case CPM_CAUSE_DND:
			job.not_before_ms = now + DND_LOOK_MIN_MS;
			if(!s && contacts_any(aor))
				push_trigger(&job, now);
			break;
		case CPM_CAUSE_UNDELIVERED:
			job.not_before_ms = now + (int64_t)settings.retry_min_s * 1000;
			if(!s)
				push_trigger(&job, now);
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
		if(flights[i].session && flights[i].lost_ms < now)
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
