/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Compiles a served user's XDM documents (URI lists, access rules, preferences
 * profile) into one read-only form that decide reads. Links between lists are
 * followed here, without I/O: what is not at hand is named, the caller fetches
 * it and compiles again. The norm's 8.4.1; companion sections 1 to 3.
 */
#ifndef CPM_DOCUMENTS_H
#define CPM_DOCUMENTS_H

#include "../base/arena.h"
#include "../base/limits.h"
#include "facts.h"

/* Compiled documents; lives in the arena it was compiled into. */
struct cpm_documents;

/* One document at hand. */
struct cpm_document {
	struct cpm_slice url;  /* absolute, without node selector */
	struct cpm_slice body; /* empty with exists == false */
	bool exists;           /* false: the XDMS said 404, there is no such document */
};

struct cpm_documents_source {
	struct cpm_slice xcap_root; /* without trailing slash; links outside of it are never followed */
	struct cpm_slice lists_url; /* the user's resource-lists document */
	struct cpm_slice policy_url;  /* the user's access rules */
	struct cpm_slice profile_url; /* the user's preferences profile */
	const struct cpm_document *documents;
	size_t count;
};

#define CPM_MISSING_MAX 16

/* Documents that links lead to and that are not at hand. The slices live in the arena of the call. */
struct cpm_missing {
	struct cpm_slice urls[CPM_MISSING_MAX];
	size_t count;
};

/* Compiles source into *compiled, allocated from arena. The result borrows from the arena alone, not from source.
 * CPM_OK with missing->count > 0: complete but for those links; fetch them and compile again, or publish as it is when
 * they cannot be had (a link that leads nowhere is an empty list; *warnings counts such links).
 * A document that exists and is not well formed, has a DTD, or passes a limit gives CPM_SYNTAX, CPM_LIMIT or CPM_UNSUPPORTED,
 * with *culprit its index in source->documents (source->count when it is no document's fault). CPM_NOMEM also when more than
 * max_document_memory would be needed in between, or more than the arena's maximum for the result. missing, warnings, culprit and
 * diag may be NULL. A main document that is not among the documents counts as one that does not exist. */
enum cpm_rc cpm_documents_compile(const struct cpm_documents_source *source,
		const struct cpm_limits *limits, struct cpm_arena *arena,
		const struct cpm_documents **compiled, struct cpm_missing *missing, size_t *warnings,
		size_t *culprit, struct cpm_diag *diag);

/* The documents of a user who has none: nobody is blocked, no rule, every client takes everything. */
extern const struct cpm_documents cpm_documents_none;

/* Entries in the block list, and rules; for operators. */
size_t cpm_documents_blocked_count(const struct cpm_documents *d);
size_t cpm_documents_rule_count(const struct cpm_documents *d);

#endif
