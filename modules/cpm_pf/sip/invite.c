/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The UAC's side of an INVITE through tm.
 */
#include "invite.h"

#include "../../core/locking.h"
#include "../../core/mem/shm.h"
#include "../../core/parser/parse_cseq.h"
#include "../../core/parser/parse_from.h"
#include "../../core/parser/parse_to.h"
#include "../../core/parser/parse_uri.h"
#include "../../core/socket_info.h"
#include "../../core/ut.h"
#include "../core/codec/mime.h"
#include "dialogs.h"

#define INVITE_HEADERS_MAX 65536
#define INVITE_BODY_MAX 65536

/* An INVITE under way. tm's callback carries only the ticket: it comes several times, or not at all, and whoever takes the ticket out
 * of its place has the dialog. All under the lock. */
struct place {
	uint64_t ticket; /* 0: nobody's */
	dlg_t *dlg;
	unsigned index, label; /* of tm's transaction, for a CANCEL */
	str sdp;               /* our offer; shared memory */
	const char *tags;      /* of our Contact */
	bool rung;             /* its 180 was told */
	uint64_t taken, tag;   /* the last ticket that a 2xx took, and that one's To tag as a number */
};

static invite_answered on_answer;
static gen_lock_t *lock; /* shared memory, as the places */
static struct place *places;
static size_t place_count;

bool invite_init(invite_answered answered, size_t max)
{
	on_answer = answered;
	place_count = max;
	places = shm_mallocxz(max * sizeof(*places));
	lock = lock_alloc();
	return places && lock && lock_init(lock);
}

static uint64_t tag_of(struct sip_msg *reply)
{
	if(!reply || parse_to_header(reply) < 0)
		return 0;
	return cpm_slice_hash(slice_of_str(&get_to(reply)->tag_value), 0);
}

/* The dialog and the offer, once. answer: a 2xx, or NULL. */
static dlg_t *place_take(uint64_t ticket, struct sip_msg *answer, str *sdp, const char **tags)
{
	struct place *p = &places[INVITE_PLACE(ticket)];
	uint64_t tag = tag_of(answer);
	dlg_t *dlg = NULL;

	lock_get(lock);
	if(p->ticket == ticket) {
		dlg = p->dlg;
		*sdp = p->sdp;
		*tags = p->tags;
		p->ticket = 0;
		p->sdp = (str)STR_NULL;
		if(answer) {
			p->taken = ticket;
			p->tag = tag;
		}
	}
	lock_release(lock);
	return dlg;
}

/* Another one than the 2xx that made the dialog: the INVITE was forked on its way, or the 2xx came after we had given up. */
static bool is_stranger(uint64_t ticket, struct sip_msg *answer)
{
	struct place *p = &places[INVITE_PLACE(ticket)];
	uint64_t tag = tag_of(answer);
	bool stranger;

	lock_get(lock);
	stranger = p->taken != ticket || p->tag != tag;
	lock_release(lock);
	return stranger;
}

/* RFC 3261 section 13.2.2.4: ACK, then BYE. tm sends the first one's ACK to it, with the first one's tag. */
static void stranger_dismiss(struct sip_msg *answer)
{
	str ack = str_init("ACK");
	uac_req_t request;
	struct dlg *dlg = NULL;
	unsigned cseq;

	if(parse_headers(answer, HDR_EOH_F, 0) < 0 || parse_from_header(answer) < 0
			|| str2int(&get_cseq(answer)->number, &cseq) < 0
			|| tm.new_dlg_uac(&answer->callid->body, &get_from(answer)->tag_value, cseq,
					   &get_from(answer)->uri, &get_to(answer)->uri, (dlg_t **)&dlg)
					   < 0)
		return;
	((dlg_t *)dlg)->send_sock = answer->rcv.bind_address;
	if(tm.dlg_response_uac((dlg_t *)dlg, answer, IS_TARGET_REFRESH) < 0) {
		tm.free_dlg((dlg_t *)dlg);
		return;
	}
	LM_INFO("a second client has accepted one INVITE, and is sent away\n");
	set_uac_req(&request, &ack, NULL, NULL, (dlg_t *)dlg, 0, NULL, NULL);
	tm.t_request_within(&request);
	invite_bye(&dlg, cpm_slice_of(dialogs_config.agent_line));
}

