/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * URI lists: the user's own document, and one that it links to, are the input.
 * Nothing outside the XCAP root is ever asked for, and asking ends.
 */
#include <stdlib.h>

#include "core/policy/decide.h"

#define ROOT "http://xcap.example.net/xdm"
#define LISTS_URL ROOT "/resource-lists/users/sip:bob@example.net/index"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_missing(const struct cpm_missing *missing)
{
	for(size_t i = 0; i < missing->count; i++) {
		struct cpm_slice rest = missing->urls[i], part;

		if(!cpm_slice_starts(rest, CPM_SLICE(ROOT "/")))
			abort();
		while(cpm_slice_split(&rest, '/', &part))
			if(cpm_slice_eq(part, CPM_SLICE("..")) || cpm_slice_eq(part, CPM_SLICE(".")))
				abort();
		for(size_t j = 0; j < i; j++)
			if(cpm_slice_eq(missing->urls[i], missing->urls[j]))
				abort();
	}
}

static void check_blocked(const struct cpm_documents *d)
{
	struct cpm_facts facts = {.originator_count = 1};
	char memory[CPM_URI_KEY_MAX];
	bool blocked;

	cpm_uri_canon(
			CPM_SLICE("sip:mallory@example.net"), memory, sizeof(memory), &facts.originators[0]);
	blocked = cpm_decide_blocked(d, &facts);
	facts.anonymous = true;
	if(cpm_decide_blocked(d, &facts) != blocked || (blocked && !cpm_documents_blocked_count(d)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_limits limits = CPM_LIMITS_DEFAULT;
	struct cpm_slice text = {(const char *)data, size};
	struct cpm_document documents[1 + CPM_MISSING_MAX] = {{CPM_SLICE(LISTS_URL), text, true}};
	struct cpm_documents_source source = {.xcap_root = CPM_SLICE(ROOT),
			.lists_url = CPM_SLICE(LISTS_URL),
			.documents = documents,
			.count = 1};
	const struct cpm_documents *d;
	struct cpm_missing missing;
	size_t warnings, culprit;
	struct cpm_arena arena;
	struct cpm_diag diag = {0};

	limits.max_list_entries = 200;
	limits.max_linked_documents = CPM_MISSING_MAX;
	cpm_arena_init(&arena, &cpm_allocator_libc, limits.max_document_memory);
	do {
		if(cpm_documents_compile(
				   &source, &limits, &arena, &d, &missing, &warnings, &culprit, &diag)) {
			if(d || !diag.reason || diag.offset > size || culprit >= source.count)
				abort();
			break;
		}
		check_blocked(d);
		check_missing(&missing);
		/* More documents than links may lead to would have been refused. */
		if(source.count + missing.count > 1 + CPM_MISSING_MAX)
			abort();
		for(size_t i = 0; i < missing.count; i++)
			documents[source.count++] = (struct cpm_document){missing.urls[i], text, true};
	} while(missing.count);
	cpm_arena_free(&arena);
	return 0;
}
