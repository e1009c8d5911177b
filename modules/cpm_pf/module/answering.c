/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Answering the INVITE of a large message: its media, our SDP, 200. Companion
 * section 5.1.
 */
#include <stdlib.h>

#include "../core/codec/msrpuri.h"
#include "../core/codec/sdp.h"
#include "outcome.h"
#include "receipt.h"
#include "settings.h"

#define SDP_MAX 2048

/* To whom we connect when the peer is passive: the URI's host when it is numeric, as RFC 4975 says, else c= and m=. */
static bool peer_dial(struct leg *leg, const struct cpm_sdp *offer)
{
	struct cpm_msrp_uri uri;

	if(!offer->cema && !cpm_msrp_uri_parse(cpm_msrp_path_first(offer->path), &uri)
			&& leg_dial(leg, offer->path, uri.host, uri.port ? uri.port : 2855))
		return true;
	return leg_dial(leg, offer->path, offer->address, offer->port);
}

static bool answer_build(const struct receipt *r, const struct cpm_sdp *offer, struct cpm_buf *sdp)
{
	struct endpoint_place place;
	struct cpm_sdp_own own = {.tls = offer->tls,
			.session = (uint64_t)r->job->message->order_us,
			.version = 1,
			.path = leg_path(r->leg),
			.accept_types = CPM_SLICE("message/cpim"),
			.accept_wrapped_types = CPM_SLICE("*"),
			.max_size = (uint64_t)settings.max_large_bytes,
			.setup = cpm_sdp_setup_answer(offer->setup),
			.direction = CPM_SDP_RECVONLY,
			.cema = offer->cema && settings.msrp_cema};

	if(!endpoint_place(media_endpoint(), offer->tls, offer->ipv6, &place)
			&& !media_place(offer->tls, &place))
		return false;
	own.address = cpm_slice_of(settings.msrp_host[0] ? settings.msrp_host : place.address);
	own.port = place.port;
	cpm_sdp_add_answer(sdp, offer, &own);
	return sdp->rc == CPM_OK;
}

static bool media_open(struct receipt *r, const struct cpm_sdp *offer)
{
	struct endpoint_place place;
	struct leg_config config = {.tls = offer->tls,
			.ipv6 = offer->ipv6,
			.max_bytes = (uint64_t)settings.max_large_bytes,
			.accept_types = CPM_SLICE("message/cpim"),
			.hooks = &receipt_hooks,
			.owner = r};

	if(!endpoint_place(media_endpoint(), offer->tls, offer->ipv6, &place)
			&& media_place(offer->tls, &place))
		config.ipv6 = place.ipv6;
	r->leg = leg_open(media_endpoint(), &config);
	if(!r->leg)
		return false;
	return cpm_sdp_setup_answer(offer->setup) == CPM_SDP_ACTIVE ? peer_dial(r->leg, offer)
																: leg_listen(r->leg, offer->path);
}

/* The INVITE is refused by the script's route. */
static void answering_refuse(struct receipt *r, const char *reason)
{
	struct receive_job *job = r->job;

	leg_close(&r->leg);
	outcome_refused(job->message->id, job->message->aor, reason);
	dialog_refuse(job->dialog);
	command_refuse(&job->request, reason);
	receive_job_free(job);
	free(r);
}

void answering_run(struct command_job *head, struct store *store, int64_t now)
{
	struct receipt *r = calloc(1, sizeof(*r));
	char memory[SDP_MAX];
	struct cpm_buf sdp;
	struct cpm_sdp offer;
	struct receive_job *job = (struct receive_job *)head;

	if(!r) {
		dialog_refuse(job->dialog);
		command_refuse(&job->request, "busy");
		receive_job_free(job);
		return;
	}
	r->job = job;
	cpm_buf_init_fixed(&sdp, memory, sizeof(memory));
	if(cpm_sdp_parse(job->sdp, &offer, NULL) != CPM_OK || !media_open(r, &offer)
			|| !answer_build(r, &offer, &sdp)) {
		answering_refuse(r, r->leg ? "no-media" : "busy");
		return;
	}
	/* A CANCEL was faster: the worker that took it has answered. */
	if(!dialog_answer(job->dialog, cpm_buf_slice(&sdp))) {
		leg_close(&r->leg);
		receive_job_free(job);
		free(r);
		return;
	}
	receipt_enter(r);
}
