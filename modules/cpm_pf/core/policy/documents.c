/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Compiles all documents of a user. Trees and other memory in between are gone
 * when it returns.
 */
#include "compile.h"
#include "link.h"

/* Looking at every element a few times is enough for any honest document. */
#define LINK_BUDGET_FACTOR 16

const struct cpm_documents cpm_documents_none;

/* The canonical form of a URL; empty when it has none. */
static enum cpm_rc canonical(
		struct cpm_compile *c, struct cpm_slice url, struct cpm_slice root, struct cpm_slice *form)
{
	struct cpm_link link;
	enum cpm_rc rc = cpm_link_parse(url, root, c->scratch, &link);

	*form = rc ? CPM_SLICE_NONE : link.document;
	return rc == CPM_NOMEM ? rc : CPM_OK;
}

/* Index of a URL among the documents at hand, their number when it is not there. */
static enum cpm_rc find(struct cpm_compile *c, struct cpm_slice url, size_t *index)
{
	struct cpm_slice form;
	enum cpm_rc rc = canonical(c, url, c->root, &form);

	*index = c->source->count;
	for(size_t i = 0; i < c->source->count && url.n && !rc; i++)
		if(form.n ? cpm_slice_eq(c->documents[i].url, form)
				  : cpm_slice_eq(c->source->documents[i].url, url)) {
			*index = i;
			break;
		}
	return rc;
}

static enum cpm_rc read_urls(struct cpm_compile *c)
{
	const struct cpm_documents_source *source = c->source;
	enum cpm_rc rc = canonical(c, source->xcap_root, CPM_SLICE_NONE, &c->root);

	c->documents = cpm_arena_array(c->scratch, source->count, sizeof(*c->documents));
	if(!c->documents)
		return CPM_NOMEM;
	for(size_t i = 0; i < source->count && !rc; i++)
		rc = canonical(c, source->documents[i].url, c->root, &c->documents[i].url);
	if(!rc)
		rc = find(c, source->lists_url, &c->own);
	if(!rc && c->own < source->count && c->root.n
			&& cpm_slice_starts(c->documents[c->own].url, c->root))
		c->own_tail = cpm_slice_from(c->documents[c->own].url, c->root.n);
	return rc;
}

/* From the content: the seed of the key sets is then nobody's choice. */
static uint64_t make_seed(const struct cpm_documents_source *source)
{
	uint64_t seed = 0;

	for(size_t i = 0; i < source->count; i++)
		seed = cpm_slice_hash(source->documents[i].body, seed);
	return seed;
}

static enum cpm_rc compile(struct cpm_compile *c, struct cpm_documents *d)
{
	size_t policy, profile;
	enum cpm_rc rc = read_urls(c);

	if(!rc)
		rc = find(c, c->source->policy_url, &policy);
	if(!rc)
		rc = find(c, c->source->profile_url, &profile);
	if(rc)
		return cpm_compile_fail(c, rc, c->source->count, "no memory");
	d->seed = c->seed;
	rc = cpm_urilist_blocked(c, &d->blocked);
	if(!rc)
		rc = cpm_ruleset_compile(c, policy, &d->ruleset);
	return rc ? rc : cpm_profile_compile(c, profile, &d->profile);
}

enum cpm_rc cpm_documents_compile_with(const struct cpm_allocator *scratch_allocator,
		const struct cpm_documents_source *source, const struct cpm_limits *limits,
		struct cpm_arena *arena, const struct cpm_documents **compiled, struct cpm_missing *missing,
		size_t *warnings, size_t *culprit, struct cpm_diag *diag)
{
	struct cpm_documents *d = cpm_arena_alloc(arena, sizeof(*d));
	struct cpm_missing unasked;
	struct cpm_arena scratch;
	struct cpm_compile c = {.source = source,
			.limits = limits,
			.arena = arena,
			.scratch = &scratch,
			.seed = make_seed(source),
			.budget = LINK_BUDGET_FACTOR * (limits->max_xml_elements + 1),
			/* cppcheck-suppress uninitvar */
			.missing = missing ? missing : &unasked,
			.culprit = source->count,
			.diag = diag};
	enum cpm_rc rc;

	c.missing->count = 0;
	cpm_arena_init(&scratch, scratch_allocator, limits->max_document_memory);
	rc = d ? compile(&c, d) : cpm_compile_fail(&c, CPM_NOMEM, source->count, "no memory");
	for(size_t i = 0; i < source->count && c.documents; i++)
		xmlFreeDoc(c.documents[i].tree);
	cpm_arena_free(&scratch);
	*compiled = rc ? NULL : d;
	if(warnings)
		*warnings = c.warnings;
	if(culprit)
		*culprit = c.culprit;
	return rc;
}

enum cpm_rc cpm_documents_compile(const struct cpm_documents_source *source,
		const struct cpm_limits *limits, struct cpm_arena *arena,
		const struct cpm_documents **compiled, struct cpm_missing *missing, size_t *warnings,
		size_t *culprit, struct cpm_diag *diag)
{
	return cpm_documents_compile_with(
			&cpm_allocator_libc, source, limits, arena, compiled, missing, warnings, culprit, diag);
}

size_t cpm_documents_blocked_count(const struct cpm_documents *d)
{
	return d->blocked.count;
}

size_t cpm_documents_rule_count(const struct cpm_documents *d)
{
	return d->ruleset.count;
}
