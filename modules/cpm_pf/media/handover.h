/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * An INVITE from the worker that takes it to a media process that answers it.
 */
#ifndef CPM_HANDOVER_H
#define CPM_HANDOVER_H

#include "../core/codec/sdp.h"
#include "../module/command.h"
#include "offer.h"

/* What is known of the INVITE when it may be handed over. */
struct handover_offer {
	struct transaction_route route; /* runs when the media process cannot answer */
	struct cpm_slice text;          /* the SDP, alone or a part of the body; in the message */
	struct cpm_sdp sdp;
	struct peer_address peer;
};
/* Can it be answered at all? function is the script's; want: what its offer must be. 1, or -1 and -2 with c->reason, said in the log. */
int handover_read(struct sip_msg *msg, struct context *c, const char *function,
		enum offer_want want, const str *route, struct handover_offer *offer);

struct handover {
	struct command_job *job;
	struct command_request *request; /* in the job, as the next one */
	dialog_id *dialog;
	dialog_told told;
	const char *tags; /* of our Contact: DIALOG_TAGS_... */
};

enum handover_result {
	HANDOVER_DONE,     /* the job is the process's */
	HANDOVER_ABSORBED, /* a retransmission, cancelled, or already refused: the script ends */
	HANDOVER_FAILED,   /* c->reason says why */
};

/* Enters the dialog, parks the INVITE, and posts. Unless done the job stays the caller's. */
enum handover_result handover_invite(
		struct sip_msg *msg, struct context *c, const struct handover *handover);

#endif
