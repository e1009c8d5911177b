/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * INVITEs taken, answered and ended: what the owner of a dialog does.
 */
#include "dialog.h"

#include "../../core/forward.h"
#include "../../core/mem/shm.h"
#include "../core/codec/header.h"
#include "dialogs.h"

/* tm sends a 200 again for some seconds only (its wt_timer): this goes on until the ACK. */
#define RESEND_MS 4000
#define SWEEP_IDS 256

/* RFC 3261 8.2.2.3: an extension that must be understood and is not. */
static bool extensions_known(struct sip_msg *msg, struct cpm_buf *lines)
{
	static const char *const known[] = {"timer", "recipient-list-invite"};
	struct cpm_slice rest, value;
	const struct hdr_field *h;
	bool all = true;
	size_t i;

	for(h = msg->headers; h; h = h->next) {
		if(h->type != HDR_REQUIRE_T)
			continue;
		rest = slice_of_str(&h->body);
		while(cpm_header_next_value(&rest, &value)) {
			for(i = 0; i < 2 && !cpm_slice_ieq(value, cpm_slice_of(known[i])); i++)
				;
			if(i < 2)
				continue;
			cpm_buf_add_str(lines, all ? "Unsupported: " : ", ");
			cpm_header_add_unfolded(lines, value);
			all = false;
		}
	}
	if(!all)
		cpm_buf_add_str(lines, "\r\n");
	return all;
}

void dialogs_add_contact(
		struct cpm_buf *out, const struct socket_info *s, int proto, const char *tags)
{
	str *address = NULL, *port = NULL;

	cpm_buf_add_str(out, "Contact: <sip:cpm@");
	if(s && si_get_signaling_data((struct socket_info *)s, &address, &port) == 0) {
		bool ipv6 = s->address.af == AF_INET6 && address->len && address->s[0] != '['
					&& memchr(address->s, ':', (size_t)address->len);
		if(ipv6)
			cpm_buf_add_char(out, '[');
		cpm_buf_add(out, slice_of_str(address));
		if(ipv6)
			cpm_buf_add_char(out, ']');
		cpm_buf_add_char(out, ':');
		cpm_buf_add(out, slice_of_str(port));
	}
	cpm_buf_add_str(out, proto == PROTO_TCP   ? ";transport=tcp>"
						 : proto == PROTO_TLS ? ";transport=tls>"
											  : ">");
	cpm_buf_add_str(out, tags);
	cpm_buf_add_str(out, "\r\n");
}

void dialog_add_contact(struct cpm_buf *out, const struct sip_msg *msg)
{
	dialogs_add_contact(out, msg->rcv.bind_address, msg->rcv.proto, DIALOG_TAGS_NONE);
}

static struct dialog *dialog_make(
		struct sip_msg *msg, const struct cpm_session_terms *terms, const char *tags)
{
	struct dialog *d = shm_mallocxz(sizeof(*d));
	struct cpm_buf contact;

	if(!d)
		return NULL;
	if(tm.new_dlg_uas(msg, 200, &d->dlg) < 0) {
		shm_free(d);
		return NULL;
	}
	d->dlg->send_sock = msg->rcv.bind_address;
	d->terms = *terms;
	d->expires_s = terms->expires_s;
	d->refresher = terms->refresher == CPM_REFRESHER_UAS;
	d->updates = dialogs_header_lists(msg, HDR_ALLOW_T, CPM_SLICE("UPDATE"));
	d->media = dialogs_media(dialogs_description(msg));
	d->invite_cseq = d->remote_cseq = d->dlg->rem_seq.value;
	cpm_buf_init_fixed(&contact, d->contact, sizeof(d->contact) - 1);
	dialogs_add_contact(&contact, msg->rcv.bind_address, msg->rcv.proto, tags);
	if(contact.rc == CPM_OK)
		return d;
	dialogs_free(d);
	return NULL;
}

bool dialog_adopt(struct dlg *dlg, int owner, dialog_told told, const struct dialog_terms *terms,
		struct cpm_slice sdp, dialog_id *id)
{
	struct dialog *d = shm_mallocxz(sizeof(*d));
	str body = str_of_slice(sdp);
	struct cpm_buf contact;
	bool entered = false;

