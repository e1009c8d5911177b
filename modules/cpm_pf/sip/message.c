/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Builds and sends the MESSAGE of a push through tm.
 */
#include "message.h"

#include "../core/codec/feature.h"
#include "../core/codec/header.h"
#include "tm.h"
#include "transport.h"

#define MESSAGE_HEADERS_MAX 65536
#define MESSAGE_HOP_MAX 1024
/* What tm writes beside our lines: Via, tag, CSeq, Call-ID and the like. */
#define MESSAGE_TM_HEADERS 350

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

/* What the norm's 8.3.1.6.1 keeps of a message, but its feature tags. */
static void add_stored_but_body(const struct cpm_record *r, struct cpm_buf *out)
{
	add_line(out, "P-Asserted-Identity", r->asserted);
	if(r->anonymous)
		add_line(out, "Privacy", CPM_SLICE("id"));
	add_line(out, "Subject", r->subject);
	add_line(out, "Date", r->date);
	add_line(out, "Conversation-ID", r->conversation_id);
	add_line(out, "Contribution-ID", r->contribution_id);
	add_line(out, "InReplyTo-Contribution-ID", r->in_reply_to);
	add_line(out, "Referred-By", r->referred_by);
}

static void add_stored(const struct cpm_record *r, struct cpm_buf *out)
{
	add_stored_but_body(r, out);
	add_line(out, "Content-Disposition", r->content_disposition);
	add_line(out, "Content-Type", r->content_type);
}

void message_add_headers(const struct cpm_record *r, const struct contact *c, struct cpm_buf *out)
{
	add_routes(out, c->path);
	cpm_buf_add_str(out, "Accept-Contact: ");
	cpm_feature_add_accept_contact(out, CPM_ICSI_DEFERRED);
	cpm_buf_add_str(out, "\r\n");
	add_line(out, "User-Agent", cpm_slice_of(release_version));
	add_stored(r, out);
}

void message_add_invite_headers(const struct cpm_record *r, const struct contact *c,
		enum cpm_icsi service, unsigned session_s, struct cpm_buf *out)
{
	if(c)
		add_routes(out, c->path);
	if(c && (service != CPM_ICSI_SESSION || !r->accept_contact.n)) {
		cpm_buf_add_str(out, "Accept-Contact: ");
		cpm_feature_add_accept_contact(out, service);
		cpm_buf_add_str(out, "\r\n");
	} else {
		add_line(out, "Accept-Contact", r->accept_contact);
	}
	add_line(out, "User-Agent", cpm_slice_of(release_version));
	cpm_buf_add_str(out, "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS\r\nSupported: timer\r\n"
						 "Session-Expires: ");
	cpm_buf_add_u64(out, session_s);
	cpm_buf_add_str(out, ";refresher=uac\r\n");
	add_stored_but_body(r, out);
}

static int64_t granted_s(const struct cell *t, struct sip_msg *reply, int status)
{
	struct cpm_slice value;
	uint64_t seconds;

	if(status >= 300 || !reply || reply == FAKED_REPLY || t->method.len != 9
			|| memcmp(t->method.s, "SUBSCRIBE", 9) || parse_headers(reply, HDR_EXPIRES_F, 0) < 0
			|| !reply->expires)
		return 0;
	value = cpm_slice_trim(slice_of_str(&reply->expires->body));
	return cpm_slice_u64(value, &seconds) && seconds <= UINT32_MAX ? (int64_t)seconds : 0;
}

static void on_completed(struct cell *t, int type, struct tmcb_params *ps)
{
	on_answer((uint64_t)(uintptr_t)*ps->param, ps->code, granted_s(t, ps->rpl, ps->code));
}

