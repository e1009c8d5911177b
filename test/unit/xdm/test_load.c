/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Loads from a real HTTP server: nginx with PUT, ETag, 304 and 404. Its ETag is
 * made of second and size, so documents that change here change their size.
 */
#include "driver.h"
#include "nginx.h"

static struct nginx server;

static void setup(void)
{
	nginx_start(&server);
	driver_config_reset(server.root);
}

static void teardown(void)
{
	driver_stop();
	nginx_free(&server);
}

static void put_lists(const char *body)
{
	nginx_put(&server, BOB_LISTS, body);
}

START_TEST(miss_load_fresh)
{
	size_t blocked;

	driver_start();
	put_lists(BLOCK(ENTRY("sip:mallory@example.net") ENTRY("tel:+15550107")));
	ck_assert_int_eq(driver_look(BOB, driver_now_ms(), NULL), XDM_MISS);
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	ck_assert_uint_eq(driver_seen.blocked, 2);
	ck_assert_int_eq(driver_look(BOB, driver_now_ms(), &blocked), XDM_FRESH);
	ck_assert_uint_eq(blocked, 2);
	ck_assert_uint_eq(driver_stats().fetches, 3);
	ck_assert_uint_eq(driver_stats().not_found, 2);
	ck_assert_msg(
			driver_load(BOB, false) == XDM_FRESH && driver_stats().fetches == 3, "nothing to ask");
	ck_assert_uint_eq(driver_stats().failures, 0);
	ck_assert_uint_eq(driver_stats().waiters, 0);
}
END_TEST

START_TEST(user_without_documents)
{
	struct xdm_stats before;

	driver_start();
	before = driver_stats();
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	ck_assert_uint_eq(driver_seen.blocked, 0);
	ck_assert_msg(driver_stats().bytes - before.bytes < 600, "%lu bytes", driver_stats().bytes);
	ck_assert_int_eq(driver_look(BOB, driver_now_ms() + 59000, NULL), XDM_FRESH);
	ck_assert_uint_eq(driver_stats().fetches, 3);
	ck_assert_uint_eq(driver_stats().not_found, 3);
	ck_assert_int_eq(driver_load(BOB, true), XDM_FRESH);
	ck_assert_uint_eq(driver_stats().not_found, 6);
}
END_TEST

START_TEST(same_documents_are_not_compiled_again)
{
	struct xdm_entry *before, *after;

	driver_start();
	put_lists(BLOCK(ENTRY("sip:mallory@example.net")));
	driver_load(BOB, false);
	xdm_lookup(BOB, driver_now_ms(), &before);
	ck_assert_int_eq(driver_load(BOB, true), XDM_FRESH);
	xdm_lookup(BOB, driver_now_ms(), &after);
	ck_assert_ptr_eq(before, after);
	ck_assert_uint_eq(driver_stats().fetches, 6);
	ck_assert_uint_eq(driver_stats().not_modified, 1);
	xdm_release(&before);
	xdm_release(&after);
}
END_TEST

START_TEST(changes_are_seen)
{
	driver_start();
	put_lists(BLOCK(ENTRY("sip:mallory@example.net")));
	nginx_put(&server, BOB_RULES, "<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\"/>");
	driver_load(BOB, false);
	put_lists(BLOCK(ENTRY("sip:mallory@example.net") ENTRY("sip:eve@example.net")));
	driver_load(BOB, true);
	ck_assert_uint_eq(driver_seen.blocked, 2);
	ck_assert_msg(driver_stats().fetches == 3 + 3 + 1, "the unchanged one is fetched for its body");
	nginx_delete(&server, BOB_LISTS);
	driver_load(BOB, true);
	ck_assert_uint_eq(driver_seen.blocked, 0);
	put_lists(BLOCK(ENTRY("sip:eve@example.net")));
	driver_load(BOB, true);
	ck_assert_uint_eq(driver_seen.blocked, 1);
	ck_assert_uint_eq(driver_stats().failures, 0);
}
END_TEST

