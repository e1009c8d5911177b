/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/queue/report.c.
 */
#include "unit.h"

#include "core/codec/imdn.h"
#include "core/queue/report.h"

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

#define N CPM_REPORT_NONE
#define D CPM_REPORT_DELIVERED
#define F CPM_REPORT_FAILED
#define S CPM_REPORT_STORED

/* Companion 5.2. A column is a set of requests: bit 0 positive-delivery, bit 1 negative-delivery,
 * bit 2 processing. */
static const struct {
	enum cpm_end end;
	enum cpm_report switched_off[8];
	enum cpm_report switched_on[8]; /* the operator answers processing */
} rows[] = {
		{CPM_END_DEFERRED, {N, N, N, N, N, N, N, N}, {N, N, N, N, S, S, S, S}},
		{CPM_END_DELIVERED, {N, N, N, N, N, N, N, N}, {N, N, N, N, N, N, N, N}},
		{CPM_END_STORED, {N, D, N, D, N, D, N, D}, {N, D, N, D, N, D, N, D}},
		{CPM_END_EXPIRED, {N, N, F, F, N, N, F, F}, {N, N, F, F, N, N, F, F}},
		{CPM_END_DELETED, {N, N, F, F, N, N, F, F}, {N, N, F, F, N, N, F, F}},
		{CPM_END_INTERWORKED, {N, N, N, N, N, N, N, N}, {N, N, N, N, N, N, N, N}},
};

START_TEST(owes_by_end_and_request)
{
	ck_assert_uint_eq(UNIT_COUNT(rows), CPM_ENDS);
	for(unsigned wants = 0; wants < 16; wants++) {
		struct cpm_report_facts facts = {.wants = wants, .has_imdn_id = true, .addressable = true};

		/* A read report is the client's business. */
		ck_assert_msg(cpm_report_owed(rows[_i].end, &facts) == rows[_i].switched_off[wants & 7],
				"%s, %u", cpm_end_name(rows[_i].end), wants);
		facts.processing = true;
		ck_assert_msg(cpm_report_owed(rows[_i].end, &facts) == rows[_i].switched_on[wants & 7],
				"%s, %u, with processing", cpm_end_name(rows[_i].end), wants);
		/* Anonymity is not silence: the address is known to us alone. */
		facts.anonymous = true;
		ck_assert_int_eq(cpm_report_owed(rows[_i].end, &facts), rows[_i].switched_on[wants & 7]);
	}
}
END_TEST

START_TEST(owes_nothing)
{
	static const struct cpm_report_facts silent[] = {
			{.has_imdn_id = true, .addressable = true, .is_imdn = true},
			{.has_imdn_id = false, .addressable = true},
			{.has_imdn_id = true, .addressable = false},
			{.has_imdn_id = true, .addressable = false, .anonymous = true},
	};

	for(size_t i = 0; i < UNIT_COUNT(silent); i++)
		for(unsigned wants = 0; wants < 16; wants++) {
			struct cpm_report_facts facts = silent[i];

			facts.wants = wants;
			facts.processing = true;
			ck_assert_int_eq(cpm_report_owed(rows[_i].end, &facts), CPM_REPORT_NONE);
		}
}
END_TEST

#define CPIM_HEAD                               \
	"From: <sip:alice@example.net>\r\n"         \
	"To: <sip:anonymous@anonymous.invalid>\r\n" \
	"NS: imdn <urn:ietf:params:imdn>\r\n"       \
	"imdn.Message-ID: k3Jd92\r\n"

static const char message[] = CPIM_HEAD "DateTime: 2030-01-01T10:00:00Z\r\n"
										"imdn.Disposition-Notification: positive-delivery\r\n"
										"\r\nContent-Type: text/plain\r\n\r\nHello";
static const char routed[] = CPIM_HEAD "imdn.Original-To: <tel:+15550107>\r\n"
									   "imdn.IMDN-Record-Route: nowhere\r\n"
									   "imdn.IMDN-Record-Route: <sip:relay2@example.net;lr>\r\n"
									   "imdn.IMDN-Record-Route: <sip:relay1@example.net>\r\n"
									   "\r\nContent-Type: text/plain\r\n\r\nHello";

