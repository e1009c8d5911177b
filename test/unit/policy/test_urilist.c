/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/policy/urilist.c: who is blocked, and where links lead.
 */
#include "policy.h"

#define ALICE_URL ROOT "/resource-lists/users/sip:alice@example.org/index"
#define ENCODED ROOT "/resource-lists/users/sip%3Abob%40example.net/index"
#define MALLORY ENTRY("sip:mallory@example.net")

/* What RCS provisioning writes: only links, to lists of the same document. */
static const char rcs[] = LISTS(LIST("oma_blockedcontacts",
		EXTERNAL(LISTS_URL SELECT("rcs_blockedcontacts"))
				EXTERNAL(LISTS_URL SELECT("rcs_revokedcontacts"))) LIST("rcs_blockedcontacts",
		MALLORY) LIST("rcs_revokedcontacts", ENTRY("tel:+15550107")));

/* The companion's composed example, section 1.1. */
static const char composed[] = LISTS(LIST("oma_blockedcontacts",
		EXTERNAL(LISTS_URL SELECT("rcs_blockedcontacts")) ENTRY("tel:+15550107"))
				LIST("rcs_blockedcontacts", MALLORY));

static const struct {
	const char *name;
	const char *lists;
	const char *originators;
	bool blocked;
	size_t warnings;
} rows[] = {
		{"entry", BLOCK(MALLORY), "sip:mallory@example.net", true, 0},
		{"somebody else", BLOCK(MALLORY), "sip:alice@example.net", false, 0},
		{"nobody authenticated", BLOCK(MALLORY), "", false, 0},
		{"host without case", BLOCK(ENTRY("sip:mallory@EXAMPLE.net")), "sip:mallory@Example.NET",
				true, 0},
		{"user with case", BLOCK(MALLORY), "sip:Mallory@example.net", false, 0},
		{"port and parameters", BLOCK(ENTRY("sip:mallory@example.net:5070;transport=tcp")),
				"sip:mallory@example.net", true, 0},
		{"number with separators", BLOCK(ENTRY("tel:+1-555-0107")), "tel:+15550107", true, 0},
		{"number as sip URI", BLOCK(ENTRY("tel:+15550107")), "sip:+15550107@example.net;user=phone",
				true, 0},
		{"second identity", BLOCK(ENTRY("tel:+15550107")), "sip:mallory@example.net tel:+15550107",
				true, 0},
		{"no document's list", LISTS(LIST("friends", MALLORY)), "sip:mallory@example.net", false,
				0},
		{"name with case", LISTS(LIST("OMA_BlockedContacts", MALLORY)), "sip:mallory@example.net",
				false, 0},
		{"nested list with the name", LISTS(LIST("friends", LIST("oma_blockedcontacts", MALLORY))),
				"sip:mallory@example.net", false, 0},
		{"two lists of the name",
				LISTS(LIST("oma_blockedcontacts", ENTRY("sip:a@b"))
								LIST("oma_blockedcontacts", MALLORY)),
				"sip:mallory@example.net", true, 0},
		{"nested list", BLOCK("<list><list>" MALLORY "</list></list>"), "sip:mallory@example.net",
				true, 0},
		{"display names",
				BLOCK("<display-name>no</display-name><entry uri=\"sip:mallory@example.net\">"
					  "<display-name>M</display-name></entry>"),
				"sip:mallory@example.net", true, 0},
		{"foreign entry", BLOCK("<entry xmlns=\"urn:alien\" uri=\"sip:mallory@example.net\"/>"),
				"sip:mallory@example.net", false, 0},
		{"unreadable entry", BLOCK(ENTRY("mallory") ENTRY("mailto:m@x") "<entry/>" MALLORY),
				"sip:mallory@example.net", true, 3},
		{"rcs", rcs, "sip:mallory@example.net", true, 0},
		{"rcs revoked", rcs, "tel:+15550107", true, 0},
		{"rcs, nobody", rcs, "sip:alice@example.org", false, 0},
		{"companion 1.1, link", composed, "sip:mallory@example.net", true, 0},
		{"companion 1.1, entry", composed, "tel:+15550107", true, 0},
		{"encoded link",
				LISTS(LIST("oma_blockedcontacts", EXTERNAL(ENCODED SELECT("x")))
								LIST("x", MALLORY)),
				"sip:mallory@example.net", true, 0},
		{"link with namespace binding",
				LISTS(LIST("oma_blockedcontacts",
						EXTERNAL(LISTS_URL "/~~/rl:resource-lists/rl:list%5B@name=%22x%22%5D"
										   "?xmlns(rl=urn:ietf:params:xml:ns:resource-lists)"))
								LIST("x", MALLORY)),
				"sip:mallory@example.net", true, 0},
		{"link by the clients' name of the server",
				LISTS(LIST("oma_blockedcontacts",
						EXTERNAL("https://other.example.com/xcap/resource-lists/users/"
								 "sip:bob@example.net/index" SELECT("x"))) LIST("x", MALLORY)),
				"sip:mallory@example.net", true, 0},
		{"link to a nested list",
				LISTS(LIST("oma_blockedcontacts", EXTERNAL(LISTS_URL SELECT("x") "/list%5B1%5D"))
								LIST("x", ENTRY("sip:a@b") LIST("y", MALLORY))),
				"sip:mallory@example.net", true, 0},
		{"link with plain brackets",
				LISTS(LIST("oma_blockedcontacts",
						EXTERNAL(LISTS_URL "/~~/resource-lists/list[@name=&quot;x&quot;]"))
								LIST("x", MALLORY)),
				"sip:mallory@example.net", true, 0},
		{"link to no list",
				LISTS(LIST("oma_blockedcontacts", EXTERNAL(LISTS_URL SELECT("y")) MALLORY)),
				"sip:mallory@example.net", true, 1},
		{"link to a document", LISTS(LIST("oma_blockedcontacts", EXTERNAL(LISTS_URL))),
				"sip:mallory@example.net", false, 1},
		{"link to the root",
				LISTS(LIST("oma_blockedcontacts", EXTERNAL(LISTS_URL "/~~/resource-lists"))
								LIST("x", MALLORY)),
				"sip:mallory@example.net", false, 1},
		{"link without anchor", BLOCK("<external/>" MALLORY), "sip:mallory@example.net", true, 1},
		{"link to itself", BLOCK(EXTERNAL(LISTS_URL SELECT("oma_blockedcontacts")) MALLORY),
				"sip:mallory@example.net", true, 0},
		{"loop",
				LISTS(LIST("oma_blockedcontacts", EXTERNAL(LISTS_URL SELECT("a")))
								LIST("a", EXTERNAL(LISTS_URL SELECT("b")))
										LIST("b", EXTERNAL(LISTS_URL SELECT("a")) MALLORY)),
				"sip:mallory@example.net", true, 0},
		{"entry-ref",
				LISTS(LIST("oma_blockedcontacts",
						"<entry-ref ref=\"resource-lists/users/sip:bob@example.net/index" SELECT(
								"x") "/entry%5B@uri=%22sip:mallory@example.net%22%5D\"/>")
								LIST("x", ENTRY("sip:a@b") MALLORY)),
				"sip:mallory@example.net", true, 0},
		{"entry-ref, not the neighbour",
				LISTS(LIST("oma_blockedcontacts",
						"<entry-ref ref=\"/resource-lists/users/sip:bob@example.net/index" SELECT(
								"x") "/entry%5B1%5D\"/>") LIST("x", ENTRY("sip:a@b") MALLORY)),
				"sip:mallory@example.net", false, 0},
		{"entry-ref to a list",
				LISTS(LIST("oma_blockedcontacts",
						"<entry-ref ref=\"resource-lists/users/sip:bob@example.net/index" SELECT(
								"x") "\"/>") LIST("x", MALLORY)),
				"sip:mallory@example.net", false, 1},
		{"entry-ref to nothing", BLOCK("<entry-ref ref=\"\"/><entry-ref/>" MALLORY),
				"sip:mallory@example.net", true, 2},
		{"no lists", LISTS(""), "sip:mallory@example.net", false, 0},
};

