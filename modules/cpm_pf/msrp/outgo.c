/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The messages that a leg sends: a few chunks under way at a time, each with a
 * transaction of its own; of several messages each has its turn. RFC 4975
 * section 7.1.
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

static struct outgoing *outgoing_marked(const struct leg *leg, const void *mark)
{
	struct outgoing *m = leg->outgoings;

	while(m && m->message.mark != mark)
		m = m->next;
	return m;
}

static void outgoing_append(struct leg *leg, struct outgoing *m)
{
	struct outgoing **at = &leg->outgoings;

	while(*at)
		at = &(*at)->next;
	m->next = NULL;
	*at = m;
}

static void outgoing_remove(struct leg *leg, const struct outgoing *m)
{
	struct outgoing **at = &leg->outgoings;

	while(*at != m)
		at = &(*at)->next;
	*at = m->next;
}

/* With what is awaited for it. */
static void outgoing_free(struct leg *leg, struct outgoing *m)
{
	size_t i = 0;

	outgoing_remove(leg, m);
	leg->asked -= m->asked;
	while(i < leg->window_count)
		if(leg->window[i].of == m)
			leg->window[i] = leg->window[--leg->window_count];
		else
			i++;
	free(m->reported);
	free(m);
}

void outgo_release(struct leg *leg)
{
	while(leg->outgoings)
		outgoing_free(leg, leg->outgoings);
	free(leg->window);
}

static bool room_for_one(const struct leg *leg)
{
	const struct outgoing *m;
	size_t n = 0;

	for(m = leg->outgoings; m; m = m->next)
		n++;
	return n < (leg->converses ? LEG_MESSAGES_MAX : 1);
}

bool leg_send(struct leg *leg, const struct leg_message *message)
{
	struct outgoing *m;

	if(!room_for_one(leg) || !(m = calloc(1, sizeof(*m))))
		return false;
	outgo_next(&m->state, OUTGO_BEGIN);
	m->message = *message;
	endpoint_id(m->name);
	outgoing_append(leg, m);
	outgo_pump(leg);
	return true;
}

static struct sent_chunk chunk_forget(struct leg *leg, size_t i)
{
	struct sent_chunk chunk = leg->window[i];

	leg->window[i] = leg->window[--leg->window_count];
	chunk.of->unanswered--;
	return chunk;
}

/* All of it has an answer, and the peer's own word is still to come: each hop waits so long for the next one's response, and tells by
 * a report when none comes. */
static void report_await(struct leg *leg, struct outgoing *m)
{
	if(m->state == OUTGO_CONFIRMING && !m->unanswered)
		m->report_due_ms = leg->endpoint->now_ms
						   + (int64_t)leg->peer_hops * leg->endpoint->config->response_ms;
}

static bool window_grow(struct leg *leg)
{
	size_t max = leg->converses ? LEG_WINDOW_MAX : LEG_WINDOW;
	size_t size = leg->window_size ? leg->window_size * 2 : LEG_WINDOW;
	struct sent_chunk *grown;

	if(size > max || !(grown = realloc(leg->window, size * sizeof(*grown))))
		return false;
	leg->window = grown;
	leg->window_size = size;
	return true;
}

/* Room for one more chunk, beside those that were asked for. A connection that is not read brings no response, and who has enough there
 * may wait for just these chunks to go: sender and client of a bridge can be behind one relay. What it
 * says to them need not be known, as reports decide. */
static bool window_open(struct leg *leg)
{
	if(leg->window_count + leg->asked < leg->window_size || window_grow(leg))
		return true;
	if(!leg->window_count || !leg_relayed(leg) || !leg->channel->paused)
		return false;
	report_await(leg, chunk_forget(leg, 0).of);
	return true;
}

/* Octets can go out soon. */
static bool may_send(struct leg *leg)
{
	return leg->state == LEG_BOUND && leg->peer_path
		   && channel_unwritten(leg->channel) <= ENDPOINT_OUT_MAX / 4 && window_open(leg);
}

