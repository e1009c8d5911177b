/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Multipart bodies: the first line is the content type, the rest the body. The
 * parts are in order, inside the body and hold no delimiter; put together again
 * with other line ends they are the same parts.
 */
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/codec/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

/* Writes every part behind a delimiter of its own; false when the body is refused. */
static bool rebuild(struct cpm_slice body, const struct cpm_media_type *mt,
		struct cpm_slice boundary, struct cpm_buf *b, size_t *parts)
{
	struct cpm_mime_parts it;
	struct cpm_mime_part part;
	struct cpm_diag diag = {0};
	const char *last = body.p;
	bool end = false;

	*parts = 0;
	if(cpm_mime_parts_init(&it, body, mt, &limits, &diag))
		return false;
	while(!cpm_mime_parts_next(&it, &part, &end, &diag)) {
		struct cpm_slice value;

		if(end) {
			cpm_buf_add_str(b, "--");
			cpm_buf_add(b, boundary);
			cpm_buf_add_str(b, "--");
			return true;
		}
		if(part.headers.p < last || part.body.p < part.headers.p + part.headers.n
				|| part.body.p + part.body.n > body.p + body.n)
			abort();
		last = part.body.p + part.body.n;
		cpm_mime_header(part.headers, CPM_SLICE("Content-Type"), &value);
		++*parts;
		cpm_buf_add_str(b, "--");
		cpm_buf_add(b, boundary);
		cpm_buf_add_str(b, "\r\n");
		cpm_buf_add(b, part.headers);
		if(part.headers.n && part.headers.p[part.headers.n - 1] != '\n')
			cpm_buf_add_str(b, "\r\n");
		cpm_buf_add_str(b, "\r\n");
		cpm_buf_add(b, part.body);
		cpm_buf_add_str(b, "\r\n");
	}
	if(!diag.reason || diag.offset > body.n)
		abort();
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice body = {(const char *)data, size}, type;
	struct cpm_media_type mt;
	struct cpm_buf first, second;
	size_t parts, again;
	struct cpm_mime_parts it;
	struct cpm_mime_part part;

	if(!cpm_slice_split(&body, '\n', &type))
		return 0;
	if(!cpm_mime_find(body, type, "message", "cpim", &limits, &part, NULL)
			&& (part.body.p < body.p || part.body.p + part.body.n > body.p + body.n))
		abort();
	if(!cpm_media_type_parse(type, &mt) || cpm_mime_parts_init(&it, body, &mt, &limits, NULL))
		return 0;
	cpm_buf_init(&first, 1 << 20);
	cpm_buf_init(&second, 1 << 20);
	if(rebuild(body, &mt, it.boundary, &first, &parts)) {
		if(!rebuild(cpm_buf_slice(&first), &mt, it.boundary, &second, &again) || parts != again
				|| !cpm_slice_eq(cpm_buf_slice(&first), cpm_buf_slice(&second)))
			abort();
	}
	cpm_buf_free(&first);
	cpm_buf_free(&second);
	return 0;
}
