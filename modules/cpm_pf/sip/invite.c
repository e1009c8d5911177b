/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The UAC's side of an INVITE through tm.
 */
#include "invite.h"

#include "../../core/globals.h"
#include "../../core/mem/shm.h"
#include "tm.h"

#define INVITE_HEADERS_MAX 65536

/* An INVITE under way. tm's callback carries only the ticket: it may come again for a forked answer, or not at all, and whoever takes
 * the ticket out of its place has the dialog. */
struct place {
	uint64_t ticket; /* atomic; 0: nobody's */
	dlg_t *dlg;
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

static void add_contact(struct cpm_buf *out, const struct socket_info *s)
{
	bool ipv6 = s->address.af == AF_INET6 && s->address_str.len && s->address_str.s[0] != '[';

	cpm_buf_add_str(out, "Contact: <sip:cpm@");
	cpm_buf_add_str(out, ipv6 ? "[" : "");
	cpm_buf_add(out, slice_of_str(&s->address_str));
	cpm_buf_add_str(out, ipv6 ? "]:" : ":");
	cpm_buf_add(out, slice_of_str(&s->port_no_str));
	cpm_buf_add_str(out, s->proto == PROTO_TCP   ? ";transport=tcp>\r\n"
						 : s->proto == PROTO_TLS ? ";transport=tls>\r\n"
												 : ">\r\n");
}

static void on_final(struct cell *t, int type, struct tmcb_params *ps)
{
	uint64_t ticket = (uint64_t)(uintptr_t)*ps->param;
	struct cpm_slice sdp = CPM_SLICE_NONE;
	dlg_t *dlg = place_take(ticket);
	int status = ps->code;
	char *body;

	if(!dlg)
		return;
	if(status < 300) {
		if(!ps->rpl || ps->rpl == FAKED_REPLY
				|| tm.dlg_response_uac(dlg, ps->rpl, IS_TARGET_REFRESH) < 0) {
			status = 500;
		} else if((body = get_body(ps->rpl))) {
			sdp = (struct cpm_slice){body, (size_t)(ps->rpl->buf + ps->rpl->len - body)};
		}
	}
	if(status >= 300) {
		tm.free_dlg(dlg);
		dlg = NULL;
	}
	on_answer(ticket, status, (struct dlg *)dlg, sdp);
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
	dlg->send_sock = i->socket;
	return dlg;
}

static bool send_with(const struct invite *i, dlg_t *dlg, uint64_t ticket)
{
	static struct cpm_buf headers;
	str method = str_init("INVITE"), lines, sdp = str_of_slice(i->sdp);
	uac_req_t request;

	if(!headers.max)
		cpm_buf_init(&headers, INVITE_HEADERS_MAX);
	cpm_buf_reset(&headers);
	cpm_buf_add(&headers, i->headers);
	add_contact(&headers, i->socket ? i->socket : bind_address);
	cpm_buf_add_str(&headers, "Content-Type: application/sdp\r\n");
	if(headers.rc != CPM_OK)
		return false;
	lines = str_of_slice(cpm_buf_slice(&headers));
	set_uac_req(&request, &method, &lines, &sdp, dlg, TMCB_LOCAL_COMPLETED, on_final,
			(void *)(uintptr_t)ticket);
	return tm.t_uac(&request) >= 0;
}

bool invite_send(const struct invite *invite, uint64_t ticket)
{
	struct place *p = &places[INVITE_PLACE(ticket)];
	dlg_t *dlg;

	if(INVITE_PLACE(ticket) >= place_count || !(dlg = dialog_make(invite)))
		return false;
	p->dlg = dlg;
	__atomic_store_n(&p->ticket, ticket, __ATOMIC_RELEASE);
	if(send_with(invite, dlg, ticket))
		return true;
	/* The answer may have come all the same, from within. */
	dlg = place_take(ticket);
	if(!dlg)
		return true;
	tm.free_dlg(dlg);
	return false;
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
