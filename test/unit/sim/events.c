/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What happens in a world: messages come, phones come and go, answers arrive,
 * users and operators want something, nodes fail.
 */
#include "world.h"

#include "redis/admin.h"
#include "unit.h"

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

/* Nodes */

static int some_node(struct world *w)
{
	int node = (int)world_random(w, (uint64_t)w->fleet.count);

	for(int i = 0; i < w->fleet.count; i++) {
		int n = (node + i) % w->fleet.count;

		if(node_runs(&w->fleet.nodes[n], w->now_ms))
			return n;
	}
	return -1;
}

struct cpm_slice world_aor(const struct world *w, int user)
{
	return cpm_slice_of(w->users[user].aor);
}

/* Senders */

static void build_texts(const struct world *w, const struct message *m, struct cpm_buf *record,
		struct cpm_buf *body)
{
	const struct user *u = &w->users[m->user];
	const char *id = m->ids[m->tries - 1];
	struct cpm_record r = {.id = cpm_slice_of(id),
			.host = CPM_SLICE("pf.example.net"),
			.aor = cpm_slice_of(u->aor),
			.originator = CPM_SLICE("sip:alice@example.net"),
			.arrived_ms = m->arrived_ms,
			.expires_ms = m->expires_ms,
			.wants = m->wants,
			.imdn_id = cpm_slice_of(m->ids[0]),
			.from = CPM_SLICE("<sip:alice@example.net>"),
			.to = cpm_slice_of(u->aor),
			.content_type = CPM_SLICE("message/cpim")};

	cpm_buf_add_str(body, "From: <sip:alice@example.net>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
						  "imdn.Message-ID: ");
	cpm_buf_add_str(body, m->ids[0]);
	cpm_buf_add_str(body, "\r\n\r\nContent-Type: text/plain\r\n\r\nHello");
	r.size = body->n;
	if(m->damaged)
		cpm_buf_add_str(record, "cpm-record: 99\n");
	else
		ck_assert_int_eq(cpm_record_build(&r, &limits, record, NULL), CPM_OK);
}

static void offer(struct world *w, struct message *m)
{
	int node = some_node(w);
	char record_memory[2048], body_memory[1024];
	struct cpm_buf record, body;
	struct store_put put;

	world_give_id(w, m);
	cpm_buf_init_fixed(&record, record_memory, sizeof(record_memory));
	cpm_buf_init_fixed(&body, body_memory, sizeof(body_memory));
	build_texts(w, m, &record, &body);
	put = (struct store_put){.id = cpm_slice_of(m->ids[m->tries - 1]),
			.aor = world_aor(w, m->user),
			.now_ms = node < 0 ? w->now_ms : world_clock(w, node),
			.expires_ms = m->expires_ms,
			.identity = cpm_slice_of(m->ids[0]),
			.identity_ttl_ms = SIM_DAY,
			.place = w->users[m->user].pulls ? STORE_TO_PULL : STORE_TO_PUSH,
			.notify_ms = w->users[m->user].pulls ? w->now_ms : 0,
			.record = cpm_buf_slice(&record),
			.body = cpm_buf_slice(&body)};
	m->jumps |= m->tries > 1; /* it may come behind later ones */
	world_say(w, "message %s to %s by node %d", m->ids[m->tries - 1], w->users[m->user].aor, node);
	if(node < 0 || !w->fleet.nodes[node].api->put(&put, CPM_CAUSE_OFFLINE, m))
		world_event(w, SIM_MINUTE, (struct event){.kind = EVENT_RESEND, .message = m});
}

static void resend(struct world *w, struct message *m)
{
	if(m->tries == SIM_TRIES_MAX || m->accepted || m->expires_ms <= w->now_ms)
		m->given_up = !m->accepted;
	else
		offer(w, m);
}

static int64_t some_expiry(struct world *w)
{
	switch(world_random(w, 4)) {
		case 0:
			return SIM_SECOND + (int64_t)world_random(w, (uint64_t)SIM_MINUTE);
		case 1:
			return (int64_t)world_random(w, (uint64_t)SIM_HOUR) + SIM_MINUTE;
		default:
			return (int64_t)world_random(w, 3 * (uint64_t)SIM_DAY) + SIM_HOUR;
	}
}

static void arrive(struct world *w, int user)
{
	struct message *m = calloc(1, sizeof(*m));

	if(w->message_count == w->message_room)
		world_fail(w, NULL, "too many messages");
	*m = (struct message){.user = user,
			.stored = -1,
			.serial = (int64_t)w->message_count,
			.arrived_ms = w->now_ms,
			.expires_ms = w->now_ms + some_expiry(w),
			.wants = (unsigned)world_random(w, 16),
			.damaged = world_chance(w, 5)};
	w->messages[w->message_count++] = m;
	offer(w, m);
}

