/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The table.
 */
#include "conversation.h"

#include <stddef.h>

/* clang-format off */
static const struct {
	enum cpm_conversation_state state;
	enum cpm_conversation_event event;
	enum cpm_conversation_step step;
	enum cpm_conversation_state next;
} rows[] = {
	{CPM_CONVERSATION_INVITING, CPM_CONVERSATION_CHOSEN,    CPM_CONVERSATION_CHOOSE, CPM_CONVERSATION_JOINING},
	{CPM_CONVERSATION_INVITING, CPM_CONVERSATION_ACCEPTED,  CPM_CONVERSATION_ANSWER, CPM_CONVERSATION_OPEN},
	{CPM_CONVERSATION_INVITING, CPM_CONVERSATION_REFUSED,   CPM_CONVERSATION_REFUSE, CPM_CONVERSATION_GONE},
	{CPM_CONVERSATION_INVITING, CPM_CONVERSATION_TIME,      CPM_CONVERSATION_REFUSE, CPM_CONVERSATION_GONE},
	{CPM_CONVERSATION_INVITING, CPM_CONVERSATION_CANCELLED, CPM_CONVERSATION_CANCEL, CPM_CONVERSATION_GONE},
	{CPM_CONVERSATION_JOINING,  CPM_CONVERSATION_ACCEPTED,  CPM_CONVERSATION_ANSWER, CPM_CONVERSATION_OPEN},
	{CPM_CONVERSATION_JOINING,  CPM_CONVERSATION_LEFT,      CPM_CONVERSATION_REFUSE, CPM_CONVERSATION_GONE},
	{CPM_CONVERSATION_JOINING,  CPM_CONVERSATION_TIME,      CPM_CONVERSATION_REFUSE, CPM_CONVERSATION_GONE},
	{CPM_CONVERSATION_JOINING,  CPM_CONVERSATION_CANCELLED, CPM_CONVERSATION_CANCEL, CPM_CONVERSATION_GONE},
	{CPM_CONVERSATION_OPEN,     CPM_CONVERSATION_UNABLE,    CPM_CONVERSATION_REFUSE, CPM_CONVERSATION_GONE},
	/* Its CANCEL crossed our 200. */
	{CPM_CONVERSATION_OPEN,     CPM_CONVERSATION_CANCELLED, CPM_CONVERSATION_END,    CPM_CONVERSATION_GONE},
	{CPM_CONVERSATION_OPEN,     CPM_CONVERSATION_LEFT,      CPM_CONVERSATION_DRAIN,  CPM_CONVERSATION_LEAVING},
	{CPM_CONVERSATION_OPEN,     CPM_CONVERSATION_TIME,      CPM_CONVERSATION_END,    CPM_CONVERSATION_GONE},
	/* The other one, too. */
	{CPM_CONVERSATION_LEAVING,  CPM_CONVERSATION_LEFT,      CPM_CONVERSATION_DRAIN,  CPM_CONVERSATION_LEAVING},
	{CPM_CONVERSATION_LEAVING,  CPM_CONVERSATION_QUIET,     CPM_CONVERSATION_END,    CPM_CONVERSATION_GONE},
	{CPM_CONVERSATION_LEAVING,  CPM_CONVERSATION_TIME,      CPM_CONVERSATION_END,    CPM_CONVERSATION_GONE},
};
/* clang-format on */

enum cpm_conversation_step cpm_conversation_next(
		enum cpm_conversation_state *state, enum cpm_conversation_event event)
{
	for(size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if(rows[i].state == *state && rows[i].event == event) {
			*state = rows[i].next;
			return rows[i].step;
		}
	}
	return CPM_CONVERSATION_NOTHING;
}

/* The lower, the better: a 6xx is everybody's, then 3xx, 4xx, 5xx. */
static unsigned rank(unsigned status)
{
	return status >= 600 ? 0 : status >= 300 ? status / 100 : 9;
}

unsigned cpm_conversation_better(unsigned one, unsigned other)
{
	return rank(other) < rank(one) ? other : one;
}
