/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/msrp.c.
 */
#include "unit.h"

#include "core/codec/msrp.h"

static const struct cpm_msrp_limits limits = CPM_MSRP_LIMITS_DEFAULT;

#define PATHS                                                    \
	"To-Path: msrp://bob.example.com:8888/9di4eae923wzd;tcp\r\n" \
	"From-Path: msrp://alicepc.example.com:7777/iau39soe2843z;tcp\r\n"
#define SEND(tid, headers, rest) "MSRP " tid " SEND\r\n" PATHS headers rest

/* What a reader tells of a stream: "<kind tid>body|flag" for each frame, "!syntax" at an error. */
static void tell(struct cpm_buf *out, struct cpm_msrp_reader *r, struct cpm_slice input)
{
	enum cpm_msrp_event event = CPM_MSRP_HEAD;
	struct cpm_diag diag = {0};

	while(event != CPM_MSRP_MORE) {
		size_t before = input.n;
		struct cpm_slice piece;
		enum cpm_rc rc = cpm_msrp_next(r, &input, &event, &piece, &diag);

		if(rc) {
			ck_assert_ptr_nonnull(diag.reason);
			ck_assert_uint_le(diag.offset, before);
			cpm_buf_add_str(out, "!");
			cpm_buf_add_str(out, cpm_rc_name(rc));
			return;
		}
		if(event == CPM_MSRP_HEAD) {
			cpm_buf_add_char(out, '<');
			cpm_buf_add_str(out, r->head.fault ? "fault " : "");
			cpm_buf_add(out, r->head.method);
			cpm_buf_add_u64(out, r->head.status);
			cpm_buf_add_char(out, ' ');
			cpm_buf_add(out, r->head.tid);
			cpm_buf_add_char(out, '>');
		} else if(event == CPM_MSRP_BODY) {
			ck_assert_uint_gt(piece.n, 0);
			cpm_buf_add(out, piece);
		} else if(event == CPM_MSRP_END) {
			cpm_buf_add_char(out, '|');
			cpm_buf_add_char(out, r->flag);
		} else {
			ck_assert_uint_eq(input.n, 0);
		}
	}
}

