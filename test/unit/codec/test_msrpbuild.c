/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/msrpbuild.c.
 */
#include "unit.h"

#include "core/codec/msrpbuild.h"

#define TO CPM_SLICE("msrp://b:2/y;tcp")
#define FROM CPM_SLICE("msrp://a:1/x;tcp")

START_TEST(writes_a_send)
{
	struct cpm_msrp_send send = {.tid = CPM_SLICE("tid1"),
			.to_path = TO,
			.from_path = FROM,
			.message_id = CPM_SLICE("m1"),
			.content_type = CPM_SLICE("message/cpim"),
			.range = {1, 0, 5000, false, true},
			.success_report = true,
			.responses = CPM_MSRP_ERRORS};
	struct cpm_buf b;

	cpm_buf_init(&b, 1000);
	cpm_msrp_add_send(&b, &send);
	cpm_buf_add_str(&b, "abc");
	cpm_msrp_add_end(&b, send.tid, CPM_MSRP_CONTINUED, true);
	ck_slice(cpm_buf_slice(&b),
			"MSRP tid1 SEND\r\nTo-Path: msrp://b:2/y;tcp\r\nFrom-Path: msrp://a:1/x;tcp\r\n"
			"Message-ID: m1\r\nByte-Range: 1-*/5000\r\nSuccess-Report: yes\r\n"
			"Failure-Report: partial\r\nContent-Type: message/cpim\r\n\r\nabc\r\n-------tid1+\r\n",
			"chunk");
	cpm_buf_reset(&b);
	send.content_type = CPM_SLICE_NONE;
	send.success_report = false;
	send.responses = CPM_MSRP_ALL;
	send.range = (struct cpm_msrp_range){1, 0, 0, true, true};
	cpm_msrp_add_send(&b, &send);
	cpm_msrp_add_end(&b, send.tid, CPM_MSRP_LAST, false);
	ck_slice(cpm_buf_slice(&b),
			"MSRP tid1 SEND\r\nTo-Path: msrp://b:2/y;tcp\r\nFrom-Path: msrp://a:1/x;tcp\r\n"
			"Message-ID: m1\r\nByte-Range: 1-0/0\r\n-------tid1$\r\n",
			"without a body");
	cpm_buf_free(&b);
}
END_TEST

START_TEST(writes_responses_and_reports)
{
	struct cpm_msrp_report report = {CPM_SLICE("tid2"), TO, FROM, CPM_SLICE("m1"), 5000, 200};
	struct cpm_buf b;

	cpm_buf_init(&b, 1000);
	cpm_msrp_add_response(&b, CPM_SLICE("tid1"), 481, TO, FROM);
	ck_slice(cpm_buf_slice(&b),
			"MSRP tid1 481 Session Does Not Exist\r\nTo-Path: msrp://b:2/y;tcp\r\n"
			"From-Path: msrp://a:1/x;tcp\r\n-------tid1$\r\n",
			"response");
	cpm_buf_reset(&b);
	cpm_msrp_add_report(&b, &report);
	ck_slice(cpm_buf_slice(&b),
			"MSRP tid2 REPORT\r\nTo-Path: msrp://b:2/y;tcp\r\nFrom-Path: msrp://a:1/x;tcp\r\n"
			"Message-ID: m1\r\nByte-Range: 1-5000/5000\r\nStatus: 000 200 OK\r\n-------tid2$\r\n",
			"report");
	cpm_buf_free(&b);
}
END_TEST

START_TEST(reads_what_it_writes)
{
	struct cpm_msrp_report report = {CPM_SLICE("tid2"), TO, FROM, CPM_SLICE("m1"), 5000, 413};
	static const struct cpm_msrp_limits limits = CPM_MSRP_LIMITS_DEFAULT;
	struct cpm_msrp_reader r;
	enum cpm_msrp_event event;
	struct cpm_slice input, piece;
	char memory[512];
	struct cpm_buf b;

	cpm_buf_init(&b, 1000);
	cpm_msrp_add_report(&b, &report);
	input = cpm_buf_slice(&b);
	cpm_msrp_reader_init(&r, memory, sizeof(memory), &limits);
	ck_assert_int_eq(cpm_msrp_next(&r, &input, &event, &piece, NULL), CPM_OK);
	ck_assert_int_eq(event, CPM_MSRP_HEAD);
	ck_assert_ptr_null(r.head.fault);
	ck_assert_int_eq(r.head.kind, CPM_MSRP_REPORT);
	ck_assert_uint_eq(r.head.status, 413);
	ck_assert_uint_eq(r.head.range.last, 5000);
	cpm_buf_free(&b);
}
END_TEST

static const struct {
	const char *body;
	bool occurs;
} bodies[] = {
		{"", false},
		{"-------tid", false},
		{"-------tid1", true},
		{"x--------tid1$", true},
		{"-------tid2 -------tid1", true},
		{"-------TID1", false},
		{"------tid1", false},
		{"--------------", false},
		{"--------------tid1", true},
};

START_TEST(sees_its_end_line_in_a_body)
{
	bool occurs = cpm_msrp_tid_occurs(CPM_SLICE("tid1"), unit_guard(cpm_slice_of(bodies[_i].body)));

	ck_assert_msg(occurs == bodies[_i].occurs, "%s", bodies[_i].body);
}
END_TEST

START_TEST(makes_identifiers)
{
	unsigned char random[CPM_MSRP_ID_BYTES];
	char text[CPM_MSRP_ID_LENGTH];
	struct cpm_buf b;

	for(int i = 0; i < 256; i++) {
		memset(random, i, sizeof(random));
		cpm_buf_init_fixed(&b, text, sizeof(text));
		cpm_msrp_add_id(&b, random);
		ck_assert_int_eq(b.rc, CPM_OK);
		ck_assert_uint_eq(b.n, CPM_MSRP_ID_LENGTH);
		ck_assert(text[0] != '.' && text[0] != '-');
		for(size_t k = 0; k < b.n; k++)
			ck_assert(strchr(
					"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", text[k]));
	}
}
END_TEST

START_TEST(knows_phrases)
{
	ck_assert_str_eq(cpm_msrp_phrase(506), "Session In Use");
	ck_assert_str_eq(cpm_msrp_phrase(299), "Unknown");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("msrpbuild");

	tcase_add_test(t, writes_a_send);
	tcase_add_test(t, writes_responses_and_reports);
	tcase_add_test(t, reads_what_it_writes);
	tcase_add_loop_test(t, sees_its_end_line_in_a_body, 0, UNIT_COUNT(bodies));
	tcase_add_test(t, makes_identifiers);
	tcase_add_test(t, knows_phrases);
	return unit_run("msrpbuild", t);
}
