/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What users order and ask for, from the worker that takes the request to the
 * queue process that does the work: a job that brings its own function.
 */
#ifndef CPM_COMMAND_H
#define CPM_COMMAND_H

#include "../sip/dialog.h"
#include "context.h"
#include "job.h"

/* First member of such a job. run is called in the queue process and takes the job over: it, or what it started, frees it. */
struct command_job {
	struct job head;
	void (*run)(struct command_job *job, struct store *store, int64_t now_ms);
};

/* A request that waits for the queue process: second member of the jobs that answer one. */
struct command_request {
	struct transaction_id transaction;
	struct transaction_route route; /* runs when we do not answer */
};

/* The served user on whose behalf a request comes: the authenticated originator, when it is a user of ours. With several identities
 * a SIP one at a domain of this server counts; a telephone number counts when there is no SIP one. False when there is none:
 * c->reason becomes "unauthorised". The slice borrows from the context. */
bool command_user(struct context *c, struct cpm_slice *aor);

/* Is this the address of that user, by any of the originator's identities, or of this server as such? What is asked of another user's
 * address is refused: false, and c->reason is "unauthorised". */
bool command_addressed(struct context *c, struct cpm_slice uri);

/* Foreign text for a log line: at most so many bytes, what is no printable ASCII and what would end a quoted value replaced by '?'. */
#define COMMAND_PRINTABLE_MAX 128
struct command_printable {
	char text[COMMAND_PRINTABLE_MAX + 1];
};
const char *command_printable(struct command_printable *p, struct cpm_slice foreign);

/* In the queue process: the script's route answers, with $cpm(reason). */
void command_refuse(const struct command_request *request, const char *reason);

/* For dialog_init: an owner is the number of a queue process, or behind those of a media process. */
bool command_post_dialog(int owner, dialog_id id);

/* For building such a job: copies from to at, and *to is the copy; where the next one goes. */
char *command_put(char *at, struct cpm_slice *to, struct cpm_slice from);

/* The address under which the Participating Function speaks for itself (parameter pf_uri). */
struct cpm_slice command_own_uri(void);

#endif
