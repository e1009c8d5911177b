/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * MSRP URIs and paths: read, compared, written. RFC 4975 section 6.
 */
#ifndef CPM_MSRPURI_H
#define CPM_MSRPURI_H

#include "../base/buf.h"

/* Slices borrow from the text that was parsed. */
struct cpm_msrp_uri {
	bool tls;
	struct cpm_slice host;      /* IPv6 without its brackets */
	bool bracketed;             /* it had some */
	unsigned port;              /* 0: not given */
	struct cpm_slice session;   /* empty: none */
	struct cpm_slice transport; /* "tcp" */
};

enum cpm_rc cpm_msrp_uri_parse(struct cpm_slice text, struct cpm_msrp_uri *uri);
/* Equal as RFC 4975 section 6.1 compares. */
bool cpm_msrp_uri_eq(const struct cpm_msrp_uri *a, const struct cpm_msrp_uri *b);
/* Appends scheme://host:port/session;tcp. */
void cpm_msrp_uri_add(struct cpm_buf *b, const struct cpm_msrp_uri *uri);
/* The first URI of a path, the next hop. */
struct cpm_slice cpm_msrp_path_first(struct cpm_slice path);

#endif
