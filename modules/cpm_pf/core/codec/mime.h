/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * MIME as far as messages carry it: media types, blocks of header fields and
 * multipart bodies. Everything borrows from the parsed text. CRLF ends a line;
 * a bare LF is taken as well. RFC 2045, RFC 2046 section 5.1.
 */
#ifndef CPM_MIME_H
#define CPM_MIME_H

#include "../base/limits.h"
#include "../base/rc.h"
#include "../base/slice.h"

struct cpm_media_type {
	struct cpm_slice type;
	struct cpm_slice subtype;
	struct cpm_slice params; /* after the first ';', without it */
};

/* Takes "type/subtype;params" apart; false when it is none. */
bool cpm_media_type_parse(struct cpm_slice value, struct cpm_media_type *mt);
/* Compares without case and without parameters. */
bool cpm_media_type_is(const struct cpm_media_type *mt, const char *type, const char *subtype);

struct cpm_mime_field {
	struct cpm_slice name;
	struct cpm_slice value; /* after the colon, trimmed, folds kept */
	struct cpm_slice line;  /* all of it, line end included */
};

/* Takes one header field off *rest.
 *   CPM_OK         a field
 *   CPM_NOTFOUND   the blank line that ends the block; *rest is what follows it
 *   CPM_NEED_MORE  the text ends without a blank line; *rest is empty
 *   CPM_SYNTAX     no field (no colon, blank in the name, NUL); *rest starts with it */
enum cpm_rc cpm_mime_next_field(struct cpm_slice *rest, struct cpm_mime_field *field);

/* Value (trimmed, folds kept) of the first field with that name, without case, in a block of
 * header fields. False when there is none. */
bool cpm_mime_header(struct cpm_slice headers, struct cpm_slice name, struct cpm_slice *value);

struct cpm_mime_part {
	struct cpm_slice headers; /* without the blank line; may be empty */
	struct cpm_slice body;    /* without the line end that belongs to the delimiter */
};

/* Walks over the parts of a multipart body. Fields are private. */
struct cpm_mime_parts {
	struct cpm_slice text;
	struct cpm_slice boundary;
	size_t at; /* start of the next part */
	size_t count;
	size_t max;
	bool ended;
};

/* Finds the first delimiter. CPM_UNSUPPORTED when the type is not multipart/..., CPM_SYNTAX
 * without a usable boundary or without any delimiter. limits->max_mime_parts is the maximum. */
enum cpm_rc cpm_mime_parts_init(struct cpm_mime_parts *it, struct cpm_slice body,
		const struct cpm_media_type *mt, const struct cpm_limits *limits, struct cpm_diag *diag);

/* CPM_OK and a part, or CPM_OK and *end behind the last one. CPM_SYNTAX when the closing delimiter
 * is missing or a part's header is broken, CPM_LIMIT for one part too many. diag->offset counts
 * from the start of the body. */
enum cpm_rc cpm_mime_parts_next(
		struct cpm_mime_parts *it, struct cpm_mime_part *part, bool *end, struct cpm_diag *diag);

/* Multiparts inside each other that cpm_mime_find looks into. */
#define CPM_MIME_DEPTH_MAX 3

/* The first part of a body with this media type: the body itself (then part->headers is empty), or
 * a part of a multipart, also of one inside it. A part without Content-Type is text/plain.
 *   CPM_NOTFOUND  there is none, or content_type is no media type
 *   CPM_LIMIT     more multiparts inside each other than CPM_MIME_DEPTH_MAX, or parts in one
 *   CPM_SYNTAX    as cpm_mime_parts_init and cpm_mime_parts_next
 * diag->offset counts from the start of the body. */
enum cpm_rc cpm_mime_find(struct cpm_slice body, struct cpm_slice content_type, const char *type,
		const char *subtype, const struct cpm_limits *limits, struct cpm_mime_part *part,
		struct cpm_diag *diag);

#endif
