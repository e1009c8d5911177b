/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * RPC commands for operators. They run in RPC processes, read the store over a
 * connection of their own, and wait a bounded time.
 */
#include "../core/codec/date.h"
#include "../core/queue/record.h"
#include "../redis/admin.h"
#include "../sip/dialog.h"
#include "context.h"
#include "exports.h"
#include "obtain.h"
#include "queue.h"
#include "settings.h"
#include "statistics.h"

#define RPC_PAGE 100
#define RPC_PAGE_MAX 1000
#define EXPLAIN_MAX 262144

/* The user of a command, canonical; on a bad one the fault is set. */
static bool user_key(rpc_t *rpc, void *ctx, const str *text, char *memory, struct cpm_uri_key *key)
{
	if(cpm_uri_canon(slice_of_str(text), memory, CPM_URI_KEY_MAX, key) == CPM_OK)
		return true;
	rpc->fault(ctx, 400, "Write the user as a SIP or tel URI, for instance sip:bob@example.net");
	return false;
}

static void add_text(rpc_t *rpc, void *handle, char *name, struct cpm_slice text)
{
	str s = str_of_slice(text);

	rpc->struct_add(handle, "S", name, &s);
}

static void add_number(rpc_t *rpc, void *handle, char *name, int64_t value)
{
	char text[24];
	struct cpm_buf b;

	if(value >= INT32_MIN && value <= INT32_MAX) {
		rpc->struct_add(handle, "d", name, (int)value);
		return;
	}
	cpm_buf_init_fixed(&b, text, sizeof(text));
	cpm_buf_add_i64(&b, value);
	add_text(rpc, handle, name, cpm_buf_slice(&b));
}

static void add_time(rpc_t *rpc, void *handle, char *name, int64_t ms)
{
	char text[32];
	struct cpm_buf b;

	if(!ms)
		return;
	cpm_buf_init_fixed(&b, text, sizeof(text));
	cpm_date_add_rfc3339(&b, ms);
	add_text(rpc, handle, name, cpm_buf_slice(&b));
}

struct listing {
	rpc_t *rpc;
	void *handle; /* the array, or for show the structure */
	bool whole;
};

/* The message-URI-ID of 8.3.1.6.1 step 3. */
static void add_message_uri(rpc_t *rpc, void *h, const struct cpm_record *r)
{
	char text[512];
	struct cpm_buf b;

	cpm_buf_init_fixed(&b, text, sizeof(text));
	cpm_buf_add_str(&b, "sip:");
	cpm_buf_add(&b, r->id);
	cpm_buf_add_char(&b, '@');
	cpm_buf_add(&b, r->host);
	if(b.rc == CPM_OK)
		add_text(rpc, h, "message_uri_id", cpm_buf_slice(&b));
}

static void record_add(rpc_t *rpc, void *h, const struct cpm_record *r, bool whole)
{
	add_text(rpc, h, "user", r->aor);
	add_text(rpc, h, "originator", r->anonymous ? CPM_SLICE("anonymous") : r->originator);
	add_text(rpc, h, "handling", cpm_slice_of(cpm_handling_name(r->handling)));
	add_text(rpc, h, "cause", cpm_slice_of(cpm_defer_cause_name(r->cause)));
	if(r->rule.n)
		add_text(rpc, h, "rule", r->rule);
	add_time(rpc, h, "arrived", r->arrived_ms);
	add_time(rpc, h, "expires", r->expires_ms);
	if(r->imdn_id.n)
		add_text(rpc, h, "imdn_message_id", r->imdn_id);
	if(!whole)
		return;
	add_message_uri(rpc, h, r);
	add_text(rpc, h, "request_uri", r->request_uri);
	add_text(rpc, h, "content_type", r->content_type);
	if(r->conversation_id.n)
		add_text(rpc, h, "conversation_id", r->conversation_id);
	if(r->contribution_id.n)
		add_text(rpc, h, "contribution_id", r->contribution_id);
	if(r->recipients.n)
		add_text(rpc, h, "recipients", r->recipients);
}

