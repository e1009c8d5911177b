/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The compiled form of a user's documents: what the parsers write and decide
 * reads. Plain read-only memory of one arena, without XML. Internal to
 * core/policy.
 */
#ifndef CPM_COMPILED_H
#define CPM_COMPILED_H

#include "decide.h"
#include "keyset.h"

/* What the actions of a rule can say, as bits of cpm_rule.actions. */
enum cpm_rule_action {
	CPM_RULE_REJECT,
	CPM_RULE_INTERWORK,         /* group A: to the ISF only */
	CPM_RULE_DELIVER_INTERWORK, /* group B: to the ISF and to the clients */
	CPM_RULE_STORE,
	CPM_RULE_FORWARD,
	CPM_RULE_DEFER,
	CPM_RULE_DND,
	CPM_RULE_PUSH,
	CPM_RULE_PULL,
	CPM_RULE_OFFLINE_STORAGE,
	CPM_RULE_EXPIRED,     /* the rule has a value in expired */
	CPM_RULE_NAMES_LARGE, /* acts, and its media list names large messages: see cpm_match_actions */
	CPM_RULE_ACTION_COUNT,
};

/* The element's name, for explanations; NULL for those that are none. */
extern const char *const cpm_rule_action_names[CPM_RULE_ACTION_COUNT];

/* A <many> with <except> children, or without a domain. */
struct cpm_many {
	struct cpm_slice domain;    /* lower case; empty: any authenticated identity */
	struct cpm_keyset excepted; /* canonical URIs and domains */
};

struct cpm_identity {
	struct cpm_keyset members; /* canonical URIs of <one>, domains of plain <many> */
	const struct cpm_many *many;
	size_t many_count;
};

struct cpm_interval {
	int64_t from_ms;
	int64_t until_ms; /* the first moment outside */
};

enum cpm_condition_kind {
	CPM_CONDITION_IDENTITY,
	CPM_CONDITION_EXTERNAL_LIST,
	CPM_CONDITION_OTHER_IDENTITY,
	CPM_CONDITION_ANONYMOUS,
	CPM_CONDITION_VALIDITY,
};

/* Service and media lists are no conditions here: they place a rule into scopes at compile time. */
struct cpm_condition {
	enum cpm_condition_kind kind;
	size_t count;
	union {
		const struct cpm_identity *identity;
		const struct cpm_keyset *const *lists;
		const struct cpm_interval *intervals;
	} of;
};

/* How the originator is meant; a rule that matches by a higher one puts those of the lower ones
 * aside, but never those of CPM_CLASS_ANY. */
enum cpm_rule_class {
	CPM_CLASS_ANY,
	CPM_CLASS_OTHER,
	CPM_CLASS_EXTERNAL,
	CPM_CLASS_IDENTITY,
	CPM_CLASS_COUNT,
};

/* Bits of cpm_rule.media: 1 << enum cpm_medium, and this one: large messages where nothing but the
 * rule for pager mode speaks of them. */
#define CPM_MEDIA_LARGE_AS_PAGER (1u << CPM_MEDIUM_COUNT)

struct cpm_rule {
	uint64_t signature; /* of an identity condition: without a common bit no match; or all ones */
	const struct cpm_condition *conditions;
	size_t condition_count;
	unsigned actions;
	enum cpm_rule_class class;
	enum cpm_expired expired;
	struct cpm_slice id;
	struct cpm_slice forward_to;
	const char *never; /* why the rule cannot match at all; NULL when it can */
	unsigned media;    /* covered */
	unsigned named;    /* of these, by name and not by all-media-except */
	bool has_media_list;
	bool has_service_list;
	bool covers_cpm;
};

/* A rule and its signature: most rules do not match, and are not touched then. */
struct cpm_scope_rule {
	uint64_t signature;
	const struct cpm_rule *rule;
};

/* The rules that one kind of question is about, in document order. */
struct cpm_scope {
	uint64_t signature; /* of all of them: without a common bit none matches */
	const struct cpm_scope_rule *rules;
	size_t count;
};

struct cpm_ruleset {
	const struct cpm_rule *rules;
	size_t count;
	struct cpm_scope actions[CPM_MEDIUM_COUNT];
	struct cpm_scope large_as_pager;
	struct cpm_scope dnd[CPM_MEDIUM_COUNT]; /* only what do-not-disturb depends on */
};

struct cpm_device {
	struct cpm_slice instance; /* without quotes and <> */
	unsigned refused;          /* 1 << enum cpm_medium */
};

/* The active profile only. */
struct cpm_profile {
	const struct cpm_device *devices;
	size_t count;
};

struct cpm_documents {
	uint64_t seed; /* of all key sets */
	struct cpm_keyset blocked;
	struct cpm_ruleset ruleset;
	struct cpm_profile profile;
};

/* The +sip.instance value without quotes, <> and blanks around it; compare it without case. */
struct cpm_slice cpm_device_instance(struct cpm_slice value);

#endif
