/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Branches.
 */
#include "branch.h"

#include <stdlib.h>

#include "../module/settings.h"
#include "../sip/invite.h"

#define SDP_MAX 4096
/* A connection may serve others, too: for so long it stands still for a 200 that is slower than its media. */
#define EARLY_MS 3000

static struct branch *branches;
static size_t branch_count;

bool branch_start(void)
{
	branch_count = (size_t)settings.msrp_max_sessions;
	branches = calloc(branch_count, sizeof(*branches));
	return branches != NULL;
}

static struct branch *branch_take(const struct branch_plan *plan)
{
	static size_t from;
	size_t i;

	for(i = 0; i < branch_count; i++) {
		struct branch *branch = &branches[(from + i) % branch_count];

		if(branch->used)
			continue;
		from = (size_t)(branch - branches) + 1;
		*branch = (struct branch){.used = true, .hooks = plan->hooks, .owner = plan->owner};
		branch->ticket = call_ticket(CALL_BRANCH, (size_t)(branch - branches));
		return branch;
	}
	return NULL;
}

/* Its owner wants it no more; its place is free once nothing is to come for it either. */
static void branch_leave(struct branch *branch)
{
	branch->owner = NULL;
	if(branch->dialog)
		dialog_hang_up(branch->dialog);
	branch->dialog = 0;
	leg_close(&branch->leg);
	branch->used = branch->pending;
}

void branch_cancel_others(const void *owner, const struct branch *keep)
{
	size_t i;

	for(i = 0; i < branch_count; i++) {
		struct branch *branch = &branches[i];

		if(!branch->used || branch->owner != owner || branch == keep)
			continue;
		if(branch->pending)
			invite_cancel(branch->ticket);
		branch_leave(branch);
	}
}

/* Its leg, until its owner takes it over. */

/* Its media connection is faster than its 200: what it says waits for that. */
static void on_bound(void *owner, struct leg *leg)
{
	leg_pause(leg);
	((struct branch *)owner)->early_ms = now_ms();
}

static void on_lost(void *owner, struct leg *leg, enum leg_loss why)
{
	((struct branch *)owner)->leg = NULL;
}

static const struct leg_hooks leg_hooks = {.bound = on_bound, .lost = on_lost};

static bool branch_send(struct branch *branch, const struct branch_plan *plan)
{
	const struct invitation *i = branch->invitation;
	struct invite invite = {.uri = i->uri,
			.from = plan->job->from,
			.to = plan->job->to,
			.next_hop = i->next_hop,
			.headers = i->headers,
			.before = plan->job->before,
			.after = plan->job->after,
			.content_type = plan->job->content_type,
			.tags = plan->job->kind->tags,
			.socket = i->socket};
	char memory[SDP_MAX];
	struct cpm_buf sdp;

	cpm_buf_init_fixed(&sdp, memory, sizeof(memory));
	if(!branch->leg || !offer_make(branch->leg, plan->terms, branch->ticket, &sdp))
		return false;
	invite.sdp = cpm_buf_slice(&sdp);
	return invite_send(&invite, branch->ticket);
}

bool branch_invite(const struct branch_plan *plan, const struct invitation *invitation)
{
	struct branch *branch = branch_take(plan);

	if(!branch)
		return false;
	branch->terms = plan->terms;
	branch->invitation = invitation;
	branch->leg = offer_begin(plan->terms, &leg_hooks, branch);
	branch->pending = branch_send(branch, plan);
	branch->sent_ms = now_ms();
	if(!branch->pending)
		branch_leave(branch);
	return branch->used;
}

/* 0, or why the answer is of no use. */
static unsigned answer_fault(struct branch *branch, const struct call_answer *answer)
{
	if(answer->status >= 300)
		return (unsigned)answer->status;
	/* It has hung up already, or its side of the media cannot be had. */
	return dialog_lives(answer->dialog) && branch->leg
						   && offer_answered(branch->leg, branch->terms, answer->sdp, &answer->peer)
				   ? 0
				   : 488;
}

void branch_rings(size_t place, uint64_t ticket)
{
	struct branch *branch = &branches[place];

	if(branch->used && branch->ticket == ticket && branch->pending && branch->owner
			&& branch->hooks->rings)
		branch->hooks->rings(branch->owner);
}

void branch_answered(size_t place, uint64_t ticket, const struct call_answer *answer)
{
	struct branch *branch = &branches[place];
	void *owner = branch->owner;
	unsigned fault;

	if(!branch->used || branch->ticket != ticket) {
		if(answer->dialog)
			dialog_hang_up(answer->dialog);
		return;
	}
	branch->dialog = answer->dialog;
	fault = owner ? answer_fault(branch, answer) : 0;
	branch->pending = false;
	if(owner && !fault) {
		branch->hooks->accepted(owner, branch, answer->sdp);
		return;
	}
	/* Refused, or too late: another was faster, or nobody waits. */
	branch_leave(branch);
	if(owner)
		branch->hooks->refused(owner, fault, answer->contacts);
}

void branch_told(dialog_id id, enum dialog_news news)
{
	size_t i;

	for(i = 0; i < branch_count && news == DIALOG_OVER; i++) {
		struct branch *branch = &branches[i];

		if(!branch->used || branch->dialog != id)
			continue;
		branch->dialog = 0;
		if(branch->owner)
			branch->hooks->hung_up(branch->owner, branch);
		return;
	}
}

static void early_sweep(struct branch *branch, int64_t now_ms)
{
	if(!branch->pending || !branch->leg || !branch->early_ms
			|| branch->early_ms + EARLY_MS >= now_ms)
		return;
	branch->early_ms = 0;
	leg_resume(branch->leg);
}

void branch_sweep(int64_t now_ms)
{
	size_t i;

	for(i = 0; i < branch_count; i++) {
		struct branch *branch = &branches[i];

		if(!branch->used)
			continue;
		early_sweep(branch, now_ms);
		if(branch->pending && !branch->owner && branch->sent_ms + CALL_LOST_MS < now_ms) {
			branch->pending = false;
			branch_leave(branch);
		}
	}
}
