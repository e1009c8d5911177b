/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Peers.
 */
#include "peer.h"

#include <arpa/inet.h>

#include "../../core/mem/shm.h"
#include "../../core/resolve.h"
#include "../core/codec/msrpuri.h"
#include "../module/settings.h"

#define NAME_MAX_BYTES 255
#define MSRP_PORT 2855

/* Workers that wait for DNS now; shared memory, atomic. */
static int *resolving;

bool peer_init(void)
{
	resolving = shm_mallocxz(sizeof(*resolving));
	return resolving != NULL;
}

static bool name_copy(struct cpm_slice from, char to[NAME_MAX_BYTES + 1])
{
	if(!from.n || from.n > NAME_MAX_BYTES || memchr(from.p, '\0', from.n))
		return false;
	memcpy(to, from.p, from.n);
	to[from.n] = '\0';
	return true;
}

static bool is_numeric(struct cpm_slice host)
{
	char text[NAME_MAX_BYTES + 1];
	unsigned char address[sizeof(struct in6_addr)];

	return name_copy(host, text)
		   && (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1);
}

/* c= and m= are of the peer itself. Behind a relay only the path says how to get there. */
static bool relayed(const struct cpm_sdp *sdp)
{
	return cpm_msrp_path_count(sdp->path) > 1;
}

bool peer_cema(const struct cpm_sdp *sdp)
{
	return sdp->cema && settings.msrp_cema && !relayed(sdp);
}

static bool path_read(const struct cpm_sdp *sdp, struct cpm_msrp_uri *uri)
{
	if(cpm_msrp_uri_parse(cpm_msrp_path_first(sdp->path), uri))
		return false;
	if(!uri->port)
		uri->port = MSRP_PORT;
	return true;
}

static enum peer_result resolve(struct cpm_slice host, struct peer_address *address)
{
	char name[NAME_MAX_BYTES + 1];
	struct hostent *found = NULL;

	if(!settings.msrp_resolvers || !name_copy(host, name))
		return PEER_UNKNOWN;
	if(__atomic_add_fetch(resolving, 1, __ATOMIC_ACQ_REL) > settings.msrp_resolvers) {
		__atomic_sub_fetch(resolving, 1, __ATOMIC_ACQ_REL);
		return PEER_BUSY;
	}
	found = resolvehost(name);
	__atomic_sub_fetch(resolving, 1, __ATOMIC_ACQ_REL);
	if(!found || !found->h_addr_list[0]
			|| !inet_ntop(
					found->h_addrtype, found->h_addr_list[0], address->text, sizeof(address->text)))
		return PEER_UNKNOWN;
	return PEER_KNOWN;
}

enum peer_result peer_locate(const struct cpm_sdp *sdp, struct peer_address *address)
{
	struct cpm_msrp_uri uri;

	address->text[0] = '\0';
	if(sdp->setup == CPM_SDP_ACTIVE || sdp->setup == CPM_SDP_ACTPASS
			|| (is_numeric(sdp->address) && !relayed(sdp)))
		return PEER_KNOWN;
	if(peer_cema(sdp))
		return resolve(sdp->address, address);
	if(!path_read(sdp, &uri))
		return PEER_UNKNOWN;
	return is_numeric(uri.host) ? PEER_KNOWN : resolve(uri.host, address);
}

bool peer_dial(struct leg *leg, const struct cpm_sdp *sdp, const struct peer_address *address)
{
	struct cpm_slice known = cpm_slice_of(address->text);
	struct cpm_msrp_uri uri;

	if(peer_cema(sdp))
		return leg_dial(leg, sdp->path, known.n ? known : sdp->address, sdp->port);
	if(!path_read(sdp, &uri))
		return false;
	if(known.n)
		return leg_dial(leg, sdp->path, known, uri.port);
	if(is_numeric(uri.host))
		return leg_dial(leg, sdp->path, uri.host, uri.port);
	return !relayed(sdp) && leg_dial(leg, sdp->path, sdp->address, sdp->port);
}
