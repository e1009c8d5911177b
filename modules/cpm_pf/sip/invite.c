/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The UAC's side of an INVITE through tm.
 */
#include "invite.h"

#include "../../core/globals.h"
#include "../../core/mem/shm.h"
#include "dialogs.h"

#define INVITE_HEADERS_MAX 65536

/* An INVITE under way. tm's callback carries only the ticket: it may come again for a forked answer, or not at all, and whoever takes
 * the ticket out of its place has the dialog. */
struct place {
	uint64_t ticket; /* atomic; 0: nobody's */
	dlg_t *dlg;
	unsigned index, label; /* of tm's transaction, for a CANCEL */
};

static invite_answered on_answer;
static struct place *places; /* shared memory */
static size_t place_count;

bool invite_init(invite_answered answered, size_t max)
{
	on_answer = answered;
	place_count = max;
	places = shm_mallocxz(max * sizeof(*places));
	return places != NULL;
}

/* The dialog, once. */
static dlg_t *place_take(uint64_t ticket)
{
	struct place *p = &places[INVITE_PLACE(ticket)];
	dlg_t *dlg = p->dlg;

	return __atomic_compare_exchange_n(
				   &p->ticket, &ticket, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
				   ? dlg
				   : NULL;
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

/* A 2xx is taken as it comes in, before tm sends the ACK: a client may speak in the dialog as soon as it has that. Other answers are
 * final only when tm says so. */
static void on_reply(struct cell *t, int type, struct tmcb_params *ps)
{
	uint64_t ticket = (uint64_t)(uintptr_t)*ps->param;
	struct invite_reply reply = {.status = ps->code};
	dlg_t *dlg;

	if((type & TMCB_RESPONSE_IN) && (ps->code < 200 || ps->code >= 300))
		return;
	dlg = place_take(ticket);
	if(!dlg)
		return;
	if(reply.status < 300) {
		if(!ps->rpl || ps->rpl == FAKED_REPLY
				|| tm.dlg_response_uac(dlg, ps->rpl, IS_TARGET_REFRESH) < 0)
			reply.status = 500;
		else
			reply_read(ps->rpl, &reply);
	}
	if(reply.status < 300)
		reply.dlg = (struct dlg *)dlg;
	else
		tm.free_dlg(dlg);
	on_answer(ticket, &reply);
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
	dlg->send_sock = i->socket ? i->socket : bind_address;
	return dlg;
}

static bool send_with(const struct invite *i, struct place *p, dlg_t *dlg, uint64_t ticket)
{
	static struct cpm_buf headers;
	str method = str_init("INVITE"), lines, sdp = str_of_slice(i->sdp);
	uac_req_t request;

	if(!headers.max)
		cpm_buf_init(&headers, INVITE_HEADERS_MAX);
	cpm_buf_reset(&headers);
	cpm_buf_add(&headers, i->headers);
	dialogs_add_contact(&headers, dlg->send_sock, dlg->send_sock->proto);
	cpm_buf_add_str(&headers, "Content-Type: application/sdp\r\n");
	if(headers.rc != CPM_OK)
		return false;
	lines = str_of_slice(cpm_buf_slice(&headers));
	set_uac_req(&request, &method, &lines, &sdp, dlg, TMCB_RESPONSE_IN | TMCB_LOCAL_COMPLETED,
			on_reply, (void *)(uintptr_t)ticket);
	return tm.t_uac_with_ids(&request, &p->index, &p->label) >= 0;
}

bool invite_send(const struct invite *invite, uint64_t ticket)
{
	struct place *p = &places[INVITE_PLACE(ticket)];
	dlg_t *dlg;

	if(INVITE_PLACE(ticket) >= place_count || !(dlg = dialog_make(invite)))
		return false;
	p->dlg = dlg;
	__atomic_store_n(&p->ticket, ticket, __ATOMIC_RELEASE);
	if(send_with(invite, p, dlg, ticket))
		return true;
	/* The answer may have come all the same, from within. */
	dlg = place_take(ticket);
	if(!dlg)
		return true;
	tm.free_dlg(dlg);
	return false;
}

void invite_cancel(uint64_t ticket)
{
	struct place *p = &places[INVITE_PLACE(ticket)];
	struct cell *t;

	/* A client that has answered nothing yet gets its CANCEL with its first 1xx: tm remembers. */
	if(__atomic_load_n(&p->ticket, __ATOMIC_ACQUIRE) == ticket
			&& tm.t_lookup_ident(&t, p->index, p->label) >= 0)
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
