/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/imdn.c.
 */
#include "unit.h"

#include <libxml/parser.h>

#include "core/codec/cpim.h"
#include "core/codec/imdn.h"

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

/* 2030-01-01T10:00:05Z */
#define NOW_MS INT64_C(1893492005000)

/* Companion 8.3, and all that may stand in an IMDN beside it. */
static const char plain[] =
		"From: <sip:bob@example.net>\r\n"
		"To: <sip:alice@example.net>\r\n"
		"DateTime: 2030-01-01T10:00:05Z\r\n"
		"NS: imdn <urn:ietf:params:imdn>\r\n"
		"imdn.Message-ID: Zq81mmT0\r\n"
		"\r\n"
		"Content-Type: message/imdn+xml\r\n"
		"Content-Disposition: notification\r\n"
		"\r\n"
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
		"<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">\r\n"
		"  <message-id>k3Jd92</message-id>\r\n"
		"  <datetime>2030-01-01T10:00:00Z</datetime>\r\n"
		"  <recipient-uri>sip:bob@example.net</recipient-uri>\r\n"
		"  <original-recipient-uri>sip:bob@example.net</original-recipient-uri>\r\n"
		"  <delivery-notification><status><delivered/></status></delivery-notification>\r\n"
		"</imdn>\r\n";

static const char routed[] =
		"From: <tel:+15550107>\r\n"
		"To: <sip:alice@example.net>\r\n"
		"DateTime: 2030-01-01T10:00:05Z\r\n"
		"NS: imdn <urn:ietf:params:imdn>\r\n"
		"imdn.Message-ID: 2\r\n"
		"imdn.IMDN-Route: <sip:relay2@example.net>\r\n"
		"imdn.IMDN-Route: Relay <sip:relay1@example.net>\r\n"
		"\r\n"
		"Content-Type: message/imdn+xml\r\n"
		"Content-Disposition: notification\r\n"
		"\r\n"
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
		"<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">\r\n"
		"  <message-id>a&amp;&lt;b&gt;&quot;?</message-id>\r\n"
		"  <subject>\xc3\xa4</subject>\r\n"
		"  <processing-notification><status><stored/></status></processing-notification>\r\n"
		"</imdn>\r\n";

static const struct cpm_slice routes[] = {
		CPM_SLICE("<sip:relay2@example.net>"), CPM_SLICE("Relay <sip:relay1@example.net>")};

static const struct {
	struct cpm_imdn_envelope envelope;
	struct cpm_imdn imdn;
	const char *text;
} golden[] = {
		{{CPM_SLICE("sip:bob@example.net"), CPM_SLICE("sip:alice@example.net"),
				 CPM_SLICE("Zq81mmT0"), NULL, 0, NOW_MS},
				{CPM_SLICE("k3Jd92"), CPM_SLICE("2030-01-01T10:00:00Z"),
						CPM_SLICE("sip:bob@example.net"), CPM_SLICE("sip:bob@example.net"),
						CPM_SLICE_NONE, CPM_IMDN_DELIVERY, CPM_IMDN_DELIVERED},
				plain},
		{{CPM_SLICE("tel:+15550107"), CPM_SLICE("sip:alice@example.net"), CPM_SLICE("2"), routes, 2,
				 NOW_MS},
				{CPM_SLICE("a&<b>\"\x01"), CPM_SLICE_NONE, CPM_SLICE_NONE, CPM_SLICE_NONE,
						CPM_SLICE("\xc3\xa4"), CPM_IMDN_PROCESSING, CPM_IMDN_STORED},
				routed},
};

START_TEST(writes_byte_for_byte)
{
	struct cpm_diag diag = {0};
	struct cpm_buf b;

	cpm_buf_init(&b, 4096);
	ck_assert_int_eq(cpm_imdn_build(&golden[_i].envelope, &golden[_i].imdn, &b, &diag), CPM_OK);
	ck_slice(cpm_buf_slice(&b), golden[_i].text, "golden");
	cpm_buf_free(&b);
}
END_TEST

