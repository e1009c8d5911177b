/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/msginfo.c.
 */
#include "unit.h"

#include <libxml/parser.h>

#include "core/codec/msginfo.h"

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

static const struct cpm_slice recipients[] = {
		CPM_SLICE("sip:bob@example.net"), CPM_SLICE("tel:+15550107")};

/* The first is companion 4.7; times are 2030-01-01T10:00:00Z and three days later. */
static const struct cpm_msginfo_item items[] = {
		{CPM_SLICE("d7f3a1"), CPM_SLICE("pf.example.net"), INT64_C(1893492000000),
				INT64_C(1893751200000), 412, CPM_SLICE("Lunch"), CPM_SLICE("sip:alice@example.net"),
				CPM_SLICE("sip:bob@example.net"), CPM_SLICE("sip:alice@example.net"), NULL, 0,
				CPM_MSGINFO_WAITING, 0, CPM_SLICE_NONE},
		{CPM_SLICE("9b0c22"), CPM_SLICE("pf.example.net"), INT64_C(1893492000000),
				INT64_C(1893751200000), 7, CPM_SLICE("\"<&>\""), CPM_SLICE("sip:a&b@example.net"),
				CPM_SLICE("sip:bob@example.net"), CPM_SLICE_NONE, recipients, 2, CPM_MSGINFO_STORED,
				17, CPM_SLICE("Default/tel:+15550107")},
		{CPM_SLICE("9b0c23"), CPM_SLICE("pf.example.net"), INT64_C(1893492000000),
				INT64_C(1893751200000), 0, CPM_SLICE_NONE, CPM_SLICE_NONE, CPM_SLICE_NONE,
				CPM_SLICE_NONE, NULL, 0, CPM_MSGINFO_DISCARDED, 0, CPM_SLICE_NONE},
};

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
#define NS "<message-list xmlns=\"urn:ietf:params:xml:ns:msginfo\""
#define FIRST                                                                         \
	"    <size>412</size>\r\n"                                                        \
	"    <expiry>2030-01-04T10:00:00Z</expiry>\r\n"                                   \
	"    <subject>Lunch</subject>\r\n"                                                \
	"    <info>\r\n"                                                                  \
	"      <from>sip:alice@example.net</from>\r\n"                                    \
	"      <to>sip:bob@example.net</to>\r\n"                                          \
	"      <auth-id>sip:alice@example.net</auth-id>\r\n"                              \
	"      <recipient-list><entry uri=\"sip:bob@example.net\"/></recipient-list>\r\n" \
	"    </info>\r\n"                                                                 \
	"  </message>\r\n"

static const char companion[] =
		XML NS " number=\"1\">\r\n"
			   "  <message date-time=\"2030-01-01T10:00:00Z\""
			   " message-reference=\"sip:d7f3a1@pf.example.net\">\r\n" FIRST "</message-list>\r\n";

static const char three[] =
		XML NS " xmlns:x=\"urn:x-cpm-pf:ext:1\" number=\"3\">\r\n"
			   "  <message date-time=\"2030-01-01T10:00:00Z\""
			   " message-reference=\"sip:d7f3a1@pf.example.net\">\r\n" FIRST
			   "  <message date-time=\"2030-01-01T10:00:00Z\""
			   " message-reference=\"sip:9b0c22@pf.example.net\" x:status=\"stored\" x:uid=\"17\""
			   " x:folder=\"Default/tel:+15550107\">\r\n"
			   "    <size>7</size>\r\n"
			   "    <expiry>2030-01-04T10:00:00Z</expiry>\r\n"
			   "    <subject>&quot;&lt;&amp;&gt;&quot;</subject>\r\n"
			   "    <info>\r\n"
			   "      <from>sip:a&amp;b@example.net</from>\r\n"
			   "      <to>sip:bob@example.net</to>\r\n"
			   "      <recipient-list><entry uri=\"sip:bob@example.net\"/>"
			   "<entry uri=\"tel:+15550107\"/></recipient-list>\r\n"
			   "    </info>\r\n"
			   "  </message>\r\n"
			   "  <message date-time=\"2030-01-01T10:00:00Z\""
			   " message-reference=\"sip:9b0c23@pf.example.net\" x:status=\"discarded\">\r\n"
			   "    <size>0</size>\r\n"
			   "    <expiry>2030-01-04T10:00:00Z</expiry>\r\n"
			   "    <info>\r\n"
			   "      <recipient-list></recipient-list>\r\n"
			   "    </info>\r\n"
			   "  </message>\r\n"
			   "</message-list>\r\n";

static const char summary[] = XML NS " number=\"3\"/>\r\n";

