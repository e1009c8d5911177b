/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/date.c.
 */
#include <time.h>

#include "unit.h"

#include "core/codec/date.h"

#define MIN_MS INT64_C(-62135596800000)
#define MAX_MS INT64_C(253402300799999)
#define BAD INT64_MIN

static const struct {
	const char *text;
	int64_t ms;
} rfc3339[] = {
		/* RFC 3339 section 5.8 */
		{"1985-04-12T23:20:50.52Z", 482196050520},
		{"1996-12-19T16:39:57-08:00", 851042397000},
		{"1990-12-31T23:59:60Z", 662688000000},
		{"1990-12-31T15:59:60-08:00", 662688000000},
		{"1937-01-01T12:00:27.87+00:20", -1041337172130},
		{"1970-01-01T00:00:00Z", 0},
		{"1969-12-31T23:59:59.999Z", -1},
		{"2030-01-01T10:00:00Z", 1893492000000},
		{"2030-01-01t10:00:00z", 1893492000000},
		{"2030-01-01T10:00:00", 1893492000000},
		{" 2030-01-01T10:00:00Z\n", 1893492000000},
		{"2030-01-01T10:00:00.1234567890123456789012345Z", 1893492000123},
		{"2030-01-01T10:00:00-00:00", 1893492000000},
		{"2030-01-01T24:00:00Z", 1893542400000},
		{"2000-02-29T00:00:00Z", 951782400000},
		{"2024-02-29T00:00:00Z", 1709164800000},
		{"0001-01-01T00:00:00Z", MIN_MS},
		{"9999-12-31T23:59:59.999Z", MAX_MS},
		{"1900-02-29T00:00:00Z", BAD},
		{"2023-02-29T00:00:00Z", BAD},
		{"2030-04-31T00:00:00Z", BAD},
		{"2030-00-01T00:00:00Z", BAD},
		{"2030-13-01T00:00:00Z", BAD},
		{"2030-01-00T00:00:00Z", BAD},
		{"2030-01-32T00:00:00Z", BAD},
		{"2030-01-01T24:00:01Z", BAD},
		{"2030-01-01T24:00:00.5Z", BAD},
		{"2030-01-01T25:00:00Z", BAD},
		{"2030-01-01T00:60:00Z", BAD},
		{"2030-01-01T00:00:61Z", BAD},
		{"2030-01-01T00:00:00+24:00", BAD},
		{"2030-01-01T00:00:00+00:60", BAD},
		{"2030-01-01T00:00:00+0000", BAD},
		{"2030-01-01T00:00:00.Z", BAD},
		{"2030-01-01 00:00:00Z", BAD},
		{"2030-01-01T00:00Z", BAD},
		{"2030-1-01T00:00:00Z", BAD},
		{"2030-01-01T00:00:00ZZ", BAD},
		{"0000-01-01T00:00:00Z", BAD},
		{"12030-01-01T00:00:00Z", BAD},
		{"-2030-01-01T00:00:00Z", BAD},
		{"2030-01-01", BAD},
		{"", BAD},
};

START_TEST(reads_rfc3339)
{
	struct cpm_slice text = cpm_slice_of(rfc3339[_i].text);
	int64_t ms = BAD;

	ck_assert_msg(cpm_date_parse_rfc3339(unit_guard(text), &ms) == (rfc3339[_i].ms != BAD), "%s",
			rfc3339[_i].text);
	ck_assert_msg(ms == rfc3339[_i].ms, "%s: %lld", rfc3339[_i].text, (long long)ms);
	for(size_t n = 0; n < text.n; n++)
		cpm_date_parse_rfc3339(unit_guard(cpm_slice_head(text, n)), &ms);
}
END_TEST

