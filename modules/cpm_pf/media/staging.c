/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * From octets to pieces in the store.
 */
#include "staging.h"

#include <stdlib.h>

#include "../module/context.h"
#include "../module/settings.h"
#include "media.h"

/* More than this waits to go to the store: no more is read. The buffer also takes what is being read then. */
#define PIECE_BYTES 65536u
#define BUFFER_BYTES (PIECE_BYTES + ENDPOINT_READ_MAX)
/* Octets of one message under way to the store. */
#define UNSAFE_MAX (256u * 1024)
/* A piece counts for as many at least: so there are never many small ones under way. */
#define PIECE_COST 4096u

struct piece_call {
	struct staging *staging;
	unsigned attempt;
	size_t cost;
};

static void on_piece(void *context, enum store_rc rc)
{
	struct piece_call call = *(struct piece_call *)context;
	struct staging *s = call.staging;

	free(context);
	s->unsafe -= call.cost;
	s->calls--;
	pace_end(media_pace(), call.cost, media_now_us());
	if(call.attempt == s->attempt)
		s->failed |= rc != STORE_OK;
	if(!s->turn.waits)
		s->moved(s);
	/* It may serve s, or s may be gone. */
	media_pace_run();
}

/* Its pieces are to live on: a third of their time is over. */
static bool keep_due(const struct staging *s, int64_t now)
{
	return now - s->kept_ms >= (int64_t)settings.msrp_staging_s * 1000 / 3;
}

static bool piece_submit(struct staging *s, size_t n, size_t cost)
{
	int64_t now = now_ms();
	struct store_piece piece = {.aor = s->aor,
			.id = s->id,
			.attempt = s->attempt,
			.number = s->pieces,
			.at = s->buffer_at,
			.octets = {s->buffer + s->start, n},
			.ttl_ms = (int64_t)settings.msrp_staging_s * 1000,
			.renew = s->staged && keep_due(s, now)};
	struct piece_call *call = malloc(sizeof(*call));

	if(call)
		*call = (struct piece_call){s, s->attempt, cost};
	if(!call || !store_piece(media_store(), &piece, on_piece, call)) {
		free(call);
		return false;
	}
	if(!s->staged || piece.renew)
		s->kept_ms = now;
	return true;
}

/* The first n octets of the buffer go to the store. */
static void piece_send(struct staging *s, size_t n)
{
	size_t cost = n < PIECE_COST ? PIECE_COST : n;

	if(!n || s->failed || !piece_submit(s, n, cost)) {
		s->failed |= n > 0;
		s->start = s->buffered = 0;
		return;
	}
	s->staged = true;
	s->pieces++;
	s->calls++;
	s->unsafe += cost;
	pace_begin(media_pace(), cost, media_now_us());
	s->buffer_at += n;
	s->buffered -= n;
	s->start = s->buffered ? s->start + n : 0;
}

/* Pieces go out until no more than `most` octets are left. False: the others wait for a turn, or for answers. */
static bool buffer_pass(struct staging *s, size_t most)
{
	size_t n;

	while(s->buffered > most) {
		if(s->unsafe >= UNSAFE_MAX)
			return false;
		n = pace_ask(media_pace(), &s->turn, media_now_us());
		if(!n)
			return false;
		piece_send(s, n < s->buffered ? n : s->buffered);
	}
	return true;
}

static void on_turn(struct pace_turn *turn)
{
	struct staging *s = (struct staging *)((char *)turn - offsetof(struct staging, turn));

	s->moved(s);
}

bool staging_begin(struct staging *s)
{
	if(!s->buffer)
		s->buffer = malloc(BUFFER_BYTES);
	s->turn.serve = on_turn;
	s->failed = false;
	s->attempt++;
	s->pieces = 0;
	return s->buffer != NULL;
}

/* Room behind what is buffered. A read is never larger than that which sending all of it leaves. */
static void buffer_make_room(struct staging *s, size_t n)
{
	if(n > BUFFER_BYTES - s->buffered)
		piece_send(s, s->buffered);
	if(n > BUFFER_BYTES - s->start - s->buffered) {
		memmove(s->buffer, s->buffer + s->start, s->buffered);
		s->start = 0;
	}
}

/* False: it waits for one, or for answers. */
static bool turn_free(struct staging *s)
{
	return s->unsafe < UNSAFE_MAX && pace_ask(media_pace(), &s->turn, media_now_us());
}

bool staging_add(struct staging *s, uint64_t at, struct cpm_slice octets)
{
	bool jumps = s->buffered && s->buffer_at + s->buffered != at;

	if(jumps)
		piece_send(s, s->buffered);
	buffer_make_room(s, octets.n);
	if(!s->buffered)
		s->buffer_at = at;
	memcpy(s->buffer + s->start + s->buffered, octets.p, octets.n);
	s->buffered += octets.n;
	/* What jumps is sent in pieces of any size: each of them needs a turn as well. */
	if(!s->paused && (!jumps || turn_free(s)) && buffer_pass(s, PIECE_BYTES - 1))
		return true;
	s->paused = true;
	return false;
}

bool staging_ready(struct staging *s)
{
	if(!s->paused || s->unsafe >= UNSAFE_MAX || !buffer_pass(s, PIECE_BYTES - 1))
		return false;
	s->paused = false;
	return true;
}

bool staging_finish(struct staging *s)
{
	if(!buffer_pass(s, 0) || s->unsafe)
		return false;
	/* A turn that is not needed any more must not say so a second time. */
	staging_leave(s);
	return true;
}

bool staging_seal(struct staging *s, uint64_t total, store_octets_cb cb, void *context)
{
	struct store_seal seal = {.aor = s->aor,
			.id = s->id,
			.attempt = s->attempt,
			.pieces = s->pieces,
			.total = total,
			.ttl_ms = (int64_t)settings.msrp_staging_s * 1000,
			.head = STAGING_HEAD_BYTES};

	return !s->failed && store_seal(media_store(), &seal, cb, context);
}

void staging_keep(struct staging *s, int64_t now_ms)
{
	if(s->staged && s->buffered && keep_due(s, now_ms))
		piece_send(s, s->buffered);
}

void staging_drop(struct staging *s)
{
	staging_leave(s);
	s->start = s->buffered = 0;
	/* Nothing of it is under way to wake it. */
	s->paused = false;
	if(s->staged)
		store_unstage(media_store(), s->aor, s->id, s->attempt, NULL, NULL);
	s->staged = false;
}

void staging_leave(struct staging *s)
{
	pace_leave(media_pace(), &s->turn);
}

void staging_free(struct staging *s)
{
	staging_leave(s);
	free(s->buffer);
}
