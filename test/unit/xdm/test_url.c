/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * URLs of documents: building, refusing, identity headers; and configurations
 * that are refused at the start.
 */
#include "driver.h"
#include "xdm/url.h"

START_TEST(urls_are_built)
{
	static const struct {
		const char *aor, *url;
	} rows[] = {
			{"sip:bob@example.net", "http://x/y/resource-lists/users/sip:bob@example.net/index"},
			{"tel:+15550107", "http://x/y/resource-lists/users/tel:+15550107/index"},
			{"sip:a/b?c#d e%@h",
					"http://x/y/resource-lists/users/sip:a%2Fb%3Fc%23d%20e%25@h/index"},
	};

	driver_config_reset("http://x/y");
	for(size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct cpm_buf b;

		cpm_buf_init(&b, URL_MAX);
		url_add(&b, &driver_config, URL_LISTS, cpm_slice_of(rows[i].aor));
		ck_slice(cpm_buf_slice(&b), rows[i].url, rows[i].aor);
		ck_assert(url_is_safe(cpm_buf_slice(&b)));
		cpm_buf_free(&b);
	}
}
END_TEST

START_TEST(climbing_is_refused)
{
	static const struct {
		const char *url;
		bool safe;
	} rows[] = {
			{"http://x/a/b", true},
			{"http://x/a/sip:b%2Fc@d/e", true},
			{"file:///a/sip:b%2Fc@d/e", false},
			{"http://x/a/../b", false},
			{"http://x/a/%2e%2E/b", false},
			{"http://x/a/sip:b%2F..%2Fc/d", false},
			{"http://x/a/./b", false},
			{"http://x/a/...b/..c", true},
			{"file:///a/..%2F..%2Fetc", false},
			{"file:///a/b%00c", false},
			{"http://x/a/b%0d%0ac", false},
	};

	for(size_t i = 0; i < UNIT_COUNT(rows); i++)
		ck_assert_msg(url_is_safe(cpm_slice_of(rows[i].url)) == rows[i].safe, "%s", rows[i].url);
}
END_TEST

START_TEST(identity_headers)
{
	static const struct {
		const char *header, *aor, *line;
	} rows[] = {
			{"X-XCAP-Asserted-Identity", "sip:bob@example.net",
					"X-XCAP-Asserted-Identity: sip:bob@example.net"},
			{"X-3GPP-Asserted-Identity", "sip:bob@example.net",
					"X-3GPP-Asserted-Identity: \"sip:bob@example.net\""},
			{"X-I", "sip:b\r\nEvil: \"1\"@h", "X-I: sip:b%0D%0AEvil:%20%221%22@h"},
	};

	for(size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct cpm_buf b;

		cpm_buf_init(&b, 1000);
		url_add_identity(&b, rows[i].header, cpm_slice_of(rows[i].aor));
		ck_slice(cpm_buf_slice(&b), rows[i].line, rows[i].aor);
		cpm_buf_free(&b);
	}
}
END_TEST

START_TEST(bad_configurations)
{
	static const struct {
		const char *root, *words;
	} rows[] = {
			{"ftp://x", "http://, https:// or file:///"},
			{"", "http://, https:// or file:///"},
			{"http://", "no host"},
			{"http:///a", "no host"},
			{"http://x/", "without a slash"},
			{"http://u:p@x/a", "their own parameters"},
			{"http://x/a?b", "query"},
			{"file://host/a", "three slashes"},
			{"file://", "three slashes"},
			{"file:///no/such/folder", "does not exist"},
			{"http://x/../y", "\"..\""},
	};
	const char *error;

	for(size_t i = 0; i < UNIT_COUNT(rows); i++) {
		driver_config_reset(rows[i].root);
		ck_assert(!xdm_init(&driver_config, NULL, &error));
		ck_assert_msg(strstr(error, rows[i].words) != NULL, "%s: %s", rows[i].root, error);
	}
	driver_config_reset("http://x");
	driver_config.identity_header = "X: y\r\n";
	ck_assert(!xdm_init(&driver_config, NULL, &error));
	driver_config_reset("http://x");
	driver_config.lists_auid = "../x";
	ck_assert(!xdm_init(&driver_config, NULL, &error));
	driver_config_reset("http://x");
	driver_config.ca_file = "/no/such/file";
	ck_assert(!xdm_init(&driver_config, NULL, &error));
	ck_assert_uint_eq(host_live(), 0);
}
END_TEST

START_TEST(start_without_memory)
{
	const char *error;

	driver_config_reset("http://x");
	for(size_t n = 1; n <= 2; n++) {
		host_fail(n);
		ck_assert(!xdm_init(&driver_config, NULL, &error));
		ck_assert(strstr(error, "memory") != NULL);
		ck_assert_uint_eq(host_live(), 0);
	}
	host_reset();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("url");

	tcase_add_test(t, urls_are_built);
	tcase_add_test(t, climbing_is_refused);
	tcase_add_test(t, identity_headers);
	tcase_add_test(t, bad_configurations);
	tcase_add_test(t, start_without_memory);
	return unit_run("xdm/url", t);
}
