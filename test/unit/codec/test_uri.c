/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/uri.c.
 */
#include "unit.h"

#include "core/codec/uri.h"

static const struct {
	const char *text;
	enum cpm_rc rc;
	enum cpm_uri_scheme scheme;
	const char *user, *password, *host, *port, *params, *headers;
} uris[] = {
		/* RFC 3261 section 19.1.3 */
		{"sip:alice@atlanta.com", CPM_OK, CPM_URI_SIP, "alice", "", "atlanta.com", "", "", ""},
		{"sip:alice:secretword@atlanta.com;transport=tcp", CPM_OK, CPM_URI_SIP, "alice",
				"secretword", "atlanta.com", "", "transport=tcp", ""},
		{"sips:alice@atlanta.com?subject=project%20x&priority=urgent", CPM_OK, CPM_URI_SIPS,
				"alice", "", "atlanta.com", "", "", "subject=project%20x&priority=urgent"},
		{"sip:+1-212-555-1212:1234@gateway.com;user=phone", CPM_OK, CPM_URI_SIP, "+1-212-555-1212",
				"1234", "gateway.com", "", "user=phone", ""},
		{"sip:alice@192.0.2.4", CPM_OK, CPM_URI_SIP, "alice", "", "192.0.2.4", "", "", ""},
		{"sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", CPM_OK, CPM_URI_SIP, "", "",
				"atlanta.com", "", "method=REGISTER", "to=alice%40atlanta.com"},
		{"sip:alice;day=tuesday@atlanta.com", CPM_OK, CPM_URI_SIP, "alice;day=tuesday", "",
				"atlanta.com", "", "", ""},
		{"SIP:%61lice@[2001:db8::1]:5070;lr", CPM_OK, CPM_URI_SIP, "%61lice", "", "[2001:db8::1]",
				"5070", "lr", ""},
		{"sip:a@h:0", CPM_OK, CPM_URI_SIP, "a", "", "h", "0", "", ""},
		{"sip:a@h:65535", CPM_OK, CPM_URI_SIP, "a", "", "h", "65535", "", ""},
		{"tel:+1-555-0107;isub=1", CPM_OK, CPM_URI_TEL, "+1-555-0107", "", "", "", "isub=1", ""},
		{"TEL:7042;phone-context=example.com", CPM_OK, CPM_URI_TEL, "7042", "", "", "",
				"phone-context=example.com", ""},
		{"tel:*31#", CPM_OK, CPM_URI_TEL, "*31#", "", "", "", "", ""},
		{"", CPM_SYNTAX},
		{"sip", CPM_SYNTAX},
		{":a@b", CPM_SYNTAX},
		{"sip:", CPM_SYNTAX},
		{"sip:@h", CPM_SYNTAX},
		{"sip:a@", CPM_SYNTAX},
		{"sip:a@h:", CPM_SYNTAX},
		{"sip:a@h:65536", CPM_SYNTAX},
		{"sip:a@h:x", CPM_SYNTAX},
		{"sip:a@.h", CPM_SYNTAX},
		{"sip:a@b@c", CPM_SYNTAX},
		{"sip:a@h h", CPM_SYNTAX},
		{"sip:a b@h", CPM_SYNTAX},
		{"sip:a@h\r\n", CPM_SYNTAX},
		{"sip:<a@h>", CPM_SYNTAX},
		{"sip:\"a\"@h", CPM_SYNTAX},
		{"sip:a%2@h", CPM_SYNTAX},
		{"sip:a%zz@h", CPM_SYNTAX},
		{"sip:a@[2001:db8::1", CPM_SYNTAX},
		{"sip:a@[]", CPM_SYNTAX},
		{"sip:a@[::1]x", CPM_SYNTAX},
		{"sip:a@[::g]", CPM_SYNTAX},
		{"tel:", CPM_SYNTAX},
		{"tel:+", CPM_SYNTAX},
		{"tel:--", CPM_SYNTAX},
		{"tel:-+1", CPM_SYNTAX},
		{"tel:+1a", CPM_SYNTAX},
		{"tel:1+2", CPM_SYNTAX},
		{"tel:+1;phone-context=a/b", CPM_SYNTAX},
		{"mailto:a@b", CPM_UNSUPPORTED},
		{"im:a@b", CPM_UNSUPPORTED},
		{"urn:uuid:0", CPM_UNSUPPORTED},
};