START_TEST(needs_room)
{
	size_t size = strlen(golden[_i].text);

	for(size_t max = 0; max <= size; max++) {
		struct cpm_diag diag = {0};
		struct cpm_buf b;
		enum cpm_rc rc;

		cpm_buf_init(&b, max);
		rc = cpm_imdn_build(&golden[_i].envelope, &golden[_i].imdn, &b, &diag);
		ck_assert_int_eq(rc, max < size ? CPM_LIMIT : CPM_OK);
		cpm_buf_free(&b);
	}
}
END_TEST

/* What one change to the first golden case does. */
static enum cpm_rc build_with(void (*change)(struct cpm_imdn_envelope *, struct cpm_imdn *))
{
	struct cpm_imdn_envelope envelope = golden[1].envelope;
	struct cpm_imdn imdn = golden[1].imdn;
	struct cpm_diag diag = {0};
	struct cpm_buf b;
	enum cpm_rc rc;

	change(&envelope, &imdn);
	cpm_buf_init(&b, 4096);
	rc = cpm_imdn_build(&envelope, &imdn, &b, &diag);
	ck_assert_ptr_nonnull(diag.reason);
	ck_assert_uint_eq(b.n, 0);
	cpm_buf_free(&b);
	return rc;
}

static void no_from(struct cpm_imdn_envelope *e, struct cpm_imdn *i)
{
	(void)i;
	e->from = CPM_SLICE_NONE;
}

static void closing_to(struct cpm_imdn_envelope *e, struct cpm_imdn *i)
{
	(void)i;
	e->to = CPM_SLICE("sip:a@x>\r\nX: y");
}

static void no_id(struct cpm_imdn_envelope *e, struct cpm_imdn *i)
{
	(void)i;
	e->id = CPM_SLICE_NONE;
}

static void folded_id(struct cpm_imdn_envelope *e, struct cpm_imdn *i)
{
	(void)i;
	e->id = CPM_SLICE("a\r\nb");
}

static void folded_route(struct cpm_imdn_envelope *e, struct cpm_imdn *i)
{
	static const struct cpm_slice folded[] = {CPM_SLICE("<sip:a@x>\r\n <sip:b@x>")};

	(void)i;
	e->routes = folded;
	e->route_count = 1;
}

static void no_message_id(struct cpm_imdn_envelope *e, struct cpm_imdn *i)
{
	(void)e;
	i->message_id = CPM_SLICE_NONE;
}

static void foreign_status(struct cpm_imdn_envelope *e, struct cpm_imdn *i)
{
	(void)e;
	i->status = CPM_IMDN_DELIVERED;
}

static void other_status(struct cpm_imdn_envelope *e, struct cpm_imdn *i)
{
	(void)e;
	i->status = CPM_IMDN_OTHER;
}

START_TEST(refuses_to_write)
{
	ck_assert_int_eq(build_with(no_from), CPM_SYNTAX);
	ck_assert_int_eq(build_with(closing_to), CPM_SYNTAX);
	ck_assert_int_eq(build_with(no_id), CPM_SYNTAX);
	ck_assert_int_eq(build_with(folded_id), CPM_SYNTAX);
	ck_assert_int_eq(build_with(folded_route), CPM_SYNTAX);
	ck_assert_int_eq(build_with(no_message_id), CPM_SYNTAX);
	ck_assert_int_eq(build_with(foreign_status), CPM_UNSUPPORTED);
	ck_assert_int_eq(build_with(other_status), CPM_UNSUPPORTED);
}
END_TEST

static enum cpm_rc parse(struct cpm_slice text, struct cpm_arena *arena, struct cpm_imdn *imdn)
{
	struct cpm_diag diag = {0};
	enum cpm_rc rc = cpm_imdn_parse(unit_guard(text), &limits, arena, imdn, &diag);

	if(rc) {
		ck_assert_ptr_nonnull(diag.reason);
		ck_assert_uint_le(diag.offset, text.n);
		ck_assert_uint_eq(imdn->message_id.n, 0);
	}
	return rc;
}

