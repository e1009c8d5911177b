/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/number.c.
 */
#include "unit.h"

#include "core/codec/number.h"

static const struct {
	const char *text;
	size_t hide;
	const char *shown;
} rows[] = {
		{"", 4, ""},
		{"tel:+15550107", 0, "tel:+15550107"},
		{"tel:+15550107", 1, "tel:+1555010x"},
		{"tel:+15550107", 4, "tel:+1555xxxx"},
		{"tel:+15550107", 8, "tel:+xxxxxxxx"},
		{"tel:+15550107", 9, "tel:+xxxxxxxx"},
		{"TEL:+1-555-0107", 5, "TEL:+1-55x-xxxx"},
		{"tel:+1(555)01.07;ext=12", 4, "tel:+1(555)xx.xx;ext=12"},
		{"tel:7042;phone-context=example.com", 2, "tel:70xx;phone-context=example.com"},
		{"tel:7042;phone-context=+1555", 2, "tel:70xx;phone-context=+15xx"},
		{"tel:*21#a", 3, "tel:*2xxx"},
		{"sip:+15550107@ims.example;user=phone", 4, "sip:+1555xxxx@ims.example;user=phone"},
		{"sip:+15550107@ims.example", 4, "sip:+1555xxxx@ims.example"},
		{"sips:+15550107:pw@ims.example", 4, "sips:+1555xxxx:pw@ims.example"},
		{"sip:%2b1555%2D0107@ims.example", 2, "sip:%2b15xx%2D0107@ims.example"},
		{"sip:15550107@ims.example", 4, "sip:1555xxxx@ims.example"},
		{"sip:5550107;phone-context=+1@ims.example;user=phone", 4,
				"sip:555xxxx;phone-context=+x@ims.example;user=phone"},
		{"<sip:+15550107@a>, <tel:+15550108>", 2, "<sip:+155501xx@a>, <tel:+155501xx>"},
		{"Default/+15550107", 4, "Default/+1555xxxx"},
		/* no numbers */
		{"sip:alice42@ims.example", 4, "sip:alice42@ims.example"},
		{"sip:42alice@ims.example", 4, "sip:42alice@ims.example"},
		{"sip:alice+42@ims.example", 4, "sip:alice+42@ims.example"},
		{"sip:+42alice@ims.example", 4, "sip:+42alice@ims.example"},
		{"sip:192.0.2.1:5060;transport=tcp", 4, "sip:192.0.2.1:5060;transport=tcp"},
		{"sip:alice@192.0.2.1:5060", 4, "sip:alice@192.0.2.1:5060"},
		{"urn:15550107", 4, "urn:15550107"},
		{"tel:", 4, "tel:"},
		{"sip:@a", 4, "sip:@a"},
		{"+", 4, "+"},
		{"%2", 4, "%2"},
		{"---", 4, "---"},
};

START_TEST(hides)
{
	for(size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char memory[100];
		struct cpm_slice text = unit_guard(cpm_slice_of(rows[i].text));

		memory[text.n] = '!';
		cpm_number_hide(text, rows[i].hide, memory);
		ck_slice(((struct cpm_slice){memory, text.n}), rows[i].shown, rows[i].text);
		ck_assert_int_eq(memory[text.n], '!');
	}
}
END_TEST

/* Cut at every byte, it never shows more of the number than the whole does. */
START_TEST(truncated)
{
	struct cpm_slice whole = CPM_SLICE("sip:+15550107@ims.example;user=phone");

	for(size_t n = 0; n <= whole.n; n++) {
		char memory[100];
		struct cpm_slice text = unit_guard(cpm_slice_head(whole, n));
		size_t digits = 0, at = cpm_slice_find(text, '@');

		cpm_number_hide(text, 4, memory);
		for(size_t i = 0; i < at; i++)
			digits += memory[i] >= '0' && memory[i] <= '9';
		ck_assert_uint_le(digits, 4);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("number");

	tcase_add_test(t, hides);
	tcase_add_test(t, truncated);
	return unit_run("number", t);
}