static struct outgoing *outgoing_unasked(const struct leg *leg)
{
	struct outgoing *m = leg->outgoings;

	while(m && (m->state != OUTGO_SENDING || m->asked))
		m = m->next;
	return m;
}

/* Asks for the next octets of each message. */
void outgo_pump(struct leg *leg)
{
	struct outgoing *m;

	if(leg->pumping)
		return;
	leg->pumping = true;
	while((m = outgoing_unasked(leg)) && may_send(leg)) {
		size_t n = leg->endpoint->config->chunk_bytes;

		if(m->message.total_known && m->message.total - m->at < n)
			n = (size_t)(m->message.total - m->at);
		m->asked = true;
		leg->asked++;
		leg->hooks->want(leg->owner, leg, m->message.mark, m->at, n);
	}
	leg->pumping = false;
}

void leg_give(struct leg *leg, void *mark, struct cpm_slice piece, bool last)
{
	struct outgoing *m = outgoing_marked(leg, mark);
	struct cpm_msrp_send send = {.to_path = peer_path(leg), .from_path = leg_path(leg)};
	struct sent_chunk *chunk;

	if(leg->state != LEG_BOUND || !m || m->state != OUTGO_SENDING || !m->asked)
		return;
	chunk = &leg->window[leg->window_count++];
	*chunk = (struct sent_chunk){.of = m};
	m->asked = false;
	leg->asked--;
	m->unanswered++;
	send.tid = (struct cpm_slice){chunk->tid, sizeof(chunk->tid)};
	send.message_id = (struct cpm_slice){m->name, sizeof(m->name)};
	send.content_type = m->message.content_type;
	send.mime_headers = m->message.headers;
	send.range = (struct cpm_msrp_range){m->at + 1, m->at + piece.n, m->message.total,
			piece.n <= SMALL_CHUNK, m->message.total_known};
	send.success_report = leg_relayed(leg);
	do
		endpoint_id(chunk->tid);
	while(cpm_msrp_tid_occurs(send.tid, piece));
	m->at += piece.n;
	last = last || (m->message.total_known && m->at == m->message.total);
	frame_queue(leg, &send, piece, last ? CPM_MSRP_LAST : CPM_MSRP_CONTINUED);
	chunk->mark = leg->channel->queued;
	leg->active_ms = leg->endpoint->now_ms;
	leg->endpoint->statistics.octets_out += piece.n;
	if(last) {
		outgo_next(&m->state, OUTGO_LAST);
	} else {
		/* The others' turn. */
		outgoing_remove(leg, m);
		outgoing_append(leg, m);
	}
	outgo_pump(leg);
}

static void outgo_finish(
		struct leg *leg, struct outgoing *m, enum outgo_event event, unsigned status)
{
	enum outgo_step step = outgo_next(&m->state, event);
	void *mark = m->message.mark;

	if(step != OUTGO_SUCCEED && step != OUTGO_FAIL)
		return;
	outgoing_free(leg, m);
	leg->active_ms = leg->endpoint->now_ms;
	if(leg->hooks->sent)
		leg->hooks->sent(leg->owner, leg, mark, status);
}

bool leg_all_given(const struct leg *leg, const void *mark)
{
	const struct outgoing *m = outgoing_marked(leg, mark);

	return m && m->state == OUTGO_CONFIRMING;
}

void leg_abort(struct leg *leg, void *mark)
{
	struct outgoing *m = outgoing_marked(leg, mark);
	char tid[CPM_MSRP_ID_LENGTH];
	struct cpm_msrp_send send = {.tid = {tid, sizeof(tid)},
			.to_path = peer_path(leg),
			.from_path = leg_path(leg),
			.responses = CPM_MSRP_NONE};

	if(!m)
		return;
	if(m->state == OUTGO_SENDING && m->at && leg->state == LEG_BOUND) {
		send.message_id = (struct cpm_slice){m->name, sizeof(m->name)};
		send.content_type = m->message.content_type;
		send.range = (struct cpm_msrp_range){
				m->at + 1, 0, m->message.total, false, m->message.total_known};
		endpoint_id(tid);
		frame_queue(leg, &send, CPM_SLICE_NONE, CPM_MSRP_ABORTED);
	}
	outgoing_free(leg, m);
}