/* Every kind and status, written and read again through the CPIM reader. */
START_TEST(reads_what_it_wrote)
{
	size_t pairs = 0;

	for(int kind = CPM_IMDN_DELIVERY; kind <= CPM_IMDN_DISPLAY; kind++)
		for(int status = CPM_IMDN_DELIVERED; status <= CPM_IMDN_OTHER; status++) {
			struct cpm_imdn in = golden[0].imdn, out;
			struct cpm_arena arena;
			struct cpm_cpim cpim;
			struct cpm_buf b;

			in.kind = (enum cpm_imdn_kind)kind;
			in.status = (enum cpm_imdn_status)status;
			in.subject = CPM_SLICE("a <b> & \"c\"");
			cpm_buf_init(&b, 4096);
			cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
			if(!cpm_imdn_build(&golden[0].envelope, &in, &b, NULL)) {
				ck_assert_int_eq(cpm_cpim_parse(cpm_buf_slice(&b), &limits, &cpim, NULL), CPM_OK);
				ck_assert(cpm_cpim_is_imdn(&cpim));
				ck_slice(cpim.imdn_id, "Zq81mmT0", "own id");
				ck_assert_uint_eq(cpim.wants, 0);
				ck_assert_int_eq(parse(cpim.content, &arena, &out), CPM_OK);
				ck_slice(out.message_id, "k3Jd92", "message-id");
				ck_slice(out.datetime, "2030-01-01T10:00:00Z", "datetime");
				ck_slice(out.recipient_uri, "sip:bob@example.net", "recipient-uri");
				ck_slice(out.original_recipient_uri, "sip:bob@example.net", "original");
				ck_slice(out.subject, "a <b> & \"c\"", "subject");
				ck_assert(out.kind == in.kind && out.status == in.status);
				pairs++;
			}
			cpm_arena_free(&arena);
			cpm_buf_free(&b);
		}
	ck_assert_uint_eq(pairs, 4 + 4 + 3);
}
END_TEST

#define IMDN(content) "<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">" content "</imdn>"
#define ID "<message-id>1</message-id>"

static const struct {
	const char *name, *text;
	enum cpm_rc rc;
	enum cpm_imdn_kind kind;
	enum cpm_imdn_status status;
} rows[] = {
		{"RFC 5438 7.2.1.4",
				IMDN("<message-id>34jk324j</message-id><datetime>2008-04-04T12:16:49-05:00"
					 "</datetime><recipient-uri>im:bob@example.com</recipient-uri>"
					 "<original-recipient-uri>im:bob@example.com</original-recipient-uri>"
					 "<delivery-notification><status><delivered/></status></"
					 "delivery-notification>"),
				CPM_OK, CPM_IMDN_DELIVERY, CPM_IMDN_DELIVERED},
		{"prefix",
				"<i:imdn xmlns:i=\"urn:ietf:params:xml:ns:imdn\"><i:message-id>1</i:message-id>"
				"<i:display-notification><i:status><i:displayed/></i:status>"
				"</i:display-notification></i:imdn>",
				CPM_OK, CPM_IMDN_DISPLAY, CPM_IMDN_DISPLAYED},
		{"no namespace",
				"<imdn>" ID "<delivery-notification><status><failed/></status>"
				"</delivery-notification></imdn>",
				CPM_OK, CPM_IMDN_DELIVERY, CPM_IMDN_FAILED},
		{"order and strangers",
				IMDN("<x/><processing-notification><y/><status><processed/></status>"
					 "</processing-notification>" ID),
				CPM_OK, CPM_IMDN_PROCESSING, CPM_IMDN_PROCESSED},
		{"status of another kind",
				IMDN(ID "<display-notification><status><delivered/></status>"
						"</display-notification>"),
				CPM_OK, CPM_IMDN_DISPLAY, CPM_IMDN_OTHER},
		{"foreign status",
				IMDN(ID "<delivery-notification><status><x xmlns=\"urn:x\"/></status>"
						"</delivery-notification>"),
				CPM_OK, CPM_IMDN_DELIVERY, CPM_IMDN_OTHER},
		{"no status", IMDN(ID "<delivery-notification/>"), CPM_OK, CPM_IMDN_DELIVERY,
				CPM_IMDN_OTHER},
		{"no id", IMDN("<delivery-notification/>"), CPM_SYNTAX},
		{"empty id", IMDN("<message-id> </message-id><delivery-notification/>"), CPM_SYNTAX},
		{"no notification", IMDN(ID), CPM_UNSUPPORTED},
		{"foreign notification",
				IMDN(ID "<interworking-notification xmlns=\"urn:x\"><status/>"
						"</interworking-notification>"),
				CPM_UNSUPPORTED},
		{"two notifications", IMDN(ID "<delivery-notification/><display-notification/>"),
				CPM_SYNTAX},
		{"another namespace", "<imdn xmlns=\"urn:x\">" ID "</imdn>", CPM_SYNTAX},
		{"another root", "<x>" ID "</x>", CPM_SYNTAX},
		{"no XML", "Hello", CPM_SYNTAX},
		{"DTD", "<!DOCTYPE imdn><imdn/>", CPM_UNSUPPORTED},
};