static const struct {
	const char *name;
	struct cpm_slice text;
	const char *told;
} streams[] = {
		/* RFC 4975 section 4. */
		{"a whole message",
				CPM_SLICE(SEND("a786hjs2",
						"Message-ID: 87652491\r\nByte-Range: 1-25/25\r\nContent-Type: "
						"text/plain\r\n\r\n",
						"Hey Bob, are you there?\r\n-------a786hjs2$\r\n")),
				"<SEND0 a786hjs2>Hey Bob, are you there?|$"},
		{"a response",
				CPM_SLICE("MSRP a786hjs2 200 OK\r\nTo-Path: msrp://a.example.com:7/i;tcp\r\n"
						  "From-Path: msrp://b.example.com:8/j;tcp\r\n-------a786hjs2$\r\n"),
				"<200 a786hjs2>|$"},
		{"a response without a phrase",
				CPM_SLICE("MSRP a786hjs2 481\r\nTo-Path: msrp://a:7/i;tcp\r\n"
						  "From-Path: msrp://b:8/j;tcp\r\n-------a786hjs2$\r\n"),
				"<481 a786hjs2>|$"},
		/* RFC 4975 section 4: chunks. */
		{"two chunks",
				CPM_SLICE(SEND("dkei38sd",
						"Message-ID: 4564dpWd\r\nByte-Range: 1-*/8\r\nContent-Type: "
						"text/plain\r\n\r\n",
						"abcd\r\n-------dkei38sd+\r\n") SEND("dkei38ia",
						"Message-ID: 4564dpWd\r\nByte-Range: 5-8/8\r\nContent-Type: "
						"text/plain\r\n\r\n",
						"EFGH\r\n-------dkei38ia$\r\n")),
				"<SEND0 dkei38sd>abcd|+<SEND0 dkei38ia>EFGH|$"},
		{"a report",
				CPM_SLICE("MSRP dkei38sd REPORT\r\n" PATHS
						  "Message-ID: 12339sdqwer\r\nByte-Range: 1-106/106\r\n"
						  "Status: 000 200 OK\r\n-------dkei38sd$\r\n"),
				"<REPORT200 dkei38sd>|$"},
		{"no body", CPM_SLICE(SEND("1234", "Message-ID: 1\r\n", "-------1234$\r\n")),
				"<SEND0 1234>|$"},
		{"an empty body",
				CPM_SLICE(SEND("1234", "Message-ID: 1\r\nContent-Type: a/b\r\n\r\n",
						"\r\n-------1234$\r\n")),
				"<SEND0 1234>|$"},
		{"an empty body with the blank line's CRLF in front of the end-line",
				CPM_SLICE(SEND(
						"1234", "Message-ID: 1\r\nContent-Type: a/b\r\n\r\n", "-------1234+\r\n")),
				"<SEND0 1234>|+"},
		{"aborted",
				CPM_SLICE(SEND("1234", "Message-ID: 1\r\nContent-Type: a/b\r\n\r\n",
						"ab\r\n-------1234#\r\n")),
				"<SEND0 1234>ab|#"},
		{"end-lines of others in the body",
				CPM_SLICE(SEND("1234", "Message-ID: 1\r\nContent-Type: a/b\r\n\r\n",
						"\r\n-------1235$\r\n-------1234\r\n-------1234x\r\n-------1234$x\r\n"
						"-------1234$\r\r\n-------12345$\r\n\r\r\n------1234$\r\n-------1234$"
						"\r\n")),
				"<SEND0 1234>\r\n-------1235$\r\n-------1234\r\n-------1234x\r\n-------1234$x\r\n"
				"-------1234$\r\r\n-------12345$\r\n\r\r\n------1234$|$"},
		{"hyphens first",
				CPM_SLICE(SEND("1234", "Message-ID: 1\r\nContent-Type: a/b\r\n\r\n",
						"-------123\r\n-------1234$\r\n")),
				"<SEND0 1234>-------123|$"},
		{"another method", CPM_SLICE("MSRP 1234 AUTH\r\n" PATHS "-------1234$\r\n"),
				"<AUTH0 1234>|$"},
		{"paths in the wrong order",
				CPM_SLICE("MSRP 1234 SEND\r\nFrom-Path: msrp://a;tcp\r\nTo-Path: msrp://b;tcp\r\n"
						  "Message-ID: 1\r\n-------1234$\r\n"),
				"<fault SEND0 1234>|$"},
		{"no Message-ID", CPM_SLICE(SEND("1234", "", "-------1234$\r\n")), "<fault SEND0 1234>|$"},
		{"no paths", CPM_SLICE("MSRP 1234 SEND\r\nMessage-ID: 1\r\n-------1234$\r\n"),
				"<fault SEND0 1234>|$"},
		{"two Message-IDs",
				CPM_SLICE(SEND("1234", "Message-ID: 1\r\nMessage-ID: 2\r\n", "-------1234$\r\n")),
				"<fault SEND0 1234>|$"},
		{"a broken range",
				CPM_SLICE(
						SEND("1234", "Message-ID: 1\r\nByte-Range: 5-3/9\r\n", "-------1234$\r\n")),
				"<fault SEND0 1234>|$"},
		{"a broken report wish",
				CPM_SLICE(SEND(
						"1234", "Message-ID: 1\r\nSuccess-Report: maybe\r\n", "-------1234$\r\n")),
				"<fault SEND0 1234>|$"},
		{"a report without status",
				CPM_SLICE("MSRP 1234 REPORT\r\n" PATHS "Message-ID: 1\r\n-------1234$\r\n"),
				"<fault REPORT0 1234>|$"},
		{"a control character",
				CPM_SLICE(SEND("1234", "Message-ID: a\001b\r\n", "-------1234$\r\n")),
				"<fault SEND0 1234>|$"},
		{"unknown headers",
				CPM_SLICE(SEND("1234", "Message-ID: 1\r\nX: y\r\n", "-------1234$\r\n")),
				"<SEND0 1234>|$"},
		{"another protocol", CPM_SLICE("GET / HTTP/1.1\r\n\r\n"), "!syntax"},
		{"a short id", CPM_SLICE("MSRP 123 SEND\r\n"), "!syntax"},
		{"an id that starts with a dot", CPM_SLICE("MSRP .123 SEND\r\n"), "!syntax"},
		{"a long id", CPM_SLICE("MSRP 123456789012345678901234567890123 SEND\r\n"), "!syntax"},
		{"no second blank", CPM_SLICE("MSRP x\r\n-------x$\r\n"), "!syntax"},
		{"a method in lower case", CPM_SLICE("MSRP 1234 send\r\n"), "!syntax"},
		{"words behind the method", CPM_SLICE("MSRP 1234 SEND me\r\n"), "!syntax"},
		{"a bare LF", CPM_SLICE("MSRP 1234 SEND\n"), "!syntax"},
		{"a line that is no header", CPM_SLICE("MSRP 1234 SEND\r\nHello\r\n"), "!syntax"},
		{"a folded header", CPM_SLICE("MSRP 1234 SEND\r\nTo-Path: a\r\n b\r\n"), "!syntax"},
		{"an end-line of another", CPM_SLICE("MSRP 1234 SEND\r\n-------1235$\r\n"), "!syntax"},
		{"an end-line without a flag", CPM_SLICE("MSRP 1234 SEND\r\n-------1234\r\n"), "!syntax"},
		{"a response with a body", CPM_SLICE("MSRP 1234 200 OK\r\n\r\n"), "!syntax"},
};

