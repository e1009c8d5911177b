/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/xml.c.
 */
#include "unit.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include "core/codec/xml.h"

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

static const struct {
	const char *name;
	const char *text;
	enum cpm_rc rc;
} rows[] = {
		{"element", "<a/>", CPM_OK},
		{"declaration", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>x</a>\n", CPM_OK},
		{"byte order mark", "\xef\xbb\xbf<a/>", CPM_OK},
		{"comment and instruction", "<!-- c --><?pi x?><a><!-- < & --></a>", CPM_OK},
		{"the five entities", "<a b=\"&lt;&quot;&#x41;\">&amp;&gt;&apos;&#65;</a>", CPM_OK},
		{"UTF-8", "<a>\xc3\xa4</a>", CPM_OK},
		{"prefix", "<p:a xmlns:p=\"urn:p\"/>", CPM_OK},
		{"empty", "", CPM_SYNTAX},
		{"blank", " ", CPM_SYNTAX},
		{"text", "a", CPM_SYNTAX},
		{"not ended", "<a>", CPM_SYNTAX},
		{"ended twice", "<a></a></a>", CPM_SYNTAX},
		{"two roots", "<a/><b/>", CPM_SYNTAX},
		{"crossed", "<a><b></a></b>", CPM_SYNTAX},
		{"attribute twice", "<a b=\"\" b=\"\"/>", CPM_SYNTAX},
		{"unknown entity", "<a>&x;</a>", CPM_SYNTAX},
		{"unknown entity in an attribute", "<a b=\"&x;\"/>", CPM_SYNTAX},
		{"undeclared prefix", "<p:a/>", CPM_SYNTAX},
		{"undeclared prefix of an attribute", "<a p:b=\"\"/>", CPM_SYNTAX},
		{"not UTF-8", "<a>\xe4</a>", CPM_SYNTAX},
		{"another encoding", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe4</a>",
				CPM_SYNTAX},
		{"control byte", "<a>\x01</a>", CPM_SYNTAX},
		{"DTD", "<!DOCTYPE a><a/>", CPM_UNSUPPORTED},
		{"DTD after a comment", "<?xml version=\"1.0\"?><!-- c --><!DOCTYPE a []><a/>",
				CPM_UNSUPPORTED},
		{"DTD from a file", "<!DOCTYPE a SYSTEM \"/etc/passwd\"><a/>", CPM_UNSUPPORTED},
		{"DTD from the network", "<!DOCTYPE a PUBLIC \"-//X\" \"http://127.0.0.1:9/x\"><a/>",
				CPM_UNSUPPORTED},
		{"outer entity", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
				CPM_UNSUPPORTED},
		{"entity bomb",
				"<!DOCTYPE a [<!ENTITY x \"xxxxxxxxxx\"><!ENTITY y \"&x;&x;&x;&x;&x;&x;&x;&x;\">"
				"<!ENTITY z \"&y;&y;&y;&y;&y;&y;&y;&y;\">]><a>&z;&z;&z;&z;</a>",
				CPM_UNSUPPORTED},
		{"parameter entity", "<!DOCTYPE a [<!ENTITY % x \"<!ENTITY y 'z'>\">%x;]><a>&y;</a>",
				CPM_UNSUPPORTED},
};

static enum cpm_rc parse(struct cpm_slice text, const struct cpm_limits *l)
{
	struct cpm_diag diag = {SIZE_MAX, NULL};
	xmlDocPtr doc;
	enum cpm_rc rc = cpm_xml_parse(unit_guard(text), l, &doc, &diag);

	ck_assert(!rc == (doc != NULL));
	if(rc) {
		ck_assert_ptr_nonnull(diag.reason);
		ck_assert_uint_le(diag.offset, text.n);
	}
	xmlFreeDoc(doc);
	return rc;
}

START_TEST(takes_and_refuses)
{
	enum cpm_rc rc = parse(cpm_slice_of(rows[_i].text), &limits);

	ck_assert_msg(rc == rows[_i].rc, "%s: %s", rows[_i].name, cpm_rc_name(rc));
}
END_TEST

START_TEST(refuses_nul_bytes)
{
	static const char utf16[] = "\xff\xfe<\0a\0/\0>\0";

	ck_assert_int_eq(parse(CPM_SLICE("<a>\0</a>"), &limits), CPM_SYNTAX);
	ck_assert_int_eq(parse(CPM_SLICE("<a/>\0"), &limits), CPM_SYNTAX);
	ck_assert_int_eq(parse((struct cpm_slice){utf16, sizeof(utf16) - 1}, &limits), CPM_SYNTAX);
}
END_TEST

START_TEST(refuses_what_ends_early)
{
	struct cpm_slice text =
			CPM_SLICE("<?xml version='1.0'?><a b=\"c\"><d>&amp;</d><![CDATA[x]]></a>");

	for(size_t n = 0; n < text.n; n++)
		ck_assert_msg(parse(cpm_slice_head(text, n), &limits) == CPM_SYNTAX, "%zu bytes", n);
}
END_TEST

/* "<a>" depth times, and closed again. */
static struct cpm_slice nested(char *text, size_t depth)
{
	for(size_t i = 0; i < depth; i++) {
		memcpy(text + 3 * i, "<a>", 3);
		memcpy(text + 3 * depth + 4 * i, "</a>", 4);
	}
	return (struct cpm_slice){text, 7 * depth};
}

START_TEST(limits_depth)
{
	static char text[7 * 100000];
	struct cpm_limits l = limits;

	ck_assert_int_eq(parse(nested(text, limits.max_xml_depth), &limits), CPM_OK);
	ck_assert_int_eq(parse(nested(text, limits.max_xml_depth + 1), &limits), CPM_LIMIT);
	ck_assert_int_eq(parse(nested(text, 100000), &limits), CPM_LIMIT);
	l.max_xml_depth = 3;
	ck_assert_int_eq(parse(CPM_SLICE("<a><b><c/><c/></b><b><c/></b></a>"), &l), CPM_OK);
	l.max_xml_depth = 2;
	ck_assert_int_eq(parse(CPM_SLICE("<a><b><c/><c/></b><b><c/></b></a>"), &l), CPM_LIMIT);
}
END_TEST

START_TEST(limits_elements_attributes_and_bytes)
{
	struct cpm_limits l = limits;
	struct cpm_slice text = CPM_SLICE("<a xmlns=\"urn:a\" x=\"\"><b y=\"\"/></a>");

	l.max_xml_elements = 3;
	l.max_document_bytes = text.n;
	ck_assert_int_eq(parse(text, &l), CPM_OK);
	l.max_xml_elements = 2;
	ck_assert_int_eq(parse(text, &l), CPM_LIMIT);
	ck_assert_int_eq(parse(CPM_SLICE("<a><b/></a>"), &l), CPM_OK);
	l.max_xml_elements = 1;
	ck_assert_int_eq(parse(CPM_SLICE("<a><b/></a>"), &l), CPM_LIMIT);
	l = limits;
	l.max_document_bytes = text.n - 1;
	ck_assert_int_eq(parse(text, &l), CPM_LIMIT);
}
END_TEST

/* "<a" with count attributes or namespaces, depth times inside each other. */
static char *tags(const char *name, int count, int depth)
{
	char *text = malloc((size_t)depth * ((size_t)count * 24 + 16) + 16);
	size_t n = 0;

	for(int d = 0; d < depth; d++) {
		n += (size_t)sprintf(text + n, "<a");
		for(int i = 0; i < count; i++)
			n += (size_t)sprintf(text + n, " %s%d='u'", name, d * count + i);
		n += (size_t)sprintf(text + n, ">");
	}
	for(int d = 0; d < depth; d++)
		n += (size_t)sprintf(text + n, "</a>");
	return text;
}

START_TEST(limits_attributes_and_namespaces_in_scope)
{
	static const struct {
		const char *name;
		int count, depth;
		enum cpm_rc rc;
	} cases[] = {{"a", 64, 2, CPM_OK}, {"a", 65, 1, CPM_LIMIT}, {"xmlns:a", 16, 4, CPM_OK},
			{"xmlns:a", 13, 5, CPM_LIMIT}, {"xmlns:a", 65, 1, CPM_LIMIT}};

	for(size_t i = 0; i < UNIT_COUNT(cases); i++) {
		char *text = tags(cases[i].name, cases[i].count, cases[i].depth);

		ck_assert_msg(parse(cpm_slice_of(text), &limits) == cases[i].rc, "case %zu", i);
		free(text);
	}
}
END_TEST

/* A tag with very many attributes would cost the library a square. */
START_TEST(limits_one_tag)
{
	enum { COUNT = 100000 };
	char *text = malloc(COUNT * 10 + 16);
	int n = sprintf(text, "<a");

	for(int i = 0; i < COUNT; i++)
		n += sprintf(text + n, " %c%d=\"\"", 'a' + i % 26, i);
	n += sprintf(text + n, "/>");
	ck_assert_int_eq(parse((struct cpm_slice){text, (size_t)n}, &limits), CPM_LIMIT);
	free(text);
}
END_TEST

START_TEST(walks)
{
	static const char text[] =
			"<a xmlns=\"urn:a\" xmlns:p=\"urn:p\"> x <b p:c=\" d&amp;e \" f=\"\"> g<!-- h -->&lt;"
			"<![CDATA[i]]>\n</b> y <p:b>j<k/></p:b><b/> </a>";
	xmlDocPtr doc;
	xmlNode *a, *b, *pb, *last;
	struct cpm_slice value;

	ck_assert_int_eq(cpm_xml_parse(CPM_SLICE(text), &limits, &doc, NULL), CPM_OK);
	a = cpm_xml_first((xmlNode *)doc);
	b = cpm_xml_first(a);
	pb = cpm_xml_next(b);
	last = cpm_xml_next(pb);
	ck_assert(cpm_xml_is(a, "urn:a", "a") && cpm_xml_is(a, NULL, "a"));
	ck_assert(!cpm_xml_is(a, "urn:p", "a") && !cpm_xml_is(a, "urn:a", "b"));
	ck_assert(!cpm_xml_is(NULL, NULL, "a"));
	ck_assert(cpm_xml_is(pb, "urn:p", "b") && cpm_xml_is(last, "urn:a", "b"));
	ck_assert_ptr_null(cpm_xml_next(last));
	ck_assert_ptr_null(cpm_xml_first(last));
	ck_slice(cpm_xml_text(b), "g<i", "text");
	ck_slice(cpm_xml_text(pb), "", "text beside an element");
	ck_slice(cpm_xml_text(last), "", "no text");
	ck_assert(cpm_xml_attribute(b, "c", &value));
	ck_slice(value, "d&e", "attribute");
	ck_assert(cpm_xml_attribute(b, "f", &value));
	ck_slice(value, "", "empty attribute");
	ck_assert(!cpm_xml_attribute(b, "g", &value));
	xmlFreeDoc(doc);
}
END_TEST

static const struct {
	const char *name;
	struct cpm_slice text;
	const char *escaped;
} texts[] = {
		{"plain", CPM_SLICE("a b'c"), "a b'c"},
		{"the four", CPM_SLICE("<&>\""), "&lt;&amp;&gt;&quot;"},
		{"blanks", CPM_SLICE("\t\r\n"), "&#9;&#13;&#10;"},
		{"control bytes", CPM_SLICE("a\0b\x1f\x7f"), "a?b?\x7f"},
		{"two, three and four bytes", CPM_SLICE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
				"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"cut short", CPM_SLICE("\xc3"), "?"},
		{"cut in the middle",
				CPM_SLICE("\xe2\x82"
						  "a"),
				"??a"},
		{"continuation alone", CPM_SLICE("\x80\xbf"), "??"},
		{"longer than need be", CPM_SLICE("\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf"), "?????????"},
		{"surrogate", CPM_SLICE("\xed\xa0\x80"), "???"},
		{"no character", CPM_SLICE("\xef\xbf\xbe\xef\xbf\xbf"), "??????"},
		{"past the end", CPM_SLICE("\xf4\x90\x80\x80\xf5\x80\x80\x80\xff"), "?????????"},
		{"last ones", CPM_SLICE("\xef\xbf\xbd\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"),
				"\xef\xbf\xbd\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"},
};

START_TEST(escapes_text)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 200);
	cpm_xml_add_text(&b, unit_guard(texts[_i].text));
	ck_slice(cpm_buf_slice(&b), texts[_i].escaped, texts[_i].name);
	cpm_buf_free(&b);
}
END_TEST

