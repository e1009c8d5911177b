/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/queue/removal.c.
 */
#include "unit.h"

#include "core/queue/removal.h"

#define TEXT "removal/1\nsip:bob@x\nDefault/sip:alice@y\nid.0.1@pf\n7\n4294967295\n1893456000000\n"

static struct cpm_removal example(void)
{
	return (struct cpm_removal){.aor = CPM_SLICE("sip:bob@x"),
			.folder = CPM_SLICE("Default/sip:alice@y"),
			.key = CPM_SLICE("id.0.1@pf"),
			.uid = 7,
			.uidvalidity = UINT32_MAX,
			.since_ms = 1893456000000};
}

START_TEST(there_and_back)
{
	struct cpm_removal r = example(), back;
	struct cpm_buf b;

	cpm_buf_init(&b, 500);
	ck_assert_int_eq(cpm_removal_build(&r, &b), CPM_OK);
	ck_slice(cpm_buf_slice(&b), TEXT, "example");
	ck_assert(cpm_removal_is(cpm_buf_slice(&b)));
	ck_assert_int_eq(cpm_removal_parse(unit_guard(cpm_buf_slice(&b)), &back), CPM_OK);
	ck_slice(back.aor, "sip:bob@x", "aor");
	ck_slice(back.folder, "Default/sip:alice@y", "folder");
	ck_slice(back.key, "id.0.1@pf", "key");
	ck_assert(back.uid == 7 && back.uidvalidity == UINT32_MAX && back.since_ms == r.since_ms);
	cpm_buf_free(&b);
}
END_TEST

START_TEST(truncated)
{
	struct cpm_slice whole = CPM_SLICE(TEXT);
	struct cpm_removal r;

	/* The last line may lack its end; shorter it is another number. */
	for(size_t n = 0; n < whole.n - 14; n++)
		ck_assert_int_ne(cpm_removal_parse(unit_guard(cpm_slice_head(whole, n)), &r), CPM_OK);
}
END_TEST

START_TEST(values_of_one_line)
{
	static const char *const bad[] = {"", "a\nb", "a\rb"};
	struct cpm_removal r = example();
	struct cpm_buf b;

	cpm_buf_init(&b, 500);
	r.folder = cpm_slice_of(bad[_i]);
	ck_assert_int_eq(cpm_removal_build(&r, &b), CPM_SYNTAX);
	r = example();
	r.key = cpm_slice_of(bad[_i]);
	ck_assert_int_eq(cpm_removal_build(&r, &b), CPM_SYNTAX);
	ck_assert_uint_eq(b.n, 0);
	cpm_buf_free(&b);
}
END_TEST

static const struct {
	const char *text;
	enum cpm_rc rc;
} rows[] = {
		{"removal/2\na\nb\nc\n1\n1\n1\n", CPM_VERSION},
		{"removal/1\na\nb\nc\n1\n1\n", CPM_SYNTAX},
		{"removal/1\na\n\nc\n1\n1\n1\n", CPM_SYNTAX},
		{"removal/1\na\nb\nc\n4294967296\n1\n1\n", CPM_SYNTAX},
		{"removal/1\na\nb\nc\n-1\n1\n1\n", CPM_SYNTAX},
		{"cpm_record/1\n", CPM_SYNTAX},
		{"", CPM_SYNTAX},
};

START_TEST(what_it_is_not)
{
	struct cpm_removal r;

	ck_assert_int_eq(cpm_removal_parse(cpm_slice_of(rows[_i].text), &r), rows[_i].rc);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("removal");

	tcase_add_test(t, there_and_back);
	tcase_add_test(t, truncated);
	tcase_add_loop_test(t, values_of_one_line, 0, 3);
	tcase_add_loop_test(t, what_it_is_not, 0, UNIT_COUNT(rows));
	return unit_run("removal", t);
}
