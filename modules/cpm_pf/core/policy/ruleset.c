/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The access rules: RFC 4745 rulesets with the OMA extensions, read as companion
 * section 2.3 says, and sorted into scopes, so that a decision looks only at
 * rules for its medium.
 */
#include "compile.h"

#define BIT(action) (1u << (action))

/* Actions that decide something about a message. */
#define DECISIVE                                                                      \
	(BIT(CPM_RULE_REJECT) | BIT(CPM_RULE_INTERWORK) | BIT(CPM_RULE_DELIVER_INTERWORK) \
			| BIT(CPM_RULE_STORE) | BIT(CPM_RULE_FORWARD) | BIT(CPM_RULE_DEFER))

const char *const cpm_rule_action_names[CPM_RULE_ACTION_COUNT] = {
		[CPM_RULE_REJECT] = "allow-reject-invite",
		[CPM_RULE_INTERWORK] = "allow-interwork",
		[CPM_RULE_DELIVER_INTERWORK] = "allow-delivery-and-interwork",
		[CPM_RULE_STORE] = "allow-store",
		[CPM_RULE_FORWARD] = "allow-forward",
		[CPM_RULE_DEFER] = "allow-defer",
		[CPM_RULE_DND] = "allow-do-not-disturb",
		[CPM_RULE_PUSH] = "allow-push",
		[CPM_RULE_PULL] = "allow-pull",
		[CPM_RULE_OFFLINE_STORAGE] = "allow-offline-storage",
		[CPM_RULE_EXPIRED] = "expired",
};

/* The target of <forward-to>, when it is a URI that a request can be sent to. */
static enum cpm_rc read_forward_to(
		struct cpm_compile *c, const xmlNode *node, struct cpm_rule *rule)
{
	struct cpm_uri uri;

	for(const xmlNode *child = cpm_xml_first(node); child; child = cpm_xml_next(child)) {
		if(rule->forward_to.n || !cpm_compile_is_extension(child)
				|| !cpm_xml_is(child, NULL, "target"))
			continue;
		if(cpm_uri_parse(cpm_xml_text(child), &uri, NULL))
			c->warnings++;
		else if(!cpm_arena_dup(c->arena, cpm_xml_text(child), &rule->forward_to))
			return CPM_NOMEM;
	}
	return CPM_OK;
}

static void read_expired(struct cpm_compile *c, const xmlNode *node, struct cpm_rule *rule)
{
	struct cpm_slice word = cpm_xml_text(node);

	if(rule->expired)
		return;
	if(cpm_slice_ieq(word, CPM_SLICE("store")))
		rule->expired = CPM_EXPIRED_STORE;
	else if(cpm_slice_ieq(word, CPM_SLICE("discard")))
		rule->expired = CPM_EXPIRED_DISCARD;
	else
		c->warnings++;
	if(rule->expired)
		rule->actions |= BIT(CPM_RULE_EXPIRED);
}

static enum cpm_rc read_action(struct cpm_compile *c, const xmlNode *node, struct cpm_rule *rule)
{
	static const struct {
		const char *name;
		enum cpm_rule_action action;
	} table[] = {
			{"allow-reject-invite", CPM_RULE_REJECT},
			{"allow-interwork", CPM_RULE_INTERWORK},
			{"allow-interworking", CPM_RULE_INTERWORK},
			{"allow-delivery-and-interwork", CPM_RULE_DELIVER_INTERWORK},
			{"allow-deliver-and-interwork", CPM_RULE_DELIVER_INTERWORK},
			{"allow-store", CPM_RULE_STORE},
			{"allow-forward", CPM_RULE_FORWARD},
			{"allow-defer", CPM_RULE_DEFER},
			{"allow-do-not-disturb", CPM_RULE_DND},
			{"allow-push", CPM_RULE_PUSH},
			{"allow-pull", CPM_RULE_PULL},
			{"allow-offline-storage", CPM_RULE_OFFLINE_STORAGE},
	};

	if(!cpm_compile_is_extension(node))
		return CPM_OK;
	if(cpm_xml_is(node, NULL, "forward-to"))
		return read_forward_to(c, node, rule);
	if(cpm_xml_is(node, NULL, "expired"))
		read_expired(c, node, rule);
	for(size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if(cpm_xml_is(node, NULL, table[i].name) && cpm_compile_boolean(node))
			rule->actions |= BIT(table[i].action);
	return CPM_OK;
}

static enum cpm_rc read_rule(
		struct cpm_compile *c, size_t document, const xmlNode *node, struct cpm_rule *rule)
{
	struct cpm_slice id = CPM_SLICE_NONE;
	enum cpm_rc rc = CPM_OK;

