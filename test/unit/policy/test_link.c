/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/policy/link.c.
 */
#include "policy.h"

#include "core/policy/link.h"

#define CANONICAL "http://xcap.example.net/resource-lists/users/sip:bob@example.net/index"

static const struct {
	const char *name;
	const char *text;
	const char *document; /* NULL: refused */
	const char *selector;
} links[] = {
		{"as it is", CANONICAL, CANONICAL, ""},
		{"encoded XUI",
				"http://xcap.example.net/resource-lists/users/sip%3Abob%40example.net/index",
				CANONICAL, ""},
		{"lower-case escape",
				"http://xcap.example.net/resource-lists/users/sip%3abob@example.net/index",
				CANONICAL, ""},
		{"https", "https://xcap.example.net:443/resource-lists/users/sip:bob@example.net/index",
				CANONICAL, ""},
		{"host in capitals, port",
				"HTTP://XCAP.Example.Net:80/resource-lists/users/sip:bob@example.net/index",
				CANONICAL, ""},
		{"other port", "http://xcap.example.net:8080/a", "http://xcap.example.net:8080/a", ""},
		{"relative", "resource-lists/users/sip:bob@example.net/index", CANONICAL, ""},
		{"relative with slash", "/resource-lists/users/sip:bob@example.net/index", CANONICAL, ""},
		{"relative with a colon", "a/b://c", ROOT "/a/b:/c", ""},
		{"empty segments", ROOT "//a///b//", ROOT "/a/b", ""},
		{"query", CANONICAL "?xmlns(a=b)", CANONICAL, ""},
		{"fragment", CANONICAL "#x", CANONICAL, ""},
		{"blanks around", "  " CANONICAL "\n", CANONICAL, ""},
		{"encoded slash stays", ROOT "/a%2Fb", ROOT "/a%2Fb", ""},
		{"question mark stays", ROOT "/a%3Fb", ROOT "/a%3Fb", ""},
		{"file", "file:///srv/xdm/a", "file:///srv/xdm/a", ""},
		{"file on localhost", "file://localhost/srv/xdm/a", "file:///srv/xdm/a", ""},
		{"selector", CANONICAL SELECT("x"), CANONICAL, "resource-lists/list[@name=\"x\"]"},
		{"encoded tildes", CANONICAL "/%7e%7E/resource-lists", CANONICAL, "resource-lists"},
		{"selector with query", CANONICAL "/~~/resource-lists?xmlns(a=b)", CANONICAL,
				"resource-lists"},
		{"climbs", ROOT "/a/../b", NULL, NULL},
		{"climbs encoded", ROOT "/a/%2e%2E/b", NULL, NULL},
		{"climbs behind an encoded slash", ROOT "/a%2F..%2Fb", NULL, NULL},
		{"stays", ROOT "/./a", NULL, NULL},
		{"backslash", ROOT "/a%5C..%5Cb", NULL, NULL},
		{"NUL", ROOT "/a%00b", NULL, NULL},
		{"newline", ROOT "/a%0Ab", NULL, NULL},
		{"empty", "", NULL, NULL},
		{"only a query", "?a", NULL, NULL},
};

START_TEST(reads_links)
{
	struct cpm_arena arena;
	struct cpm_link link;
	enum cpm_rc rc;

	cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
	rc = cpm_link_parse(unit_guard(cpm_slice_of(links[_i].text)),
			CPM_SLICE("http://xcap.example.net"), &arena, &link);
	ck_assert_msg(rc == (links[_i].document ? CPM_OK : CPM_SYNTAX), "%s", links[_i].name);
	if(!rc) {
		ck_slice(link.document, links[_i].document, links[_i].name);
		ck_slice(link.selector, links[_i].selector, links[_i].name);
	}
	cpm_arena_free(&arena);
}
END_TEST

START_TEST(limits_links)
{
	static char text[5000];
	struct cpm_arena arena;
	struct cpm_link link;

	memset(text, 'a', sizeof(text));
	cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
	ck_assert_int_eq(
			cpm_link_parse((struct cpm_slice){text, 4096}, CPM_SLICE("http://x"), &arena, &link),
			CPM_OK);
	ck_assert_int_eq(
			cpm_link_parse((struct cpm_slice){text, 4097}, CPM_SLICE("http://x"), &arena, &link),
			CPM_SYNTAX);
	ck_assert_int_eq(cpm_link_parse(CPM_SLICE("a"), CPM_SLICE_NONE, &arena, &link), CPM_SYNTAX);
	cpm_arena_free(&arena);
	cpm_arena_init(&arena, &cpm_allocator_libc, 0);
	ck_assert_int_eq(
			cpm_link_parse(CPM_SLICE("a"), CPM_SLICE("http://x"), &arena, &link), CPM_NOMEM);
}
END_TEST

