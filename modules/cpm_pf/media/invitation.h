/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the worker makes of the INVITE of a large message that is to go straight
 * through, or of a CPM session whose media go through us: one INVITE for each of
 * the user's clients, or one for the ISF, or one for the address that the user's
 * rule forwards to. The norm's 8.3.1.2 steps 6b, 6d and 8a-d, 8.3.2.1 step 5.
 */
#ifndef CPM_INVITATION_H
#define CPM_INVITATION_H

#include "../core/codec/feature.h"
#include "../sip/contacts.h"
#include "media.h"
#include "offer.h"
#include "peer.h"

/* Clients that are invited at once. */
#define INVITATION_CLIENTS_MAX 8

enum invitation_target { INVITATION_CLIENTS, INVITATION_ISF, INVITATION_FORWARD };

/* What a script function invites for, and whom: one each. */
struct invitation_kind {
	const char *function;
	enum offer_want want;
	enum invitation_target target;
	enum cpm_icsi service;
	const char *tags; /* of our Contacts: DIALOG_TAGS_... */
	void (*run)(struct command_job *job, struct store *store, int64_t now_ms);
	dialog_told told;   /* of the caller's dialog */
	const int *wait_ms; /* for somebody to accept */
};
extern const struct invitation_kind invitation_large, invitation_large_isf,
		invitation_large_forward, invitation_session, invitation_session_isf;

/* An INVITE to be sent. */
struct invitation {
	struct cpm_slice uri, next_hop, headers; /* in the job's block */
	/* The client, for choice_remember. */
	struct cpm_slice instance, contact;
	struct socket_info *socket;
};

/* Handed to a media process (kind->run). */
struct invitation_job {
	struct command_job command;
	struct command_request request;
	const struct invitation_kind *kind;
	bool to_isf;
	dialog_id dialog;         /* the sender's, as the next one */
	struct peer_address peer; /* when we are to connect to it */
	uint64_t octets;
	bool octets_known;
	bool forwards; /* the answer to its INVITE is the sender's, if it is none of 2xx */
	struct cpm_slice aor, id, from, to, sdp; /* in the job's block, as the next ones */
	struct cpm_slice conversation_id, contribution_id;
	struct cpm_slice onward; /* headers of a session's INVITE to where a 302 leads */
	struct cpm_slice before, after,
			content_type; /* what the SDP was a part of (sip/invite.h); empty: it was alone */
	struct cpm_slice
			history; /* likewise: the record, for the user's history; empty: it is not to be recorded */
	struct invitation invitations[INVITATION_CLIENTS_MAX];
	size_t count;
};

/* May this client have large messages? */
bool invitation_suits(const struct context *c, const struct contact *contact);

/* cpm_bridge and the like. 0: the INVITE is answered later, by us or by the route. Otherwise c->reason says
 * why not, and -1 (no suitable client, the message's fault) or -2 (ours) is for the script. */
int invitation_begin(struct sip_msg *msg, struct context *c, const str *route,
		const struct invitation_kind *kind);

#endif