	if(!cpm_xml_attribute(node, "id", &id) || !id.n)
		c->warnings++;
	if(!cpm_arena_dup(c->arena, id, &rule->id))
		return cpm_compile_fail(c, CPM_NOMEM, document, "no memory");
	for(const xmlNode *part = cpm_xml_first(node); part; part = cpm_xml_next(part)) {
		if(!cpm_xml_is(part, CPM_NS_RULES, "actions"))
			continue;
		for(const xmlNode *a = cpm_xml_first(part); a && !rc; a = cpm_xml_next(a))
			rc = read_action(c, a, rule);
	}
	if(rc)
		return cpm_compile_fail(c, rc, document, "no memory");
	if(!rule->forward_to.n)
		rule->actions &= ~BIT(CPM_RULE_FORWARD);
	rc = cpm_conditions_compile(c, document, node, rule);
	if((rule->named & 1u << CPM_MEDIUM_LARGE) && (rule->actions & DECISIVE))
		rule->actions |= BIT(CPM_RULE_NAMES_LARGE);
	return rc;
}

/* The norm's step 4 wants the service and the medium named. */
static bool in_actions(const struct cpm_rule *rule, unsigned media)
{
	return rule->covers_cpm && rule->has_media_list && (rule->media & media);
}

/* Its step 5 wants only the service; a media list must hold like any other condition. */
static bool in_dnd(const struct cpm_rule *rule, unsigned media)
{
	if(media == 1u << CPM_MEDIUM_LARGE)
		media |= CPM_MEDIA_LARGE_AS_PAGER;
	return rule->covers_cpm && (!rule->has_media_list || (rule->media & media));
}

/* Leaves only rules that can turn do-not-disturb on, and those that can put one of these aside. */
static void prune_dnd(struct cpm_scope *scope, struct cpm_scope_rule *rules)
{
	enum cpm_rule_class lowest = CPM_CLASS_COUNT;
	size_t kept = 0;

	for(size_t i = 0; i < scope->count; i++)
		if((rules[i].rule->actions & BIT(CPM_RULE_DND)) && rules[i].rule->class > CPM_CLASS_ANY
				&& rules[i].rule->class < lowest)
			lowest = rules[i].rule->class;
	for(size_t i = 0; i < scope->count; i++)
		if((rules[i].rule->actions & BIT(CPM_RULE_DND)) || rules[i].rule->class > lowest)
			rules[kept++] = rules[i];
	scope->count = kept;
}

static bool build_scope(struct cpm_compile *c, const struct cpm_ruleset *ruleset,
		bool (*in_scope)(const struct cpm_rule *rule, unsigned media), unsigned media,
		struct cpm_scope *scope)
{
	struct cpm_scope_rule *rules;
	size_t count = 0;

	for(size_t i = 0; i < ruleset->count; i++)
		count += !ruleset->rules[i].never && in_scope(&ruleset->rules[i], media);
	rules = cpm_arena_array(c->arena, count, sizeof(*rules));
	if(!rules)
		return false;
	for(size_t i = 0; i < ruleset->count; i++)
		if(!ruleset->rules[i].never && in_scope(&ruleset->rules[i], media))
			rules[scope->count++] =
					(struct cpm_scope_rule){ruleset->rules[i].signature, &ruleset->rules[i]};
	if(in_scope == in_dnd)
		prune_dnd(scope, rules);
	for(size_t i = 0; i < scope->count; i++)
		scope->signature |= rules[i].signature;
	scope->rules = rules;
	return true;
}

static bool build_scopes(struct cpm_compile *c, struct cpm_ruleset *ruleset)
{
	for(unsigned m = 0; m < CPM_MEDIUM_COUNT; m++) {
		if(!build_scope(c, ruleset, in_actions, 1u << m, &ruleset->actions[m])
				|| !build_scope(c, ruleset, in_dnd, 1u << m, &ruleset->dnd[m]))
			return false;
	}
	return build_scope(c, ruleset, in_actions, CPM_MEDIA_LARGE_AS_PAGER, &ruleset->large_as_pager);
}

enum cpm_rc cpm_ruleset_compile(struct cpm_compile *c, size_t document, struct cpm_ruleset *ruleset)
{
	struct cpm_rule *rules;
	const xmlNode *root, *node;
	xmlDocPtr tree;
	size_t count = 0;
	enum cpm_rc rc = cpm_compile_tree(c, document, &tree);

	if(rc || !tree)
		return rc;
	root = cpm_xml_first((xmlNode *)tree);
	if(!cpm_xml_is(root, CPM_NS_RULES, "ruleset"))
		return cpm_compile_fail(c, CPM_SYNTAX, document, "not a ruleset document");
	for(node = cpm_xml_first(root); node; node = cpm_xml_next(node))
		count += cpm_xml_is(node, CPM_NS_RULES, "rule");
	if(count > c->limits->max_rules)
		return cpm_compile_fail(c, CPM_LIMIT, document, "too many rules");
	rules = cpm_arena_array(c->arena, count, sizeof(*rules));
	if(!rules)
		return cpm_compile_fail(c, CPM_NOMEM, document, "no memory");
	ruleset->rules = rules;
	for(node = cpm_xml_first(root); node; node = cpm_xml_next(node)) {
		if(!cpm_xml_is(node, CPM_NS_RULES, "rule"))
			continue;
		rc = read_rule(c, document, node, &rules[ruleset->count++]);
		if(rc)
			return rc;
	}
	if(!build_scopes(c, ruleset))
		return cpm_compile_fail(c, CPM_NOMEM, document, "no memory");
	return CPM_OK;
}
