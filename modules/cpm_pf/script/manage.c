/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * From the INVITE to orders that are safe in the store, to 200 and BYE. The
 * orders are recorded before the 200, so that none is lost once it is sent;
 * pushing what is to be delivered begins after it.
 */
#include "manage.h"

#include "../../core/mem/shm.h"
#include "../../core/ut.h"
#include "../core/codec/header.h"
#include "../core/codec/mime.h"
#include "../core/codec/orders.h"
#include "../core/codec/sdp.h"
#include "../module/command.h"
#include "../module/logged.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../queue/queue.h"
#include "../queue/storing.h"
#include "../sip/contacts.h"

/* store_manage takes no more. */
#define MANAGE_ORDERS_MAX 1000
#define MANAGE_MEMORY (1 << 20)
#define MANAGE_SDP_MAX 2048
/* Of the orders in one INVITE that name no message so many get a line. */
#define MANAGE_LOGGED_MAX 8

struct manage_job {
	struct command_job command;
	struct command_request request;
	dialog_id dialog;
	bool deliver_all;
	bool pushes;                        /* something is to be delivered or interworked */
	struct cpm_slice aor, contact, sdp; /* these and the wishes' ids borrow from the job */
	size_t wish_count;
	struct store_wish wishes[];
};

/* What the worker reads from the INVITE. Slices borrow from the message, the arena or the buffers. */
struct manage {
	struct cpm_slice aor;
	bool listed; /* there is a list; without one everything is to be delivered */
	struct cpm_orders orders;
	struct contacts contacts;
	struct cpm_slice
			contact; /* the registered one that sent the INVITE; empty when it is not known */
	struct cpm_buf sdp;
	char sdp_memory[MANAGE_SDP_MAX];
};

static enum store_action action_of(enum cpm_order_action action)
{
	switch(action) {
		case CPM_ORDER_DELETE:
			return STORE_ACT_DELETE;
		case CPM_ORDER_INTERWORK:
			return STORE_ACT_INTERWORK;
		case CPM_ORDER_STORE:
			return STORE_ACT_STORE;
		case CPM_ORDER_DELIVER:
		default:
			return STORE_ACT_DELIVER;
	}
}

static int refuse(struct context *c, const char *reason, const char *why)
{
	const struct request *r = &c->request;

	c->reason = reason;
	LM_NOTICE("event=management_refused call_id=%.*s reason=%s why=\"%s\"\n", SLICE_FMT(r->call_id),
			reason, why ? why : "");
	return -1;
}

/* The list of orders, alone or in a multipart. */
static int orders_read(struct context *c, struct cpm_arena *arena, struct manage *m)
{
	struct command_printable first;
	const struct request *r = &c->request;
	struct cpm_mime_part part;
	struct cpm_diag diag = {0};
	enum cpm_rc rc;

	if(!r->body.n)
		return 1;
	rc = cpm_mime_find(r->body, r->content_type, "application", "resource-lists+xml",
			&settings.limits, &part, &diag);
	if(rc == CPM_NOTFOUND)
		return 1;
	if(rc == CPM_OK)
		rc = cpm_orders_parse(part.body, &settings.limits, arena, &m->orders, &diag);
	if(rc == CPM_LIMIT || (rc == CPM_OK && m->orders.count > MANAGE_ORDERS_MAX)) {
		count(too_large);
		return refuse(c, "too-large", rc == CPM_OK ? "too many orders" : diag.reason);
	}
	if(rc == CPM_NOMEM)
		return refuse(c, "busy", "no memory");
	if(rc != CPM_OK) {
		count(malformed);
		return refuse(c, "malformed", diag.reason);
	}
	m->listed = true;
	if(m->orders.ignored)
		LM_NOTICE("event=orders_ignored user=%.*s count=%zu first=\"%s\"\n", USER_FMT(m->aor),
				m->orders.ignored, command_printable(&first, m->orders.first_ignored));
	return 1;
}