START_TEST(writes_byte_for_byte)
{
	static const struct {
		struct cpm_msginfo info;
		const char *text;
	} golden[] = {{{1, items, 1}, companion}, {{3, items, 3}, three}, {{3, NULL, 0}, summary}};

	for(size_t i = 0; i < UNIT_COUNT(golden); i++) {
		struct cpm_buf b;
		size_t fitted;

		cpm_buf_init(&b, 65536);
		ck_assert_int_eq(cpm_msginfo_build(&golden[i].info, SIZE_MAX, &b, &fitted), CPM_OK);
		ck_assert_uint_eq(fitted, golden[i].info.count);
		ck_slice(cpm_buf_slice(&b), golden[i].text, "golden");
		cpm_buf_free(&b);
	}
}
END_TEST

static enum cpm_rc parse(struct cpm_slice text, struct cpm_arena *arena, struct cpm_msginfo *info)
{
	struct cpm_diag diag = {0};
	enum cpm_rc rc = cpm_msginfo_parse(unit_guard(text), &limits, arena, info, &diag);

	if(rc) {
		ck_assert_ptr_nonnull(diag.reason);
		ck_assert_uint_eq(info->count, 0);
	}
	return rc;
}

/* Each maximum, set by the argument or by the buffer itself, behind other text or not. */
START_TEST(writes_as_many_as_fit)
{
	const struct cpm_msginfo info = {3, items, 3};
	size_t last = 0, before = 10;

	for(size_t max = 0; max <= strlen(three); max++)
		for(int by_buffer = 0; by_buffer < 2; by_buffer++) {
			struct cpm_msginfo again;
			struct cpm_arena arena;
			struct cpm_buf b;
			size_t fitted;
			enum cpm_rc rc;

			cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
			cpm_buf_init(&b, by_buffer ? before + max : 65536);
			cpm_buf_add_str(&b, "0123456789");
			rc = cpm_msginfo_build(&info, by_buffer ? SIZE_MAX : max, &b, &fitted);
			ck_assert_int_eq(rc, max < strlen(summary) ? CPM_LIMIT : CPM_OK);
			if(!rc) {
				ck_assert_uint_le(b.n, before + max);
				ck_assert_int_eq(
						parse(cpm_slice_from(cpm_buf_slice(&b), before), &arena, &again), CPM_OK);
				ck_assert_uint_eq(again.count, fitted);
				ck_assert_uint_eq(again.number, 3);
				ck_assert_uint_ge(fitted, last);
				last = fitted;
			}
			cpm_arena_free(&arena);
			cpm_buf_free(&b);
		}
	ck_assert_uint_eq(last, 3);
}
END_TEST

START_TEST(adds_nothing_behind_a_failure)
{
	const struct cpm_msginfo info = {3, items, 3};
	struct cpm_buf b;
	size_t fitted;

	cpm_buf_init(&b, 4);
	cpm_buf_add_str(&b, "12345");
	ck_assert_int_eq(cpm_msginfo_build(&info, 65536, &b, &fitted), CPM_LIMIT);
	ck_assert_uint_eq(fitted, 0);
	ck_assert_uint_eq(b.n, 0);
	cpm_buf_free(&b);
}
END_TEST

START_TEST(reads_what_it_wrote)
{
	struct cpm_msginfo info;
	struct cpm_arena arena;

	cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
	ck_assert_int_eq(parse(CPM_SLICE(three), &arena, &info), CPM_OK);
	ck_assert_uint_eq(info.count, 3);
	for(size_t i = 0; i < 3; i++) {
		const struct cpm_msginfo_item *in = &items[i], *out = &info.items[i];

		ck_assert(cpm_slice_eq(in->id, out->id) && cpm_slice_eq(in->host, out->host));
		ck_assert(in->date_ms == out->date_ms && in->expiry_ms == out->expiry_ms);
		ck_assert(in->size == out->size && in->uid == out->uid && in->status == out->status);
		ck_assert(cpm_slice_eq(in->subject, out->subject) && cpm_slice_eq(in->from, out->from));
		ck_assert(cpm_slice_eq(in->to, out->to) && cpm_slice_eq(in->auth_id, out->auth_id));
		ck_assert(cpm_slice_eq(in->folder, out->folder));
	}
	ck_assert_uint_eq(info.items[0].recipient_count, 1);
	ck_assert_uint_eq(info.items[1].recipient_count, 2);
	ck_slice(info.items[1].recipients[1], "tel:+15550107", "recipient");
	ck_assert_uint_eq(info.items[2].recipient_count, 0);
	cpm_arena_free(&arena);
}
END_TEST

#define LIST(content) NS " number=\"1\">" content "</message-list>"
#define MESSAGE(content) LIST("<message date-time=\"2030-01-01T10:00:00Z\">" content "</message>")

