/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Lanes. A message that leaves a hole cannot be passed on without keeping what
 * comes behind it, so it is refused.
 *
 * Who has enough of one side's octets stops reading its connection, and with it
 * the responses that the other lane waits for. So a lane stops reading only for
 * what becomes less without any response: octets that wait to be written. For
 * responses of the far side it does while that is read itself.
 */
#include "lane.h"

#include <stdlib.h>

#include "../core/base/ring.h"

/* One message's, unless it says that it is smaller. */
#define BUFFER (128u * 1024)
/* More than this of one message held, or this many messages not yet confirmed: its sender waits. */
#define HELD_MAX (BUFFER / 2)
#define CROWD (LEG_MESSAGES_MAX / 2)
/* Messages that are not whole keep their buffers until more comes: what is kept besides can always be written. */
_Static_assert(LANE_MEMORY >= (LEG_TAKING_MAX + 1) * BUFFER, "who has enough waits for no octets");

struct passage {
	struct passage *next;
	struct cpm_ring ring; /* its memory is gone once it is not needed any more */
	uint64_t total;       /* when known; else 0 */
	uint64_t taken, given;
	size_t wanted;
	bool complete, confirmed, giving;
	bool waits; /* for its watcher */
	void *watched;
	/* Content-Type and further MIME headers, in this block. */
	struct cpm_slice type, headers;
};

static void buffer_free(struct lane *l, struct passage *p)
{
	if(!p->ring.p)
		return;
	l->memory -= p->ring.size;
	free(p->ring.p);
	cpm_ring_init(&p->ring, NULL, 0);
}

static bool buffer_make(struct lane *l, struct passage *p)
{
	size_t size = p->total && p->total < BUFFER ? (size_t)p->total : BUFFER;
	char *memory = l->memory + size <= LANE_MEMORY ? malloc(size) : NULL;

	if(!memory)
		return false;
	cpm_ring_init(&p->ring, memory, size);
	l->memory += size;
	return true;
}

/* The far side is not read at present, or is the near side: nothing that waits for its responses may stop reading. */
static bool far_side_stands(const struct lane *l)
{
	return (l->back && l->back->paused) || !l->from || leg_relayed(l->from)
		   || (l->to && leg_shares(l->from, l->to));
}

static bool full(const struct lane *l)
{
	const struct passage *p;

	if(l->memory > LANE_MEMORY - BUFFER || (l->count >= CROWD && !far_side_stands(l)))
		return true;
	for(p = l->passages; p; p = p->next)
		if(p->waits || p->ring.held > HELD_MAX)
			return true;
	return false;
}

static void resume(struct lane *l)
{
	if(!l->paused || full(l))
		return;
	l->paused = false;
	if(l->from)
		leg_resume(l->from);
}

/* The near side is not read from now on; so the far side, if it waits for that one's responses, must be. */
static void hold(struct lane *l)
{
	l->paused = true;
	if(l->back)
		resume(l->back);
}

static void passage_leave(struct lane *l, struct passage *p)
{
	struct passage **at = &l->passages;

	while(*at != p)
		at = &(*at)->next;
	*at = p->next;
	l->count--;
	buffer_free(l, p);
}

/* It is over: with 200 it has arrived. */
static void passage_end(struct lane *l, struct passage *p, unsigned status)
{
	passage_leave(l, p);
	if(status == 200) {
		l->messages++;
		l->octets += p->taken;
	} else {
		l->failed++;
	}
	if(p->watched && l->watch->ended)
		l->watch->ended(l->watcher, p->watched, status, p->taken);
	free(p);
	resume(l);
}

/* What the sender is told. Of what the far side says only that counts which is about the message: the rest is between it and us. While
 * octets come, 413 alone stops them (RFC 4975 section 10.5); after the last one the answer says why it is none: 408, as when no
 * response comes. */
static unsigned answer_of(const struct passage *p, unsigned status)
{
	if(status == 403 || status == 413 || status == 415)
		return status;
	return p->complete ? 408 : 413;
}

static void passage_fail(struct lane *l, struct passage *p, unsigned answer)
{
	if(l->from)
		leg_refuse(l->from, p, answer);
	if(l->to)
		leg_abort(l->to, p);
	passage_end(l, p, answer);
}

/* From the buffer to the far side, as it wants. Each piece can bring the next wish. Without a known total one octet is held back, so
 * that the last piece is never empty. */
static void octets_pass(struct lane *l, struct passage *p)
{
	if(p->giving || !l->to)
		return;
	p->giving = true;
	while(p->wanted) {
		size_t ready = p->ring.held - (!p->total && !p->complete && p->ring.held);
		struct cpm_slice piece = cpm_ring_take(&p->ring, ready < p->wanted ? ready : p->wanted);

		if(!piece.n)
			break;
		p->wanted = 0;
		p->given += piece.n;
		leg_give(l->to, p, piece, p->complete && !p->ring.held);
	}
	p->giving = false;
	if((p->total && p->given == p->total) || (p->complete && !p->ring.held))
		buffer_free(l, p);
	resume(l);
}

