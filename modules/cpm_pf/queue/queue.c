/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The queue processes: take jobs, keep the store's pipeline going, answer the
 * parked transactions, and wake what is due. All that arrived in one turn goes
 * to Redis in one write, so that one fsync serves many (group commit).
 */
#include "queue.h"

#include <poll.h>

#include "../../core/cfg/cfg_struct.h"
#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "../module/command.h"
#include "../module/context.h"
#include "../module/outcome.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../module/ticket.h"
#include "changes.h"
#include "due.h"
#include "notify.h"
#include "push.h"
#include "report.h"

#define QUEUE_TURN_JOBS 256
#define QUEUE_FDS_MAX 64
/* Jobs wait for a batch under way no longer than this. */
#define GATHER_MS 5
/* Time-outs of dialogs are looked for this often. */
#define DIALOGS_MS 1000

struct queue_shared {
	volatile int available;
	volatile int64_t stored_ms; /* when a message last came to be stored */
	char state[32];
};

static struct queue_shared *shared; /* one each process */
static struct store *store;
static int self;
static struct mailbox *mailbox;
static int64_t dialogs_ms;
static size_t puts_pending; /* messages on their way to the store */

bool queue_init(void)
{
	int i;

	shared = shm_mallocxz((size_t)settings.queue_workers * sizeof(*shared));
	if(!shared)
		return false;
	for(i = 0; i < settings.queue_workers; i++)
		strcpy(shared[i].state, "starting");
	return post_init(POST_QUEUE, settings.queue_workers, (size_t)settings.queue_mailbox);
}

bool queue_available(void)
{
	int i;

	for(i = 0; i < settings.queue_workers; i++) {
		if(!shared[i].available)
			return false;
	}
	return true;
}

const char *queue_state(void)
{
	int i;

	for(i = 0; i < settings.queue_workers; i++) {
		if(!shared[i].available)
			return shared[i].state;
	}
	return "connected";
}

int64_t queue_stored_ms(void)
{
	int64_t last = 0;
	int i;

	for(i = 0; i < settings.queue_workers; i++) {
		if(shared[i].stored_ms > last)
			last = shared[i].stored_ms;
	}
	return last;
}

int queue_self(void)
{
	return self;
}

void queue_refuse(struct store_job *job, const char *reason)
{
	char id[64];
	size_t n = job->id.n < sizeof(id) - 1 ? job->id.n : sizeof(id) - 1;

	memcpy(id, job->id.p, n);
	id[n] = '\0';
	count(store_failures);
	outcome_refused(job->id, job->aor, reason);
	context_resume(reason, id);
	if(!transaction_continue(&job->transaction, &job->route))
		count(unparked);
	context_resume(NULL, NULL);
	shm_free(job);
}

bool queue_adopt(struct store_job *job, struct cpm_slice id)
{
	struct cpm_record r;

	/* The shard, and with it the length, are those of the user. */
	if(job->id.n != id.n || cpm_record_parse(job->record, &r, NULL) != CPM_OK || r.id.n != id.n)
		return false;
	memcpy((char *)r.id.p, id.p, id.n);
	memcpy((char *)job->id.p, id.p, id.n);
	return true;
}

static void on_stored(void *context, enum store_rc rc, struct cpm_slice id)
{
	struct store_job *job = context;

	puts_pending--;
	switch(rc) {
		case STORE_OK:
		case STORE_DUPLICATE:
			if(!transaction_reply(
					   &job->transaction, 202, "Accepted", cpm_slice_of(settings_server_line())))
				count(unparked);
			if(rc == STORE_DUPLICATE) {
				outcome_duplicate(id, job->aor);
				break;
			}
			outcome_deferred(job);
			if(job->place == STORE_TO_PUSH && job->expires_ms > job->now_ms) {
				push_stored(job->aor, job->cause, now_ms());
				/* PU-1: who has no client hears of it out-of-band. */
				if(settings.notify_pushed)
					store_notify(
							store, job->aor, job->now_ms + settings.notify_delay_ms, NULL, NULL);
			}
			break;
		case STORE_QUOTA:
			count(quota_refused);
			queue_refuse(job, "quota");
			return;
		case STORE_BUSY:
			/* The same message was on its way into the message store: this is it again. */
			if(queue_adopt(job, id))
				queue_store(job);
			else
				queue_refuse(job, "store");
			return;
		default:
			queue_refuse(job, "store");
			return;
	}
	shm_free(job);
}

void queue_store(struct store_job *job)
{
	struct store_put put = {.id = job->id,
			.aor = job->aor,
			.now_ms = job->now_ms,
			.expires_ms = job->expires_ms,
			.identity = job->identity,
			.identity_ttl_ms = (int64_t)settings.dedup_window_s * 1000,
			.place = job->place,
			.notify_ms = job->place == STORE_TO_PULL ? job->now_ms + settings.notify_delay_ms : 0,
			.store_ms = job->place == STORE_TO_STORE ? job->store_ms : 0,
			.push_ms = push_stored_ms(job->aor, job->cause, job->now_ms),
			.record = job->record,
			.body = job->body};

	shared[self].stored_ms = job->now_ms;
	puts_pending++;
	if(!store_put(store, &put, on_stored, job)) {
		puts_pending--;
		queue_refuse(job, "store");
	}
}

