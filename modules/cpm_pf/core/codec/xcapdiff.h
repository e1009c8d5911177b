/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Changes of XDM documents: the body of an xcap-diff NOTIFY, and of the
 * SUBSCRIBE that asks for it. RFC 5874, RFC 5875; companion 8.6.
 */
#ifndef CPM_XCAPDIFF_H
#define CPM_XCAPDIFF_H

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/limits.h"

/* Changes in one notification. */
#define CPM_XCAPDIFF_MAX 1000

/* A document of a user. */
struct cpm_xcap_document {
	struct cpm_slice auid;
	struct cpm_slice name; /* path behind the XUI, "index" */
};

struct cpm_xcap_change {
	size_t auid;               /* index among the AUIDs that were asked for */
	struct cpm_slice xui;      /* unescaped: the user's URI */
	struct cpm_slice document; /* path behind the XUI, as written */
	struct cpm_slice new_etag; /* empty: deleted */
	struct cpm_slice previous_etag;
};

struct cpm_xcap_changes {
	const struct cpm_xcap_change *items; /* in document order */
	size_t count;
	size_t ignored; /* other AUIDs, global documents, selectors that are none */
};

/* Reads application/xcap-diff+xml. sel is relative to the XCAP root; an absolute path or URL is
 * taken when it lies below the xcap-root of the document. <element> and <attribute> changes count
 * as a change of their document, without entity tags. Slices live in the arena.
 *   CPM_SYNTAX  no XML or another root
 *   CPM_LIMIT   more than CPM_XCAPDIFF_MAX changes; and as cpm_xml_parse */
enum cpm_rc cpm_xcapdiff_parse(struct cpm_slice text, const struct cpm_slice *auids,
		size_t auid_count, const struct cpm_limits *limits, struct cpm_arena *arena,
		struct cpm_xcap_changes *out, struct cpm_diag *diag);

/* Appends the application/resource-lists+xml body of a SUBSCRIBE for documents of one user; xui is
 * the user's URI, unescaped. */
void cpm_xcapdiff_add_subscription(struct cpm_buf *out, struct cpm_slice xui,
		const struct cpm_xcap_document *documents, size_t count);

#endif
