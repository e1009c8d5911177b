/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/object.c.
 */
#include "unit.h"

#include "core/codec/object.h"

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

#define CPIM_HEAD                                                             \
	"From: <sip:alice@example.net>\r\nTo: <sip:bob@example.net>\r\nNS: imdn " \
	"<urn:ietf:params:imdn>\r\nimdn.Message-ID: k3Jd92\r\n"
#define CPIM_TAIL "\r\nContent-Type: text/plain\r\n\r\nHello"

static struct cpm_object example(void)
{
	return (struct cpm_object){
			.key = CPM_SLICE("d7f3a1-9@pf.example.net"),
			.from = CPM_SLICE("\"Alice\" <sip:alice@example.net>"),
			.to = CPM_SLICE("sip:bob@example.net"),
			.date = CPM_SLICE("Tue, 01 Jan 2030 10:00:00 GMT"),
			.subject = CPM_SLICE("Lunch"),
			.conversation_id = CPM_SLICE("f81d4fae"),
			.contribution_id = CPM_SLICE("abcdef00"),
			.in_reply_to = CPM_SLICE("earlier"),
			.accept_contact = CPM_SLICE(
					"*;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg\""),
			.imdn_id = CPM_SLICE("k3Jd92"),
			.content_type = CPM_SLICE("message/cpim"),
			.body = CPM_SLICE(CPIM_HEAD CPIM_TAIL),
	};
}

START_TEST(companions_example)
{
	struct cpm_object o = example();
	struct cpm_buf b;

	cpm_buf_init(&b, 4000);
	ck_assert_int_eq(cpm_object_build(&o, &b), CPM_OK);
	ck_slice(cpm_buf_slice(&b),
			"From: \"Alice\" <sip:alice@example.net>\r\nTo: sip:bob@example.net\r\nDate: Tue, 01 "
			"Jan 2030 10:00:00 +0000\r\n"
			"Subject: Lunch\r\nMessage-ID: <d7f3a1-9@pf.example.net>\r\nConversation-ID: "
			"f81d4fae\r\nContribution-ID: abcdef00\r\n"
			"InReplyTo-Contribution-ID: earlier\r\n"
			"Accept-Contact: "
			"*;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg\"\r\nIMDN-"
			"Message-ID: k3Jd92\r\n"
			"Message-Direction: received\r\nMIME-Version: 1.0\r\nContent-Type: "
			"message/cpim\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" CPIM_HEAD CPIM_TAIL,
			"example");
	cpm_buf_free(&b);
}
END_TEST

START_TEST(direction)
{
	struct cpm_object o = example();
	struct cpm_buf b;

	o.sent = true;
	cpm_buf_init(&b, 4000);
	ck_assert_int_eq(cpm_object_build(&o, &b), CPM_OK);
	cpm_buf_add_char(&b, '\0');
	ck_assert_ptr_nonnull(strstr(b.p, "\r\nMessage-Direction: sent\r\n"));
	ck_assert_ptr_null(strstr(b.p, "received"));
	cpm_buf_free(&b);
}
END_TEST

START_TEST(no_value_adds_a_header)
{
	struct cpm_object o = example();
	struct cpm_buf b;

	o.subject = CPM_SLICE("a\r\nBcc: x\r\n\r\nbody\r\n");
	o.from = CPM_SLICE("<sip:a@b>\r\n \tfolded\x01\x7f");
	o.imdn_id = CPM_SLICE("  \r\n ");
	cpm_buf_init(&b, 4000);
	ck_assert_int_eq(cpm_object_build(&o, &b), CPM_OK);
	cpm_buf_add_char(&b, '\0');
	ck_assert_ptr_nonnull(strstr(b.p, "\r\nSubject: a Bcc: x body\r\n"));
	ck_assert_ptr_nonnull(strstr(b.p, "From: <sip:a@b> folded\r\n"));
	ck_assert_ptr_null(strstr(b.p, "IMDN-Message-ID:"));
	cpm_buf_free(&b);
}
END_TEST

static const struct {
	const char *body, *written;
	size_t n;
} bodies[] = {
		{"a\r\nb", "8bit\r\n\r\na\r\nb", 4},
		{"", "8bit\r\n\r\n", 0},
		{"\xff\xc3", "8bit\r\n\r\n\xff\xc3", 2},
		{"a\nb", "base64\r\n\r\nYQpi\r\n", 3},
		{"a\rb", "base64\r\n\r\nYQ1i\r\n", 3},
		{"a\r", "base64\r\n\r\nYQ0=\r\n", 2},
		{"\0", "base64\r\n\r\nAA==\r\n", 1},
};

