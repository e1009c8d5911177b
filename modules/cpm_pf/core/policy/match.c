/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Matching. Runs for each message: no allocation, one pass over the scope, and
 * most rules that do not match end at the signature.
 */
#include "match.h"

/* What the rules of one class say. */
struct tally {
	unsigned actions;
	bool matched;
	const struct cpm_rule *first[CPM_RULE_ACTION_COUNT];
};

void cpm_subject_init(
		struct cpm_subject *s, const struct cpm_documents *d, const struct cpm_facts *facts)
{
	s->facts = facts;
	s->signature = 0;
	s->count = facts->originator_count;
	if(s->count > CPM_FACTS_ORIGINATORS)
		s->count = CPM_FACTS_ORIGINATORS;
	if(facts->anonymous)
		s->count = 0;
	for(size_t i = 0; i < s->count; i++) {
		s->originators[i].key = facts->originators[i].key;
		s->originators[i].domain = facts->originators[i].domain;
		s->originators[i].key_hash = cpm_slice_hash_here(facts->originators[i].key, d->seed);
		s->signature |= cpm_keyset_bit(s->originators[i].key_hash);
		if(!facts->originators[i].domain.n)
			continue;
		s->originators[i].domain_hash = cpm_slice_hash_here(facts->originators[i].domain, d->seed);
		s->signature |= cpm_keyset_bit(s->originators[i].domain_hash);
	}
}

/* One of the originator's identities, or its domain. */
static bool is_member(const struct cpm_keyset *set, const struct cpm_subject *s)
{
	if(!(set->signature & s->signature))
		return false;
	for(size_t i = 0; i < s->count; i++)
		if(cpm_keyset_has(set, s->originators[i].key, s->originators[i].key_hash)
				|| (s->originators[i].domain.n
						&& cpm_keyset_has(
								set, s->originators[i].domain, s->originators[i].domain_hash)))
			return true;
	return false;
}

/* An exception by any of the originator's identities keeps the person out. */
static bool many_match(const struct cpm_many *many, const struct cpm_subject *s)
{
	bool inside = !many->domain.n && s->count;

	for(size_t i = 0; i < s->count && !inside; i++)
		inside = cpm_slice_eq(many->domain, s->originators[i].domain);
	return inside && !is_member(&many->excepted, s);
}

static bool identity_match(const struct cpm_identity *identity, const struct cpm_subject *s)
{
	if(is_member(&identity->members, s))
		return true;
	for(size_t i = 0; i < identity->many_count; i++)
		if(many_match(&identity->many[i], s))
			return true;
	return false;
}

/* Lists name people: a domain is not looked up in them. */
static bool lists_match(const struct cpm_condition *condition, const struct cpm_subject *s)
{
	for(size_t i = 0; i < condition->count; i++)
		for(size_t j = 0; j < s->count; j++)
			if(cpm_keyset_has(
					   condition->of.lists[i], s->originators[j].key, s->originators[j].key_hash))
				return true;
	return false;
}

static bool validity_match(const struct cpm_condition *condition, int64_t now_ms)
{
	for(size_t i = 0; i < condition->count; i++)
		if(condition->of.intervals[i].from_ms <= now_ms
				&& now_ms < condition->of.intervals[i].until_ms)
			return true;
	return false;
}

static enum cpm_match condition_match(
		const struct cpm_condition *condition, const struct cpm_subject *s)
{
	switch(condition->kind) {
		case CPM_CONDITION_IDENTITY:
			return identity_match(condition->of.identity, s) ? CPM_MATCH_YES : CPM_MATCH_IDENTITY;
		case CPM_CONDITION_EXTERNAL_LIST:
			return lists_match(condition, s) ? CPM_MATCH_YES : CPM_MATCH_EXTERNAL_LIST;
		case CPM_CONDITION_OTHER_IDENTITY:
			return s->facts->anonymous ? CPM_MATCH_OTHER_IDENTITY : CPM_MATCH_YES;
		case CPM_CONDITION_ANONYMOUS:
			return s->facts->anonymous ? CPM_MATCH_YES : CPM_MATCH_ANONYMOUS;
		case CPM_CONDITION_VALIDITY:
			break;
	}
	return validity_match(condition, s->facts->now_ms) ? CPM_MATCH_YES : CPM_MATCH_VALIDITY;
}

