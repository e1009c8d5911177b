/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Chance, the queue of events, and messages by their ids.
 */
#include <stdarg.h>

#include "core/queue/key.h"
#include "unit.h"
#include "world.h"

uint64_t world_random(struct world *w, uint64_t n)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (w->random * UINT64_C(0x2545f4914f6cdd1d) >> 11) % n;
}

bool world_chance(struct world *w, unsigned permille)
{
	return world_random(w, 1000) < permille;
}

void world_fail(struct world *w, const struct message *m, const char *format, ...)
{
	char text[512];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	ck_abort_msg("SIM_SEED=%llu, at %lld s, step %llu: %s%s%s: %s", (unsigned long long)w->seed,
			(long long)(w->now_ms - w->start_ms) / 1000, (unsigned long long)w->step,
			m ? m->ids[m->stored < 0 ? 0 : m->stored] : "", m ? " of " : "",
			m ? w->users[m->user].aor : "", text);
	abort();
}

/* One line of the story, for who wants to read it (SIM_LOG=1). */
void world_say(struct world *w, const char *format, ...)
{
	va_list values;

	if(!getenv("SIM_LOG"))
		return;
	fprintf(stderr, "%10.3f ", (double)(w->now_ms - w->start_ms) / 1000);
	va_start(values, format);
	vfprintf(stderr, format, values);
	va_end(values);
	fputc('\n', stderr);
}

/* The heap of events */

static bool sooner(const struct event *a, const struct event *b)
{
	return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->sequence < b->sequence);
}

void world_event(struct world *w, int64_t delay_ms, struct event e)
{
	size_t at = w->heap_count++;

	if(w->heap_count > w->heap_room) {
		w->heap_room = 2 * w->heap_room + 64;
		w->heap = realloc(w->heap, w->heap_room * sizeof(*w->heap));
	}
	e.at_ms = w->now_ms + delay_ms;
	e.sequence = w->sequence++;
	for(; at && sooner(&e, &w->heap[(at - 1) / 2]); at = (at - 1) / 2)
		w->heap[at] = w->heap[(at - 1) / 2];
	w->heap[at] = e;
}

struct event world_take(struct world *w)
{
	struct event first = w->heap[0], last = w->heap[--w->heap_count];
	size_t at = 0, child;

	while((child = 2 * at + 1) < w->heap_count) {
		if(child + 1 < w->heap_count && sooner(&w->heap[child + 1], &w->heap[child]))
			child++;
		if(!sooner(&w->heap[child], &last))
			break;
		w->heap[at] = w->heap[child];
		at = child;
	}
	w->heap[at] = last;
	return first;
}

/* Ids of messages */

static size_t slot_of(const struct world *w, const char *id, size_t n)
{
	return cpm_slice_hash((struct cpm_slice){id, n}, 7) & (w->index_size - 1);
}

bool message_has_id(const struct message *m, const char *id, size_t n)
{
	for(int t = 0; t < m->tries; t++)
		if(strlen(m->ids[t]) == n && !memcmp(m->ids[t], id, n))
			return true;
	return false;
}

struct message *world_find(struct world *w, const char *id, size_t n)
{
	for(size_t at = slot_of(w, id, n); w->index[at]; at = (at + 1) & (w->index_size - 1))
		if(message_has_id(w->index[at], id, n))
			return w->index[at];
	return NULL;
}

void world_give_id(struct world *w, struct message *m)
{
	char *id = m->ids[m->tries];
	unsigned char bytes[12];
	struct cpm_buf b;
	size_t at;

	for(size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)world_random(w, 256);
	cpm_buf_init_fixed(&b, id, sizeof(m->ids[0]) - 1);
	cpm_key_add_id(&b, bytes, w->users[m->user].shard);
	m->tries++;
	for(at = slot_of(w, id, b.n); w->index[at]; at = (at + 1) & (w->index_size - 1))
		;
	w->index[at] = m;
}
