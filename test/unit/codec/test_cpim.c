/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/cpim.c.
 */
#include "unit.h"

#include "core/codec/cpim.h"

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

/* RFC 5438 section 7.1.1.3, with the headers of CPM added. */
static const char message[] =
		"From: Alice <im:alice@example.com>\r\n"
		"To: Bob <im:bob@example.com>\r\n"
		"To: Carol <im:carol@example.com>\r\n"
		"NS: imdn <urn:ietf:params:imdn>\r\n"
		"NS: cpm <http://www.openmobilealliance.org/cpm/>\r\n"
		"imdn.Message-ID: 34jk324j\r\n"
		"DateTime: 2006-04-04T12:16:49-05:00\r\n"
		"imdn.Disposition-Notification: positive-delivery, negative-delivery\r\n"
		"imdn.Original-To: <im:bob@example.com>\r\n"
		"imdn.IMDN-Record-Route: <im:relay2@example.com>\r\n"
		"imdn.IMDN-Record-Route: <im:relay1@example.com>\r\n"
		"cpm.Payload-Type: text/plain\r\n"
		"Subject:;lang=fr Objet: bonjour\r\n"
		"x.Unknown: value\r\n"
		"\r\n"
		"Content-type: text/plain\r\n"
		"Content-length: 12\r\n"
		"\r\n"
		"Hello World\r\n";

static enum cpm_rc parse(struct cpm_slice body, struct cpm_cpim *cpim)
{
	struct cpm_diag diag = {0};
	enum cpm_rc rc = cpm_cpim_parse(body, &limits, cpim, &diag);

	ck_assert_uint_le(diag.offset, body.n);
	if(rc)
		ck_assert_ptr_nonnull(diag.reason);
	return rc;
}

START_TEST(takes_a_message_apart)
{
	struct cpm_slice body = CPM_SLICE(message);
	struct cpm_cpim c;

	ck_assert_int_eq(parse(unit_guard(body), &c), CPM_OK);
	ck_slice(c.from, "Alice <im:alice@example.com>", "From");
	ck_slice(c.to, "Bob <im:bob@example.com>", "To");
	ck_slice(c.date_time, "2006-04-04T12:16:49-05:00", "DateTime");
	ck_slice(c.subject, "Objet: bonjour", "Subject");
	ck_slice(c.imdn_id, "34jk324j", "Message-ID");
	ck_slice(c.disposition, "positive-delivery, negative-delivery", "Disposition-Notification");
	ck_slice(c.disposition_line,
			"imdn.Disposition-Notification: positive-delivery, negative-delivery\r\n", "line");
	ck_assert_uint_eq(c.wants, CPM_WANT_POSITIVE | CPM_WANT_NEGATIVE);
	ck_slice(c.original_to, "<im:bob@example.com>", "Original-To");
	ck_assert_uint_eq(c.record_route_count, 2);
	ck_slice(c.record_routes[0], "<im:relay2@example.com>", "IMDN-Record-Route");
	ck_slice(c.record_routes[1], "<im:relay1@example.com>", "IMDN-Record-Route");
	ck_slice(c.payload_type, "text/plain", "Payload-Type");
	ck_slice(c.content_type, "text/plain", "Content-type");
	ck_slice(c.content_headers, "Content-type: text/plain\r\nContent-length: 12\r\n",
			"MIME headers");
	ck_slice(c.content, "Hello World\r\n", "content");
	ck_assert(!cpm_cpim_is_imdn(&c));
	/* The blocks and the blank lines make up the whole body. */
	ck_assert_uint_eq(c.headers.n + 2 + c.content_headers.n + 2 + c.content.n, body.n);
}
END_TEST

START_TEST(refuses_what_ends_early)
{
	struct cpm_slice body = CPM_SLICE(message);
	size_t content = body.n - strlen("Hello World\r\n");

	for(size_t n = 0; n <= body.n; n++) {
		struct cpm_cpim c;
		/* An LF may stand for CRLF, but the CR alone ends nothing. */
		enum cpm_rc expected = n < content ? CPM_SYNTAX : CPM_OK;

		ck_assert_msg(parse(unit_guard(cpm_slice_head(body, n)), &c) == expected, "at %zu", n);
	}
}
END_TEST

#define HEADER(line) line "\r\n\r\n\r\n"
#define IMDN_NS "NS: imdn <urn:ietf:params:imdn>\r\n"