	if(!d)
		return false;
	d->dlg = (dlg_t *)dlg;
	d->state = CPM_DIALOG_CONFIRMED;
	d->owner = owner;
	d->told = told;
	d->expires_s = terms->expires_s;
	d->refresher = terms->refresher;
	d->updates = terms->updates;
	d->media = terms->media;
	cpm_buf_init_fixed(&contact, d->contact, sizeof(d->contact) - 1);
	dialogs_add_contact(&contact, d->dlg->send_sock, d->dlg->send_sock->proto, terms->tags);
	if(contact.rc == CPM_OK && (!body.len || shm_str_dup(&d->sdp, &body) == 0)) {
		dialogs_lock();
		dialogs_clock(d, dialogs_now());
		if((entered = dialogs_enter(d)))
			*id = d->id;
		dialogs_unlock();
	}
	if(!entered) {
		d->dlg = NULL;
		dialogs_free(d);
	}
	return entered;
}

/* False when it was refused. */
static bool invite_check(struct sip_msg *msg, struct cpm_session_terms *terms)
{
	char text[DIALOG_HEADERS_MAX];
	struct cpm_buf lines;
	struct cpm_session_wish wish;

	cpm_buf_init_fixed(&lines, text, sizeof(text));
	if(!msg->contact) {
		dialogs_reply(msg, 400, "Contact Missing", &lines);
		return false;
	}
	if(!extensions_known(msg, &lines)) {
		dialogs_reply(msg, 420, "Bad Extension", &lines);
		return false;
	}
	dialogs_wish(msg, &wish);
	cpm_session_agree(&wish, dialogs_config.min_se_s, dialogs_config.session_s, terms);
	if(!terms->too_small)
		return true;
	cpm_session_add_headers(&lines, terms);
	dialogs_reply(msg, 422, "Session Interval Too Small", &lines);
	return false;
}

/* A CANCEL that found no dialog yet, and was left to tm, which has answered it. */
static void on_cancel(struct cell *t, int type, struct tmcb_params *ps)
{
	dialogs_step((dialog_id)(uintptr_t)*ps->param, CPM_DIALOG_CANCEL);
}

enum dialog_open dialog_open(struct sip_msg *msg, int owner, dialog_told told, const char *tags,
		dialog_id *id, struct transaction_id *transaction)
{
	struct cpm_session_terms terms;
	enum transaction_park parked;
	struct dialog *d;
	bool retransmission = false, entered;

	if(parse_headers(msg, HDR_EOH_F, 0) < 0 || !dialogs_transaction(msg, &retransmission))
		return retransmission ? DIALOG_ABSORBED : DIALOG_FAILED;
	if(!invite_check(msg, &terms))
		return DIALOG_REPLIED;
	if(!(d = dialog_make(msg, &terms, tags)))
		return DIALOG_FAILED;
	d->owner = owner;
	d->told = told;
	dialogs_lock();
	dialogs_clock(d, dialogs_now());
	if((entered = dialogs_enter(d)))
		*id = d->id;
	dialogs_unlock();
	if(!entered) {
		dialogs_free(d);
		return DIALOG_FAILED;
	}
	tm.register_tmcb(msg, NULL, TMCB_E2ECANCEL_IN, on_cancel, (void *)(uintptr_t)*id, NULL);
	parked = transaction_park(msg, transaction);
	if(parked != TRANSACTION_PARKED) {
		dialog_refuse(*id);
		return parked == TRANSACTION_ABSORBED ? DIALOG_ABSORBED : DIALOG_FAILED;
	}
	dialogs_lock();
	d = dialogs_find(*id);
	if(d && d->state == CPM_DIALOG_PENDING)
		d->transaction = *transaction;
	else
		d = NULL;
	dialogs_unlock();
	/* A CANCEL was faster. We had nothing yet to answer by; tm has. */
	return d ? DIALOG_OPENED : DIALOG_ABSORBED;
}

void dialogs_terminate(const struct transaction_id *transaction)
{
	transaction_reply(
			transaction, 487, "Request Terminated", cpm_slice_of(dialogs_config.server_line));
}

