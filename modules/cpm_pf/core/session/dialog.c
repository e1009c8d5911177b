/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The table of dialog states.
 */
#include "dialog.h"

#include <stddef.h>

struct row {
	enum cpm_dialog_state state;
	enum cpm_dialog_event event;
	unsigned steps;
	enum cpm_dialog_state next;
};

#define CALLER_ENDS (CPM_DIALOG_SEND_487 | CPM_DIALOG_TELL_ENDED | CPM_DIALOG_FREE)

/* clang-format off */
static const struct row rows[] = {
	{CPM_DIALOG_PENDING,   CPM_DIALOG_RING,     CPM_DIALOG_SEND_180,                          CPM_DIALOG_RINGING},
	{CPM_DIALOG_PENDING,   CPM_DIALOG_ANSWER,   CPM_DIALOG_SEND_200,                          CPM_DIALOG_ANSWERED},
	{CPM_DIALOG_PENDING,   CPM_DIALOG_REFUSE,   CPM_DIALOG_FREE,                              CPM_DIALOG_ENDED},
	{CPM_DIALOG_PENDING,   CPM_DIALOG_CANCEL,   CALLER_ENDS,                                  CPM_DIALOG_ENDED},
	/* RFC 3261 section 15.1.2: in the early dialog that our 180 made. */
	{CPM_DIALOG_PENDING,   CPM_DIALOG_BYE,      CALLER_ENDS,                                  CPM_DIALOG_ENDED},
	{CPM_DIALOG_PENDING,   CPM_DIALOG_TIME,     CPM_DIALOG_TELL_ENDED | CPM_DIALOG_FREE,      CPM_DIALOG_ENDED},

	{CPM_DIALOG_RINGING,   CPM_DIALOG_RUNG,     CPM_DIALOG_NOTHING,                           CPM_DIALOG_PENDING},
	{CPM_DIALOG_RINGING,   CPM_DIALOG_CANCEL,   CPM_DIALOG_NOTHING,                           CPM_DIALOG_CANCELLED},
	{CPM_DIALOG_RINGING,   CPM_DIALOG_BYE,      CPM_DIALOG_NOTHING,                           CPM_DIALOG_CANCELLED},
	{CPM_DIALOG_RINGING,   CPM_DIALOG_REFUSE,   CPM_DIALOG_FREE,                              CPM_DIALOG_ENDED},
	{CPM_DIALOG_RINGING,   CPM_DIALOG_TIME,     CPM_DIALOG_TELL_ENDED | CPM_DIALOG_FREE,      CPM_DIALOG_ENDED},

	{CPM_DIALOG_CANCELLED, CPM_DIALOG_RUNG,     CALLER_ENDS,                                  CPM_DIALOG_ENDED},
	{CPM_DIALOG_CANCELLED, CPM_DIALOG_REFUSE,   CPM_DIALOG_FREE,                              CPM_DIALOG_ENDED},
	{CPM_DIALOG_CANCELLED, CPM_DIALOG_TIME,     CPM_DIALOG_TELL_ENDED | CPM_DIALOG_FREE,      CPM_DIALOG_ENDED},

	{CPM_DIALOG_ANSWERED,  CPM_DIALOG_ACK,      CPM_DIALOG_TELL_ACKED,                        CPM_DIALOG_CONFIRMED},
	{CPM_DIALOG_ANSWERED,  CPM_DIALOG_BYE,      CPM_DIALOG_TELL_ENDED | CPM_DIALOG_FREE,      CPM_DIALOG_ENDED},
	{CPM_DIALOG_ANSWERED,  CPM_DIALOG_HANG_UP,  CPM_DIALOG_NOTHING,                           CPM_DIALOG_LEAVING},
	{CPM_DIALOG_ANSWERED,  CPM_DIALOG_TIME,     CPM_DIALOG_SEND_BYE | CPM_DIALOG_TELL_ENDED,  CPM_DIALOG_ENDING},

	/* RFC 3261 section 15: no BYE before the ACK, or before we gave up waiting for it. */
	{CPM_DIALOG_LEAVING,   CPM_DIALOG_ACK,      CPM_DIALOG_SEND_BYE,                          CPM_DIALOG_ENDING},
	{CPM_DIALOG_LEAVING,   CPM_DIALOG_BYE,      CPM_DIALOG_FREE,                              CPM_DIALOG_ENDED},
	{CPM_DIALOG_LEAVING,   CPM_DIALOG_TIME,     CPM_DIALOG_SEND_BYE,                          CPM_DIALOG_ENDING},

	{CPM_DIALOG_CONFIRMED, CPM_DIALOG_BYE,      CPM_DIALOG_TELL_ENDED | CPM_DIALOG_FREE,      CPM_DIALOG_ENDED},
	{CPM_DIALOG_CONFIRMED, CPM_DIALOG_HANG_UP,  CPM_DIALOG_SEND_BYE,                          CPM_DIALOG_ENDING},
	{CPM_DIALOG_CONFIRMED, CPM_DIALOG_TIME,     CPM_DIALOG_SEND_BYE | CPM_DIALOG_TELL_ENDED,  CPM_DIALOG_ENDING},

	{CPM_DIALOG_ENDING,    CPM_DIALOG_BYE_DONE, CPM_DIALOG_FREE,                              CPM_DIALOG_ENDED},
	{CPM_DIALOG_ENDING,    CPM_DIALOG_TIME,     CPM_DIALOG_FREE,                              CPM_DIALOG_ENDED},
};
/* clang-format on */

unsigned cpm_dialog_next(enum cpm_dialog_state *state, enum cpm_dialog_event event)
{
	size_t i;

	for(i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if(rows[i].state == *state && rows[i].event == event) {
			*state = rows[i].next;
			return rows[i].steps;
		}
	}
	return CPM_DIALOG_NOTHING;
}
