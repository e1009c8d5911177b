/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the queue process has around it, for one node of the simulation: its
 * loop, and Kamailio's part as calls to the world.
 */
#include "node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/changes.h"
#include "core/base/clock.h"
#include "module/context.h"
#include "queue/due.h"
#include "queue/ending.h"
#include "module/event.h"
#include "queue/history.h"
#include "module/outcome.h"
#include "module/post.h"
#include "queue/push.h"
#include "queue/queue.h"
#include "queue/report.h"
#include "module/settings.h"
#include "module/statistics.h"
#include "module/wake.h"
#include "queue/storing.h"
#include "module/ticket.h"
#include "sip/message.h"

struct settings settings;

/* clang-format off */
#define STATISTIC_DEFINE(name) static stat_var counter_##name; stat_var *stat_##name = &counter_##name;
/* clang-format on */
CPM_STATISTICS(STATISTIC_DEFINE)

static const struct node_world *world;
static struct store *store;
static int self;

void host_log(const char *level, const char *format, ...)
{
	char text[1024];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	world->log(self, level, text);
}

int64_t now_ms(void)
{
	static struct cpm_clock clock;

	return cpm_clock_ms(&clock, world->now_ms(self) * 1000000, world->steady_ms() * 1000000);
}

/* Answers that the node gives itself: they are taken with the next turn, as from a mailbox. */
#define OWN_ANSWERS_MAX 4096
static struct {
	uint64_t ticket;
	int status;
} own_answers[OWN_ANSWERS_MAX];
static size_t own_answer_count;

bool post_due(struct cpm_slice aor, bool ordered)
{
	const struct trigger_job job = {.due = true, .ordered = ordered, .aor = aor};

	push_trigger(&job, now_ms());
	return true;
}

void post_answer(uint64_t ticket, int status)
{
	if(own_answer_count == OWN_ANSWERS_MAX)
		abort();
	own_answers[own_answer_count].ticket = ticket;
	own_answers[own_answer_count++].status = status;
}

static void answer(uint64_t ticket, int status)
{
	int64_t now = now_ms();

	if(ticket_kind_of(ticket) == TICKET_PUSH)
		push_answered(ticket, status, now);
	else
		due_answered(ticket, status, now);
}

bool contacts_load(struct cpm_slice aor, struct contacts *list)
{
	struct cpm_slice uris[NODE_PHONES_MAX];

	*list = (struct contacts){.count = world->contacts(aor, uris)};
	for(size_t i = 0; i < list->count; i++)
		list->items[i].uri = uris[i];
	return true;
}

void contacts_free(struct contacts *list)
{
	list->count = 0;
}

bool contacts_any(struct cpm_slice aor)
{
	struct cpm_slice uris[NODE_PHONES_MAX];

	return world->contacts(aor, uris) > 0;
}

bool contact_takes_messages(const struct contact *c)
{
	(void)c;
	return true;
}

enum xdm_state xdm_lookup(struct cpm_slice aor, int64_t now, struct xdm_entry **entry)
{
	(void)now;
	return world->documents(aor, entry);
}

const struct cpm_documents *xdm_documents(const struct xdm_entry *e)
{
	return e->documents;
}

void xdm_release(struct xdm_entry **entry)
{
	if(*entry && (*entry)->references-- <= 0)
		abort();
	*entry = NULL;
}

bool xdm_wait(struct cpm_slice aor, const struct xdm_waiter *waiter, bool refresh)
{
	(void)refresh;
	return world->documents_wait(self, aor, waiter->kind == WAITER_DUE ? waiter->a : 0);
}

bool message_send(const struct cpm_record *r, struct cpm_slice body, const struct contact *c,
		struct cpm_slice extra, int64_t attempts, uint64_t ticket)
{
	(void)extra, (void)attempts;
	world->push(self, r, body, c->uri, ticket);
	return true;
}

bool message_interwork(const struct cpm_record *r, struct cpm_slice body, struct cpm_slice next_hop,
		uint64_t ticket)
{
	(void)next_hop;
	world->interwork(self, r, body, ticket);
	return true;
}

