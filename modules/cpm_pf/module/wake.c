/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Hands what came to the process that waits.
 */
#include "wake.h"

#include "../../core/mem/shm.h"
#include "../rpc/obtain.h"
#include "../script/script.h"
#include "context.h"
#include "post.h"
#include "settings.h"
#include "ticket.h"

/* Ticket 0 is the push session of aor. */
static void wake_queue(struct cpm_slice aor, uint64_t ticket)
{
	struct documents_job *job = shm_malloc(sizeof(*job) + aor.n);

	if(!job)
		return;
	memcpy(job + 1, aor.p, aor.n);
	*job = (struct documents_job){
			.head = {JOB_DOCUMENTS}, .ticket = ticket, .aor = {(char *)(job + 1), aor.n}};
	job->state = xdm_lookup(aor, now_ms(), &job->entry);
	if(!(ticket ? post_to(POST_QUEUE, ticket_process(ticket), job) : post_queue(aor, job))) {
		xdm_release(&job->entry);
		shm_free(job);
	}
}

void wake_waiter(const struct xdm_waiter *waiter, struct cpm_slice aor)
{
	switch(waiter->kind) {
		case WAITER_SCRIPT:
			script_resume(waiter->a);
			break;
		case WAITER_PUSH:
			wake_queue(aor, 0);
			break;
		case WAITER_RPC:
			obtain_resume(waiter->a, aor);
			break;
		case WAITER_DUE:
			wake_queue(aor, waiter->a);
			break;
	}
}

void wake_registered(struct cpm_slice aor, struct cpm_slice contact, bool refreshed)
{
	/* The REGISTER's own answer goes out after this: the delay lets the client have it first. */
	post_registered(aor, contact, refreshed, settings.push_delay_ms);
}