static void reply_read(struct sip_msg *msg, struct invite_reply *reply)
{
	struct cpm_session_wish wish;
	char *body = get_body(msg);

	if(body)
		reply->sdp = (struct cpm_slice){body, (size_t)(msg->buf + msg->len - body)};
	if(parse_headers(msg, HDR_EOH_F, 0) < 0)
		return;
	dialogs_wish(msg, &wish);
	reply->terms = (struct dialog_terms){.expires_s = wish.expires_s,
			.refresher = wish.refresher != CPM_REFRESHER_UAS,
			.updates = dialogs_header_lists(msg, HDR_ALLOW_T, CPM_SLICE("UPDATE"))};
}

/* The first 180, while the final answer is awaited. */
static bool rings(uint64_t ticket, int status)
{
	struct place *p = &places[INVITE_PLACE(ticket)];
	bool first;

	if(status != 180)
		return false;
	lock_get(lock);
	first = p->ticket == ticket && !p->rung;
	if(first)
		p->rung = true;
	lock_release(lock);
	return first;
}

/* As text: the reply may be tm's, which others look at. */
static struct cpm_slice contacts_of(const struct sip_msg *msg)
{
	struct cpm_slice text, value;

	if(!msg || msg == FAKED_REPLY)
		return CPM_SLICE_NONE;
	text = (struct cpm_slice){msg->buf, msg->len};
	text = cpm_slice_from(text, cpm_slice_find(text, '\n') + 1);
	return cpm_mime_header(text, CPM_SLICE("Contact"), &value)
						   || cpm_mime_header(text, CPM_SLICE("m"), &value)
				   ? value
				   : CPM_SLICE_NONE;
}

/* A 2xx is taken as it comes in, before tm sends the ACK: a client may speak in the dialog as soon as it has that. (Of transactions of
 * our own tm tells this by the LOCAL kind alone.) Other answers are final only when tm says so, and so is a second 2xx, of which it
 * tells but once. */
static void on_reply(struct cell *t, int type, struct tmcb_params *ps)
{
	uint64_t ticket = (uint64_t)(uintptr_t)*ps->param;
	struct invite_reply reply = {.status = ps->code};
	bool accepted = ps->code < 300 && ps->rpl && ps->rpl != FAKED_REPLY;
	str sdp = STR_NULL;
	const char *tags;
	dlg_t *dlg;

	if((type & TMCB_LOCAL_RESPONSE_IN) && (ps->code < 200 || ps->code >= 300)) {
		if(rings(ticket, ps->code))
			on_answer(ticket, &reply);
		return;
	}
	dlg = place_take(ticket, accepted ? ps->rpl : NULL, &sdp, &tags);
	if(!dlg) {
		if(!(type & TMCB_LOCAL_RESPONSE_IN) && accepted && is_stranger(ticket, ps->rpl))
			stranger_dismiss(ps->rpl);
		return;
	}
	if(reply.status < 300) {
		if(!accepted || tm.dlg_response_uac(dlg, ps->rpl, IS_TARGET_REFRESH) < 0)
			reply.status = 500;
		else
			reply_read(ps->rpl, &reply);
		reply.terms.tags = tags;
		reply.terms.media = dialogs_media(reply.sdp);
	}
	if(reply.status == 302)
		reply.contacts = contacts_of(ps->rpl);
	reply.offer = slice_of_str(&sdp);
	if(reply.status < 300)
		reply.dlg = (struct dlg *)dlg;
	else
		tm.free_dlg(dlg);
	on_answer(ticket, &reply);
	if(sdp.s)
		shm_free(sdp.s);
}

/* The server's first of the transport that a URI names; our own processes have none of their own (bind_address). */
static struct socket_info *socket_for(str *uri)
{
	struct sip_uri parsed;
	struct socket_info *found = NULL;

	if(parse_uri(uri->s, uri->len, &parsed) == 0) {
		if(parsed.proto == PROTO_TLS || parsed.type == SIPS_URI_T)
			found = tls_listen;
		else if(parsed.proto == PROTO_TCP)
			found = tcp_listen;
	}
	return found ? found : get_first_socket();
}

