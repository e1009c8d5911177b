/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/mime.c.
 */
#include "unit.h"

#include "core/codec/mime.h"

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

static const struct {
	const char *value, *type, *subtype, *params;
} types[] = {
		{"message/cpim", "message", "cpim", ""},
		{" Text/Plain ; charset=UTF-8", "Text", "Plain", " charset=UTF-8"},
		{"text / plain", "text", "plain", ""},
		{"application/resource-lists+xml;a=\"x;y\"", "application", "resource-lists+xml",
				"a=\"x;y\""},
		{"text", NULL, NULL, NULL},
		{"text/", NULL, NULL, NULL},
		{"/plain", NULL, NULL, NULL},
		{"text/pl ain", NULL, NULL, NULL},
		{"text/plain/x", NULL, NULL, NULL},
		{"", NULL, NULL, NULL},
};

START_TEST(parses_media_types)
{
	struct cpm_media_type mt;
	bool ok = cpm_media_type_parse(unit_guard(cpm_slice_of(types[_i].value)), &mt);

	ck_assert_msg(ok == (types[_i].type != NULL), "%s", types[_i].value);
	if(!ok)
		return;
	ck_slice(mt.type, types[_i].type, types[_i].value);
	ck_slice(mt.subtype, types[_i].subtype, types[_i].value);
	ck_slice(mt.params, types[_i].params, types[_i].value);
}
END_TEST

START_TEST(compares_media_types_without_case)
{
	struct cpm_media_type mt;

	ck_assert(cpm_media_type_parse(CPM_SLICE("Message/CPIM;x=y"), &mt));
	ck_assert(cpm_media_type_is(&mt, "message", "cpim"));
	ck_assert(!cpm_media_type_is(&mt, "message", "cpi"));
	ck_assert(!cpm_media_type_is(&mt, "text", "cpim"));
}
END_TEST

START_TEST(finds_headers)
{
	struct cpm_slice block = CPM_SLICE(
							 "A: 1\r\nContent-Type:\r\n text/plain;\r\n\tcharset=x\r\nB:2\n"
							 "A: 3\r\n"),
					 value;

	ck_assert(cpm_mime_header(block, CPM_SLICE("a"), &value));
	ck_slice(value, "1", "first of two");
	ck_assert(cpm_mime_header(block, CPM_SLICE("content-type"), &value));
	ck_slice(value, "text/plain;\r\n\tcharset=x", "folded");
	ck_assert(cpm_mime_header(block, CPM_SLICE("B"), &value));
	ck_slice(value, "2", "bare LF, no blank");
	ck_assert(!cpm_mime_header(block, CPM_SLICE("C"), &value));
	ck_assert(!cpm_mime_header(CPM_SLICE_NONE, CPM_SLICE("C"), &value));
	/* What follows the blank line is no header. */
	ck_assert(!cpm_mime_header(CPM_SLICE("A: 1\r\n\r\nC: 1\r\n"), CPM_SLICE("C"), &value));
}
END_TEST

/* The parts as "{headers|body}", and the last result. */
static enum cpm_rc walk(
		const char *type, struct cpm_slice body, struct cpm_buf *b, size_t max_parts)
{
	struct cpm_limits l = limits;
	struct cpm_media_type mt;
	struct cpm_mime_parts it;
	struct cpm_mime_part part;
	struct cpm_diag diag = {0};
	bool end = false;
	enum cpm_rc rc;

	l.max_mime_parts = max_parts;
	ck_assert(cpm_media_type_parse(cpm_slice_of(type), &mt));
	rc = cpm_mime_parts_init(&it, body, &mt, &l, &diag);
	while(!rc && !(rc = cpm_mime_parts_next(&it, &part, &end, &diag)) && !end) {
		cpm_buf_add_char(b, '{');
		cpm_buf_add(b, part.headers);
		cpm_buf_add_char(b, '|');
		cpm_buf_add(b, part.body);
		cpm_buf_add_char(b, '}');
	}
	ck_assert_uint_le(diag.offset, body.n);
	if(rc)
		ck_assert_ptr_nonnull(diag.reason);
	return rc;
}

#define TYPE "multipart/mixed;boundary=b"

