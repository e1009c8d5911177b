/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Session timers at work: refreshes of ours, by UPDATE where the peer knows it
 * and by re-INVITE otherwise, and those of the peer, by either. The media stay
 * as they are: our description is the same each time. RFC 4028 sections 7 to
 * 10, RFC 3311.
 */
#include "../../core/mem/shm.h"
#include "../core/codec/header.h"
#include "../core/codec/sdp.h"
#include "dialogs.h"

/* RFC 3261 section 14.1: both sides asked at once. The one that made the Call-ID waits for 2.1 to 4 s. */
#define GLARE_MS 3000
/* A refresh that failed for another reason is tried again, until the interval is over. */
#define AGAIN_MS 10000

/* What the answer to a refresh of ours says. Locked. */
static void refreshed(struct dialog *d, const struct sip_msg *reply)
{
	struct cpm_session_wish wish;

	dialogs_wish(reply, &wish);
	/* It may shorten the interval; who refreshes stays as we asked. */
	if(wish.expires_s)
		d->expires_s = wish.expires_s;
	dialogs_clock(d, dialogs_now());
}

/* Locked. */
static void not_refreshed(struct dialog *d, int status, const struct sip_msg *reply)
{
	struct cpm_session_wish wish;
	int64_t now = dialogs_now();

	switch(status) {
		case 405:
		case 501:
			/* It does not know UPDATE, whatever it said; every peer knows INVITE. */
			d->refresh_ms = d->updates ? now : 0;
			d->updates = false;
			break;
		case 408:
		case 481:
			/* RFC 4028 section 10: the session is gone. */
			d->deadline_ms = 0;
			break;
		case 422:
			dialogs_wish(reply, &wish);
			if(wish.min_s > d->expires_s) {
				d->expires_s = wish.min_s;
				d->refresh_ms = now;
			}
			break;
		case 491:
			d->refresh_ms = now + GLARE_MS;
			break;
		default:
			d->refresh_ms = now + AGAIN_MS;
			break;
	}
}

/* In any process. */
static void on_refreshed(struct cell *t, int type, struct tmcb_params *ps)
{
	struct sip_msg *reply = ps->rpl == FAKED_REPLY ? NULL : ps->rpl;
	dialog_id id = (dialog_id)(uintptr_t)*ps->param;
	struct dialog *d;
	bool again = false;
	int owner = 0;

	if(reply && parse_headers(reply, HDR_EOH_F, 0) < 0)
		reply = NULL;
	dialogs_lock();
	if((d = dialogs_find(id)) && d->state == CPM_DIALOG_CONFIRMED) {
		if(reply && ps->code < 300)
			refreshed(d, reply);
		else
			not_refreshed(d, reply ? ps->code : 408, reply);
		again = d->refresh_ms && d->refresh_ms <= dialogs_now();
		owner = d->owner;
	}
	dialogs_unlock();
	if(again)
		dialogs_config.post(owner, id);
}

bool dialogs_refresh_due(struct dialog *d, int64_t now)
{
	if(d->state != CPM_DIALOG_CONFIRMED || !d->refresh_ms || d->refresh_ms > now)
		return false;
	d->refresh_ms = 0;
	return true;
}

void dialogs_refresh(struct dialog *d)
{
	char text[DIALOG_HEADERS_MAX];
	struct cpm_slice sdp = d->updates ? CPM_SLICE_NONE : slice_of_str(&d->sdp);
	struct cpm_buf lines;

	cpm_buf_init_fixed(&lines, text, sizeof(text));
	cpm_buf_add_str(&lines, d->contact);
	cpm_buf_add_str(&lines, dialogs_config.agent_line);
	cpm_buf_add_str(&lines, DIALOG_ALLOW "Supported: timer\r\nSession-Expires: ");
	cpm_buf_add_u64(&lines, d->expires_s);
	cpm_buf_add_str(&lines, ";refresher=uac\r\n");
	if(sdp.n)
		cpm_buf_add_str(&lines, "Content-Type: application/sdp\r\n");
	if(lines.rc == CPM_OK)
		dialogs_send(d, d->updates ? "UPDATE" : "INVITE", cpm_buf_slice(&lines), sdp, on_refreshed);
}

