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

/* URIs of one path. A relay is one URI (RFC 4976), and a user's and its network's are two: the rest
 * is room. More would only make heads long and the wait for a report, which each hop adds to. */
#define CPM_MSRP_PATH_MAX 8
/* How many URIs a path has; 0 when one of them is none, or they are more than CPM_MSRP_PATH_MAX. */
size_t cpm_msrp_path_count(struct cpm_slice path);
/* The same URIs in the same order; false when one of them is none. */
bool cpm_msrp_path_eq(struct cpm_slice a, struct cpm_slice b);

#endif