bool message_send_out(const struct message_out *m, uint64_t ticket)
{
	world->report(self, m->uri, m->body, ticket);
	return true;
}

bool event_wanted(enum event_kind kind)
{
	return kind == EVENT_EXPIRED;
}

bool event_run(enum event_kind kind, const struct event_facts *facts)
{
	return kind == EVENT_EXPIRED && world->take_expired(facts->record->id);
}

void notify_due(struct due *d, int64_t now)
{
	int64_t again = world->notify(self, d->aor);

	(void)now;
	if(again)
		due_again(d, again);
	else
		due_done(d);
}

void notify_expired(const struct cpm_record *r, enum cpm_msginfo_status status,
		const struct ending_place *place, const struct contacts *clients, int64_t now)
{
	(void)r, (void)status, (void)place, (void)clients, (void)now;
}

/* There is no message store in this world: what is kept for it stays. Of what only a message store or a large message calls for
 * nothing is here; it is looked for when it is called. */

bool archive_configured(void)
{
	return false;
}

int64_t storing_first_ms(int64_t now)
{
	(void)now;
	return 0;
}

/* Nobody tells of changed documents. */
void changes_watch(struct cpm_slice aor, int64_t now)
{
	(void)aor, (void)now;
}

/* The linker sends the module's calls here. */
bool __real_store_next(
		struct store *s, const struct store_next *next, store_next_cb cb, void *context);
bool __wrap_store_next(
		struct store *s, const struct store_next *next, store_next_cb cb, void *context);

struct call {
	store_next_cb cb;
	void *context;
	size_t aor_size;
	char aor[];
};

/* Redis tells by its own clock how long the lease of another still runs. */
static void on_next(void *context, const struct store_next_result *result)
{
	struct call *call = context;
	struct store_next_result r = *result;

	if(r.rc == STORE_BUSY)
		r.busy_ms = world->lease_left((struct cpm_slice){call->aor, call->aor_size});
	call->cb(call->context, &r);
	free(call);
}

bool __wrap_store_next(
		struct store *s, const struct store_next *next, store_next_cb cb, void *context)
{
	struct call *call = malloc(sizeof(*call) + next->aor.n);

	*call = (struct call){cb, context, next->aor.n};
	memcpy(call->aor, next->aor.p, next->aor.n);
	world->lease(self, next->aor, next->token, next->lease_ms);
	if(__real_store_next(s, next, on_next, call))
		return true;
	free(call);
	return false;
}

static void on_log(void *context, enum store_log_level level, const char *text)
{
	(void)context;
	(void)level;
	host_log("store", "%s", text);
}

static const struct settings defaults = {
		.msrp_listen = "",
		.hostname = "node",
		.release = "x",
		.isf_uri = "sip:isf.example.net",
		.core_uri = "sip:core.example.net",
		.redis_prefix = "cpm",
		.queue_workers = 1,
		.max_expiry_s = 1000000,
		.ttl_grace_s = 86400,
		.dedup_window_s = 86400,
		.push_prefetch = 8,
		.push_prefetch_bytes = 65536,
		.push_sessions = 1000,
		.push_ack_ms = 500,
		.report_rate = 1000,
		.notify_delay_ms = 500,
		.xdm_max_age_ms = 600000,
		.xdm_timeout_ms = 3000,
		.limits = CPM_LIMITS_DEFAULT,
};

