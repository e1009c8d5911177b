/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/sdp.c.
 */
#include "unit.h"

#include "core/codec/sdp.h"

/* An RCS client's offer of a large message. */
static const char offer[] =
		"v=0\r\no=alice 2890844526 2890844527 IN IP4 192.0.2.7\r\ns= \r\nc=IN IP4 192.0.2.7\r\n"
		"t=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\na=setup:holdconn\r\n"
		"m=message 7654 TCP/MSRP *\r\nc=IN IP6 2001:db8::7\r\na=accept-types:message/cpim "
		"text/*\r\n"
		"a=accept-wrapped-types:*\r\na=path:msrp://[2001:db8::7]:7654/jshA7weztas;tcp\r\n"
		"a=max-size:1000000\r\na=file-selector:name:\"my size:3 file\" type:image/jpeg size:4092 "
		"hash:sha-1:72:24\r\na=file-transfer-id:x\r\na=setup:actpass\r\na=sendonly\r\na=msrp-"
		"cema\r\n"
		"m=message 9 TCP/TLS/MSRP *\r\na=path:msrps://other/x;tcp\r\na=recvonly\r\n";

START_TEST(reads_an_offer)
{
	struct cpm_sdp s;

	ck_assert_int_eq(cpm_sdp_parse(unit_guard(CPM_SLICE(offer)), &s, NULL), CPM_OK);
	ck_slice(s.address, "2001:db8::7", "address");
	ck_assert(s.ipv6 && !s.tls && s.cema && s.file_size_known);
	ck_assert_uint_eq(s.port, 7654);
	ck_slice(s.path, "msrp://[2001:db8::7]:7654/jshA7weztas;tcp", "path");
	ck_slice(s.accept_types, "message/cpim text/*", "accept-types");
	ck_slice(s.accept_wrapped_types, "*", "accept-wrapped-types");
	ck_assert_uint_eq(s.max_size, 1000000);
	ck_assert_uint_eq(s.file_size, 4092);
	ck_assert_int_eq(s.setup, CPM_SDP_ACTPASS);
	ck_assert_int_eq(s.direction, CPM_SDP_SENDONLY);
	ck_assert_uint_eq(s.media_count, 3);
	ck_assert_uint_eq(s.msrp, 1);
	ck_assert_uint_eq(s.carried_count, 2);
	ck_assert(cpm_slice_starts(s.carried[0], CPM_SLICE("file-selector:name:\"my size:3 file\" ")));
	ck_slice(s.carried[1], "file-transfer-id:x", "carried");
}
END_TEST

#define SESSION "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define MEDIA "m=message 7 TCP/MSRP *\r\na=path:msrp://a:7/x;tcp\r\n"

static const struct {
	const char *name, *text;
	enum cpm_rc rc;
} odd[] = {
		{"least", SESSION MEDIA, CPM_OK},
		{"bare LF and blanks",
				"v=0\no=- 1 1 IN IP4 a\ns=-\nc=IN IP4 a\nm=message  7  TCP/MSRP *\na= path: "
				"msrp://a:7/x;tcp\n",
				CPM_OK},
		{"no line end at the end", SESSION "m=message 0 TCP/MSRP *", CPM_OK},
		{"refused", SESSION "m=message 0 TCP/MSRP *\r\n", CPM_OK},
		{"TLS", SESSION "m=message 7 TCP/TLS/MSRP *\r\na=path:msrps://a:7/x;tcp\r\n", CPM_OK},
		{"an unknown attribute", SESSION MEDIA "a=foo\r\na=foo:bar\r\n", CPM_OK},
		{"a setup of other media", SESSION "m=audio 1 RTP/AVP 0\r\na=setup:x\r\n" MEDIA, CPM_OK},
		{"no MSRP", SESSION "m=audio 1 RTP/AVP 0\r\n", CPM_UNSUPPORTED},
		{"no media", SESSION, CPM_UNSUPPORTED},
		{"message over another protocol", SESSION "m=message 7 TCP/WS/MSRP *\r\n", CPM_UNSUPPORTED},
		{"no path", SESSION "m=message 7 TCP/MSRP *\r\n", CPM_SYNTAX},
		{"no address", "v=0\r\ns=-\r\n" MEDIA, CPM_SYNTAX},
		{"a broken port", SESSION "m=message x TCP/MSRP *\r\na=path:y\r\n", CPM_SYNTAX},
		{"a port out of range", SESSION "m=message 65536 TCP/MSRP *\r\na=path:y\r\n", CPM_SYNTAX},
		{"a broken setup", SESSION MEDIA "a=setup:maybe\r\n", CPM_SYNTAX},
		{"an empty setup", SESSION MEDIA "a=setup\r\n", CPM_SYNTAX},
		{"a broken max-size", SESSION MEDIA "a=max-size:-1\r\n", CPM_SYNTAX},
		{"a broken selector", SESSION MEDIA "a=file-selector:size:ten\r\n", CPM_SYNTAX},
		{"a broken address", SESSION MEDIA "c=IN IP5 a\r\n", CPM_SYNTAX},
		{"not SDP", "hello", CPM_SYNTAX},
		{"empty", "", CPM_SYNTAX},
		{"no type", SESSION "=x\r\n", CPM_SYNTAX},
		{"a line end within a line", SESSION "m=audio 1 RTP/AVP 0\rx\r\n" MEDIA, CPM_SYNTAX},
};

