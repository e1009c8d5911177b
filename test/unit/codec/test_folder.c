/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/folder.c.
 */
#include "unit.h"

#include "core/codec/folder.h"

static const struct {
	const char *template, *delimiters, *peer, *conv, *name; /* NULL: refused */
} rows[] = {
		{"Default/{peer}", "/", "sip:alice@example.net", "", "Default/sip:alice@example.net"},
		{"Default/{peer}", ".", "tel:+15550107", "", "Default.tel:+15550107"},
		{"Default/{peer}", "./", "sip:a.b@example.net", "", "Default.sip:a_b@example_net"},
		{"{conv}", "/", "", "f81d4fae-7dec", "f81d4fae-7dec"},
		{"{conv}/{peer}", "/", "", "", "_/_"},
		{"a/{peer}/b", "/", "x", "", "a/x/b"},
		{"Default/{peer}/{contrib}", "/", "x", "", "Default/x/a_b"},
		/* Nothing leaves its place. */
		{"{peer}", "/", "../../etc", "", "_.._.._etc"},
		{"{peer}", "/", "..", "", "_.."},
		{"{peer}", "/", "~root", "", "_~root"},
		{"{peer}", "/", "a\r\nA1 LOGOUT\r\n", "", "a__A1 LOGOUT__"},
		{"{peer}", "/", "a\"b\\c*%", "", "a_b_c__"},
		{"{peer}", "/", "\x7f\x01", "", "__"},
		{"{peer}", "/", "\xc2\x85\xe2\x80\xa8", "", "__"},
		/* RFC 3501 section 5.1.3. */
		{"{peer}", "/", "a&b", "", "a&-b"},
		{"{peer}", "/", "~peter", "", "_~peter"},
		{"{peer}", "/", "\xe5\x8f\xb0\xe5\x8c\x97", "", "&U,BTFw-"},
		{"{peer}", "/", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "", "&ZeVnLIqe-"},
		{"{peer}", "/", "J\xc3\xbcrgen & Co", "", "J&APw-rgen &- Co"},
		{"{peer}", "/", "\xf0\x9f\x98\x80", "", "&2D3eAA-"},
		{"{peer}", "/", "\xff", "", "&,,0-"},
		{"{peer}", "/", "\xc3", "", "&,,0-"},
		{"{peer}", "/", "\xed\xa0\x80x", "", "&,,3,,f,9-x"},
		{"{peer}", "/", "\xc0\xaf", "", "&,,3,,Q-"},
		/* Templates that are none. */
		{"", "/", "", "", NULL},
		{"/a", "/", "", "", NULL},
		{"a/", "/", "", "", NULL},
		{"{peer", "/", "", "", NULL},
		{"{other}", "/", "", "", NULL},
		{"a\"b", "/", "", "", NULL},
		{"a\nb", "/", "", "", NULL},
		{"a&b", "/", "", "", NULL},
		{"{peer}", "", "", "", NULL},
		{"{peer}", "_", "", "", NULL},
};

static enum cpm_rc add(size_t i, struct cpm_slice peer, struct cpm_buf *b)
{
	struct cpm_folder_values values = {
			.peer = peer, .conv = cpm_slice_of(rows[i].conv), .contrib = CPM_SLICE("a/b")};

	return cpm_folder_add(
			b, cpm_slice_of(rows[i].template), cpm_slice_of(rows[i].delimiters), &values);
}

START_TEST(names)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 4000);
	ck_assert_int_eq(add((size_t)_i, unit_guard(cpm_slice_of(rows[_i].peer)), &b),
			rows[_i].name ? CPM_OK : CPM_SYNTAX);
	ck_assert((cpm_folder_check(cpm_slice_of(rows[_i].template), cpm_slice_of(rows[_i].delimiters))
					  == NULL)
			  == (rows[_i].name != NULL));
	if(rows[_i].name)
		ck_slice(cpm_buf_slice(&b), rows[_i].name, rows[_i].peer);
	cpm_buf_free(&b);
}
END_TEST

START_TEST(long_values_are_cut_and_stay_apart)
{
	char one[3000], two[3000];
	struct cpm_buf a, b;

	memset(one, 'a', sizeof(one));
	memset(two, 'a', sizeof(two));
	two[2999] = 'b';
	cpm_buf_init(&a, 4000);
	cpm_buf_init(&b, 4000);
	ck_assert_int_eq(add(0, (struct cpm_slice){one, 3000}, &a), CPM_OK);
	ck_assert_int_eq(add(0, (struct cpm_slice){two, 3000}, &b), CPM_OK);
	ck_assert_uint_le(a.n, strlen("Default/") + CPM_FOLDER_VALUE_MAX);
	ck_assert(!cpm_slice_eq(cpm_buf_slice(&a), cpm_buf_slice(&b)));
	for(size_t i = 0; i + 4 <= sizeof(one); i += 4)
		memcpy(one + i, "\xf0\x9f\x98\x80", 4);
	cpm_buf_reset(&a);
	ck_assert_int_eq(add(0, (struct cpm_slice){one, 3000}, &a), CPM_OK);
	ck_assert_uint_le(a.n, strlen("Default/") + CPM_FOLDER_VALUE_MAX);
	cpm_buf_free(&a);
	cpm_buf_free(&b);
}
END_TEST

START_TEST(limits)
{
	char memory[2000];
	struct cpm_buf b;

	for(size_t room = 0; room < 29; room++) {
		cpm_buf_init_fixed(&b, memory, room);
		ck_assert_int_eq(add(0, cpm_slice_of(rows[0].peer), &b), CPM_LIMIT);
	}
	cpm_buf_init_fixed(&b, memory, 29);
	ck_assert_int_eq(add(0, cpm_slice_of(rows[0].peer), &b), CPM_OK);
}
END_TEST

static const struct {
	const char *template, *user, *domain, *login;
} logins[] = {
		{"{user}@{domain}", "bob", "example.net", "bob@example.net"},
		{"{aor}", "bob", "example.net", "sip:bob@example.net"},
		{"{user}", "b\"o\\b", "", "b\"o\\b"},
		{"{user}@fixed", "bob", "", "bob@fixed"},
		{"{user}@{domain}", "bob", "", NULL},
		{"{user}", "a\nb", "", NULL},
		{"{user}", "a\x7f", "", NULL},
		{"{user}", "", "", NULL},
		{"{nobody}", "bob", "", NULL},
		{"", "bob", "", NULL},
};

START_TEST(login_names)
{
	struct cpm_folder_values values = {.user = cpm_slice_of(logins[_i].user),
			.domain = cpm_slice_of(logins[_i].domain),
			.aor = CPM_SLICE("sip:bob@example.net")};
	struct cpm_buf b;

	cpm_buf_init(&b, 200);
	ck_assert_int_eq(cpm_folder_add_login(&b, cpm_slice_of(logins[_i].template), &values),
			logins[_i].login ? CPM_OK : CPM_SYNTAX);
	if(logins[_i].login)
		ck_slice(cpm_buf_slice(&b), logins[_i].login, logins[_i].template);
	cpm_buf_free(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("folder");

	tcase_add_loop_test(t, names, 0, UNIT_COUNT(rows));
	tcase_add_test(t, long_values_are_cut_and_stay_apart);
	tcase_add_test(t, limits);
	tcase_add_loop_test(t, login_names, 0, UNIT_COUNT(logins));
	return unit_run("folder", t);
}
