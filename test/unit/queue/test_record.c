/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/queue/record.c.
 */
#include "unit.h"

#include "core/queue/record.h"

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

#define S(literal)                     \
	{                                  \
		(literal), sizeof(literal) - 1 \
	}

static const struct cpm_record full = {
		.kind = CPM_RECORD_LARGE,
		.handling = CPM_HANDLING_PULL,
		.cause = CPM_CAUSE_DND,
		.id = S("0001027f80ff060708090aab-63"),
		.host = S("pf.example.com"),
		.aor = S("sip:bob@example.com"),
		.originator = S("sip:alice@example.com"),
		.anonymous = true,
		.rule = S("night"),
		.arrived_ms = 1767225600000,
		.expires_ms = 1767830400000,
		.size = 615,
		.wants = CPM_WANT_POSITIVE | CPM_WANT_DISPLAY,
		.imdn_id = S("Asd34Fg"),
		.request_uri = S("sip:bob@example.com"),
		.from = S("<sip:anonymous@anonymous.invalid>"),
		.to = S("\"Bob\" <sip:bob@example.com>"),
		.asserted = S("<sip:alice@example.com>"),
		.subject = S("  lunch: today?"),
		.date = S("Thu, 01 Jan 2026 00:00:00 GMT"),
		.accept_contact =
				S("*;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg\""),
		.content_type = S("message/cpim"),
		.content_disposition = S("render"),
		.conversation_id = S("conv-1"),
		.contribution_id = S("contr-1"),
		.in_reply_to = S("contr-0"),
		.referred_by = S("<sip:carol@example.com>"),
		.recipients = S("sip:bob@example.com sip:dave@example.com"),
		.date_time = S("2025-12-31T23:59:59Z"),
		.original_to = S("<tel:+15550107>"),
		.imdn_route = S("<sip:relay1@example.net>, <sip:relay2@example.net>"),
};

static const struct cpm_record least = {.id = S("i"), .aor = S("a")};

static bool record_eq(const struct cpm_record *a, const struct cpm_record *b)
{
#define SAME(member) cpm_slice_eq(a->member, b->member)
	return a->kind == b->kind && a->handling == b->handling && a->cause == b->cause
		   && a->anonymous == b->anonymous && a->sent == b->sent && a->arrived_ms == b->arrived_ms
		   && a->expires_ms == b->expires_ms && a->size == b->size && a->wants == b->wants
		   && SAME(id) && SAME(host) && SAME(aor) && SAME(originator) && SAME(rule) && SAME(imdn_id)
		   && SAME(request_uri) && SAME(from) && SAME(to) && SAME(asserted) && SAME(subject)
		   && SAME(date) && SAME(accept_contact) && SAME(content_type) && SAME(content_disposition)
		   && SAME(conversation_id) && SAME(contribution_id) && SAME(in_reply_to)
		   && SAME(referred_by) && SAME(recipients) && SAME(date_time) && SAME(original_to)
		   && SAME(imdn_route);
}

static struct cpm_buf built(const struct cpm_record *r)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 100000);
	ck_assert_int_eq(cpm_record_build(r, &limits, &b, NULL), CPM_OK);
	return b;
}

START_TEST(round_trip)
{
	const struct cpm_record *const records[] = {&full, &least};

	for(size_t i = 0; i < UNIT_COUNT(records); i++) {
		struct cpm_buf b = built(records[i]);
		struct cpm_record back;

		ck_assert_int_eq(cpm_record_parse(unit_guard(cpm_buf_slice(&b)), &back, NULL), CPM_OK);
		ck_assert(record_eq(records[i], &back));
		cpm_buf_free(&b);
	}
}
END_TEST

START_TEST(every_word_round_trips)
{
	for(unsigned i = 0; i < 3 * 3 * 6 * 16; i++) {
		struct cpm_record r = least, back;
		struct cpm_buf b;

		r.kind = (enum cpm_record_kind)(i % 3);
		r.handling = (enum cpm_handling)(i / 3 % 3);
		r.cause = (enum cpm_defer_cause)(i / 9 % 6);
		r.wants = i / 54;
		r.sent = r.kind == CPM_RECORD_SESSION;
		b = built(&r);
		ck_assert_int_eq(cpm_record_parse(cpm_buf_slice(&b), &back, NULL), CPM_OK);
		ck_assert(record_eq(&r, &back));
		cpm_buf_free(&b);
	}
	ck_assert_str_eq(cpm_handling_name(CPM_HANDLING_STORE), "store");
	ck_assert_str_eq(cpm_defer_cause_name(CPM_CAUSE_SCRIPT), "script");
	ck_assert_str_eq(cpm_handling_name((enum cpm_handling)77), "unknown");
	ck_assert_str_eq(cpm_defer_cause_name((enum cpm_defer_cause) - 1), "unknown");
}
END_TEST

