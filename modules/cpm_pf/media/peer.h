/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Where an MSRP peer is that we connect to: an address, or a name that has to be
 * resolved. Resolving can wait, so a SIP worker does it, as for any other SIP
 * name, and the media process only hears of the address. RFC 4975 section 6.2,
 * RFC 6714.
 */
#ifndef CPM_PEER_H
#define CPM_PEER_H

#include "../core/codec/sdp.h"
#include "../msrp/leg.h"

#define PEER_ADDRESS_MAX 46

/* What a name of the peer's resolves to: numeric, or empty when nothing had to be resolved, or it could not be. */
struct peer_address {
	char text[PEER_ADDRESS_MAX];
};

enum peer_result {
	PEER_KNOWN,   /* it connects to us, or its address is numeric, or has been found */
	PEER_UNKNOWN, /* its name cannot be resolved, or is not to be */
	PEER_BUSY,    /* msrp_resolvers others wait for DNS already */
};

/* In mod_init. False without memory. */
bool peer_init(void);
/* In a worker: looks the peer's name up by Kamailio's resolver and its cache, if we have to connect and there are only names. */
enum peer_result peer_locate(const struct cpm_sdp *sdp, struct peer_address *address);
/* c= and m= say where to connect, and the path only who it is: both sides have a=msrp-cema, and the peer is behind no relay. */
bool peer_cema(const struct cpm_sdp *sdp);
/* In the media process: connects the leg. By the first URI of the path, which is the peer's relay if it has one; by c= and m= with
 * peer_cema, or where only those are numeric and there is no relay. False when there is no address. */
bool peer_dial(struct leg *leg, const struct cpm_sdp *sdp, const struct peer_address *address);

#endif