START_TEST(many_wait_for_one_load)
{
	driver_start();
	put_lists(BLOCK(ENTRY("sip:mallory@example.net")));
	for(int i = 0; i < 1000; i++)
		ck_assert(driver_wait(BOB, i % 2));
	ck_assert_uint_eq(driver_stats().waiters, 1000);
	driver_until(driver_seen.count == 1000);
	ck_assert_uint_eq(driver_seen.states[XDM_FRESH], 1000);
	ck_assert_uint_eq(driver_stats().fetches, 3);
	ck_assert_uint_eq(driver_stats().waiters, 0);
	driver_until(nginx_logged(&server, "GET /xcap") >= 3);
	ck_assert_uint_eq(nginx_logged(&server, "GET /xcap" BOB_LISTS " 200"), 1);
	ck_assert_uint_eq(nginx_logged(&server, "GET /xcap"), 3);
}
END_TEST

START_TEST(too_many_are_refused)
{
	driver_config.max_waiters = 3;
	driver_start();
	for(int i = 0; i < 3; i++)
		ck_assert(driver_wait(BOB, false));
	ck_assert(!driver_wait(BOB, false));
	ck_assert(!driver_wait(CPM_SLICE_NONE, false));
	driver_until(driver_seen.count == 3);
	ck_assert(driver_wait(BOB, false));
	driver_until(driver_seen.count == 4);
	ck_assert_uint_eq(driver_stats().rejected, 2);
}
END_TEST

START_TEST(stale_while_one_refreshes)
{
	int64_t old;
	size_t blocked;

	driver_start();
	put_lists(BLOCK(ENTRY("sip:mallory@example.net")));
	driver_load(BOB, false);
	put_lists(BLOCK(ENTRY("sip:mallory@example.net") ENTRY("sip:eve@example.net")));
	old = driver_now_ms() + 70000;
	for(int i = 0; i < 100; i++) {
		ck_assert_int_eq(driver_look(BOB, old, &blocked), XDM_FRESH);
		ck_assert_uint_eq(blocked, 1);
	}
	driver_until((driver_look(BOB, driver_now_ms(), &blocked), blocked == 2));
	ck_assert_uint_eq(driver_stats().fetches, 6);
	ck_assert_uint_eq(driver_stats().stale_hits, 100);
	ck_assert_int_eq(driver_look(BOB, driver_now_ms() + 121000, NULL), XDM_MISS);
}
END_TEST

START_TEST(ages_of_zero)
{
	driver_config.max_age_ms = driver_config.stale_ms = driver_config.retry_ms = 0;
	driver_start();
	put_lists(BLOCK(ENTRY("sip:mallory@example.net")));
	for(unsigned i = 1; i <= 5; i++) {
		ck_assert_int_eq(driver_look(BOB, driver_now_ms(), NULL), XDM_MISS);
		ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
		ck_assert_uint_eq(driver_seen.blocked, 1);
		ck_assert_uint_eq(driver_stats().fetches, 3 * i);
	}
	nginx_stop(&server);
	ck_assert_int_eq(driver_load(BOB, false), XDM_LAST);
	ck_assert_int_eq(driver_load(CPM_SLICE("sip:new@example.net"), false), XDM_FAILED);
	nginx_continue(&server);
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
}
END_TEST

START_TEST(invalidated)
{
	driver_start();
	put_lists(BLOCK(ENTRY("sip:mallory@example.net")));
	driver_load(BOB, false);
	put_lists(BLOCK(ENTRY("sip:mallory@example.net") ENTRY("sip:eve@example.net")));
	xdm_invalidate(BOB);
	ck_assert_int_eq(driver_look(BOB, driver_now_ms(), NULL), XDM_MISS);
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	ck_assert_uint_eq(driver_seen.blocked, 2);
	xdm_invalidate(CPM_SLICE_NONE);
	ck_assert_int_eq(driver_look(BOB, driver_now_ms(), NULL), XDM_MISS);
	nginx_stop(&server);
	ck_assert_int_eq(driver_load(BOB, false), XDM_LAST);
	ck_assert_uint_eq(driver_seen.blocked, 2);
}
END_TEST

