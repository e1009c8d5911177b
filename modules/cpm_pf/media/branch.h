/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The INVITEs of bridges: one for each client, or one for the ISF, and what
 * comes of each. A branch outlives its bridge while its final answer is awaited.
 */
#ifndef CPM_BRANCH_H
#define CPM_BRANCH_H

#include "call.h"
#include "invitation.h"

struct bridge;

struct branch {
	bool used, pending;
	struct bridge *bridge; /* NULL: nobody wants it any more */
	uint64_t ticket;
	struct leg *leg;
	dialog_id dialog; /* 0: none, or over */
	bool to_isf;
	int64_t sent_ms;
};

/* At the start of a media process. False without memory. */
bool branch_start(void);

/* Sends the INVITE with an offer of our own. hooks: of the leg, whose owner is the branch. False when it cannot be sent. */
bool branch_invite(struct bridge *b, const struct bridge_job *job,
		const struct invitation *invitation, const struct leg_hooks *hooks);
/* Cancels all of a bridge but the one that is kept, or ends their dialogs; none of them is its any more. */
void branch_cancel_others(struct bridge *b, const struct branch *keep);

/* The final answer to the INVITE of a place, and news of its dialog. */
void branch_answered(size_t place, uint64_t ticket, const struct call_answer *answer);
void branch_told(dialog_id id, enum dialog_news news);
/* About once a second: gives up what no answer came to. */
void branch_sweep(int64_t now_ms);

#endif