START_TEST(reads_odd_ones)
{
	struct cpm_sdp s;
	struct cpm_diag diag = {0};
	struct cpm_slice text = unit_guard(cpm_slice_of(odd[_i].text));
	enum cpm_rc rc = cpm_sdp_parse(text, &s, &diag);

	ck_assert_msg(rc == odd[_i].rc, "%s: %s", odd[_i].name, cpm_rc_name(rc));
	if(rc) {
		ck_assert_ptr_nonnull(diag.reason);
		ck_assert_uint_le(diag.offset, text.n);
	}
}
END_TEST

/* Whatever is cut off, nothing is read past the end; only whole offers have the path. */
START_TEST(takes_every_truncation)
{
	for(size_t n = 0; n < sizeof(offer); n++) {
		struct cpm_sdp s;

		if(!cpm_sdp_parse(unit_guard(cpm_slice_head(CPM_SLICE(offer), n)), &s, NULL))
			ck_assert(s.path.n > 0 && s.media_count >= 2);
	}
}
END_TEST

START_TEST(keeps_its_limits)
{
	struct cpm_buf b;
	struct cpm_sdp s;

	cpm_buf_init(&b, 100000);
	cpm_buf_add_str(&b, SESSION);
	for(int i = 0; i < CPM_SDP_MEDIA_MAX; i++)
		cpm_buf_add_str(&b, "m=audio 1 RTP/AVP 0\r\n");
	ck_assert_int_eq(cpm_sdp_parse(cpm_buf_slice(&b), &s, NULL), CPM_UNSUPPORTED);
	ck_assert_uint_eq(s.media_count, CPM_SDP_MEDIA_MAX);
	cpm_buf_add_str(&b, MEDIA);
	ck_assert_int_eq(cpm_sdp_parse(cpm_buf_slice(&b), &s, NULL), CPM_LIMIT);
	cpm_buf_reset(&b);
	cpm_buf_add_str(&b, SESSION MEDIA);
	for(int i = 0; i < CPM_SDP_LINES_MAX - 7; i++)
		cpm_buf_add_str(&b, "a=x\r\n");
	ck_assert_int_eq(cpm_sdp_parse(cpm_buf_slice(&b), &s, NULL), CPM_OK);
	cpm_buf_add_str(&b, "a=x\r\n");
	ck_assert_int_eq(cpm_sdp_parse(cpm_buf_slice(&b), &s, NULL), CPM_LIMIT);
	cpm_buf_free(&b);
}
END_TEST

