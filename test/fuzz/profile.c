/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The preferences profile: a client is the same with and without the dress of
 * its instance, and one without instance is never kept out.
 */
#include <stdlib.h>

#include "core/policy/decide.h"

#define PROFILE_URL "http://xcap.example.net/upp"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct cpm_documents *d)
{
	for(int i = CPM_MEDIUM_PAGER; i < CPM_MEDIUM_COUNT; i++) {
		enum cpm_medium medium = (enum cpm_medium)i;
		bool wanted = cpm_decide_client(d, CPM_SLICE("urn:uuid:a1"), medium);

		if(cpm_decide_client(d, CPM_SLICE("\"<URN:UUID:A1>\""), medium) != wanted)
			abort();
		if(!cpm_decide_client(d, CPM_SLICE_NONE, medium)
				|| !cpm_decide_client(d, CPM_SLICE("\"<>\""), medium))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_limits limits = CPM_LIMITS_DEFAULT;
	struct cpm_document document = {CPM_SLICE(PROFILE_URL), {(const char *)data, size}, true};
	struct cpm_documents_source source = {.xcap_root = CPM_SLICE("http://xcap.example.net"),
			.profile_url = CPM_SLICE(PROFILE_URL),
			.documents = &document,
			.count = 1};
	const struct cpm_documents *d;
	struct cpm_arena arena;
	size_t culprit;
	struct cpm_diag diag = {0};

	limits.max_conditions = 20;
	cpm_arena_init(&arena, &cpm_allocator_libc, limits.max_document_memory);
	if(!cpm_documents_compile(&source, &limits, &arena, &d, NULL, NULL, &culprit, &diag))
		ask(d);
	else if(d || !diag.reason || diag.offset > size || culprit)
		abort();
	cpm_arena_free(&arena);
	return 0;
}
