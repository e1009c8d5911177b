/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A CPM message as an object of the message store: RFC 5322 headers in front
 * of the body as it was received. Companion section 6; the norm's 8.3.1.1 step
 * 4c for what leaves the body before.
 */
#ifndef CPM_OBJECT_H
#define CPM_OBJECT_H

#include "../base/buf.h"
#include "../base/limits.h"

/* Values of the SIP request, without header names; empty ones are left out. */
struct cpm_object {
	struct cpm_slice
			key; /* local@host: becomes Message-ID <local@host>, by which the object is found again */
	struct cpm_slice from;
	struct cpm_slice to;
	struct cpm_slice date; /* SIP-date; its "GMT" is written as +0000 */
	struct cpm_slice subject;
	struct cpm_slice conversation_id;
	struct cpm_slice contribution_id;
	struct cpm_slice in_reply_to; /* InReplyTo-Contribution-ID */
	struct cpm_slice accept_contact;
	struct cpm_slice imdn_id; /* IMDN-Message-ID */
	struct cpm_slice content_type;
	struct cpm_slice content_disposition;
	struct cpm_slice body;
	bool sent; /* Message-Direction: by the served user; else received */
};

/* Appends the object. Values are unfolded and lose control characters, so none can add a header. The body follows byte for byte; one
 * that a mail store would change (a CR or LF that stands alone, NUL) is written in base64 and says so (RFC 2045 section 6.8).
 *   CPM_SYNTAX  a key that is no key
 *   CPM_LIMIT, CPM_NOMEM of out */
enum cpm_rc cpm_object_build(const struct cpm_object *object, struct cpm_buf *out);

/* Appends the key of a message in the store: its id, a suffix, and the host of its user. Nothing of the node that stores it, so that
 * another one finds the object again. CPM_LIMIT, CPM_NOMEM of out. */
enum cpm_rc cpm_object_add_key(
		struct cpm_buf *out, struct cpm_slice id, const char *suffix, struct cpm_slice aor);

/* Appends Message-ID's value for a key, "<local@host>", as it is searched for. CPM_SYNTAX as above. */
enum cpm_rc cpm_object_add_message_id(struct cpm_buf *out, struct cpm_slice key);

/* Appends the body without the tokens positive-delivery and negative-delivery of its CPIM's Disposition-Notification; other tokens
 * stay, a line that gets empty goes. A body without a CPIM, or that asks for neither, is appended as it is. In a multipart the first
 * CPIM part counts. Errors as cpm_cpim_parse and the multipart walker, and of out. */
enum cpm_rc cpm_object_strip(struct cpm_slice body, struct cpm_slice content_type,
		const struct cpm_limits *limits, struct cpm_buf *out, struct cpm_diag *diag);

#endif
