/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/json.c.
 */
#include "unit.h"

#include "core/codec/json.h"

static const struct {
	const char *name, *text, *json;
} rows[] = {
		{"empty", "", ""},
		{"plain", "sip:bob@example.net", "sip:bob@example.net"},
		{"quotes", "say \"hi\"", "say \\\"hi\\\""},
		{"backslash", "a\\b", "a\\\\b"},
		{"controls", "a\r\n\tb\x1f\x01", "a\\u000d\\u000a\\u0009b\\u001f\\u0001"},
		{"delete", "\x7f", "\x7f"},
		{"UTF-8", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
				"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"Latin-1", "gr\xfc\xdf", "gr??"},
		{"cut", "\xe2\x82", "??"},
		{"overlong", "\xc0\xaf\xe0\x80\xaf", "?????"},
		{"surrogate", "\xed\xa0\x80", "???"},
		{"too far", "\xf4\x90\x80\x80", "????"},
		{"not followed", "\xc3(", "?("},
};

START_TEST(escapes)
{
	for(size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct cpm_buf b;

		cpm_buf_init(&b, 1000);
		cpm_json_add_text(&b, unit_guard(cpm_slice_of(rows[i].text)));
		ck_slice(cpm_buf_slice(&b), rows[i].json, rows[i].name);
		cpm_buf_free(&b);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("json");

	tcase_add_test(t, escapes);
	return unit_run("json", t);
}