static const struct {
	const char *text;
	int64_t ms;
} rfc1123[] = {
		/* RFC 3261 section 20.17 */
		{"Sat, 13 Nov 2010 23:29:00 GMT", 1289690940000},
		{"Tue, 01 Jan 2030 10:00:00 GMT", 1893492000000},
		/* The wrong day of the week. */
		{"sat, 01 jan 2030 10:00:00 gmt", 1893492000000},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Tue, 1 Jan 2030 10:00:00 GMT", BAD},
		{"Tue, 01 Jan 2030 10:00:00 CET", BAD},
		{"Tue, 01 Jan 2030 10:00:00 +0000", BAD},
		{"Tue, 01 Jan 2030 10:00:00", BAD},
		{"Xyz, 01 Jan 2030 10:00:00 GMT", BAD},
		{"Tue, 01 Xyz 2030 10:00:00 GMT", BAD},
		{"Tue, 32 Jan 2030 10:00:00 GMT", BAD},
		{"01 Jan 2030 10:00:00 GMT", BAD},
		{"", BAD},
};

START_TEST(reads_rfc1123)
{
	struct cpm_slice text = cpm_slice_of(rfc1123[_i].text);
	int64_t ms = BAD;

	ck_assert_msg(cpm_date_parse_rfc1123(unit_guard(text), &ms) == (rfc1123[_i].ms != BAD), "%s",
			rfc1123[_i].text);
	ck_assert_msg(ms == rfc1123[_i].ms, "%s: %lld", rfc1123[_i].text, (long long)ms);
	for(size_t n = 0; n < text.n; n++)
		ck_assert(!cpm_date_parse_rfc1123(unit_guard(cpm_slice_head(text, n)), &ms));
}
END_TEST

/* Writes ms in both forms, reads both back, and compares the first with the C library's
 * calendar. */
static void round_trip(int64_t ms)
{
	int64_t second = ms / 1000 - (ms % 1000 < 0), back;
	time_t t = (time_t)second;
	struct tm tm;
	char expected[64];
	struct cpm_buf b;

	cpm_buf_init(&b, 100);
	cpm_date_add_rfc3339(&b, ms);
	ck_assert_ptr_nonnull(gmtime_r(&t, &tm));
	snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	ck_slice(cpm_buf_slice(&b), expected, "RFC 3339");
	ck_assert(cpm_date_parse_rfc3339(cpm_buf_slice(&b), &back));
	ck_assert_int_eq(back, second * 1000);
	cpm_buf_reset(&b);
	cpm_date_add_rfc1123(&b, ms);
	strftime(expected, 6, "%a, ", &tm);
	ck_assert(cpm_slice_starts(cpm_buf_slice(&b), cpm_slice_of(expected)));
	ck_assert(cpm_date_parse_rfc1123(cpm_buf_slice(&b), &back));
	ck_assert_int_eq(back, second * 1000);
	cpm_buf_free(&b);
}

START_TEST(writes_what_it_reads)
{
	/* Every 57 days and a bit of the whole range: all months, leap years and eras. */
	for(int64_t ms = MIN_MS; ms <= MAX_MS; ms += INT64_C(5000123457))
		round_trip(ms);
	round_trip(MAX_MS);
	round_trip(-1);
	round_trip(0);
}
END_TEST

START_TEST(writes_the_nearest_inside_its_range)
{
	struct cpm_buf b;

	cpm_buf_init(&b, 200);
	cpm_date_add_rfc3339(&b, INT64_MIN);
	cpm_date_add_rfc3339(&b, INT64_MAX);
	cpm_date_add_rfc1123(&b, INT64_MIN);
	cpm_date_add_rfc1123(&b, INT64_MAX);
	ck_slice(cpm_buf_slice(&b),
			"0001-01-01T00:00:00Z9999-12-31T23:59:59Z"
			"Mon, 01 Jan 0001 00:00:00 GMTFri, 31 Dec 9999 23:59:59 GMT",
			"ends of time");
	cpm_buf_free(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("date");

	tcase_add_loop_test(t, reads_rfc3339, 0, UNIT_COUNT(rfc3339));
	tcase_add_loop_test(t, reads_rfc1123, 0, UNIT_COUNT(rfc1123));
	tcase_add_test(t, writes_what_it_reads);
	tcase_add_test(t, writes_the_nearest_inside_its_range);
	return unit_run("date", t);
}
