/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/recipients.c and core/codec/orders.c.
 */
#include "unit.h"

#include <libxml/parser.h>

#include "core/codec/orders.h"

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

#define LISTS(content) \
	"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\">" content "</resource-lists>"
#define LIST(content) LISTS("<list>" content "</list>")

/* RFC 5364 section 5, shortened, with a nested list and what is to be skipped. */
static const char copies[] =
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"\n"
		"  xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\">\n"
		" <list>\n"
		"  <display-name>x</display-name>\n"
		"  <entry uri=\"sip:bill@example.com\" cp:copyControl=\"to\"><display-name>B</display-name>"
		"</entry>\n"
		"  <entry uri=\"sip:randy@example.net\" cp:copyControl=\"TO\" cp:anonymize=\"true\"/>\n"
		"  <list><list/><entry uri=\" sip:eddy&amp;co@example.com \" "
		"cp:copyControl=\"cc\"/></list>\n"
		"  <entry uri=\"\"/><entry/><entry-ref ref=\"x\"/><external anchor=\"http://x/\"/>\n"
		"  <entry uri=\"tel:+15550107\" cp:copyControl=\"bcc\" cp:anonymize=\"1\"/>\n"
		" </list>\n"
		" <list><entry uri=\"sip:last@example.com\" cp:anonymize=\"false\"/></list>\n"
		" <entry uri=\"sip:outside@example.com\"/>\n"
		"</resource-lists>\n";

static const struct {
	const char *uri;
	enum cpm_copy copy;
	bool anonymize;
} expected[] = {
		{"sip:bill@example.com", CPM_COPY_TO, false},
		{"sip:randy@example.net", CPM_COPY_TO, true},
		{"sip:eddy&co@example.com", CPM_COPY_CC, false},
		{"tel:+15550107", CPM_COPY_BCC, true},
		{"sip:last@example.com", CPM_COPY_NONE, false},
		{"sip:outside@example.com", CPM_COPY_NONE, false},
};

static enum cpm_rc parse(
		struct cpm_slice text, struct cpm_arena *arena, struct cpm_recipients *list)
{
	struct cpm_diag diag = {0};
	enum cpm_rc rc = cpm_recipients_parse(unit_guard(text), &limits, arena, list, &diag);

	if(rc) {
		ck_assert_ptr_nonnull(diag.reason);
		ck_assert_uint_eq(list->count, 0);
	}
	return rc;
}

START_TEST(reads_recipients)
{
	struct cpm_recipients list;
	struct cpm_arena arena;

	cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
	ck_assert_int_eq(parse(CPM_SLICE(copies), &arena, &list), CPM_OK);
	ck_assert_uint_eq(list.count, UNIT_COUNT(expected));
	for(size_t i = 0; i < list.count; i++) {
		ck_slice(list.items[i].uri, expected[i].uri, "uri");
		ck_assert_msg(list.items[i].copy == expected[i].copy, "%s", expected[i].uri);
		ck_assert_msg(list.items[i].anonymize == expected[i].anonymize, "%s", expected[i].uri);
	}
	cpm_arena_free(&arena);
}
END_TEST

START_TEST(refuses)
{
	static const struct {
		const char *text;
		enum cpm_rc rc;
	} rows[] = {
			{"", CPM_SYNTAX},
			{"sip:bob@example.net", CPM_SYNTAX},
			{"<resource-lists/>", CPM_SYNTAX},
			{"<list xmlns=\"urn:ietf:params:xml:ns:resource-lists\"/>", CPM_SYNTAX},
			{"<!DOCTYPE x><x/>", CPM_UNSUPPORTED},
			{LISTS(""), CPM_OK},
	};

	for(size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct cpm_recipients list;
		struct cpm_arena arena;

		cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
		ck_assert_msg(
				parse(cpm_slice_of(rows[i].text), &arena, &list) == rows[i].rc, "%s", rows[i].text);
		cpm_arena_free(&arena);
	}
}
END_TEST

START_TEST(refuses_what_ends_early)
{
	struct cpm_slice text = cpm_slice_trim(CPM_SLICE(copies));

	for(size_t n = 0; n < text.n; n++) {
		struct cpm_recipients list;
		struct cpm_arena arena;

		cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
		ck_assert_msg(parse(cpm_slice_head(text, n), &arena, &list) == CPM_SYNTAX, "%zu", n);
		cpm_arena_free(&arena);
	}
}
END_TEST

