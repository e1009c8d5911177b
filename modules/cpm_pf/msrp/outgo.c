/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The message that a leg sends: a few chunks under way at a time, each with a
 * transaction of its own. RFC 4975 section 7.1.
 */
#include <stdlib.h>

#include "inside.h"

/* Chunks up to this size need not be interruptible, so they say where they end. */
#define SMALL_CHUNK 2048
#define HEAD_ROOM 8192

static struct cpm_slice peer_path(const struct leg *leg)
{
	return (struct cpm_slice){leg->peer_path, leg->peer_path_length};
}

static void frame_queue(
		struct leg *leg, const struct cpm_msrp_send *send, struct cpm_slice piece, char flag)
{
	char memory[HEAD_ROOM];
	struct cpm_buf b;

	cpm_buf_init_fixed(&b, memory, sizeof(memory));
	cpm_msrp_add_send(&b, send);
	/* Paths are bounded by max_line, so that this cannot happen with sensible limits. */
	if(b.rc) {
		leg->channel->overflow = true;
		endpoint_todo(leg->endpoint, leg->channel);
		return;
	}
	channel_queue(leg->channel, cpm_buf_slice(&b));
	channel_queue(leg->channel, piece);
	cpm_buf_reset(&b);
	cpm_msrp_add_end(&b, send->tid, flag, send->content_type.n != 0);
	channel_queue(leg->channel, cpm_buf_slice(&b));
}

void outgo_greet(struct leg *leg)
{
	char message_id[CPM_MSRP_ID_LENGTH];
	struct cpm_msrp_send send = {.tid = {leg->greeting, sizeof(leg->greeting)},
			.to_path = peer_path(leg),
			.from_path = leg_path(leg),
			.message_id = {message_id, sizeof(message_id)},
			.range = {1, 0, 0, true, true}};

	endpoint_id(leg->greeting);
	endpoint_id(message_id);
	leg->greeted = true;
	frame_queue(leg, &send, CPM_SLICE_NONE, CPM_MSRP_LAST);
}

bool leg_send(struct leg *leg, const struct leg_message *message)
{
	if(outgo_next(&leg->outgo, OUTGO_BEGIN) != OUTGO_START)
		return false;
	leg->message = *message;
	leg->at = 0;
	leg->asked = false;
	leg->window_count = 0;
	cpm_chunks_init(&leg->reported, INT64_MAX);
	leg->report_due_ms = 0;
	endpoint_id(leg->message_name);
	outgo_pump(leg);
	return true;
}

/* Room for one more chunk. A connection that is not read brings no response, and who has enough there
 * may wait for just these chunks to go: sender and client of a bridge can be behind one relay. What it
 * says to them need not be known, as reports decide. */
static bool window_open(struct leg *leg)
{
	if(leg->window_count == LEG_WINDOW && leg_relayed(leg) && leg->channel->paused)
		leg->window[0] = leg->window[--leg->window_count];
	return leg->window_count < LEG_WINDOW;
}

/* Asks for the next octets when they can go out soon. */
void outgo_pump(struct leg *leg)
{
	size_t n = leg->endpoint->config->chunk_bytes;

	if(leg->state != LEG_BOUND || leg->outgo != OUTGO_SENDING || leg->asked || !leg->peer_path
			|| channel_unwritten(leg->channel) > ENDPOINT_OUT_MAX / 4 || !window_open(leg))
		return;
	if(leg->message.total_known && leg->message.total - leg->at < n)
		n = (size_t)(leg->message.total - leg->at);
	leg->asked = true;
	leg->hooks->want(leg->owner, leg, leg->at, n);
}

void leg_give(struct leg *leg, struct cpm_slice piece, bool last)
{
	const struct leg_message *m = &leg->message;
	struct sent_chunk *chunk = &leg->window[leg->window_count];
	struct cpm_msrp_send send = {.tid = {chunk->tid, sizeof(chunk->tid)},
			.to_path = peer_path(leg),
			.from_path = leg_path(leg),
			.message_id = {leg->message_name, sizeof(leg->message_name)},
			.content_type = m->content_type,
			.range = {leg->at + 1, leg->at + piece.n, m->total, piece.n <= SMALL_CHUNK,
					m->total_known},
			.success_report = leg_relayed(leg)};

	if(leg->state != LEG_BOUND || leg->outgo != OUTGO_SENDING || !leg->asked)
		return;
	leg->asked = false;
	do
		endpoint_id(chunk->tid);
	while(cpm_msrp_tid_occurs(send.tid, piece));
	leg->at += piece.n;
	last = last || (m->total_known && leg->at == m->total);
	frame_queue(leg, &send, piece, last ? CPM_MSRP_LAST : CPM_MSRP_CONTINUED);
	chunk->mark = leg->channel->queued;
	chunk->due_ms = 0;
	leg->window_count++;
	leg->active_ms = leg->endpoint->now_ms;
	leg->endpoint->statistics.octets_out += piece.n;
	if(last)
		outgo_next(&leg->outgo, OUTGO_LAST);
	else
		outgo_pump(leg);
}

