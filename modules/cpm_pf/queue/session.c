/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Sessions in a hash table, a line, and among alarms.
 */
#include "session.h"

#include <stdlib.h>

static struct session **table;
static size_t table_mask;
static struct cpm_alarms alarms;
static size_t count, max;
static struct session *line_head, **line_tail = &line_head;
static uint64_t numbers;

bool sessions_init(size_t limit)
{
	struct cpm_alarm **heap;
	size_t size = 1024;

	while(size < limit && size < (1u << 17))
		size *= 2;
	table = calloc(size, sizeof(*table));
	heap = calloc(limit, sizeof(*heap));
	cpm_alarms_init(&alarms, heap, limit);
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

void session_wake_at(struct session *s, int64_t at_ms)
{
	/* There is room for all sessions. */
	cpm_alarm_set(&alarms, &s->wake, at_ms);
}

void session_wake_clear(struct session *s)
{
	cpm_alarm_clear(&alarms, &s->wake);
}

struct session *session_due(int64_t now_ms, int64_t *next_ms)
{
	struct cpm_alarm *a = cpm_alarm_first(&alarms);

	if(!a || a->at_ms > now_ms) {
		*next_ms = a ? a->at_ms : INT64_MAX;
		return NULL;
	}
	cpm_alarm_clear(&alarms, a);
	return CPM_ALARM_OWNER(a, struct session, wake);
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
