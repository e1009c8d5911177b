/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/whereabouts.c.
 */
#include "unit.h"

#include "core/session/whereabouts.h"

#define SESSIONS 1000

static struct cpm_whereabouts *table_new(size_t sessions)
{
	return cpm_whereabouts_init(malloc(cpm_whereabouts_size(sessions)), sessions, 42);
}

static struct cpm_slice number(char *memory, unsigned i)
{
	return (struct cpm_slice){memory, (size_t)sprintf(memory, "id-%u", i)};
}

START_TEST(finds_what_was_put)
{
	struct cpm_whereabouts *w = table_new(SESSIONS);
	struct cpm_slice bob = CPM_SLICE("sip:bob@x"), eve = CPM_SLICE("sip:eve@x");
	uint64_t one = cpm_whereabouts_client(w, CPM_SLICE("<one>"));
	uint64_t two = cpm_whereabouts_client(w, CPM_SLICE("<two>"));

	ck_assert(one && two && one != two);
	ck_assert_uint_eq(cpm_whereabouts_find(w, bob, CPM_SLICE("a")), 0);
	cpm_whereabouts_put(w, bob, CPM_SLICE("a"), CPM_SLICE("<one>"));
	cpm_whereabouts_put(w, bob, CPM_SLICE("b"), CPM_SLICE("<two>"));
	ck_assert_uint_eq(cpm_whereabouts_find(w, bob, CPM_SLICE("a")), one);
	ck_assert_uint_eq(cpm_whereabouts_find(w, bob, CPM_SLICE("b")), two);
	ck_assert_uint_eq(cpm_whereabouts_find(w, eve, CPM_SLICE("a")), 0);
	cpm_whereabouts_put(w, bob, CPM_SLICE("a"), CPM_SLICE("<two>"));
	ck_assert_uint_eq(cpm_whereabouts_find(w, bob, CPM_SLICE("a")), two);
	free(w);
}
END_TEST

/* Of as many as there is room for nearly all are there, and of ten times as many the newest. */
START_TEST(forgets_the_oldest)
{
	struct cpm_whereabouts *w = table_new(SESSIONS);
	struct cpm_slice bob = CPM_SLICE("sip:bob@x");
	char memory[32];
	unsigned found = 0, old = 0;

	for(unsigned i = 0; i < 10 * SESSIONS; i++)
		cpm_whereabouts_put(w, bob, number(memory, i), CPM_SLICE("<one>"));
	for(unsigned i = 0; i < 10 * SESSIONS; i++) {
		if(!cpm_whereabouts_find(w, bob, number(memory, i)))
			continue;
		found++;
		old += i < 8 * SESSIONS;
	}
	ck_assert_uint_eq(found, SESSIONS);
	ck_assert_msg(old < SESSIONS / 50, "%u of %u are old", old, found);
	for(unsigned i = 10 * SESSIONS - 100; i < 10 * SESSIONS; i++)
		ck_assert(cpm_whereabouts_find(w, bob, number(memory, i)));
	free(w);
}
END_TEST

START_TEST(counts_its_size)
{
	ck_assert_uint_eq(cpm_whereabouts_size(0), 0);
	ck_assert_uint_eq(cpm_whereabouts_size(SIZE_MAX), 0);
	ck_assert_uint_eq(cpm_whereabouts_size(1), cpm_whereabouts_size(8));
	ck_assert_uint_lt(cpm_whereabouts_size(8), cpm_whereabouts_size(9));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("whereabouts");

	tcase_add_test(t, finds_what_was_put);
	tcase_add_test(t, forgets_the_oldest);
	tcase_add_test(t, counts_its_size);
	return unit_run("whereabouts", t);
}