/* headers: with User-Agent. */
static bool request_send(const struct message_out *m, struct cpm_slice headers, uint64_t ticket)
{
	str method = str_init("MESSAGE"), socket = STR_NULL;
	str lines = str_of_slice(headers), body = str_of_slice(m->body), uri = str_of_slice(m->uri),
		from = str_of_slice(m->from), to = str_of_slice(m->to), hop;
	struct cpm_slice next_hop = m->next_hop.n ? m->next_hop : m->uri;
	char hop_text[MESSAGE_HOP_MAX];
	bool stream =
			!m->datagram
			&& transport_wants_stream(&next_hop,
					headers.n + m->body.n + m->uri.n + m->from.n + m->to.n + MESSAGE_TM_HEADERS,
					hop_text, sizeof(hop_text));
	uac_req_t request;

	hop = str_of_slice(stream ? next_hop : m->next_hop);

	if(m->method)
		method = (str){(char *)m->method, (int)strlen(m->method)};
	set_uac_req(&request, &method, &lines, body.len ? &body : NULL, NULL,
			ticket ? TMCB_LOCAL_COMPLETED : 0, ticket ? on_completed : NULL,
			(void *)(uintptr_t)ticket);
	if(m->socket && !stream) {
		socket = m->socket->sock_str;
		request.ssock = &socket;
	}
	return tm.t_request(&request, &uri, &to, &from, hop.len ? &hop : NULL) >= 0;
}

/* One process sends one message at a time: the text is kept to spare an allocation for each. */
static struct cpm_buf *headers_begin(void)
{
	static struct cpm_buf headers;

	if(!headers.max)
		cpm_buf_init(&headers, MESSAGE_HEADERS_MAX);
	cpm_buf_reset(&headers);
	return &headers;
}

bool message_send_out(const struct message_out *m, uint64_t ticket)
{
	struct cpm_buf *headers = headers_begin();

	add_line(headers, "User-Agent", cpm_slice_of(release_version));
	cpm_buf_add(headers, m->headers);
	return headers->rc == CPM_OK && request_send(m, cpm_buf_slice(headers), ticket);
}

bool message_send(const struct cpm_record *r, struct cpm_slice body, const struct contact *c,
		struct cpm_slice extra, int64_t attempts, uint64_t ticket)
{
	static struct cpm_buf uri;
	struct cpm_buf *headers = headers_begin();
	struct message_out m = {.from = r->from,
			.to = r->to,
			.next_hop = contact_next_hop(c),
			.body = body,
			.socket = c->socket,
			.datagram = attempts & 1};

	if(!uri.max)
		cpm_buf_init(&uri, 2048);
	cpm_buf_reset(&uri);
	message_add_headers(r, c, headers);
	cpm_buf_add(headers, extra);
	contact_add_request_uri(c, r->aor, &uri);
	m.uri = cpm_buf_slice(&uri);
	return headers->rc == CPM_OK && uri.rc == CPM_OK
		   && request_send(&m, cpm_buf_slice(headers), ticket);
}

bool message_interwork(const struct cpm_record *r, struct cpm_slice body, struct cpm_slice next_hop,
		uint64_t ticket)
{
	struct cpm_buf *headers = headers_begin();
	struct message_out m = {.uri = r->request_uri,
			.from = r->from,
			.to = r->to,
			.next_hop = next_hop,
			.body = body};

	add_line(headers, "Accept-Contact", r->accept_contact);
	add_line(headers, "User-Agent", cpm_slice_of(release_version));
	add_stored(r, headers);
	return headers->rc == CPM_OK && request_send(&m, cpm_buf_slice(headers), ticket);
}

void message_add_text(const struct cpm_record *r, struct cpm_slice body, struct cpm_buf *out)
{
	cpm_buf_add_str(out, "MESSAGE ");
	cpm_buf_add(out, r->request_uri);
	cpm_buf_add_str(out, " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK");
	cpm_buf_add(out, r->id);
	cpm_buf_add_str(out, "\r\nFrom: ");
	cpm_buf_add(out, r->from);
	cpm_buf_add_str(out, ";tag=cpm_pf\r\n");
	add_line(out, "To", r->to);
	add_line(out, "Call-ID", r->id);
	cpm_buf_add_str(out, "CSeq: 1 MESSAGE\r\n");
	add_line(out, "Accept-Contact", r->accept_contact);
	add_stored(r, out);
	cpm_buf_add_str(out, "Content-Length: ");
	cpm_buf_add_u64(out, body.n);
	cpm_buf_add_str(out, "\r\n\r\n");
	cpm_buf_add(out, body);
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
	struct message_out m = {.uri = r->original_uri, .next_hop = next_hop, .body = r->body};
	const struct hdr_field *h;
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
		m.from = cpm_buf_slice(&from);
		m.to = cpm_buf_slice(&to);
		sent = request_send(&m, cpm_buf_slice(&headers), 0);
	}
	cpm_buf_free(&headers);
	cpm_buf_free(&from);
	cpm_buf_free(&to);
	return sent;
}