static void expect(int row, struct cpm_slice a, struct cpm_slice b, size_t split)
{
	struct cpm_msrp_reader r;
	struct cpm_buf out;
	char memory[1024];

	cpm_buf_init(&out, 4096);
	cpm_msrp_reader_init(&r, memory, sizeof(memory), &limits);
	tell(&out, &r, a);
	if(out.n && memchr(out.p, '!', out.n))
		b.n = 0;
	tell(&out, &r, b);
	ck_assert_msg(cpm_slice_eq(cpm_buf_slice(&out), cpm_slice_of(streams[row].told)),
			"%s, split at %zu: %.*s", streams[row].name, split, (int)out.n, out.p);
	if(!memchr(out.p, '!', out.n))
		ck_assert(cpm_msrp_reader_idle(&r));
	cpm_buf_free(&out);
}

START_TEST(tells_the_same_whatever_the_split)
{
	struct cpm_slice text = streams[_i].text;

	for(size_t split = 0; split <= text.n; split++)
		expect(_i, unit_guard(cpm_slice_head(text, split)), cpm_slice_from(text, split), split);
}
END_TEST

START_TEST(takes_single_octets)
{
	struct cpm_msrp_reader r;
	struct cpm_buf out;
	char memory[1024];

	cpm_buf_init(&out, 4096);
	cpm_msrp_reader_init(&r, memory, sizeof(memory), &limits);
	for(size_t i = 0; i < streams[_i].text.n && !(out.n && memchr(out.p, '!', out.n)); i++)
		tell(&out, &r, unit_guard((struct cpm_slice){streams[_i].text.p + i, 1}));
	ck_slice(cpm_buf_slice(&out), streams[_i].told, streams[_i].name);
	cpm_buf_free(&out);
}
END_TEST