enum cpm_match cpm_rule_match(const struct cpm_rule *rule, const struct cpm_subject *s)
{
	if(rule->signature != UINT64_MAX && !(rule->signature & s->signature))
		return CPM_MATCH_IDENTITY;
	for(size_t i = 0; i < rule->condition_count; i++) {
		enum cpm_match match = condition_match(&rule->conditions[i], s);

		if(match)
			return match;
	}
	return CPM_MATCH_YES;
}

static void tally_add(struct tally *t, const struct cpm_rule *rule)
{
	unsigned fresh = rule->actions & ~t->actions;

	t->matched = true;
	t->actions |= fresh;
	for(unsigned i = 0; fresh; i++, fresh >>= 1)
		if(fresh & 1)
			t->first[i] = rule;
}

/* Rules are in document order in one array, so the earlier one has the lower address. */
static void outcome_add(struct cpm_outcome *outcome, const struct tally *t)
{
	for(unsigned i = 0, said = t->actions; said; i++, said >>= 1)
		if((said & 1) && (!(outcome->actions & 1u << i) || t->first[i] < outcome->first[i]))
			outcome->first[i] = t->first[i];
	outcome->actions |= t->actions;
}

void cpm_scope_match(
		const struct cpm_scope *scope, const struct cpm_subject *s, struct cpm_outcome *outcome)
{
	struct tally tallies[CPM_CLASS_COUNT];

	if(scope->signature != UINT64_MAX && !(scope->signature & s->signature)) {
		outcome->actions = 0;
		outcome->class = CPM_CLASS_ANY;
		return;
	}
	for(size_t i = 0; i < CPM_CLASS_COUNT; i++) {
		tallies[i].actions = 0;
		tallies[i].matched = false;
	}
	for(size_t i = 0; i < scope->count; i++) {
		const struct cpm_scope_rule *r = &scope->rules[i];

		if((r->signature == UINT64_MAX || (r->signature & s->signature))
				&& !cpm_rule_match(r->rule, s))
			tally_add(&tallies[r->rule->class], r->rule);
	}
	outcome->actions = 0;
	outcome->class = CPM_CLASS_IDENTITY;
	while(outcome->class > CPM_CLASS_ANY && !tallies[outcome->class].matched)
		outcome->class --;
	outcome_add(outcome, &tallies[CPM_CLASS_ANY]);
	if(outcome->class > CPM_CLASS_ANY)
		outcome_add(outcome, &tallies[outcome->class]);
}

const struct cpm_scope *cpm_match_actions(
		const struct cpm_documents *d, const struct cpm_subject *s, struct cpm_outcome *outcome)
{
	const struct cpm_scope *scope = &d->ruleset.actions[s->facts->medium];

	cpm_scope_match(scope, s, outcome);
	if(s->facts->medium == CPM_MEDIUM_LARGE && !(outcome->actions & 1u << CPM_RULE_NAMES_LARGE)) {
		/* What a rule for large messages says of the history holds, whoever decides. */
		unsigned history = outcome->actions & 1u << CPM_RULE_OFFLINE_STORAGE;
		const struct cpm_rule *says = outcome->first[CPM_RULE_OFFLINE_STORAGE];

		scope = &d->ruleset.large_as_pager;
		cpm_scope_match(scope, s, outcome);
		if(history && !(outcome->actions & history)) {
			outcome->actions |= history;
			outcome->first[CPM_RULE_OFFLINE_STORAGE] = says;
		}
	}
	return scope;
}
