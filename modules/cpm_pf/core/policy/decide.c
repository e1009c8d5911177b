/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The decisions. The norm's 8.3.1.1 and 8.3.1.2 steps 3 to 5, 8.3.1.6; companion
 * sections 2.5 and 10.
 */
#include "decide.h"

#include "match.h"

struct choice {
	enum cpm_rule_action said;
	enum cpm_action action;
};

/* The norm's order. Where both kinds of interworking are said, the message goes to the clients too:
 * 8.3.1.1 sends it to the ISF in step 4b for either, and steps 5 to 7 go on for group B, whatever
 * else is said. */
static const struct choice message_choices[] = {
		{CPM_RULE_REJECT, CPM_REJECT},
		{CPM_RULE_DELIVER_INTERWORK, CPM_DELIVER_INTERWORK},
		{CPM_RULE_INTERWORK, CPM_INTERWORK},
		{CPM_RULE_STORE, CPM_STORE},
		{CPM_RULE_FORWARD, CPM_FORWARD},
		{CPM_RULE_DEFER, CPM_DEFER},
};

static const struct choice deferred_choices[] = {
		{CPM_RULE_PUSH, CPM_PUSH},
		{CPM_RULE_PULL, CPM_PULL},
		{CPM_RULE_STORE, CPM_STORE},
};

const char *cpm_action_name(enum cpm_action action)
{
	static const char *const names[] = {
			[CPM_DELIVER] = "deliver",
			[CPM_DELIVER_INTERWORK] = "deliver+interwork",
			[CPM_INTERWORK] = "interwork",
			[CPM_REJECT] = "reject",
			[CPM_STORE] = "store",
			[CPM_FORWARD] = "forward",
			[CPM_DEFER] = "defer",
			[CPM_PUSH] = "push",
			[CPM_PULL] = "pull",
	};

	return (size_t)action < sizeof(names) / sizeof(names[0]) ? names[action] : "unknown";
}

static void choose(const struct cpm_outcome *o, const struct choice *choices, size_t count,
		struct cpm_verdict *verdict)
{
	for(size_t i = 0; i < count; i++) {
		if(!(o->actions & 1u << choices[i].said))
			continue;
		verdict->action = choices[i].action;
		verdict->from_rule = true;
		verdict->rule = o->first[choices[i].said]->id;
		if(choices[i].action == CPM_FORWARD)
			verdict->forward_to = o->first[CPM_RULE_FORWARD]->forward_to;
		return;
	}
}

void cpm_decide(
		const struct cpm_documents *d, const struct cpm_facts *facts, struct cpm_verdict *verdict)
{
	bool deferred = facts->medium == CPM_MEDIUM_DEFERRED;
	struct cpm_outcome outcome;
	struct cpm_subject subject;

	*verdict = (struct cpm_verdict){.action = deferred ? CPM_PUSH : CPM_DELIVER};
	if(!d->ruleset.count)
		return;
	cpm_subject_init(&subject, d, facts);
	cpm_match_actions(d, &subject, &outcome);
	if(deferred)
		choose(&outcome, deferred_choices, sizeof(deferred_choices) / sizeof(deferred_choices[0]),
				verdict);
	else
		choose(&outcome, message_choices, sizeof(message_choices) / sizeof(message_choices[0]),
				verdict);
	if(outcome.actions & 1u << CPM_RULE_EXPIRED)
		verdict->expired = outcome.first[CPM_RULE_EXPIRED]->expired;
	verdict->record_history = outcome.actions & 1u << CPM_RULE_OFFLINE_STORAGE;
}

bool cpm_decide_blocked(const struct cpm_documents *d, const struct cpm_facts *facts)
{
	if(!d->blocked.count)
		return false;
	for(size_t i = 0; i < facts->originator_count && i < CPM_FACTS_ORIGINATORS; i++) {
		struct cpm_slice key = facts->originators[i].key;

		if(cpm_keyset_has(&d->blocked, key, cpm_slice_hash_here(key, d->seed)))
			return true;
	}
	return false;
}

/* The next boundary of this condition's intervals, when it is nearer than *until_ms. */
static void find_boundary(const struct cpm_condition *condition, int64_t now_ms, int64_t *until_ms)
{
	for(size_t i = 0; i < condition->count; i++) {
		const struct cpm_interval *interval = &condition->of.intervals[i];
		int64_t next = interval->from_ms > now_ms ? interval->from_ms : interval->until_ms;

		if(next > now_ms && next < *until_ms)
			*until_ms = next;
	}
}

/* The scope holds rules with do-not-disturb, and those that put them aside when they match. */
static int64_t next_boundary(const struct cpm_scope *scope, int64_t now_ms)
{
	int64_t until_ms = INT64_MAX;

	for(size_t i = 0; i < scope->count; i++)
		for(size_t j = 0; j < scope->rules[i].rule->condition_count; j++)
			if(scope->rules[i].rule->conditions[j].kind == CPM_CONDITION_VALIDITY)
				find_boundary(&scope->rules[i].rule->conditions[j], now_ms, &until_ms);
	return until_ms;
}

bool cpm_decide_dnd(const struct cpm_documents *d, const struct cpm_facts *facts,
		struct cpm_slice *rule, int64_t *until_ms)
{
	const struct cpm_scope *scope = &d->ruleset.dnd[facts->medium];
	struct cpm_outcome outcome;
	struct cpm_subject subject;
	bool on;

	if(rule)
		*rule = CPM_SLICE_NONE;
	if(until_ms)
		*until_ms = next_boundary(scope, facts->now_ms);
	if(!scope->count)
		return false;
	cpm_subject_init(&subject, d, facts);
	cpm_scope_match(scope, &subject, &outcome);
	on = outcome.actions & 1u << CPM_RULE_DND;
	if(on && rule)
		*rule = outcome.first[CPM_RULE_DND]->id;
	return on;
}

bool cpm_decide_client(
		const struct cpm_documents *d, struct cpm_slice instance, enum cpm_medium medium)
{
	instance = cpm_device_instance(instance);
	for(size_t i = 0; i < d->profile.count; i++)
		if((d->profile.devices[i].refused & 1u << medium)
				&& cpm_slice_ieq(d->profile.devices[i].instance, instance))
			return false;
	return true;
}