/* No media: each stream that is offered is refused; without an offer ours has none (RFC 3264 sections 5 and 6). */
static int sdp_answer(struct sip_msg *msg, struct context *c, struct manage *m)
{
	const struct request *r = &c->request;
	struct cpm_sdp offer = {0};
	struct cpm_sdp_own own = {
			.address = CPM_SLICE("127.0.0.1"), .session = (uint64_t)now_ms(), .version = 1};
	struct cpm_mime_part part;
	struct cpm_diag diag = {0};
	enum cpm_rc rc = CPM_OK;

	if(r->body.n
			&& cpm_mime_find(r->body, r->content_type, "application", "sdp", &settings.limits,
					   &part, &diag)
					   == CPM_OK)
		rc = cpm_sdp_parse(part.body, &offer, &diag);
	/* Other media than MSRP are refused just as well. */
	if(rc != CPM_OK && rc != CPM_UNSUPPORTED) {
		count(malformed);
		return refuse(c, "malformed", diag.reason);
	}
	if(msg->rcv.bind_address)
		own.address = slice_of_str(&msg->rcv.bind_address->address_str);
	cpm_buf_init_fixed(&m->sdp, m->sdp_memory, sizeof(m->sdp_memory));
	cpm_sdp_add_refusal(&m->sdp, &offer, &own);
	if(m->sdp.rc == CPM_OK)
		return 1;
	count(too_large);
	return refuse(c, "too-large", "SDP");
}

static bool instance_is(struct cpm_slice instance, struct cpm_slice urn)
{
	if(instance.n >= 2 && instance.p[0] == '<')
		instance = (struct cpm_slice){instance.p + 1, instance.n - 2};
	return urn.n && cpm_slice_ieq(instance, urn);
}

static bool same_place(struct cpm_slice a, struct cpm_slice b)
{
	struct cpm_uri x, y;

	if(cpm_slice_eq(a, b))
		return true;
	return cpm_uri_parse(a, &x, NULL) == CPM_OK && cpm_uri_parse(b, &y, NULL) == CPM_OK
		   && cpm_slice_eq(x.user, y.user) && cpm_slice_ieq(x.host, y.host)
		   && cpm_slice_eq(x.port, y.port);
}

/* The registered contact that the INVITE comes from: by GRUU, by instance, or as it is. */
static void contact_find(struct sip_msg *msg, struct manage *m)
{
	struct cpm_slice value, rest, uri, params, urn = CPM_SLICE_NONE, gruu = CPM_SLICE_NONE;
	struct cpm_uri parsed;
	size_t i;

	m->contact = CPM_SLICE_NONE;
	if(!msg->contact)
		return;
	rest = slice_of_str(&msg->contact->body);
	if(!cpm_header_next_value(&rest, &value) || !cpm_uri_of_address(value, &uri))
		return;
	cpm_header_strip_params(value, &params);
	if(cpm_uri_param(params, CPM_SLICE("+sip.instance"), &urn)) {
		urn = cpm_header_unquote(urn);
		if(urn.n >= 2 && urn.p[0] == '<')
			urn = (struct cpm_slice){urn.p + 1, urn.n - 2};
	}
	if(cpm_uri_parse(uri, &parsed, NULL) == CPM_OK)
		cpm_uri_param(parsed.params, CPM_SLICE("gr"), &gruu);
	for(i = 0; i < m->contacts.count; i++) {
		const struct contact *known = &m->contacts.items[i];
		if(instance_is(known->instance, gruu) || instance_is(known->instance, urn)
				|| same_place(known->uri, uri)) {
			m->contact = known->uri;
			return;
		}
	}
}

static void manage_run(struct command_job *head, struct store *store, int64_t now);

static struct manage_job *job_make(const struct manage *m)
{
	size_t i, n = m->orders.count, size = sizeof(struct manage_job) + n * sizeof(struct store_wish);
	struct manage_job *job;
	char *at;

	for(i = 0; i < n; i++)
		size += m->orders.items[i].id.n;
	job = shm_malloc(size + m->aor.n + m->contact.n + m->sdp.n);
	if(!job)
		return NULL;
	memset(job, 0, sizeof(*job));
	job->command = (struct command_job){{JOB_COMMAND}, manage_run};
	job->deliver_all = job->pushes = !m->listed;
	job->wish_count = n;
	at = (char *)&job->wishes[n];
	at = command_put(at, &job->aor, m->aor);
	at = command_put(at, &job->contact, m->contact);
	at = command_put(at, &job->sdp, cpm_buf_slice(&m->sdp));
	for(i = 0; i < n; i++) {
		at = command_put(at, &job->wishes[i].id, m->orders.items[i].id);
		job->wishes[i].action = action_of(m->orders.items[i].action);
	}
	return job;
}