static const struct {
	const char *name, *type, *body, *parts;
	enum cpm_rc rc;
} bodies[] = {
		/* RFC 2046 section 5.1.1 */
		{"RFC 2046 example", "multipart/mixed; boundary=\"simple boundary\"",
				"This is the preamble.\r\n\r\n--simple boundary\r\n\r\n"
				"This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a "
				"linebreak.\r\n"
				"--simple boundary\r\nContent-type: text/plain; charset=us-ascii\r\n\r\n"
				"This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n"
				"\r\n--simple boundary--\r\n\r\nThis is the epilogue.",
				"{|This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a "
				"linebreak.}"
				"{Content-type: text/plain; charset=us-ascii\r\n|"
				"This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a "
				"linebreak.\r\n}"},
		{"bare LF", TYPE, "--b\nA: 1\n\nx\n--b--\n", "{A: 1\n|x}"},
		{"blanks behind the boundary", TYPE, "--b \t\r\n\r\nx\r\n--b-- \t\r\n", "{|x}"},
		{"no line end behind the last delimiter", TYPE, "--b\r\n\r\nx\r\n--b--", "{|x}"},
		{"another boundary starts with ours", TYPE,
				"--b\r\n\r\n--bb\r\n--b-\r\n--b--x\r\nx--b\r\n --b\r\n--b--",
				"{|--bb\r\n--b-\r\n--b--x\r\nx--b\r\n --b}"},
		{"empty parts", TYPE, "--b\r\n--b\r\n\r\n--b\r\n\r\n\r\n--b--", "{|}{|}{|}"},
		{"headers only", TYPE, "--b\r\nA: 1\r\n--b\r\nB: 2\r\n\r\n--b--", "{A: 1|}{B: 2\r\n|}"},
		{"no part", TYPE, "--b--\r\n", ""},
		{"boundary with odd characters", "multipart/related;a=1;BOUNDARY=\"a b:c;d(),/=?'+_-.\"",
				"--a b:c;d(),/=?'+_-.\r\n\r\nx\r\n--a b:c;d(),/=?'+_-.--", "{|x}"},
		{"no closing delimiter", TYPE, "--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n", "{|x}", CPM_SYNTAX},
		{"open delimiter last", TYPE, "--b\r\n\r\nx\r\n--b", "{|x}", CPM_SYNTAX},
		{"no delimiter", TYPE, "x\r\n", "", CPM_SYNTAX},
		{"empty body", TYPE, "", "", CPM_SYNTAX},
		{"broken header", TYPE, "--b\r\nx\r\n\r\ny\r\n--b--", "", CPM_SYNTAX},
		{"no boundary", "multipart/mixed", "--b--", "", CPM_SYNTAX},
		{"empty boundary", "multipart/mixed;boundary=\"\"", "--\r\n\r\n----", "", CPM_SYNTAX},
		{"boundary ends in a blank", "multipart/mixed;boundary=\"a \"", "--a --", "", CPM_SYNTAX},
		{"not multipart", "text/plain;boundary=b", "--b--", "", CPM_UNSUPPORTED},
};

START_TEST(walks_over_parts)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 2000);
	ck_assert_int_eq(walk(bodies[_i].type, unit_guard(cpm_slice_of(bodies[_i].body)), &b, 32),
			bodies[_i].rc);
	ck_slice(cpm_buf_slice(&b), bodies[_i].parts, bodies[_i].name);
	cpm_buf_free(&b);
}
END_TEST

START_TEST(takes_any_truncation)
{
	struct cpm_slice body = cpm_slice_of(bodies[_i].body);

	for(size_t n = 0; n < body.n; n++) {
		struct cpm_buf b;

		cpm_buf_init(&b, 2000);
		walk(bodies[_i].type, unit_guard(cpm_slice_head(body, n)), &b, 32);
		ck_assert_int_eq(b.rc, CPM_OK);
		cpm_buf_free(&b);
	}
}
END_TEST

START_TEST(keeps_the_limit_of_parts)
{
	struct cpm_slice body = CPM_SLICE("--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b\r\n\r\n3\r\n--b--");

	for(size_t max = 0; max < 5; max++) {
		struct cpm_buf b;

		cpm_buf_init(&b, 2000);
		ck_assert_int_eq(walk(TYPE, body, &b, max), max < 3 ? CPM_LIMIT : CPM_OK);
		ck_assert_uint_eq(b.n, 4 * (max < 3 ? max : 3));
		cpm_buf_free(&b);
	}
}
END_TEST

START_TEST(keeps_the_limit_of_the_boundary)
{
	for(size_t n = 69; n <= 71; n++) {
		char type[200], body[200];
		struct cpm_buf b;

		cpm_buf_init(&b, 2000);
		snprintf(type, sizeof(type), "multipart/mixed;boundary=%0*d", (int)n, 7);
		snprintf(body, sizeof(body), "--%0*d--", (int)n, 7);
		ck_assert_int_eq(walk(type, cpm_slice_of(body), &b, 1), n <= 70 ? CPM_OK : CPM_SYNTAX);
		cpm_buf_free(&b);
	}
}
END_TEST

