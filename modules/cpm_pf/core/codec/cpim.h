/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Message/CPIM: the envelope of a CPM message, with what instant message
 * disposition notification and CPM add to it. RFC 3862, RFC 5438.
 */
#ifndef CPM_CPIM_H
#define CPM_CPIM_H

#include "../base/limits.h"
#include "../base/rc.h"
#include "../base/slice.h"

/* Disposition notifications asked for in the CPIM (RFC 5438 section 6.2), a set. */
enum {
	CPM_WANT_POSITIVE = 1,
	CPM_WANT_NEGATIVE = 2,
	CPM_WANT_PROCESSING = 4,
	CPM_WANT_DISPLAY = 8,
};

/* Relays that want to see the disposition notification. */
#define CPM_CPIM_ROUTES_MAX 16

/* Every slice borrows from the body that was parsed, so p - body.p is its offset. Values are as
 * written, trimmed; of a header that is repeated the first one counts. Empty means absent. */
struct cpm_cpim {
	struct cpm_slice from; /* formal name and <URI> */
	struct cpm_slice to;   /* the first recipient */
	struct cpm_slice date_time;
	struct cpm_slice subject;     /* without its parameters (language) */
	struct cpm_slice imdn_id;     /* imdn.Message-ID */
	struct cpm_slice disposition; /* imdn.Disposition-Notification */
	unsigned wants;               /* CPM_WANT_... of disposition; unknown tokens are skipped */
	struct cpm_slice original_to; /* imdn.Original-To */
	struct cpm_slice record_routes[CPM_CPIM_ROUTES_MAX]; /* imdn.IMDN-Record-Route, in order */
	size_t record_route_count;
	struct cpm_slice payload_type; /* cpm.Payload-Type */
	/* The whole line with its line end, so that it can be cut out. */
	struct cpm_slice disposition_line;
	struct cpm_slice headers;         /* all message headers, without the blank line */
	struct cpm_slice content_headers; /* all MIME headers of the content, without the blank line */
	struct cpm_slice content_type;    /* of the content */
	struct cpm_slice content;
};

/* Takes a message/cpim body apart. Headers are recognised by namespace and name, whatever the
 * prefix; the prefix must be declared before. Names are case-sensitive; unknown headers are
 * skipped.
 *   CPM_SYNTAX  a line that is no header, NUL in a header, no blank line behind the message
 *               headers or the MIME headers
 *   CPM_LIMIT   more than limits->max_cpim_headers headers in both blocks together, or too many
 *               namespaces or routes */
enum cpm_rc cpm_cpim_parse(struct cpm_slice body, const struct cpm_limits *limits,
		struct cpm_cpim *out, struct cpm_diag *diag);

/* The first CPIM of a request's body, alone or in a multipart (cpm_mime_find). CPM_NOTFOUND when there
 * is none. */
enum cpm_rc cpm_cpim_find(struct cpm_slice body, struct cpm_slice content_type,
		const struct cpm_limits *limits, struct cpm_cpim *out, struct cpm_diag *diag);

/* The content is a disposition notification (message/imdn+xml). */
bool cpm_cpim_is_imdn(const struct cpm_cpim *cpim);

#endif