static const struct {
	const char *name, *body, *imdn_id;
	unsigned wants;
} namespaces[] = {
		{"other prefix", HEADER("NS: x <urn:ietf:params:imdn>\r\nx.Message-ID: 1"), "1"},
		{"no blank", HEADER("NS: imdn<urn:ietf:params:imdn>\r\nimdn.Message-ID: 1"), "1"},
		{"default namespace", HEADER("NS: <urn:ietf:params:imdn>\r\nMessage-ID: 1"), "1"},
		{"bound again", HEADER("NS: imdn <urn:x>\r\n" IMDN_NS "imdn.Message-ID: 1"), "1"},
		{"bound to another", HEADER(IMDN_NS "NS: imdn <urn:x>\r\nimdn.Message-ID: 1"), ""},
		{"declared too late", HEADER("imdn.Message-ID: 1\r\n" IMDN_NS "x: y"), ""},
		{"not declared", HEADER("imdn.Message-ID: 1"), ""},
		{"prefixes have case", HEADER(IMDN_NS "IMDN.Message-ID: 1"), ""},
		{"names have case", HEADER(IMDN_NS "imdn.message-id: 1"), ""},
		{"no prefix", HEADER(IMDN_NS "Message-ID: 1"), ""},
		{"broken declaration", HEADER("NS: imdn urn:ietf:params:imdn\r\nimdn.Message-ID: 1"), ""},
		{"bare LF", "NS: imdn <urn:ietf:params:imdn>\nimdn.Message-ID: 1\n\n\n", "1"},
		{"first one counts", HEADER(IMDN_NS "imdn.Message-ID: 1\r\nimdn.Message-ID: 2"), "1"},
		{"no blank behind the colon", HEADER(IMDN_NS "imdn.Message-ID:1"), "1"},
		{"all tokens",
				HEADER(IMDN_NS "imdn.Disposition-Notification: Positive-Delivery,"
							   "negative-delivery;x=\"a,b\", processing , display,interworking"),
				"", CPM_WANT_POSITIVE | CPM_WANT_NEGATIVE | CPM_WANT_PROCESSING | CPM_WANT_DISPLAY},
		{"one token", HEADER(IMDN_NS "imdn.Disposition-Notification: display"), "",
				CPM_WANT_DISPLAY},
		{"no substring", HEADER(IMDN_NS "imdn.Disposition-Notification: xdisplay, displayx"), ""},
};

START_TEST(binds_by_namespace)
{
	struct cpm_cpim c;

	ck_assert_int_eq(parse(unit_guard(cpm_slice_of(namespaces[_i].body)), &c), CPM_OK);
	ck_slice(c.imdn_id, namespaces[_i].imdn_id, namespaces[_i].name);
	ck_assert_msg(c.wants == namespaces[_i].wants, "%s: %u", namespaces[_i].name, c.wants);
}
END_TEST

static const struct {
	const char *name;
	struct cpm_slice body;
} broken[] = {
		{"empty", {"", 0}},
		{"no colon", CPM_SLICE("From\r\n\r\n\r\n")},
		{"empty name", CPM_SLICE(": x\r\n\r\n\r\n")},
		{"blank in the name", CPM_SLICE("Fr om: x\r\n\r\n\r\n")},
		{"NUL in a value", CPM_SLICE("From: a\0b\r\n\r\n\r\n")},
		{"NUL in a MIME header", CPM_SLICE("From: a\r\n\r\nContent-Type: a\0b\r\n\r\n")},
		{"no MIME headers", CPM_SLICE("From: a\r\n\r\n")},
		{"broken MIME header", CPM_SLICE("From: a\r\n\r\nHello\r\n\r\n")},
		{"text only", CPM_SLICE("Hello")},
};

START_TEST(refuses_what_is_broken)
{
	struct cpm_cpim c;

	ck_assert_msg(parse(unit_guard(broken[_i].body), &c) == CPM_SYNTAX, "%s", broken[_i].name);
}
END_TEST

START_TEST(takes_nul_in_the_content)
{
	struct cpm_cpim c;

	ck_assert_int_eq(parse(CPM_SLICE("\r\n\r\na\0b"), &c), CPM_OK);
	ck_assert_uint_eq(c.content.n, 3);
}
END_TEST

START_TEST(keeps_the_limit_of_headers)
{
	struct cpm_buf b;
	struct cpm_limits l = CPM_LIMITS_DEFAULT;
	struct cpm_cpim c;

	cpm_buf_init(&b, 1000);
	for(int i = 0; i < 3; i++)
		cpm_buf_add_str(&b, "A: 1\r\n");
	cpm_buf_add_str(&b, "\r\nContent-Type: text/plain\r\n\r\n");
	for(l.max_cpim_headers = 0; l.max_cpim_headers < 6; l.max_cpim_headers++)
		ck_assert_int_eq(cpm_cpim_parse(cpm_buf_slice(&b), &l, &c, NULL),
				l.max_cpim_headers < 4 ? CPM_LIMIT : CPM_OK);
	cpm_buf_free(&b);
}
END_TEST

