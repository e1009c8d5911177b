/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Objects of the message store: header values from SIP add no header, and a
 * stripped CPIM asks for no delivery report and keeps its content.
 */
#include <stdlib.h>

#include "core/codec/cpim.h"
#include "core/codec/mime.h"
#include "core/codec/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
	if(!what)
		abort();
}

static void check_build(struct cpm_slice in)
{
	struct cpm_object o = {.key = CPM_SLICE("k@h"),
			.from = in,
			.to = in,
			.date = in,
			.subject = in,
			.conversation_id = in,
			.contribution_id = in,
			.in_reply_to = in,
			.accept_contact = in,
			.imdn_id = in,
			.content_type = in,
			.content_disposition = in,
			.body = in};
	struct cpm_mime_field field;
	struct cpm_slice rest;
	struct cpm_buf b;
	size_t headers = 0;
	enum cpm_rc rc;

	cpm_buf_init(&b, 400000);
	must(cpm_object_build(&o, &b) == CPM_OK);
	rest = cpm_buf_slice(&b);
	while((rc = cpm_mime_next_field(&rest, &field)) == CPM_OK)
		headers++;
	must(rc == CPM_NOTFOUND && headers >= 4 && headers <= 15);
	must(!memchr(b.p, 0, b.n));
	if(rest.n == in.n && in.n)
		must(memcmp(rest.p, in.p, in.n) == 0);
	cpm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;
	struct cpm_slice in = {(const char *)data, size};
	struct cpm_diag diag = {0};
	struct cpm_cpim before, after;
	struct cpm_buf b;
	enum cpm_rc rc;

	check_build(in);
	cpm_buf_init(&b, 2 * size + 100);
	rc = cpm_object_strip(in, CPM_SLICE("message/cpim"), &limits, &b, &diag);
	must((rc == CPM_OK) == (cpm_cpim_parse(in, &limits, &before, &diag) == CPM_OK));
	if(rc == CPM_OK) {
		must(cpm_cpim_parse(cpm_buf_slice(&b), &limits, &after, &diag) == CPM_OK);
		must(!(after.wants & (CPM_WANT_POSITIVE | CPM_WANT_NEGATIVE)));
		must(cpm_slice_eq(before.content, after.content)
				&& cpm_slice_eq(before.imdn_id, after.imdn_id));
		must((before.wants & CPM_WANT_DISPLAY) == (after.wants & CPM_WANT_DISPLAY)
				|| before.wants != after.wants);
	}
	cpm_buf_free(&b);
	cpm_buf_init(&b, 2 * size + 100);
	cpm_object_strip(in, CPM_SLICE("multipart/mixed;boundary=b"), &limits, &b, &diag);
	cpm_buf_free(&b);
	return 0;
}