START_TEST(blocks)
{
	struct policy p;

	policy_load(&p, rows[_i].lists, NULL, NULL);
	ck_assert_msg(
			policy_blocked(&p, rows[_i].originators) == rows[_i].blocked, "%s", rows[_i].name);
	ck_assert_msg(p.warnings == rows[_i].warnings, "%s: %zu warnings", rows[_i].name, p.warnings);
	ck_assert_msg(!p.missing.count, "%s", rows[_i].name);
	policy_free(&p);
}
END_TEST

#define TO_ALICE                      \
	LISTS(LIST("oma_blockedcontacts", \
			EXTERNAL(ALICE_URL SELECT("x")) EXTERNAL(ALICE_URL SELECT("y"))))

START_TEST(names_what_is_missing_and_takes_it)
{
	struct policy p;
	char url[512];

	policy_load(&p, TO_ALICE, NULL, NULL);
	ck_assert_uint_eq(p.missing.count, 1);
	ck_slice(p.missing.urls[0], ALICE_URL, "url");
	ck_assert_uint_eq(p.warnings, 2);
	memcpy(url, p.missing.urls[0].p, p.missing.urls[0].n);
	url[p.missing.urls[0].n] = '\0';
	policy_add(&p, url,
			LISTS(LIST("y", MALLORY)
							LIST("x", "<external anchor=\"" LISTS_URL SELECT("z") "\"/>")));
	ck_assert_int_eq(policy_compile(&p), CPM_OK);
	ck_assert_uint_eq(p.missing.count, 0);
	ck_assert_uint_eq(p.warnings, 1);
	ck_assert(policy_blocked(&p, "sip:mallory@example.net"));
	policy_free(&p);
}
END_TEST

