/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The handover.
 */
#include "handover.h"

#include "../module/post.h"
#include "../module/statistics.h"
#include "media.h"
#include "offer.h"

int handover_read(struct sip_msg *msg, struct context *c, const char *function,
		enum offer_want want, const str *route, struct handover_offer *offer)
{
	*offer = (struct handover_offer){.text = CPM_SLICE_NONE};
	if(!transaction_route_find(route, &offer->route)) {
		LM_ERR("%s: there is no route[%.*s]\n", function, route->len, route->s);
		c->reason = "busy";
		return -2;
	}
	if(!context_request(msg, c)) {
		count(malformed);
		return offer_refuse(c, "malformed", "the headers cannot be read");
	}
	if(!media_on() && want == OFFER_SESSION)
		return offer_not_carried(c);
	if(!media_on())
		return offer_refuse(c, "no-media", "msrp_listen is not set");
	return offer_read(c, want, &offer->text, &offer->sdp, &offer->peer);
}

enum handover_result handover_invite(
		struct sip_msg *msg, struct context *c, const struct handover *handover)
{
	int process = media_choose();

	context_keep(msg, c);
	switch(dialog_open(msg, media_owner(process), handover->told, handover->tags, handover->dialog,
			&handover->request->transaction)) {
		case DIALOG_OPENED:
			break;
		case DIALOG_ABSORBED:
		case DIALOG_REPLIED:
			return HANDOVER_ABSORBED;
		case DIALOG_FAILED:
		default:
			offer_refuse(c, "busy", "no room for the dialog");
			return HANDOVER_FAILED;
	}
	if(post_to(POST_MEDIA, process, handover->job))
		return HANDOVER_DONE;
	dialog_refuse(*handover->dialog);
	transaction_unpark(&handover->request->transaction);
	offer_refuse(c, "busy", "the msrp process is behind");
	return HANDOVER_FAILED;
}