/* Enters the dialog, parks the INVITE and hands over. */
static int hand_over(struct sip_msg *msg, struct context *c, struct manage_job *job)
{
	int process = post_process_of(POST_QUEUE, job->aor);

	context_keep(msg, c);
	switch(dialog_open(
			msg, process, NULL, DIALOG_TAGS_NONE, &job->dialog, &job->request.transaction)) {
		case DIALOG_OPENED:
			break;
		case DIALOG_ABSORBED:
		case DIALOG_REPLIED:
			shm_free(job);
			return 0;
		case DIALOG_FAILED:
		default:
			shm_free(job);
			c->reason = "busy";
			return -2;
	}
	if(post_to(POST_QUEUE, process, job))
		return 0;
	dialog_refuse(job->dialog);
	transaction_unpark(&job->request.transaction);
	shm_free(job);
	c->reason = "busy";
	return -2;
}

static int manage_take(struct sip_msg *msg, struct context *c,
		const struct transaction_route *route, struct cpm_arena *arena, struct manage *m)
{
	struct manage_job *job;
	int rc;

	if((rc = orders_read(c, arena, m)) < 0 || (rc = sdp_answer(msg, c, m)) < 0)
		return rc;
	contact_find(msg, m);
	if(!(job = job_make(m))) {
		c->reason = "busy";
		return -2;
	}
	job->request.route = *route;
	return hand_over(msg, c, job);
}

int manage_begin(struct sip_msg *msg, struct context *c, const str *route)
{
	struct transaction_route target;
	struct cpm_arena arena;
	struct manage m = {0};
	int rc;

	if(!transaction_route_find(route, &target)) {
		LM_ERR("cpm_manage_deferred: there is no route[%.*s]\n", route->len, route->s);
		c->reason = "busy";
		return -2;
	}
	if(!context_request(msg, c)) {
		c->reason = "malformed";
		return -1;
	}
	if(!command_user(c, &m.aor))
		return -1;
	if(!queue_available()) {
		c->reason = "store";
		return -2;
	}
	if(!contacts_load(m.aor, &m.contacts))
		return -2;
	cpm_arena_init(&arena, &cpm_allocator_libc, MANAGE_MEMORY);
	rc = manage_take(msg, c, &target, &arena, &m);
	cpm_arena_free(&arena);
	contacts_free(&m.contacts);
	return rc;
}

/* In the queue process. */
static void job_refuse(struct manage_job *job, const char *reason)
{
	dialog_refuse(job->dialog);
	command_refuse(&job->request, reason);
	shm_free(job);
}

static void on_managed(void *context, enum store_rc rc, int64_t waiting, const bool *known)
{
	struct manage_job *job = context;
	struct command_printable id;
	size_t i, unknown = 0;

	if(rc != STORE_OK) {
		job_refuse(job, "store");
		return;
	}
	if(waiting == 0) {
		job_refuse(job, "no-messages");
		return;
	}
	for(i = 0; i < job->wish_count; i++) {
		if(!known || !known[i]) {
			if(++unknown <= MANAGE_LOGGED_MAX)
				LM_NOTICE("event=order_ignored user=%.*s id=%s why=\"no such message of this "
						  "user\"\n",
						USER_FMT(job->aor), command_printable(&id, job->wishes[i].id));
		} else if(job->wishes[i].action == STORE_ACT_DELIVER
				  || job->wishes[i].action == STORE_ACT_INTERWORK)
			job->pushes = true;
	}
	count(managed);
	LM_INFO("event=managed user=%.*s orders=%zu unknown=%zu all=%d waiting=%lld\n",
			USER_FMT(job->aor), job->wish_count, unknown, job->deliver_all, (long long)waiting);
	/* A CANCEL may have been faster than the answer: the orders stand all the same. */
	if(dialog_answer(job->dialog, job->sdp))
		dialog_hang_up(job->dialog);
	if(job->pushes)
		post_trigger(job->aor, job->contact, true, 0);
	shm_free(job);
}

static void manage_run(struct command_job *head, struct store *store, int64_t now)
{
	struct manage_job *job = (struct manage_job *)head;
	struct store_manage manage = {.aor = job->aor,
			.store_ms = storing_first_ms(now),
			.now_ms = now,
			.wishes = job->wishes,
			.wish_count = job->wish_count,
			.deliver_all = job->deliver_all};

	if(!store_manage(store, &manage, on_managed, job))
		job_refuse(job, "store");
}