START_TEST(reads_all_headers)
{
	static const char text[] = "MSRP d93kswow SEND\r\n" PATHS "Message-ID: 12339sdqwer\r\n"
							   "byte-range: 3-*/106\r\nSuccess-Report: yes\r\n"
							   "Failure-Report: partial\r\nContent-Disposition: x\r\n"
							   "Content-Type: message/cpim\r\n\r\n";
	struct cpm_slice input = CPM_SLICE(text), piece;
	enum cpm_msrp_event event;
	struct cpm_msrp_reader r;
	char memory[1024];

	cpm_msrp_reader_init(&r, memory, sizeof(memory), &limits);
	ck_assert_int_eq(cpm_msrp_next(&r, &input, &event, &piece, NULL), CPM_OK);
	ck_assert_int_eq(event, CPM_MSRP_HEAD);
	ck_assert_ptr_null(r.head.fault);
	ck_assert_int_eq(r.head.kind, CPM_MSRP_SEND);
	ck_slice(r.head.to_path, "msrp://bob.example.com:8888/9di4eae923wzd;tcp", "To-Path");
	ck_slice(r.head.from_path, "msrp://alicepc.example.com:7777/iau39soe2843z;tcp", "From-Path");
	ck_slice(r.head.message_id, "12339sdqwer", "Message-ID");
	ck_slice(r.head.content_type, "message/cpim", "Content-Type");
	ck_assert(r.head.ranged && r.head.range.first == 3 && !r.head.range.last_known);
	ck_assert(r.head.range.total_known && r.head.range.total == 106);
	ck_assert(r.head.success_report && r.head.body);
	ck_assert_int_eq(r.head.responses, CPM_MSRP_ERRORS);
	ck_assert_uint_eq(r.head.text.n, sizeof(text) - 1 - 2);
}
END_TEST

static const struct {
	const char *text;
	bool valid;
	struct cpm_msrp_range range;
} ranges[] = {
		{"1-25/25", true, {1, 25, 25, true, true}},
		{"1-*/*", true, {1, 0, 0, false, false}},
		{"7-*/9", true, {7, 0, 9, false, true}},
		{"1-0/0", true, {1, 0, 0, true, true}},
		{"10-9/9", true, {10, 9, 9, true, true}},
		{"3-4/*", true, {3, 4, 0, true, false}},
		{"0-1/2", false, {0}},
		{"*-1/2", false, {0}},
		{"3-1/2", false, {0}},
		{"1-3/2", false, {0}},
		{"11-*/9", false, {0}},
		{"1-2", false, {0}},
		{"1/2", false, {0}},
		{"", false, {0}},
		{"1-2/3 ", false, {0}},
		{"1--2/3", false, {0}},
		{"1-18446744073709551615/*", false, {0}},
		{"18446744073709551616-*/*", false, {0}},
};

START_TEST(reads_ranges)
{
	struct cpm_msrp_range r;
	bool valid = cpm_msrp_range_parse(unit_guard(cpm_slice_of(ranges[_i].text)), &r);

	ck_assert_msg(valid == ranges[_i].valid, "%s", ranges[_i].text);
	if(!valid)
		return;
	ck_assert_uint_eq(r.first, ranges[_i].range.first);
	ck_assert_int_eq(r.last_known, ranges[_i].range.last_known);
	ck_assert_int_eq(r.total_known, ranges[_i].range.total_known);
	if(r.last_known)
		ck_assert_uint_eq(r.last, ranges[_i].range.last);
	if(r.total_known)
		ck_assert_uint_eq(r.total, ranges[_i].range.total);
}
END_TEST

static const char *with_limits(size_t size, size_t max_line, size_t max_headers)
{
	static char told[64];
	struct cpm_msrp_limits l = {max_line, max_headers};
	struct cpm_msrp_reader r;
	struct cpm_buf out;
	char memory[1024];

	cpm_buf_init_fixed(&out, told, sizeof(told) - 1);
	cpm_msrp_reader_init(&r, memory, size, &l);
	/* Lines of 16, 12, 14, 15 and 14 bytes: 71 in all. */
	tell(&out, &r,
			CPM_SLICE("MSRP 1234 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\nMessage-ID: 1\r\n"
					  "-------1234$\r\n"));
	told[out.n] = '\0';
	return told;
}

