/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A server with bad manners: each failure keeps the last copy, is counted by
 * its kind, and costs others little.
 */
#include "driver.h"
#include "nginx.h"
#include "rogue.h"

static char root[64];

static void setup(void)
{
	rogue_manner = ROGUE_ABSENT;
	snprintf(root, sizeof(root), "http://127.0.0.1:%d/xcap", rogue_start());
	driver_config_reset(root);
}

static void teardown(void)
{
	driver_stop();
	rogue_stop();
}

START_TEST(failures_keep_the_last_copy)
{
	static const struct {
		const char *name;
		enum rogue_manner manner;
		enum xdm_failure failure;
	} rows[] = {
			{"500", ROGUE_ERROR, XDM_STATUS},
			{"403", ROGUE_FORBID, XDM_STATUS},
			{"302", ROGUE_REDIRECT, XDM_STATUS},
			{"401", ROGUE_LOGIN, XDM_STATUS},
			{"garbage", ROGUE_GARBAGE, XDM_BROKEN},
			{"closed early", ROGUE_SHORT, XDM_BROKEN},
			{"too large", ROGUE_HUGE, XDM_TOO_LARGE},
			{"too large, chunked", ROGUE_ENDLESS, XDM_TOO_LARGE},
			{"document type", ROGUE_DTD, XDM_UNPARSABLE},
			{"half a document", ROGUE_ROT, XDM_UNPARSABLE},
			{"silence", ROGUE_SILENT, XDM_TIMEOUT},
	};

	driver_config.retry_ms = 0;
	driver_limits.max_document_bytes = 1 << 20;
	driver_start();
	for(size_t i = 0; i < UNIT_COUNT(rows); i++) {
		unsigned long before = driver_stats().failed[rows[i].failure];
		char fresh[64];

		rogue_manner = ROGUE_LISTS;
		ck_assert_msg(driver_load(BOB, true) == XDM_FRESH, "%s", rows[i].name);
		rogue_manner = rows[i].manner;
		driver_config.timeout_ms = rows[i].manner == ROGUE_SILENT ? 400 : 5000;
		ck_assert_msg(driver_load(BOB, true) == XDM_LAST, "%s", rows[i].name);
		ck_assert_msg(driver_seen.blocked == 1, "%s", rows[i].name);
		snprintf(fresh, sizeof(fresh), "sip:new%zu@example.net", i);
		ck_assert_msg(driver_load(cpm_slice_of(fresh), false) == XDM_FAILED, "%s", rows[i].name);
		ck_assert_msg(driver_stats().failed[rows[i].failure] == before + 2, "%s", rows[i].name);
	}
	ck_assert_uint_eq(driver_stats().failures, 2 * UNIT_COUNT(rows));
	ck_assert_uint_eq(host_lines(HOST_WARN), 1);
	ck_assert_msg(!strstr(host_line(HOST_WARN), "example.net"), "users only at debug");
}
END_TEST

START_TEST(no_redirect_is_followed)
{
	driver_start();
	rogue_manner = ROGUE_REDIRECT;
	ck_assert_int_eq(driver_load(BOB, false), XDM_FAILED);
	ck_assert_uint_eq(rogue_requests, 3);
}
END_TEST

START_TEST(a_304_nobody_asked_for)
{
	driver_start();
	rogue_manner = ROGUE_ODD_304;
	ck_assert_int_eq(driver_load(BOB, false), XDM_FAILED);
	ck_assert_uint_eq(driver_stats().failed[XDM_STATUS], 1);
}
END_TEST

START_TEST(without_etag)
{
	driver_start();
	rogue_manner = ROGUE_PLAIN;
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	ck_assert_uint_eq(driver_seen.blocked, 1);
	ck_assert_int_eq(driver_load(BOB, true), XDM_FRESH);
	ck_assert_uint_eq(driver_seen.blocked, 1);
	ck_assert_uint_eq(driver_stats().fetches, 6);
	ck_assert_uint_eq(driver_stats().not_modified, 0);
}
END_TEST

START_TEST(silence_opens_the_breaker)
{
	int64_t began;
	char aor[64];

	driver_config.timeout_ms = 400;
	driver_config.retry_ms = 2000;
	driver_config.max_parallel = 6;
	driver_start();
	rogue_manner = ROGUE_SILENT;
	began = driver_now_ms();
	/* Two get a turn and wait; the rest is in the line when the breaker opens. */
	for(int i = 0; i < 200; i++) {
		snprintf(aor, sizeof(aor), "sip:user%d@example.net", i);
		ck_assert(driver_wait(cpm_slice_of(aor), false));
	}
	driver_until(driver_seen.count == 200);
	/* Without a breaker it would be 13 s. */
	ck_assert_msg(driver_now_ms() - began < 3000, "%d ms", (int)(driver_now_ms() - began));
	ck_assert_uint_eq(driver_seen.states[XDM_FAILED], 200);
	ck_assert_uint_eq(driver_stats().fetches, 6);
	/* Others fail at once. */
	began = driver_now_ms();
	ck_assert_int_eq(driver_load(CPM_SLICE("sip:late@example.net"), false), XDM_FAILED);
	ck_assert_uint_eq(driver_stats().fetches, 6);
	ck_assert_uint_ge(driver_stats().failed[XDM_NOT_ASKED], 1);
	/* Then one at a time. */
	rogue_peak = 0;
	rogue_manner = ROGUE_ABSENT;
	driver_pass(began + 2100);
	for(int i = 0; i < 20; i++) {
		snprintf(aor, sizeof(aor), "sip:again%d@example.net", i);
		ck_assert(driver_wait(cpm_slice_of(aor), false));
	}
	process_turn(0);
	ck_assert_uint_eq(driver_stats().fetches, 7);
	driver_until(driver_seen.count == 221);
	ck_assert_uint_eq(driver_seen.states[XDM_FRESH], 20);
	ck_assert_uint_eq(driver_stats().fetches, 66);
}
END_TEST

