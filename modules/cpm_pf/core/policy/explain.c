/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Decisions in words, one line a step, for operators and tests.
 */
#include "decide.h"

#include "../base/ascii.h"
#include "match.h"

/* Identifiers come from documents: a line must stay a line. */
static void add_id(struct cpm_buf *out, struct cpm_slice id)
{
	if(!id.n)
		cpm_buf_add_str(out, "(without id)");
	for(size_t i = 0; i < id.n; i++)
		cpm_buf_add_char(out, cpm_ascii_control(id.p[i]) ? '?' : id.p[i]);
}

static void add_actions(struct cpm_buf *out, unsigned actions)
{
	const char *separator = ", ";

	for(unsigned i = 0; i < CPM_RULE_ACTION_COUNT; i++) {
		if(!(actions & 1u << i) || !cpm_rule_action_names[i])
			continue;
		cpm_buf_add_str(out, separator);
		cpm_buf_add_str(out, cpm_rule_action_names[i]);
		separator = " ";
	}
	if(*separator == ',')
		cpm_buf_add_str(out, ", no action");
}

static bool in_scope(const struct cpm_scope *scope, const struct cpm_rule *rule)
{
	for(size_t i = 0; i < scope->count; i++)
		if(scope->rules[i].rule == rule)
			return true;
	return false;
}

static const char *match_word(enum cpm_match match)
{
	static const char *const words[] = {
			[CPM_MATCH_YES] = "matched",
			[CPM_MATCH_IDENTITY] = "identity does not match",
			[CPM_MATCH_EXTERNAL_LIST] = "external-list does not match",
			[CPM_MATCH_OTHER_IDENTITY] = "other-identity does not match an anonymous request",
			[CPM_MATCH_ANONYMOUS] = "the request is not anonymous",
			[CPM_MATCH_VALIDITY] = "not valid now",
	};

	return words[match];
}

/* Why a rule is in no scope. */
static const char *outside_word(const struct cpm_rule *rule)
{
	if(rule->never)
		return rule->never;
	if(!rule->has_service_list)
		return "no service list";
	if(!rule->covers_cpm)
		return "service does not match";
	return rule->has_media_list ? "media does not match" : "no media list";
}

static void explain_rule(struct cpm_buf *out, const struct cpm_rule *rule,
		const struct cpm_subject *s, const struct cpm_outcome *outcome)
{
	enum cpm_match match = cpm_rule_match(rule, s);

	if(!match && rule->class > CPM_CLASS_ANY && rule->class < outcome->class) {
		cpm_buf_add_str(out, "set aside, a rule matched by ");
		cpm_buf_add_str(out, outcome->class == CPM_CLASS_IDENTITY ? "identity" : "external-list");
		return;
	}
	cpm_buf_add_str(out, match_word(match));
	if(!match)
		add_actions(out, rule->actions);
}

static void explain_dnd(
		const struct cpm_documents *d, const struct cpm_facts *facts, struct cpm_buf *out)
{
	struct cpm_slice rule;
	bool on = cpm_decide_dnd(d, facts, &rule, NULL);

	cpm_buf_add_str(out, "do-not-disturb: ");
	cpm_buf_add_str(out, on ? "on by " : "off");
	if(on)
		add_id(out, rule);
	cpm_buf_add_char(out, '\n');
}

static void explain_verdict(
		const struct cpm_documents *d, const struct cpm_facts *facts, struct cpm_buf *out)
{
	struct cpm_verdict verdict;

	cpm_decide(d, facts, &verdict);
	cpm_buf_add_str(out, "verdict: ");
	cpm_buf_add_str(out, cpm_action_name(verdict.action));
	if(verdict.from_rule) {
		cpm_buf_add_str(out, " by ");
		add_id(out, verdict.rule);
	} else {
		cpm_buf_add_str(out, " by default");
	}
	cpm_buf_add_char(out, '\n');
}

void cpm_decide_explain(
		const struct cpm_documents *d, const struct cpm_facts *facts, struct cpm_buf *out)
{
	const struct cpm_scope *actions, *dnd = &d->ruleset.dnd[facts->medium];
	struct cpm_outcome by_actions, by_dnd;
	struct cpm_subject subject;

	cpm_subject_init(&subject, d, facts);
	actions = cpm_match_actions(d, &subject, &by_actions);
	cpm_scope_match(dnd, &subject, &by_dnd);
	cpm_buf_add_str(out, cpm_decide_blocked(d, facts) ? "blocked: yes\n" : "blocked: no\n");
	if(actions == &d->ruleset.large_as_pager && actions->count)
		cpm_buf_add_str(out, "large: no rule for large messages acts, those for pager mode do\n");
	for(size_t i = 0; i < d->ruleset.count; i++) {
		const struct cpm_rule *rule = &d->ruleset.rules[i];

		cpm_buf_add_str(out, "rule ");
		add_id(out, rule->id);
		cpm_buf_add_str(out, ": ");
		if(in_scope(actions, rule))
			explain_rule(out, rule, &subject, &by_actions);
		else if(in_scope(dnd, rule))
			explain_rule(out, rule, &subject, &by_dnd);
		else
			cpm_buf_add_str(out, outside_word(rule));
		cpm_buf_add_char(out, '\n');
	}
	explain_dnd(d, facts, out);
	explain_verdict(d, facts, out);
}
