/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * URI lists inside SIP bodies: application/resource-lists+xml as a
 * recipient-list or recipient-list-history. RFC 4826, RFC 5364, RFC 5365.
 */
#ifndef CPM_RECIPIENTS_H
#define CPM_RECIPIENTS_H

#include "../base/arena.h"
#include "../base/limits.h"

/* Entries of one list: as many as fit into any SIP message. */
#define CPM_RECIPIENTS_MAX 2000

enum cpm_copy {
	CPM_COPY_NONE, /* not said */
	CPM_COPY_TO,
	CPM_COPY_CC,
	CPM_COPY_BCC,
};

struct cpm_recipient {
	struct cpm_slice uri; /* as written, XML-unescaped and trimmed */
	enum cpm_copy copy;
	bool anonymize;
};

struct cpm_recipients {
	const struct cpm_recipient *items; /* in document order, nested lists in their place */
	size_t count;
};

/* Reads the list into the arena. Entries without a uri, links to other lists (entry-ref, external)
 * and unknown elements are skipped: a request's own body is all that counts.
 *   CPM_SYNTAX  no XML or another root
 *   CPM_LIMIT   more than CPM_RECIPIENTS_MAX entries; and as cpm_xml_parse */
enum cpm_rc cpm_recipients_parse(struct cpm_slice text, const struct cpm_limits *limits,
		struct cpm_arena *arena, struct cpm_recipients *out, struct cpm_diag *diag);

#endif