static const struct {
	const char *name, *text;
	enum cpm_rc rc;
	size_t count;
} rows[] = {
		{"none", NS " number=\"0\"/>", CPM_OK, 0},
		{"no namespace", "<message-list number=\"7\"/>", CPM_OK, 0},
		{"strangers", LIST("<x/><message date-time=\"2030-01-01T10:00:00Z\"><y/></message>"),
				CPM_OK, 1},
		{"reference that is none",
				LIST("<message date-time=\"2030-01-01T10:00:00Z\" message-reference=\"x\"/>"),
				CPM_OK, 1},
		{"no number", NS "/>", CPM_SYNTAX},
		{"number that is none", NS " number=\"-1\"/>", CPM_SYNTAX},
		{"no date", LIST("<message/>"), CPM_SYNTAX},
		{"size that is none", MESSAGE("<size>x</size>"), CPM_SYNTAX},
		{"expiry that is none", MESSAGE("<expiry>x</expiry>"), CPM_SYNTAX},
		{"another namespace", "<message-list xmlns=\"urn:x\" number=\"0\"/>", CPM_SYNTAX},
		{"another root", "<x number=\"0\"/>", CPM_SYNTAX},
		{"no XML", "x", CPM_SYNTAX},
		{"DTD", "<!DOCTYPE x><x/>", CPM_UNSUPPORTED},
};

static void ck_json(const struct cpm_msginfo *info, const char *type, const char *expected)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 2000);
	cpm_msginfo_add_json(&b, CPM_SLICE("sip:\"bob\"@example.net"), type, info);
	ck_slice(cpm_buf_slice(&b), expected, type);
	cpm_buf_free(&b);
}

START_TEST(tells_gateways)
{
	struct cpm_msginfo info = {3, items, 2};

	ck_json(&info, "deferred",
			"{\"user\":\"sip:\\\"bob\\\"@example.net\",\"type\":\"deferred\",\"count\":3,"
			"\"messages\":["
			"{\"id\":\"sip:d7f3a1@pf.example.net\",\"from\":\"sip:alice@example.net\","
			"\"date\":\"2030-01-01T10:00:00Z\",\"size\":412,\"expiry\":\"2030-01-04T10:00:00Z\"},"
			"{\"id\":\"sip:9b0c22@pf.example.net\",\"from\":\"sip:anonymous@anonymous.invalid\","
			"\"date\":\"2030-01-01T10:00:00Z\",\"size\":7,\"expiry\":\"2030-01-04T10:00:00Z\"}]}");
	info.count = 0;
	ck_json(&info, "stored",
			"{\"user\":\"sip:\\\"bob\\\"@example.net\",\"type\":\"stored\",\"count\":3,"
			"\"messages\":[]}");
}
END_TEST

START_TEST(reads)
{
	struct cpm_msginfo info;
	struct cpm_arena arena;
	enum cpm_rc rc;

	cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
	rc = parse(cpm_slice_of(rows[_i].text), &arena, &info);
	ck_assert_msg(rc == rows[_i].rc, "%s: %s", rows[_i].name, cpm_rc_name(rc));
	ck_assert_msg(info.count == rows[_i].count, "%s: %zu", rows[_i].name, info.count);
	cpm_arena_free(&arena);
}
END_TEST

START_TEST(refuses_what_ends_early)
{
	struct cpm_slice text = cpm_slice_trim(CPM_SLICE(three));

	for(size_t n = 0; n < text.n; n++) {
		struct cpm_msginfo info;
		struct cpm_arena arena;

		cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
		ck_assert_msg(parse(cpm_slice_head(text, n), &arena, &info) == CPM_SYNTAX, "%zu", n);
		cpm_arena_free(&arena);
	}
}
END_TEST

START_TEST(keeps_the_limit_of_entries)
{
	struct cpm_limits l = limits;

	/* Three messages with three recipients. */
	for(l.max_list_entries = 0; l.max_list_entries < 8; l.max_list_entries++) {
		struct cpm_msginfo info;
		struct cpm_arena arena;

		cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
		ck_assert_int_eq(cpm_msginfo_parse(CPM_SLICE(three), &l, &arena, &info, NULL),
				l.max_list_entries < 6 ? CPM_LIMIT : CPM_OK);
		cpm_arena_free(&arena);
	}
}
END_TEST

START_TEST(says_when_memory_ends)
{
	enum cpm_rc rc = CPM_NOMEM;

	for(size_t max = 0; rc && max < 16384; max += 8) {
		struct cpm_msginfo info;
		struct cpm_arena arena;

		cpm_arena_init(&arena, &cpm_allocator_libc, max);
		rc = parse(CPM_SLICE(three), &arena, &info);
		ck_assert(!rc || rc == CPM_NOMEM);
		cpm_arena_free(&arena);
	}
	ck_assert_int_eq(rc, CPM_OK);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("msginfo");
	int status;

	tcase_add_test(t, writes_byte_for_byte);
	tcase_add_test(t, writes_as_many_as_fit);
	tcase_add_test(t, adds_nothing_behind_a_failure);
	tcase_add_test(t, reads_what_it_wrote);
	tcase_add_test(t, tells_gateways);
	tcase_add_loop_test(t, reads, 0, UNIT_COUNT(rows));
	tcase_add_test(t, refuses_what_ends_early);
	tcase_add_test(t, keeps_the_limit_of_entries);
	tcase_add_test(t, says_when_memory_ends);
	status = unit_run("codec/msginfo", t);
	xmlCleanupParser();
	return status;
}
