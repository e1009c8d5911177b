/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The messages that a leg takes: chunks in any order, each answered, the one that
 * completes a message only when its owner says so. RFC 4975 section 7.3.
 */
#include <stdlib.h>

#include "inside.h"

static uint64_t name_of(struct cpm_slice message_id)
{
	return cpm_slice_hash(message_id, 0) | 1;
}

size_t intake_count(const struct leg *leg, enum intake_state state)
{
	const struct incoming *m;
	size_t n = 0;

	for(m = leg->incomings; m; m = m->next)
		n += m->state == state;
	return n;
}

static struct incoming *incoming_named(const struct leg *leg, struct cpm_slice message_id)
{
	struct incoming *m = leg->incomings;

	while(m && !cpm_slice_eq(m->message_id, message_id))
		m = m->next;
	return m;
}

/* In this state, the oldest of those with that mark. */
static struct incoming *incoming_marked(
		const struct leg *leg, const void *mark, enum intake_state state)
{
	struct incoming *m = leg->incomings;

	while(m && (m->mark != mark || m->state != state))
		m = m->next;
	return m;
}

static void incoming_free(struct leg *leg, struct incoming *m)
{
	struct incoming **at = &leg->incomings;

	while(*at != m)
		at = &(*at)->next;
	*at = m->next;
	if(leg->channel && leg->channel->exchange.message == m)
		leg->channel->exchange.message = NULL;
	free(m->chunks);
	free(m);
}

void intake_release(struct leg *leg)
{
	while(leg->incomings)
		incoming_free(leg, leg->incomings);
}

/* The message is over; repeated chunks of it get the same answer. */
static void intake_forget(struct leg *leg, struct incoming *m, unsigned status)
{
	leg->ended = name_of(m->message_id);
	leg->ended_status = status;
	incoming_free(leg, m);
}

/* It comes to nothing. */
static void intake_abort(struct leg *leg, struct incoming *m, unsigned status)
{
	void *mark = m->mark;

	if(intake_next(&m->state, INTAKE_ABORT) != INTAKE_DISCARD)
		return;
	intake_forget(leg, m, status);
	/* A sender that gave up may begin again. */
	if(status == 200)
		leg->ended = 0;
	if(leg->hooks->aborted)
		leg->hooks->aborted(leg->owner, leg, mark);
}

static struct incoming *incoming_new(struct leg *leg, const struct cpm_msrp_head *head)
{
	struct incoming *m = calloc(1, sizeof(*m) + head->message_id.n + head->from_path.n);
	struct incoming **at = &leg->incomings;
	char *note = (char *)(m + 1);

	if(!m || !(m->chunks = malloc(sizeof(*m->chunks)))) {
		free(m);
		return NULL;
	}
	memcpy(note, head->message_id.p, head->message_id.n);
	memcpy(note + head->message_id.n, head->from_path.p, head->from_path.n);
	m->message_id = (struct cpm_slice){note, head->message_id.n};
	m->from_path = (struct cpm_slice){note + head->message_id.n, head->from_path.n};
	m->wants_report = head->success_report;
	cpm_chunks_init(m->chunks, leg->max_bytes);
	while(*at)
		at = &(*at)->next;
	return *at = m;
}

static unsigned status_of(enum cpm_rc rc)
{
	return rc == CPM_LIMIT ? 413 : rc ? 400 : 0;
}

/* 413 tells its sender to stop. */
static bool room_for_one(const struct leg *leg)
{
	size_t taking = intake_count(leg, INTAKE_TAKING), whole = intake_count(leg, INTAKE_WHOLE);

	if(!leg->converses)
		return taking + whole == 0;
	return taking < LEG_TAKING_MAX && taking + whole < LEG_MESSAGES_MAX;
}

/* A new message: 0, or why it is refused. */
static unsigned message_begin(struct leg *leg, struct channel *c)
{
	const struct cpm_msrp_head *head = &c->reader.head;
	struct cpm_slice type = cpm_slice_trim(
			cpm_slice_head(head->content_type, cpm_slice_find(head->content_type, ';')));
	struct incoming *m;
	void *mark = NULL;
	unsigned status;

	if(!leg->hooks->begin)
		return 403;
	if(!room_for_one(leg))
		return 413;
	if(!cpm_sdp_accepts(leg->accept_types, type))
		return 415;
	if(!(m = incoming_new(leg, head)))
		return 408;
	status = status_of(cpm_chunks_begin(m->chunks, &head->range, &c->exchange.at));
	if(!status)
		status = leg->hooks->begin(leg->owner, leg, head, &mark);
	/* The owner may have closed the leg. */
	if(!status && c->exchange.leg != leg)
		status = 481;
	if(status) {
		incoming_free(leg, m);
		return status;
	}
	m->mark = mark;
	intake_next(&m->state, INTAKE_BEGIN);
	c->exchange.message = m;
	return 0;
}

/* Which message the frame belongs to. False when its octets are of no use. */
static bool chunk_begin(struct leg *leg, struct channel *c)
{
	const struct cpm_msrp_head *head = &c->reader.head;
	struct incoming *m = incoming_named(leg, head->message_id);
	unsigned status = 0;

	c->exchange.started = true;
	if(m && m->state == INTAKE_WHOLE) {
		/* Its answer waits for the verdict, and so does its repetition: nothing is said twice. */
		c->exchange.answered = true;
		return false;
	}
	if(!m && leg->ended == name_of(head->message_id)) {
		c->exchange.status = leg->ended_status;
		exchange_answer(c, leg->ended_status);
		return false;
	}
	if(m) {
		status = status_of(cpm_chunks_begin(m->chunks, &head->range, &c->exchange.at));
		c->exchange.message = m;
		if(status)
			intake_abort(leg, m, status);
	} else {
		status = message_begin(leg, c);
	}
	if(status)
		exchange_answer(c, status);
	return !status;
}