/* Every two bytes, and each behind a lead byte: the reader takes what the writer writes. */
START_TEST(writes_what_it_reads)
{
	for(int lead = 0; lead < 3; lead++)
		for(int c = 0; c < 0x10000; c += lead ? 1 : 17) {
			const char bytes[] = {"\x20\xe0\xf1"[lead], (char)(c >> 8), (char)c};
			xmlDocPtr doc;
			struct cpm_buf b;

			cpm_buf_init(&b, 200);
			cpm_buf_add_str(&b, "<a b=\"");
			cpm_xml_add_text(&b, (struct cpm_slice){bytes, 3});
			cpm_buf_add_str(&b, "\"/>");
			ck_assert_msg(!cpm_xml_parse(cpm_buf_slice(&b), &limits, &doc, NULL), "%x", c);
			xmlFreeDoc(doc);
			cpm_buf_free(&b);
		}
}
END_TEST

static int calls;

static void count_call(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
	calls++;
}

static void count_structured(void *context, xmlErrorPtr error)
{
	(void)context;
	(void)error;
	calls++;
}

/* Other users of the library in the process: their handlers stay, hear nothing, and their settings
 * change nothing for us. */
START_TEST(leaves_the_process_alone)
{
	xmlSAXHandlerV1 *v1 = &xmlDefaultSAXHandler;
	xmlSAXHandlerV1 before;
	xmlStructuredErrorFunc structured;

	xmlInitParser();
	before = *v1;
	xmlSetGenericErrorFunc(NULL, count_call);
	xmlSetStructuredErrorFunc(NULL, count_structured);
	xmlSubstituteEntitiesDefault(1);
	xmlLoadExtDtdDefaultValue = 1;
	for(size_t i = 0; i < UNIT_COUNT(rows); i++)
		ck_assert_msg(parse(cpm_slice_of(rows[i].text), &limits) == rows[i].rc, "%s", rows[i].name);
	structured = xmlStructuredError;
	ck_assert(xmlGenericError == count_call && structured == count_structured);
	ck_assert_int_eq(calls, 0);
	ck_assert_int_eq(xmlSubstituteEntitiesDefault(0), 1);
	ck_assert_int_eq(xmlLoadExtDtdDefaultValue, 1);
	xmlLoadExtDtdDefaultValue = 0;
	ck_assert_int_eq(memcmp(&before, v1, sizeof(before)), 0);
	xmlSetGenericErrorFunc(NULL, NULL);
	xmlSetStructuredErrorFunc(NULL, NULL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("xml");
	int status;

	tcase_add_loop_test(t, takes_and_refuses, 0, UNIT_COUNT(rows));
	tcase_add_test(t, refuses_nul_bytes);
	tcase_add_test(t, refuses_what_ends_early);
	tcase_add_test(t, limits_depth);
	tcase_add_test(t, limits_elements_attributes_and_bytes);
	tcase_add_test(t, limits_attributes_and_namespaces_in_scope);
	tcase_add_test(t, limits_one_tag);
	tcase_add_test(t, walks);
	tcase_add_loop_test(t, escapes_text, 0, UNIT_COUNT(texts));
	tcase_add_test(t, writes_what_it_reads);
	tcase_add_test(t, leaves_the_process_alone);
	status = unit_run("codec/xml", t);
	xmlCleanupParser();
	return status;
}