START_TEST(refuses_any_truncation)
{
	struct cpm_buf b = built(&full);
	struct cpm_record back;

	for(size_t n = 0; n < b.n; n++) {
		enum cpm_rc rc =
				cpm_record_parse(unit_guard(cpm_slice_head(cpm_buf_slice(&b), n)), &back, NULL);
		ck_assert_msg(rc == CPM_NEED_MORE, "%zu: %s", n, cpm_rc_name(rc));
	}
	cpm_buf_free(&b);
}
END_TEST

/* What was written once must be readable for ever. */
static struct cpm_slice golden(const char *name, char *text, size_t size)
{
	char path[512];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", GOLDEN, name);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, size, f);
	fclose(f);
	return (struct cpm_slice){text, n};
}

START_TEST(golden_sample)
{
	char text[4096];
	struct cpm_slice sample = golden("record-1.txt", text, sizeof(text));
	struct cpm_record back;
	struct cpm_buf b = built(&full);

	ck_assert_int_eq(cpm_record_parse(sample, &back, NULL), CPM_OK);
	ck_assert(record_eq(&full, &back));
	ck_assert(cpm_slice_eq(cpm_buf_slice(&b), sample));
	cpm_buf_free(&b);
}
END_TEST

/* As the first writers of version 1 wrote it, which did not know the last four fields. */
START_TEST(golden_sample_of_the_first_writers)
{
	char text[4096];
	struct cpm_slice sample = golden("record-1.txt", text, sizeof(text) - 1);
	struct cpm_record back, before = full;
	char *cut;

	text[sample.n] = '\0';
	cut = strstr(text, "recipients: ");
	ck_assert_ptr_nonnull(cut);
	strcpy(cut, "end: cpm-record\n");
	before.recipients = before.date_time = before.original_to = before.imdn_route = CPM_SLICE_NONE;
	ck_assert_int_eq(cpm_record_parse(cpm_slice_of(text), &back, NULL), CPM_OK);
	ck_assert(record_eq(&before, &back));
}
END_TEST

#define HEAD "cpm-record: 1\n"
#define BODY                                                                                 \
	"kind: pager\nhandling: push\ncause: policy\nid: i\naor: a\narrived-ms: 1\nexpires-ms: " \
	"2\nsize: 3\n"
#define END "end: cpm-record\n"

static const struct {
	const char *name, *text;
	enum cpm_rc rc;
} texts[] = {
		{"good", HEAD BODY END, CPM_OK},
		{"unknown fields are skipped", HEAD "colour: blue\n" BODY "later: \n" END, CPM_OK},
		{"any order", HEAD "imdn-id: x\n" BODY END, CPM_OK},
		{"version 0", "cpm-record: 0\n" BODY END, CPM_VERSION},
		{"version 2", "cpm-record: 2\n" BODY END, CPM_VERSION},
		{"huge version", "cpm-record: 18446744073709551615\n" BODY END, CPM_VERSION},
		{"version no number", "cpm-record: one\n" BODY END, CPM_SYNTAX},
		{"negative version", "cpm-record: -1\n" BODY END, CPM_SYNTAX},
		{"no version", BODY END, CPM_SYNTAX},
		{"empty line", HEAD "\n" BODY END, CPM_SYNTAX},
		{"no colon", HEAD "rule night\n" BODY END, CPM_SYNTAX},
		{"no blank", HEAD "rule:night\n" BODY END, CPM_SYNTAX},
		{"no name", HEAD ": night\n" BODY END, CPM_SYNTAX},
		{"CR", HEAD "rule: a\rb\n" BODY END, CPM_SYNTAX},
		{"CRLF", "cpm-record: 1\r\n" BODY END, CPM_SYNTAX},
		{"empty value", HEAD "rule: \n" BODY END, CPM_SYNTAX},
		{"twice", HEAD "rule: a\nrule: b\n" BODY END, CPM_SYNTAX},
		{"unknown word", HEAD "kind: parcel\n" BODY END, CPM_SYNTAX},
		{"negative time", HEAD "arrived-ms: -1\n" BODY END, CPM_SYNTAX},
		{"time past int64", HEAD "arrived-ms: 9223372036854775808\n" BODY END, CPM_SYNTAX},
		{"flag not yes", HEAD "anonymous: no\n" BODY END, CPM_SYNTAX},
		{"set twice", HEAD "wants: display,display\n" BODY END, CPM_SYNTAX},
		{"set open", HEAD "wants: display,\n" BODY END, CPM_SYNTAX},
		{"set empty word", HEAD "wants: ,display\n" BODY END, CPM_SYNTAX},
		{"required missing", HEAD "kind: pager\n" END, CPM_SYNTAX},
		{"no end", HEAD BODY, CPM_NEED_MORE},
		{"bytes after the end", HEAD BODY END "x", CPM_SYNTAX},
		{"empty", "", CPM_NEED_MORE},
};

