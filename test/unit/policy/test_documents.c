/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/policy/documents.c: whole compilations, what they refuse, and
 * memory that ends.
 */
#include "policy.h"

#include "core/policy/compile.h"

#define ALICE "sip:alice@example.org"
#define ALICE_URL ROOT "/resource-lists/users/" ALICE "/index"
#define MALLORY "sip:mallory@example.net"

static const char lists[] = LISTS(LIST("oma_blockedcontacts",
		EXTERNAL(LISTS_URL SELECT("more"))
				EXTERNAL(ALICE_URL SELECT("hers")) "<entry-ref ref=\"resource-lists/users/" ALICE
												   "/index/~~/resource-lists/list/entry\"/>" LIST(
														   "nested", ENTRY("tel:+15550107")))
				LIST("more", ENTRY(MALLORY)) LIST("friends", ENTRY("sip:f@x")));
static const char hers[] = LISTS(LIST("hers", ENTRY("sip:eve@example.com")));
static const char rules[] = RULES(RULE("i",
		PAGER IDENTITY(
				"<cp:one id=\"" ALICE "\"/><cp:many domain=\"a.net\"/>"
				"<cp:many><cp:except domain=\"b.net\"/><cp:except id=\"sip:c@d\"/></cp:many>")
				VALID("2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z"),
		FORWARD("sip:a@b")) RULE("l", PAGER EXTERNAL_LIST("friends"), DO("allow-defer"))
				RULE("m", PAGER EXTERNAL_LIST("friends"), DO("allow-store"))
						RULE("o", PAGER OTHER, DO("allow-do-not-disturb")));
static const char profile[] =
		UPP("<profile active=\"true\"><device instance=\"urn:x:1\">"
			"<deliver media=\"pager-mode-message\">false</deliver></device></profile>");

static void init_full(struct policy *p)
{
	policy_init(p, lists, rules, profile);
	policy_add(p, ALICE_URL, hers);
}

static void check_full(const struct policy *p)
{
	struct policy_request r;
	struct cpm_verdict v;

	ck_assert_uint_eq(p->warnings, 0);
	ck_assert_uint_eq(p->missing.count, 0);
	ck_assert_uint_eq(cpm_documents_blocked_count(p->compiled), 3);
	ck_assert_uint_eq(cpm_documents_rule_count(p->compiled), 4);
	ck_assert(policy_blocked(p, MALLORY));
	ck_assert(policy_blocked(p, "sip:eve@example.com"));
	ck_assert(policy_blocked(p, "tel:+15550107"));
	ck_assert(!policy_blocked(p, ALICE));
	policy_request(&r, ALICE, CPM_MEDIUM_PAGER, INT64_C(1893535200000));
	cpm_decide(p->compiled, &r.facts, &v);
	ck_assert_int_eq(v.action, CPM_FORWARD);
	ck_slice(v.forward_to, "sip:a@b", "target");
	ck_assert(!cpm_decide_client(p->compiled, CPM_SLICE("<urn:x:1>"), CPM_MEDIUM_PAGER));
}

START_TEST(compiles_all)
{
	struct policy p;

	init_full(&p);
	ck_assert_int_eq(policy_compile(&p), CPM_OK);
	check_full(&p);
	policy_free(&p);
}
END_TEST

/* The result borrows from nothing but the arena. */
START_TEST(outlives_its_source)
{
	struct policy p;
	char *copies[4];

	init_full(&p);
	for(size_t i = 0; i < p.source.count; i++) {
		copies[i] = strndup(p.documents[i].body.p, p.documents[i].body.n);
		p.documents[i].body.p = copies[i];
	}
	ck_assert_int_eq(policy_compile(&p), CPM_OK);
	for(size_t i = 0; i < p.source.count; i++) {
		memset(copies[i], 'x', p.documents[i].body.n);
		free(copies[i]);
	}
	memset(p.documents, 0, sizeof(p.documents));
	check_full(&p);
	policy_free(&p);
}
END_TEST

START_TEST(documents_are_found_by_any_spelling_of_their_urls)
{
	struct policy p;

	init_full(&p);
	p.documents[0].url = CPM_SLICE(ROOT "/resource-lists/users/sip%3Abob%40example.net/index");
	p.documents[3].url = CPM_SLICE(
			"https://XCAP.example.net/resource-lists/users/sip%3aalice@example.org/index");
	ck_assert_int_eq(policy_compile(&p), CPM_OK);
	check_full(&p);
	policy_free(&p);
}
END_TEST

