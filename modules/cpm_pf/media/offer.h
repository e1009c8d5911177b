/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The SDP of large messages: offers that come and our answers to them, offers
 * of ours and the answers that come. The norm's 8.3.1.2 step 8e and 8.3.1.6.7
 * step 7; companion section 5.1.
 */
#ifndef CPM_OFFER_H
#define CPM_OFFER_H

#include "../core/codec/sdp.h"
#include "../module/context.h"
#include "../msrp/leg.h"
#include "peer.h"

/* What an offer that comes must be. */
enum offer_want {
	OFFER_MESSAGE, /* one large message, from its sender */
	OFFER_SESSION, /* a session, with MSRP as its only media */
};

/* In a worker: the offer in the body, alone or in a multipart, and where its peer is when we are to connect. 1, or -1 and -2 with
 * c->reason, said in the log. */
int offer_read(struct context *c, enum offer_want want, struct cpm_slice *text,
		struct cpm_sdp *offer, struct peer_address *peer);
/* c->reason, one log line, and what the script function returns. */
int offer_refuse(struct context *c, const char *reason, const char *why);
/* The same for a session whose media we do not carry: nothing is wrong with it, it goes past us, without a line. */
int offer_not_carried(struct context *c);

/* What our side of the media is, in an offer or an answer of ours. Slices must outlive the leg that is made of it. */
struct offer_terms {
	bool converses; /* as a leg does */
	bool to_isf;    /* of an offer: we connect, else the client does */
	enum cpm_sdp_direction direction;
	struct cpm_slice accept_types, accept_wrapped_types; /* of messages that come */
	uint64_t max_size;                                   /* likewise; 0: none come */
	const uint64_t *octets;          /* of the one message that is offered, when known */
	const struct cpm_slice *carried; /* a= lines of the other side's description */
	size_t carried_count;
};
/* One large message comes, or goes. */
struct offer_terms offer_terms_in(void);
struct offer_terms offer_terms_out(const uint64_t *octets, bool to_isf);

/* In a media process, as what follows: our side of an offer that came, listening or connecting by what it says of a=setup. NULL when it
 * cannot be had. */
struct leg *offer_open(const struct cpm_sdp *offer, const struct peer_address *peer,
		const struct offer_terms *terms, const struct leg_hooks *hooks, void *owner);
/* Appends our answer. session: a number for o=. */
bool offer_answer(const struct leg *leg, const struct cpm_sdp *offer,
		const struct offer_terms *terms, uint64_t session, struct cpm_buf *sdp);

/* Our side of an offer of ours. */
struct leg *offer_begin(
		const struct offer_terms *terms, const struct leg_hooks *hooks, void *owner);
/* Appends the offer. */
bool offer_make(const struct leg *leg, const struct offer_terms *terms, uint64_t session,
		struct cpm_buf *sdp);
/* The peer's answer: who connects, and where peer_locate found it. False when it cannot be used. */
bool offer_answered(struct leg *leg, const struct offer_terms *terms, struct cpm_slice answer,
		const struct peer_address *peer);

#endif