static struct cpm_record record_of(const char *type)
{
	return (struct cpm_record){
			.aor = CPM_SLICE("sip:bob@example.net"),
			.originator = CPM_SLICE("sip:alice@example.net"),
			.imdn_id = CPM_SLICE("k3Jd92"),
			.content_type = cpm_slice_of(type),
			.arrived_ms = INT64_C(1893492000000),
			.wants = CPM_WANT_POSITIVE,
	};
}

/* A report in full, read again. */
struct read {
	struct cpm_report_text text;
	struct cpm_buf body;
	struct cpm_arena arena;
	struct cpm_cpim cpim;
	struct cpm_imdn imdn;
};

static void read_report(
		struct read *r, const struct cpm_record *record, const char *body, enum cpm_report report)
{
	struct cpm_diag diag = {0};

	cpm_buf_init(&r->body, 4096);
	cpm_arena_init(&r->arena, &cpm_allocator_libc, 65536);
	ck_assert_int_eq(cpm_report_build(record, cpm_slice_of(body), report, CPM_SLICE("Zq81mmT0"),
							 INT64_C(1893492005000), &limits, &r->body, &r->text, &diag),
			CPM_OK);
	/* For strstr. */
	cpm_buf_add_char(&r->body, '\0');
	r->body.n--;
	ck_assert_int_eq(cpm_cpim_parse(cpm_buf_slice(&r->body), &limits, &r->cpim, NULL), CPM_OK);
	ck_assert_int_eq(cpm_imdn_parse(r->cpim.content, &limits, &r->arena, &r->imdn, NULL), CPM_OK);
}

static void read_free(struct read *r)
{
	cpm_arena_free(&r->arena);
	cpm_buf_free(&r->body);
}

/* Companion 8.3, from a stored message. */
START_TEST(writes_the_report)
{
	struct cpm_record record = record_of("message/cpim");
	struct read r;

	read_report(&r, &record, message, CPM_REPORT_DELIVERED);
	ck_slice(cpm_buf_slice(&r.body),
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
			"</imdn>\r\n",
			"report");
	ck_slice(r.text.target, "sip:alice@example.net", "target");
	ck_slice(r.text.user, "sip:bob@example.net", "user");
	read_free(&r);
}
END_TEST

START_TEST(honours_routes_and_the_original_recipient)
{
	struct cpm_record record = record_of("message/cpim");
	struct read r;

	read_report(&r, &record, routed, CPM_REPORT_FAILED);
	ck_slice(r.text.target, "sip:relay2@example.net;lr", "target");
	ck_assert(strstr(r.body.p, "imdn.Message-ID: Zq81mmT0\r\n"
							   "imdn.IMDN-Route: <sip:relay2@example.net;lr>\r\n"
							   "imdn.IMDN-Route: <sip:relay1@example.net>\r\n\r\n"));
	ck_slice(r.imdn.original_recipient_uri, "tel:+15550107", "Original-To");
	ck_slice(r.imdn.recipient_uri, "sip:bob@example.net", "recipient");
	ck_assert(r.imdn.kind == CPM_IMDN_DELIVERY && r.imdn.status == CPM_IMDN_FAILED);
	read_free(&r);
}
END_TEST

START_TEST(keeps_a_sender_anonymous)
{
	struct cpm_record record = record_of("message/cpim");
	struct read r;

	record.anonymous = true;
	read_report(&r, &record, routed, CPM_REPORT_STORED);
	ck_slice(r.text.target, "sip:alice@example.net", "past the relays");
	ck_slice(r.cpim.to, "<sip:anonymous@anonymous.invalid>", "To");
	ck_assert_ptr_null(strstr(r.body.p, "alice"));
	ck_assert_ptr_null(strstr(r.body.p, "IMDN-Route"));
	ck_assert(r.imdn.kind == CPM_IMDN_PROCESSING && r.imdn.status == CPM_IMDN_STORED);
	read_free(&r);
}
END_TEST

