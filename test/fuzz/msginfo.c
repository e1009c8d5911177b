/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Lists of deferred messages: what was read is written and read again, and is
 * written to the same bytes.
 */
#include <stdlib.h>

#include "core/codec/msginfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

/* Reads text and writes it with a maximum; how many items that text had. */
static size_t rewrite(struct cpm_slice text, size_t max_bytes, struct cpm_buf *out, size_t *fitted)
{
	struct cpm_diag diag = {0};
	struct cpm_arena arena;
	struct cpm_msginfo info;
	size_t count;

	*fitted = 0;
	cpm_arena_init(&arena, &cpm_allocator_libc, 1 << 22);
	if(cpm_msginfo_parse(text, &limits, &arena, &info, &diag) && !diag.reason)
		abort();
	count = info.count;
	if(!diag.reason && cpm_msginfo_build(&info, max_bytes, out, fitted) == CPM_OK
			&& out->n > max_bytes)
		abort();
	cpm_arena_free(&arena);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_buf first, second, less;
	size_t count, fitted, again;

	cpm_buf_init(&first, 1 << 22);
	cpm_buf_init(&second, 1 << 22);
	cpm_buf_init(&less, 1 << 22);
	count = rewrite((struct cpm_slice){(const char *)data, size}, SIZE_MAX, &first, &fitted);
	if(first.n && !first.rc) {
		if(fitted != count || rewrite(cpm_buf_slice(&first), SIZE_MAX, &second, &again) != count)
			abort();
		if(again != count || !cpm_slice_eq(cpm_buf_slice(&first), cpm_buf_slice(&second)))
			abort();
		rewrite(cpm_buf_slice(&first), first.n / 2, &less, &again);
		if(again > fitted)
			abort();
	}
	cpm_buf_free(&first);
	cpm_buf_free(&second);
	cpm_buf_free(&less);
	return 0;
}
