/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Sessions in a hash table, a heap of times and a line.
 */
#include "session.h"

#include <stdlib.h>

static struct session **table;
static size_t table_mask;
static struct session **heap;
static size_t heap_count, count, max;
static struct session *line_head, **line_tail = &line_head;
static uint64_t numbers;

bool sessions_init(size_t limit)
{
	size_t size = 1024;

	while(size < limit && size < (1u << 17))
		size *= 2;
	table = calloc(size, sizeof(*table));
	heap = calloc(limit + 1, sizeof(*heap));
	table_mask = size - 1;
	max = limit;
	return table && heap;
}

size_t sessions_count(void)
{
	return count;
}

struct session *session_find(struct cpm_slice aor)
{
	uint64_t hash = cpm_slice_hash(aor, 0);
	struct session *s;

	for(s = table[hash & table_mask]; s; s = s->hash_next) {
		if(s->hash == hash && cpm_slice_eq(s->aor, aor))
			return s;
	}
	return NULL;
}

struct session *session_make(struct cpm_slice aor)
{
	struct session *s;

	if(count >= max || !(s = calloc(1, sizeof(*s) + aor.n)))
		return NULL;
	memcpy(s + 1, aor.p, aor.n);
	s->aor = (struct cpm_slice){(char *)(s + 1), aor.n};
	s->hash = cpm_slice_hash(aor, 0);
	s->number = ++numbers;
	s->hash_next = table[s->hash & table_mask];
	table[s->hash & table_mask] = s;
	count++;
	return s;
}

void session_free(struct session *s)
{
	struct session **at = &table[s->hash & table_mask];

	while(*at != s)
		at = &(*at)->hash_next;
	*at = s->hash_next;
	session_wake_clear(s);
	session_aim_clear(s);
	free(s->report);
	free(s->told);
	free(s);
	count--;
}

void session_aim(struct session *s, struct cpm_slice contact)
{
	if(!contact.n || s->target_count == SESSION_TARGETS_MAX) {
		s->any_target = true;
		return;
	}
	if(session_aims_at(s, contact) && s->target_count)
		return;
	s->targets[s->target_count] = strndup(contact.p, contact.n);
	if(s->targets[s->target_count])
		s->target_count++;
	else
		s->any_target = true;
}

void session_aim_clear(struct session *s)
{
	while(s->target_count)
		free(s->targets[--s->target_count]);
	s->any_target = false;
}

bool session_aims_at(const struct session *s, struct cpm_slice contact)
{
	size_t i;

	if(s->any_target || s->target_count == 0)
		return true;
	for(i = 0; i < s->target_count; i++) {
		if(cpm_slice_eq(cpm_slice_of(s->targets[i]), contact))
			return true;
	}
	return false;
}

static void heap_put(size_t at, struct session *s)
{
	heap[at] = s;
	s->heap_at = at;
}

/* Places count from 1: the children of i are 2i and 2i+1. */
static void heap_sift(size_t at)
{
	struct session *s = heap[at];
	size_t child;

	while(at > 1 && heap[at / 2]->wake_ms > s->wake_ms) {
		heap_put(at, heap[at / 2]);
		at /= 2;
	}
	while((child = at * 2) <= heap_count) {
		if(child < heap_count && heap[child + 1]->wake_ms < heap[child]->wake_ms)
			child++;
		if(heap[child]->wake_ms >= s->wake_ms)
			break;
		heap_put(at, heap[child]);
		at = child;
	}
	heap_put(at, s);
}

void session_wake_at(struct session *s, int64_t at_ms)
{
	s->wake_ms = at_ms;
	if(!s->heap_at)
		heap_put(++heap_count, s);
	heap_sift(s->heap_at);
}

void session_wake_clear(struct session *s)
{
	size_t at = s->heap_at;
	struct session *last;

	if(!at)
		return;
	s->heap_at = 0;
	last = heap[heap_count--];
	if(last != s) {
		heap_put(at, last);
		heap_sift(at);
	}
}

struct session *session_due(int64_t now_ms, int64_t *next_ms)
{
	struct session *s = heap_count ? heap[1] : NULL;

	if(!s || s->wake_ms > now_ms) {
		*next_ms = s ? s->wake_ms : INT64_MAX;
		return NULL;
	}
	session_wake_clear(s);
	return s;
}

void session_line_up(struct session *s)
{
	s->ready_next = NULL;
	*line_tail = s;
	line_tail = &s->ready_next;
}

struct session *session_step_up(void)
{
	struct session *s = line_head;

	if(s) {
		line_head = s->ready_next;
		if(!line_head)
			line_tail = &line_head;
	}
	return s;
}
