/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tickets, and answers on their way to the process that waits for them.
 */
#include "call.h"

#include "../../core/mem/shm.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../sip/invite.h"
#include "branch.h"
#include "transfer.h"

/* From whatever process has the answer. */
struct answered_job {
	struct command_job command;
	uint64_t ticket;
	struct call_answer answer; /* its SDP is in the job's block */
};

static const struct {
	void (*answered)(size_t place, uint64_t ticket, const struct call_answer *answer);
	dialog_told told;
	void (*rings)(size_t place, uint64_t ticket); /* NULL: it is of no use */
} users[CALL_KINDS] = {
		[CALL_TRANSFER] = {transfer_answered, transfer_told, NULL},
		[CALL_BRANCH] = {branch_answered, branch_told, branch_rings},
};

static uint64_t generation;

/* Places of one process follow those of the one before, and in it those of one kind those of another. */
static size_t places_of_kind(void)
{
	return (size_t)settings.msrp_max_sessions;
}

static size_t places_of_process(void)
{
	return CALL_KINDS * places_of_kind();
}

static int process_of(uint64_t ticket)
{
	return (int)(INVITE_PLACE(ticket) / places_of_process());
}

static enum call_kind kind_of(uint64_t ticket)
{
	return (enum call_kind)(INVITE_PLACE(ticket) % places_of_process() / places_of_kind());
}

uint64_t call_ticket(enum call_kind kind, size_t place)
{
	return (++generation << 24)
		   | ((size_t)media_self() * places_of_process() + kind * places_of_kind() + place);
}

static void answered_run(struct command_job *head, struct store *store, int64_t now)
{
	struct answered_job *job = (struct answered_job *)head;
	size_t place = INVITE_PLACE(job->ticket) % places_of_kind();
	enum call_kind kind = kind_of(job->ticket);

	if(job->answer.status < 200)
		users[kind].rings(place, job->ticket);
	else
		users[kind].answered(place, job->ticket, &job->answer);
	shm_free(job);
}

/* The dialog enters the table at once: the client may speak in it before the media process has heard of it. 0: it could not. */
static dialog_id dialog_take(uint64_t ticket, const struct invite_reply *reply)
{
	struct dlg *dlg = reply->dlg;
	dialog_id id = 0;

	if(dlg
			&& !dialog_adopt(dlg, media_owner(process_of(ticket)), users[kind_of(ticket)].told,
					&reply->terms, reply->offer, &id))
		invite_bye(&dlg, cpm_slice_of(settings_agent_line()));
	return id;
}

/* In any process: a client rings. */
static void on_rings(uint64_t ticket)
{
	struct answered_job *job = users[kind_of(ticket)].rings ? shm_mallocxz(sizeof(*job)) : NULL;

	if(!job)
		return;
	job->command = (struct command_job){{JOB_COMMAND}, answered_run};
	job->ticket = ticket;
	job->answer.status = 180;
	if(!post_to(POST_MEDIA, process_of(ticket), job))
		shm_free(job);
}

/* In any process: the final answer to an INVITE. */
static void on_final(uint64_t ticket, const struct invite_reply *reply)
{
	struct answered_job *job = shm_malloc(sizeof(*job) + reply->sdp.n + reply->contacts.n);
	dialog_id id = dialog_take(ticket, reply);
	struct cpm_sdp sdp;

	if(job) {
		*job = (struct answered_job){.command = {{JOB_COMMAND}, answered_run},
				.ticket = ticket,
				.answer = {.status = reply->status < 300 && !id ? 503 : reply->status,
						.dialog = id,
						.sdp = {(char *)(job + 1), reply->sdp.n},
						.contacts = {(char *)(job + 1) + reply->sdp.n, reply->contacts.n}}};
		if(reply->sdp.n)
			memcpy(job + 1, reply->sdp.p, reply->sdp.n);
		if(reply->contacts.n)
			memcpy((char *)(job + 1) + reply->sdp.n, reply->contacts.p, reply->contacts.n);
		if(id && cpm_sdp_parse(reply->sdp, &sdp, NULL) == CPM_OK)
			peer_locate(&sdp, &job->answer.peer);
		if(post_to(POST_MEDIA, process_of(ticket), job))
			return;
		shm_free(job);
	}
	LM_WARN("the msrp process is behind: the answer to an INVITE is lost\n");
	if(id)
		dialog_hang_up(id);
}

static void on_answered(uint64_t ticket, const struct invite_reply *reply)
{
	if(reply->status < 200)
		on_rings(ticket);
	else
		on_final(ticket, reply);
}

bool call_init(void)
{
	return peer_init()
		   && invite_init(on_answered, places_of_process() * (size_t)settings.msrp_workers);
}