START_TEST(a_missing_url_is_one_below_the_configured_root)
{
	static const struct {
		const char *root;
		const char *anchor;
		const char *url; /* NULL: not followed */
	} links[] = {
			{ROOT "/", "HTTPS://XCAP.example.net:443/resource-lists/users/sip%3Aa%40b/index",
					ROOT "/resource-lists/users/sip:a@b/index"},
			{"https://xcap.example.net", "http://xcap.example.net/a/sip%3ab",
					"https://xcap.example.net/a/sip:b"},
			{"file:///srv/xdm", "resource-lists/users/sip:a%2Fb@c/index",
					"file:///srv/xdm/resource-lists/users/sip:a%2Fb@c/index"},
			{ROOT "/xcap", ROOT "/xcap/a", ROOT "/xcap/a"},
			{ROOT "/xcap", ROOT "/xcaps/a", NULL},
			{ROOT "/xcap", ROOT "/other/a", NULL},
			{ROOT "/xcap", ROOT "/xcap/../a", NULL},
			{ROOT "/xcap", ROOT "/xcap", NULL},
			{ROOT, "http://evil.example/resource-lists/users/sip:a@b/index", NULL},
			{ROOT, "http://xcap.example.net.evil.example/a", NULL},
			{ROOT, "http://xcap.example.net@evil.example/a", NULL},
			{ROOT, "file:///etc/passwd", NULL},
			{"file:///srv/xdm", "file:///etc/passwd", NULL},
			{"", ROOT "/a", NULL},
			{"", "a", NULL},
	};

	for(size_t i = 0; i < UNIT_COUNT(links); i++) {
		struct policy p;
		char lists[1024];

		snprintf(lists, sizeof(lists), BLOCK(EXTERNAL("%s/~~/resource-lists/list")),
				links[i].anchor);
		policy_init(&p, lists, NULL, NULL);
		p.source.xcap_root = cpm_slice_of(links[i].root);
		ck_assert_msg(policy_compile(&p) == CPM_OK, "%s", links[i].anchor);
		ck_assert_uint_eq(p.warnings, 1);
		ck_assert_msg(p.missing.count == (links[i].url != NULL), "%s", links[i].anchor);
		if(links[i].url)
			ck_slice(p.missing.urls[0], links[i].url, links[i].anchor);
		policy_free(&p);
	}
}
END_TEST

START_TEST(a_document_that_does_not_exist_is_empty)
{
	struct policy p;

	policy_init(&p, TO_ALICE, NULL, NULL);
	policy_add(&p, ALICE_URL, NULL);
	ck_assert_int_eq(policy_compile(&p), CPM_OK);
	ck_assert_uint_eq(p.missing.count, 0);
	ck_assert_uint_eq(p.warnings, 2);
	ck_assert_uint_eq(cpm_documents_blocked_count(p.compiled), 0);
	policy_free(&p);
}
END_TEST

START_TEST(a_broken_linked_document_is_the_culprit)
{
	struct policy p;

	policy_init(&p, TO_ALICE, NULL, NULL);
	policy_add(&p, ALICE_URL, "<resource-lists>");
	ck_assert_int_eq(policy_compile(&p), CPM_SYNTAX);
	ck_assert_uint_eq(p.culprit, 3);
	ck_assert_ptr_null(p.compiled);
	policy_free(&p);
}
END_TEST

/* oma_blockedcontacts links to l1, that to l2 and so on; the last one holds Mallory. */
static void chain(char *text, size_t size, int links)
{
	int n = snprintf(text, size, "%s",
			"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\">"
			"<list name=\"oma_blockedcontacts\">");

	for(int i = 1; i <= links; i++)
		n += snprintf(text + n, size - (size_t)n,
				"<external anchor=\"" LISTS_URL
				"/~~/resource-lists/list%%5B@name=%%22l%d%%22%%5D\"/>"
				"</list><list name=\"l%d\">",
				i, i);
	snprintf(text + n, size - (size_t)n, MALLORY "</list></resource-lists>");
}

START_TEST(follows_links_to_the_limit)
{
	char text[4096];
	struct policy p;

	chain(text, sizeof(text), 5);
	policy_load(&p, text, NULL, NULL);
	ck_assert(policy_blocked(&p, "sip:mallory@example.net"));
	ck_assert_uint_eq(p.warnings, 0);
	policy_free(&p);
	chain(text, sizeof(text), 6);
	policy_load(&p, text, NULL, NULL);
	ck_assert(!policy_blocked(&p, "sip:mallory@example.net"));
	ck_assert_uint_eq(p.warnings, 1);
	policy_free(&p);
}
END_TEST