START_TEST(parses)
{
	const char *row = uris[_i].text;
	struct cpm_uri uri;
	struct cpm_diag diag = {0};
	enum cpm_rc rc = cpm_uri_parse(unit_guard(cpm_slice_of(row)), &uri, &diag);

	ck_assert_msg(rc == uris[_i].rc, "%s: %s", row, cpm_rc_name(rc));
	if(rc) {
		ck_assert_ptr_nonnull(diag.reason);
		ck_assert_uint_le(diag.offset, strlen(row));
		return;
	}
	ck_assert_int_eq(uri.scheme, uris[_i].scheme);
	ck_slice(uri.user, uris[_i].user, row);
	ck_slice(uri.password, uris[_i].password, row);
	ck_slice(uri.host, uris[_i].host, row);
	ck_slice(uri.port, uris[_i].port, row);
	ck_slice(uri.params, uris[_i].params, row);
	ck_slice(uri.headers, uris[_i].headers, row);
}
END_TEST

START_TEST(takes_any_truncation)
{
	struct cpm_slice text = cpm_slice_of(uris[_i].text);

	for(size_t n = 0; n <= text.n; n++) {
		struct cpm_uri uri;
		struct cpm_uri_key key;
		char memory[CPM_URI_KEY_MAX];
		struct cpm_slice cut = unit_guard(cpm_slice_head(text, n)), value;

		cpm_uri_parse(cut, &uri, NULL);
		cpm_uri_canon(cut, memory, sizeof(memory), &key);
		cpm_uri_of_address(cut, &value);
		cpm_uri_param(cut, CPM_SLICE("user"), &value);
	}
}
END_TEST

static const struct {
	const char *text, *key, *domain;
} keys[] = {
		{"sip:bob@example.net", "sip:bob@example.net", "example.net"},
		{" sip:bob@example.net\n", "sip:bob@example.net", "example.net"},
		{"SIPS:bob:pw@EXAMPLE.net.:5061;transport=tls?Subject=x", "sip:bob@example.net",
				"example.net"},
		{"sip:%62ob@example.net", "sip:bob@example.net", "example.net"},
		{"sip:Bob@example.net", "sip:Bob@example.net", "example.net"},
		{"sip:example.NET;lr", "sip:example.net", "example.net"},
		/* Reserved characters differ from their escapes; escapes are written in one way. */
		{"sip:a%2bb@h", "sip:a%2Bb@h", "h"},
		{"sip:a+b@h", "sip:a+b@h", "h"},
		{"sip:a%c3%A4@h", "sip:a%C3%A4@h", "h"},
		{"sip:a\xc3\xa4@h", "sip:a%C3%A4@h", "h"},
		{"sip:a%00%20%40@h", "sip:a%00%20%40@h", "h"},
		{"sip:a@[2001:DB8::1]:5060", "sip:a@[2001:db8::1]", "[2001:db8::1]"},
		{"tel:+1-555-01(07)", "tel:+15550107", ""},
		{"tel:+1.555.0107;ext=9", "tel:+15550107", ""},
		{"tel:%2B15550107", "tel:+15550107", ""},
		{"sip:+1-555-0107@dom.Example;user=phone", "tel:+15550107", "dom.example"},
		{"sip:+1-555-0107@dom.example;USER=Phone", "tel:+15550107", "dom.example"},
		{"sip:+15550107;isub=3@dom.example;user=phone", "tel:+15550107", "dom.example"},
		{"sip:+15550107@dom.example", "sip:+15550107@dom.example", "dom.example"},
		{"sip:+1555x@dom.example;user=phone", "sip:+1555x@dom.example", "dom.example"},
		{"sip:7042@dom.example;user=phone", "sip:7042@dom.example", "dom.example"},
		{"sip:7042;phone-context=Example.com@gw.example;user=phone",
				"tel:7042;phone-context=example.com", "gw.example"},
		{"tel:70-42;phone-context=Example.com", "tel:7042;phone-context=example.com", ""},
		{"tel:70-42;phone-context=+1-555", "tel:7042;phone-context=+1555", ""},
		{"tel:+15550107;phone-context=example.com", "tel:+15550107", ""},
		{"tel:%2A31%23", "tel:*31#", ""},
		{"tel:12aB", "tel:12ab", ""},
		{"sip:7042;phone-context=a?b@h;user=phone", "sip:7042;phone-context=a?b@h", "h"},
};

