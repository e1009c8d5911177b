/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/warning.c.
 */
#include "unit.h"

#include "core/codec/warning.h"

static const struct {
	const char *agent, *text, *warning; /* NULL: refused */
} rows[] = {
		{"pf.example.net", "122 Function not allowed",
				"399 pf.example.net \"122 Function not allowed\""},
		{"[2001:db8::1]:5060", "x", "399 [2001:db8::1]:5060 \"x\""},
		{"pf", "a \"b\" \\ \xc3\xa4", "399 pf \"a \\\"b\\\" \\\\ \xc3\xa4\""},
		{"pf", "", "399 pf \"\""},
		{"pf", "a\r\nX: y", NULL},
		{"pf", "a\nb", NULL},
		{"", "a", NULL},
		{"p f", "a", NULL},
		{"p\"f", "a", NULL},
		{"p\rf", "a", NULL},
};

START_TEST(writes_or_refuses)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 200);
	ck_assert(cpm_warning_add(&b, cpm_slice_of(rows[_i].agent), cpm_slice_of(rows[_i].text))
			  == (rows[_i].warning != NULL));
	ck_slice(cpm_buf_slice(&b), rows[_i].warning ? rows[_i].warning : "", rows[_i].text);
	cpm_buf_free(&b);
}
END_TEST

START_TEST(knows_the_codes_of_cpm)
{
	static const unsigned codes[] = {119, 122, 125, 127, 132};
	struct cpm_slice text;
	size_t known = 0;

	for(unsigned code = 0; code < 1000; code++)
		known += cpm_warning_text(code, &text);
	ck_assert_uint_eq(known, UNIT_COUNT(codes));
	for(size_t i = 0; i < UNIT_COUNT(codes); i++) {
		uint64_t number;

		ck_assert(cpm_warning_text(codes[i], &text));
		ck_assert(cpm_slice_u64(cpm_slice_head(text, 3), &number));
		ck_assert_uint_eq(number, codes[i]);
	}
	ck_assert(cpm_warning_text(132, &text));
	ck_slice(text, "132 Version not supported", "132");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("warning");

	tcase_add_loop_test(t, writes_or_refuses, 0, UNIT_COUNT(rows));
	tcase_add_test(t, knows_the_codes_of_cpm);
	return unit_run("warning", t);
}
