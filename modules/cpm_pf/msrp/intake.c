/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The message that a leg takes: chunks in any order, each answered, the one that
 * completes the message only when its owner says so. RFC 4975 section 7.3.
 */
#include <stdlib.h>

#include "inside.h"

static uint64_t name_of(struct cpm_slice message_id)
{
	return cpm_slice_hash(message_id, 0) | 1;
}

/* The message is over; repeated chunks of it get the same answer. */
static void intake_forget(struct leg *leg, unsigned status)
{
	leg->ended = name_of(leg->message_id);
	leg->ended_status = status;
	free(leg->note);
	leg->note = NULL;
	leg->message_id = leg->from_path = CPM_SLICE_NONE;
}

/* It comes to nothing. */
static void intake_abort(struct leg *leg, unsigned status)
{
	if(intake_next(&leg->intake, INTAKE_ABORT) != INTAKE_DISCARD)
		return;
	intake_forget(leg, status);
	/* A sender that gave up may begin again. */
	if(status == 200)
		leg->ended = 0;
	if(leg->hooks->aborted)
		leg->hooks->aborted(leg->owner, leg);
}

static bool note_make(struct leg *leg, const struct cpm_msrp_head *head)
{
	char *note = malloc(head->message_id.n + head->from_path.n);

	if(!note)
		return false;
	memcpy(note, head->message_id.p, head->message_id.n);
	memcpy(note + head->message_id.n, head->from_path.p, head->from_path.n);
	leg->note = note;
	leg->message_id = (struct cpm_slice){note, head->message_id.n};
	leg->from_path = (struct cpm_slice){note + head->message_id.n, head->from_path.n};
	leg->wants_report = head->success_report;
	return true;
}

static unsigned status_of(enum cpm_rc rc)
{
	return rc == CPM_LIMIT ? 413 : rc ? 400 : 0;
}

/* A new message: 0, or why it is refused. */
static unsigned message_begin(struct leg *leg, struct channel *c)
{
	const struct cpm_msrp_head *head = &c->reader.head;
	struct cpm_slice type = cpm_slice_trim(
			cpm_slice_head(head->content_type, cpm_slice_find(head->content_type, ';')));
	unsigned status;

	if(!leg->hooks->begin)
		return 403;
	if(!cpm_sdp_accepts(leg->accept_types, type))
		return 415;
	cpm_chunks_init(&leg->chunks, leg->max_bytes);
	status = status_of(cpm_chunks_begin(&leg->chunks, &head->range, &c->exchange.at));
	if(!status)
		status = leg->hooks->begin(leg->owner, leg, head);
	/* The owner may have closed the leg. */
	if(!status && c->exchange.leg != leg)
		status = 481;
	if(status)
		return status;
	/* 408: our own failure. Its owner hears of the end. */
	intake_next(&leg->intake, INTAKE_BEGIN);
	if(note_make(leg, head))
		return 0;
	intake_next(&leg->intake, INTAKE_ABORT);
	if(leg->hooks->aborted)
		leg->hooks->aborted(leg->owner, leg);
	return 408;
}