START_TEST(has_one_form_for_each_identity)
{
	const char *row = keys[_i].text;
	char memory[CPM_URI_KEY_MAX], again[CPM_URI_KEY_MAX];
	struct cpm_uri_key key, second;

	ck_assert_int_eq(
			cpm_uri_canon(unit_guard(cpm_slice_of(row)), memory, sizeof(memory), &key), CPM_OK);
	ck_slice(key.key, keys[_i].key, row);
	ck_slice(key.domain, keys[_i].domain, row);
	ck_assert_int_eq(cpm_uri_canon(key.key, again, sizeof(again), &second), CPM_OK);
	ck_slice(second.key, keys[_i].key, "the key of the key");
}
END_TEST

/* sip: may take a short way, sips: never does, and they name the same identity. */
static void ck_same_as_sips(struct cpm_slice rest)
{
	char sip[64] = "sip:", sips[64] = "sips:", memory[CPM_URI_KEY_MAX], other[CPM_URI_KEY_MAX];
	struct cpm_uri_key key, expected;
	enum cpm_rc rc;

	memcpy(sip + 4, rest.p, rest.n);
	memcpy(sips + 5, rest.p, rest.n);
	rc = cpm_uri_canon((struct cpm_slice){sips, 5 + rest.n}, other, sizeof(other), &expected);
	ck_assert_msg(
			cpm_uri_canon((struct cpm_slice){sip, 4 + rest.n}, memory, sizeof(memory), &key) == rc,
			"%s", sip);
	if(rc)
		return;
	ck_assert_msg(cpm_slice_eq(key.key, expected.key), "%s", sip);
	ck_assert_msg(cpm_slice_eq(key.domain, expected.domain), "%s", sip);
}

START_TEST(short_and_long_way_agree)
{
	static const char *const rests[] = {"bo@ex.am", "b;o@e-x", "+1@dom;user=phone", "b@h", "ex.am"};

	for(size_t i = 0; i < UNIT_COUNT(rests); i++) {
		char rest[32];
		size_t n = strlen(rests[i]);

		for(size_t at = 0; at < n; at++)
			for(int c = 0; c < 256; c++) {
				memcpy(rest, rests[i], n);
				rest[at] = (char)c;
				ck_same_as_sips((struct cpm_slice){rest, n});
				ck_same_as_sips((struct cpm_slice){rest, at + 1});
			}
	}
}
END_TEST

START_TEST(needs_room_for_the_key)
{
	const char *row = keys[_i].text;
	size_t need = strlen(keys[_i].key) + (keys[_i].key[0] == 't' ? strlen(keys[_i].domain) : 0);

	for(size_t room = 0; room <= need + 1; room++) {
		char *memory = malloc(room ? room : 1);
		struct cpm_uri_key key;
		enum cpm_rc rc = cpm_uri_canon(cpm_slice_of(row), memory, room, &key);

		ck_assert_msg(rc == (room < need ? CPM_LIMIT : CPM_OK), "%s with %zu", row, room);
		free(memory);
	}
}
END_TEST

static const struct {
	const char *value, *uri;
} addresses[] = {
		{"\"Bob\" <sip:b@x>;tag=1", "sip:b@x"},
		{"Bob Builder <sip:b@x;lr>", "sip:b@x;lr"},
		{"<sip:b@x>", "sip:b@x"},
		{"< sip:b@x >", "sip:b@x"},
		{"sip:b@x;tag=1", "sip:b@x"},
		{" sip:b@x , sip:c@y", "sip:b@x"},
		{"\"<sip:evil@x>\" <sip:b@x>", "sip:b@x"},
		{"\"a\\\"<sip:evil@x>\" <sip:b@x>", "sip:b@x"},
		{"<sip:a@x>, <sip:b@x>", "sip:a@x"},
		{"\"Bob <sip:b@x>", NULL},
		{"Bob <sip:b@x", NULL},
		{"Bob", NULL},
		{"Bob, <sip:b@x>", NULL},
		{"<>", NULL},
		{"<sip:a b@x>", NULL},
		{"", NULL},
};

