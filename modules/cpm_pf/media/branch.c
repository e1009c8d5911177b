/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Branches.
 */
#include "branch.h"

#include <stdlib.h>

#include "../module/settings.h"
#include "../sip/invite.h"
#include "bridge.h"
#include "offer.h"

#define SDP_MAX 2048

static struct branch *branches;
static size_t branch_count;

bool branch_start(void)
{
	branch_count = (size_t)settings.msrp_max_sessions;
	branches = calloc(branch_count, sizeof(*branches));
	return branches != NULL;
}

static struct branch *branch_take(struct bridge *b)
{
	static size_t from;
	size_t i;

	for(i = 0; i < branch_count; i++) {
		struct branch *branch = &branches[(from + i) % branch_count];

		if(branch->used)
			continue;
		from = (size_t)(branch - branches) + 1;
		*branch = (struct branch){.used = true, .bridge = b};
		branch->ticket = call_ticket(CALL_BRANCH, (size_t)(branch - branches));
		return branch;
	}
	return NULL;
}

/* Its bridge wants it no more; its place is free once nothing is to come for it either. */
static void branch_leave(struct branch *branch)
{
	branch->bridge = NULL;
	if(branch->dialog)
		dialog_hang_up(branch->dialog);
	branch->dialog = 0;
	leg_close(&branch->leg);
	branch->used = branch->pending;
}

void branch_cancel_others(struct bridge *b, const struct branch *keep)
{
	size_t i;

	for(i = 0; i < branch_count; i++) {
		struct branch *branch = &branches[i];

		if(!branch->used || branch->bridge != b || branch == keep)
			continue;
		if(branch->pending)
			invite_cancel(branch->ticket);
		branch_leave(branch);
	}
}

static bool branch_send(
		struct branch *branch, const struct bridge_job *job, const struct invitation *invitation)
{
	struct invite invite = {.uri = invitation->uri,
			.from = job->from,
			.to = job->to,
			.next_hop = invitation->next_hop,
			.headers = invitation->headers,
			.socket = invitation->socket};
	char memory[SDP_MAX];
	struct cpm_buf sdp;

	cpm_buf_init_fixed(&sdp, memory, sizeof(memory));
	if(!branch->leg
			|| !offer_make(branch->leg, branch->ticket, job->octets_known ? &job->octets : NULL,
					branch->to_isf, &sdp))
		return false;
	invite.sdp = cpm_buf_slice(&sdp);
	return invite_send(&invite, branch->ticket);
}

bool branch_invite(struct bridge *b, const struct bridge_job *job,
		const struct invitation *invitation, const struct leg_hooks *hooks)
{
	struct branch *branch = branch_take(b);

	if(!branch)
		return false;
	branch->to_isf = invitation->to_isf;
	branch->leg = offer_begin(hooks, branch);
	branch->pending = branch_send(branch, job, invitation);
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
						   && offer_answered(
								   branch->leg, branch->to_isf, answer->sdp, &answer->peer)
				   ? 0
				   : 488;
}

void branch_answered(size_t place, uint64_t ticket, const struct call_answer *answer)
{
	struct branch *branch = &branches[place];
	struct bridge *b = branch->bridge;
	unsigned fault;

	if(!branch->used || branch->ticket != ticket) {
		if(answer->dialog)
			dialog_hang_up(answer->dialog);
		return;
	}
	branch->pending = false;
	branch->dialog = answer->dialog;
	fault = b ? answer_fault(branch, answer) : 0;
	if(b && !fault) {
		bridge_accepted(b, branch);
		return;
	}
	/* Refused, or too late: another was faster, or nobody waits. */
	branch_leave(branch);
	if(b)
		bridge_refused(b, fault);
}

void branch_told(dialog_id id, enum dialog_news news)
{
	size_t i;

	for(i = 0; i < branch_count && news == DIALOG_OVER; i++) {
		struct branch *branch = &branches[i];

		if(!branch->used || branch->dialog != id)
			continue;
		branch->dialog = 0;
		if(branch->bridge)
			bridge_hung_up(branch->bridge, branch);
		return;
	}
}

void branch_sweep(int64_t now_ms)
{
	size_t i;

	for(i = 0; i < branch_count; i++) {
		struct branch *branch = &branches[i];

		if(branch->used && branch->pending && !branch->bridge
				&& branch->sent_ms + CALL_LOST_MS < now_ms) {
			branch->pending = false;
			branch_leave(branch);
		}
	}
}