void intake_octets(struct leg *leg, struct channel *c, struct cpm_slice piece)
{
	struct exchange *x = &c->exchange;
	uint64_t at;
	enum cpm_rc rc;

	leg->active_ms = leg->endpoint->now_ms;
	if(!x->started && !chunk_begin(leg, c)) {
		x->discarded += piece.n;
		return;
	}
	at = x->at;
	rc = cpm_chunks_add(x->message->chunks, at, piece.n);
	if(rc) {
		/* Past the maximum it is too large; else a parameter (the range) is out of bounds: too many
		 * holes, or past the total. */
		unsigned status =
				piece.n > leg->max_bytes - (at < leg->max_bytes ? at : leg->max_bytes) ? 413 : 423;
		exchange_answer(c, status);
		intake_abort(leg, x->message, status);
		return;
	}
	x->at += piece.n;
	if(leg->hooks->octets && !leg->hooks->octets(leg->owner, leg, x->message->mark, at, piece)
			&& x->leg == leg)
		channel_pause(c, leg);
}

/* The chunk that completes the message waits for the verdict. */
static void message_complete(struct leg *leg, struct channel *c, struct incoming *m)
{
	const struct cpm_msrp_head *head = &c->reader.head;
	void *mark = m->mark;

	m->total = m->chunks->total;
	free(m->chunks);
	m->chunks = NULL;
	c->exchange.answered = true;
	memcpy(m->tid, head->tid.p, head->tid.n);
	m->tid_length = head->tid.n;
	m->wish = head->responses;
	m->wants_report = head->success_report || m->wants_report;
	/* There is nothing left to have enough of; others may share the connection. */
	if(!leg->converses)
		leg_resume(leg);
	intake_next(&m->state, INTAKE_COMPLETE);
	if(leg->hooks->complete)
		leg->hooks->complete(leg->owner, leg, mark, m->total);
	else
		leg_verdict(leg, mark, 403);
}

/* An empty chunk counts only in the middle of its message: alone it is a sign of life. */
static bool empty_chunk_counts(struct leg *leg, struct channel *c)
{
	const struct cpm_msrp_head *head = &c->reader.head;
	const struct incoming *m = incoming_named(leg, head->message_id);

	return m && m->state == INTAKE_TAKING && head->content_type.n && chunk_begin(leg, c);
}

void intake_end(struct leg *leg, struct channel *c, char flag)
{
	struct incoming *m;
	enum cpm_rc rc;

	leg->active_ms = leg->endpoint->now_ms;
	if(!c->exchange.started && !empty_chunk_counts(leg, c)) {
		exchange_answer(c, 200);
		return;
	}
	m = c->exchange.message;
	if(flag == CPM_MSRP_ABORTED) {
		exchange_answer(c, 200);
		intake_abort(leg, m, 200);
		return;
	}
	if(flag == CPM_MSRP_LAST) {
		rc = cpm_chunks_end(m->chunks, c->exchange.at);
		if(rc) {
			exchange_answer(c, status_of(rc));
			intake_abort(leg, m, status_of(rc));
			return;
		}
	}
	if(cpm_chunks_complete(m->chunks))
		message_complete(leg, c, m);
	else
		exchange_answer(c, 200);
}

static void response_send(struct leg *leg, const struct incoming *m, unsigned status)
{
	char memory[CPM_MSRP_END_MAX + 4200];
	struct cpm_buf b;

	if(m->wish == CPM_MSRP_NONE || (m->wish == CPM_MSRP_ERRORS && status == 200))
		return;
	cpm_buf_init_fixed(&b, memory, sizeof(memory));
	cpm_msrp_add_response(&b, (struct cpm_slice){m->tid, m->tid_length}, status,
			cpm_msrp_path_first(m->from_path), leg_path(leg));
	if(!b.rc)
		channel_queue(leg->channel, cpm_buf_slice(&b));
}

/* RFC 4975 section 7.1.2: along the whole path of the message. */
static void report_send(struct leg *leg, const struct incoming *m)
{
	char memory[8192], tid[CPM_MSRP_ID_LENGTH];
	struct cpm_msrp_report report = {.tid = {tid, sizeof(tid)},
			.to_path = m->from_path,
			.from_path = leg_path(leg),
			.message_id = m->message_id,
			.total = m->total,
			.status = 200};
	struct cpm_buf b;

	endpoint_id(tid);
	cpm_buf_init_fixed(&b, memory, sizeof(memory));
	cpm_msrp_add_report(&b, &report);
	if(!b.rc)
		channel_queue(leg->channel, cpm_buf_slice(&b));
}

void leg_verdict(struct leg *leg, void *mark, unsigned status)
{
	struct incoming *m = incoming_marked(leg, mark, INTAKE_WHOLE);

	if(!m)
		return;
	intake_next(&m->state, INTAKE_VERDICT);
	leg->active_ms = leg->endpoint->now_ms;
	if(status != 200)
		endpoint_count_refusal(leg->endpoint, status);
	if(leg->channel) {
		response_send(leg, m, status);
		if(status == 200 && m->wants_report)
			report_send(leg, m);
	}
	intake_forget(leg, m, status);
}

void leg_refuse(struct leg *leg, void *mark, unsigned status)
{
	struct channel *c = leg->channel;
	struct incoming *m;

	leg_verdict(leg, mark, status);
	m = incoming_marked(leg, mark, INTAKE_TAKING);
	if(!m)
		return;
	intake_next(&m->state, INTAKE_ABORT);
	if(c && c->exchange.message == m)
		exchange_answer(c, status);
	intake_forget(leg, m, status);
}
