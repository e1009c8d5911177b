/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What an IMAP server sends: responses follow each other without a gap, and
 * any cut of one asks for more.
 */
#include <stdlib.h>

#include "core/codec/imap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_lie_inside(struct cpm_slice part, struct cpm_slice all)
{
	if(part.n && (part.p < all.p || part.n > all.n - (size_t)(part.p - all.p)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice rest = {(const char *)data, size}, all = rest;
	struct cpm_imap_response r;
	uint32_t a, b;

	while(rest.n && cpm_imap_read(rest, 4096, &r) == CPM_OK) {
		struct cpm_imap_response cut;

		if(!r.bytes || r.bytes > rest.n || r.bytes > 4096)
			abort();
		must_lie_inside(r.tag, all);
		must_lie_inside(r.code, all);
		must_lie_inside(r.text, all);
		if(cpm_imap_read(cpm_slice_head(rest, r.bytes - 1), 4096, &cut) != CPM_NEED_MORE)
			abort();
		if(cpm_imap_append_uid(r.code, &a, &b) && (!a || !b))
			abort();
		cpm_imap_code_number(r.code, "UIDVALIDITY", &a);
		cpm_imap_search_last(r.text, &a);
		cpm_imap_capable(r.text, "UIDPLUS");
		rest = cpm_slice_from(rest, r.bytes);
	}
	return 0;
}