void dialog_ring(dialog_id id)
{
	char text[DIALOG_HEADERS_MAX];
	struct cpm_buf lines;
	struct transaction_id transaction;
	struct dialog *d;
	unsigned steps = 0;

	cpm_buf_init_fixed(&lines, text, sizeof(text));
	dialogs_lock();
	if((d = dialogs_find(id)) && (steps = dialogs_move(d, CPM_DIALOG_RING, dialogs_now()))) {
		transaction = d->transaction;
		cpm_buf_add_str(&lines, d->contact);
	}
	dialogs_unlock();
	if(!(steps & CPM_DIALOG_SEND_180))
		return;
	cpm_buf_add_str(&lines, dialogs_config.server_line);
	cpm_buf_add_str(&lines, DIALOG_ALLOW);
	if(lines.rc == CPM_OK)
		transaction_reply(&transaction, 180, "Ringing", cpm_buf_slice(&lines));
	/* tm makes one reply to a request at a time: a CANCEL that came meanwhile was left to us. */
	if(dialogs_step(id, CPM_DIALOG_RUNG) & CPM_DIALOG_SEND_487)
		dialogs_terminate(&transaction);
}

bool dialog_answer(dialog_id id, struct cpm_slice sdp)
{
	char text[DIALOG_HEADERS_MAX];
	struct cpm_buf lines;
	struct dialog *d;
	unsigned steps = 0;
	int64_t now = dialogs_now();
	str body = str_of_slice(sdp), copy = STR_NULL;

	if(body.len && shm_str_dup(&copy, &body) < 0)
		return false;
	dialogs_lock();
	if((d = dialogs_find(id)))
		steps = dialogs_move(d, CPM_DIALOG_ANSWER, now);
	if(steps & CPM_DIALOG_SEND_200)
		d->sdp = copy;
	dialogs_unlock();
	if(!(steps & CPM_DIALOG_SEND_200)) {
		if(copy.s)
			shm_free(copy.s);
		return false;
	}

	/* Nobody but us frees it. */
	cpm_buf_init_fixed(&lines, text, sizeof(text));
	cpm_buf_add_str(&lines, d->contact);
	cpm_buf_add_str(&lines, dialogs_config.server_line);
	cpm_buf_add_str(&lines, DIALOG_ALLOW "Supported: timer\r\n");
	cpm_session_add_headers(&lines, &d->terms);
	if(sdp.n)
		cpm_buf_add_str(&lines, "Content-Type: application/sdp\r\n");
	if(lines.rc == CPM_OK
			&& transaction_answer(
					&d->transaction, 200, "OK", cpm_buf_slice(&lines), sdp, &d->reply)) {
		dialogs_lock();
		if(d->state == CPM_DIALOG_ANSWERED || d->state == CPM_DIALOG_LEAVING)
			d->resend_ms = now + RESEND_MS;
		dialogs_unlock();
		return true;
	}
	dialogs_lock();
	dialogs_leave(d);
	dialogs_unlock();
	dialogs_free(d);
	return false;
}

void dialog_refuse(dialog_id id)
{
	struct dialog *d;

	dialogs_lock();
	d = dialogs_find(id);
	if(d && (dialogs_move(d, CPM_DIALOG_REFUSE, dialogs_now()) & CPM_DIALOG_FREE))
		dialogs_leave(d);
	else
		d = NULL;
	dialogs_unlock();
	if(d)
		dialogs_free(d);
}

void dialog_set_farewell(dialog_id id, struct cpm_slice lines)
{
	size_t own = strlen(dialogs_config.agent_line);
	char *text = shm_malloc(own + lines.n);
	struct dialog *d;

	if(!text)
		return;
	memcpy(text, dialogs_config.agent_line, own);
	memcpy(text + own, lines.p, lines.n);
	dialogs_lock();
	if((d = dialogs_find(id)) && !d->farewell.s) {
		d->farewell = (str){text, (int)(own + lines.n)};
		text = NULL;
	}
	dialogs_unlock();
	if(text)
		shm_free(text);
}

void dialog_hang_up(dialog_id id)
{
	dialogs_step(id, CPM_DIALOG_HANG_UP);
}

/* In any process. */
static void on_bye_done(struct cell *t, int type, struct tmcb_params *ps)
{
	dialogs_step((dialog_id)(uintptr_t)*ps->param, CPM_DIALOG_BYE_DONE);
}