/* Lines of the head that are about the body beside Content-Type. */
static struct cpm_slice mime_header_next(struct cpm_slice *rest)
{
	struct cpm_slice line;

	while(rest->n) {
		line = cpm_slice_head(*rest, cpm_slice_find(*rest, '\n') + 1);
		*rest = cpm_slice_from(*rest, line.n);
		if(cpm_slice_istarts(line, CPM_SLICE("Content-"))
				&& !cpm_slice_istarts(line, CPM_SLICE("Content-Type:")))
			return line;
	}
	return CPM_SLICE_NONE;
}

static struct passage *passage_make(const struct cpm_msrp_head *head)
{
	struct cpm_slice rest = head->text, line;
	size_t n = head->content_type.n;
	struct passage *p;
	char *text;

	while((line = mime_header_next(&rest)).n)
		n += line.n;
	if(!(p = calloc(1, sizeof(*p) + n)))
		return NULL;
	text = (char *)(p + 1);
	n = head->content_type.n;
	memcpy(text, head->content_type.p, n);
	p->type = (struct cpm_slice){text, n};
	rest = head->text;
	for(; (line = mime_header_next(&rest)).n; n += line.n)
		memcpy(text + n, line.p, line.n);
	p->headers = (struct cpm_slice){text + p->type.n, n - p->type.n};
	p->total = head->range.total_known ? head->range.total : 0;
	return p;
}

static void passage_enter(struct lane *l, struct passage *p)
{
	struct passage **at = &l->passages;

	while(*at)
		at = &(*at)->next;
	*at = p;
	l->count++;
}

unsigned lane_begin(struct lane *l, const struct cpm_msrp_head *head, void **mark)
{
	struct passage *p;
	struct leg_message message;

	if(!l->to)
		return 403;
	if(!(p = passage_make(head)))
		return 408;
	message = (struct leg_message){.content_type = p->type,
			.headers = p->headers,
			.total = p->total,
			.total_known = p->total > 0,
			.mark = p};
	if(!buffer_make(l, p)) {
		free(p);
		return 413;
	}
	passage_enter(l, p);
	if(!leg_send(l->to, &message)) {
		passage_leave(l, p);
		free(p);
		return 413;
	}
	*mark = p;
	if(l->watch && l->watch->begin)
		p->watched = l->watch->begin(l->watcher, head, p->total, l);
	return 0;
}

bool lane_octets(struct lane *l, void *mark, uint64_t at, struct cpm_slice piece)
{
	struct passage *p = mark;

	if(at < p->taken)
		piece = cpm_slice_from(piece, p->taken - at < piece.n ? (size_t)(p->taken - at) : piece.n);
	/* It always has the room: its sender is not read any more before it is used up. */
	if(at > p->taken || !cpm_ring_put(&p->ring, piece)) {
		passage_fail(l, p, 413);
		return true;
	}
	if(p->watched && piece.n)
		p->waits = !l->watch->octets(l->watcher, p->watched, p->taken, piece);
	p->taken += piece.n;
	/* Not under its own feet: what is passed on may ask for more. */
	if(full(l))
		hold(l);
	octets_pass(l, p);
	return !l->paused;
}

void lane_complete(struct lane *l, void *mark)
{
	struct passage *p = mark;

	p->complete = true;
	if(p->confirmed) {
		leg_verdict(l->from, p, 200);
		passage_end(l, p, 200);
		return;
	}
	octets_pass(l, p);
	if(l->paused || !full(l) || !l->from)
		return;
	hold(l);
	leg_pause(l->from);
}

void lane_aborted(struct lane *l, void *mark)
{
	passage_fail(l, mark, 408);
}

void lane_want(struct lane *l, void *mark, size_t n)
{
	struct passage *p = mark;

	p->wanted = n;
	octets_pass(l, p);
}

void lane_sent(struct lane *l, void *mark, unsigned status)
{
	struct passage *p = mark;

	if(status != 200) {
		passage_fail(l, p, answer_of(p, status));
		return;
	}
	p->confirmed = true;
	if(!p->complete)
		return;
	if(l->from)
		leg_verdict(l->from, p, 200);
	passage_end(l, p, 200);
}

void lane_go_on(struct lane *l, const void *watched)
{
	struct passage *p;

	for(p = l->passages; p; p = p->next)
		if(p->watched == watched)
			p->waits = false;
	resume(l);
}

void lane_cut(struct lane *l)
{
	struct passage *p = l->passages, *next;

	for(; p; p = next) {
		next = p->next;
		if(!p->complete)
			passage_fail(l, p, 408);
	}
}

void lane_clear(struct lane *l)
{
	while(l->passages)
		passage_fail(l, l->passages, answer_of(l->passages, 408));
}