/* Bursts of a few, to one user or to several. */
static void arrivals(struct world *w)
{
	int n = world_chance(w, 200) ? 1 + (int)world_random(w, 8) : 1;
	int user = (int)world_random(w, (uint64_t)w->user_count);

	for(int i = 0; i < n; i++) {
		world_event(w, 2 * i, (struct event){.kind = EVENT_MESSAGE, .a = user});
		if(world_chance(w, 300))
			user = (int)world_random(w, (uint64_t)w->user_count);
	}
	if(w->now_ms < w->end_ms && !w->calm)
		world_event(w, (int64_t)world_random(w, (uint64_t)(40 * SIM_MINUTE)),
				(struct event){.kind = EVENT_ARRIVAL});
}

/* Phones */

static void trigger(struct world *w, int user, const struct phone *p, bool anew)
{
	int node = some_node(w);

	if(node >= 0)
		w->fleet.nodes[node].api->trigger(world_aor(w, user), cpm_slice_of(p->uri), anew, anew, 0);
}

void world_phone_comes(struct world *w, int user, int phone)
{
	struct phone *p = &w->users[user].phones[phone];

	/* Nobody answers its REGISTER. */
	if(some_node(w) < 0)
		return;
	p->registered = true;
	p->since_ms = w->now_ms;
	p->manner = w->calm ? MANNER_GOOD : (enum manner)world_random(w, MANNERS);
	world_say(w, "%s registers, manner %d", p->uri, p->manner);
	trigger(w, user, p, true);
	/* Its REGISTER was forked, or it sent another one elsewhere. */
	if(world_chance(w, 200))
		trigger(w, user, p, true);
	world_event(w, SIM_HOUR, (struct event){.kind = EVENT_REFRESH, .a = user, .b = phone});
}

static void phone_goes(struct world *w, int user, int phone)
{
	world_say(w, "%s goes", w->users[user].phones[phone].uri);
	w->users[user].phones[phone].registered = false;
	w->users[user].phones[phone].since_ms = w->now_ms;
}

static void phone_event(struct world *w, int user, int phone)
{
	const struct phone *p = &w->users[user].phones[phone];
	int64_t span = p->manner == MANNER_FLAPS ? SIM_MINUTE : 12 * SIM_HOUR;

	if(w->calm)
		return;
	if(p->registered)
		phone_goes(w, user, phone);
	else
		world_phone_comes(w, user, phone);
	world_event(w, SIM_SECOND + (int64_t)world_random(w, (uint64_t)span),
			(struct event){.kind = EVENT_PHONE, .a = user, .b = phone});
}

static void phone_refreshes(struct world *w, int user, int phone)
{
	const struct phone *p = &w->users[user].phones[phone];

	if(!p->registered || w->unprompted)
		return;
	trigger(w, user, p, false);
	world_event(w, SIM_HOUR, (struct event){.kind = EVENT_REFRESH, .a = user, .b = phone});
}

/* Answers on their way */

static void answered(struct world *w, const struct event *e)
{
	struct node *n = &w->fleet.nodes[e->a];

	if(n->life != e->life || !n->alive)
		return;
	if(n->frozen_until_ms > w->now_ms) {
		/* It lies in the node's mailbox. */
		world_event(w, n->frozen_until_ms - w->now_ms, *e);
		return;
	}
	for(size_t i = 0; i < SIM_FLIGHTS_MAX; i++) {
		struct flight *f = &w->flights[i];

		if(!f->used || f->node != e->a || f->ticket != e->ticket || f->life != e->life)
			continue;
		f->used = false;
		f->message->jumps |= e->status != 200;
	}
	n->api->answer(e->ticket, e->status);
}

static void documents_come(struct world *w, const struct event *e)
{
	struct node *n = &w->fleet.nodes[e->a];
	const struct user *u = &w->users[e->b];
	struct xdm_entry *entry = &w->documents[u->keeps][u->quiet];

	if(n->life != e->life || !n->alive)
		return;
	if(n->frozen_until_ms > w->now_ms) {
		world_event(w, n->frozen_until_ms - w->now_ms, *e);
		return;
	}
	entry->references++;
	n->api->documents(world_aor(w, e->b), e->ticket, XDM_FRESH, entry);
}

static void quiet_changes(struct world *w, int user)
{
	struct user *u = &w->users[user];

	if(!w->calm) {
		u->quiet = (enum quiet)world_random(w, QUIETS);
		u->quiet_since_ms = w->now_ms;
		world_event(w, (int64_t)world_random(w, (uint64_t)SIM_DAY),
				(struct event){.kind = EVENT_QUIET, .a = user});
	}
}

/* Orders of users and of operators */

