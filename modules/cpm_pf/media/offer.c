/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Offers and answers.
 */
#include "offer.h"

#include "../core/codec/mime.h"
#include "../core/codec/msrpuri.h"
#include "../module/logged.h"
#include "../module/reason.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "media.h"


int offer_refuse(struct context *c, const char *reason, const char *why)
{
	const struct request *r = &c->request;

	c->reason = reason;
	LM_NOTICE("event=refused call_id=%.*s reason=%s why=\"%s\"\n", SLICE_FMT(r->call_id), reason,
			why ? why : "");
	return reason_status(reason) < 500 ? -1 : -2;
}

int offer_read(
		struct context *c, struct cpm_slice *text, struct cpm_sdp *offer, struct peer_address *peer)
{
	const struct request *r = &c->request;
	struct cpm_mime_part part;
	struct cpm_diag diag = {0};
	enum cpm_rc rc;

	if(!r->body.n
			|| cpm_mime_find(r->body, r->content_type, "application", "sdp", &settings.limits,
					   &part, &diag)
					   != CPM_OK)
		return offer_refuse(c, "no-media", "no SDP offer");
	*text = part.body;
	rc = cpm_sdp_parse(part.body, offer, &diag);
	if(rc == CPM_UNSUPPORTED || (rc == CPM_OK && !offer->port))
		return offer_refuse(c, "no-media", "no MSRP media");
	if(rc != CPM_OK) {
		count(malformed);
		return offer_refuse(c, "malformed", diag.reason);
	}
	if(!cpm_msrp_path_count(offer->path)) {
		count(malformed);
		return offer_refuse(c, "malformed", "a=path is none, or has too many URIs");
	}
	if(offer->direction == CPM_SDP_RECVONLY || offer->direction == CPM_SDP_INACTIVE)
		return offer_refuse(c, "no-media", "its sender does not send");
	if(offer->file_size_known && offer->file_size > (uint64_t)settings.max_large_bytes) {
		count(too_large);
		return offer_refuse(c, "too-large", "file-selector over max_large_bytes");
	}
	/* Without a=setup the offerer connects. */
	if(cpm_sdp_setup_answer(offer->setup) != CPM_SDP_ACTIVE)
		return 1;
	switch(peer_locate(offer, peer)) {
		case PEER_KNOWN:
			return 1;
		case PEER_BUSY:
			return offer_refuse(c, "busy", "other workers wait for DNS already");
		case PEER_UNKNOWN:
		default:
			return offer_refuse(c, "no-media", "its host cannot be resolved");
	}
}

struct leg *offer_open(const struct cpm_sdp *offer, const struct peer_address *peer,
		const struct leg_hooks *hooks, void *owner)
{
	struct endpoint_place place;
	struct leg_config config = {.tls = offer->tls,
			.ipv6 = offer->ipv6,
			.max_bytes = (uint64_t)settings.max_large_bytes,
			.accept_types = CPM_SLICE("message/cpim"),
			.hooks = hooks,
			.owner = owner};
	struct leg *leg;

	if(!endpoint_place(media_endpoint(), offer->tls, offer->ipv6, &place)
			&& media_place(offer->tls, &place))
		config.ipv6 = place.ipv6;
	leg = leg_open(media_endpoint(), &config);
	if(leg
			&& !(cpm_sdp_setup_answer(offer->setup) == CPM_SDP_ACTIVE
							? peer_dial(leg, offer, peer)
							: leg_listen(leg, offer->path)))
		leg_close(&leg);
	return leg;
}

bool offer_answer(
		const struct leg *leg, const struct cpm_sdp *offer, uint64_t session, struct cpm_buf *sdp)
{
	struct endpoint_place place;
	struct cpm_sdp_own own = {.tls = offer->tls,
			.session = session,
			.version = 1,
			.path = leg_path(leg),
			.accept_types = CPM_SLICE("message/cpim"),
			.accept_wrapped_types = CPM_SLICE("*"),
			.max_size = (uint64_t)settings.max_large_bytes,
			.setup = cpm_sdp_setup_answer(offer->setup),
			.direction = CPM_SDP_RECVONLY,
			.cema = peer_cema(offer)};

	if(!endpoint_place(media_endpoint(), offer->tls, offer->ipv6, &place)
			&& !media_place(offer->tls, &place))
		return false;
	own.address = cpm_slice_of(settings.msrp_host[0] ? settings.msrp_host : place.address);
	own.port = place.port;
	cpm_sdp_add_answer(sdp, offer, &own);
	return sdp->rc == CPM_OK;
}

struct leg *offer_begin(const struct leg_hooks *hooks, void *owner)
{
	struct endpoint_place place;
	struct leg_config config = {.tls = settings.msrp_offer_tls, .hooks = hooks, .owner = owner};

	if(!media_place(settings.msrp_offer_tls, &place))
		return NULL;
	config.ipv6 = place.ipv6;
	return leg_open(media_endpoint(), &config);
}

bool offer_make(const struct leg *leg, uint64_t session, const uint64_t *octets, bool to_isf,
		struct cpm_buf *sdp)
{
	struct endpoint_place place;
	struct cpm_sdp_own own = {.tls = settings.msrp_offer_tls,
			.session = session,
			.version = 1,
			.path = leg_path(leg),
			.accept_types = CPM_SLICE("message/cpim"),
			.file_size = octets ? *octets : 0,
			.file_size_known = octets != NULL,
			.setup = to_isf ? CPM_SDP_ACTIVE : CPM_SDP_PASSIVE,
			.direction = CPM_SDP_SENDONLY,
			.cema = settings.msrp_cema};

	if(!media_place(settings.msrp_offer_tls, &place))
		return false;
	own.address = cpm_slice_of(settings.msrp_host[0] ? settings.msrp_host : place.address);
	own.port = place.port;
	cpm_sdp_add_offer(sdp, &own);
	return sdp->rc == CPM_OK;
}

bool offer_answered(
		struct leg *leg, bool to_isf, struct cpm_slice text, const struct peer_address *peer)
{
	struct cpm_sdp answer;

	if(cpm_sdp_parse(text, &answer, NULL) != CPM_OK || !answer.port
			|| answer.direction == CPM_SDP_SENDONLY || answer.direction == CPM_SDP_INACTIVE
			|| (answer.accept_types.n
					&& !cpm_sdp_accepts(answer.accept_types, CPM_SLICE("message/cpim"))))
		return false;
	if(!to_isf && answer.setup != CPM_SDP_PASSIVE && answer.setup != CPM_SDP_SETUP_NONE)
		return leg_listen(leg, answer.path);
	/* It is passive, or knows no a=setup: then the offerer connects (RFC 4975). */
	return peer_dial(leg, &answer, peer);
}