bool dialogs_send(struct dialog *d, const char *method, struct cpm_slice lines,
		struct cpm_slice body, dialogs_answered answered)
{
	str name = {(char *)method, (int)strlen(method)}, headers = str_of_slice(lines),
		text = str_of_slice(body), target;
	uac_req_t request;

	dialogs_lock();
	target = d->target;
	d->target = (str)STR_NULL;
	dialogs_unlock();
	if(target.s) {
		if(tm.set_dlg_target(d->dlg, &target, NULL) < 0)
			LM_WARN("the new contact of a peer cannot be used\n");
		shm_free(target.s);
	}
	set_uac_req(&request, &name, &headers, text.len ? &text : NULL, d->dlg, TMCB_LOCAL_COMPLETED,
			answered, (void *)(uintptr_t)d->id);
	return tm.t_request_within(&request) >= 0;
}

void dialog_work(dialog_id id)
{
	struct dialog *d;
	unsigned todo = 0;
	bool fresh = false;

	dialogs_lock();
	if((d = dialogs_find(id))) {
		todo = d->todo;
		d->todo = 0;
		fresh = dialogs_refresh_due(d, dialogs_now());
		if(todo & CPM_DIALOG_FREE)
			dialogs_leave(d);
	}
	dialogs_unlock();
	if((todo & CPM_DIALOG_TELL_ACKED) && d->told)
		d->told(id, DIALOG_ACKED);
	if((todo & CPM_DIALOG_TELL_ENDED) && d->told)
		d->told(id, DIALOG_OVER);
	if(todo & CPM_DIALOG_FREE)
		dialogs_free(d);
	else if((todo & CPM_DIALOG_SEND_BYE)
			&& !dialogs_send(d, "BYE",
					d->farewell.s ? slice_of_str(&d->farewell)
								  : cpm_slice_of(dialogs_config.agent_line),
					CPM_SLICE_NONE, on_bye_done))
		dialogs_step(id, CPM_DIALOG_BYE_DONE);
	else if(fresh)
		dialogs_refresh(d);
}

static bool due_locked(struct dialog *d, int64_t now, bool *resend)
{
	*resend = d->resend_ms && d->resend_ms <= now;
	if(*resend)
		d->resend_ms = now + RESEND_MS;
	if(d->deadline_ms <= now)
		dialogs_move(d, CPM_DIALOG_TIME, now);
	return d->todo || *resend || (d->refresh_ms && d->refresh_ms <= now);
}

struct sweep {
	int64_t now;
	size_t count;
	struct {
		struct dialog *d;
		dialog_id id;
		bool resend;
	} due[SWEEP_IDS];
};

static bool sweep_each(void *context, struct dialog *d)
{
	struct sweep *s = context;

	if(due_locked(d, s->now, &s->due[s->count].resend)) {
		s->due[s->count].d = d;
		s->due[s->count++].id = d->id;
	}
	return s->count < SWEEP_IDS;
}

void dialog_sweep(int owner, int64_t now)
{
	struct sweep s = {.now = now};
	size_t i;

	if(!dialog_count())
		return;
	dialogs_lock();
	dialogs_each(owner, sweep_each, &s);
	dialogs_unlock();
	for(i = 0; i < s.count; i++) {
		/* Until dialog_work nobody frees it. */
		if(s.due[i].resend)
			transaction_copy_send(&s.due[i].d->reply);
		dialog_work(s.due[i].id);
	}
}

struct dlg *dialog_once(struct sip_msg *msg)
{
	dlg_t *dlg = NULL;

	if(!msg->contact || tm.new_dlg_uas(msg, 200, &dlg) < 0)
		return NULL;
	dlg->send_sock = msg->rcv.bind_address;
	return dlg;
}

bool dialog_once_send(
		struct dlg *dlg, const char *method, struct cpm_slice headers, struct cpm_slice body)
{
	str name = {(char *)method, (int)strlen(method)}, lines = str_of_slice(headers),
		text = str_of_slice(body);
	uac_req_t request;

	set_uac_req(&request, &name, &lines, text.len ? &text : NULL, dlg, 0, NULL, NULL);
	return tm.t_request_within(&request) >= 0;
}

void dialog_once_free(struct dlg **dlg)
{
	if(*dlg)
		tm.free_dlg(*dlg);
	*dlg = NULL;
}