START_TEST(no_document_is_no_preference)
{
	struct policy absent, empty;
	const struct cpm_documents *all[3];

	policy_load(&absent, NULL, NULL, NULL);
	policy_init(&empty, NULL, NULL, NULL);
	empty.source.count = 0;
	ck_assert_int_eq(policy_compile(&empty), CPM_OK);
	all[0] = &cpm_documents_none;
	all[1] = absent.compiled;
	all[2] = empty.compiled;
	for(size_t i = 0; i < UNIT_COUNT(all); i++)
		for(int medium = CPM_MEDIUM_PAGER; medium < CPM_MEDIUM_COUNT; medium++) {
			struct policy_request r;
			struct cpm_verdict v;
			struct cpm_slice rule;
			int64_t until_ms;

			policy_request(&r, MALLORY, (enum cpm_medium)medium, 0);
			ck_assert(!cpm_decide_blocked(all[i], &r.facts));
			cpm_decide(all[i], &r.facts, &v);
			ck_assert_int_eq(v.action, medium == CPM_MEDIUM_DEFERRED ? CPM_PUSH : CPM_DELIVER);
			ck_assert(!v.from_rule && !v.rule.n && !v.forward_to.n && !v.expired
					  && !v.record_history);
			ck_assert(!cpm_decide_dnd(all[i], &r.facts, &rule, &until_ms));
			ck_assert(!rule.n && until_ms == INT64_MAX);
			ck_assert(cpm_decide_client(all[i], CPM_SLICE("urn:x:1"), (enum cpm_medium)medium));
			ck_assert_uint_eq(cpm_documents_blocked_count(all[i]), 0);
			ck_assert_uint_eq(cpm_documents_rule_count(all[i]), 0);
		}
	policy_free(&absent);
	policy_free(&empty);
}
END_TEST

#define BOMB                                                              \
	"<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">" \
	"<!ENTITY c \"&b;&b;&b;&b;\">]><x>&c;</x>"

