/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/imap.c.
 */
#include "unit.h"

#include "core/codec/imap.h"

#define MAX 200

static const struct {
	const char *bytes;
	enum cpm_rc rc;
	enum cpm_imap_kind kind;
	enum cpm_imap_status status;
	const char *tag, *code, *text;
	size_t rest; /* bytes behind the response */
} rows[] = {
		{"A1 OK done\r\n", CPM_OK, CPM_IMAP_TAGGED, CPM_IMAP_OK, "A1", "", "done", 0},
		{"A1 OK [APPENDUID 38505 3955] APPEND completed\r\n* 1", CPM_OK, CPM_IMAP_TAGGED,
				CPM_IMAP_OK, "A1", "APPENDUID 38505 3955", "APPEND completed", 3},
		{"A1 no [TRYCREATE] none\r\n", CPM_OK, CPM_IMAP_TAGGED, CPM_IMAP_NO, "A1", "TRYCREATE",
				"none", 0},
		{"A1 BAD\r\n", CPM_OK, CPM_IMAP_TAGGED, CPM_IMAP_BAD, "A1", "", "", 0},
		{"A1 OK [unclosed\n", CPM_OK, CPM_IMAP_TAGGED, CPM_IMAP_OK, "A1", "unclosed", "", 0},
		{"* OK [UIDVALIDITY 7] x\r\n", CPM_OK, CPM_IMAP_UNTAGGED, CPM_IMAP_OK, "", "UIDVALIDITY 7",
				"x", 0},
		{"* BYE going\r\n", CPM_OK, CPM_IMAP_UNTAGGED, CPM_IMAP_BYE, "", "", "going", 0},
		{"* SEARCH 1 2\r\n", CPM_OK, CPM_IMAP_UNTAGGED, CPM_IMAP_DATA, "", "", "SEARCH 1 2", 0},
		{"* 4 EXISTS\r\n", CPM_OK, CPM_IMAP_UNTAGGED, CPM_IMAP_DATA, "", "", "4 EXISTS", 0},
		{"* 1 FETCH (BODY {5}\r\na\nb\n\xff FLAGS ())\r\nx", CPM_OK, CPM_IMAP_UNTAGGED,
				CPM_IMAP_DATA, "", "", "1 FETCH (BODY {5}", 1},
		{"* 1 FETCH (A {0}\r\n B {3+}\r\n{9})\r\n", CPM_OK, CPM_IMAP_UNTAGGED, CPM_IMAP_DATA, "",
				"", "1 FETCH (A {0}", 0},
		{"+ go on\r\n", CPM_OK, CPM_IMAP_CONTINUE, CPM_IMAP_DATA, "", "", "go on", 0},
		{"+\r\n", CPM_OK, CPM_IMAP_CONTINUE, CPM_IMAP_DATA, "", "", "", 0},
		{"* x {99999999999999999999}\r\n", CPM_OK, CPM_IMAP_UNTAGGED, CPM_IMAP_DATA, "", "",
				"x {99999999999999999999}", 0},
		{"* x {300}\r\n", CPM_LIMIT},
		{"", CPM_NEED_MORE},
		{"A1 OK", CPM_NEED_MORE},
		{"* x {3}\r\nab", CPM_NEED_MORE},
		{"* x {3}\r\nabc", CPM_NEED_MORE},
		{"\r\n", CPM_SYNTAX},
		{"A1\r\n", CPM_SYNTAX},
		{"A1 WHAT\r\n", CPM_SYNTAX},
		{" A1 OK\r\n", CPM_SYNTAX},
};

START_TEST(reads)
{
	struct cpm_slice bytes = unit_guard(cpm_slice_of(rows[_i].bytes));
	struct cpm_imap_response r;

	ck_assert_int_eq(cpm_imap_read(bytes, MAX, &r), rows[_i].rc);
	if(rows[_i].rc)
		return;
	ck_assert_int_eq(r.kind, rows[_i].kind);
	ck_assert_int_eq(r.status, rows[_i].status);
	ck_slice(r.tag, rows[_i].tag, rows[_i].bytes);
	ck_slice(r.code, rows[_i].code, rows[_i].bytes);
	ck_slice(r.text, rows[_i].text, rows[_i].bytes);
	ck_assert_uint_eq(bytes.n - r.bytes, rows[_i].rest);
}
END_TEST

