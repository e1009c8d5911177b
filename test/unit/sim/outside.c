/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What nodes may ask of the world, and what can be seen of them from there:
 * what phones, senders and the ISF get is checked here.
 */
#include "world.h"

#include "core/codec/imdn.h"
#include "unit.h"

/* A push that nobody answers: tm gives up. */
#define TM_TIMEOUT_MS (32 * SIM_SECOND)

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

/* Nodes have one world; what is called on their behalf has no other way to say which. */
static struct world *the_world;

void world_open(struct world *w)
{
	the_world = w;
}

static int user_of(const struct world *w, struct cpm_slice aor)
{
	for(int i = 0; i < w->user_count; i++)
		if(cpm_slice_eq(world_aor(w, i), aor))
			return i;
	ck_abort_msg("a user that is none: %.*s", (int)aor.n, aor.p);
}

bool flight_sound(const struct world *w, const struct flight *f)
{
	const struct node *n = &w->fleet.nodes[f->node];

	return n->alive && n->life == f->life && n->fault_ms < f->sent_ms;
}

/* The sender hears 202, or an error after which it tries again, or gives up. */
static void on_stored(int node, void *context, enum store_rc rc, struct cpm_slice id)
{
	struct world *w = the_world;
	struct message *m = context;

	(void)node;
	if((rc == STORE_OK || rc == STORE_DUPLICATE) && !message_has_id(m, id.p, id.n))
		world_fail(w, m, "taken for another message");
	if(rc == STORE_DUPLICATE && m->tries == 1)
		world_fail(w, m, "taken for a repeat, and it is none");
	if(rc == STORE_OK || rc == STORE_DUPLICATE)
		m->accepted = true;
	else if(rc == STORE_QUOTA)
		m->refused = true;
	else
		world_event(w, 5 * SIM_SECOND, (struct event){.kind = EVENT_RESEND, .message = m});
}

/* Phones */

static struct phone *phone_of(struct world *w, int user, struct cpm_slice uri)
{
	struct user *u = &w->users[user];

	for(int i = 0; i < u->phone_count; i++)
		if(cpm_slice_eq(cpm_slice_of(u->phones[i].uri), uri))
			return &u->phones[i];
	world_fail(w, NULL, "%s is sent a message at %.*s", u->aor, (int)uri.n, uri.p);
}

/* What a phone answers, and when; 0: never. */
static int answer_of(
		struct world *w, const struct phone *p, const struct message *m, int64_t *delay_ms)
{
	enum manner manner = p->manner;

	*delay_ms = 20 + (int64_t)world_random(w, 200);
	if(!p->registered)
		manner = world_chance(w, 500) ? MANNER_SILENT : MANNER_BUSY;
	switch(manner) {
		case MANNER_SLOW:
			*delay_ms += (int64_t)world_random(w, (uint64_t)(20 * SIM_SECOND));
			return 200;
		case MANNER_BUSY:
			return 480;
		case MANNER_REFUSES:
			return m->serial % 3 ? 200 : 603;
		case MANNER_SILENT:
			*delay_ms = TM_TIMEOUT_MS;
			return !w->smooth && !w->calm && world_chance(w, 100) ? 0 : 408;
		default:
			return 200;
	}
}

static size_t node_contacts(struct cpm_slice aor, struct cpm_slice uris[NODE_PHONES_MAX])
{
	const struct user *u = &the_world->users[user_of(the_world, aor)];
	size_t n = 0;

	for(int i = 0; i < u->phone_count; i++)
		if(u->phones[i].registered)
			uris[n++] = cpm_slice_of(u->phones[i].uri);
	return n;
}

/* Pushes, as the network sees them */

static struct flight *flight_new(struct world *w, int node, struct message *m, uint64_t ticket)
{
	for(size_t i = 0; i < SIM_FLIGHTS_MAX; i++)
		if(!w->flights[i].used) {
			w->flights[i] = (struct flight){
					true, node, m->user, w->fleet.nodes[node].life, m, w->now_ms, ticket};
			return &w->flights[i];
		}
	world_fail(w, m, "too many pushes under way");
}

static void check_alone(struct world *w, int node, const struct message *m)
{
	int mine = 0;

	for(size_t i = 0; i < SIM_FLIGHTS_MAX; i++) {
		const struct flight *f = &w->flights[i];

		if(!f->used || f->user != m->user || !flight_sound(w, f))
			continue;
		if(f->message == m)
			world_fail(w, m, "it is sent, and is under way already");
		if(f->node != node)
			world_fail(w, m, "nodes %d and %d push to one user", f->node, node);
		mine++;
	}
	if(mine >= w->window)
		world_fail(w, m, "more than %d under way", w->window);
}