START_TEST(invalidated_while_loading)
{
	driver_start();
	ck_assert(driver_wait(BOB, false));
	process_turn(0);
	ck_assert_uint_eq(driver_stats().fetches, 3);
	xdm_invalidate(BOB);
	driver_until(driver_seen.count == 1);
	ck_assert_uint_eq(driver_stats().fetches, 6);
	ck_assert_int_eq(driver_look(BOB, driver_now_ms(), NULL), XDM_FRESH);
}
END_TEST

START_TEST(server_away_and_back)
{
	size_t blocked;
	int64_t failed;

	driver_config.retry_ms = 300;
	driver_start();
	put_lists(BLOCK(ENTRY("sip:mallory@example.net")));
	driver_load(BOB, false);
	nginx_stop(&server);
	ck_assert_int_eq(driver_load(BOB, true), XDM_LAST);
	failed = driver_now_ms();
	ck_assert_msg(
			driver_look(BOB, failed, &blocked) == XDM_FRESH, "the copy is young, whatever failed");
	ck_assert_uint_eq(blocked, 1);
	ck_assert_int_eq(driver_load(CPM_SLICE("sip:new@example.net"), false), XDM_FAILED);
	ck_assert_uint_ge(driver_stats().failed[XDM_NOT_ASKED], 1);
	ck_assert_uint_ge(driver_stats().failed[XDM_UNREACHABLE], 1);
	ck_assert_msg(host_lines(HOST_WARN) == 1, "one line in ten seconds");
	nginx_continue(&server);
	driver_pass(failed + 700);
	ck_assert_int_eq(driver_load(CPM_SLICE("sip:new@example.net"), false), XDM_FRESH);
	ck_assert_uint_eq(host_lines(HOST_NOTICE), 1);
	ck_assert_int_eq(driver_load(BOB, true), XDM_FRESH);
}
END_TEST

START_TEST(links_into_other_documents)
{
	char external[512], text[1024];
	struct xdm_entry *before, *after;
	unsigned long fetched;

	driver_start();
	snprintf(external, sizeof(external),
			"<external "
			"anchor=\"%s/resource-lists/users/sip:carol@example.net/index/~~/resource-lists/"
			"list%%5B@name=%%22bad%%22%%5D\"/><external "
			"anchor=\"%s/resource-lists/users/sip:nobody@example.net/"
			"index/~~/resource-lists/list%%5B@name=%%22x%%22%%5D\"/>",
			server.root, server.root);
	snprintf(text, sizeof(text), BLOCK("%s" ENTRY("sip:mallory@example.net")), external);
	put_lists(text);
	nginx_put(&server, "/resource-lists/users/sip:carol@example.net/index",
			LISTS("<list name=\"bad\">" ENTRY("sip:eve@example.net")
							ENTRY("sip:oscar@example.net") "</list>"));
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	ck_assert_uint_eq(driver_seen.blocked, 3);
	ck_assert_uint_eq(driver_stats().fetches, 5);
	/* Nothing new: every document that counts is confirmed, linked ones too. */
	xdm_lookup(BOB, driver_now_ms(), &before);
	driver_load(BOB, true);
	xdm_lookup(BOB, driver_now_ms(), &after);
	ck_assert_ptr_eq(before, after);
	ck_assert_uint_eq(driver_stats().not_modified, 2);
	ck_assert_uint_eq(driver_stats().fetches, 10);
	xdm_release(&before);
	xdm_release(&after);
	/* The linked one changes. */
	nginx_put(&server, "/resource-lists/users/sip:carol@example.net/index",
			LISTS("<list name=\"bad\">" ENTRY("sip:eve@example.net") "</list>"));
	driver_load(BOB, true);
	ck_assert_uint_eq(driver_seen.blocked, 2);
	/* It breaks: an empty list to bob. */
	nginx_put(&server, "/resource-lists/users/sip:carol@example.net/index", "<resource-lists");
	ck_assert_int_eq(driver_load(BOB, true), XDM_FRESH);
	ck_assert_uint_eq(driver_seen.blocked, 1);
	/* The links go: so do the GETs. */
	put_lists(BLOCK(ENTRY("sip:mallory@example.net")));
	driver_load(BOB, true);
	fetched = driver_stats().fetches;
	driver_load(BOB, true);
	ck_assert_uint_eq(driver_stats().fetches, fetched + 3);
	ck_assert_uint_eq(driver_stats().failures, 0);
}
END_TEST

