/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * RPC commands about what is kept: see it, and steer it.
 */
#include "rpc.h"

#include "../core/codec/date.h"
#include "../core/queue/key.h"
#include "../core/queue/record.h"
#include "../module/context.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../redis/admin.h"
#include "../sip/contacts.h"

#define RPC_PAGE 100
#define RPC_PAGE_MAX 1000
#define SHAPE_LIMIT 100000
#define SHAPE_LIMIT_MAX 10000000

struct listing {
	rpc_t *rpc;
	void *handle; /* the array, or for show the structure */
	bool whole;
	bool stated;       /* waiting is set */
	char waiting[128]; /* why what is to be pushed waits */
};

/* What keeps a user's messages from being pushed by this node, as far as is known here without asking the XDMS. */
static void waiting_state(struct listing *l, struct cpm_slice aor)
{
	struct cpm_facts facts = {.medium = CPM_MEDIUM_DEFERRED, .now_ms = now_ms()};
	struct xdm_entry *entry = NULL;
	struct cpm_buf b;
	int64_t until = INT64_MAX;

	if(l->stated)
		return;
	l->stated = true;
	cpm_buf_init_fixed(&b, l->waiting, sizeof(l->waiting) - 1);
	xdm_last(aor, facts.now_ms, &entry);
	if(entry && cpm_decide_dnd(xdm_documents(entry), &facts, NULL, &until)) {
		cpm_buf_add_str(&b, "do-not-disturb is on");
		if(until != INT64_MAX) {
			cpm_buf_add_str(&b, " until ");
			cpm_date_add_rfc3339(&b, until);
		}
	} else if(!contacts_any(aor))
		cpm_buf_add_str(&b, "no client is registered at this node");
	else
		cpm_buf_add_str(&b, "to be pushed at the next trigger");
	xdm_release(&entry);
	l->waiting[b.n] = '\0';
}

static const struct {
	const char *state, *why;
} whys[] = {
		{"deliver", "ordered by the user: to a client"},
		{"interwork", "ordered by the user: to the interworking function"},
		{"pull", "waits for the user (pull)"},
		{"held", "held by an operator"},
		{"store", "kept for the message store"},
		{"delete", "about to be deleted"},
		{"ending", "its end is under way"},
		{"quarantined", "its record cannot be read"},
};

/* The others have come to their end, or may be kept past it. */
static bool may_expire(struct cpm_slice state)
{
	static const char *const states[] = {"waiting", "retry", "pull", "held"};
	size_t i;

	for(i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if(cpm_slice_eq(state, cpm_slice_of(states[i])))
			return true;
	}
	return false;
}

static void why_add(struct listing *l, void *h, const struct store_listed *m, struct cpm_slice aor,
		uint64_t size)
{
	char text[128];
	struct cpm_buf b;
	size_t i;

	if(may_expire(m->state) && m->expires_ms <= now_ms()) {
		rpc_add_text(l->rpc, h, "why", CPM_SLICE("its time has come: about to expire"));
		return;
	}
	if(cpm_slice_eq(m->state, CPM_SLICE("retry"))) {
		cpm_buf_init_fixed(&b, text, sizeof(text));
		cpm_buf_add_str(&b, "retry at ");
		cpm_date_add_rfc3339(&b, m->not_before_ms);
		if(m->last_status) {
			cpm_buf_add_str(&b, " after ");
			cpm_buf_add_i64(&b, m->last_status);
		}
		rpc_add_text(l->rpc, h, "why", cpm_buf_slice(&b));
		return;
	}
	if(cpm_slice_eq(m->state, CPM_SLICE("store"))
			&& size > (uint64_t)settings.store_max_object_bytes) {
		rpc_add_text(l->rpc, h, "why", CPM_SLICE("too large for the message store"));
		return;
	}
	for(i = 0; i < sizeof(whys) / sizeof(whys[0]); i++) {
		if(cpm_slice_eq(m->state, cpm_slice_of(whys[i].state))) {
			rpc_add_text(l->rpc, h, "why", cpm_slice_of(whys[i].why));
			return;
		}
	}
	if(!aor.n) {
		rpc_add_text(l->rpc, h, "why", CPM_SLICE("its record cannot be read"));
		return;
	}
	waiting_state(l, aor);
	rpc_add_text(l->rpc, h, "why", cpm_slice_of(l->waiting));
}

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
		rpc_add_text(rpc, h, "message_uri_id", cpm_buf_slice(&b));
}