static void answer_take(const struct answer_job *job, int64_t now)
{
	switch(ticket_kind_of(job->ticket)) {
		case TICKET_PUSH:
			push_answered(job->ticket, job->status, now);
			break;
		case TICKET_DUE:
			due_answered(job->ticket, job->status, now);
			break;
		case TICKET_COMMAND:
			notify_answered(job->ticket, job->status, now);
			break;
		case TICKET_WATCH:
			changes_answered(job->ticket, job->status, job->expires_s, now);
			break;
	}
}

static void job_take(struct job *head, int64_t now)
{
	switch(head->kind) {
		case JOB_STORE:
			/* on_stored frees it. */
			queue_store((struct store_job *)head);
			return;
		case JOB_COMMAND:
			((struct command_job *)head)->run((struct command_job *)head, store, now);
			return;
		case JOB_TRIGGER: {
			struct trigger_job *job = (struct trigger_job *)head;
			push_trigger(job, now);
			break;
		}
		case JOB_ANSWER:
			answer_take((struct answer_job *)head, now);
			break;
		case JOB_DOCUMENTS: {
			struct documents_job *job = (struct documents_job *)head;
			if(job->ticket)
				due_resume(job, now);
			else
				push_documents(job, now);
			break;
		}
	}
	shm_free(head);
}

static void on_log(void *context, enum store_log_level level, const char *text)
{
	switch(level) {
		case STORE_LOG_ERROR:
			LM_ERR("%s\n", text);
			break;
		case STORE_LOG_WARNING:
			LM_WARN("%s\n", text);
			break;
		case STORE_LOG_NOTICE:
			LM_NOTICE("%s\n", text);
			break;
		case STORE_LOG_DEBUG:
			LM_DBG("%s\n", text);
			break;
	}
}

static void on_state(void *context, bool available, const char *reason)
{
	struct queue_shared *s = &shared[self];

	if(!available && s->available)
		count(redis_down);
	strncpy(s->state, reason, sizeof(s->state) - 1);
	s->available = available;
	LM_NOTICE("redis: %s\n", reason);
}

/* While Redis stores a batch, new jobs gather for the next one: workers need not wake us, and one write and one fsync serve more of
 * them. Not longer than GATHER_MS, should Redis be slow; and not while it does other work only, for which no answer of a client
 * should wait: each brings the next message on its way. */
static void queue_sleep(int64_t until)
{
	struct store_poll wanted[QUEUE_FDS_MAX];
	struct pollfd fds[QUEUE_FDS_MAX + 1];
	bool gather = puts_pending > 0;
	int64_t most = gather ? GATHER_MS : 1000, wait = until - now_ms();
	size_t i, n, count = 0;

	if(!gather) {
		if(!mailbox_sleep(mailbox))
			return;
		fds[count++] = (struct pollfd){.fd = mailbox_fd(mailbox), .events = POLLIN};
	}
	n = store_poll_set(store, wanted, QUEUE_FDS_MAX);
	for(i = 0; i < n; i++)
		fds[count++] = (struct pollfd){
				.fd = wanted[i].fd, .events = (short)(POLLIN | (wanted[i].write ? POLLOUT : 0))};
	poll(fds, count, wait < 0 ? 0 : wait > most ? (int)most : (int)wait);
	for(i = count - n; i < count; i++) {
		if(!fds[i].revents)
			store_poll_nothing(store, fds[i].fd);
	}
	if(!gather)
		mailbox_awake(mailbox);
}

static int64_t queue_work(int64_t now)
{
	int64_t next = push_run(now), then = due_run(now);

	next = then < next ? then : next;
	then = changes_run(now);
	next = then < next ? then : next;
	then = notify_run(now);
	return then < next ? then : next;
}

void queue_run(int index)
{
	void *jobs[QUEUE_TURN_JOBS];
	const char *error = NULL;
	int64_t now, next, then;
	size_t i, n, pending;

	self = index;
	mailbox = post_mailbox(POST_QUEUE, index);
	settings.store.log = on_log;
	settings.store.state = on_state;
	store = store_new(&settings.store, &error);
	if(!store || !push_init(index, store) || !due_init(index, store) || !report_init(index)
			|| !notify_init(index, store) || !changes_init(index)) {
		LM_CRIT("the queue process cannot start: %s\n", error ? error : "no memory");
		exit(1);
	}
	for(;;) {
		cfg_update();
		now = now_ms();
		n = mailbox_take(mailbox, jobs, QUEUE_TURN_JOBS);
		for(i = 0; i < n; i++)
			job_take(jobs[i], now);
		next = queue_work(now);
		if(now >= dialogs_ms) {
			dialog_sweep(index, now);
			dialogs_ms = now + DIALOGS_MS;
		}
		then = store_run(store, now);
		next = then < next ? then : next;
		/* What the replies woke wants its turn before we sleep; and what that asks of the store is to be sent. */
		pending = store_pending(store);
		then = queue_work(now);
		next = then < next ? then : next;
		if(n < QUEUE_TURN_JOBS && store_pending(store) <= pending)
			queue_sleep(next);
	}
}