static bool open_node(int number, const struct node_settings *s, const struct node_world *its_world)
{
	const char *error = NULL;

	world = its_world;
	self = number;
	settings = defaults;
	settings.queue_shards = (int)s->shards;
	settings.push_window = s->push_window;
	settings.push_lease_ms = s->push_lease_ms;
	settings.push_parallel = s->push_parallel;
	settings.claim_ms = s->claim_ms;
	settings.expiry_rate = s->expiry_rate;
	settings.expired = CPM_EXPIRED_DISCARD;
	settings.retry_min_s = s->retry_min_s;
	settings.retry_max_s = s->retry_max_s;
	settings.report_expiry_s = s->report_expiry_s;
	settings.store = (struct store_config){
			.address = s->address,
			.prefix = "cpm",
			.shards = s->shards,
			.timeout_ms = s->redis_timeout_ms,
			/* Without a span there is nothing random in it. */
			.reconnect_min_ms = 1,
			.reconnect_max_ms = 1,
			.max_pending = 10000,
			.max_user_messages = (size_t)s->max_user_messages,
			.ttl_grace_ms = (int64_t)settings.ttl_grace_s * 1000,
			.claim_ms = s->claim_ms,
			.limits = &settings.limits,
			.log = on_log,
	};
	store = store_new(&settings.store, &error);
	if(!store)
		host_log("critical", "%s", error);
	return store && push_init(0, store) && due_init(0, store) && report_init(0);
}

static int64_t run(bool due, int64_t *due_ms, bool *moved)
{
	int64_t next, now = now_ms();
	size_t n = own_answer_count;

	own_answer_count = 0;
	for(size_t i = 0; i < n; i++)
		answer(own_answers[i].ticket, own_answers[i].status);
	push_run(now);
	next = due ? due_run(now) : now;
	*due_ms = next > now + 3600000 ? 3600000 : next - now;
	/* The answer may come before store_run returns. */
	*moved = store_pending(store) > 0;
	store_run(store, now);
	next = push_run(now);
	/* What the answers called for is written. */
	store_run(store, now);
	*moved |= store_pending(store) > 0 || own_answer_count > 0;
	return next - now;
}

static bool available(void)
{
	return store_available(store);
}

static size_t pending(void)
{
	return store_pending(store);
}

static size_t sockets(struct store_poll *set, size_t max)
{
	return store_poll_set(store, set, max);
}

struct put {
	void *context;
	enum cpm_defer_cause cause;
	bool to_push;
	size_t aor_size;
	char aor[];
};

/* As module/queue.c does it. */
static void on_stored(void *context, enum store_rc rc, struct cpm_slice id)
{
	struct put *put = context;

	world->stored(self, put->context, rc, id);
	if(rc == STORE_OK && put->to_push)
		push_stored((struct cpm_slice){put->aor, put->aor_size}, put->cause, now_ms());
	free(put);
}

static bool put(const struct store_put *p, enum cpm_defer_cause cause, void *context)
{
	struct put *kept = malloc(sizeof(*kept) + p->aor.n);

	*kept = (struct put){
			context, cause, p->place == STORE_TO_PUSH && p->expires_ms > p->now_ms, p->aor.n};
	memcpy(kept->aor, p->aor.p, p->aor.n);
	if(store_put(store, p, on_stored, kept))
		return true;
	free(kept);
	return false;
}

static void trigger(
		struct cpm_slice aor, struct cpm_slice contact, bool force, bool registered, int64_t at_ms)
{
	const struct trigger_job job = {.force = force,
			.registered = registered,
			.not_before_ms = at_ms,
			.aor = aor,
			.contact = contact};

	push_trigger(&job, now_ms());
}

static void documents(
		struct cpm_slice aor, uint64_t ticket, enum xdm_state state, struct xdm_entry *entry)
{
	struct documents_job job = {.state = state, .ticket = ticket, .entry = entry, .aor = aor};

	if(ticket)
		due_resume(&job, now_ms());
	else
		push_documents(&job, now_ms());
}

static void on_managed(void *context, enum store_rc rc, int64_t waiting, const bool *known)
{
	(void)context;
	(void)rc;
	(void)waiting;
	(void)known;
}

static bool manage(const struct store_manage *m)
{
	return store_manage(store, m, on_managed, NULL);
}

static void close_node(void)
{
	store_free(&store);
}

const struct node_api node_api = {open_node, run, now_ms, available, pending, sockets, put, trigger,
		answer, documents, manage, close_node};