/* A list that is reached by a long way first must still be followed by the short one. */
START_TEST(the_nearest_way_counts)
{
	struct policy p;
	const char *lists = LISTS(LIST("oma_blockedcontacts",
			LIST("n", EXTERNAL(LISTS_URL SELECT("a"))) EXTERNAL(LISTS_URL SELECT("b")) LIST("m",
					EXTERNAL(LISTS_URL SELECT("c")))) LIST("a", EXTERNAL(LISTS_URL SELECT("c")))
					LIST("b", "") LIST("c", EXTERNAL(LISTS_URL SELECT("d"))) LIST("d", MALLORY));

	policy_init(&p, lists, NULL, NULL);
	p.limits.max_list_depth = 2;
	ck_assert_int_eq(policy_compile(&p), CPM_OK);
	ck_assert(policy_blocked(&p, "sip:mallory@example.net"));
	ck_assert_uint_eq(p.warnings, 0);
	policy_free(&p);
}
END_TEST

START_TEST(limits_entries)
{
	const char *lists = BLOCK(ENTRY("sip:a@x") ENTRY("sip:b@x") ENTRY("sip:b@x"));
	struct policy p;

	policy_init(&p, lists, NULL, NULL);
	p.limits.max_list_entries = 3;
	ck_assert_int_eq(policy_compile(&p), CPM_OK);
	ck_assert_uint_eq(cpm_documents_blocked_count(p.compiled), 2);
	p.limits.max_list_entries = 2;
	ck_assert_int_eq(policy_compile(&p), CPM_LIMIT);
	ck_assert_uint_eq(p.culprit, 0);
	policy_free(&p);
}
END_TEST

START_TEST(limits_linked_documents)
{
	const char *lists = BLOCK(EXTERNAL("a/~~/resource-lists/list")
					EXTERNAL("b/~~/resource-lists/list") EXTERNAL("a/~~/resource-lists/list"));
	struct policy p;

	policy_init(&p, lists, NULL, NULL);
	p.limits.max_linked_documents = 2;
	ck_assert_int_eq(policy_compile(&p), CPM_OK);
	ck_assert_uint_eq(p.missing.count, 2);
	p.limits.max_linked_documents = 1;
	ck_assert_int_eq(policy_compile(&p), CPM_LIMIT);
	policy_add(&p, ROOT "/a", NULL);
	policy_add(&p, ROOT "/b", NULL);
	ck_assert_int_eq(policy_compile(&p), CPM_LIMIT);
	policy_free(&p);
}
END_TEST

/* Thousands of links into a long list cost a square: the work is bounded, not only the sizes. */
START_TEST(limits_the_work_of_links)
{
	enum { COUNT = 3000 };
	size_t size = 1u << 20, n = 0;
	char *text = malloc(size);
	struct policy p;

	n += (size_t)snprintf(text, size, "%s",
			"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\">"
			"<list name=\"oma_blockedcontacts\">");
	for(int i = 0; i < COUNT; i++)
		n += (size_t)snprintf(text + n, size - n,
				"<entry-ref ref=\"resource-lists/users/sip:bob@example.net/index"
				"/~~/resource-lists/list%%5B2%%5D/entry%%5B%d%%5D\"/>",
				COUNT);
	n += (size_t)snprintf(text + n, size - n, "</list><list name=\"x\">");
	for(int i = 0; i < COUNT; i++)
		n += (size_t)snprintf(text + n, size - n, "<entry uri=\"sip:u%d@x\"/>", i);
	snprintf(text + n, size - n, "</list></resource-lists>");
	policy_init(&p, text, NULL, NULL);
	p.limits.max_xml_elements = 10000;
	ck_assert_int_eq(policy_compile(&p), CPM_LIMIT);
	ck_assert_str_eq(p.diag.reason, "links take too long to follow");
	policy_free(&p);
	free(text);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("urilist");

	tcase_add_loop_test(t, blocks, 0, UNIT_COUNT(rows));
	tcase_add_test(t, names_what_is_missing_and_takes_it);
	tcase_add_test(t, a_missing_url_is_one_below_the_configured_root);
	tcase_add_test(t, a_document_that_does_not_exist_is_empty);
	tcase_add_test(t, a_broken_linked_document_is_the_culprit);
	tcase_add_test(t, follows_links_to_the_limit);
	tcase_add_test(t, the_nearest_way_counts);
	tcase_add_test(t, limits_entries);
	tcase_add_test(t, limits_linked_documents);
	tcase_add_test(t, limits_the_work_of_links);
	return unit_run("policy/urilist", t);
}