START_TEST(one_probe_at_a_time)
{
	driver_config.retry_ms = 200;
	driver_config.timeout_ms = 300;
	driver_start();
	rogue_manner = ROGUE_SILENT;
	ck_assert_int_eq(driver_load(BOB, false), XDM_FAILED);
	driver_pass(driver_now_ms() + 250);
	ck_assert_int_eq(driver_load(BOB, false), XDM_FAILED);
	ck_assert_msg(driver_stats().fetches == 3 + 1, "%lu", driver_stats().fetches);
}
END_TEST

START_TEST(parallel_is_bounded)
{
	driver_config.max_parallel = 4;
	driver_start();
	for(int i = 0; i < 100; i++) {
		char aor[64];

		snprintf(aor, sizeof(aor), "sip:user%d@example.net", i);
		ck_assert(driver_wait(cpm_slice_of(aor), false));
	}
	driver_until(driver_seen.count == 100);
	ck_assert_uint_le(rogue_peak, 4);
	ck_assert_uint_eq(rogue_requests, 300);
	ck_assert_uint_eq(driver_seen.states[XDM_FRESH], 100);
}
END_TEST

START_TEST(identity_is_told)
{
	driver_config.identity_header = "X-XCAP-Asserted-Identity";
	driver_start();
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	ck_assert_msg(
			strstr(rogue_head(), "\r\nX-XCAP-Asserted-Identity: sip:bob@example.net\r\n") != NULL,
			"%s", rogue_head());
}
END_TEST

START_TEST(login)
{
	driver_config.user = "bob";
	driver_config.password = "secret";
	driver_start();
	rogue_manner = ROGUE_LOGIN;
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	rogue_manner = ROGUE_ERROR;
	driver_load(BOB, true);
	ck_assert_msg(!strstr(host_line(HOST_WARN), "secret"), "%s", host_line(HOST_WARN));
}
END_TEST

START_TEST(compiled_form_too_large)
{
	driver_config.retry_ms = 0;
	driver_limits.max_document_memory = 200;
	driver_start();
	rogue_manner = ROGUE_LISTS;
	ck_assert_int_eq(driver_load(BOB, false), XDM_FAILED);
	ck_assert_uint_eq(
			driver_stats().failed[XDM_TOO_LARGE] + driver_stats().failed[XDM_NO_MEMORY], 1);
}
END_TEST

START_TEST(shared_memory_is_short)
{
	char aor[64];

	driver_config.retry_ms = 0;
	driver_start();
	rogue_manner = ROGUE_LISTS;
	host_limit(40000);
	for(int i = 0; i < 40; i++) {
		snprintf(aor, sizeof(aor), "sip:user%d@example.net", i);
		ck_assert_int_eq(driver_load(cpm_slice_of(aor), false), XDM_FRESH);
	}
	ck_assert_uint_gt(driver_stats().evicted, 10);
	ck_assert_uint_eq(driver_stats().failures, 0);
	/* Others took all but what the one user left needs for a job: the copy stays. */
	ck_assert_int_eq(driver_load(cpm_slice_of(aor), true), XDM_FRESH);
}
END_TEST

START_TEST(certificates_are_verified)
{
	static struct nginx server; /* ended after the test, should it break off */
	char address[64];

	nginx_start_tls(&server);
	driver_config.root = server.root;
	driver_config.retry_ms = 0;
	driver_config.ca_file = server.ca;
	driver_start();
	ck_assert_int_eq(driver_load(BOB, false), XDM_FRESH);
	driver_stop();
	driver_config.ca_file = NULL;
	driver_start();
	ck_assert_msg(driver_load(BOB, false) == XDM_FAILED, "no authority that we know");
	ck_assert_uint_eq(driver_stats().failed[XDM_UNREACHABLE], 1);
	driver_stop();
	snprintf(address, sizeof(address), "https://127.0.0.1:%d/xcap", server.port);
	driver_config.root = address;
	driver_config.ca_file = server.ca;
	driver_start();
	ck_assert_msg(driver_load(BOB, false) == XDM_FAILED, "another name");
	nginx_free(&server);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("trouble");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, failures_keep_the_last_copy);
	tcase_add_test(t, no_redirect_is_followed);
	tcase_add_test(t, a_304_nobody_asked_for);
	tcase_add_test(t, without_etag);
	tcase_add_test(t, silence_opens_the_breaker);
	tcase_add_test(t, one_probe_at_a_time);
	tcase_add_test(t, parallel_is_bounded);
	tcase_add_test(t, identity_is_told);
	tcase_add_test(t, login);
	tcase_add_test(t, compiled_form_too_large);
	tcase_add_test(t, shared_memory_is_short);
	tcase_add_test(t, certificates_are_verified);
	return unit_run("xdm/trouble", t);
}
