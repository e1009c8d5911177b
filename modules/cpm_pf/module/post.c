/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Mailboxes by kind and number of the process, and the jobs that many send.
 */
#include "post.h"

#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "context.h"
#include "ticket.h"

static struct {
	struct mailbox **mailboxes;
	int processes;
} posts[POST_KINDS];

bool post_init(enum post_kind kind, int processes, size_t capacity)
{
	int i;

	posts[kind].mailboxes = shm_mallocxz((size_t)processes * sizeof(struct mailbox *));
	if(!posts[kind].mailboxes)
		return false;
	posts[kind].processes = processes;
	for(i = 0; i < processes; i++) {
		if(!(posts[kind].mailboxes[i] = mailbox_new(capacity)))
			return false;
	}
	return true;
}

struct mailbox *post_mailbox(enum post_kind kind, int process)
{
	return posts[kind].mailboxes[process];
}

int post_process_of(enum post_kind kind, struct cpm_slice aor)
{
	/* A seed for each kind: users who share a queue process need not share a store process. */
	return posts[kind].processes <= 1 ? 0
									  : (int)(cpm_slice_hash(aor, (unsigned)kind + 1)
											  % (unsigned)posts[kind].processes);
}

bool post_to(enum post_kind kind, int process, void *job)
{
	return process >= 0 && process < posts[kind].processes
		   && mailbox_post(posts[kind].mailboxes[process], job);
}

bool post_queue(struct cpm_slice aor, void *job)
{
	return post_to(POST_QUEUE, post_process_of(POST_QUEUE, aor), job);
}

static int64_t later(int64_t delay_ms)
{
	return delay_ms ? now_ms() + delay_ms : 0;
}

static bool trigger(struct cpm_slice aor, struct cpm_slice contact, struct trigger_job what)
{
	struct trigger_job *job = shm_malloc(sizeof(*job) + aor.n + contact.n);
	char *text = (char *)(job + 1);

	if(!job)
		return false;
	*job = what;
	job->head.kind = JOB_TRIGGER;
	memcpy(text, aor.p, aor.n);
	job->aor = (struct cpm_slice){text, aor.n};
	if(contact.n)
		memcpy(text + aor.n, contact.p, contact.n);
	job->contact = (struct cpm_slice){text + aor.n, contact.n};
	if(post_queue(aor, job))
		return true;
	shm_free(job);
	return false;
}

bool post_trigger(struct cpm_slice aor, struct cpm_slice contact, bool force, int64_t delay_ms)
{
	return trigger(
			aor, contact, (struct trigger_job){.force = force, .not_before_ms = later(delay_ms)});
}

bool post_registered(
		struct cpm_slice aor, struct cpm_slice contact, bool refreshed, int64_t delay_ms)
{
	return trigger(aor, contact,
			(struct trigger_job){.force = !refreshed,
					.registered = !refreshed,
					.not_before_ms = later(delay_ms)});
}

bool post_due(struct cpm_slice aor, bool ordered)
{
	return trigger(aor, CPM_SLICE_NONE, (struct trigger_job){.due = true, .ordered = ordered});
}

void post_answer(uint64_t ticket, int status)
{
	post_answer_expires(ticket, status, 0);
}

void post_answer_expires(uint64_t ticket, int status, int64_t expires_s)
{
	struct answer_job *job = shm_malloc(sizeof(*job));

	if(!job)
		return;
	*job = (struct answer_job){
			.head = {JOB_ANSWER}, .status = status, .ticket = ticket, .expires_s = expires_s};
	if(!post_to(POST_QUEUE, ticket_process(ticket), job)) {
		LM_WARN("the queue process is behind: an answer is lost, what it was for will be sent "
				"again\n");
		shm_free(job);
	}
}
