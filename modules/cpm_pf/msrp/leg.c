/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A session: its table of states at work, its place in the endpoint's table, its
 * clock.
 */
#include <stdio.h>
#include <stdlib.h>

#include "inside.h"

static struct leg **place_of(struct endpoint *e, const struct leg *leg)
{
	struct cpm_slice session = {leg->session, sizeof(leg->session)};
	struct leg **at = &e->table[cpm_slice_hash(session, 0) & (e->table_size - 1)];

	while(*at && *at != leg)
		at = &(*at)->table_next;
	return at;
}

static bool path_make(struct leg *leg, const struct endpoint_place *place)
{
	const char *host = leg->endpoint->config->host ? leg->endpoint->config->host : place->address;
	struct cpm_msrp_uri uri = {.tls = place->tls,
			.host = cpm_slice_of(host),
			.bracketed = strchr(host, ':') != NULL,
			.port = place->port,
			.session = {leg->session, sizeof(leg->session)},
			.transport = CPM_SLICE("tcp")};
	struct cpm_buf b;

	cpm_buf_init_fixed(&b, leg->path, sizeof(leg->path));
	cpm_msrp_uri_add(&b, &uri);
	leg->path_length = b.n;
	return !b.rc;
}

struct leg *leg_open(struct endpoint *e, const struct leg_config *config)
{
	struct endpoint_place place;
	struct leg *leg;

	if(e->statistics.legs >= e->config->max_legs
			|| !endpoint_place(e, config->tls, config->ipv6, &place)
			|| !(leg = calloc(1, sizeof(*leg))))
		return NULL;
	leg->endpoint = e;
	leg->tls = config->tls;
	leg->hooks = config->hooks;
	leg->owner = config->owner;
	leg->max_bytes = config->max_bytes;
	leg->accept_types = config->accept_types;
	leg->converses = config->converses;
	leg->opened_ms = leg->waiting_ms = leg->active_ms = e->now_ms;
	endpoint_id(leg->session);
	if(!path_make(leg, &place)) {
		free(leg);
		return NULL;
	}
	*place_of(e, leg) = leg;
	e->statistics.legs++;
	return leg;
}

struct cpm_slice leg_path(const struct leg *leg)
{
	return (struct cpm_slice){leg->path, leg->path_length};
}

enum leg_state leg_state(const struct leg *leg)
{
	return leg->state;
}

bool leg_relayed(const struct leg *leg)
{
	return leg->peer_hops > 1;
}

void leg_hand_over(struct leg *leg, const struct leg_hooks *hooks, void *owner)
{
	leg->hooks = hooks;
	leg->owner = owner;
}

void leg_release(struct leg *leg)
{
	intake_release(leg);
	outgo_release(leg);
	free(leg->peer_path);
	free(leg);
}

/* Out of the table and off its channel; freed at the end of the turn, so that whoever is above us
 * on the stack can still look at it. */
static void leg_leave(struct leg *leg)
{
	struct endpoint *e = leg->endpoint;

	*place_of(e, leg) = leg->table_next;
	if(leg->channel)
		channel_detach(leg->channel, leg);
	e->statistics.legs--;
	leg->channel_next = e->gone;
	e->gone = leg;
}

static void leg_lose(struct leg *leg, enum leg_loss why)
{
	leg_leave(leg);
	if(leg->hooks->lost)
		leg->hooks->lost(leg->owner, leg, why);
}

static void leg_event(struct leg *leg, enum leg_event event, enum leg_loss why)
{
	switch(leg_next(&leg->state, event)) {
		case LEG_WAIT:
			leg->waiting_ms = leg->endpoint->now_ms;
			break;
		case LEG_GREET:
			outgo_greet(leg);
			/* fall through */
		case LEG_WELCOME:
			leg->active_ms = leg->endpoint->now_ms;
			if(leg->hooks->bound)
				leg->hooks->bound(leg->owner, leg);
			/* What waits to be sent goes out in the channel's turn, behind the answer to the request
			 * that bound the leg. */
			if(leg->state == LEG_BOUND)
				endpoint_todo(leg->endpoint, leg->channel);
			break;
		case LEG_LOSE:
			leg_lose(leg, why);
			break;
		case LEG_FREE:
			leg_leave(leg);
			break;
		case LEG_CONNECT: /* leg_dial has done it */
		case LEG_NOTHING:
			break;
	}
}

