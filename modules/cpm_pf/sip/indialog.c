/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the peer of a dialog sends in it: ACK, CANCEL, BYE, UPDATE, re-INVITE.
 */
#include "../../core/parser/parse_cseq.h"
#include "../../core/parser/parse_from.h"
#include "../../core/parser/parse_to.h"
#include "../../core/ut.h"
#include "../core/codec/header.h"
#include "../core/codec/uri.h"
#include "dialogs.h"

/* What a request says of the dialog that it belongs to. */
struct match {
	struct dialogs_key key;
	str contact;
	unsigned cseq;
};

static bool match_read(struct sip_msg *msg, struct match *m)
{
	struct cpm_slice rest, value, uri;

	memset(m, 0, sizeof(*m));
	if(parse_headers(msg, HDR_EOH_F, 0) < 0 || !msg->callid || !msg->cseq
			|| parse_from_header(msg) < 0 || parse_to_header(msg) < 0
			|| str2int(&get_cseq(msg)->number, &m->cseq) < 0)
		return false;
	m->key.call_id = msg->callid->body;
	m->key.from_tag = get_from(msg)->tag_value;
	m->key.to_tag = get_to(msg)->tag_value;
	if(msg->contact) {
		rest = slice_of_str(&msg->contact->body);
		if(cpm_header_next_value(&rest, &value) && cpm_uri_of_address(value, &uri))
			m->contact = str_of_slice(uri);
	}
	return m->key.from_tag.len > 0;
}

struct outcome {
	bool found;
	enum cpm_dialog_state state; /* before */
	bool old;                    /* a CSeq that was overtaken */
	unsigned steps;
	int owner;
	dialog_id id;
	struct transaction_id transaction;
	char contact[DIALOG_CONTACT_MAX];
};

/* Finds the dialog and moves it by event; CPM_DIALOG_EVENTS: by none. */
static void request_take(
		const struct match *m, enum cpm_dialog_event event, bool counts, struct outcome *o)
{
	struct dialog *d;

	memset(o, 0, sizeof(*o));
	dialogs_lock();
	if((d = dialogs_match(&m->key))) {
		o->found = true;
		o->state = d->state;
		o->id = d->id;
		o->owner = d->owner;
		o->old = counts && m->cseq < d->remote_cseq;
		o->transaction = d->transaction;
		memcpy(o->contact, d->contact, sizeof(o->contact));
		if(counts && !o->old)
			d->remote_cseq = m->cseq;
		/* The ACK of a re-INVITE says nothing about ours. */
		if(event == CPM_DIALOG_ACK && m->cseq != d->invite_cseq)
			event = CPM_DIALOG_EVENTS;
		if(!o->old && event != CPM_DIALOG_EVENTS)
			o->steps = dialogs_move(d, event, dialogs_now());
	}
	dialogs_unlock();
	if(o->steps)
		dialogs_config.post(o->owner, o->id);
}

static int take_ack(struct sip_msg *msg, const struct match *m)
{
	struct outcome o;
	int branch = 0;

	request_take(m, CPM_DIALOG_ACK, false, &o);
	if(!o.found)
		return -1;
	/* tm stops sending the 200, when it still knows it. */
	if(tm.t_check(msg, &branch) == 1 && tm.t_gett() && tm.t_gett() != T_UNDEFINED)
		tm.t_release_transaction(tm.t_gett());
	return 1;
}

static int take_cancel(struct sip_msg *msg, const struct match *m)
{
	char text[DIALOG_HEADERS_MAX];
	struct cpm_buf lines;
	struct outcome o;

	request_take(m, CPM_DIALOG_CANCEL, false, &o);
	if(!o.found || !o.transaction.tag_len)
		return -1;
	cpm_buf_init_fixed(&lines, text, sizeof(text));
	dialogs_reply(msg, 200, "OK", &lines);
	if(o.steps & CPM_DIALOG_SEND_487)
		dialogs_terminate(&o.transaction);
	return 1;
}

/* A re-INVITE before the ACK; an offer in an early dialog, whose first offer waits for its answer (RFC 3311 section 5.2). */
static bool overtakes_answer(struct sip_msg *msg, enum cpm_dialog_state state)
{
	switch(msg->first_line.u.request.method_value) {
		case METHOD_INVITE:
			return state != CPM_DIALOG_CONFIRMED;
		case METHOD_UPDATE:
			return msg->content_type
				   && (state == CPM_DIALOG_PENDING || state == CPM_DIALOG_RINGING);
		default:
			return false;
	}
}

int dialog_request(struct sip_msg *msg)
{
	char text[DIALOG_HEADERS_MAX];
	struct cpm_buf lines;
	struct match m;
	struct outcome o;
	bool retransmission;
	unsigned method = msg->first_line.u.request.method_value;

	if(!dialog_count() || !match_read(msg, &m))
		return -1;
	if(method == METHOD_CANCEL)
		return take_cancel(msg, &m);
	if(!m.key.to_tag.len)
		return -1;
	if(method == METHOD_ACK)
		return take_ack(msg, &m);

	request_take(&m, CPM_DIALOG_EVENTS, false, &o);
	if(!o.found)
		return -1;
	if(!dialogs_transaction(msg, &retransmission))
		return retransmission ? 0 : -1;
	request_take(&m, method == METHOD_BYE ? CPM_DIALOG_BYE : CPM_DIALOG_EVENTS, true, &o);
	cpm_buf_init_fixed(&lines, text, sizeof(text));
	if(!o.found)
		dialogs_reply(msg, 481, "Call/Transaction Does Not Exist", &lines);
	else if(o.old)
		dialogs_reply(msg, 500, "Server Internal Error", &lines);
	else if(method == METHOD_BYE || method == METHOD_OPTIONS)
		dialogs_reply(msg, 200, "OK", &lines);
	else if(overtakes_answer(msg, o.state))
		dialogs_reply(msg, 491, "Request Pending", &lines);
	else if(method == METHOD_UPDATE || method == METHOD_INVITE)
		dialogs_take_refresh(msg, o.id, o.contact, &m.contact, &lines);
	else {
		cpm_buf_add_str(&lines, DIALOG_ALLOW);
		dialogs_reply(msg, 405, "Method Not Allowed", &lines);
	}
	if(o.steps & CPM_DIALOG_SEND_487)
		dialogs_terminate(&o.transaction);
	return 1;
}
