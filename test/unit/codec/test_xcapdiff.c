/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/xcapdiff.c.
 */
#include "unit.h"

#include <libxml/parser.h>

#include "core/codec/xcapdiff.h"

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

static const struct cpm_slice auids[] = {
		CPM_SLICE("resource-lists"), CPM_SLICE("org.openmobilealliance.access-rules")};

#define DIFF(content)                                       \
	"<xcap-diff xmlns=\"urn:ietf:params:xml:ns:xcap-diff\"" \
	" xcap-root=\"http://xcap.example.net:8080/root/\">" content "</xcap-diff>"

static const char notification[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" DIFF(
		"<document new-etag=\"7ahggs\" sel=\"resource-lists/users/sip:joe@example.com/index\""
		" previous-etag=\"8a77f8d\"/>"
		"<x/>"
		"<document sel=\"pidf-manipulation/users/sip:joe@example.com/index\" new-etag=\"1\"/>"
		"<document sel=\"/root/org.openmobilealliance.access-rules/users/tel:%2B15550107/a/b\""
		" previous-etag=\"2\"/>"
		"<element sel=\"resource-lists/users/sip:a%40b@example.com/index/~~/resource-lists/list\""
		" exists=\"1\"/>");

static enum cpm_rc parse(
		struct cpm_slice text, struct cpm_arena *arena, struct cpm_xcap_changes *changes)
{
	struct cpm_diag diag = {0};
	enum cpm_rc rc = cpm_xcapdiff_parse(
			unit_guard(text), auids, UNIT_COUNT(auids), &limits, arena, changes, &diag);

	if(rc) {
		ck_assert_ptr_nonnull(diag.reason);
		ck_assert(!changes->count && !changes->ignored);
	}
	return rc;
}

START_TEST(reads_a_notification)
{
	struct cpm_xcap_changes changes;
	struct cpm_arena arena;

	cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
	ck_assert_int_eq(parse(CPM_SLICE(notification), &arena, &changes), CPM_OK);
	ck_assert_uint_eq(changes.count, 3);
	ck_assert_uint_eq(changes.ignored, 1);
	ck_assert_uint_eq(changes.items[0].auid, 0);
	ck_slice(changes.items[0].xui, "sip:joe@example.com", "xui");
	ck_slice(changes.items[0].document, "index", "document");
	ck_slice(changes.items[0].new_etag, "7ahggs", "new");
	ck_slice(changes.items[0].previous_etag, "8a77f8d", "previous");
	ck_assert_uint_eq(changes.items[1].auid, 1);
	ck_slice(changes.items[1].xui, "tel:+15550107", "xui");
	ck_slice(changes.items[1].document, "a/b", "document");
	ck_slice(changes.items[1].new_etag, "", "deleted");
	ck_slice(changes.items[2].xui, "sip:a@b@example.com", "xui");
	ck_slice(changes.items[2].document, "index", "document of an element");
	cpm_arena_free(&arena);
}
END_TEST

static const struct {
	const char *name, *selector;
	const char *xui, *document; /* xui NULL: ignored */
} selectors[] = {
		{"relative", "resource-lists/users/sip:b@x/index", "sip:b@x", "index"},
		{"absolute", "/root/resource-lists/users/sip:b@x/index", "sip:b@x", "index"},
		{"URL", "http://xcap.example.net:8080/root/resource-lists/users/sip:b@x/index", "sip:b@x",
				"index"},
		{"URL of another name for the host",
				"https://other/root/resource-lists/users/sip:b@x/index", "sip:b@x", "index"},
		{"from the root on", "/resource-lists/users/sip:b@x/index", "sip:b@x", "index"},
		{"node", "resource-lists/users/sip:b@x/index/~~/a/b%5b1%5d?xmlns(a=b)", "sip:b@x", "index"},
		{"query", "resource-lists/users/sip:b@x/index?xmlns(a=b)", "sip:b@x", "index"},
		{"all of the user's", "resource-lists/users/sip:b@x", "sip:b@x", ""},
		{"all of the user's, with a slash", "resource-lists/users/sip:b@x/", "sip:b@x", ""},
		{"global", "resource-lists/global/index"},
		{"nobody", "resource-lists/users/"},
		{"nobody's document", "resource-lists/users//index"},
		{"other usage", "x/users/sip:b@x/index"},
		{"usage inside another", "x/users/a/resource-lists/users/sip:b@x/index"},
		{"longer name", "resource-lists2/users/sip:b@x/index"},
		{"below another root", "/elsewhere/resource-lists/users/sip:b@x/index"},
		{"beside the root", "/rootresource-lists/users/sip:b@x/index"},
		{"only the usage", "resource-lists"},
		{"empty", ""},
		{"only the root", "http://xcap.example.net:8080/root/"},
		{"host alone", "http://xcap.example.net:8080"},
};

START_TEST(reads_selectors)
{
	struct cpm_xcap_changes changes;
	struct cpm_arena arena;
	struct cpm_buf b;

	cpm_buf_init(&b, 4096);
	cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
	cpm_buf_add_str(&b, "<xcap-diff xmlns=\"urn:ietf:params:xml:ns:xcap-diff\" "
						"xcap-root=\"http://xcap.example.net:8080/root/\"><document sel=\"");
	cpm_buf_add_str(&b, selectors[_i].selector);
	cpm_buf_add_str(&b, "\"/></xcap-diff>");
	ck_assert_int_eq(parse(cpm_buf_slice(&b), &arena, &changes), CPM_OK);
	ck_assert_msg(changes.count == (selectors[_i].xui ? 1 : 0), "%s", selectors[_i].name);
	ck_assert_uint_eq(changes.count + changes.ignored, 1);
	if(selectors[_i].xui) {
		ck_slice(changes.items[0].xui, selectors[_i].xui, selectors[_i].name);
		ck_slice(changes.items[0].document, selectors[_i].document, selectors[_i].name);
	}
	cpm_arena_free(&arena);
	cpm_buf_free(&b);
}
END_TEST