START_TEST(reads)
{
	struct cpm_arena arena;
	struct cpm_imdn imdn;
	enum cpm_rc rc;

	cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
	rc = parse(cpm_slice_of(rows[_i].text), &arena, &imdn);
	ck_assert_msg(rc == rows[_i].rc, "%s: %s", rows[_i].name, cpm_rc_name(rc));
	if(!rc)
		ck_assert_msg(
				imdn.kind == rows[_i].kind && imdn.status == rows[_i].status, "%s", rows[_i].name);
	cpm_arena_free(&arena);
}
END_TEST

START_TEST(refuses_what_ends_early)
{
	struct cpm_slice text = cpm_slice_of(rows[0].text);

	for(size_t n = 0; n < text.n; n++) {
		struct cpm_arena arena;
		struct cpm_imdn imdn;

		cpm_arena_init(&arena, &cpm_allocator_libc, 65536);
		ck_assert_msg(parse(cpm_slice_head(text, n), &arena, &imdn) == CPM_SYNTAX, "%zu", n);
		cpm_arena_free(&arena);
	}
}
END_TEST

START_TEST(says_when_memory_ends)
{
	enum cpm_rc rc = CPM_NOMEM;
	struct cpm_arena arena;
	struct cpm_imdn imdn;
	struct unit_memory memory;
	size_t max;

	for(max = 0; rc && max < 8192; max += 8) {
		cpm_arena_init(&arena, &cpm_allocator_libc, max);
		rc = parse(cpm_slice_of(rows[0].text), &arena, &imdn);
		ck_assert(!rc || rc == CPM_NOMEM);
		cpm_arena_free(&arena);
	}
	ck_assert_int_eq(rc, CPM_OK);
	unit_memory_init(&memory, 0);
	cpm_arena_init(&arena, &memory.allocator, 65536);
	ck_assert_int_eq(parse(cpm_slice_of(rows[0].text), &arena, &imdn), CPM_NOMEM);
	cpm_arena_free(&arena);
	ck_assert_uint_eq(memory.live, 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("imdn");
	int status;

	tcase_add_loop_test(t, writes_byte_for_byte, 0, UNIT_COUNT(golden));
	tcase_add_loop_test(t, needs_room, 0, UNIT_COUNT(golden));
	tcase_add_test(t, refuses_to_write);
	tcase_add_test(t, reads_what_it_wrote);
	tcase_add_loop_test(t, reads, 0, UNIT_COUNT(rows));
	tcase_add_test(t, refuses_what_ends_early);
	tcase_add_test(t, says_when_memory_ends);
	status = unit_run("codec/imdn", t);
	xmlCleanupParser();
	return status;
}
