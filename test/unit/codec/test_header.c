/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/header.c.
 */
#include "unit.h"

#include "core/codec/header.h"

static const struct {
	const char *header, *joined;
} lists[] = {
		{"a, b ,c", "[a][b][c]"},
		{" a,, b,", "[a][b]"},
		{"\"a,b\" <sip:x>, <sip:a,b@h>", "[\"a,b\" <sip:x>][<sip:a,b@h>]"},
		{"\"a\\\",b\", c", "[\"a\\\",b\"][c]"},
		{"*;x=\"<a,b>\", c", "[*;x=\"<a,b>\"][c]"},
		{"<sip:\"@h>, b", "[<sip:\"@h>][b]"},
		{"\"a, b", "[\"a, b]"},
		{"<a, b", "[<a, b]"},
		{"\"a\\", "[\"a\\]"},
		{",", ""},
		{"", ""},
};

START_TEST(splits_values)
{
	struct cpm_slice rest = unit_guard(cpm_slice_of(lists[_i].header)), value;
	struct cpm_buf b;

	cpm_buf_init(&b, 200);
	while(cpm_header_next_value(&rest, &value)) {
		cpm_buf_add_char(&b, '[');
		cpm_buf_add(&b, value);
		cpm_buf_add_char(&b, ']');
	}
	ck_slice(cpm_buf_slice(&b), lists[_i].joined, lists[_i].header);
	cpm_buf_free(&b);
}
END_TEST

static const struct {
	const char *value, *bare, *params;
} values[] = {
		{"text/plain ; charset=utf-8", "text/plain", " charset=utf-8"},
		{"\"a;b\" <sip:x;lr>;tag=1", "\"a;b\" <sip:x;lr>", "tag=1"},
		{"a", "a", ""},
		{";a", "", "a"},
		{"", "", ""},
};

START_TEST(strips_parameters)
{
	struct cpm_slice text = unit_guard(cpm_slice_of(values[_i].value)), params;

	ck_slice(cpm_header_strip_params(text, &params), values[_i].bare, values[_i].value);
	ck_slice(params, values[_i].params, values[_i].value);
	ck_slice(cpm_header_strip_params(text, NULL), values[_i].bare, values[_i].value);
}
END_TEST

static const struct {
	const char *value, *left;
	bool removed;
} tagged[] = {
		{"\"Bob\" <sip:b@x>;tag=1", "\"Bob\" <sip:b@x>", true},
		{"<sip:b@x;tag=2>;tag=1", "<sip:b@x;tag=2>", true},
		{"<sip:b@x>;a=1;TAG=2;b;c=\"x;tag=3\"", "<sip:b@x>;a=1;b;c=\"x;tag=3\"", true},
		{"<sip:b@x> ; tag = 1 ; a = 2", "<sip:b@x>;a=2", true},
		{"sip:b@x;tag=1", "sip:b@x", true},
		{"<sip:b@x>;tag", "<sip:b@x>", true},
		{"<sip:b@x>;tag=1;tag=2", "<sip:b@x>", true},
		{"\"Bob\r\n Builder\"\r\n\t<sip:b@x>\r\n ;a=1", "\"Bob Builder\" <sip:b@x>;a=1", false},
		{"<sip:b@x>;tagg=1", "<sip:b@x>;tagg=1", false},
		{"", "", false},
};

START_TEST(removes_one_parameter)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 200);
	ck_assert(cpm_header_add_without_param(
					  &b, unit_guard(cpm_slice_of(tagged[_i].value)), CPM_SLICE("tag"))
			  == tagged[_i].removed);
	ck_slice(cpm_buf_slice(&b), tagged[_i].left, tagged[_i].value);
	cpm_buf_free(&b);
}
END_TEST

static const struct {
	const char *value, *line;
} folds[] = {
		{"a b", "a b"},
		{"  a  b\t", "a  b"},
		{"a\r\n b", "a b"},
		{"a \t\r\n\t  b\r\n", "a b"},
		{"a\n\tb", "a b"},
		{"a\r\n\r\n  b\rc\nd", "a b c d"},
		{"\r\n", ""},
		{"", ""},
};

START_TEST(unfolds)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 200);
	cpm_header_add_unfolded(&b, unit_guard(cpm_slice_of(folds[_i].value)));
	ck_slice(cpm_buf_slice(&b), folds[_i].line, folds[_i].value);
	cpm_buf_free(&b);
}
END_TEST

START_TEST(unquotes)
{
	ck_slice(cpm_header_unquote(CPM_SLICE("\"a b\"")), "a b", "quoted");
	ck_slice(cpm_header_unquote(CPM_SLICE("\"\"")), "", "empty");
	ck_slice(cpm_header_unquote(CPM_SLICE("\"")), "\"", "one quote");
	ck_slice(cpm_header_unquote(CPM_SLICE("a\"")), "a\"", "half");
	ck_slice(cpm_header_unquote(CPM_SLICE("a")), "a", "bare");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("header");

	tcase_add_loop_test(t, splits_values, 0, UNIT_COUNT(lists));
	tcase_add_loop_test(t, strips_parameters, 0, UNIT_COUNT(values));
	tcase_add_loop_test(t, removes_one_parameter, 0, UNIT_COUNT(tagged));
	tcase_add_loop_test(t, unfolds, 0, UNIT_COUNT(folds));
	tcase_add_test(t, unquotes);
	return unit_run("header", t);
}