static void message_add(const struct listing *l, void *h, const struct store_listed *m)
{
	struct cpm_record r;

	add_text(l->rpc, h, "id", m->id);
	add_text(l->rpc, h, "state", m->state);
	add_number(l->rpc, h, "size", (int64_t)m->size);
	add_number(l->rpc, h, "attempts", m->attempts);
	if(m->last_status)
		add_number(l->rpc, h, "last_status", m->last_status);
	add_time(l->rpc, h, "retry_at", m->not_before_ms);
	if(cpm_record_parse(m->record, &r, NULL) == CPM_OK)
		record_add(l->rpc, h, &r, l->whole);
}

static void list_each(void *context, const struct store_listed *m)
{
	struct listing *l = context;
	void *h;

	if(l->rpc->array_add(l->handle, "{", &h) >= 0)
		message_add(l, h, m);
}

static void show_each(void *context, const struct store_listed *m)
{
	struct listing *l = context;

	message_add(l, l->handle, m);
}

static const char *list_doc[] = {"Messages kept for a user: user [offset [count]]", 0};
static void rpc_list(rpc_t *rpc, void *ctx)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;
	struct listing l = {.rpc = rpc};
	const char *error = NULL;
	size_t total = 0;
	bool leased = false;
	int offset = 0, number = RPC_PAGE;
	void *h;
	str user;

	if(rpc->scan(ctx, "S*dd", &user, &offset, &number) < 1) {
		rpc->fault(ctx, 400, "Write: cpm_pf.list user [offset [count]]");
		return;
	}
	if(!user_key(rpc, ctx, &user, memory, &key))
		return;
	if(offset < 0 || number < 1 || number > RPC_PAGE_MAX) {
		rpc->fault(ctx, 400, "offset starts at 0, count is from 1 to %d", RPC_PAGE_MAX);
		return;
	}
	if(rpc->add(ctx, "{", &h) < 0 || rpc->struct_add(h, "[", "messages", &l.handle) < 0)
		return;
	if(!admin_list(&settings.store, key.key, (size_t)offset, (size_t)number, list_each, &l, &total,
			   &leased, &error)) {
		rpc->fault(ctx, 503, "the store: %s", error ? error : "trouble");
		return;
	}
	add_text(rpc, h, "user", key.key);
	add_number(rpc, h, "total", (int64_t)total);
	add_number(rpc, h, "offset", offset);
	add_number(rpc, h, "pushing", leased);
}

static const char *show_doc[] = {"One message: id", 0};
static void rpc_show(rpc_t *rpc, void *ctx)
{
	struct listing l = {.rpc = rpc, .whole = true};
	const char *error = NULL;
	struct cpm_slice id;
	str text;
	int found;

	if(rpc->scan(ctx, "S", &text) < 1) {
		rpc->fault(ctx, 400, "Write: cpm_pf.show id");
		return;
	}
	/* The message-URI-ID as it stands in a notification is taken as well. */
	id = slice_of_str(&text);
	if(cpm_slice_istarts(id, CPM_SLICE("sip:")))
		id = cpm_slice_from(id, 4);
	id = cpm_slice_head(id, cpm_slice_find(id, '@'));
	if(rpc->add(ctx, "{", &l.handle) < 0)
		return;
	found = admin_show(&settings.store, id, show_each, &l, &error);
	if(found == 0)
		rpc->fault(ctx, 404, "no such message");
	else if(found < 0)
		rpc->fault(ctx, 503, "the store: %s", error ? error : "trouble");
}

static const char *flush_doc[] = {"Push what waits for a user now: user", 0};
static void rpc_flush(rpc_t *rpc, void *ctx)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;
	str user;
	void *h;

	if(rpc->scan(ctx, "S", &user) < 1) {
		rpc->fault(ctx, 400, "Write: cpm_pf.flush user");
		return;
	}
	if(!user_key(rpc, ctx, &user, memory, &key))
		return;
	xdm_invalidate(key.key);
	if(!queue_trigger(key.key, CPM_SLICE_NONE, true, 0)) {
		rpc->fault(ctx, 503, "the queue process is behind");
		return;
	}
	if(rpc->add(ctx, "{", &h) >= 0)
		add_text(rpc, h, "flushing", key.key);
}

struct statistics_listing {
	rpc_t *rpc;
	void *handle;
};

static void statistic_each(void *context, const char *name, unsigned long value)
{
	struct statistics_listing *l = context;

	add_number(l->rpc, l->handle, (char *)name, (int64_t)value);
}

