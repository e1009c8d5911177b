/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Frames of a connection: which leg they are for, what is answered. RFC 4975
 * section 7.3, RFC 6135 section 4.
 */
#include "inside.h"

/* Octets of refused bodies that are read over before the connection is given up: the peer may have
 * a buffer full of them under way when our answer reaches it. */
#define DISCARD_MAX (16u << 20)
/* Refused requests on a connection that serves no session. */
#define ERRORS_MAX 20

/* The answer is wanted: RFC 4975 section 7.1.1. */
static bool answer_wanted(const struct cpm_msrp_head *head, unsigned status)
{
	if(head->kind == CPM_MSRP_RESPONSE || head->kind == CPM_MSRP_REPORT)
		return false;
	return head->responses == CPM_MSRP_ALL || (head->responses == CPM_MSRP_ERRORS && status != 200);
}

void exchange_answer(struct channel *c, unsigned status)
{
	const struct cpm_msrp_head *head = &c->reader.head;
	char memory[CPM_MSRP_END_MAX + 4200];
	struct cpm_buf b;

	if(c->exchange.answered)
		return;
	c->exchange.answered = true;
	if(status != 200) {
		endpoint_count_refusal(c->endpoint, status);
		if(!c->legs && ++c->errors > ERRORS_MAX) {
			channel_fail(c, LEG_LOST_BROKEN, "too many requests for no session of ours");
			return;
		}
	}
	if(!answer_wanted(head, status) || !head->from_path.n || !head->to_path.n)
		return;
	cpm_buf_init_fixed(&b, memory, sizeof(memory));
	cpm_msrp_add_response(&b, head->tid, status, cpm_msrp_path_first(head->from_path),
			cpm_msrp_path_first(head->to_path));
	if(!b.rc)
		channel_queue(c, cpm_buf_slice(&b));
}

/* A session has one connection (RFC 4975 section 5.4). But a relay need not use the one that we
 * made to it for what it passes on to us (RFC 4976): whom it speaks for is known by the path. */
static bool connection_fits(const struct leg *leg, const struct channel *c)
{
	const struct cpm_msrp_head *head = &c->reader.head;

	if(!leg->channel || leg->channel == c)
		return true;
	return leg_relayed(leg) && head->kind != CPM_MSRP_RESPONSE
		   && cpm_msrp_path_eq(
				   head->from_path, (struct cpm_slice){leg->peer_path, leg->peer_path_length});
}

/* The leg that a frame is for, or NULL and *status. We are no relay: what has a next hop behind us
 * is not for us (section 7.3). */
static struct leg *leg_of(struct channel *c, unsigned *status)
{
	struct cpm_slice to_path = c->reader.head.to_path;
	struct cpm_msrp_uri uri;
	struct leg *leg = NULL;

	*status = 481;
	if(cpm_msrp_path_count(to_path) == 1 && !cpm_msrp_uri_parse(cpm_msrp_path_first(to_path), &uri))
		leg = endpoint_find(c->endpoint, uri.session);
	if(!leg)
		return NULL;
	*status = 403;
	if(leg->tls && !c->tls)
		return NULL;
	*status = 506;
	return connection_fits(leg, c) ? leg : NULL;
}

/* The connection becomes the session's. False when that has another one which cannot be left now. */
static bool leg_take(struct leg *leg, struct channel *c)
{
	if(!leg->channel)
		leg_called(leg, c);
	else if(leg->channel == c)
		return true;
	else if(leg->incomings || leg->outgoings)
		return false;
	else
		leg_move(leg, c);
	return true;
}

