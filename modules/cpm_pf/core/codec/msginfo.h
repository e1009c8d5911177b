/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * application/msginfo+xml: what a user is told of deferred messages, in the
 * NOTIFY of the deferred-messages event, in a notification, and after expiry.
 * The norm's 8.3.1.6.3, 8.3.1.6.5 and 8.3.1.6.8; companion 4.7 and 4.8.
 */
#ifndef CPM_MSGINFO_H
#define CPM_MSGINFO_H

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/limits.h"

/* Of a message that has ended; a waiting one carries no status. */
enum cpm_msginfo_status {
	CPM_MSGINFO_WAITING,
	CPM_MSGINFO_DISCARDED,
	CPM_MSGINFO_STORED,
};

/* One message. Empty slices are left out. */
struct cpm_msginfo_item {
	struct cpm_slice id; /* of the message-URI-ID sip:<id>@<host> */
	struct cpm_slice host;
	int64_t date_ms; /* of its arrival */
	int64_t expiry_ms;
	uint64_t size; /* octets */
	struct cpm_slice subject;
	struct cpm_slice from; /* URIs without <> */
	struct cpm_slice to;
	struct cpm_slice auth_id;           /* empty when the originator wants anonymity */
	const struct cpm_slice *recipients; /* none: `to` alone */
	size_t recipient_count;
	enum cpm_msginfo_status status;
	uint64_t uid; /* with CPM_MSGINFO_STORED: where it is in the message store */
	struct cpm_slice folder;
};

struct cpm_msginfo {
	uint64_t number; /* of messages that wait; may be more than are listed */
	const struct cpm_msginfo_item *items;
	size_t count;
};

/* Appends the document with as many items, from the first one on, as fit into max_bytes; *fitted
 * says how many. Without items, or when not even the first one fits, it is the summary form: the
 * number alone. CPM_LIMIT when that does not fit either, or CPM_NOMEM. Text is escaped; bytes that
 * XML cannot hold become '?'. */
enum cpm_rc cpm_msginfo_build(
		const struct cpm_msginfo *info, size_t max_bytes, struct cpm_buf *out, size_t *fitted);

/* Appends what a gateway is told of the same, as JSON; type: "deferred", "stored" or "discarded".
 * Without an auth_id the sender is anonymous there. Companion 4.8. */
void cpm_msginfo_add_json(struct cpm_buf *out, struct cpm_slice user, const char *type,
		const struct cpm_msginfo *info);

/* Reads such a document. Items, strings and recipients live in the arena. Unknown elements are
 * skipped; a message without a readable message-reference has an empty id.
 *   CPM_SYNTAX  no XML, another root, a number or size that is none
 *   CPM_LIMIT   more entries than limits->max_list_entries; and as cpm_xml_parse */
enum cpm_rc cpm_msginfo_parse(struct cpm_slice text, const struct cpm_limits *limits,
		struct cpm_arena *arena, struct cpm_msginfo *info, struct cpm_diag *diag);

#endif
