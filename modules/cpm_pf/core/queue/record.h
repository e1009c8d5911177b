/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The stored form of a deferred message without its body: versioned text, one
 * "field: value" line each, as an operator reads it with redis-cli. The reader
 * takes the current and the previous version and refuses others, so that
 * nothing unreadable is ever thrown away. The norm's 8.3.1.6.1.
 */
#ifndef CPM_RECORD_H
#define CPM_RECORD_H

#include "../base/buf.h"
#include "../base/limits.h"
#include "../codec/cpim.h" /* CPM_WANT_... */

#define CPM_RECORD_VERSION 1

/* SESSION: one of a conversation, on its way into the history; never in the queue. */
enum cpm_record_kind { CPM_RECORD_PAGER, CPM_RECORD_LARGE, CPM_RECORD_SESSION };
enum cpm_handling { CPM_HANDLING_PUSH, CPM_HANDLING_PULL, CPM_HANDLING_STORE };
/* Why the message was deferred. */
enum cpm_defer_cause {
	CPM_CAUSE_POLICY,
	CPM_CAUSE_DND,
	CPM_CAUSE_OFFLINE,
	CPM_CAUSE_UNDELIVERED,
	CPM_CAUSE_STORE,
	CPM_CAUSE_SCRIPT
};

/* Slices borrow: when building from the request, after parsing from the record's text. Empty means absent.
 * Header values are one line each, as received (unfolded), without the header's name. */
struct cpm_record {
	enum cpm_record_kind kind;
	enum cpm_handling handling;
	enum cpm_defer_cause cause;
	struct cpm_slice id;   /* user part of the message-URI-ID: <24 hex digits>-<shard> */
	struct cpm_slice host; /* host part of the message-URI-ID */
	struct cpm_slice aor;  /* canonical key of the served user */
	struct cpm_slice
			originator; /* authenticated originator, for our own use even when anonymous; empty when unauthenticated */
	bool anonymous;
	bool sent;             /* SESSION: by the served user */
	struct cpm_slice rule; /* the rule that deferred it, for operators */
	int64_t arrived_ms;
	int64_t expires_ms;
	uint64_t size;                /* octets of the body */
	unsigned wants;               /* CPM_WANT_... */
	struct cpm_slice imdn_id;     /* imdn Message-ID */
	struct cpm_slice request_uri; /* of the start-line */
	struct cpm_slice from;        /* without the tag */
	struct cpm_slice to;          /* without the tag */
	struct cpm_slice asserted;    /* P-Asserted-Identity; empty when anonymity was asked for */
	struct cpm_slice subject;
	struct cpm_slice date;
	struct cpm_slice accept_contact;
	struct cpm_slice content_type;
	struct cpm_slice content_disposition;
	struct cpm_slice conversation_id;
	struct cpm_slice contribution_id;
	struct cpm_slice in_reply_to; /* InReplyTo-Contribution-ID */
	struct cpm_slice referred_by;
	struct cpm_slice
			recipients; /* URIs of the recipient list, separated by blanks; as many as fit into max_header_bytes */
	/* of the CPIM */
	struct cpm_slice date_time;
	struct cpm_slice original_to; /* imdn.Original-To */
	struct cpm_slice imdn_route;  /* imdn.IMDN-Record-Route values in order, separated by ", " */
};

/* Appends the text form. A value with CR, LF or NUL in it gives CPM_SYNTAX; a value over max_header_bytes or a text over
 * max_record_bytes CPM_LIMIT. */
enum cpm_rc cpm_record_build(const struct cpm_record *r, const struct cpm_limits *limits,
		struct cpm_buf *out, struct cpm_diag *diag);

/* Reads the text form; unknown fields are skipped (a later minor writer may add some). CPM_VERSION for a version that is neither
 * the current nor the previous one. */
enum cpm_rc cpm_record_parse(struct cpm_slice text, struct cpm_record *r, struct cpm_diag *diag);

const char *cpm_handling_name(enum cpm_handling h);
const char *cpm_defer_cause_name(enum cpm_defer_cause c);

#endif
