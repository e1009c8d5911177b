/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/msrpuri.c.
 */
#include "unit.h"

#include "core/codec/msrpuri.h"

static const struct {
	const char *text;
	bool valid, tls;
	const char *host;
	unsigned port;
	const char *session, *transport;
} uris[] = {
		/* RFC 4975 section 6. */
		{"msrp://atlanta.example.com:7654/jshA7weztas;tcp", true, false, "atlanta.example.com",
				7654, "jshA7weztas", "tcp"},
		{"msrps://alice@a.example.com/x;tcp", true, true, "a.example.com", 0, "x", "tcp"},
		{"MSRP://[2001:db8::1]:2855/a.b-c;tcp;foo=bar", true, false, "2001:db8::1", 2855, "a.b-c",
				"tcp"},
		{"msrp://host;tcp", true, false, "host", 0, "", "tcp"},
		{"msrp://host/a/b;ws", true, false, "host", 0, "a/b", "ws"},
		{"msrp://host/x", false, false, "", 0, "", ""},
		{"msrp:///x;tcp", false, false, "", 0, "", ""},
		{"msrp://host:/x;tcp", false, false, "", 0, "", ""},
		{"msrp://host:0/x;tcp", false, false, "", 0, "", ""},
		{"msrp://host:65536/x;tcp", false, false, "", 0, "", ""},
		{"msrp://[::1/x;tcp", false, false, "", 0, "", ""},
		{"msrp://[]/x;tcp", false, false, "", 0, "", ""},
		{"msrp://[::1]x/x;tcp", false, false, "", 0, "", ""},
		{"msrp://h/a b;tcp", false, false, "", 0, "", ""},
		{"msrp://h/\"x\";tcp", false, false, "", 0, "", ""},
		{"msrp://a@[2001@[::1]:7/x;tcp", false, false, "", 0, "", ""},
		{"sip:bob@example.com;tcp", false, false, "", 0, "", ""},
		{"msrp:/", false, false, "", 0, "", ""},
		{"", false, false, "", 0, "", ""},
};

START_TEST(takes_uris_apart)
{
	struct cpm_msrp_uri u;
	enum cpm_rc rc = cpm_msrp_uri_parse(unit_guard(cpm_slice_of(uris[_i].text)), &u);

	ck_assert_msg(rc == (uris[_i].valid ? CPM_OK : CPM_SYNTAX), "%s", uris[_i].text);
	if(rc)
		return;
	ck_assert_int_eq(u.tls, uris[_i].tls);
	ck_slice(u.host, uris[_i].host, uris[_i].text);
	ck_assert_uint_eq(u.port, uris[_i].port);
	ck_slice(u.session, uris[_i].session, uris[_i].text);
	ck_slice(u.transport, uris[_i].transport, uris[_i].text);
}
END_TEST

START_TEST(writes_what_it_reads)
{
	struct cpm_msrp_uri u, again;
	struct cpm_buf b;

	cpm_buf_init(&b, 1000);
	if(uris[_i].valid) {
		ck_assert_int_eq(cpm_msrp_uri_parse(cpm_slice_of(uris[_i].text), &u), CPM_OK);
		cpm_msrp_uri_add(&b, &u);
		ck_assert_int_eq(cpm_msrp_uri_parse(cpm_buf_slice(&b), &again), CPM_OK);
		ck_assert_msg(cpm_msrp_uri_eq(&u, &again), "%s", uris[_i].text);
	}
	cpm_buf_free(&b);
}
END_TEST

