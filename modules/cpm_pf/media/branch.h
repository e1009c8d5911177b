/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * INVITEs to clients, at once: one for each, or one for the ISF, and what comes
 * of each. A branch outlives its owner while its final answer is awaited.
 */
#ifndef CPM_MEDIA_BRANCH_H
#define CPM_MEDIA_BRANCH_H

#include "call.h"
#include "invitation.h"
#include "offer.h"

struct branch {
	bool used, pending;
	const struct branch_hooks *hooks;
	void *owner; /* NULL: nobody wants it any more */
	uint64_t ticket;
	struct leg *leg;                 /* NULL: none, or lost */
	dialog_id dialog;                /* 0: none, or over */
	const struct offer_terms *terms; /* the owner's, as the next one */
	const struct invitation *invitation;
	int64_t sent_ms;
	int64_t early_ms; /* its media connection came, before its 200; 0: it has not, or is read again */
};

struct branch_hooks {
	/* It accepts, with this description, valid during the call. The owner takes its leg over by leg_hand_over and leg_resume, and clears
	 * branch->leg when that is lost. */
	void (*accepted)(void *owner, struct branch *branch, struct cpm_slice sdp);
	/* It does not. The branch is gone; nothing is left when as many have come as branch_invite sent. contacts: of a 302. */
	void (*refused)(void *owner, unsigned status, struct cpm_slice contacts);
	/* One that had accepted has ended its dialog. */
	void (*hung_up)(void *owner, struct branch *branch);
	/* One that has not answered yet rings, once; NULL: its owner does not care. */
	void (*rings)(void *owner);
};

/* What INVITEs are sent for, besides to whom. terms must outlive them, or the owner that cancels them. */
struct branch_plan {
	const struct branch_hooks *hooks;
	void *owner;
	const struct invitation_job *job;
	const struct offer_terms *terms;
};

/* At the start of a media process. False without memory. */
bool branch_start(void);

/* Sends the INVITE with an offer of our own. False when it cannot be sent. */
bool branch_invite(const struct branch_plan *plan, const struct invitation *invitation);
/* Cancels all of an owner but the one that is kept, or ends their dialogs; none of them is its any more. */
void branch_cancel_others(const void *owner, const struct branch *keep);

/* The answers to the INVITE of a place, and news of its dialog. */
void branch_rings(size_t place, uint64_t ticket);
void branch_answered(size_t place, uint64_t ticket, const struct call_answer *answer);
void branch_told(dialog_id id, enum dialog_news news);
/* About once a second: gives up what no answer came to. */
void branch_sweep(int64_t now_ms);

#endif
