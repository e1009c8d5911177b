/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Offers and answers.
 */
#include "offer.h"

#include <string.h>

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

/* NULL, or why the offer is not what is wanted: *reason. */
static const char *offer_fault(
		enum offer_want want, const struct cpm_sdp *offer, const char **reason)
{
	*reason = "malformed";
	if(!cpm_msrp_path_count(offer->path))
		return "a=path is none, or has too many URIs";
	*reason = "no-media";
	if(want == OFFER_SESSION)
		return NULL;
	if(offer->direction == CPM_SDP_RECVONLY || offer->direction == CPM_SDP_INACTIVE)
		return "its sender does not send";
	*reason = "too-large";
	return offer->file_size_known && offer->file_size > (uint64_t)settings.max_large_bytes
				   ? "file-selector over max_large_bytes"
				   : NULL;
}

static void fault_count(const char *reason)
{
	if(strcmp(reason, "malformed") == 0)
		count(malformed);
	else if(strcmp(reason, "too-large") == 0)
		count(too_large);
}

int offer_not_carried(struct context *c)
{
	c->reason = "no-media";
	return -1;
}

int offer_read(struct context *c, enum offer_want want, struct cpm_slice *text,
		struct cpm_sdp *offer, struct peer_address *peer)
{
	const struct request *r = &c->request;
	struct cpm_mime_part part;
	struct cpm_diag diag = {0};
	const char *fault, *reason;
	enum cpm_rc rc;

	if(!r->body.n
			|| cpm_mime_find(r->body, r->content_type, "application", "sdp", &settings.limits,
					   &part, &diag)
					   != CPM_OK)
		return offer_refuse(c, "no-media", "no SDP offer");
	*text = part.body;
	rc = cpm_sdp_parse(part.body, offer, &diag);
	if(want == OFFER_SESSION
			&& (rc == CPM_UNSUPPORTED
					|| (rc == CPM_OK && (!offer->port || offer->media_count > 1))))
		return offer_not_carried(c);
	if(rc == CPM_UNSUPPORTED || (rc == CPM_OK && !offer->port))
		return offer_refuse(c, "no-media", "no MSRP media");
	if(rc != CPM_OK) {
		count(malformed);
		return offer_refuse(c, "malformed", diag.reason);
	}
	if((fault = offer_fault(want, offer, &reason))) {
		fault_count(reason);
		return offer_refuse(c, reason, fault);
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

struct offer_terms offer_terms_in(void)
{
	return (struct offer_terms){.direction = CPM_SDP_RECVONLY,
			.accept_types = CPM_SLICE("message/cpim"),
			.accept_wrapped_types = CPM_SLICE("*"),
			.max_size = (uint64_t)settings.max_large_bytes};
}

struct offer_terms offer_terms_out(const uint64_t *octets, bool to_isf)
{
	return (struct offer_terms){.to_isf = to_isf,
			.direction = CPM_SDP_SENDONLY,
			.accept_types = CPM_SLICE("message/cpim"),
			.octets = octets};
}

static struct leg_config config_of(
		const struct offer_terms *terms, const struct leg_hooks *hooks, void *owner)
{
	return (struct leg_config){.max_bytes = terms->max_size,
			.accept_types = terms->accept_types,
			.converses = terms->converses,
			.hooks = hooks,
			.owner = owner};
}

/* What offers and answers of ours have in common; place: where the peer finds us. */
static struct cpm_sdp_own own_of(const struct leg *leg, const struct offer_terms *terms,
		const struct endpoint_place *place, uint64_t session)
{
	return (struct cpm_sdp_own){
			.address = cpm_slice_of(settings.msrp_host[0] ? settings.msrp_host : place->address),
			.port = place->port,
			.session = session,
			.version = 1,
			.path = leg_path(leg),
			.accept_types = terms->accept_types,
			.accept_wrapped_types = terms->accept_wrapped_types,
			.max_size = terms->max_size,
			.file_size = terms->octets ? *terms->octets : 0,
			.file_size_known = terms->octets != NULL,
			.direction = terms->direction,
			.carried = terms->carried,
			.carried_count = terms->carried_count};
}

struct leg *offer_open(const struct cpm_sdp *offer, const struct peer_address *peer,
		const struct offer_terms *terms, const struct leg_hooks *hooks, void *owner)
{
	struct endpoint_place place;
	struct leg_config config = config_of(terms, hooks, owner);
	struct leg *leg;

	config.tls = offer->tls;
	config.ipv6 = offer->ipv6;
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

bool offer_answer(const struct leg *leg, const struct cpm_sdp *offer,
		const struct offer_terms *terms, uint64_t session, struct cpm_buf *sdp)
{
	struct endpoint_place place;
	struct cpm_sdp_own own;

	if(!endpoint_place(media_endpoint(), offer->tls, offer->ipv6, &place)
			&& !media_place(offer->tls, &place))
		return false;
	own = own_of(leg, terms, &place, session);
	own.tls = offer->tls;
	own.setup = cpm_sdp_setup_answer(offer->setup);
	own.cema = peer_cema(offer);
	cpm_sdp_add_answer(sdp, offer, &own);
	return sdp->rc == CPM_OK;
}

struct leg *offer_begin(const struct offer_terms *terms, const struct leg_hooks *hooks, void *owner)
{
	struct endpoint_place place;
	struct leg_config config = config_of(terms, hooks, owner);

	if(!media_place(settings.msrp_offer_tls, &place))
		return NULL;
	config.tls = settings.msrp_offer_tls;
	config.ipv6 = place.ipv6;
	return leg_open(media_endpoint(), &config);
}

bool offer_make(const struct leg *leg, const struct offer_terms *terms, uint64_t session,
		struct cpm_buf *sdp)
{
	struct endpoint_place place;
	struct cpm_sdp_own own;

	if(!media_place(settings.msrp_offer_tls, &place))
		return false;
	own = own_of(leg, terms, &place, session);
	own.tls = settings.msrp_offer_tls;
	own.setup = terms->to_isf ? CPM_SDP_ACTIVE : CPM_SDP_PASSIVE;
	own.cema = settings.msrp_cema;
	cpm_sdp_add_offer(sdp, &own);
	return sdp->rc == CPM_OK;
}

/* Does the peer take what we send? Of a session it need not. */
static bool takes(const struct cpm_sdp *answer)
{
	return answer->direction != CPM_SDP_SENDONLY && answer->direction != CPM_SDP_INACTIVE
		   && (!answer->accept_types.n
				   || cpm_sdp_accepts(answer->accept_types, CPM_SLICE("message/cpim")));
}

bool offer_answered(struct leg *leg, const struct offer_terms *terms, struct cpm_slice text,
		const struct peer_address *peer)
{
	struct cpm_sdp answer;

	if(cpm_sdp_parse(text, &answer, NULL) != CPM_OK || !answer.port
			|| (!terms->converses && !takes(&answer)))
		return false;
	if(!terms->to_isf && answer.setup != CPM_SDP_PASSIVE && answer.setup != CPM_SDP_SETUP_NONE)
		return leg_listen(leg, answer.path);
	/* It is passive, or knows no a=setup: then the offerer connects (RFC 4975). */
	return peer_dial(leg, &answer, peer);
}
