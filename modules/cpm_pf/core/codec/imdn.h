/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Instant message disposition notifications: the report on one message, as XML
 * inside CPIM. RFC 5438, RFC 3862; the norm's 8.3.1.5; companion 5.2 and 8.3.
 */
#ifndef CPM_IMDN_H
#define CPM_IMDN_H

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/limits.h"

enum cpm_imdn_kind {
	CPM_IMDN_DELIVERY,
	CPM_IMDN_PROCESSING,
	CPM_IMDN_DISPLAY,
};

/* The status child of the notification. */
enum cpm_imdn_status {
	CPM_IMDN_DELIVERED,
	CPM_IMDN_FAILED,
	CPM_IMDN_PROCESSED,
	CPM_IMDN_STORED,
	CPM_IMDN_DISPLAYED,
	CPM_IMDN_FORBIDDEN,
	CPM_IMDN_ERROR,
	CPM_IMDN_OTHER, /* one that is not known, or none: only when reading */
};

/* What an IMDN says. */
struct cpm_imdn {
	struct cpm_slice message_id;             /* of the message reported on */
	struct cpm_slice datetime;               /* of that message, RFC 3339 */
	struct cpm_slice recipient_uri;          /* empty: not said */
	struct cpm_slice original_recipient_uri; /* empty: not said */
	struct cpm_slice subject;                /* empty: not said */
	enum cpm_imdn_kind kind;
	enum cpm_imdn_status status;
};

/* Its envelope. */
struct cpm_imdn_envelope {
	struct cpm_slice from;          /* URI without <>: on whose behalf it is sent */
	struct cpm_slice to;            /* URI without <>: the sender of the message */
	struct cpm_slice id;            /* its own, new imdn.Message-ID */
	const struct cpm_slice *routes; /* the message's IMDN-Record-Route values, in order */
	size_t route_count;
	int64_t now_ms;
};

/* Appends a message/cpim body with message/imdn+xml in it; text is escaped for XML. The caller
 * looks at out->rc for room and memory.
 *   CPM_SYNTAX       a control character in a header value, an empty address or id
 *   CPM_UNSUPPORTED  a status that this kind does not have */
enum cpm_rc cpm_imdn_build(const struct cpm_imdn_envelope *envelope, const struct cpm_imdn *imdn,
		struct cpm_buf *out, struct cpm_diag *diag);

/* Reads message/imdn+xml, the content of a CPIM. Elements are recognised by namespace and local
 * name (also without any namespace, which some clients send); unknown ones are skipped. Slices
 * live in the arena.
 *   CPM_SYNTAX       no XML, another root, no message-id, or several notifications
 *   CPM_UNSUPPORTED  no notification of a known kind, or a DTD
 *   CPM_LIMIT, CPM_NOMEM as cpm_xml_parse */
enum cpm_rc cpm_imdn_parse(struct cpm_slice content, const struct cpm_limits *limits,
		struct cpm_arena *arena, struct cpm_imdn *imdn, struct cpm_diag *diag);

#endif