void outgo_response(struct leg *leg, struct cpm_slice tid, unsigned status)
{
	struct outgoing *m;
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
	m = chunk_forget(leg, i).of;
	leg->active_ms = leg->endpoint->now_ms;
	if(status != 200)
		outgo_finish(leg, m, OUTGO_REFUSED, status);
	else if(leg_relayed(leg))
		report_await(leg, m);
	else if(m->state == OUTGO_CONFIRMING && !m->unanswered)
		outgo_finish(leg, m, OUTGO_CONFIRMED, 200);
	outgo_pump(leg);
}

/* Without memory it counts for nothing, and the next one may. */
static bool reported_add(struct outgoing *m, uint64_t from, uint64_t n)
{
	if(!m->reported && (m->reported = malloc(sizeof(*m->reported))))
		cpm_chunks_init(m->reported, INT64_MAX);
	return m->reported && cpm_chunks_add(m->reported, from, n) == CPM_OK;
}

/* A report on a message that is sent, the peer's (RFC 4975 section 7.1.2) or a relay's that could
 * not pass it on. A success report may be about a part; octets not yet given cannot be meant. */
void outgo_report(struct leg *leg, const struct cpm_msrp_head *head)
{
	const struct cpm_msrp_range *range = &head->range;
	struct outgoing *m = leg->outgoings;
	uint64_t from = range->first - 1, to;

	while(m && !cpm_slice_eq(head->message_id, (struct cpm_slice){m->name, sizeof(m->name)}))
		m = m->next;
	if(!m || head->status_namespace)
		return;
	leg->active_ms = leg->endpoint->now_ms;
	if(head->status != 200) {
		outgo_finish(leg, m, OUTGO_REFUSED, head->status);
		return;
	}
	to = range->last_known ? range->last : m->at;
	if(!leg_relayed(leg) || from > to || to > m->at || !reported_add(m, from, to - from))
		return;
	if(m->state == OUTGO_CONFIRMING && cpm_chunks_octets(m->reported) == m->at)
		outgo_finish(leg, m, OUTGO_CONFIRMED, 200);
}

/* A message whose response or report has not come in time. The time for a response starts with the last octet of its request. */
static struct outgoing *outgoing_late(struct leg *leg, int64_t now_ms)
{
	struct outgoing *m;

	for(size_t i = 0; i < leg->window_count; i++) {
		struct sent_chunk *chunk = &leg->window[i];

		if(!chunk->due_ms && leg->channel->written >= chunk->mark)
			chunk->due_ms = now_ms + leg->endpoint->config->response_ms;
		if(chunk->due_ms && now_ms > chunk->due_ms)
			return chunk->of;
	}
	for(m = leg->outgoings; m && !(m->report_due_ms && now_ms > m->report_due_ms); m = m->next)
		;
	return m;
}

/* What has been said may be there, and is not read: all clocks start again. */
static void clocks_restart(struct leg *leg)
{
	struct outgoing *m;
	size_t i;

	for(i = 0; i < leg->window_count; i++)
		leg->window[i].due_ms = 0;
	for(m = leg->outgoings; m; m = m->next)
		report_await(leg, m);
}

/* Its connection is not read, for others' sake. Not for ever: that may itself wait for an answer. */
static bool unheard(const struct leg *leg, int64_t now_ms)
{
	return leg->state == LEG_BOUND && leg->channel->paused
		   && now_ms - leg->channel->read_ms <= leg->endpoint->config->idle_ms;
}

void outgo_sweep(struct leg *leg, int64_t now_ms)
{
	struct outgoing *m;

	if(unheard(leg, now_ms)) {
		clocks_restart(leg);
		return;
	}
	while(leg->state == LEG_BOUND && (m = outgoing_late(leg, now_ms)))
		outgo_finish(leg, m, OUTGO_REFUSED, 408);
}
