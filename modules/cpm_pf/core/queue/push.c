/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The table of push states.
 */
#include "push.h"

#include <stddef.h>

struct row {
	enum cpm_push_state state;
	enum cpm_push_event event;
	enum cpm_push_step step;
	enum cpm_push_state next;
};

/* clang-format off */
static const struct row rows[] = {
	{CPM_PUSH_RESTING,  CPM_PUSH_TRIGGER,   CPM_PUSH_QUEUE,    CPM_PUSH_READY},
	{CPM_PUSH_RESTING,  CPM_PUSH_TIME,      CPM_PUSH_QUEUE,    CPM_PUSH_READY},
	{CPM_PUSH_READY,    CPM_PUSH_TURN,      CPM_PUSH_CHECK,    CPM_PUSH_CHECKING},
	{CPM_PUSH_CHECKING, CPM_PUSH_TRIGGER,   CPM_PUSH_REMEMBER, CPM_PUSH_CHECKING},
	{CPM_PUSH_CHECKING, CPM_PUSH_CLEAR,     CPM_PUSH_FETCH,    CPM_PUSH_RUNNING},
	{CPM_PUSH_CHECKING, CPM_PUSH_NOT_NOW,   CPM_PUSH_REST,     CPM_PUSH_RESTING},
	{CPM_PUSH_CHECKING, CPM_PUSH_NO_CLIENT, CPM_PUSH_END,      CPM_PUSH_RESTING},
	{CPM_PUSH_RUNNING,  CPM_PUSH_TRIGGER,   CPM_PUSH_REMEMBER, CPM_PUSH_RUNNING},
	{CPM_PUSH_RUNNING,  CPM_PUSH_EMPTY,     CPM_PUSH_END,      CPM_PUSH_RESTING},
	{CPM_PUSH_RUNNING,  CPM_PUSH_LATER,     CPM_PUSH_REST,     CPM_PUSH_RESTING},
};
/* clang-format on */

enum cpm_push_step cpm_push_next(enum cpm_push_state *state, enum cpm_push_event event)
{
	size_t i;

	for(i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if(rows[i].state == *state && rows[i].event == event) {
			*state = rows[i].next;
			return rows[i].step;
		}
	}
	return CPM_PUSH_NOTHING;
}

const char *cpm_push_state_name(enum cpm_push_state state)
{
	static const char *const names[] = {"resting", "ready", "checking", "running"};

	return state < CPM_PUSH_STATES ? names[state] : "?";
}
