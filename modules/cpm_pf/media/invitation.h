/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the worker makes of the INVITE of a large message that is to go straight
 * through: one INVITE for each of the user's clients, or one for the ISF, or one
 * for the address that the user's rule forwards to. The norm's 8.3.1.2 steps 6b,
 * 6d and 8a-d.
 */
#ifndef CPM_INVITATION_H
#define CPM_INVITATION_H

#include "../sip/contacts.h"
#include "media.h"
#include "peer.h"

/* Clients that are invited for one message. */
#define INVITATION_CLIENTS_MAX 8

enum invitation_target { INVITATION_CLIENTS, INVITATION_ISF, INVITATION_FORWARD };

/* An INVITE to be sent. */
struct invitation {
	struct cpm_slice uri, next_hop, headers; /* in the job's block */
	struct socket_info *socket;
	bool to_isf;
};

/* Handed to a media process (bridge_run). */
struct bridge_job {
	struct command_job command;
	struct command_request request;
	dialog_id dialog;         /* the sender's, as the next one */
	struct peer_address peer; /* when we are to connect to it */
	uint64_t octets;
	bool octets_known;
	bool forwards; /* the answer to its INVITE is the sender's, if it is none of 2xx */
	struct cpm_slice aor, id, from, to, sdp; /* in the job's block */
	struct cpm_slice
			history; /* likewise: the record, for the user's history; empty: it is not to be recorded */
	struct invitation invitations[INVITATION_CLIENTS_MAX];
	size_t count;
};

/* May this client have large messages? */
bool invitation_suits(const struct context *c, const struct contact *contact);

/* cpm_bridge, cpm_bridge_isf and cpm_bridge_forward. 0: the INVITE is answered later, by us or by the route. Otherwise c->reason says
 * why not, and -1 (no suitable client, the message's fault) or -2 (ours) is for the script. */
int invitation_begin(
		struct sip_msg *msg, struct context *c, const str *route, enum invitation_target target);

#endif
