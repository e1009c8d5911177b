/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Which rules match a request, and what they say together. RFC 4745 section 10,
 * companion sections 2.4 and 2.5. Internal to core/policy.
 */
#ifndef CPM_MATCH_H
#define CPM_MATCH_H

#include "compiled.h"

/* The originators of the facts with their hashes. */
struct cpm_subject {
	const struct cpm_facts *facts;
	struct {
		struct cpm_slice key;
		struct cpm_slice domain;
		uint64_t key_hash;
		uint64_t domain_hash;
	} originators[CPM_FACTS_ORIGINATORS];
	size_t count;
	uint64_t signature; /* the key set bits of all keys and domains */
};

/* For rules: somebody who asked for anonymity has no identity. Borrows from facts. */
void cpm_subject_init(
		struct cpm_subject *s, const struct cpm_documents *d, const struct cpm_facts *facts);

enum cpm_match {
	CPM_MATCH_YES,
	CPM_MATCH_IDENTITY, /* the first condition that does not hold */
	CPM_MATCH_EXTERNAL_LIST,
	CPM_MATCH_OTHER_IDENTITY,
	CPM_MATCH_ANONYMOUS,
	CPM_MATCH_VALIDITY,
};

/* Conditions only: that the rule is in the scope, and not set aside, is the caller's business. */
enum cpm_match cpm_rule_match(const struct cpm_rule *rule, const struct cpm_subject *s);

/* What the matching rules of a scope say, those set aside left out. */
struct cpm_outcome {
	unsigned actions;          /* bits of enum cpm_rule_action */
	enum cpm_rule_class class; /* the highest that matched: lower ones but ANY are set aside */
	const struct cpm_rule *first[CPM_RULE_ACTION_COUNT]; /* where the bit is set */
};

void cpm_scope_match(
		const struct cpm_scope *scope, const struct cpm_subject *s, struct cpm_outcome *outcome);

/* The action rules for the medium of the facts; returns the scope that spoke. For large messages:
 * the rules that cover them, when one that names them matches and acts; else those for pager mode,
 * as the norm's 8.3.1.2 step 6 says (companion section 2.3). */
const struct cpm_scope *cpm_match_actions(
		const struct cpm_documents *d, const struct cpm_subject *s, struct cpm_outcome *outcome);

#endif
