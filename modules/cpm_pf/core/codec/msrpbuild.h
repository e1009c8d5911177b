/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * MSRP frames to be sent: heads, end-lines, responses, reports, identifiers.
 * RFC 4975 sections 7, 9 and 10.
 */
#ifndef CPM_MSRPBUILD_H
#define CPM_MSRPBUILD_H

#include "../base/buf.h"
#include "msrp.h"

/* A SEND up to the first octet of its body. Empty slices leave their header out; without
 * content_type there is no body. Message-ID and paths must be there. */
struct cpm_msrp_send {
	struct cpm_slice tid, to_path, from_path, message_id, content_type;
	struct cpm_slice mime_headers; /* beside Content-Type: complete lines with CRLF */
	struct cpm_msrp_range range;
	bool success_report;
	enum cpm_msrp_wish responses;
};
void cpm_msrp_add_send(struct cpm_buf *b, const struct cpm_msrp_send *send);
/* The end-line; behind a body it starts with the CRLF that belongs to it. */
void cpm_msrp_add_end(struct cpm_buf *b, struct cpm_slice tid, char flag, bool body);
/* A whole response. to_path is the next hop alone. */
void cpm_msrp_add_response(struct cpm_buf *b, struct cpm_slice tid, unsigned status,
		struct cpm_slice to_path, struct cpm_slice from_path);
/* A whole REPORT about all octets of a message. */
struct cpm_msrp_report {
	struct cpm_slice tid, to_path, from_path, message_id;
	uint64_t total;
	unsigned status;
};
void cpm_msrp_add_report(struct cpm_buf *b, const struct cpm_msrp_report *report);

/* Does an end-line of this transaction id occur in the body? Then another id is needed. */
bool cpm_msrp_tid_occurs(struct cpm_slice tid, struct cpm_slice body);
/* Appends an id of letters and digits: 20 characters from 15 random bytes. For transactions,
 * messages and sessions. */
#define CPM_MSRP_ID_BYTES 15
#define CPM_MSRP_ID_LENGTH 20
void cpm_msrp_add_id(struct cpm_buf *b, const unsigned char random[CPM_MSRP_ID_BYTES]);

/* The phrase that RFC 4975 section 10 gives a status. */
const char *cpm_msrp_phrase(unsigned status);

#endif
