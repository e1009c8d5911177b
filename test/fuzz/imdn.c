/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Disposition notifications: what was read is written and read again, and is
 * the same. Without XML in it, the input is the values that are written.
 */
#include <stdlib.h>

#include "core/codec/cpim.h"
#include "core/codec/imdn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

static void must_be_equal(struct cpm_slice a, struct cpm_slice b)
{
	if(!cpm_slice_eq(a, b))
		abort();
}

static void write_and_read(
		const struct cpm_imdn_envelope *envelope, const struct cpm_imdn *imdn, bool same)
{
	struct cpm_diag diag = {0};
	struct cpm_arena arena;
	struct cpm_cpim cpim;
	struct cpm_imdn again;
	struct cpm_buf b;

	cpm_buf_init(&b, 1 << 20);
	cpm_arena_init(&arena, &cpm_allocator_libc, 1 << 20);
	if(!cpm_imdn_build(envelope, imdn, &b, &diag)) {
		if(cpm_cpim_parse(cpm_buf_slice(&b), &limits, &cpim, NULL) || !cpm_cpim_is_imdn(&cpim))
			abort();
		if(same && cpm_imdn_parse(cpim.content, &limits, &arena, &again, NULL))
			abort();
		if(same) {
			must_be_equal(again.message_id, imdn->message_id);
			must_be_equal(again.datetime, imdn->datetime);
			must_be_equal(again.recipient_uri, imdn->recipient_uri);
			must_be_equal(again.original_recipient_uri, imdn->original_recipient_uri);
			must_be_equal(again.subject, imdn->subject);
			if(again.kind != imdn->kind || again.status != imdn->status)
				abort();
		}
	} else if(!diag.reason) {
		abort();
	}
	cpm_arena_free(&arena);
	cpm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice text = {(const char *)data, size};
	struct cpm_imdn_envelope envelope = {
			.from = CPM_SLICE("sip:b@x"), .to = CPM_SLICE("sip:a@x"), .id = CPM_SLICE("1")};
	struct cpm_diag diag = {0};
	struct cpm_arena arena;
	struct cpm_imdn imdn;

	cpm_arena_init(&arena, &cpm_allocator_libc, 1 << 20);
	if(!cpm_imdn_parse(text, &limits, &arena, &imdn, &diag)) {
		write_and_read(&envelope, &imdn, true);
	} else {
		if(!diag.reason || diag.offset > size)
			abort();
		imdn = (struct cpm_imdn){.message_id = text, .subject = text, .kind = CPM_IMDN_DELIVERY};
		envelope.to = envelope.id = text;
		envelope.routes = &text;
		envelope.route_count = 1;
		write_and_read(&envelope, &imdn, false);
	}
	cpm_arena_free(&arena);
	return 0;
}