START_TEST(knows_the_time_of_the_message)
{
	struct cpm_record record = record_of("message/cpim");
	struct read r;

	read_report(&r, &record, routed, CPM_REPORT_FAILED);
	ck_slice(r.imdn.datetime, "2030-01-01T10:00:00Z", "arrival");
	read_free(&r);
	record.date = CPM_SLICE("Tue, 01 Jan 2030 09:00:00 GMT");
	read_report(&r, &record, routed, CPM_REPORT_FAILED);
	ck_slice(r.imdn.datetime, "2030-01-01T09:00:00Z", "Date");
	read_free(&r);
	read_report(&r, &record, message, CPM_REPORT_FAILED);
	ck_slice(r.imdn.datetime, "2030-01-01T10:00:00Z", "DateTime");
	read_free(&r);
}
END_TEST

START_TEST(finds_the_message_in_a_multipart)
{
	static const char body[] = "--b\r\nContent-Type: application/resource-lists+xml\r\n\r\n<x/>\r\n"
							   "--b\r\nContent-Type: message/cpim\r\n\r\n" CPIM_HEAD
							   "\r\nContent-Type: message/imdn+xml\r\n\r\n<imdn/>\r\n--b--";
	struct cpm_record record = record_of("multipart/mixed;boundary=b");
	struct cpm_report_facts facts;
	struct read r;

	read_report(&r, &record, body, CPM_REPORT_FAILED);
	read_free(&r);
	cpm_report_facts_of(&record, cpm_slice_of(body), &limits, &facts);
	ck_assert(facts.is_imdn && facts.has_imdn_id && facts.addressable);
	ck_assert_uint_eq(facts.wants, CPM_WANT_POSITIVE);
	record = record_of("message/cpim");
	record.originator = record.imdn_id = CPM_SLICE_NONE;
	record.anonymous = true;
	cpm_report_facts_of(&record, cpm_slice_of(message), &limits, &facts);
	ck_assert(!facts.is_imdn && !facts.has_imdn_id && !facts.addressable && facts.anonymous);
	ck_assert(!facts.processing);
}
END_TEST

static enum cpm_rc refused(const struct cpm_record *record, const char *body, size_t room)
{
	struct cpm_report_text text;
	struct cpm_diag diag = {0};
	struct cpm_buf b;
	enum cpm_rc rc;

	cpm_buf_init(&b, room);
	rc = cpm_report_build(record, cpm_slice_of(body), CPM_REPORT_FAILED, CPM_SLICE("1"), 0, &limits,
			&b, &text, &diag);
	ck_assert(!rc || diag.reason);
	cpm_buf_free(&b);
	return rc;
}

START_TEST(refuses)
{
	struct cpm_record record = record_of("message/cpim");

	ck_assert_int_eq(refused(&record, message, 4096), CPM_OK);
	ck_assert_int_eq(refused(&record, message, 300), CPM_LIMIT);
	ck_assert_int_eq(refused(&record, "Hello", 4096), CPM_SYNTAX);
	record.imdn_id = CPM_SLICE_NONE;
	ck_assert_int_eq(refused(&record, message, 4096), CPM_SYNTAX);
	record = record_of("text/plain");
	ck_assert_int_eq(refused(&record, message, 4096), CPM_SYNTAX);
	record = record_of("message/cpim");
	record.originator = CPM_SLICE_NONE;
	ck_assert_int_eq(refused(&record, message, 4096), CPM_NOTFOUND);
}
END_TEST

START_TEST(has_names)
{
	ck_assert_str_eq(cpm_end_name(CPM_END_DEFERRED), "deferred");
	ck_assert_str_eq(cpm_end_name(CPM_END_INTERWORKED), "interworked");
	ck_assert_str_eq(cpm_report_name(CPM_REPORT_NONE), "none");
	ck_assert_str_eq(cpm_report_name(CPM_REPORT_STORED), "stored");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("report");

	tcase_add_loop_test(t, owes_by_end_and_request, 0, UNIT_COUNT(rows));
	tcase_add_loop_test(t, owes_nothing, 0, UNIT_COUNT(rows));
	tcase_add_test(t, writes_the_report);
	tcase_add_test(t, honours_routes_and_the_original_recipient);
	tcase_add_test(t, keeps_a_sender_anonymous);
	tcase_add_test(t, knows_the_time_of_the_message);
	tcase_add_test(t, finds_the_message_in_a_multipart);
	tcase_add_test(t, refuses);
	tcase_add_test(t, has_names);
	return unit_run("queue/report", t);
}