START_TEST(described)
{
	char expected[1024];
	struct cpm_buf out;

	driver_start();
	cpm_buf_init(&out, 10000);
	ck_assert(!xdm_describe(BOB, driver_now_ms(), &out));
	put_lists(BLOCK(ENTRY("sip:mallory@example.net")));
	driver_load(BOB, false);
	ck_assert(xdm_describe(BOB, driver_now_ms(), &out));
	cpm_buf_add_char(&out, '\0');
	snprintf(expected, sizeof(expected), "url=%s" BOB_LISTS " status=200 etag=\"", server.root);
	ck_assert_msg(strncmp(out.p, expected, strlen(expected)) == 0, "%s", out.p);
	snprintf(expected, sizeof(expected),
			"\nurl=%s" BOB_RULES " status=404 etag=- bytes=0 age_ms=", server.root);
	ck_assert_msg(strstr(out.p, expected) != NULL, "%s", out.p);
	cpm_buf_free(&out);
}
END_TEST

START_TEST(many_users)
{
	driver_config.cache_bytes = 65536;
	driver_config.max_parallel = 8;
	driver_start();
	for(int i = 0; i < 500; i++) {
		char aor[64];

		snprintf(aor, sizeof(aor), "sip:user%d@example.net", i);
		ck_assert(driver_wait(cpm_slice_of(aor), false));
	}
	driver_until(driver_seen.count == 500);
	ck_assert_uint_eq(driver_seen.states[XDM_FRESH], 500);
	ck_assert_uint_eq(driver_stats().fetches, 1500);
	ck_assert_uint_gt(driver_stats().evicted, 100);
	ck_assert_uint_le(driver_stats().bytes, 65536);
	ck_assert_uint_eq(driver_stats().failures, 0);
}
END_TEST

START_TEST(every_allocation_fails_once)
{
	driver_config.retry_ms = 0;
	driver_start();
	put_lists(BLOCK(ENTRY("sip:mallory@example.net")));
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	for(size_t n = 2; n < 12; n++) {
		char body[256];

		/* Another length each time, so that there is something to compile. */
		snprintf(body, sizeof(body), BLOCK(ENTRY("sip:mallory%0*d@example.net")), (int)n, 1);
		put_lists(body);
		host_fail(n);
		driver_load(BOB, true);
		host_fail(0);
		ck_assert(driver_seen.state == XDM_FRESH || driver_seen.state == XDM_LAST);
		ck_assert_uint_eq(driver_seen.blocked, 1);
	}
	ck_assert_uint_ge(driver_stats().failed[XDM_NO_MEMORY], 1);
	ck_assert_int_eq(driver_load(BOB, true), XDM_FRESH);
	host_fail(1);
	ck_assert_msg(!driver_wait(BOB, false), "not even a job");
	host_fail(2);
	ck_assert_int_eq(driver_load(CPM_SLICE("sip:new@example.net"), false), XDM_FRESH);
	host_reset();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("load");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, miss_load_fresh);
	tcase_add_test(t, user_without_documents);
	tcase_add_test(t, same_documents_are_not_compiled_again);
	tcase_add_test(t, changes_are_seen);
	tcase_add_test(t, many_wait_for_one_load);
	tcase_add_test(t, too_many_are_refused);
	tcase_add_test(t, stale_while_one_refreshes);
	tcase_add_test(t, ages_of_zero);
	tcase_add_test(t, invalidated);
	tcase_add_test(t, invalidated_while_loading);
	tcase_add_test(t, server_away_and_back);
	tcase_add_test(t, links_into_other_documents);
	tcase_add_test(t, described);
	tcase_add_test(t, many_users);
	tcase_add_test(t, every_allocation_fails_once);
	return unit_run("xdm/load", t);
}