static void documents_add(rpc_t *rpc, void *h)
{
	struct xdm_stats s;

	xdm_stats(&s);
	add_number(rpc, h, "documents_users", (int64_t)s.users);
	add_number(rpc, h, "documents_bytes", (int64_t)s.bytes);
	add_number(rpc, h, "documents_hits", (int64_t)s.hits);
	add_number(rpc, h, "documents_misses", (int64_t)s.misses);
	add_number(rpc, h, "documents_stale_hits", (int64_t)s.stale_hits);
	add_number(rpc, h, "documents_fetches", (int64_t)s.fetches);
	add_number(rpc, h, "documents_not_modified", (int64_t)s.not_modified);
	add_number(rpc, h, "documents_not_found", (int64_t)s.not_found);
	add_number(rpc, h, "documents_failures", (int64_t)s.failures);
	add_number(rpc, h, "documents_rejected", (int64_t)s.rejected);
	add_number(rpc, h, "documents_evicted", (int64_t)s.evicted);
	add_number(rpc, h, "documents_waiters", (int64_t)s.waiters);
}

/* Both sides of: accepted is what has ended and what waits. */
static void totals_add(rpc_t *rpc, void *h, const struct admin_totals *t)
{
	char name[32];
	int i;

	add_number(rpc, h, "sum_accepted", (int64_t)t->accepted);
	for(i = 0; i < STORE_OUTCOMES; i++) {
		snprintf(name, sizeof(name), "sum_%s", store_outcome_name((enum store_outcome)i));
		add_number(rpc, h, name, (int64_t)t->ended[i]);
	}
	add_number(rpc, h, "sum_vanished", (int64_t)t->vanished);
	add_number(rpc, h, "balance", t->balance);
}

static const char *stats_doc[] = {"Counters, and what the store holds", 0};
static void rpc_stats(rpc_t *rpc, void *ctx)
{
	struct statistics_listing l = {.rpc = rpc};
	struct admin_totals totals;
	const char *error = NULL;

	if(rpc->add(ctx, "{", &l.handle) < 0)
		return;
	add_text(rpc, l.handle, "redis", cpm_slice_of(queue_state()));
	statistics_each(statistic_each, &l);
	documents_add(rpc, l.handle);
	add_number(rpc, l.handle, "dialogs", (int64_t)dialog_count());
	if(admin_totals(&settings.store, &totals, &error)) {
		add_number(rpc, l.handle, "now_waiting", (int64_t)totals.waiting);
		add_number(rpc, l.handle, "now_quarantined", (int64_t)totals.quarantined);
		totals_add(rpc, l.handle, &totals);
	}
}

static const char *ping_doc[] = {"Is the store there for the queue, and how far away is it", 0};
static void rpc_ping(rpc_t *rpc, void *ctx)
{
	const char *error = NULL;
	int64_t us;
	void *h;

	if(!queue_available()) {
		rpc->fault(ctx, 503, "the store is not available to the queue: %s", queue_state());
		return;
	}
	us = admin_ping(&settings.store, &error);
	if(us < 0) {
		rpc->fault(ctx, 503, "the store: %s", error ? error : "trouble");
		return;
	}
	if(rpc->add(ctx, "{", &h) < 0)
		return;
	add_text(rpc, h, "redis", cpm_slice_of(queue_state()));
	add_number(rpc, h, "round_trip_us", us);
}

static void lines_add(rpc_t *rpc, void *h, struct cpm_slice text)
{
	struct cpm_slice line;
	void *lines;
	str s;

	if(rpc->struct_add(h, "[", "lines", &lines) < 0)
		return;
	while(cpm_slice_split(&text, '\n', &line)) {
		s = str_of_slice(line);
		rpc->array_add(lines, "S", &s);
	}
}

static bool facts_fill(rpc_t *rpc, void *ctx, const str *originator, const str *medium,
		struct cpm_facts *facts, char *memory)
{
	facts->now_ms = now_ms();
	if(!cpm_medium_of(slice_of_str(medium), &facts->medium)) {
		rpc->fault(ctx, 400, "Write the medium as pager, large, deferred or session");
		return false;
	}
	if(cpm_slice_ieq(slice_of_str(originator), CPM_SLICE("anonymous")))
		facts->anonymous = true;
	else if(!user_key(rpc, ctx, originator, memory, &facts->originators[0]))
		return false;
	else
		facts->originator_count = 1;
	return true;
}