static void request_begin(struct channel *c)
{
	const struct cpm_msrp_head *head = &c->reader.head;
	unsigned status;
	struct leg *leg;

	if(head->fault || !cpm_msrp_path_count(head->from_path)) {
		endpoint_log(c->endpoint, ENDPOINT_LOG_INFO, "400 to %s: %s", c->peer,
				head->fault ? head->fault : "From-Path is none, or too long");
		exchange_answer(c, 400);
		return;
	}
	/* Its session is looked for at its end: it need not come over the session's connection. */
	if(head->kind == CPM_MSRP_REPORT)
		return;
	leg = leg_of(c, &status);
	if(!leg) {
		exchange_answer(c, status);
		return;
	}
	c->exchange.leg = leg;
	if(!leg_take(leg, c)) {
		c->exchange.leg = NULL;
		/* A sign of life moves nothing. */
		exchange_answer(c, head->kind == CPM_MSRP_SEND && !head->body ? 200 : 506);
		return;
	}
	/* The owner may have closed the leg when it heard of the peer. */
	leg = c->exchange.leg;
	if(!leg)
		exchange_answer(c, 481);
	else if(head->kind == CPM_MSRP_OTHER)
		exchange_answer(c, 501);
	else if(head->kind == CPM_MSRP_SEND && head->body && !head->content_type.n)
		exchange_answer(c, 400);
}

static void frame_begin(struct channel *c)
{
	unsigned status;

	c->exchange = (struct exchange){0};
	c->head_ms = 0;
	c->endpoint->statistics.frames_in++;
	if(c->reader.head.kind == CPM_MSRP_RESPONSE)
		c->exchange.leg = leg_of(c, &status);
	else
		request_begin(c);
}

static void frame_octets(struct channel *c, struct cpm_slice piece)
{
	struct exchange *x = &c->exchange;

	c->endpoint->statistics.octets_in += piece.n;
	if(x->leg && !x->answered && c->reader.head.kind == CPM_MSRP_SEND) {
		intake_octets(x->leg, c, piece);
		return;
	}
	if(!x->leg && c->reader.head.kind != CPM_MSRP_REPORT)
		exchange_answer(c, 481);
	x->discarded += piece.n;
	if(x->discarded > DISCARD_MAX) {
		c->endpoint->statistics.malformed++;
		channel_fail(c, LEG_LOST_BROKEN, "goes on with a message that was refused");
	}
}

static void report_end(struct channel *c)
{
	unsigned status;
	struct leg *leg = leg_of(c, &status);

	if(!leg) {
		exchange_answer(c, status);
		return;
	}
	/* A relay's connection that only brings reports is of use. */
	c->opened_ms = c->endpoint->now_ms;
	outgo_report(leg, &c->reader.head);
}

static void frame_end(struct channel *c)
{
	const struct cpm_msrp_head *head = &c->reader.head;
	struct leg *leg = c->exchange.leg;

	if(c->exchange.answered)
		return;
	if(head->kind == CPM_MSRP_REPORT) {
		report_end(c);
	} else if(head->kind == CPM_MSRP_RESPONSE) {
		if(leg && leg->channel == c)
			outgo_response(leg, head->tid, head->status);
	} else if(!leg) {
		exchange_answer(c, 481);
	} else if(head->kind == CPM_MSRP_SEND) {
		intake_end(leg, c, c->reader.flag);
	}
}

struct cpm_slice exchange_take(struct channel *c, struct cpm_slice octets)
{
	enum cpm_msrp_event event = CPM_MSRP_HEAD;

	c->stopped = false;
	while(event != CPM_MSRP_MORE && c->stage == CHANNEL_OPEN && !c->paused) {
		struct cpm_diag diag = {0, ""};
		struct cpm_slice piece;

		/* The clock of a head runs from its first octet. */
		if(octets.n && !c->head_ms && cpm_msrp_reader_idle(&c->reader))
			c->head_ms = c->endpoint->now_ms;
		if(cpm_msrp_next(&c->reader, &octets, &event, &piece, &diag)) {
			c->endpoint->statistics.malformed++;
			channel_fail(c, LEG_LOST_BROKEN, diag.reason);
			return CPM_SLICE_NONE;
		}
		if(event == CPM_MSRP_HEAD)
			frame_begin(c);
		else if(event == CPM_MSRP_BODY)
			frame_octets(c, piece);
		else if(event == CPM_MSRP_END)
			frame_end(c);
	}
	/* A frame without a body has its end in the reader. */
	c->stopped = event != CPM_MSRP_MORE && c->stage == CHANNEL_OPEN;
	return octets;
}