/* A message of a user that is in the store, or NULL. */
static struct message *some_message(struct world *w, int user)
{
	struct message *chosen = NULL;
	uint64_t n = 0;

	for(size_t i = 0; i < w->message_count; i++) {
		struct message *m = w->messages[i];

		if(m->user == user && m->stored >= 0 && !m->ended && world_random(w, ++n) == 0)
			chosen = m;
	}
	return chosen;
}

static void orders(struct world *w)
{
	int user = (int)world_random(w, (uint64_t)w->user_count), node = some_node(w);
	struct store_wish wishes[4];
	struct store_manage manage = {.aor = world_aor(w, user),
			.now_ms = node < 0 ? w->now_ms : world_clock(w, node),
			.wishes = wishes,
			.deliver_all = world_chance(w, 300)};

	if(!w->calm)
		world_event(w, (int64_t)world_random(w, (uint64_t)(2 * SIM_HOUR)),
				(struct event){.kind = EVENT_ORDERS});
	while(!manage.deliver_all && manage.wish_count < 4) {
		/* Also of others: those are not its to order. */
		bool foreign = world_chance(w, 100);
		struct message *m = some_message(w, foreign ? (user + 1) % w->user_count : user);
		enum store_action action = (enum store_action)world_random(w, STORE_ACT_STORE);

		if(!m)
			break;
		m->delete_wanted |= action == STORE_ACT_DELETE && m->user == user;
		m->jumps |= m->user == user;
		wishes[manage.wish_count++] = (struct store_wish){cpm_slice_of(m->ids[m->stored]), action};
	}
	if(node < 0 || (!manage.wish_count && !manage.deliver_all))
		return;
	for(size_t i = 0; manage.deliver_all && i < w->message_count; i++)
		w->messages[i]->jumps |= w->messages[i]->user == user;
	world_say(
			w, "%s orders %zu, all: %d", w->users[user].aor, manage.wish_count, manage.deliver_all);
	if(w->fleet.nodes[node].api->manage(&manage))
		w->fleet.nodes[node].api->trigger(
				manage.aor, CPM_SLICE_NONE, true, false, manage.now_ms + 100);
}

static void operator_acts(struct world *w)
{
	const struct store_config config = {.address = w->server->address,
			.prefix = "cpm",
			.shards = w->shards,
			.timeout_ms = 10000,
			.ttl_grace_ms = SIM_DAY,
			.limits = &limits};
	struct message *m = some_message(w, (int)world_random(w, (uint64_t)w->user_count));
	enum admin_verb verb = (enum admin_verb)world_random(w, ADMIN_REQUEUE + 1);
	const char *error = NULL;
	size_t touched;

	if(!w->calm)
		world_event(w, (int64_t)world_random(w, 8 * (uint64_t)SIM_HOUR),
				(struct event){.kind = EVENT_OPERATOR});
	if(!m)
		return;
	m->jumps = true;
	m->delete_wanted |= verb == ADMIN_DELETE;
	m->expire_wanted |= verb == ADMIN_EXPIRE;
	world_say(w, "operator: %d of %s", verb, m->ids[m->stored]);
	if(admin_act(&config, verb, cpm_slice_of(m->ids[m->stored]), CPM_SLICE_NONE, w->now_ms,
			   &touched, &error)
			< 0)
		world_fail(w, m, "the operator cannot act: %s", error);
	w->touched = true;
}

void world_happen(struct world *w, const struct event *e)
{
	w->digest = (w->digest ^ (uint64_t)e->at_ms) * UINT64_C(0x100000001b3) + (uint64_t)e->kind;
	switch(e->kind) {
		case EVENT_ARRIVAL:
			arrivals(w);
			break;
		case EVENT_MESSAGE:
			arrive(w, e->a);
			break;
		case EVENT_RESEND:
			resend(w, e->message);
			break;
		case EVENT_ANSWER:
			answered(w, e);
			break;
		case EVENT_DOCUMENTS:
			documents_come(w, e);
			break;
		case EVENT_PHONE:
			phone_event(w, e->a, e->b);
			break;
		case EVENT_REFRESH:
			phone_refreshes(w, e->a, e->b);
			break;
		case EVENT_QUIET:
			quiet_changes(w, e->a);
			break;
		case EVENT_ORDERS:
			orders(w);
			break;
		case EVENT_OPERATOR:
			operator_acts(w);
			break;
		case EVENT_FAULT:
			trouble_begins(w);
			break;
		case EVENT_MEND:
			world_mend(w, e->a);
			break;
		case EVENT_LEASE:
			trouble_lease_ends(w, e->a);
			break;
		case EVENT_ROLLBACK:
			trouble_rolls_back(w);
			break;
		case EVENT_LOOK:
			ledger_look(w);
			break;
	}
}
