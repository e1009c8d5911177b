/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Builds and sends the MESSAGE of a push through tm.
 */
#include "message.h"

#include "../core/codec/feature.h"
#include "../core/codec/header.h"
#include "tm.h"

#define MESSAGE_HEADERS_MAX 65536

static const char *release_version;
static message_answered on_answer;

void message_init(const char *release, message_answered answered)
{
	release_version = release;
	on_answer = answered;
}

static void add_line(struct cpm_buf *out, const char *name, struct cpm_slice value)
{
	if(!value.n)
		return;
	cpm_buf_add_str(out, name);
	cpm_buf_add_str(out, ": ");
	cpm_buf_add(out, value);
	cpm_buf_add_str(out, "\r\n");
}

/* A Path of several hops: tm sends to the first, and all of them are the route set (RFC 3327). */
static void add_routes(struct cpm_buf *out, struct cpm_slice path)
{
	struct cpm_slice value;

	while(cpm_header_next_value(&path, &value))
		add_line(out, "Route", value);
}

void message_add_headers(const struct cpm_record *r, const struct contact *c, struct cpm_buf *out)
{
	add_routes(out, c->path);
	cpm_buf_add_str(out, "Accept-Contact: ");
	cpm_feature_add_accept_contact(out, CPM_ICSI_DEFERRED);
	cpm_buf_add_str(out, "\r\n");
	add_line(out, "P-Asserted-Identity", r->asserted);
	if(r->anonymous)
		add_line(out, "Privacy", CPM_SLICE("id"));
	add_line(out, "User-Agent", cpm_slice_of(release_version));
	add_line(out, "Subject", r->subject);
	add_line(out, "Date", r->date);
	add_line(out, "Conversation-ID", r->conversation_id);
	add_line(out, "Contribution-ID", r->contribution_id);
	add_line(out, "InReplyTo-Contribution-ID", r->in_reply_to);
	add_line(out, "Referred-By", r->referred_by);
	add_line(out, "Content-Disposition", r->content_disposition);
	add_line(out, "Content-Type", r->content_type);
}

static void on_completed(struct cell *t, int type, struct tmcb_params *ps)
{
	on_answer((uint64_t)(uintptr_t)*ps->param, ps->code);
}

bool message_send(const struct cpm_record *r, struct cpm_slice body, const struct contact *c, uint64_t ticket)
{
	/* One process sends one message at a time: the text is kept to spare an allocation for each. */
	static struct cpm_buf headers, uri;
	str method = str_init("MESSAGE");
	str h, b = str_of_slice(body), ruri, hop = str_of_slice(contact_next_hop(c));
	str from = str_of_slice(r->from), to = str_of_slice(r->to);
	str socket = STR_NULL;
	uac_req_t request;

	if(!headers.max) {
		cpm_buf_init(&headers, MESSAGE_HEADERS_MAX);
		cpm_buf_init(&uri, 2048);
	}
	cpm_buf_reset(&headers);
	cpm_buf_reset(&uri);
	message_add_headers(r, c, &headers);
	contact_add_request_uri(c, r->aor, &uri);
	if(headers.rc != CPM_OK || uri.rc != CPM_OK)
		return false;

	h = str_of_slice(cpm_buf_slice(&headers));
	ruri = str_of_slice(cpm_buf_slice(&uri));
	set_uac_req(&request, &method, &h, body.n ? &b : NULL, NULL, TMCB_LOCAL_COMPLETED, on_completed,
			(void *)(uintptr_t)ticket);
	if(c->socket) {
		socket = c->socket->sock_str;
		request.ssock = &socket;
	}
	return tm.t_request(&request, &ruri, &to, &from, &hop) >= 0;
}

/* Headers of the received request that are not tm's own to write. */
static bool copied(const struct hdr_field *h)
{
	switch(h->type) {
		case HDR_VIA_T:
		case HDR_FROM_T:
		case HDR_TO_T:
		case HDR_CALLID_T:
		case HDR_CSEQ_T:
		case HDR_MAXFORWARDS_T:
		case HDR_CONTENTLENGTH_T:
		case HDR_ROUTE_T:
		case HDR_RECORDROUTE_T:
		case HDR_USERAGENT_T:
		case HDR_AUTHORIZATION_T:
		case HDR_PROXYAUTH_T:
			return false;
		default:
			return true;
	}
}

bool message_copy(struct sip_msg *msg, const struct request *r, struct cpm_slice next_hop)
{
	struct cpm_buf headers, from, to;
	const struct hdr_field *h;
	str method = str_init("MESSAGE"), b = str_of_slice(r->body), ruri = str_of_slice(r->original_uri),
		hop = str_of_slice(next_hop), lines, f, t;
	uac_req_t request;
	bool sent = false;

	cpm_buf_init(&headers, MESSAGE_HEADERS_MAX);
	cpm_buf_init(&from, MESSAGE_HEADERS_MAX);
	cpm_buf_init(&to, MESSAGE_HEADERS_MAX);
	for(h = msg->headers; h; h = h->next) {
		if(copied(h))
			cpm_buf_add(&headers, (struct cpm_slice){h->name.s, (size_t)h->len});
	}
	add_line(&headers, "User-Agent", cpm_slice_of(release_version));
	cpm_header_add_without_param(&from, r->from, CPM_SLICE("tag"));
	cpm_header_add_without_param(&to, r->to, CPM_SLICE("tag"));
	if(headers.rc == CPM_OK && from.rc == CPM_OK && to.rc == CPM_OK) {
		lines = str_of_slice(cpm_buf_slice(&headers));
		f = str_of_slice(cpm_buf_slice(&from));
		t = str_of_slice(cpm_buf_slice(&to));
		set_uac_req(&request, &method, &lines, b.len ? &b : NULL, NULL, 0, NULL, NULL);
		sent = tm.t_request(&request, &ruri, &t, &f, &hop) >= 0;
	}
	cpm_buf_free(&headers);
	cpm_buf_free(&from);
	cpm_buf_free(&to);
	return sent;
}
