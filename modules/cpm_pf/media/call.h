/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * INVITEs of ours that are under way, by whichever process: which of them an
 * answer is for. Each has a place in the media process that sent it.
 */
#ifndef CPM_CALL_H
#define CPM_CALL_H

#include "../sip/dialog.h"
#include "media.h"
#include "peer.h"

/* A final answer that has not come by then never will: tm's own timers are shorter. */
#define CALL_LOST_MS 300000
/* For the last responses of a client that hung up when it had everything: they come by another way than its BYE. */
#define CALL_LAST_WORDS_MS 2000

/* Whose they are; msrp_max_sessions places for each in a process. */
enum call_kind { CALL_TRANSFER, CALL_BRANCH, CALL_KINDS };

struct call_answer {
	int status;                /* final; or 180, without the rest */
	dialog_id dialog;          /* in the table, for whoever has the place to end; 0: none */
	struct cpm_slice sdp;      /* valid during the call, as the next one */
	struct cpm_slice contacts; /* of a 302: where to go on, as in its Contact header */
	struct peer_address peer;
};

/* In mod_init. False without memory. */
bool call_init(void);
/* In a media process: a ticket for an INVITE (sip/invite.h) from a place below msrp_max_sessions. Its answer comes to transfer_answered
 * or branch_answered. */
uint64_t call_ticket(enum call_kind kind, size_t place);

#endif