/* Which message the frame belongs to. False when its octets are of no use. */
static bool chunk_begin(struct leg *leg, struct channel *c)
{
	const struct cpm_msrp_head *head = &c->reader.head;
	unsigned status = 0;
	bool same = cpm_slice_eq(leg->message_id, head->message_id);

	c->exchange.started = true;
	if(leg->intake == INTAKE_WHOLE && same) {
		/* Its answer waits for the verdict, and so does its repetition: nothing is said twice. */
		c->exchange.answered = true;
		return false;
	}
	if(leg->intake == INTAKE_NONE && leg->ended == name_of(head->message_id)) {
		c->exchange.status = leg->ended_status;
		exchange_answer(c, leg->ended_status);
		return false;
	}
	if(leg->intake == INTAKE_NONE) {
		status = message_begin(leg, c);
	} else if(!same) {
		/* One message at a time: 413 tells its sender to stop. */
		status = 413;
	} else {
		status = status_of(cpm_chunks_begin(&leg->chunks, &head->range, &c->exchange.at));
		if(status)
			intake_abort(leg, status);
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
	rc = cpm_chunks_add(&leg->chunks, at, piece.n);
	if(rc) {
		/* Past the maximum it is too large; else a parameter (the range) is out of bounds: too many
		 * holes, or past the total. */
		unsigned status =
				piece.n > leg->max_bytes - (at < leg->max_bytes ? at : leg->max_bytes) ? 413 : 423;
		exchange_answer(c, status);
		intake_abort(leg, status);
		return;
	}
	x->at += piece.n;
	if(leg->hooks->octets && !leg->hooks->octets(leg->owner, leg, at, piece) && x->leg == leg)
		channel_pause(c, leg);
}

/* The chunk that completes the message waits for the verdict. */
static void message_complete(struct leg *leg, struct channel *c)
{
	const struct cpm_msrp_head *head = &c->reader.head;

	c->exchange.answered = true;
	memcpy(leg->tid, head->tid.p, head->tid.n);
	leg->tid_length = head->tid.n;
	leg->wish = head->responses;
	leg->wants_report = head->success_report || leg->wants_report;
	/* There is nothing left to have enough of; others may share the connection. */
	leg_resume(leg);
	intake_next(&leg->intake, INTAKE_COMPLETE);
	if(leg->hooks->complete)
		leg->hooks->complete(leg->owner, leg, leg->chunks.total);
	else
		leg_verdict(leg, 403);
}

void intake_end(struct leg *leg, struct channel *c, char flag)
{
	const struct cpm_msrp_head *head = &c->reader.head;
	enum cpm_rc rc;

	leg->active_ms = leg->endpoint->now_ms;
	/* An empty chunk counts only in the middle of its message: alone it is a sign of life. */
	if(!c->exchange.started
			&& (leg->intake != INTAKE_TAKING || !cpm_slice_eq(leg->message_id, head->message_id)
					|| !head->content_type.n || !chunk_begin(leg, c))) {
		exchange_answer(c, 200);
		return;
	}
	if(flag == CPM_MSRP_ABORTED) {
		exchange_answer(c, 200);
		intake_abort(leg, 200);
		return;
	}
	if(flag == CPM_MSRP_LAST) {
		rc = cpm_chunks_end(&leg->chunks, c->exchange.at);
		if(rc) {
			exchange_answer(c, status_of(rc));
			intake_abort(leg, status_of(rc));
			return;
		}
	}
	if(cpm_chunks_complete(&leg->chunks))
		message_complete(leg, c);
	else
		exchange_answer(c, 200);
}

static void response_send(struct leg *leg, unsigned status)
{
	char memory[CPM_MSRP_END_MAX + 4200];
	struct cpm_buf b;

	if(leg->wish == CPM_MSRP_NONE || (leg->wish == CPM_MSRP_ERRORS && status == 200))
		return;
	cpm_buf_init_fixed(&b, memory, sizeof(memory));
	cpm_msrp_add_response(&b, (struct cpm_slice){leg->tid, leg->tid_length}, status,
			cpm_msrp_path_first(leg->from_path), leg_path(leg));
	if(!b.rc)
		channel_queue(leg->channel, cpm_buf_slice(&b));
}

/* RFC 4975 section 7.1.2: along the whole path of the message. */
static void report_send(struct leg *leg)
{
	char memory[8192], tid[CPM_MSRP_ID_LENGTH];
	struct cpm_msrp_report report = {.tid = {tid, sizeof(tid)},
			.to_path = leg->from_path,
			.from_path = leg_path(leg),
			.message_id = leg->message_id,
			.total = leg->chunks.total,
			.status = 200};
	struct cpm_buf b;

	endpoint_id(tid);
	cpm_buf_init_fixed(&b, memory, sizeof(memory));
	cpm_msrp_add_report(&b, &report);
	if(!b.rc)
		channel_queue(leg->channel, cpm_buf_slice(&b));
}

void leg_verdict(struct leg *leg, unsigned status)
{
	if(intake_next(&leg->intake, INTAKE_VERDICT) != INTAKE_ANSWER)
		return;
	leg->active_ms = leg->endpoint->now_ms;
	if(status != 200)
		endpoint_count_refusal(leg->endpoint, status);
	if(leg->channel) {
		response_send(leg, status);
		if(status == 200 && leg->wants_report)
			report_send(leg);
	}
	intake_forget(leg, status);
}

void leg_refuse(struct leg *leg, unsigned status)
{
	struct channel *c = leg->channel;

	leg_verdict(leg, status);
	if(intake_next(&leg->intake, INTAKE_ABORT) != INTAKE_DISCARD)
		return;
	if(c && c->exchange.leg == leg && c->reader.head.kind == CPM_MSRP_SEND)
		exchange_answer(c, status);
	intake_forget(leg, status);
}