START_TEST(keeps_the_limits)
{
	ck_assert_str_eq(with_limits(71, 16, 3), "<SEND0 1234>|$");
	ck_assert_str_eq(with_limits(70, 16, 3), "!limit");
	ck_assert_str_eq(with_limits(71, 15, 3), "!limit");
	ck_assert_str_eq(with_limits(71, 16, 2), "!limit");
	ck_assert_str_eq(with_limits(0, 16, 2), "!limit");
}
END_TEST

/* A line that never ends is refused as soon as it is too long, however it comes. */
START_TEST(does_not_collect_without_end)
{
	struct cpm_msrp_limits l = {32, 8};
	struct cpm_msrp_reader r;
	enum cpm_msrp_event event;
	struct cpm_slice piece, input = CPM_SLICE("MSRP 1234 SEND\r\n");
	char memory[1024];
	int taken = 0;

	cpm_msrp_reader_init(&r, memory, sizeof(memory), &l);
	ck_assert_int_eq(cpm_msrp_next(&r, &input, &event, &piece, NULL), CPM_OK);
	for(;; taken++) {
		input = CPM_SLICE("x");
		if(cpm_msrp_next(&r, &input, &event, &piece, NULL) == CPM_LIMIT)
			break;
		ck_assert_int_lt(taken, 40);
	}
	ck_assert_int_eq(taken, 32);
}
END_TEST

/* A large body, all octet values, in pieces of every size up to 70. */
START_TEST(hands_a_body_out_as_it_comes)
{
	enum { SIZE = 20000 };
	static char text[SIZE + 200];
	static const char head[] = SEND("zzzz", "Message-ID: 1\r\nContent-Type: a/b\r\n\r\n", "");
	size_t n = sizeof(head) - 1, length;

	memcpy(text, head, n);
	for(int i = 0; i < SIZE; i++)
		text[n + (size_t)i] = (char)(i * 7 + (i >> 8) * 13);
	for(int i = 0; i < 200; i++)
		memcpy(text + n + (size_t)(i * 97), "\r\n-------zzz", 12);
	length = n + SIZE;
	memcpy(text + length, "\r\n-------zzzz$\r\n", 16);
	length += 16;
	for(size_t step = 1; step <= 70; step++) {
		struct cpm_msrp_reader r;
		char memory[1024];
		size_t body = 0;
		bool ended = false;

		cpm_msrp_reader_init(&r, memory, sizeof(memory), &limits);
		for(size_t at = 0; at < length; at += step) {
			struct cpm_slice input = {text + at, at + step < length ? step : length - at};
			enum cpm_msrp_event event = CPM_MSRP_HEAD;

			while(event != CPM_MSRP_MORE) {
				struct cpm_slice piece;

				ck_assert_int_eq(cpm_msrp_next(&r, &input, &event, &piece, NULL), CPM_OK);
				if(event == CPM_MSRP_BODY) {
					ck_assert_int_eq(memcmp(piece.p, text + n + body, piece.n), 0);
					body += piece.n;
				}
				ended |= event == CPM_MSRP_END;
			}
		}
		ck_assert(ended);
		ck_assert_uint_eq(body, SIZE);
		ck_assert_uint_eq(r.octets, SIZE);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("msrp");

	tcase_add_loop_test(t, tells_the_same_whatever_the_split, 0, UNIT_COUNT(streams));
	tcase_add_loop_test(t, takes_single_octets, 0, UNIT_COUNT(streams));
	tcase_add_test(t, reads_all_headers);
	tcase_add_loop_test(t, reads_ranges, 0, UNIT_COUNT(ranges));
	tcase_add_test(t, keeps_the_limits);
	tcase_add_test(t, does_not_collect_without_end);
	tcase_add_test(t, hands_a_body_out_as_it_comes);
	return unit_run("msrp", t);
}