static bool peer_path_set(struct leg *leg, struct cpm_slice path)
{
	size_t hops = cpm_msrp_path_count(path);
	char *copy;

	if(!hops || path.n > leg->endpoint->config->limits.max_line || !(copy = malloc(path.n)))
		return false;
	memcpy(copy, path.p, path.n);
	free(leg->peer_path);
	leg->peer_path = copy;
	leg->peer_path_length = path.n;
	leg->peer_hops = hops;
	return true;
}

bool leg_listen(struct leg *leg, struct cpm_slice peer_path)
{
	if(!peer_path_set(leg, peer_path))
		return false;
	leg_event(leg, LEG_LISTEN, LEG_LOST_ABSENT);
	outgo_pump(leg);
	return true;
}

bool leg_dial(struct leg *leg, struct cpm_slice peer_path, struct cpm_slice address, unsigned port)
{
	struct cpm_msrp_uri uri;
	struct channel *c;

	if(leg->state != LEG_IDLE || !peer_path_set(leg, peer_path)
			|| cpm_msrp_uri_parse(cpm_msrp_path_first(peer_path), &uri))
		return false;
	c = channel_dial(leg->endpoint, address, port, leg->tls, uri.host);
	if(!c)
		return false;
	channel_attach(c, leg);
	leg_event(leg, LEG_DIAL, LEG_LOST_REFUSED);
	return true;
}

void leg_up(struct leg *leg)
{
	leg_event(leg, LEG_UP, LEG_LOST_REFUSED);
}

void leg_called(struct leg *leg, struct channel *c)
{
	channel_attach(c, leg);
	leg_event(leg, LEG_CALLED, LEG_LOST_CLOSED);
}

void leg_move(struct leg *leg, struct channel *c)
{
	channel_detach(leg->channel, leg);
	leg_called(leg, c);
}

void leg_down(struct leg *leg, enum leg_loss why)
{
	leg_event(leg, LEG_DOWN, why);
}

void leg_close(struct leg **leg)
{
	struct leg *l = *leg;

	*leg = NULL;
	if(l)
		leg_event(l, LEG_CLOSE, LEG_LOST_CLOSED);
}

void leg_pause(struct leg *leg)
{
	if(leg->channel)
		channel_pause(leg->channel, leg);
}

void leg_resume(struct leg *leg)
{
	if(leg->channel)
		channel_resume(leg->channel, leg);
}

bool leg_paused(const struct leg *leg)
{
	return leg->channel && leg->channel->paused;
}

bool leg_shares(const struct leg *one, const struct leg *other)
{
	return one->channel && one->channel == other->channel;
}

/* Nothing comes although something should. */
static bool idle(const struct leg *leg, int64_t now_ms)
{
	if(leg->state != LEG_BOUND || leg->outgoings || leg->channel->paused
			|| intake_count(leg, INTAKE_WHOLE)
			|| (leg->converses && !intake_count(leg, INTAKE_TAKING)))
		return false;
	return now_ms - leg->active_ms > leg->endpoint->config->idle_ms;
}

void leg_sweep(struct leg *leg, int64_t now_ms)
{
	const struct endpoint_config *config = leg->endpoint->config;

	if(leg->state == LEG_GONE)
		return;
	if(!leg->converses && now_ms - leg->opened_ms > config->life_ms)
		leg_event(leg, LEG_LATE, LEG_LOST_EXPIRED);
	else if((leg->state == LEG_AWAITED || (leg->state == LEG_IDLE && !leg->converses))
			&& now_ms - leg->waiting_ms > config->bind_ms)
		leg_event(leg, LEG_LATE, LEG_LOST_ABSENT);
	else if(idle(leg, now_ms))
		leg_event(leg, LEG_LATE, LEG_LOST_IDLE);
	else if(leg->state == LEG_BOUND)
		outgo_sweep(leg, now_ms);
}

const char *leg_loss_name(enum leg_loss why)
{
	static const char *const names[] = {"refused", "absent", "closed", "broken", "idle", "expired"};

	return why <= LEG_LOST_EXPIRED ? names[why] : "?";
}
