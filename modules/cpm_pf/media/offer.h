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

/* In a worker: the offer in the body, alone or in a multipart, and where its peer is when we are to connect. 1, or -1 and -2 with
 * c->reason, said in the log. */
int offer_read(struct context *c, struct cpm_slice *text, struct cpm_sdp *offer,
		struct peer_address *peer);
/* c->reason, one log line, and what the script function returns. */
int offer_refuse(struct context *c, const char *reason, const char *why);

/* In a media process, as what follows: our side of an offer that came, listening or connecting by what it says of a=setup. NULL when it
 * cannot be had. */
struct leg *offer_open(const struct cpm_sdp *offer, const struct peer_address *peer,
		const struct leg_hooks *hooks, void *owner);
/* Appends our answer. session: a number for o=. */
bool offer_answer(
		const struct leg *leg, const struct cpm_sdp *offer, uint64_t session, struct cpm_buf *sdp);

/* Our side of an offer of ours. */
struct leg *offer_begin(const struct leg_hooks *hooks, void *owner);
/* Appends the offer of a message of so many octets (when known). Towards the ISF we connect, else the client does. */
bool offer_make(const struct leg *leg, uint64_t session, const uint64_t *octets, bool to_isf,
		struct cpm_buf *sdp);
/* The peer's answer: who connects, and where peer_locate found it. False when it cannot be used. */
bool offer_answered(
		struct leg *leg, bool to_isf, struct cpm_slice answer, const struct peer_address *peer);

#endif