static void record_add(rpc_t *rpc, void *h, const struct cpm_record *r, bool whole)
{
	rpc_add_text(rpc, h, "user", r->aor);
	rpc_add_text(rpc, h, "originator", r->anonymous ? CPM_SLICE("anonymous") : r->originator);
	rpc_add_text(rpc, h, "handling", cpm_slice_of(cpm_handling_name(r->handling)));
	rpc_add_text(rpc, h, "cause", cpm_slice_of(cpm_defer_cause_name(r->cause)));
	if(r->rule.n)
		rpc_add_text(rpc, h, "rule", r->rule);
	rpc_add_time(rpc, h, "arrived", r->arrived_ms);
	rpc_add_time(rpc, h, "expires", r->expires_ms);
	if(r->imdn_id.n)
		rpc_add_text(rpc, h, "imdn_message_id", r->imdn_id);
	if(!whole)
		return;
	add_message_uri(rpc, h, r);
	rpc_add_text(rpc, h, "request_uri", r->request_uri);
	rpc_add_text(rpc, h, "content_type", r->content_type);
	if(r->conversation_id.n)
		rpc_add_text(rpc, h, "conversation_id", r->conversation_id);
	if(r->contribution_id.n)
		rpc_add_text(rpc, h, "contribution_id", r->contribution_id);
	if(r->recipients.n)
		rpc_add_text(rpc, h, "recipients", r->recipients);
}

static void message_add(struct listing *l, void *h, const struct store_listed *m)
{
	struct cpm_record r = {0};
	bool read = cpm_record_parse(m->record, &r, NULL) == CPM_OK;
	/* The octets of a large message lie apart. */
	uint64_t size = read && r.kind == CPM_RECORD_LARGE ? r.size : m->size;

	rpc_add_text(l->rpc, h, "id", m->id);
	rpc_add_text(l->rpc, h, "state", m->state);
	why_add(l, h, m, r.aor, size);
	rpc_add_number(l->rpc, h, "size", (int64_t)size);
	rpc_add_number(l->rpc, h, "attempts", m->attempts);
	if(m->last_status)
		rpc_add_number(l->rpc, h, "last_status", m->last_status);
	rpc_add_time(l->rpc, h, "retry_at", m->not_before_ms);
	if(read)
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

const char *rpc_list_doc[] = {"Messages kept for a user: user [offset [count]]", 0};
void rpc_list(rpc_t *rpc, void *ctx)
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
	if(!rpc_user(rpc, ctx, &user, memory, &key))
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
	rpc_add_text(rpc, h, "user", key.key);
	rpc_add_number(rpc, h, "total", (int64_t)total);
	rpc_add_number(rpc, h, "offset", offset);
	rpc_add_number(rpc, h, "pushing", leased);
}

/* The message-URI-ID as it stands in a notification is taken as well. */
static struct cpm_slice message_id(struct cpm_slice text)
{
	if(cpm_slice_istarts(text, CPM_SLICE("sip:")))
		text = cpm_slice_from(text, 4);
	return cpm_slice_head(text, cpm_slice_find(text, '@'));
}

const char *rpc_show_doc[] = {"One message: id", 0};
void rpc_show(rpc_t *rpc, void *ctx)
{
	struct listing l = {.rpc = rpc, .whole = true};
	const char *error = NULL;
	str text;
	int found;

	if(rpc->scan(ctx, "S", &text) < 1) {
		rpc->fault(ctx, 400, "Write: cpm_pf.show id");
		return;
	}
	if(rpc->add(ctx, "{", &l.handle) < 0)
		return;
	found = admin_show(&settings.store, message_id(slice_of_str(&text)), show_each, &l, &error);
	if(found == 0)
		rpc->fault(ctx, 404, "no such message");
	else if(found < 0)
		rpc->fault(ctx, 503, "the store: %s", error ? error : "trouble");
}

const char *rpc_flush_doc[] = {"Push what waits for a user now: user", 0};
void rpc_flush(rpc_t *rpc, void *ctx)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;
	str user;
	void *h;

	if(rpc->scan(ctx, "S", &user) < 1) {
		rpc->fault(ctx, 400, "Write: cpm_pf.flush user");
		return;
	}
	if(!rpc_user(rpc, ctx, &user, memory, &key))
		return;
	xdm_invalidate(key.key);
	if(!post_trigger(key.key, CPM_SLICE_NONE, true, 0)) {
		rpc->fault(ctx, 503, "the queue process is behind");
		return;
	}
	if(rpc->add(ctx, "{", &h) >= 0)
		rpc_add_text(rpc, h, "flushing", key.key);
}