START_TEST(body_byte_for_byte)
{
	struct cpm_object o = example();
	struct cpm_buf b;
	struct cpm_slice end;

	o.body = unit_guard((struct cpm_slice){bodies[_i].body, bodies[_i].n});
	cpm_buf_init(&b, 4000);
	ck_assert_int_eq(cpm_object_build(&o, &b), CPM_OK);
	end = cpm_slice_from(cpm_buf_slice(&b), b.n - strlen(bodies[_i].written));
	ck_slice(end, bodies[_i].written, "end of the object");
	cpm_buf_free(&b);
}
END_TEST

START_TEST(base64_lines)
{
	char body[1000];
	struct cpm_object o = example();
	struct cpm_buf b;
	struct cpm_slice rest, line;

	memset(body, '\n', sizeof(body));
	o.body = (struct cpm_slice){body, sizeof(body)};
	cpm_buf_init(&b, 4000);
	ck_assert_int_eq(cpm_object_build(&o, &b), CPM_OK);
	rest = cpm_buf_slice(&b);
	while(cpm_slice_split(&rest, '\n', &line))
		ck_assert_uint_le(line.n, 120);
	cpm_buf_free(&b);
}
END_TEST

static const char *const bad_keys[] = {
		"", "a", "@b", "a@", "a@b@c", "a b@c", "a\r\n@c", "<a@b>", "a\"@b", "\xc3\xa4@b"};

START_TEST(keys)
{
	struct cpm_object o = example();
	struct cpm_buf b;

	cpm_buf_init(&b, 4000);
	o.key = cpm_slice_of(bad_keys[_i]);
	ck_assert_int_eq(cpm_object_build(&o, &b), CPM_SYNTAX);
	ck_assert_int_eq(cpm_object_add_message_id(&b, o.key), CPM_SYNTAX);
	ck_assert_uint_eq(b.n, 0);
	ck_assert_int_eq(cpm_object_add_message_id(&b, CPM_SLICE("a.1-2@b")), CPM_OK);
	ck_slice(cpm_buf_slice(&b), "<a.1-2@b>", "key");
	cpm_buf_reset(&b);
	ck_assert_int_eq(cpm_object_add_message_id(&b, CPM_SLICE("a@[2001:db8::1]")), CPM_OK);
	ck_slice(cpm_buf_slice(&b), "<a@[2001:db8::1]>", "address");
	cpm_buf_free(&b);
}
END_TEST

static const struct {
	const char *aor, *key;
} user_keys[] = {{"sip:alice@cpm.test", "1.2.a@cpm.test"},
		{"tel:+33600112233", "1.2.a@cpm.invalid"},
		{"sip:alice@[2001:db8::1]", "1.2.a@[2001:db8::1]"}, {"", "1.2.a@cpm.invalid"}};

START_TEST(key_is_of_the_user)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 200);
	ck_assert_int_eq(
			cpm_object_add_key(&b, CPM_SLICE("1.2"), ".a", cpm_slice_of(user_keys[_i].aor)),
			CPM_OK);
	ck_slice(cpm_buf_slice(&b), user_keys[_i].key, "key");
	cpm_buf_free(&b);
	cpm_buf_init(&b, 5);
	ck_assert_int_eq(
			cpm_object_add_key(&b, CPM_SLICE("1.2"), ".a", cpm_slice_of(user_keys[_i].aor)),
			CPM_LIMIT);
	cpm_buf_free(&b);
}
END_TEST

START_TEST(limit)
{
	struct cpm_object o = example();
	struct cpm_buf b;
	size_t n;

	cpm_buf_init(&b, 4000);
	ck_assert_int_eq(cpm_object_build(&o, &b), CPM_OK);
	n = b.n;
	cpm_buf_free(&b);
	cpm_buf_init(&b, n);
	ck_assert_int_eq(cpm_object_build(&o, &b), CPM_OK);
	cpm_buf_free(&b);
	cpm_buf_init(&b, n - 1);
	ck_assert_int_eq(cpm_object_build(&o, &b), CPM_LIMIT);
	cpm_buf_free(&b);
}
END_TEST