/* With a window of one, nothing that waits without a stain is overtaken. */
static void check_order(struct world *w, const struct message *m)
{
	if(w->window > 1 || m->jumps)
		return;
	for(size_t i = 0; i < w->message_count; i++) {
		const struct message *o = w->messages[i];

		if(o->user == m->user && !o->ended && o->arrival < m->arrival && !o->jumps && !o->damaged
				&& o->place & PLACE_WAITING && o->expires_ms > w->latest_ms && !o->took)
			world_fail(w, m, "it overtakes %s", o->ids[o->stored]);
	}
}

static struct message *message_of(struct world *w, const struct cpm_record *r)
{
	struct message *m = world_find(w, r->id.p, r->id.n);

	if(!m || m->damaged)
		world_fail(w, m, "it is sent, and nobody sent it: %.*s", (int)r->id.n, r->id.p);
	return m;
}

/* Has nothing gone wrong with the node through which a phone took it, since then? */
static bool took_sound(const struct world *w, const struct message *m)
{
	const struct node *n = &w->fleet.nodes[m->took_node];

	return n->alive && n->life == m->took_life && n->fault_ms < m->took_ms;
}

static void check_repeat(struct world *w, const struct message *m)
{
	if(!m->took)
		return;
	w->repeats++;
	if(took_sound(w, m))
		world_fail(w, m, "it was taken %lld ms ago, and is sent again",
				(long long)(w->now_ms - m->took_ms));
}

static void answer_later(struct world *w, int node, uint64_t ticket, int status, int64_t delay_ms)
{
	world_event(w, delay_ms,
			(struct event){.kind = EVENT_ANSWER,
					.a = node,
					.life = w->fleet.nodes[node].life,
					.ticket = ticket,
					.status = status});
}

/* Now and then an answer gets lost between the processes of a node. */
static void answer_or_lose(struct world *w, int node, uint64_t ticket, int status, int64_t delay_ms)
{
	if(!w->smooth && !w->calm && world_chance(w, 20))
		w->fleet.nodes[node].fault_ms = w->now_ms;
	else
		answer_later(w, node, ticket, status, delay_ms);
}

static void node_push(int node, const struct cpm_record *record, struct cpm_slice body,
		struct cpm_slice contact, uint64_t ticket)
{
	struct world *w = the_world;
	struct message *m = message_of(w, record);
	const struct phone *p = phone_of(w, m->user, contact);
	int64_t delay;
	int status = answer_of(w, p, m, &delay);

	if(!cpm_slice_starts(body, CPM_SLICE("From: <sip:alice@example.net>")))
		world_fail(w, m, "its body is not what was sent");
	if(!m->kept && m->expires_ms <= world_clock(w, node))
		world_fail(w, m, "it is sent, and has expired");
	world_say(w, "node %d sends %s to %s: %d after %lld ms", node, m->ids[0], p->uri, status,
			(long long)delay);
	check_repeat(w, m);
	check_alone(w, node, m);
	check_order(w, m);
	w->pushed++;
	m->pushes++;
	flight_new(w, node, m, ticket);
	if(status == 200) {
		m->took = true;
		m->took_ms = w->now_ms;
		m->took_node = node;
		m->took_life = w->fleet.nodes[node].life;
		if(!w->smooth && world_chance(w, 10)) {
			/* The answer is lost on its way: the phone has it, and nobody knows. */
			w->fleet.nodes[node].fault_ms = w->now_ms;
			status = 408;
			delay = TM_TIMEOUT_MS;
		}
	}
	if(status) {
		answer_later(w, node, ticket, status, delay);
	} else {
		w->fleet.nodes[node].fault_ms = w->now_ms;
		m->jumps = true;
	}
}

static void node_interwork(
		int node, const struct cpm_record *record, struct cpm_slice body, uint64_t ticket)
{
	struct world *w = the_world;
	struct message *m = message_of(w, record);
	int status = world_chance(w, 800) || w->calm ? 200 : 503;

	(void)body;
	world_say(w, "node %d sends %s to the ISF: %d", node, m->ids[0], status);
	m->isf_took |= status == 200;
	w->interworked++;
	answer_or_lose(w, node, ticket, status, 30);
}

/* Reports, as the sender sees them */