static dlg_t *dialog_make(const struct invite *i)
{
	str from = str_of_slice(i->from), to = str_of_slice(i->to), uri = str_of_slice(i->uri),
		hop = str_of_slice(i->next_hop);
	dlg_t *dlg = NULL;

	if(tm.new_dlg_uac(NULL, NULL, 1, &from, &to, &dlg) < 0)
		return NULL;
	if(tm.set_dlg_target(dlg, &uri, hop.len ? &hop : NULL) < 0) {
		tm.free_dlg(dlg);
		return NULL;
	}
	dlg->send_sock = i->socket ? i->socket : socket_for(hop.len ? &hop : &uri);
	if(dlg->send_sock)
		return dlg;
	tm.free_dlg(dlg);
	return NULL;
}

static bool send_with(const struct invite *i, struct place *p, dlg_t *dlg, uint64_t ticket)
{
	static struct cpm_buf headers, body;
	str method = str_init("INVITE"), lines, text;
	uac_req_t request;

	if(!headers.max) {
		cpm_buf_init(&headers, INVITE_HEADERS_MAX);
		cpm_buf_init(&body, INVITE_BODY_MAX);
	}
	cpm_buf_reset(&headers);
	cpm_buf_add(&headers, i->headers);
	dialogs_add_contact(&headers, dlg->send_sock, dlg->send_sock->proto, i->tags);
	cpm_buf_add_str(&headers, "Content-Type: ");
	cpm_buf_add(&headers, i->content_type.n ? i->content_type : CPM_SLICE("application/sdp"));
	cpm_buf_add_str(&headers, "\r\n");
	cpm_buf_reset(&body);
	cpm_buf_add(&body, i->before);
	cpm_buf_add(&body, i->sdp);
	cpm_buf_add(&body, i->after);
	if(headers.rc != CPM_OK || body.rc != CPM_OK)
		return false;
	lines = str_of_slice(cpm_buf_slice(&headers));
	text = str_of_slice(cpm_buf_slice(&body));
	set_uac_req(&request, &method, &lines, &text, dlg,
			TMCB_LOCAL_RESPONSE_IN | TMCB_LOCAL_COMPLETED, on_reply, (void *)(uintptr_t)ticket);
	return tm.t_uac_with_ids(&request, &p->index, &p->label) >= 0;
}

bool invite_send(const struct invite *invite, uint64_t ticket)
{
	struct place *p = &places[INVITE_PLACE(ticket)];
	str offer = str_of_slice(invite->sdp), sdp = STR_NULL;
	const char *tags;
	dlg_t *dlg;

	if(INVITE_PLACE(ticket) >= place_count || !(dlg = dialog_make(invite)))
		return false;
	if(shm_str_dup(&sdp, &offer) < 0) {
		tm.free_dlg(dlg);
		return false;
	}
	lock_get(lock);
	p->dlg = dlg;
	p->sdp = sdp;
	p->tags = invite->tags;
	p->rung = false;
	p->ticket = ticket;
	lock_release(lock);
	if(send_with(invite, p, dlg, ticket))
		return true;
	/* The answer may have come all the same, from within. */
	dlg = place_take(ticket, NULL, &sdp, &tags);
	if(!dlg)
		return true;
	shm_free(sdp.s);
	tm.free_dlg(dlg);
	return false;
}

void invite_cancel(uint64_t ticket)
{
	struct place *p = &places[INVITE_PLACE(ticket)];
	struct cell *t;
	bool waits;

	lock_get(lock);
	waits = p->ticket == ticket;
	lock_release(lock);
	/* A client that has answered nothing yet gets its CANCEL with its first 1xx: tm remembers. */
	if(waits && tm.t_lookup_ident(&t, p->index, p->label) >= 0)
		tm.cancel_all_uacs(t, F_CANCEL_UNREF);
}

void invite_bye(struct dlg **dlg, struct cpm_slice headers)
{
	str method = str_init("BYE"), lines = str_of_slice(headers);
	dlg_t *d = (dlg_t *)*dlg;
	uac_req_t request;

	*dlg = NULL;
	if(!d)
		return;
	set_uac_req(&request, &method, &lines, NULL, d, 0, NULL, NULL);
	tm.t_request_within(&request);
	tm.free_dlg(d);
}