static void outgo_finish(struct leg *leg, enum outgo_event event, unsigned status)
{
	enum outgo_step step = outgo_next(&leg->outgo, event);

	if(step != OUTGO_SUCCEED && step != OUTGO_FAIL)
		return;
	leg->asked = false;
	leg->window_count = 0;
	leg->active_ms = leg->endpoint->now_ms;
	if(leg->hooks->sent)
		leg->hooks->sent(leg->owner, leg, status);
}

bool leg_all_given(const struct leg *leg)
{
	return leg->outgo == OUTGO_CONFIRMING;
}

void leg_abort(struct leg *leg)
{
	char tid[CPM_MSRP_ID_LENGTH];
	struct cpm_msrp_send send = {.tid = {tid, sizeof(tid)},
			.to_path = peer_path(leg),
			.from_path = leg_path(leg),
			.message_id = {leg->message_name, sizeof(leg->message_name)},
			.content_type = leg->message.content_type,
			.range = {leg->at + 1, 0, leg->message.total, false, leg->message.total_known},
			.responses = CPM_MSRP_NONE};
	bool begun = leg->outgo == OUTGO_SENDING && leg->at && leg->state == LEG_BOUND;

	if(outgo_next(&leg->outgo, OUTGO_REFUSED) != OUTGO_FAIL)
		return;
	leg->asked = false;
	leg->window_count = 0;
	if(!begun)
		return;
	endpoint_id(tid);
	frame_queue(leg, &send, CPM_SLICE_NONE, CPM_MSRP_ABORTED);
}

void outgo_response(struct leg *leg, struct cpm_slice tid, unsigned status)
{
	size_t i = 0;

	if(leg->greeted
			&& cpm_slice_eq(tid, (struct cpm_slice){leg->greeting, sizeof(leg->greeting)})) {
		leg->greeted = false;
		if(status != 200)
			leg_down(leg, LEG_LOST_REFUSED);
		return;
	}
	while(i < leg->window_count
			&& !cpm_slice_eq(
					tid, (struct cpm_slice){leg->window[i].tid, sizeof(leg->window[i].tid)}))
		i++;
	if(i == leg->window_count)
		return;
	leg->window[i] = leg->window[--leg->window_count];
	leg->active_ms = leg->endpoint->now_ms;
	if(status != 200)
		outgo_finish(leg, OUTGO_REFUSED, status);
	else if(leg->outgo != OUTGO_CONFIRMING || leg->window_count)
		outgo_pump(leg);
	else if(!leg_relayed(leg))
		outgo_finish(leg, OUTGO_CONFIRMED, 200);
	else
		/* Each hop waits that long for the next one's response, and tells by a report when none
		 * comes. */
		leg->report_due_ms = leg->endpoint->now_ms
							 + (int64_t)leg->peer_hops * leg->endpoint->config->response_ms;
}

/* A report on the message that is sent, the peer's (RFC 4975 section 7.1.2) or a relay's that could
 * not pass it on. A success report may be about a part; octets not yet given cannot be meant. */
void outgo_report(struct leg *leg, const struct cpm_msrp_head *head)
{
	const struct cpm_msrp_range *range = &head->range;
	struct cpm_chunks *reported = &leg->reported;
	uint64_t from = range->first - 1, to = range->last_known ? range->last : leg->at;

	if(leg->outgo == OUTGO_NONE || head->status_namespace
			|| !cpm_slice_eq(head->message_id,
					(struct cpm_slice){leg->message_name, sizeof(leg->message_name)}))
		return;
	leg->active_ms = leg->endpoint->now_ms;
	if(head->status != 200) {
		outgo_finish(leg, OUTGO_REFUSED, head->status);
		return;
	}
	if(from > to || to > leg->at || cpm_chunks_add(reported, from, to - from))
		return;
	if(leg_relayed(leg) && leg->outgo == OUTGO_CONFIRMING && cpm_chunks_octets(reported) == leg->at)
		outgo_finish(leg, OUTGO_CONFIRMED, 200);
}

/* The time for a response starts with the last octet of its request. */
void outgo_sweep(struct leg *leg, int64_t now_ms)
{
	for(size_t i = 0; i < leg->window_count; i++) {
		struct sent_chunk *chunk = &leg->window[i];

		if(!chunk->due_ms && leg->channel->written >= chunk->mark)
			chunk->due_ms = now_ms + leg->endpoint->config->response_ms;
		if(chunk->due_ms && now_ms > chunk->due_ms) {
			outgo_finish(leg, OUTGO_REFUSED, 408);
			return;
		}
	}
	if(leg->report_due_ms && now_ms > leg->report_due_ms)
		outgo_finish(leg, OUTGO_REFUSED, 408);
}