/* count entries, each with the format's number, in depth lists. */
static struct cpm_slice many(struct cpm_buf *b, size_t count, size_t depth, bool same)
{
	cpm_buf_reset(b);
	cpm_buf_add_str(b, "<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\">");
	for(size_t i = 0; i < depth; i++)
		cpm_buf_add_str(b, "<list>");
	for(size_t i = 0; i < count; i++) {
		cpm_buf_add_str(b, "<entry uri=\"sip:");
		cpm_buf_add_u64(b, same ? 7 : i);
		cpm_buf_add_str(b, "@x\"/>");
	}
	for(size_t i = 0; i < depth; i++)
		cpm_buf_add_str(b, "</list>");
	cpm_buf_add_str(b, "</resource-lists>");
	ck_assert_int_eq(b->rc, CPM_OK);
	return cpm_buf_slice(b);
}

START_TEST(keeps_the_limits)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 1 << 20);
	for(int over = 0; over < 2; over++) {
		struct cpm_recipients list;
		struct cpm_orders orders;
		struct cpm_arena arena;

		cpm_arena_init(&arena, &cpm_allocator_libc, 1 << 20);
		ck_assert_int_eq(
				parse(many(&b, CPM_RECIPIENTS_MAX + (size_t)over, 1, false), &arena, &list),
				over ? CPM_LIMIT : CPM_OK);
		ck_assert_uint_eq(list.count, over ? 0 : CPM_RECIPIENTS_MAX);
		ck_assert_int_eq(cpm_orders_parse(cpm_buf_slice(&b), &limits, &arena, &orders, NULL),
				over ? CPM_LIMIT : CPM_OK);
		ck_assert_uint_eq(orders.count, over ? 0 : CPM_RECIPIENTS_MAX);
		/* The entries and the root take two levels. */
		ck_assert_int_eq(
				parse(many(&b, 1, limits.max_xml_depth - 2 + (size_t)over, false), &arena, &list),
				over ? CPM_LIMIT : CPM_OK);
		ck_assert_int_eq(cpm_orders_parse(many(&b, CPM_RECIPIENTS_MAX, 1, true), &limits, &arena,
								 &orders, NULL),
				CPM_OK);
		ck_assert_uint_eq(orders.count, 1);
		cpm_arena_free(&arena);
	}
	cpm_buf_free(&b);
}
END_TEST

#define ENTRY(uri) LIST("<entry uri=\"" uri "\"/>")

static const struct {
	const char *name, *text;
	const char *id; /* of the first order, NULL: ignored */
	enum cpm_order_action action;
} rows[] = {
		{"deliver", ENTRY("sip:d7f3a1@pf.example.net;cpm_action=deliver"), "d7f3a1",
				CPM_ORDER_DELIVER},
		{"delete", ENTRY("sip:9b0c22@pf.example.net;cpm_action=delete"), "9b0c22",
				CPM_ORDER_DELETE},
		{"interwork", ENTRY("sip:1@x;cpm_action=interwork"), "1", CPM_ORDER_INTERWORK},
		{"store", ENTRY("sip:1@x;cpm_action=store"), "1", CPM_ORDER_STORE},
		{"behind a question mark", ENTRY("sip:1@x?cpm_action=delete"), "1", CPM_ORDER_DELETE},
		{"behind another header", ENTRY("sip:1@x?a=b&amp;cpm_action=delete"), "1",
				CPM_ORDER_DELETE},
		{"parameters before and after", ENTRY("sip:1@x;a;cpm_action=delete;b=c"), "1",
				CPM_ORDER_DELETE},
		{"parameter before header", ENTRY("sip:1@x;cpm_action=store?cpm_action=delete"), "1",
				CPM_ORDER_STORE},
		{"without case", ENTRY("SIP:1@x;CPM_Action=DELETE"), "1", CPM_ORDER_DELETE},
		{"in quotes", ENTRY("sip:1@x?cpm_action=&#100;elete"), "1", CPM_ORDER_DELETE},
		{"no action", ENTRY("sip:1@x"), "1", CPM_ORDER_DELIVER},
		{"other parameter", ENTRY("sip:1@x;xcpm_action=delete"), "1", CPM_ORDER_DELIVER},
		{"escaped id", ENTRY("sip:%31%2d2@x;cpm_action=delete"), "1-2", CPM_ORDER_DELETE},
		{"sips", ENTRY("sips:1@x"), "1", CPM_ORDER_DELIVER},
		{"unknown action", ENTRY("sip:1@x;cpm_action=burn"), NULL},
		{"empty action", ENTRY("sip:1@x;cpm_action="), NULL},
		{"longer action", ENTRY("sip:1@x;cpm_action=delete2"), NULL},
		{"no user", ENTRY("sip:x;cpm_action=delete"), NULL},
		{"number", ENTRY("tel:+15550107;cpm_action=delete"), NULL},
		{"no URI", ENTRY("d7f3a1"), NULL},
		{"broken escape", ENTRY("sip:%3@x"), NULL},
		{"other scheme", ENTRY("http://1@x/"), NULL},
};

