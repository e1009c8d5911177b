/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * An INVITE from the worker that takes it to a media process that answers it.
 */
#ifndef CPM_HANDOVER_H
#define CPM_HANDOVER_H

#include "../module/command.h"

struct handover {
	struct command_job *job;
	struct command_request *request; /* in the job, as the next one */
	dialog_id *dialog;
	dialog_told told;
};

enum handover_result {
	HANDOVER_DONE,     /* the job is the process's */
	HANDOVER_ABSORBED, /* a retransmission, or already refused: the script ends */
	HANDOVER_FAILED,   /* c->reason says why */
};

/* Enters the dialog, parks the INVITE, and posts. Unless done the job stays the caller's. */
enum handover_result handover_invite(
		struct sip_msg *msg, struct context *c, const struct handover *handover);

#endif
