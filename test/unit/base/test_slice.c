/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/base/slice.c and rc.c.
 */
#include "unit.h"

#include "core/base/rc.h"

START_TEST(compares)
{
	ck_assert(cpm_slice_eq(CPM_SLICE("ab"), CPM_SLICE("ab")));
	ck_assert(!cpm_slice_eq(CPM_SLICE("ab"), CPM_SLICE("aB")));
	ck_assert(!cpm_slice_eq(CPM_SLICE("ab"), CPM_SLICE("abc")));
	ck_assert(cpm_slice_eq(CPM_SLICE_NONE, CPM_SLICE("")));
	ck_assert(cpm_slice_ieq(CPM_SLICE("Content-Type"), CPM_SLICE("content-TYPE")));
	/* '@' and '`' differ by the bit that makes letters lower case, but are no letters. */
	ck_assert(!cpm_slice_ieq(CPM_SLICE("@["), CPM_SLICE("`{")));
	ck_assert(!cpm_slice_ieq(CPM_SLICE("\xc4"), CPM_SLICE("\xe4")));
	ck_assert(cpm_slice_starts(CPM_SLICE("abc"), CPM_SLICE("ab")));
	ck_assert(cpm_slice_starts(CPM_SLICE("abc"), CPM_SLICE("")));
	ck_assert(!cpm_slice_starts(CPM_SLICE("a"), CPM_SLICE("ab")));
	ck_assert(!cpm_slice_starts(CPM_SLICE("Abc"), CPM_SLICE("ab")));
	ck_assert(cpm_slice_istarts(CPM_SLICE("SIP:x"), CPM_SLICE("sip:")));
	ck_assert(!cpm_slice_istarts(CPM_SLICE("SI"), CPM_SLICE("sip:")));
}
END_TEST

START_TEST(cuts)
{
	ck_slice(cpm_slice_from(CPM_SLICE("abc"), 1), "bc", "from 1");
	ck_slice(cpm_slice_from(CPM_SLICE("abc"), 9), "", "from past the end");
	ck_slice(cpm_slice_from(CPM_SLICE_NONE, 1), "", "from nothing");
	ck_slice(cpm_slice_head(CPM_SLICE("abc"), 2), "ab", "head 2");
	ck_slice(cpm_slice_head(CPM_SLICE("abc"), 9), "abc", "head past the end");
	ck_slice(cpm_slice_trim(CPM_SLICE(" \t\r\na b\n ")), "a b", "trim");
	ck_slice(cpm_slice_trim(CPM_SLICE(" \t")), "", "trim all");
	ck_slice(cpm_slice_trim(CPM_SLICE_NONE), "", "trim nothing");
	ck_assert_uint_eq(cpm_slice_find(CPM_SLICE("abc"), 'c'), 2);
	ck_assert_uint_eq(cpm_slice_find(CPM_SLICE("abc"), 'x'), 3);
	ck_assert_uint_eq(cpm_slice_find(CPM_SLICE_NONE, 'x'), 0);
}
END_TEST

static const struct {
	const char *text, *joined;
} splits[] = {
		{"a,b,c", "[a][b][c]"},
		{"a,,c", "[a][][c]"},
		{",a", "[][a]"},
		{"a,", "[a]"},
		{"a", "[a]"},
		{",", "[]"},
		{"", ""},
};

START_TEST(splits_as_the_table_says)
{
	struct cpm_slice rest = cpm_slice_of(splits[_i].text), part;
	struct cpm_buf b;

	cpm_buf_init(&b, 100);
	while(cpm_slice_split(&rest, ',', &part)) {
		cpm_buf_add_char(&b, '[');
		cpm_buf_add(&b, part);
		cpm_buf_add_char(&b, ']');
	}
	ck_slice(cpm_buf_slice(&b), splits[_i].joined, splits[_i].text);
	cpm_buf_free(&b);
}
END_TEST

static const struct {
	const char *text;
	bool ok;
	uint64_t value;
} numbers[] = {
		{"0", true, 0},
		{"007", true, 7},
		{"18446744073709551615", true, UINT64_MAX},
		{"18446744073709551616", false, 0},
		{"18446744073709551620", false, 0},
		{"99999999999999999999", false, 0},
		{"", false, 0},
		{"-1", false, 0},
		{"+1", false, 0},
		{" 1", false, 0},
		{"1a", false, 0},
};

START_TEST(reads_numbers)
{
	uint64_t value = 4711;

	ck_assert_msg(cpm_slice_u64(cpm_slice_of(numbers[_i].text), &value) == numbers[_i].ok, "%s",
			numbers[_i].text);
	ck_assert_uint_eq(value, numbers[_i].ok ? numbers[_i].value : 4711);
}
END_TEST

START_TEST(hashes_stay_the_same)
{
	/* Stored data depends on them: these values may never change. */
	ck_assert_uint_eq(cpm_slice_hash(CPM_SLICE(""), 0), UINT64_C(0xefd01f60ba992926));
	ck_assert_uint_eq(
			cpm_slice_hash(CPM_SLICE("sip:bob@example.net"), 0), UINT64_C(0xb325bf36ef9e4ee6));
	ck_assert_uint_eq(
			cpm_slice_hash(CPM_SLICE("sip:bob@example.net"), 1), UINT64_C(0x55d22895fe577802));
}
END_TEST

/* Every byte, the length and the seed count; alignment and what lies behind do not. */
START_TEST(hashes_for_tables_here)
{
	char text[40], moved[48];
	uint64_t whole, seen[2 * 33 + 1];
	size_t n = 0;

	for(size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 37 + 11);
	memcpy(moved + 3, text, sizeof(text));
	whole = cpm_slice_hash_here((struct cpm_slice){text, 33}, 1);
	ck_assert_uint_eq(cpm_slice_hash_here((struct cpm_slice){moved + 3, 33}, 1), whole);
	text[33] ^= 1;
	ck_assert_uint_eq(cpm_slice_hash_here((struct cpm_slice){text, 33}, 1), whole);
	ck_assert_uint_ne(cpm_slice_hash_here((struct cpm_slice){text, 33}, 2), whole);
	for(size_t i = 0; i < 33; i++) {
		seen[n++] = cpm_slice_hash_here((struct cpm_slice){text, i}, 1);
		text[i] ^= 1;
		seen[n++] = cpm_slice_hash_here((struct cpm_slice){text, 33}, 1);
		text[i] ^= 1;
	}
	seen[n++] = whole;
	for(size_t i = 0; i < n; i++)
		for(size_t j = i + 1; j < n; j++)
			ck_assert_uint_ne(seen[i], seen[j]);
}
END_TEST

START_TEST(names_every_code)
{
	for(int rc = CPM_OK; rc <= CPM_UNSUPPORTED; rc++)
		ck_assert_str_ne(cpm_rc_name((enum cpm_rc)rc), "unknown");
	ck_assert_str_eq(cpm_rc_name(CPM_OK), "ok");
	ck_assert_str_eq(cpm_rc_name((enum cpm_rc)1000), "unknown");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("slice");

	tcase_add_test(t, compares);
	tcase_add_test(t, cuts);
	tcase_add_loop_test(t, splits_as_the_table_says, 0, UNIT_COUNT(splits));
	tcase_add_loop_test(t, reads_numbers, 0, UNIT_COUNT(numbers));
	tcase_add_test(t, hashes_stay_the_same);
	tcase_add_test(t, hashes_for_tables_here);
	tcase_add_test(t, names_every_code);
	return unit_run("slice", t);
}
