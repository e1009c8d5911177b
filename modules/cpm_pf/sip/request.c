/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Reads the headers of a request in one pass.
 */
#include "request.h"

#include "../../core/forward.h"
#include "../../core/parser/parse_content.h"
#include "../core/base/ascii.h"

/* Headers that Kamailio's parser has no type for, by length and name. */
static struct cpm_slice *request_extension(struct request *r, struct cpm_slice name)
{
	switch(name.n) {
		case 11:
			if(cpm_slice_ieq(name, CPM_SLICE("Max-Breadth")))
				return &r->max_breadth;
			break;
		case 15:
			if(cpm_slice_ieq(name, CPM_SLICE("Conversation-ID")))
				return &r->conversation_id;
			if(cpm_slice_ieq(name, CPM_SLICE("Contribution-ID")))
				return &r->contribution_id;
			if(cpm_slice_ieq(name, CPM_SLICE("Message-Expires"))) {
				r->message_expires_count++;
				return &r->message_expires;
			}
			break;
		case 16:
			if(cpm_slice_ieq(name, CPM_SLICE("Session-Replaces")))
				return &r->session_replaces;
			break;
		case 25:
			if(cpm_slice_ieq(name, CPM_SLICE("InReplyTo-Contribution-ID")))
				return &r->in_reply_to;
			break;
		case 18:
			if(cpm_slice_ieq(name, CPM_SLICE("P-Asserted-Service")))
				return &r->asserted_service;
			break;
	}
	return NULL;
}

static void request_add(struct cpm_slice *list, size_t *count, size_t max, struct cpm_slice value)
{
	if(*count < max)
		list[(*count)++] = value;
}

static void request_header(struct request *r, const struct hdr_field *h)
{
	struct cpm_slice value = slice_of_str(&h->body);
	struct cpm_slice *first = NULL;

	switch(h->type) {
		case HDR_FROM_T:
			r->from = value;
			return;
		case HDR_TO_T:
			r->to = value;
			return;
		case HDR_CALLID_T:
			r->call_id = value;
			return;
		case HDR_CSEQ_T:
			r->cseq = value;
			return;
		case HDR_PAI_T:
			request_add(r->asserted, &r->asserted_count, REQUEST_ASSERTED_MAX, value);
			return;
		case HDR_ACCEPTCONTACT_T:
			request_add(
					r->accept_contact, &r->accept_contact_count, REQUEST_ACCEPT_CONTACT_MAX, value);
			return;
		case HDR_EXPIRES_T:
			r->expires_count++;
			first = &r->expires;
			break;
		case HDR_PRIVACY_T:
			first = &r->privacy;
			break;
		case HDR_USERAGENT_T:
			first = &r->user_agent;
			break;
		case HDR_SUBJECT_T:
			first = &r->subject;
			break;
		case HDR_DATE_T:
			first = &r->date;
			break;
		case HDR_CONTENTTYPE_T:
			first = &r->content_type;
			break;
		case HDR_CONTENTDISPOSITION_T:
			first = &r->content_disposition;
			break;
		case HDR_REFERREDBY_T:
			first = &r->referred_by;
			break;
		case HDR_OTHER_T:
			first = request_extension(r, slice_of_str(&h->name));
			break;
		default:
			return;
	}
	if(first && !first->p)
		*first = value;
}

bool request_read(struct sip_msg *msg, struct request *r)
{
	const struct hdr_field *h;
	char *body;

	memset(r, 0, sizeof(*r));
	if(parse_headers(msg, HDR_EOH_F, 0) < 0)
		return false;
	for(h = msg->headers; h; h = h->next)
		request_header(r, h);

	r->original_uri = slice_of_str(&msg->first_line.u.request.uri);
	body = get_body(msg);
	if(body) {
		r->body = (struct cpm_slice){body, (size_t)(msg->buf + msg->len - body)};
		/* RFC 3261 18.3: octets of a datagram past Content-Length are no part of it. */
		if(msg->content_length && get_content_length(msg) >= 0)
			r->body = cpm_slice_head(r->body, (size_t)get_content_length(msg));
	}
	return true;
}

bool request_wants_anonymity(const struct request *r)
{
	static const struct cpm_slice domain = {"anonymous.invalid", sizeof("anonymous.invalid") - 1};
	struct cpm_slice rest = r->privacy, token;
	size_t at;

	while(cpm_slice_split(&rest, ';', &token)) {
		token = cpm_slice_trim(token);
		if(cpm_slice_ieq(token, CPM_SLICE("id")) || cpm_slice_ieq(token, CPM_SLICE("user"))
				|| cpm_slice_ieq(token, CPM_SLICE("header")))
			return true;
	}
	/* The host of the From URI: the address ends at '>', ';', ':' or a parameter. */
	rest = r->from;
	while((at = cpm_slice_find(rest, '@')) < rest.n) {
		rest = cpm_slice_from(rest, at + 1);
		if(cpm_slice_istarts(rest, domain)
				&& (rest.n == domain.n || cpm_ascii_in(rest.p[domain.n], ">;: \t\r\n")))
			return true;
	}
	return false;
}

unsigned request_visits(struct sip_msg *msg)
{
	const struct hdr_field *h;
	struct via_body *via;
	unsigned visits = 0;

	if(parse_headers(msg, HDR_EOH_F, 0) < 0)
		return 0;
	for(h = msg->headers; h; h = h->next) {
		for(via = h->type == HDR_VIA_T ? h->parsed : NULL; via; via = via->next)
			visits += check_self(&via->host, via->port ? via->port : SIP_PORT, 0) == 1;
	}
	return visits;
}
