/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Notifications of changed documents: only what was asked for comes out, and
 * asking for it again names the same user.
 */
#include <stdlib.h>

#include "core/codec/recipients.h"
#include "core/codec/xcapdiff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

static void check_subscription(struct cpm_slice auid, const struct cpm_xcap_change *change)
{
	const struct cpm_xcap_document document = {auid, CPM_SLICE("index")};
	struct cpm_recipients list;
	struct cpm_arena arena;
	struct cpm_buf b;

	cpm_buf_init(&b, 1 << 20);
	cpm_arena_init(&arena, &cpm_allocator_libc, 1 << 20);
	cpm_xcapdiff_add_subscription(&b, change->xui, &document, 1);
	if(!b.rc
			&& (cpm_recipients_parse(cpm_buf_slice(&b), &limits, &arena, &list, NULL)
					|| list.count != 1 || !cpm_slice_starts(list.items[0].uri, auid)))
		abort();
	cpm_arena_free(&arena);
	cpm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cpm_slice auids[] = {
			CPM_SLICE("resource-lists"), CPM_SLICE("org.openmobilealliance.access-rules")};
	struct cpm_slice text = {(const char *)data, size};
	struct cpm_diag diag = {0};
	struct cpm_xcap_changes changes;
	struct cpm_arena arena;

	cpm_arena_init(&arena, &cpm_allocator_libc, 1 << 20);
	if(cpm_xcapdiff_parse(text, auids, 2, &limits, &arena, &changes, &diag)
			&& (!diag.reason || changes.count))
		abort();
	for(size_t i = 0; i < changes.count; i++) {
		if(changes.items[i].auid > 1 || !changes.items[i].xui.n)
			abort();
		if(i < 10)
			check_subscription(auids[changes.items[i].auid], &changes.items[i]);
	}
	cpm_arena_free(&arena);
	return 0;
}