/* RFC 4975 section 6.1. */
static const struct {
	const char *a, *b;
	bool equal;
} pairs[] = {
		{"msrp://host:8145/asfd34;tcp", "msrp://HOST:8145/asfd34;TCP", true},
		{"msrp://alice@host:8145/asfd34;tcp", "msrp://bob@host:8145/asfd34;tcp", true},
		{"msrp://host:8145/asfd34;tcp", "msrp://host:8145/aSfd34;tcp", false},
		{"msrp://host:8145/asfd34;tcp", "msrps://host:8145/asfd34;tcp", false},
		{"msrp://host:8145/asfd34;tcp", "msrp://host/asfd34;tcp", false},
		{"msrp://host:8145/asfd34;tcp", "msrp://host:8145;tcp", false},
		{"msrp://host:8145/asfd34;tcp", "msrp://host:8145/asfd34;sctp", false},
		{"msrp://host:8145/asfd34;tcp", "msrp://host2:8145/asfd34;tcp", false},
};

START_TEST(compares)
{
	struct cpm_msrp_uri a, b;

	ck_assert_int_eq(cpm_msrp_uri_parse(cpm_slice_of(pairs[_i].a), &a), CPM_OK);
	ck_assert_int_eq(cpm_msrp_uri_parse(cpm_slice_of(pairs[_i].b), &b), CPM_OK);
	ck_assert_msg(cpm_msrp_uri_eq(&a, &b) == pairs[_i].equal, "%s %s", pairs[_i].a, pairs[_i].b);
}
END_TEST

START_TEST(finds_the_next_hop)
{
	ck_slice(cpm_msrp_path_first(CPM_SLICE(" a b c")), "a", "three");
	ck_slice(cpm_msrp_path_first(CPM_SLICE("a")), "a", "one");
	ck_slice(cpm_msrp_path_first(CPM_SLICE("")), "", "none");
}
END_TEST

#define HOP "msrp://a:1/x;tcp"

static const struct {
	const char *path;
	size_t count;
} paths[] = {
		{"", 0},
		{"  ", 0},
		{HOP, 1},
		{" " HOP " ", 1},
		{HOP " msrps://b/y;tcp", 2},
		{HOP "  " HOP, 2},
		{HOP " b", 0},
		{"b " HOP, 0},
		{HOP "\t" HOP, 0},
		{HOP " " HOP " " HOP " " HOP " " HOP " " HOP " " HOP " " HOP, CPM_MSRP_PATH_MAX},
		{HOP " " HOP " " HOP " " HOP " " HOP " " HOP " " HOP " " HOP " " HOP, 0},
};

START_TEST(counts_hops)
{
	struct cpm_slice path = unit_guard(cpm_slice_of(paths[_i].path));

	ck_assert_msg(cpm_msrp_path_count(path) == paths[_i].count, "%s", paths[_i].path);
}
END_TEST

static const struct {
	const char *a, *b;
	bool equal;
} routes[] = {
		{HOP, HOP, true},
		{HOP, " MSRP://A:1/x;TCP ", true},
		{HOP " " HOP, HOP "  " HOP, true},
		{HOP " " HOP, HOP, false},
		{HOP, HOP " " HOP, false},
		{HOP " msrp://b:1/x;tcp", "msrp://b:1/x;tcp " HOP, false},
		{HOP, "msrp://a:1/y;tcp", false},
		{HOP, "", false},
		{"a", "a", false},
};

START_TEST(compares_paths)
{
	ck_assert_msg(cpm_msrp_path_eq(cpm_slice_of(routes[_i].a), cpm_slice_of(routes[_i].b))
						  == routes[_i].equal,
			"%s, %s", routes[_i].a, routes[_i].b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("msrpuri");

	tcase_add_loop_test(t, takes_uris_apart, 0, UNIT_COUNT(uris));
	tcase_add_loop_test(t, writes_what_it_reads, 0, UNIT_COUNT(uris));
	tcase_add_loop_test(t, compares, 0, UNIT_COUNT(pairs));
	tcase_add_test(t, finds_the_next_hop);
	tcase_add_loop_test(t, counts_hops, 0, UNIT_COUNT(paths));
	tcase_add_loop_test(t, compares_paths, 0, UNIT_COUNT(routes));
	return unit_run("msrpuri", t);
}