START_TEST(finds_the_uri_of_an_address)
{
	struct cpm_slice uri;
	bool found = cpm_uri_of_address(unit_guard(cpm_slice_of(addresses[_i].value)), &uri);

	ck_assert_msg(found == (addresses[_i].uri != NULL), "%s", addresses[_i].value);
	if(found)
		ck_slice(uri, addresses[_i].uri, addresses[_i].value);
}
END_TEST

static const struct {
	const char *params, *name, *value;
} params[] = {
		{"a=1;b;c=2", "a", "1"},
		{"a=1;b;c=2", "B", ""},
		{"a=1;b;C=2", "c", "2"},
		{"a=1;b;c=2", "d", NULL},
		{"aa=1;a=2", "a", "2"},
		{"a=1;a=2", "a", "1"},
		{" a = 1 ; b", "a", "1"},
		{"x=\"a=1;b=2\";b=3", "b", "3"},
		{"x=\"q\\\";b=2\";b=3", "b", "3"},
		{"x=\"q;b=2", "b", NULL},
		{"+sip.instance=\"<urn:uuid:1>\"", "+sip.instance", "\"<urn:uuid:1>\""},
		{"", "a", NULL},
		{";;a=", "a", ""},
};

START_TEST(finds_parameters)
{
	struct cpm_slice value;
	bool found = cpm_uri_param(
			unit_guard(cpm_slice_of(params[_i].params)), cpm_slice_of(params[_i].name), &value);

	ck_assert_msg(found == (params[_i].value != NULL), "%s", params[_i].params);
	if(found)
		ck_slice(value, params[_i].value, params[_i].params);
}
END_TEST

START_TEST(encodes_and_decodes)
{
	struct cpm_buf b, back;
	char all[256];

	cpm_buf_init(&b, 2000);
	cpm_buf_init(&back, 2000);
	cpm_uri_add_xcap_segment(&b, CPM_SLICE("sip:b@x;a=1/../?# %\"<\xc3\xa4"));
	ck_slice(cpm_buf_slice(&b), "sip:b@x;a=1%2F..%2F%3F%23%20%25%22%3C%C3%A4", "XCAP segment");
	for(size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	cpm_buf_reset(&b);
	cpm_uri_add_xcap_segment(&b, (struct cpm_slice){all, sizeof(all)});
	cpm_uri_add_unescaped(&back, cpm_buf_slice(&b));
	ck_assert(cpm_slice_eq(cpm_buf_slice(&back), (struct cpm_slice){all, sizeof(all)}));
	cpm_buf_reset(&back);
	cpm_uri_add_unescaped(&back, unit_guard(CPM_SLICE("%41%4a%4J%%42%4")));
	ck_slice(cpm_buf_slice(&back), "AJ%4J%B%4", "broken escapes");
	cpm_buf_free(&b);
	cpm_buf_free(&back);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("uri");

	tcase_add_loop_test(t, parses, 0, UNIT_COUNT(uris));
	tcase_add_loop_test(t, takes_any_truncation, 0, UNIT_COUNT(uris));
	tcase_add_loop_test(t, has_one_form_for_each_identity, 0, UNIT_COUNT(keys));
	tcase_add_test(t, short_and_long_way_agree);
	tcase_add_loop_test(t, needs_room_for_the_key, 0, UNIT_COUNT(keys));
	tcase_add_loop_test(t, finds_the_uri_of_an_address, 0, UNIT_COUNT(addresses));
	tcase_add_loop_test(t, finds_parameters, 0, UNIT_COUNT(params));
	tcase_add_test(t, encodes_and_decodes);
	return unit_run("uri", t);
}