/* Companion 5.1 and the norm's 8.3.1.6.7: attributes without blanks. */
START_TEST(writes_offers_and_answers)
{
	struct cpm_sdp_own own = {.address = CPM_SLICE("192.0.2.1"),
			.port = 2855,
			.session = 7,
			.version = 1,
			.path = CPM_SLICE("msrp://192.0.2.1:2855/s;tcp"),
			.accept_types = CPM_SLICE("message/cpim"),
			.file_size = 4092,
			.file_size_known = true,
			.setup = CPM_SDP_PASSIVE,
			.direction = CPM_SDP_SENDONLY};
	struct cpm_sdp s;
	struct cpm_buf b;

	cpm_buf_init(&b, 4000);
	cpm_sdp_add_offer(&b, &own);
	ck_slice(cpm_buf_slice(&b),
			"v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
			"m=message 2855 TCP/MSRP *\r\na=sendonly\r\na=accept-types:message/cpim\r\n"
			"a=path:msrp://192.0.2.1:2855/"
			"s;tcp\r\na=file-selector:size:4092\r\na=setup:passive\r\n",
			"offer");
	cpm_buf_reset(&b);
	own.address = CPM_SLICE("2001:db8::1");
	own.tls = true;
	own.file_size_known = false;
	own.setup = CPM_SDP_SETUP_NONE;
	own.direction = CPM_SDP_RECVONLY;
	own.accept_wrapped_types = CPM_SLICE("*");
	own.max_size = 1000;
	own.cema = true;
	ck_assert_int_eq(cpm_sdp_parse(CPM_SLICE(offer), &s, NULL), CPM_OK);
	own.carried = s.carried + 1;
	own.carried_count = 1;
	cpm_sdp_add_answer(&b, &s, &own);
	ck_slice(cpm_buf_slice(&b),
			"v=0\r\no=- 7 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n"
			"m=audio 0 RTP/AVP 0\r\nm=message 2855 TCP/TLS/MSRP *\r\na=recvonly\r\n"
			"a=accept-types:message/cpim\r\na=accept-wrapped-types:*\r\n"
			"a=path:msrp://192.0.2.1:2855/"
			"s;tcp\r\na=max-size:1000\r\na=file-transfer-id:x\r\na=msrp-cema\r\n"
			"m=message 0 TCP/TLS/MSRP *\r\n",
			"answer");
	cpm_buf_reset(&b);
	cpm_sdp_add_refusal(&b, &s, &own);
	ck_slice(cpm_buf_slice(&b),
			"v=0\r\no=- 7 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n"
			"m=audio 0 RTP/AVP 0\r\nm=message 0 TCP/MSRP *\r\nm=message 0 TCP/TLS/MSRP *\r\n",
			"refusal");
	cpm_buf_free(&b);
}
END_TEST

static const struct {
	const char *types, *type;
	bool accepted;
} lists[] = {
		{"message/cpim", "message/cpim", true},
		{"text/plain  Message/CPIM", "message/cpim", true},
		{"*", "message/cpim", true},
		{"message/*", "message/cpim", true},
		{"text/*", "message/cpim", false},
		{"message/cpim2", "message/cpim", false},
		{"message", "message/cpim", false},
		{"", "message/cpim", false},
};

START_TEST(looks_up_types)
{
	ck_assert_msg(
			cpm_sdp_accepts(unit_guard(cpm_slice_of(lists[_i].types)), cpm_slice_of(lists[_i].type))
					== lists[_i].accepted,
			"%s", lists[_i].types);
}
END_TEST

START_TEST(answers_setup)
{
	ck_assert_int_eq(cpm_sdp_setup_answer(CPM_SDP_ACTPASS), CPM_SDP_PASSIVE);
	ck_assert_int_eq(cpm_sdp_setup_answer(CPM_SDP_ACTIVE), CPM_SDP_PASSIVE);
	ck_assert_int_eq(cpm_sdp_setup_answer(CPM_SDP_PASSIVE), CPM_SDP_ACTIVE);
	ck_assert_int_eq(cpm_sdp_setup_answer(CPM_SDP_HOLDCONN), CPM_SDP_HOLDCONN);
	ck_assert_int_eq(cpm_sdp_setup_answer(CPM_SDP_SETUP_NONE), CPM_SDP_SETUP_NONE);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("sdp");

	tcase_add_test(t, reads_an_offer);
	tcase_add_loop_test(t, reads_odd_ones, 0, UNIT_COUNT(odd));
	tcase_add_test(t, takes_every_truncation);
	tcase_add_test(t, keeps_its_limits);
	tcase_add_test(t, writes_offers_and_answers);
	tcase_add_loop_test(t, looks_up_types, 0, UNIT_COUNT(lists));
	tcase_add_test(t, answers_setup);
	return unit_run("sdp", t);
}
