/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A SIP request as the Participating Function sees it: the headers that it
 * acts on or keeps, found in one pass. Values borrow from the message and are
 * raw: possibly folded, never checked.
 */
#ifndef CPM_REQUEST_H
#define CPM_REQUEST_H

#include "../../core/parser/msg_parser.h"
#include "../core/base/slice.h"

#define REQUEST_ASSERTED_MAX 4
#define REQUEST_ACCEPT_CONTACT_MAX 8

struct request {
	struct cpm_slice original_uri; /* of the start-line */
	struct cpm_slice from, to;
	struct cpm_slice call_id, cseq;
	struct cpm_slice asserted[REQUEST_ASSERTED_MAX]; /* P-Asserted-Identity headers */
	size_t asserted_count;
	struct cpm_slice accept_contact[REQUEST_ACCEPT_CONTACT_MAX];
	size_t accept_contact_count;
	struct cpm_slice asserted_service, privacy, user_agent, subject, date, referred_by;
	struct cpm_slice content_type, content_disposition;
	struct cpm_slice conversation_id, contribution_id, in_reply_to, session_replaces;
	struct cpm_slice expires, message_expires, max_breadth;
	unsigned expires_count, message_expires_count;
	struct cpm_slice body;
};

/* Fills r; false when the headers cannot be parsed. */
bool request_read(struct sip_msg *msg, struct request *r);

/* Anonymity asked for: Privacy id, user or header, or a From of anonymous.invalid (companion 4.5). */
bool request_wants_anonymity(const struct request *r);

/* How often a request has been here before: its Vias that name a socket or an alias of this server. It can have come back by a client's
 * contact, a 302 or a rule that forwards; each time it can fork (RFC 5393). 0 when the headers cannot be parsed. */
unsigned request_visits(struct sip_msg *msg);

static inline struct cpm_slice slice_of_str(const str *s)
{
	return (struct cpm_slice){s->s, s->s && s->len > 0 ? (size_t)s->len : 0};
}
/* The present Request-URI; valid until the script changes it. */
static inline struct cpm_slice request_uri(const struct sip_msg *msg)
{
	return slice_of_str(msg->new_uri.s ? &msg->new_uri : &msg->first_line.u.request.uri);
}
static inline str str_of_slice(struct cpm_slice s)
{
	return (str){(char *)s.p, (int)s.n};
}

#endif
