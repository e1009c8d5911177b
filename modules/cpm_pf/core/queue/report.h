/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Who is owed a disposition notification when something happens to a message,
 * and its text. The norm's 8.3.1.5, 8.3.1.6.3, 8.3.1.6.8; companion 5.2.
 */
#ifndef CPM_REPORT_H
#define CPM_REPORT_H

#include "record.h"

/* What happened to the message. */
enum cpm_end {
	CPM_END_DEFERRED,    /* it waits: no end yet */
	CPM_END_DELIVERED,   /* a client took it */
	CPM_END_STORED,      /* in the message store: at once, ordered, or after expiry */
	CPM_END_EXPIRED,     /* discarded after expiry */
	CPM_END_DELETED,     /* by the user or an operator */
	CPM_END_INTERWORKED, /* the ISF took it */
	CPM_ENDS,
};

enum cpm_report {
	CPM_REPORT_NONE,
	CPM_REPORT_DELIVERED, /* delivery-notification, delivered */
	CPM_REPORT_FAILED,    /* delivery-notification, failed */
	CPM_REPORT_STORED,    /* processing-notification, stored */
};

struct cpm_report_facts {
	unsigned wants;   /* CPM_WANT_... */
	bool has_imdn_id; /* without one there is nothing to refer to */
	bool is_imdn;     /* the message is a disposition notification itself */
	bool addressable; /* an authenticated originator is known */
	bool anonymous;  /* the originator wants anonymity: reported to all the same when addressable */
	bool processing; /* the operator wants "processing" answered */
};

enum cpm_report cpm_report_owed(enum cpm_end end, const struct cpm_report_facts *facts);

/* The facts of a stored message; body is the whole body of the request. */
void cpm_report_facts_of(const struct cpm_record *record, struct cpm_slice body,
		const struct cpm_limits *limits, struct cpm_report_facts *facts);

/* What is needed to send the report on a message. */
struct cpm_report_text {
	struct cpm_slice target; /* Request-URI and To: the first IMDN-Record-Route, else the
								originator. Borrows from record or body */
	struct cpm_slice user;   /* P-Asserted-Identity and From: the served user. Borrows */
};

/* Appends the message/cpim body of the report (not for CPM_REPORT_NONE). id: a new imdn Message-ID.
 * An anonymous originator is not named in the text, and relays that it went through are not used.
 *   CPM_SYNTAX    the stored body cannot be read, or a value in it cannot be written
 *   CPM_NOTFOUND  the originator is not known
 *   CPM_LIMIT, CPM_NOMEM of out */
enum cpm_rc cpm_report_build(const struct cpm_record *record, struct cpm_slice body,
		enum cpm_report report, struct cpm_slice id, int64_t now_ms,
		const struct cpm_limits *limits, struct cpm_buf *out, struct cpm_report_text *text,
		struct cpm_diag *diag);

const char *cpm_end_name(enum cpm_end end);
const char *cpm_report_name(enum cpm_report report);

#endif