/* Locked: what a refresh of the peer's changes. target: its new Contact, which becomes the old one, to be freed. */
static void refresh_enter(struct dialog *d, const struct cpm_session_terms *terms, str *target)
{
	str old = d->target;

	if(target->s) {
		d->target = *target;
		*target = old;
	}
	d->expires_s = terms->expires_s;
	d->refresher = terms->refresher == CPM_REFRESHER_UAS;
	if(d->state == CPM_DIALOG_CONFIRMED)
		dialogs_clock(d, dialogs_now());
}

struct cpm_slice dialogs_description(struct sip_msg *msg)
{
	char *body = get_body(msg);

	if(!body || !msg->content_type
			|| !cpm_slice_istarts(
					slice_of_str(&msg->content_type->body), CPM_SLICE("application/sdp")))
		return CPM_SLICE_NONE;
	return (struct cpm_slice){body, (size_t)(msg->buf + msg->len - body)};
}

uint64_t dialogs_media(struct cpm_slice text)
{
	struct cpm_sdp sdp;

	return cpm_sdp_parse(text, &sdp, NULL) == CPM_OK ? cpm_slice_hash(sdp.path, 0) | 1 : 0;
}

/* The media stay as they are: an offer of others, of none, or of another session cannot be taken. Locked. */
static bool media_change(const struct dialog *d, struct cpm_slice text)
{
	struct cpm_sdp offer, own;

	if(!text.n || !d->sdp.s || cpm_sdp_parse(slice_of_str(&d->sdp), &own, NULL) != CPM_OK)
		return false;
	return cpm_sdp_parse(text, &offer, NULL) != CPM_OK || !offer.port
		   || offer.media_count != own.media_count || (d->media && dialogs_media(text) != d->media);
}

void dialogs_take_refresh(struct sip_msg *msg, dialog_id id, const char *own, const str *target,
		struct cpm_buf *lines)
{
	/* An INVITE hears our description, as the answer to its own or as an offer; so does an UPDATE that brings one. */
	bool described = msg->first_line.u.request.method_value == METHOD_INVITE || msg->content_type;
	struct cpm_session_wish wish;
	struct cpm_session_terms terms;
	struct dialog *d;
	str copy = STR_NULL;
	char sdp[DIALOG_SDP_MAX];
	size_t sdp_n = 0;
	bool refused = false;

	dialogs_wish(msg, &wish);
	cpm_session_agree(&wish, dialogs_config.min_se_s, dialogs_config.session_s, &terms);
	if(terms.too_small) {
		cpm_session_add_headers(lines, &terms);
		dialogs_reply(msg, 422, "Session Interval Too Small", lines);
		return;
	}
	if(target->len && shm_str_dup(&copy, target) < 0)
		copy = (str)STR_NULL;
	dialogs_lock();
	d = dialogs_find(id);
	if(d && !(refused = media_change(d, dialogs_description(msg)))) {
		refresh_enter(d, &terms, &copy);
		if(described && d->sdp.s && d->sdp.len <= DIALOG_SDP_MAX) {
			sdp_n = (size_t)d->sdp.len;
			memcpy(sdp, d->sdp.s, sdp_n);
		}
	}
	dialogs_unlock();
	if(copy.s)
		shm_free(copy.s);
	if(refused) {
		/* RFC 3261 section 14.2: then the session stays as it is. */
		dialogs_reply(msg, 488, "Not Acceptable Here", lines);
		return;
	}
	cpm_buf_add_str(lines, own);
	cpm_buf_add_str(lines, dialogs_config.server_line);
	cpm_buf_add_str(lines, DIALOG_ALLOW "Supported: timer\r\n");
	cpm_session_add_headers(lines, &terms);
	if(sdp_n)
		cpm_buf_add_str(lines, "Content-Type: application/sdp\r\n");
	transaction_respond(msg, 200, "OK", cpm_buf_slice(lines), (struct cpm_slice){sdp, sdp_n});
}