#define INNER "--i\r\n\r\ntext\r\n--i\r\nContent-Type: a/b\r\n\r\ninner\r\n--i--"

static const struct {
	const char *name, *type, *body;
	enum cpm_rc rc;
	const char *found;
} searches[] = {
		{"the body itself", "A/B;x=y", "all", CPM_OK, "all"},
		{"another type", "a/c", "all", CPM_NOTFOUND, ""},
		{"no type", "", "all", CPM_NOTFOUND, ""},
		{"first part", TYPE, "--b\r\nContent-Type: a/b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--", CPM_OK,
				"1"},
		{"second part", TYPE, "--b\r\n\r\n1\r\n--b\r\ncontent-type: a/b; c=d\r\n\r\n2\r\n--b--",
				CPM_OK, "2"},
		{"first of two", TYPE,
				"--b\r\nContent-Type: a/b\r\n\r\n1\r\n--b\r\nContent-Type: a/b\r\n\r\n2\r\n--b--",
				CPM_OK, "1"},
		{"none", TYPE, "--b\r\n\r\n1\r\n--b--", CPM_NOTFOUND, ""},
		{"inside", TYPE, "--b\r\nContent-Type: multipart/x;boundary=i\r\n\r\n" INNER "\r\n--b--",
				CPM_OK, "inner"},
		{"behind one inside", TYPE,
				"--b\r\nContent-Type: multipart/x;boundary=i\r\n\r\n--i\r\n\r\n1\r\n--i--\r\n"
				"--b\r\nContent-Type: a/b\r\n\r\n2\r\n--b--",
				CPM_OK, "2"},
		{"broken inside", TYPE,
				"--b\r\nContent-Type: multipart/x;boundary=i\r\n\r\n--i\r\n\r\n1\r\n--b--",
				CPM_SYNTAX, ""},
		{"not ended", TYPE, "--b\r\n\r\n1", CPM_SYNTAX, ""},
		{"no boundary", "multipart/mixed", "--b--", CPM_SYNTAX, ""},
		{"three deep", TYPE,
				"--b\r\nContent-Type: multipart/x;boundary=c\r\n\r\n"
				"--c\r\nContent-Type: multipart/x;boundary=i\r\n\r\n" INNER "\r\n--c--\r\n--b--",
				CPM_OK, "inner"},
		{"four deep", TYPE,
				"--b\r\nContent-Type: multipart/x;boundary=c\r\n\r\n"
				"--c\r\nContent-Type: multipart/x;boundary=d\r\n\r\n"
				"--d\r\nContent-Type: multipart/x;boundary=i\r\n\r\n" INNER
				"\r\n--d--\r\n--c--\r\n--b--",
				CPM_LIMIT, ""},
};

static enum cpm_rc find(struct cpm_slice body, const char *type, struct cpm_mime_part *part)
{
	struct cpm_diag diag = {0};
	enum cpm_rc rc = cpm_mime_find(body, cpm_slice_of(type), "a", "b", &limits, part, &diag);

	if(rc) {
		ck_assert_ptr_nonnull(diag.reason);
		ck_assert_uint_le(diag.offset, body.n);
	}
	return rc;
}

START_TEST(finds_a_part)
{
	struct cpm_slice body = unit_guard(cpm_slice_of(searches[_i].body));
	struct cpm_mime_part part;
	enum cpm_rc rc = find(body, searches[_i].type, &part);

	ck_assert_msg(rc == searches[_i].rc, "%s: %s", searches[_i].name, cpm_rc_name(rc));
	if(!rc)
		ck_slice(part.body, searches[_i].found, searches[_i].name);
	for(size_t n = 0; n < body.n; n++)
		find(unit_guard(cpm_slice_head(cpm_slice_of(searches[_i].body), n)), searches[_i].type,
				&part);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("mime");

	tcase_add_loop_test(t, parses_media_types, 0, UNIT_COUNT(types));
	tcase_add_test(t, compares_media_types_without_case);
	tcase_add_test(t, finds_headers);
	tcase_add_loop_test(t, walks_over_parts, 0, UNIT_COUNT(bodies));
	tcase_add_loop_test(t, takes_any_truncation, 0, UNIT_COUNT(bodies));
	tcase_add_test(t, keeps_the_limit_of_parts);
	tcase_add_test(t, keeps_the_limit_of_the_boundary);
	tcase_add_loop_test(t, finds_a_part, 0, UNIT_COUNT(searches));
	return unit_run("mime", t);
}