/* Fewer bytes of a response are never another response. */
START_TEST(truncated)
{
	struct cpm_slice whole = cpm_slice_of(rows[_i].bytes);
	struct cpm_imap_response r;

	for(size_t n = 0; !rows[_i].rc && n < whole.n - rows[_i].rest; n++)
		ck_assert_int_eq(
				cpm_imap_read(unit_guard(cpm_slice_head(whole, n)), MAX, &r), CPM_NEED_MORE);
}
END_TEST

START_TEST(limit)
{
	struct cpm_slice line = CPM_SLICE("* 1 EXISTS\r\n");
	struct cpm_imap_response r;

	ck_assert_int_eq(cpm_imap_read(line, line.n, &r), CPM_OK);
	ck_assert_int_eq(cpm_imap_read(line, line.n - 1, &r), CPM_LIMIT);
	ck_assert_int_eq(cpm_imap_read(CPM_SLICE("A1 \0OK\r\n"), MAX, &r), CPM_SYNTAX);
}
END_TEST

static const struct {
	const char *code;
	bool ok;
} uids[] = {
		{"APPENDUID 38505 3955", true},
		{"appenduid 38505 3955", true},
		{"APPENDUID 38505 0", false},
		{"APPENDUID 38505", false},
		{"APPENDUID 38505 1:2", false},
		{"APPENDUID 4294967296 1", false},
		{"COPYUID 38505 3955", false},
		{"", false},
};

START_TEST(append_uids)
{
	uint32_t validity = 0, uid = 0;

	ck_assert(cpm_imap_append_uid(cpm_slice_of(uids[_i].code), &validity, &uid) == uids[_i].ok);
	if(uids[_i].ok) {
		ck_assert_uint_eq(validity, 38505);
		ck_assert_uint_eq(uid, 3955);
	}
}
END_TEST

START_TEST(words)
{
	uint32_t n;

	ck_assert(cpm_imap_code_is(CPM_SLICE("TryCreate"), "TRYCREATE"));
	ck_assert(!cpm_imap_code_is(CPM_SLICE("TRYCREATED"), "TRYCREATE"));
	ck_assert(cpm_imap_code_number(CPM_SLICE("UIDVALIDITY 7"), "UIDVALIDITY", &n) && n == 7);
	ck_assert(!cpm_imap_code_number(CPM_SLICE("UIDNEXT 7"), "UIDVALIDITY", &n));
	ck_assert(cpm_imap_capable(CPM_SLICE("CAPABILITY IMAP4rev1 UIDPLUS LITERAL+"), "uidplus"));
	ck_assert(!cpm_imap_capable(CPM_SLICE("CAPABILITY IMAP4rev1 XUIDPLUS"), "UIDPLUS"));
	ck_assert(cpm_imap_search_last(CPM_SLICE("SEARCH"), &n) && n == 0);
	ck_assert(cpm_imap_search_last(CPM_SLICE("SEARCH 4 9 7 "), &n) && n == 9);
	ck_assert(!cpm_imap_search_last(CPM_SLICE("SEARCH 4 x"), &n));
	ck_assert(!cpm_imap_search_last(CPM_SLICE("ESEARCH 4"), &n));
}
END_TEST

static const struct {
	const char *text, *quoted;
} strings[] = {
		{"", "\"\""},
		{"Default/sip:a@b", "\"Default/sip:a@b\""},
		{"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"a\" DELETE \"b", "\"a\\\" DELETE \\\"b\""},
		{"{3+}", "\"{3+}\""},
		{"a\r\nb", NULL},
		{"a\nb", NULL},
		{"\x7f", NULL},
		{"\xc3\xa4", NULL},
};

START_TEST(quotes)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 100);
	ck_assert_int_eq(cpm_imap_add_quoted(&b, cpm_slice_of(strings[_i].text)),
			strings[_i].quoted ? CPM_OK : CPM_SYNTAX);
	ck_slice(cpm_buf_slice(&b), strings[_i].quoted ? strings[_i].quoted : "", strings[_i].text);
	cpm_buf_free(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("imap");

	tcase_add_loop_test(t, reads, 0, UNIT_COUNT(rows));
	tcase_add_loop_test(t, truncated, 0, UNIT_COUNT(rows));
	tcase_add_test(t, limit);
	tcase_add_loop_test(t, append_uids, 0, UNIT_COUNT(uids));
	tcase_add_test(t, words);
	tcase_add_loop_test(t, quotes, 0, UNIT_COUNT(strings));
	return unit_run("imap", t);
}