START_TEST(refuses)
{
	static const struct {
		const char *text;
		enum cpm_rc rc;
	} rows[] = {
			{"", CPM_SYNTAX},
			{"<x/>", CPM_SYNTAX},
			{"<xcap-diff xmlns=\"urn:x\"/>", CPM_SYNTAX},
			{"<!DOCTYPE x><xcap-diff/>", CPM_UNSUPPORTED},
			{"<xcap-diff/>", CPM_OK},
			{"<xcap-diff><document/></xcap-diff>", CPM_OK},
	};

	for(size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct cpm_xcap_changes changes;
		struct cpm_arena arena;

		cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
		ck_assert_msg(parse(cpm_slice_of(rows[i].text), &arena, &changes) == rows[i].rc, "%s",
				rows[i].text);
		cpm_arena_free(&arena);
	}
}
END_TEST

START_TEST(refuses_what_ends_early)
{
	struct cpm_slice text = CPM_SLICE(notification);

	for(size_t n = 0; n < text.n; n++) {
		struct cpm_xcap_changes changes;
		struct cpm_arena arena;

		cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
		ck_assert_msg(parse(cpm_slice_head(text, n), &arena, &changes) == CPM_SYNTAX, "%zu", n);
		cpm_arena_free(&arena);
	}
}
END_TEST

START_TEST(keeps_the_limit_of_changes)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 1 << 20);
	for(int over = 0; over < 2; over++) {
		struct cpm_xcap_changes changes;
		struct cpm_arena arena;

		cpm_arena_init(&arena, &cpm_allocator_libc, 1 << 20);
		cpm_buf_reset(&b);
		cpm_buf_add_str(&b, "<xcap-diff>");
		for(int i = 0; i < CPM_XCAPDIFF_MAX + over; i++)
			cpm_buf_add_str(&b, "<document sel=\"resource-lists/users/a/index\"/>");
		cpm_buf_add_str(&b, "</xcap-diff>");
		ck_assert_int_eq(parse(cpm_buf_slice(&b), &arena, &changes), over ? CPM_LIMIT : CPM_OK);
		ck_assert_uint_eq(changes.count, over ? 0 : CPM_XCAPDIFF_MAX);
		cpm_arena_free(&arena);
	}
	cpm_buf_free(&b);
}
END_TEST

START_TEST(says_when_memory_ends)
{
	enum cpm_rc rc = CPM_NOMEM;

	for(size_t max = 0; rc && max < 16384; max += 8) {
		struct cpm_xcap_changes changes;
		struct cpm_arena arena;

		cpm_arena_init(&arena, &cpm_allocator_libc, max);
		rc = parse(CPM_SLICE(notification), &arena, &changes);
		ck_assert(!rc || rc == CPM_NOMEM);
		cpm_arena_free(&arena);
	}
	ck_assert_int_eq(rc, CPM_OK);
}
END_TEST

START_TEST(asks_for_documents)
{
	static const struct cpm_xcap_document documents[] = {
			{CPM_SLICE("org.openmobilealliance.access-rules"), CPM_SLICE("access-rules")},
			{CPM_SLICE("resource-lists"), CPM_SLICE("index")},
	};
	struct cpm_buf b;

	cpm_buf_init(&b, 4096);
	cpm_xcapdiff_add_subscription(&b, CPM_SLICE("sip:b&b/2@example.net"), documents, 2);
	ck_slice(cpm_buf_slice(&b),
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
			"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\">\r\n"
			"  <list>\r\n"
			"    <entry uri=\"org.openmobilealliance.access-rules/users/"
			"sip:b&amp;b%2F2@example.net/access-rules\"/>\r\n"
			"    <entry uri=\"resource-lists/users/sip:b&amp;b%2F2@example.net/index\"/>\r\n"
			"  </list>\r\n"
			"</resource-lists>\r\n",
			"subscription");
	cpm_buf_free(&b);
}
END_TEST

START_TEST(says_when_a_name_is_too_long)
{
	static char name[5000];
	const struct cpm_xcap_document document = {
			CPM_SLICE("x"), {memset(name, 'a', sizeof(name)), sizeof(name)}};
	struct cpm_buf b;

	cpm_buf_init(&b, 65536);
	cpm_xcapdiff_add_subscription(&b, CPM_SLICE("sip:b@x"), &document, 1);
	ck_assert_int_eq(b.rc, CPM_LIMIT);
	cpm_buf_free(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("xcapdiff");
	int status;

	tcase_add_test(t, reads_a_notification);
	tcase_add_loop_test(t, reads_selectors, 0, UNIT_COUNT(selectors));
	tcase_add_test(t, refuses);
	tcase_add_test(t, refuses_what_ends_early);
	tcase_add_test(t, keeps_the_limit_of_changes);
	tcase_add_test(t, says_when_memory_ends);
	tcase_add_test(t, asks_for_documents);
	tcase_add_test(t, says_when_a_name_is_too_long);
	status = unit_run("codec/xcapdiff", t);
	xmlCleanupParser();
	return status;
}