static const char *explain_doc[] = {"Why a message would be handled so: user originator medium", 0};
static void rpc_explain(rpc_t *rpc, void *ctx)
{
	char user_memory[CPM_URI_KEY_MAX], originator_memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;
	struct cpm_facts facts = {0};
	struct cpm_verdict verdict;
	struct xdm_entry *entry;
	const struct cpm_documents *d;
	enum xdm_state docs;
	struct cpm_buf b;
	str user, originator, medium;
	void *h;

	if(rpc->scan(ctx, "SSS", &user, &originator, &medium) < 3) {
		rpc->fault(ctx, 400, "Write: cpm_pf.explain user originator|anonymous pager|large|deferred|session");
		return;
	}
	if(!user_key(rpc, ctx, &user, user_memory, &key)
			|| !facts_fill(rpc, ctx, &originator, &medium, &facts, originator_memory))
		return;
	docs = obtain_documents(key.key, false, settings.xdm_timeout_ms, &entry);
	d = entry ? xdm_documents(entry) : &cpm_documents_none;
	cpm_decide(d, &facts, &verdict);
	cpm_buf_init(&b, EXPLAIN_MAX);
	cpm_decide_explain(d, &facts, &b);
	if(rpc->add(ctx, "{", &h) >= 0) {
		add_text(rpc, h, "user", key.key);
		add_text(rpc, h, "documents", cpm_slice_of(xdm_state_name(docs)));
		add_number(rpc, h, "blocked", cpm_decide_blocked(d, &facts));
		add_number(rpc, h, "do_not_disturb", cpm_decide_dnd(d, &facts, NULL, NULL));
		add_text(rpc, h, "action", cpm_slice_of(cpm_action_name(verdict.action)));
		add_text(rpc, h, "rule", verdict.rule);
		lines_add(rpc, h, cpm_buf_slice(&b));
	}
	cpm_buf_free(&b);
	xdm_release(&entry);
}

static const char *documents_doc[] = {"The documents at hand for a user: user", 0};
static void rpc_documents(rpc_t *rpc, void *ctx)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;
	struct cpm_buf b;
	str user;
	void *h;

	if(rpc->scan(ctx, "S", &user) < 1) {
		rpc->fault(ctx, 400, "Write: cpm_pf.documents user");
		return;
	}
	if(!user_key(rpc, ctx, &user, memory, &key))
		return;
	cpm_buf_init(&b, EXPLAIN_MAX);
	if(!xdm_describe(key.key, now_ms(), &b))
		rpc->fault(ctx, 404, "no documents of this user are at hand");
	else if(rpc->add(ctx, "{", &h) >= 0)
		lines_add(rpc, h, cpm_buf_slice(&b));
	cpm_buf_free(&b);
}

static const char *reload_doc[] = {"Fetch a user's documents again: user", 0};
static void rpc_reload(rpc_t *rpc, void *ctx)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;
	struct xdm_entry *entry;
	enum xdm_state docs;
	str user;
	void *h;

	if(rpc->scan(ctx, "S", &user) < 1) {
		rpc->fault(ctx, 400, "Write: cpm_pf.reload user");
		return;
	}
	if(!user_key(rpc, ctx, &user, memory, &key))
		return;
	docs = obtain_documents(key.key, true, settings.xdm_timeout_ms, &entry);
	xdm_release(&entry);
	queue_trigger(key.key, CPM_SLICE_NONE, false, 0);
	if(rpc->add(ctx, "{", &h) >= 0)
		add_text(rpc, h, "documents", cpm_slice_of(xdm_state_name(docs)));
}

/* clang-format off */
rpc_export_t rpc_commands[] = {
	{"cpm_pf.list", rpc_list, list_doc, 0},
	{"cpm_pf.show", rpc_show, show_doc, 0},
	{"cpm_pf.flush", rpc_flush, flush_doc, 0},
	{"cpm_pf.stats", rpc_stats, stats_doc, 0},
	{"cpm_pf.ping", rpc_ping, ping_doc, 0},
	{"cpm_pf.explain", rpc_explain, explain_doc, 0},
	{"cpm_pf.documents", rpc_documents, documents_doc, 0},
	{"cpm_pf.reload", rpc_reload, reload_doc, 0},
	{0, 0, 0, 0}
};
/* clang-format on */
