/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/version.c.
 */
#include "unit.h"

#include "core/codec/version.h"

static const struct {
	const char *agent;
	int major, minor; /* -1: none */
} agents[] = {
		{"CPM-client/OMA1.0", 1, 0},
		{"CPM-serv/OMA2.2 RCS-serv/UP_2.3", 2, 2},
		{"CPM-client/OMA2.2 RCS-client/UP_2.4 term-X client-Y OS-Z", 2, 2},
		{"IM-client/OMA1.0 cpm-CLIENT/oma10.27", 10, 27},
		{"(a \\) (CPM-client/OMA9.9) x) CPM-client/OMA1.1", 1, 1},
		{"x(c)CPM-serv/OMA1.2(d)", 1, 2},
		{"CPM-client/OMAx.1 CPM-client/OMA1.3", 1, 3},
		{"CPM-client/OMA65535.0", 65535, 0},
		{"CPM-client/OMA65536.0", -1, -1},
		{"CPM-client/OMA99999999999999999999.0", -1, -1},
		{"CPM-client/OMA1", -1, -1},
		{"CPM-client/OMA1.", -1, -1},
		{"CPM-client/OMA.1", -1, -1},
		{"CPM-client/OMA1.0x", -1, -1},
		{"XCPM-client/OMA1.0", -1, -1},
		{"CPM-client/OMA-1.0", -1, -1},
		{"(CPM-client/OMA1.0", -1, -1},
		{"friendly-scanner", -1, -1},
		{"", -1, -1},
};

START_TEST(finds_the_release)
{
	struct cpm_slice agent = cpm_slice_of(agents[_i].agent);
	unsigned major = 7, minor = 7;

	ck_assert_msg(cpm_version_of(unit_guard(agent), &major, &minor) == (agents[_i].major >= 0),
			"%s", agents[_i].agent);
	ck_assert_uint_eq(major, agents[_i].major >= 0 ? (unsigned)agents[_i].major : 7);
	ck_assert_uint_eq(minor, agents[_i].minor >= 0 ? (unsigned)agents[_i].minor : 7);
	for(size_t n = 0; n < agent.n; n++)
		cpm_version_of(unit_guard(cpm_slice_head(agent, n)), &major, &minor);
}
END_TEST

START_TEST(compares_releases)
{
	ck_assert(cpm_version_at_least(1, 0, 1, 0));
	ck_assert(cpm_version_at_least(2, 0, 1, 9));
	ck_assert(cpm_version_at_least(1, 10, 1, 9));
	ck_assert(!cpm_version_at_least(1, 9, 2, 0));
	ck_assert(!cpm_version_at_least(1, 0, 1, 1));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("version");

	tcase_add_loop_test(t, finds_the_release, 0, UNIT_COUNT(agents));
	tcase_add_test(t, compares_releases);
	return unit_run("version", t);
}
