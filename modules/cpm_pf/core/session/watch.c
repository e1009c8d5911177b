/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The table of subscription states.
 */
#include "watch.h"

#include <stddef.h>

static const struct {
	enum cpm_watch_state state;
	enum cpm_watch_event event;
	enum cpm_watch_step step;
	enum cpm_watch_state next;
} rows[] = {
		{CPM_WATCH_NEW, CPM_WATCH_BEGIN, CPM_WATCH_SUBSCRIBE, CPM_WATCH_ASKING},

		{CPM_WATCH_ASKING, CPM_WATCH_ACCEPTED, CPM_WATCH_REFRESH, CPM_WATCH_ACTIVE},
		{CPM_WATCH_ASKING, CPM_WATCH_REFUSED, CPM_WATCH_REST, CPM_WATCH_RESTING},
		{CPM_WATCH_ASKING, CPM_WATCH_TIME_WANTED, CPM_WATCH_REST, CPM_WATCH_RESTING},
		{CPM_WATCH_ASKING, CPM_WATCH_TIME_UNWANTED, CPM_WATCH_FORGET, CPM_WATCH_OVER},

		{CPM_WATCH_ACTIVE, CPM_WATCH_TIME_WANTED, CPM_WATCH_SUBSCRIBE, CPM_WATCH_ASKING},
		{CPM_WATCH_ACTIVE, CPM_WATCH_TIME_UNWANTED, CPM_WATCH_FORGET, CPM_WATCH_OVER},

		{CPM_WATCH_RESTING, CPM_WATCH_TIME_WANTED, CPM_WATCH_SUBSCRIBE, CPM_WATCH_ASKING},
		{CPM_WATCH_RESTING, CPM_WATCH_TIME_UNWANTED, CPM_WATCH_FORGET, CPM_WATCH_OVER},
};

enum cpm_watch_step cpm_watch_next(enum cpm_watch_state *state, enum cpm_watch_event event)
{
	size_t i;

	for(i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if(rows[i].state == *state && rows[i].event == event) {
			*state = rows[i].next;
			return rows[i].step;
		}
	}
	return CPM_WATCH_NOTHING;
}
