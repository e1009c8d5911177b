/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The table.
 */
#include "bridge.h"

#include <stddef.h>

/* clang-format off */
static const struct {
	enum cpm_bridge_state state;
	enum cpm_bridge_event event;
	enum cpm_bridge_step step;
	enum cpm_bridge_state next;
} rows[] = {
	{CPM_BRIDGE_INVITING, CPM_BRIDGE_CHOSEN,    CPM_BRIDGE_CHOOSE, CPM_BRIDGE_JOINING},
	{CPM_BRIDGE_INVITING, CPM_BRIDGE_ACCEPTED,  CPM_BRIDGE_ANSWER, CPM_BRIDGE_OPEN},
	{CPM_BRIDGE_INVITING, CPM_BRIDGE_REFUSED,   CPM_BRIDGE_REFUSE, CPM_BRIDGE_GONE},
	{CPM_BRIDGE_INVITING, CPM_BRIDGE_TIME,      CPM_BRIDGE_REFUSE, CPM_BRIDGE_GONE},
	{CPM_BRIDGE_INVITING, CPM_BRIDGE_OVER,      CPM_BRIDGE_CANCEL, CPM_BRIDGE_GONE},
	{CPM_BRIDGE_JOINING,  CPM_BRIDGE_ACCEPTED,  CPM_BRIDGE_ANSWER, CPM_BRIDGE_OPEN},
	{CPM_BRIDGE_JOINING,  CPM_BRIDGE_BROKEN,    CPM_BRIDGE_REFUSE, CPM_BRIDGE_GONE},
	{CPM_BRIDGE_JOINING,  CPM_BRIDGE_TIME,      CPM_BRIDGE_REFUSE, CPM_BRIDGE_GONE},
	{CPM_BRIDGE_JOINING,  CPM_BRIDGE_OVER,      CPM_BRIDGE_CANCEL, CPM_BRIDGE_GONE},
	{CPM_BRIDGE_OPEN,     CPM_BRIDGE_UNABLE,    CPM_BRIDGE_REFUSE, CPM_BRIDGE_GONE},
	{CPM_BRIDGE_OPEN,     CPM_BRIDGE_CONFIRMED, CPM_BRIDGE_TELL,   CPM_BRIDGE_LEAVING},
	{CPM_BRIDGE_OPEN,     CPM_BRIDGE_BROKEN,    CPM_BRIDGE_FAIL,   CPM_BRIDGE_LEAVING},
	{CPM_BRIDGE_OPEN,     CPM_BRIDGE_LOST,      CPM_BRIDGE_STOP,   CPM_BRIDGE_GONE},
	{CPM_BRIDGE_OPEN,     CPM_BRIDGE_OVER,      CPM_BRIDGE_STOP,   CPM_BRIDGE_GONE},
	{CPM_BRIDGE_LEAVING,  CPM_BRIDGE_LOST,      CPM_BRIDGE_END,    CPM_BRIDGE_GONE},
	{CPM_BRIDGE_LEAVING,  CPM_BRIDGE_OVER,      CPM_BRIDGE_END,    CPM_BRIDGE_GONE},
	{CPM_BRIDGE_LEAVING,  CPM_BRIDGE_TIME,      CPM_BRIDGE_END,    CPM_BRIDGE_GONE},
};
/* clang-format on */

enum cpm_bridge_step cpm_bridge_next(enum cpm_bridge_state *state, enum cpm_bridge_event event)
{
	for(size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if(rows[i].state == *state && rows[i].event == event) {
			*state = rows[i].next;
			return rows[i].step;
		}
	}
	return CPM_BRIDGE_NOTHING;
}