START_TEST(reads_strictly)
{
	for(size_t i = 0; i < UNIT_COUNT(texts); i++) {
		struct cpm_record r;
		struct cpm_diag diag = {0, NULL};
		enum cpm_rc rc = cpm_record_parse(unit_guard(cpm_slice_of(texts[i].text)), &r, &diag);

		ck_assert_msg(rc == texts[i].rc, "%s: %s", texts[i].name, cpm_rc_name(rc));
		ck_assert_msg(rc == CPM_OK || diag.reason, "%s: no reason", texts[i].name);
	}
}
END_TEST

START_TEST(refuses_nul)
{
	static const char text[] = HEAD "rule: a\0b\n" BODY END;
	struct cpm_record r;

	ck_assert_int_eq(
			cpm_record_parse((struct cpm_slice){text, sizeof(text) - 1}, &r, NULL), CPM_SYNTAX);
}
END_TEST

/* A header value must not be able to write fields of its own. */
START_TEST(no_injection)
{
	static const struct cpm_slice bad[] = {{"a\nend: x", 8}, {"a\rb", 3}, {"a\0b", 3}, {"\n", 1}};

	for(size_t i = 0; i < UNIT_COUNT(bad); i++) {
		struct cpm_record r = least;
		struct cpm_buf b;

		r.subject = bad[i];
		cpm_buf_init(&b, 10000);
		ck_assert_int_eq(cpm_record_build(&r, &limits, &b, NULL), CPM_SYNTAX);
		r = least;
		r.aor = bad[i];
		ck_assert_int_eq(cpm_record_build(&r, &limits, &b, NULL), CPM_SYNTAX);
		cpm_buf_free(&b);
	}
}
END_TEST

START_TEST(keeps_its_limits)
{
	struct cpm_limits small = limits;
	struct cpm_record r = least;
	struct cpm_buf b;
	size_t size;

	small.max_header_bytes = 10;
	cpm_buf_init(&b, 10000);
	r.subject = CPM_SLICE("0123456789");
	ck_assert_int_eq(cpm_record_build(&r, &small, &b, NULL), CPM_OK);
	size = b.n;
	r.subject = CPM_SLICE("0123456789x");
	ck_assert_int_eq(cpm_record_build(&r, &small, &b, NULL), CPM_LIMIT);
	r.subject = CPM_SLICE("0123456789");
	for(small.max_record_bytes = 0; small.max_record_bytes <= size; small.max_record_bytes++) {
		cpm_buf_reset(&b);
		ck_assert_int_eq(cpm_record_build(&r, &small, &b, NULL),
				small.max_record_bytes < size ? CPM_LIMIT : CPM_OK);
	}
	cpm_buf_free(&b);
	for(size_t max = 0; max <= size; max++) {
		cpm_buf_init(&b, max);
		ck_assert_int_eq(cpm_record_build(&r, &limits, &b, NULL), max < size ? CPM_LIMIT : CPM_OK);
		cpm_buf_free(&b);
	}
}
END_TEST

START_TEST(refuses_what_it_could_not_read_back)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 10000);
	for(int i = 0; i < 6; i++) {
		struct cpm_record r = least;

		if(i == 0)
			r.id = CPM_SLICE_NONE;
		else if(i == 1)
			r.aor = CPM_SLICE_NONE;
		else if(i == 2)
			r.arrived_ms = -1;
		else if(i == 3)
			r.handling = (enum cpm_handling)3;
		else if(i == 4)
			r.wants = 16;
		else
			r.cause = (enum cpm_defer_cause)6;
		ck_assert_msg(cpm_record_build(&r, &limits, &b, NULL) == CPM_SYNTAX, "%d", i);
	}
	cpm_buf_free(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("record");

	tcase_add_test(t, round_trip);
	tcase_add_test(t, every_word_round_trips);
	tcase_add_test(t, refuses_any_truncation);
	tcase_add_test(t, golden_sample);
	tcase_add_test(t, golden_sample_of_the_first_writers);
	tcase_add_test(t, reads_strictly);
	tcase_add_test(t, refuses_nul);
	tcase_add_test(t, no_injection);
	tcase_add_test(t, keeps_its_limits);
	tcase_add_test(t, refuses_what_it_could_not_read_back);
	return unit_run("record", t);
}
