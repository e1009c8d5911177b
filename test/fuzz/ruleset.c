/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Access rules: whatever the document says, each question gets an answer that
 * holds together, and the explanation ends with the verdict.
 */
#include <stdlib.h>

#include "core/policy/decide.h"

#define ROOT "http://xcap.example.net/"
#define LISTS_URL ROOT "resource-lists/users/sip:bob@example.net/index"
#define RULES_URL ROOT "org.openmobilealliance.access-rules/users/sip:bob@example.net/access-rules"
#define NOW INT64_C(1893535200000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char lists[] =
		"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list name=\"friends\">"
		"<entry uri=\"sip:alice@example.org\"/></list></resource-lists>";

static void check_verdict(const struct cpm_documents *d, const struct cpm_facts *facts)
{
	struct cpm_verdict v;
	struct cpm_uri uri;

	cpm_decide(d, facts, &v);
	if((v.action == CPM_FORWARD) != (v.forward_to.n > 0)
			|| (v.forward_to.n && cpm_uri_parse(v.forward_to, &uri, NULL)))
		abort();
	if((v.rule.n && !v.from_rule)
			|| (!v.from_rule
					&& v.action != (facts->medium == CPM_MEDIUM_DEFERRED ? CPM_PUSH : CPM_DELIVER)))
		abort();
}

static void check_dnd(const struct cpm_documents *d, const struct cpm_facts *facts)
{
	struct cpm_slice rule;
	int64_t until_ms;
	bool on = cpm_decide_dnd(d, facts, &rule, &until_ms);
	struct cpm_facts later = *facts;

	if(until_ms <= facts->now_ms || (!on && rule.n))
		abort();
	/* Nothing changes by itself before the time that was told. */
	later.now_ms = until_ms - 1;
	if(cpm_decide_dnd(d, &later, NULL, NULL) != on)
		abort();
}

static void check_explanation(const struct cpm_documents *d, const struct cpm_facts *facts)
{
	struct cpm_slice text, line, rest;
	struct cpm_buf out;
	size_t lines = 0;

	cpm_buf_init(&out, 1u << 24);
	cpm_decide_explain(d, facts, &out);
	text = rest = cpm_buf_slice(&out);
	while(cpm_slice_split(&rest, '\n', &line))
		lines++;
	if(out.rc || !text.n || !cpm_slice_starts(line, CPM_SLICE("verdict: "))
			|| lines < cpm_documents_rule_count(d) + 3)
		abort();
	cpm_buf_free(&out);
}

static void ask(const struct cpm_documents *d)
{
	static const char *const identities[] = {"sip:alice@example.org", "tel:+15550101"};
	char memory[CPM_FACTS_ORIGINATORS][CPM_URI_KEY_MAX];
	struct cpm_facts facts = {.now_ms = NOW};

	for(size_t i = 0; i < CPM_FACTS_ORIGINATORS; i++)
		cpm_uri_canon(
				cpm_slice_of(identities[i]), memory[i], CPM_URI_KEY_MAX, &facts.originators[i]);
	for(unsigned i = 0; i < 24; i++) {
		facts.originator_count = i % 3;
		facts.anonymous = i / 3 % 2;
		facts.medium = (enum cpm_medium)(i / 6);
		check_verdict(d, &facts);
		check_dnd(d, &facts);
		check_explanation(d, &facts);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_limits limits = CPM_LIMITS_DEFAULT;
	struct cpm_document documents[] = {{CPM_SLICE(LISTS_URL), CPM_SLICE(lists), true},
			{CPM_SLICE(RULES_URL), {(const char *)data, size}, true}};
	struct cpm_documents_source source = {.xcap_root = CPM_SLICE(ROOT),
			.lists_url = CPM_SLICE(LISTS_URL),
			.policy_url = CPM_SLICE(RULES_URL),
			.documents = documents,
			.count = 2};
	const struct cpm_documents *d;
	struct cpm_missing missing;
	size_t warnings, culprit;
	struct cpm_arena arena;
	struct cpm_diag diag = {0};

	limits.max_rules = 50;
	limits.max_conditions = 100;
	cpm_arena_init(&arena, &cpm_allocator_libc, limits.max_document_memory);
	if(!cpm_documents_compile(&source, &limits, &arena, &d, &missing, &warnings, &culprit, &diag))
		ask(d);
	else if(d || !diag.reason || diag.offset > size || culprit != 1)
		abort();
	cpm_arena_free(&arena);
	return 0;
}