START_TEST(reads_orders)
{
	struct cpm_orders orders;
	struct cpm_arena arena;
	struct cpm_diag diag = {0};

	cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
	ck_assert_int_eq(cpm_orders_parse(unit_guard(cpm_slice_of(rows[_i].text)), &limits, &arena,
							 &orders, &diag),
			CPM_OK);
	ck_assert_msg(orders.count == (rows[_i].id ? 1 : 0), "%s", rows[_i].name);
	ck_assert_msg(orders.ignored == (rows[_i].id ? 0 : 1), "%s", rows[_i].name);
	ck_assert_msg(!orders.first_ignored.n == !orders.ignored, "%s", rows[_i].name);
	if(rows[_i].id) {
		ck_slice(orders.items[0].id, rows[_i].id, rows[_i].name);
		ck_assert_msg(orders.items[0].action == rows[_i].action, "%s", rows[_i].name);
	}
	cpm_arena_free(&arena);
}
END_TEST

START_TEST(takes_the_first_of_each_id)
{
	static const char text[] = LIST("<entry uri=\"sip:2@x;cpm_action=delete\"/>"
									"<entry uri=\"sip:1@x;cpm_action=burn\"/>"
									"<list><entry uri=\"sip:1@x;cpm_action=store\"/></list>"
									"<entry uri=\"sip:10@y;cpm_action=interwork\"/>"
									"<entry uri=\"sip:%32@x;cpm_action=deliver\"/>"
									"<entry uri=\"sip:1@x\"/><entry uri=\"sip:@x\"/>");
	struct cpm_orders orders;
	struct cpm_arena arena;

	cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
	ck_assert_int_eq(cpm_orders_parse(CPM_SLICE(text), &limits, &arena, &orders, NULL), CPM_OK);
	ck_assert_uint_eq(orders.count, 3);
	ck_assert_uint_eq(orders.ignored, 2);
	ck_slice(orders.first_ignored, "sip:1@x;cpm_action=burn", "ignored");
	ck_slice(orders.items[0].id, "2", "first");
	ck_assert_int_eq(orders.items[0].action, CPM_ORDER_DELETE);
	ck_slice(orders.items[1].id, "1", "second");
	ck_assert_int_eq(orders.items[1].action, CPM_ORDER_STORE);
	ck_slice(orders.items[2].id, "10", "third");
	ck_slice(orders.items[2].host, "y", "third");
	ck_slice(orders.items[2].uri, "sip:10@y;cpm_action=interwork", "third");
	ck_assert_str_eq(cpm_order_action_name(orders.items[2].action), "interwork");
	cpm_arena_free(&arena);
}
END_TEST

START_TEST(says_when_memory_ends)
{
	enum cpm_rc rc = CPM_NOMEM;

	for(size_t max = 0; rc && max < 16384; max += 8) {
		struct cpm_orders orders;
		struct cpm_arena arena;
		struct cpm_diag diag = {0};

		cpm_arena_init(&arena, &cpm_allocator_libc, max);
		rc = cpm_orders_parse(CPM_SLICE(copies), &limits, &arena, &orders, &diag);
		ck_assert(!rc || (rc == CPM_NOMEM && diag.reason && !orders.count));
		cpm_arena_free(&arena);
	}
	ck_assert_int_eq(rc, CPM_OK);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("recipients");
	int status;

	tcase_add_test(t, reads_recipients);
	tcase_add_test(t, refuses);
	tcase_add_test(t, refuses_what_ends_early);
	tcase_add_test(t, keeps_the_limits);
	tcase_add_loop_test(t, reads_orders, 0, UNIT_COUNT(rows));
	tcase_add_test(t, takes_the_first_of_each_id);
	tcase_add_test(t, says_when_memory_ends);
	status = unit_run("codec/recipients", t);
	xmlCleanupParser();
	return status;
}