static void node_report(int node, struct cpm_slice uri, struct cpm_slice body, uint64_t ticket)
{
	struct world *w = the_world;
	struct cpm_arena arena;
	struct cpm_cpim cpim;
	struct cpm_imdn imdn;
	struct message *m;
	int status = w->calm || world_chance(w, 700) ? 200 : world_chance(w, 500) ? 480 : 408;

	cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
	if(!cpm_slice_eq(uri, CPM_SLICE("sip:alice@example.net"))
			|| cpm_cpim_parse(body, &limits, &cpim, NULL)
			|| cpm_imdn_parse(cpim.content, &limits, &arena, &imdn, NULL))
		world_fail(w, NULL, "a report that cannot be read");
	m = world_find(w, imdn.message_id.p, imdn.message_id.n);
	if(!m || imdn.kind != CPM_IMDN_DELIVERY || imdn.status != CPM_IMDN_FAILED)
		world_fail(w, m, "a report about nothing");
	cpm_arena_free(&arena);
	/* The end and its report may come in one step: that it has ended is looked at after it. */
	m->reported = true;
	if(!(m->wants & CPM_WANT_NEGATIVE)
			|| !(m->expires_ms <= w->latest_ms || m->delete_wanted || m->expire_wanted))
		world_fail(w, m, "its sender hears of a failure that was none, or that it did not ask for");
	world_say(w, "node %d reports the failure of %s: %d", node, m->ids[0], status);
	if(m->took && took_sound(w, m))
		world_fail(w, m, "its sender hears of a failure, and a phone has it");
	if(m->failures_reported) {
		const struct node *n = &w->fleet.nodes[m->report_node];

		/* Claims run out by the clocks of those who look. */
		if(n->alive && n->life == m->report_life && n->fault_ms < m->report_ms
				&& w->skewed_ms < m->report_ms - 2 * SIM_MINUTE)
			world_fail(w, m, "its sender hears twice of one end");
	}
	w->reports++;
	if(status == 200) {
		m->failures_reported++;
		m->report_ms = w->now_ms;
		m->report_node = node;
		m->report_life = w->fleet.nodes[node].life;
	}
	answer_or_lose(w, node, ticket, status, status == 408 ? TM_TIMEOUT_MS : 40);
}

static int64_t node_notify(int node, struct cpm_slice aor)
{
	struct world *w = the_world;
	struct user *u = &w->users[user_of(w, aor)];

	if(world_chance(w, 100) && !w->calm)
		return world_clock(w, node) + SIM_MINUTE;
	world_say(w, "%s is notified", u->aor);
	u->notified++;
	w->notifications++;
	return 0;
}

static bool node_take_expired(struct cpm_slice id)
{
	return id.p[0] == 'a';
}

/* Documents */

static enum xdm_state node_documents(struct cpm_slice aor, struct xdm_entry **entry)
{
	struct world *w = the_world;
	const struct user *u = &w->users[user_of(w, aor)];

	*entry = NULL;
	if(!w->calm && world_chance(w, 50))
		return XDM_MISS;
	*entry = &w->documents[u->keeps][u->quiet];
	(*entry)->references++;
	return XDM_FRESH;
}

static bool node_documents_wait(int node, struct cpm_slice aor, uint64_t ticket)
{
	struct world *w = the_world;

	if(!w->calm && world_chance(w, 20))
		return false;
	world_event(w, 5 + (int64_t)world_random(w, 100),
			(struct event){.kind = EVENT_DOCUMENTS,
					.a = node,
					.b = user_of(w, aor),
					.life = w->fleet.nodes[node].life,
					.ticket = ticket});
	return true;
}

/* Leases and the clock */

static void node_lease(int node, struct cpm_slice aor, struct cpm_slice token, int64_t lease_ms)
{
	struct world *w = the_world;
	struct lease_call *c = &w->leases[w->lease_count];
	int user = user_of(w, aor);

	if(w->lease_count == SIM_LEASES_MAX)
		world_fail(w, NULL, "too many calls in a step");
	*c = (struct lease_call){.user = user, .node = node, .lease_ms = lease_ms};
	snprintf(c->token, sizeof(c->token), "%.*s", (int)token.n, token.p);
	memcpy(w->tokens[user][node], c->token, sizeof(c->token));
	w->lease_count++;
	world_say(w, "node %d asks for %s", node, w->users[user].aor);
}

static int64_t node_lease_left(struct cpm_slice aor)
{
	const struct user *u = &the_world->users[user_of(the_world, aor)];

	return u->lease_end_ms > the_world->now_ms ? u->lease_end_ms - the_world->now_ms : 1;
}

static int64_t node_now(int node)
{
	return the_world->now_ms + the_world->fleet.nodes[node].skew_ms;
}

static int64_t node_steady(void)
{
	return the_world->now_ms;
}

static void node_log(int node, const char *level, const char *text)
{
	world_say(the_world, "node %d: %s: %.*s", node, level, (int)strcspn(text, "\n"), text);
}

const struct node_world world_callbacks = {node_now, node_steady, node_log, node_contacts,
		node_documents, node_documents_wait, node_push, node_interwork, node_report, node_notify,
		node_take_expired, on_stored, node_lease, node_lease_left};