static const char tree_text[] =
		"<r xmlns=\"urn:r\" xmlns:q=\"urn:q\"><list name=\"a\" id=\"1\"/><other/>"
		"<list name=\"b\" id=\"2\"><list name=\"c\" id=\"3\"><entry uri=\"sip:x@y\" id=\"4\"/>"
		"</list></list><q:list q:name=\"d\" id=\"5\"/><list name=\"a/b]&amp;\" id=\"6\"/></r>";

static const struct {
	const char *selector;
	const char *id; /* NULL: nothing */
} selectors[] = {
		{"r/list", "1"},
		{"r/list[1]", "1"},
		{"r/list[2]", "2"},
		{"r/list[5]", NULL},
		{"r/list[0]", NULL},
		{"r/*[3]", "2"},
		{"r/list[@name=\"b\"]", "2"},
		{"r/list[@name='b']", "2"},
		{"r/list[ @name = \"b\"]", "2"},
		{"p:r/p:list[@p:name=\"b\"]", "2"},
		{"r/list[@name=\"d\"]", "5"},
		{"r/list[2][@name=\"b\"]", "2"},
		{"r/list[1][@name=\"b\"]", NULL},
		{"r/list[@name=\"b\"][1]", "2"},
		{"r/list[@name=\"b\"][2]", NULL},
		{"r/list[@name=\"b\"]/list", "3"},
		{"r/list[@name=\"b\"]/list[@name=\"c\"]/entry[@uri=\"sip:x@y\"]", "4"},
		{"r/list/list", NULL},
		{"r/list[@name=\"a/b]&amp;\"]", "6"},
		{"r/list[@name=\"a/b]&\"]", "6"},
		{"x/list", NULL},
		{"r/list[@name=\"b\"", NULL},
		{"r/list[@name=\"b]", NULL},
		{"r/list[@name=b]", NULL},
		{"r/list[@=\"b\"]", NULL},
		{"r/list[", NULL},
		{"r/list]", NULL},
		{"r//list", NULL},
		{"r/list/", NULL},
		{"r/list[1]x", NULL},
		{"r/list[1][1][1][1]", "1"},
		{"r/list[1][1][1][1][1]", NULL},
		{"/r", NULL},
		{"", NULL},
};

static xmlDocPtr parse_tree(void)
{
	static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;
	xmlDocPtr tree;

	ck_assert_int_eq(cpm_xml_parse(CPM_SLICE(tree_text), &limits, &tree, NULL), CPM_OK);
	return tree;
}

START_TEST(follows_selectors)
{
	struct cpm_slice selector = unit_guard(cpm_slice_of(selectors[_i].selector));
	struct cpm_slice id = CPM_SLICE_NONE;
	xmlDocPtr tree = parse_tree();
	size_t budget = 1000;
	xmlNode *node = cpm_link_select(tree, selector, &budget);

	ck_assert_msg(!node == !selectors[_i].id, "%s", selectors[_i].selector);
	if(node) {
		cpm_xml_attribute(node, "id", &id);
		ck_slice(id, selectors[_i].id, selectors[_i].selector);
	}
	xmlFreeDoc(tree);
}
END_TEST

START_TEST(keeps_to_the_budget)
{
	xmlDocPtr tree = parse_tree();
	size_t budget = 3;

	ck_assert_ptr_null(cpm_link_select(tree, CPM_SLICE("r/list[@name=\"d\"]"), &budget));
	ck_assert_uint_eq(budget, 0);
	xmlFreeDoc(tree);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("link");

	tcase_add_loop_test(t, reads_links, 0, UNIT_COUNT(links));
	tcase_add_test(t, limits_links);
	tcase_add_loop_test(t, follows_selectors, 0, UNIT_COUNT(selectors));
	tcase_add_test(t, keeps_to_the_budget);
	return unit_run("policy/link", t);
}
