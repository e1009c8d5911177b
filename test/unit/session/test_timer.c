/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/timer.c: RFC 4028.
 */
#include "unit.h"

#include "core/session/timer.h"

static const struct {
	const char *value;
	bool ok;
	uint32_t seconds;
	enum cpm_refresher refresher;
} values[] = {
		{"1800", true, 1800, CPM_REFRESHER_NONE},
		{"1800;refresher=uac", true, 1800, CPM_REFRESHER_UAC},
		{" 90 ; Refresher = UAS", true, 90, CPM_REFRESHER_UAS},
		{"4000;x=1;refresher=uas;y", true, 4000, CPM_REFRESHER_UAS},
		{"60;refresher=both", true, 60, CPM_REFRESHER_NONE},
		{"86400", true, 86400, CPM_REFRESHER_NONE},
		{"86401", true, 86400, CPM_REFRESHER_NONE},
		{"99999999999999999999999999", true, 86400, CPM_REFRESHER_NONE},
		{"0", true, 0, CPM_REFRESHER_NONE},
		{"", false, 0, 0},
		{";refresher=uac", false, 0, 0},
		{"-1", false, 0, 0},
		{"18x0", false, 0, 0},
		{"1800 uac", false, 0, 0},
};

START_TEST(reads_intervals)
{
	for(size_t i = 0; i < UNIT_COUNT(values); i++) {
		struct cpm_slice value = cpm_slice_of(values[i].value);
		uint32_t seconds = 0;
		enum cpm_refresher refresher = CPM_REFRESHER_NONE;
		bool ok = cpm_session_expires_parse(unit_guard(value), &seconds, &refresher);
		ck_assert_msg(ok == values[i].ok
							  && (!ok
									  || (seconds == values[i].seconds
											  && refresher == values[i].refresher)),
				"\"%s\": %d %u %d", values[i].value, ok, seconds, refresher);
		/* No prefix is read past its end. */
		for(size_t n = 0; n < value.n; n++)
			cpm_session_expires_parse(unit_guard(cpm_slice_head(value, n)), &seconds, &refresher);
	}
}
END_TEST

#define NONE CPM_REFRESHER_NONE
#define UAC CPM_REFRESHER_UAC
#define UAS CPM_REFRESHER_UAS

/* Section 9 and its table 2; our least is 120, our most 1800. */
static const struct {
	const char *name;
	struct cpm_session_wish wish;
	const char *lines;
} answers[] = {
		{"no timer wanted", {true, 0, NONE, 0}, ""},
		{"nothing supported", {false, 0, NONE, 0}, ""},
		{"a proxy wants one", {false, 600, NONE, 0}, "Session-Expires: 600;refresher=uas\r\n"},
		{"a proxy wants a short one", {false, 60, NONE, 0},
				"Session-Expires: 120;refresher=uas\r\n"},
		{"the UAC leaves the choice", {true, 600, NONE, 0},
				"Require: timer\r\nSession-Expires: 600;refresher=uac\r\n"},
		{"the UAC refreshes", {true, 600, UAC, 0},
				"Require: timer\r\nSession-Expires: 600;refresher=uac\r\n"},
		{"the UAS refreshes", {true, 600, UAS, 0}, "Session-Expires: 600;refresher=uas\r\n"},
		{"our least", {true, 120, UAC, 0},
				"Require: timer\r\nSession-Expires: 120;refresher=uac\r\n"},
		{"below our least", {true, 119, UAC, 90}, "Min-SE: 120\r\n"},
		{"our most", {true, 7200, UAC, 0},
				"Require: timer\r\nSession-Expires: 1800;refresher=uac\r\n"},
		{"not below the UAC's least", {true, 7200, UAC, 3600},
				"Require: timer\r\nSession-Expires: 3600;refresher=uac\r\n"},
};

START_TEST(answers_as_a_uas)
{
	for(size_t i = 0; i < UNIT_COUNT(answers); i++) {
		struct cpm_session_terms terms;
		struct cpm_buf out;
		char memory[256];

		cpm_buf_init_fixed(&out, memory, sizeof(memory));
		cpm_session_agree(&answers[i].wish, 120, 1800, &terms);
		cpm_session_add_headers(&out, &terms);
		ck_slice(cpm_buf_slice(&out), answers[i].lines, answers[i].name);
	}
}
END_TEST

START_TEST(never_goes_below_the_rfc)
{
	struct cpm_session_wish wish = {true, 89, UAC, 0};
	struct cpm_session_terms terms;

	cpm_session_agree(&wish, 1, 1, &terms);
	ck_assert(terms.too_small);
	ck_assert_uint_eq(terms.min_s, 90);
	wish.expires_s = 90;
	cpm_session_agree(&wish, 1, 1, &terms);
	ck_assert(!terms.too_small);
	ck_assert_uint_eq(terms.expires_s, 90);
}
END_TEST

START_TEST(knows_when_to_act)
{
	ck_assert_int_eq(cpm_session_refresh_ms(1800), 900000);
	ck_assert_int_eq(cpm_session_give_up_ms(1800), 1768000);
	ck_assert_int_eq(cpm_session_give_up_ms(90), 60000);
	ck_assert_int_eq(cpm_session_give_up_ms(96), 64000);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("timer");

	tcase_add_test(t, reads_intervals);
	tcase_add_test(t, answers_as_a_uas);
	tcase_add_test(t, never_goes_below_the_rfc);
	tcase_add_test(t, knows_when_to_act);
	return unit_run("timer", t);
}