/* One message by its id, or all of a user by URI and the word "all", so that nobody empties a queue by a slip. */
static void act(rpc_t *rpc, void *ctx, enum admin_verb verb, const char *name)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key = {0};
	struct cpm_slice id;
	const char *error = NULL;
	size_t touched = 0;
	unsigned shard;
	str what, word = STR_NULL;
	void *h;
	int done;

	if(rpc->scan(ctx, "S*S", &what, &word) < 1) {
		rpc->fault(ctx, 400, "Write: cpm_pf.%s id, or: cpm_pf.%s user all", name, name);
		return;
	}
	id = message_id(slice_of_str(&what));
	if(!cpm_key_shard_of_id(id, (unsigned)settings.queue_shards, &shard)) {
		id = CPM_SLICE_NONE;
		if(cpm_uri_canon(slice_of_str(&what), memory, sizeof(memory), &key) != CPM_OK) {
			rpc->fault(ctx, 400, "Write: cpm_pf.%s id, or: cpm_pf.%s user all", name, name);
			return;
		}
		if(!cpm_slice_eq(slice_of_str(&word), CPM_SLICE("all"))) {
			rpc->fault(ctx, 400, "That is a user: write cpm_pf.%s user all, or the id of a message",
					name);
			return;
		}
	}
	done = admin_act(&settings.store, verb, id, key.key, now_ms(), &touched, &error);
	if(done == 0)
		rpc->fault(ctx, 404, "no such message");
	else if(done < 0)
		rpc->fault(ctx, 503, "the store: %s", error ? error : "trouble");
	else if(rpc->add(ctx, "{", &h) >= 0)
		rpc_add_number(rpc, h, "touched", (int64_t)touched);
}

const char *rpc_hold_doc[] = {"Keep from being pushed: id, or user all", 0};
void rpc_hold(rpc_t *rpc, void *ctx)
{
	act(rpc, ctx, ADMIN_HOLD, "hold");
}

const char *rpc_release_doc[] = {"Undo a hold: id, or user all", 0};
void rpc_release(rpc_t *rpc, void *ctx)
{
	act(rpc, ctx, ADMIN_RELEASE, "release");
}

const char *rpc_delete_doc[] = {"Delete, as if the user had: id, or user all", 0};
void rpc_delete(rpc_t *rpc, void *ctx)
{
	act(rpc, ctx, ADMIN_DELETE, "delete");
}

const char *rpc_expire_doc[] = {"Let expire now: id, or user all", 0};
void rpc_expire(rpc_t *rpc, void *ctx)
{
	act(rpc, ctx, ADMIN_EXPIRE, "expire");
}

const char *rpc_requeue_doc[] = {
		"Make a retry due, or take back from quarantine: id, or user all", 0};
void rpc_requeue(rpc_t *rpc, void *ctx)
{
	act(rpc, ctx, ADMIN_REQUEUE, "requeue");
}

static void age_add(rpc_t *rpc, void *h, size_t i, uint64_t count)
{
	static char *const names[ADMIN_AGES] = {
			"to_1min", "to_10min", "to_1h", "to_6h", "to_1d", "to_3d", "older"};

	rpc_add_number(rpc, h, names[i], (int64_t)count);
}

static void shape_each(void *context, const struct admin_shape *shape)
{
	struct listing *l = context;
	void *h;
	size_t i;

	if(l->rpc->array_add(l->handle, "{", &h) < 0)
		return;
	rpc_add_text(l->rpc, h, "domain", shape->domain.n ? shape->domain : CPM_SLICE("others"));
	rpc_add_number(l->rpc, h, "total", (int64_t)shape->total);
	for(i = 0; i < ADMIN_AGES; i++)
		age_add(l->rpc, h, i, shape->ages[i]);
}

const char *rpc_shape_doc[] = {"How old what waits is, by domain: [messages to look at]", 0};
void rpc_shape(rpc_t *rpc, void *ctx)
{
	struct listing l = {.rpc = rpc};
	const char *error = NULL;
	uint64_t looked = 0, waiting = 0;
	int limit = SHAPE_LIMIT;
	void *h;

	if(rpc->scan(ctx, "*d", &limit) > 0 && (limit < 1 || limit > SHAPE_LIMIT_MAX)) {
		rpc->fault(ctx, 400, "Write a number of messages from 1 to %d", SHAPE_LIMIT_MAX);
		return;
	}
	/* At least one of each shard. */
	limit = limit < settings.queue_shards ? settings.queue_shards : limit;
	if(rpc->add(ctx, "{", &h) < 0 || rpc->struct_add(h, "[", "domains", &l.handle) < 0)
		return;
	if(!admin_shape(&settings.store, now_ms(), (size_t)limit, shape_each, &l, &looked, &waiting,
			   &error)) {
		rpc->fault(ctx, 503, "the store: %s", error ? error : "trouble");
		return;
	}
	rpc_add_number(rpc, h, "looked_at", (int64_t)looked);
	rpc_add_number(rpc, h, "waiting", (int64_t)waiting);
}
