/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Documents from a folder.
 */
#include "driver.h"

static char dir[64], root[80];

static void command(const char *format, const char *a, const char *b)
{
	char text[512];

	snprintf(text, sizeof(text), format, a, b);
	ck_assert_int_eq(system(text), 0);
}

static void put(const char *path, const char *body)
{
	char name[256];
	FILE *f;

	command("mkdir -p \"$(dirname '%s%s')\"", dir, path);
	snprintf(name, sizeof(name), "%s%s", dir, path);
	f = fopen(name, "w");
	ck_assert_ptr_nonnull(f);
	fputs(body, f);
	fclose(f);
}

static void setup(void)
{
	strcpy(dir, "/tmp/cpm-xdm-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(root, sizeof(root), "file://%s", dir);
	driver_config_reset(root);
	driver_start();
}

static void teardown(void)
{
	driver_stop();
	command("rm -rf '%s'%s", dir, "");
}

START_TEST(load_confirm_change)
{
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	ck_assert_uint_eq(driver_seen.blocked, 0);
	ck_assert_uint_eq(driver_stats().not_found, 3);
	put(BOB_LISTS, BLOCK(ENTRY("sip:mallory@example.net")));
	driver_load(BOB, true);
	ck_assert_uint_eq(driver_seen.blocked, 1);
	driver_load(BOB, true);
	ck_assert_uint_eq(driver_stats().not_modified, 1);
	put(BOB_LISTS, BLOCK(ENTRY("sip:mallory@example.net") ENTRY("sip:eve@example.net")));
	driver_load(BOB, true);
	ck_assert_uint_eq(driver_seen.blocked, 2);
	ck_assert_uint_eq(driver_stats().failures, 0);
}
END_TEST

START_TEST(escaped_names)
{
	put("/resource-lists/users/sip:b b%41@example.net/index",
			BLOCK(ENTRY("sip:mallory@example.net")));
	driver_load(CPM_SLICE("sip:b b%41@example.net"), false);
	ck_assert_uint_eq(driver_seen.blocked, 1);
}
END_TEST

START_TEST(no_climbing)
{
	/* What a naive decoder would find. */
	put("/resource-lists/users/index", BLOCK(ENTRY("sip:mallory@example.net")));
	put("/resource-lists/users/sip:x/index", BLOCK(ENTRY("sip:mallory@example.net")));
	put("/resource-lists/users/a/b/index", BLOCK(ENTRY("sip:mallory@example.net")));
	ck_assert_int_eq(driver_load(CPM_SLICE("sip:x/.."), false), XDM_FRESH);
	ck_assert_uint_eq(driver_seen.blocked, 0);
	ck_assert_int_eq(driver_load(CPM_SLICE(".."), false), XDM_FRESH);
	ck_assert_uint_eq(driver_seen.blocked, 0);
	ck_assert_int_eq(driver_load(CPM_SLICE("a/b"), false), XDM_FRESH);
	ck_assert_uint_eq(driver_seen.blocked, 0);
}
END_TEST

START_TEST(not_a_file)
{
	command("mkdir -p '%s%s'", dir, BOB_LISTS);
	ck_assert_int_eq(driver_load(BOB, false), XDM_FAILED);
	ck_assert_uint_eq(driver_stats().failed[XDM_BROKEN], 1);
}
END_TEST

START_TEST(a_pipe_does_not_hold_up)
{
	command("mkdir -p '%s/resource-lists/users/%s'", dir, "sip:pipe@example.net");
	command("mkfifo '%s/resource-lists/users/%s/index'", dir, "sip:pipe@example.net");
	ck_assert_int_eq(driver_load(CPM_SLICE("sip:pipe@example.net"), false), XDM_FAILED);
}
END_TEST

START_TEST(too_large)
{
	driver_limits.max_document_bytes = 1000;
	put(BOB_LISTS, BLOCK(ENTRY("sip:mallory@example.net")));
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	driver_limits.max_document_bytes = 50;
	put(BOB_LISTS, BLOCK(ENTRY("sip:mallory@example.net") ENTRY("sip:eve@example.net")));
	ck_assert_int_eq(driver_load(BOB, true), XDM_LAST);
	ck_assert_uint_eq(driver_stats().failed[XDM_TOO_LARGE], 1);
	ck_assert_uint_eq(driver_seen.blocked, 1);
}
END_TEST

START_TEST(root_vanishes)
{
	put(BOB_LISTS, BLOCK(ENTRY("sip:mallory@example.net")));
	driver_load(BOB, false);
	command("rm -rf '%s'%s", dir, "");
	ck_assert_msg(driver_load(BOB, true) == XDM_LAST, "not: no documents");
	ck_assert_uint_eq(driver_seen.blocked, 1);
	ck_assert_int_eq(driver_load(CPM_SLICE("sip:new@example.net"), false), XDM_FAILED);
}
END_TEST

START_TEST(chain_of_links)
{
	char path[256], text[512];

	/* bob -> u1 -> ... -> u5, each in its own document. */
	for(int i = 0; i <= 5; i++) {
		snprintf(text, sizeof(text),
				LISTS("<list name=\"%s\"><external "
					  "anchor=\"%s/resource-lists/users/u%d/index/~~/resource-lists/"
					  "list%%5B@name=%%22x%%22%%5D\"/><entry uri=\"sip:e%d@example.net\"/></list>"),
				i ? "x" : "oma_blockedcontacts", root, i + 1, i);
		snprintf(path, sizeof(path), "/resource-lists/users/%s%.0d/index",
				i ? "u" : "sip:bob@example.net", i);
		put(path, text);
	}
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	ck_assert_uint_ge(driver_seen.blocked, 5);
	ck_assert_uint_eq(driver_stats().failures, 0);
	ck_assert_int_eq(driver_load(BOB, true), XDM_FRESH);
	ck_assert_uint_ge(driver_stats().not_modified, 5);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("file");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, load_confirm_change);
	tcase_add_test(t, escaped_names);
	tcase_add_test(t, no_climbing);
	tcase_add_test(t, not_a_file);
	tcase_add_test(t, a_pipe_does_not_hold_up);
	tcase_add_test(t, too_large);
	tcase_add_test(t, root_vanishes);
	tcase_add_test(t, chain_of_links);
	return unit_run("xdm/file", t);
}
