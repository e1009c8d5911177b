/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/policy/facts.c.
 */
#include "policy.h"

START_TEST(names_media)
{
	for(int i = CPM_MEDIUM_PAGER; i < CPM_MEDIUM_COUNT; i++) {
		enum cpm_medium medium;

		ck_assert(cpm_medium_of(cpm_slice_of(cpm_medium_name((enum cpm_medium)i)), &medium));
		ck_assert_int_eq((int)medium, i);
	}
}
END_TEST

START_TEST(refuses_other_words)
{
	static const char *const words[] = {"", "Pager", "page", "pagers", "pager ", "chat"};
	enum cpm_medium medium;

	for(size_t i = 0; i < UNIT_COUNT(words); i++)
		ck_assert_msg(!cpm_medium_of(cpm_slice_of(words[i]), &medium), "%s", words[i]);
	ck_assert_str_eq(cpm_medium_name((enum cpm_medium)99), "unknown");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("facts");

	tcase_add_test(t, names_media);
	tcase_add_test(t, refuses_other_words);
	return unit_run("policy/facts", t);
}