START_TEST(keeps_the_limit_of_namespaces)
{
	for(int n = 14; n < 18; n++) {
		struct cpm_buf b;
		struct cpm_cpim c;

		cpm_buf_init(&b, 2000);
		for(int i = 0; i < n; i++) {
			cpm_buf_add_str(&b, "NS: p");
			cpm_buf_add_i64(&b, i);
			cpm_buf_add_str(&b, " <urn:x>\r\n");
		}
		cpm_buf_add_str(&b, "\r\n\r\n");
		/* 15 and the default one. */
		ck_assert_int_eq(parse(cpm_buf_slice(&b), &c), n > 15 ? CPM_LIMIT : CPM_OK);
		cpm_buf_free(&b);
	}
}
END_TEST

START_TEST(keeps_the_limit_of_routes)
{
	for(int n = CPM_CPIM_ROUTES_MAX - 1; n <= CPM_CPIM_ROUTES_MAX + 1; n++) {
		struct cpm_buf b;
		struct cpm_cpim c;

		cpm_buf_init(&b, 2000);
		cpm_buf_add_str(&b, IMDN_NS);
		for(int i = 0; i < n; i++)
			cpm_buf_add_str(&b, "imdn.IMDN-Record-Route: <sip:a@x>\r\n");
		cpm_buf_add_str(&b, "\r\n\r\n");
		ck_assert_int_eq(
				parse(cpm_buf_slice(&b), &c), n > CPM_CPIM_ROUTES_MAX ? CPM_LIMIT : CPM_OK);
		cpm_buf_free(&b);
	}
}
END_TEST

START_TEST(finds_it_in_a_body)
{
	struct cpm_slice mixed = CPM_SLICE("multipart/mixed;boundary=b"), body;
	struct cpm_diag diag = {0};
	struct cpm_cpim c;

	ck_assert_int_eq(
			cpm_cpim_find(CPM_SLICE(message), CPM_SLICE("Message/CPIM"), &limits, &c, &diag),
			CPM_OK);
	ck_slice(c.imdn_id, "34jk324j", "alone");
	ck_assert_int_eq(cpm_cpim_find(CPM_SLICE("text"), CPM_SLICE("text/plain"), &limits, &c, &diag),
			CPM_NOTFOUND);
	ck_assert_uint_eq(c.imdn_id.n, 0);
	body = CPM_SLICE("--b\r\n\r\nx\r\n--b\r\nContent-Type: message/cpim\r\n\r\n" IMDN_NS
					 "imdn.Message-ID: 1\r\n\r\n\r\n\r\n--b--");
	ck_assert_int_eq(cpm_cpim_find(body, mixed, &limits, &c, &diag), CPM_OK);
	ck_slice(c.imdn_id, "1", "in a part");
	body = CPM_SLICE("--b\r\nContent-Type: message/cpim\r\n\r\nFrom\r\n--b--");
	ck_assert_int_eq(cpm_cpim_find(body, mixed, &limits, &c, &diag), CPM_SYNTAX);
	ck_assert_uint_eq(diag.offset, strlen("--b\r\nContent-Type: message/cpim\r\n\r\n"));
}
END_TEST

START_TEST(knows_a_disposition_notification)
{
	struct cpm_cpim c;

	ck_assert_int_eq(
			parse(CPM_SLICE("\r\nContent-Type: Message/IMDN+xml; charset=x\r\n\r\n"), &c), CPM_OK);
	ck_assert(cpm_cpim_is_imdn(&c));
	ck_assert_int_eq(parse(CPM_SLICE("\r\nContent-Type: message/imdn\r\n\r\n"), &c), CPM_OK);
	ck_assert(!cpm_cpim_is_imdn(&c));
	ck_assert_int_eq(parse(CPM_SLICE("\r\n\r\n"), &c), CPM_OK);
	ck_assert(!cpm_cpim_is_imdn(&c));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cpim");

	tcase_add_test(t, takes_a_message_apart);
	tcase_add_test(t, refuses_what_ends_early);
	tcase_add_loop_test(t, binds_by_namespace, 0, UNIT_COUNT(namespaces));
	tcase_add_loop_test(t, refuses_what_is_broken, 0, UNIT_COUNT(broken));
	tcase_add_test(t, takes_nul_in_the_content);
	tcase_add_test(t, keeps_the_limit_of_headers);
	tcase_add_test(t, keeps_the_limit_of_namespaces);
	tcase_add_test(t, keeps_the_limit_of_routes);
	tcase_add_test(t, finds_it_in_a_body);
	tcase_add_test(t, knows_a_disposition_notification);
	return unit_run("cpim", t);
}
