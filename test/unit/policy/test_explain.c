/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/policy/explain.c.
 */
#include "policy.h"

#define NOW INT64_C(1893535200000) /* 2030-01-01T22:00:00Z */

static const char rules[] = RULES(RULE("boss", PAGER ONE("sip:boss@example.org"),
		DO("allow-store")) RULE("colleagues", PAGER IDENTITY("<cp:many domain=\"example.org\"/>"),
		DO("allow-defer")) RULE("friends", PAGER EXTERNAL_LIST("friends"),
		DO("allow-store")) RULE("others", PAGER OTHER, DO("allow-reject-invite")) RULE("anonymous",
		PAGER ANONYMOUS, DO("allow-reject-invite")) RULE("past",
		PAGER VALID("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
		DO("allow-store")) RULE("home", PAGER "<cp:sphere value=\"home\"/>",
		DO("allow-store")) RULE("moon", PAGER "<alien:moon/>", DO("allow-store")) RULE("poc",
		"<oxe:service-list><oxe:service enabler=\"PoC\"/></oxe:service-list>",
		"") RULE("any", "", DO("allow-store")) RULE("deferred", DEFERRED, DO("allow-pull"))
				RULE("plain", PAGER, "<oxe:allow-offline-storage allow=\"true\"/>")
						RULE("empty&#10;rule", PAGER, "")
								RULE("quiet", SERVICE, DO("allow-do-not-disturb")) "<cp:rule/>");

static const char lists[] = LISTS(LIST("oma_blockedcontacts", ENTRY("sip:mallory@example.net"))
				LIST("friends", ENTRY("sip:alice@example.org")));

static const struct {
	const char *name;
	const char *originators;
	enum cpm_medium medium;
	bool anonymous;
	const char *text;
} rows[] = {
		{"colleague", "sip:alice@example.org", CPM_MEDIUM_PAGER, false,
				"blocked: no\n"
				"rule boss: identity does not match\n"
				"rule colleagues: matched, allow-defer\n"
				"rule friends: set aside, a rule matched by identity\n"
				"rule others: set aside, a rule matched by identity\n"
				"rule anonymous: the request is not anonymous\n"
				"rule past: not valid now\n"
				"rule home: the condition sphere is not supported\n"
				"rule moon: a condition is not understood\n"
				"rule poc: service does not match\n"
				"rule any: no service list\n"
				"rule deferred: media does not match\n"
				"rule plain: matched, allow-offline-storage\n"
				"rule empty?rule: matched, no action\n"
				"rule quiet: matched, allow-do-not-disturb\n"
				"rule (without id): no service list\n"
				"do-not-disturb: on by quiet\n"
				"verdict: defer by colleagues\n"},
		{"blocked, large", "sip:mallory@example.net", CPM_MEDIUM_LARGE, false,
				"blocked: yes\n"
				"large: no rule for large messages acts, those for pager mode do\n"
				"rule boss: identity does not match\n"
				"rule colleagues: identity does not match\n"
				"rule friends: external-list does not match\n"
				"rule others: matched, allow-reject-invite\n"
				"rule anonymous: the request is not anonymous\n"
				"rule past: not valid now\n"
				"rule home: the condition sphere is not supported\n"
				"rule moon: a condition is not understood\n"
				"rule poc: service does not match\n"
				"rule any: no service list\n"
				"rule deferred: media does not match\n"
				"rule plain: matched, allow-offline-storage\n"
				"rule empty?rule: matched, no action\n"
				"rule quiet: matched, allow-do-not-disturb\n"
				"rule (without id): no service list\n"
				"do-not-disturb: on by quiet\n"
				"verdict: reject by others\n"},
		{"session", "sip:alice@example.org", CPM_MEDIUM_SESSION, true,
				"blocked: no\n"
				"rule boss: media does not match\n"
				"rule colleagues: media does not match\n"
				"rule friends: media does not match\n"
				"rule others: media does not match\n"
				"rule anonymous: media does not match\n"
				"rule past: media does not match\n"
				"rule home: the condition sphere is not supported\n"
				"rule moon: a condition is not understood\n"
				"rule poc: service does not match\n"
				"rule any: no service list\n"
				"rule deferred: media does not match\n"
				"rule plain: media does not match\n"
				"rule empty?rule: media does not match\n"
				"rule quiet: matched, allow-do-not-disturb\n"
				"rule (without id): no service list\n"
				"do-not-disturb: on by quiet\n"
				"verdict: deliver by default\n"},
};

START_TEST(explains)
{
	struct policy_request r;
	struct cpm_buf out;
	struct policy p;

	policy_load(&p, lists, rules, NULL);
	policy_request(&r, rows[_i].originators, rows[_i].medium, NOW);
	r.facts.anonymous = rows[_i].anonymous;
	cpm_buf_init(&out, 65536);
	cpm_decide_explain(p.compiled, &r.facts, &out);
	ck_assert_int_eq(out.rc, CPM_OK);
	ck_slice(cpm_buf_slice(&out), rows[_i].text, rows[_i].name);
	cpm_buf_free(&out);
	policy_free(&p);
}
END_TEST

START_TEST(explains_nothing)
{
	struct policy_request r;
	struct cpm_buf out;

	policy_request(&r, "", CPM_MEDIUM_DEFERRED, NOW);
	cpm_buf_init(&out, 4096);
	cpm_decide_explain(&cpm_documents_none, &r.facts, &out);
	ck_slice(cpm_buf_slice(&out), "blocked: no\ndo-not-disturb: off\nverdict: push by default\n",
			"none");
	cpm_buf_free(&out);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("explain");

	tcase_add_loop_test(t, explains, 0, UNIT_COUNT(rows));
	tcase_add_test(t, explains_nothing);
	return unit_run("policy/explain", t);
}