static const struct {
	const char *name;
	const char *text;
	enum cpm_rc rc;
} bad[] = {
		{"empty", "", CPM_SYNTAX},
		{"no XML", "hello", CPM_SYNTAX},
		{"not ended", "<a>", CPM_SYNTAX},
		{"another document", "<a/>", CPM_SYNTAX},
		{"right name, no namespace", "<resource-lists/>", CPM_SYNTAX},
		{"right name, no namespace", "<ruleset/>", CPM_SYNTAX},
		{"right name, no namespace", "<upp-directory/>", CPM_SYNTAX},
		{"DTD", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", CPM_UNSUPPORTED},
		{"entity bomb", BOMB, CPM_UNSUPPORTED},
};

START_TEST(names_the_culprit)
{
	for(size_t i = 0; i < 3; i++) {
		struct policy p;

		init_full(&p);
		p.documents[i].body = unit_guard(cpm_slice_of(bad[_i].text));
		ck_assert_msg(policy_compile(&p) == bad[_i].rc, "%s", bad[_i].name);
		ck_assert_msg(p.culprit == i, "%s: %zu", bad[_i].name, p.culprit);
		ck_assert_ptr_nonnull(p.diag.reason);
		ck_assert_ptr_null(p.compiled);
		policy_free(&p);
	}
}
END_TEST

/* An answer is wanted for every beginning of a document, and memory checkers watch. */
START_TEST(takes_truncated_documents)
{
	for(size_t i = 0; i < 3; i++) {
		struct policy p;
		struct cpm_slice whole;

		init_full(&p);
		whole = p.documents[i].body;
		for(size_t n = 0; n < whole.n; n++) {
			p.documents[i].body = unit_guard(cpm_slice_head(whole, n));
			ck_assert_msg(policy_compile(&p) == CPM_SYNTAX, "document %zu, %zu bytes", i, n);
			policy_free(&p);
		}
	}
}
END_TEST

START_TEST(limits_rules_and_conditions)
{
	struct policy p;

	init_full(&p);
	p.limits.max_rules = 4;
	p.limits.max_conditions = 8;
	ck_assert_int_eq(policy_compile(&p), CPM_OK);
	p.limits.max_rules = 3;
	ck_assert_int_eq(policy_compile(&p), CPM_LIMIT);
	ck_assert_uint_eq(p.culprit, 1);
	p.limits.max_rules = 4;
	p.limits.max_conditions = 7;
	ck_assert_int_eq(policy_compile(&p), CPM_LIMIT);
	ck_assert_uint_eq(p.culprit, 1);
	policy_free(&p);
}
END_TEST

static char *many_entries(size_t count, size_t *size)
{
	size_t room = count * 40 + 1024;
	char *text = malloc(room);
	size_t n = (size_t)snprintf(text, room, "%s",
			"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\">"
			"<list name=\"oma_blockedcontacts\">");

	for(size_t i = 0; i < count; i++)
		n += (size_t)snprintf(text + n, room - n, "<entry uri=\"sip:u%zu@b\"/>", i);
	n += (size_t)snprintf(text + n, room - n, "%s", "</list></resource-lists>");
	*size = n;
	return text;
}

START_TEST(takes_100000_entries)
{
	size_t size;
	char *text = many_entries(100000, &size);
	struct policy p;

	policy_init(&p, "", NULL, NULL);
	p.documents[0].body = (struct cpm_slice){text, size};
	ck_assert_int_eq(policy_compile(&p), CPM_OK);
	ck_assert_uint_eq(cpm_documents_blocked_count(p.compiled), 100000);
	for(int i = 0; i < 110000; i += 7) {
		char uri[32];

		snprintf(uri, sizeof(uri), "sip:u%d@b", i);
		ck_assert_msg(policy_blocked(&p, uri) == (i < 100000), "%s", uri);
	}
	policy_free(&p);
	free(text);
}
END_TEST

START_TEST(refuses_1000000_entries)
{
	static const struct {
		size_t bytes, elements;
		const char *reason;
	} limits[] = {{0, 0, "document too large"}, {(size_t)1 << 30, 0, "too many elements"},
			{(size_t)1 << 30, 2000000, "too many list entries"}};
	size_t size;
	char *text = many_entries(1000000, &size);

	for(size_t i = 0; i < UNIT_COUNT(limits); i++) {
		struct policy p;

		policy_init(&p, "", NULL, NULL);
		p.documents[0].body = (struct cpm_slice){text, size};
		if(limits[i].bytes)
			p.limits.max_document_bytes = limits[i].bytes;
		if(limits[i].elements)
			p.limits.max_xml_elements = limits[i].elements;
		ck_assert_int_eq(policy_compile(&p), CPM_LIMIT);
		ck_assert_str_eq(p.diag.reason, limits[i].reason);
		ck_assert_uint_eq(p.culprit, 0);
		policy_free(&p);
	}
	free(text);
}
END_TEST

/* Each step of either memory fails once: no memory is the answer, and nothing leaks. */
static enum cpm_rc compile_with(
		struct policy *p, struct unit_memory *result, struct unit_memory *scratch)
{
	enum cpm_rc rc;

	cpm_arena_init(&p->arena, &result->allocator, (size_t)64 << 20);
	rc = cpm_documents_compile_with(&scratch->allocator, &p->source, &p->limits, &p->arena,
			&p->compiled, &p->missing, &p->warnings, &p->culprit, &p->diag);
	ck_assert_uint_eq(scratch->live, 0);
	if(rc) {
		ck_assert_int_eq(rc, CPM_NOMEM);
		ck_assert_ptr_null(p->compiled);
	} else {
		check_full(p);
	}
	policy_free(p);
	ck_assert_uint_eq(result->live, 0);
	return rc;
}

START_TEST(says_when_memory_ends)
{
	for(int which = 0; which < 2; which++) {
		size_t n = 0;
		enum cpm_rc rc;

		do {
			struct unit_memory result, scratch;
			struct policy p;

			init_full(&p);
			p.source.documents = p.documents;
			unit_memory_init(&result, which ? SIZE_MAX : n);
			unit_memory_init(&scratch, which ? n : SIZE_MAX);
			rc = compile_with(&p, &result, &scratch);
		} while(rc && ++n < 100);
		ck_assert_int_eq(rc, CPM_OK);
		ck_assert_uint_gt(n, 0);
	}
}
END_TEST

/* The arena fails in chunks; with a maximum it also fails at every object. */
START_TEST(says_when_the_arena_ends)
{
	enum cpm_rc rc = CPM_NOMEM;
	size_t max;

	for(max = 0; rc && max < 65536; max += 16) {
		struct policy p;

		init_full(&p);
		cpm_arena_init(&p.arena, &cpm_allocator_libc, max);
		rc = policy_compile(&p);
		ck_assert_msg(rc == CPM_NOMEM || rc == CPM_OK, "%zu bytes: %s", max, cpm_rc_name(rc));
		policy_free(&p);
	}
	ck_assert_int_eq(rc, CPM_OK);
	for(rc = CPM_NOMEM, max = 0; rc && max < 65536; max += 16) {
		struct policy p;

		init_full(&p);
		p.limits.max_document_memory = max;
		rc = policy_compile(&p);
		ck_assert_msg(rc == CPM_NOMEM || rc == CPM_OK, "%zu bytes: %s", max, cpm_rc_name(rc));
		policy_free(&p);
	}
	ck_assert_int_eq(rc, CPM_OK);
}
END_TEST

START_TEST(what_is_not_asked_is_not_told)
{
	struct policy p;

	policy_init(&p, BLOCK(EXTERNAL("a/~~/b") EXTERNAL("a")), NULL, NULL);
	ck_assert_int_eq(cpm_documents_compile(
							 &p.source, &p.limits, &p.arena, &p.compiled, NULL, NULL, NULL, NULL),
			CPM_OK);
	p.documents[0].body = CPM_SLICE("<a>");
	ck_assert_int_eq(cpm_documents_compile(
							 &p.source, &p.limits, &p.arena, &p.compiled, NULL, NULL, NULL, NULL),
			CPM_SYNTAX);
	policy_free(&p);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("documents");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, compiles_all);
	tcase_add_test(t, outlives_its_source);
	tcase_add_test(t, documents_are_found_by_any_spelling_of_their_urls);
	tcase_add_test(t, no_document_is_no_preference);
	tcase_add_loop_test(t, names_the_culprit, 0, UNIT_COUNT(bad));
	tcase_add_test(t, takes_truncated_documents);
	tcase_add_test(t, limits_rules_and_conditions);
	tcase_add_test(t, takes_100000_entries);
	tcase_add_test(t, refuses_1000000_entries);
	tcase_add_test(t, says_when_memory_ends);
	tcase_add_test(t, says_when_the_arena_ends);
	tcase_add_test(t, what_is_not_asked_is_not_told);
	return unit_run("policy/documents", t);
}