/* Disposition-Notification in and out; NULL: the line goes. */
static const struct {
	const char *line, *left;
} dispositions[] = {
		{"imdn.Disposition-Notification: positive-delivery, display\r\n",
				"imdn.Disposition-Notification: display\r\n"},
		{"imdn.Disposition-Notification: positive-delivery, negative-delivery\r\n", NULL},
		{"imdn.Disposition-Notification: Positive-Delivery;x=1\r\n", NULL},
		{"imdn.Disposition-Notification: display\r\n",
				"imdn.Disposition-Notification: display\r\n"},
		{"imdn.Disposition-Notification:display ,interworking\r\n",
				"imdn.Disposition-Notification:display ,interworking\r\n"},
		{"imdn.Disposition-Notification: processing,negative-delivery,display,interworking\r\n",
				"imdn.Disposition-Notification: processing, display, interworking\r\n"},
		{"imdn.Disposition-Notification: positive-delivery,\r\n display\r\n",
				"imdn.Disposition-Notification: display\r\n"},
		{"imdn.Disposition-Notification: display\r\nX: y\r\nimdn.Disposition-Notification: "
		 "negative-delivery\r\n",
				"imdn.Disposition-Notification: display\r\nX: y\r\n"},
		{"NS: i <urn:ietf:params:imdn>\r\ni.Disposition-Notification: positive-delivery\r\n",
				"NS: i <urn:ietf:params:imdn>\r\n"},
		/* Not of that namespace. */
		{"foo.Disposition-Notification: positive-delivery\r\n",
				"foo.Disposition-Notification: positive-delivery\r\n"},
		{"", ""},
};

static void strip_check(const char *before, const char *middle, const char *after, const char *left,
		const char *type)
{
	char in[2000], out[2000];
	struct cpm_diag diag = {0};
	struct cpm_buf b;

	snprintf(in, sizeof(in), "%s%s%s", before, middle, after);
	snprintf(out, sizeof(out), "%s%s%s", before, left ? left : "", after);
	cpm_buf_init(&b, 4000);
	ck_assert_int_eq(
			cpm_object_strip(unit_guard(cpm_slice_of(in)), cpm_slice_of(type), &limits, &b, &diag),
			CPM_OK);
	ck_slice(cpm_buf_slice(&b), out, middle);
	cpm_buf_free(&b);
}

START_TEST(strips)
{
	strip_check(CPIM_HEAD, dispositions[_i].line, CPIM_TAIL, dispositions[_i].left, "message/cpim");
	strip_check("--b\r\nContent-Type: message/CPIM\r\n\r\n" CPIM_HEAD, dispositions[_i].line,
			CPIM_TAIL "\r\n--b\r\n\r\nx\r\n--b--\r\n", dispositions[_i].left,
			"multipart/mixed;boundary=b");
	strip_check(CPIM_HEAD, dispositions[_i].line, CPIM_TAIL, dispositions[_i].line, "text/plain");
	strip_check(CPIM_HEAD, dispositions[_i].line, CPIM_TAIL, dispositions[_i].line, "");
}
END_TEST

START_TEST(truncated_bodies)
{
	struct cpm_slice whole = CPM_SLICE(
			CPIM_HEAD "imdn.Disposition-Notification: positive-delivery, display\r\n" CPIM_TAIL);
	struct cpm_diag diag = {0};
	struct cpm_buf b;

	for(size_t n = 0; n <= whole.n; n++) {
		enum cpm_rc rc;

		cpm_buf_init(&b, 4000);
		rc = cpm_object_strip(unit_guard(cpm_slice_head(whole, n)), CPM_SLICE("message/cpim"),
				&limits, &b, &diag);
		ck_assert(rc == CPM_OK ? n >= whole.n - 5 : rc == CPM_SYNTAX);
		cpm_buf_free(&b);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("object");

	tcase_add_test(t, companions_example);
	tcase_add_test(t, direction);
	tcase_add_test(t, no_value_adds_a_header);
	tcase_add_loop_test(t, body_byte_for_byte, 0, UNIT_COUNT(bodies));
	tcase_add_test(t, base64_lines);
	tcase_add_loop_test(t, keys, 0, UNIT_COUNT(bad_keys));
	tcase_add_loop_test(t, key_is_of_the_user, 0, UNIT_COUNT(user_keys));
	tcase_add_test(t, limit);
	tcase_add_loop_test(t, strips, 0, UNIT_COUNT(dispositions));
	tcase_add_test(t, truncated_bodies);
	return unit_run("object", t);
}
