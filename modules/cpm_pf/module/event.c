/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Runs event routes on a message made for them.
 */
#include "event.h"

#include "../../core/action.h"
#include "../../core/dset.h"
#include "../../core/kemi.h"
#include "../../core/pt.h"
#include "../../core/receive.h"
#include "../../core/route.h"
#include "../sip/message.h"
#include "context.h"
#include "settings.h"

/* Like Kamailio's own limit for a datagram. */
#define EVENT_MESSAGE_MAX 131072

static const char *const names[EVENTS] = {
		[EVENT_DEFERRED] = "cpm_pf:deferred",
		[EVENT_DELIVERED] = "cpm_pf:delivered",
		[EVENT_EXPIRED] = "cpm_pf:expired",
		[EVENT_UNDELIVERED] = "cpm_pf:undelivered",
		[EVENT_NOTIFY_OOB] = "cpm_pf:notify-oob",
};

static int routes[EVENTS]; /* in event_rt; -1: none */
static bool by_callback;

/* Kamailio's lexer knows no underscore before the colon: it drops what stands up to it, and the route is called "pf:...". */
static int route_find(const char *name)
{
	int route = route_lookup(&event_rt, (char *)name);

	if(route < 0)
		route = route_lookup(&event_rt, strchr(name, '_') + 1);
	return route >= 0 && event_rt.rlist[route] ? route : -1;
}

bool event_init(void)
{
	size_t i;

	by_callback = settings.event_callback[0] != '\0';
	if(by_callback && !sr_kemi_eng_get()) {
		LM_ERR("parameter event_callback is for KEMI scripts: write event_route[%s] and the like "
			   "instead\n",
				names[EVENT_EXPIRED]);
		return false;
	}
	for(i = 0; i < EVENTS; i++)
		routes[i] = by_callback ? -1 : route_find(names[i]);
	return true;
}

bool event_wanted(enum event_kind kind)
{
	return by_callback || routes[kind] >= 0;
}

static void text_build(struct cpm_buf *out, const struct event_facts *facts)
{
	struct cpm_record least = {.aor = facts->user,
			.request_uri = facts->user,
			.from = facts->user,
			.to = facts->user,
			.id = CPM_SLICE("event")};

	cpm_buf_reset(out);
	message_add_text(facts->record ? facts->record : &least, facts->body, out);
}

static void context_fill(struct sip_msg *msg, enum event_kind kind, const struct event_facts *facts)
{
	struct context *c = context_of(msg);
	const struct cpm_record *r = facts->record;

	c->event = kind == EVENT_EXPIRED ? CONTEXT_EVENT_END : CONTEXT_EVENT;
	context_set_user(c, facts->user);
	c->reason = facts->reason ? facts->reason : "";
	c->status = facts->status;
	c->count = facts->count;
	c->json = facts->json;
	if(!r)
		return;
	context_set_originator(c, r->originator);
	c->facts.anonymous = r->anonymous;
	c->facts_ready = true;
	context_set_rule(c, r->rule);
	context_set_message_id(c, r->id);
}

static void route_run(struct sip_msg *msg, enum event_kind kind)
{
	struct run_act_ctx ctx;
	str callback = {settings.event_callback, (int)strlen(settings.event_callback)};
	str name = {(char *)names[kind], (int)strlen(names[kind])};
	int type = get_route_type();

	set_route_type(EVENT_ROUTE);
	if(by_callback) {
		init_run_actions_ctx(&ctx);
		if(sr_kemi_ctx_route(sr_kemi_eng_get(), &ctx, msg, EVENT_ROUTE, &callback, &name) < 0)
			LM_ERR("event %s: function %s failed\n", names[kind], settings.event_callback);
	} else
		run_top_route(event_rt.rlist[routes[kind]], msg, &ctx);
	set_route_type(type);
}

bool event_run(enum event_kind kind, const struct event_facts *facts)
{
	static struct cpm_buf text;
	static unsigned number;
	struct sip_msg msg;
	bool taken;

	if(!event_wanted(kind))
		return false;
	if(!text.max)
		cpm_buf_init(&text, EVENT_MESSAGE_MAX);
	text_build(&text, facts);
	memset(&msg, 0, sizeof(msg));
	msg.buf = text.p;
	msg.len = (unsigned)text.n;
	msg.set_global_address = default_global_address;
	msg.set_global_port = default_global_port;
	if(text.rc != CPM_OK || parse_msg(msg.buf, msg.len, &msg) != 0) {
		LM_ERR("event %s: no message can be made for it\n", names[kind]);
		free_sip_msg(&msg);
		return false;
	}
	msg.id = ++number;
	msg.pid = my_pid();
	msg.rcv.proto = PROTO_UDP;
	msg.rcv.src_ip.af = msg.rcv.dst_ip.af = AF_INET;
	msg.rcv.src_ip.len = msg.rcv.dst_ip.len = 4;
	msg.rcv.src_ip.u.addr32[0] = msg.rcv.dst_ip.u.addr32[0] = htonl(INADDR_LOOPBACK);
	clear_branches();
	context_forget();
	context_fill(&msg, kind, facts);
	route_run(&msg, kind);
	taken = context_of(&msg)->taken;
	context_forget();
	ksr_msg_env_reset();
	free_sip_msg(&msg);
	return taken;
}
