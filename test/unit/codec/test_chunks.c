/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/chunks.c.
 */
#include "unit.h"

#include "core/codec/chunks.h"

#define SIZE 64

/* The same with one flag an octet. */
struct model {
	bool have[SIZE];
	bool ended;
};

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1;
	return *state >> 33;
}

/* Random chunks, twice as many as needed, in random order; some repeated, some overlapping. */
START_TEST(agrees_with_a_model)
{
	uint64_t random = (uint64_t)_i + 1;
	struct model m = {0};
	struct cpm_chunks c;

	cpm_chunks_init(&c, SIZE);
	for(int step = 0; step < 200; step++) {
		uint64_t from = next_random(&random) % SIZE;
		uint64_t n = next_random(&random) % (_i % 2 ? 3 : 20);
		bool whole = true;
		uint64_t octets = 0;

		if(n > SIZE - from)
			n = SIZE - from;
		ck_assert_int_eq(cpm_chunks_add(&c, from, n), CPM_OK);
		for(uint64_t k = 0; k < n; k++)
			m.have[from + k] = true;
		if(from + n == SIZE && step > 60) {
			ck_assert_int_eq(cpm_chunks_end(&c, SIZE), CPM_OK);
			m.ended = true;
		}
		for(int k = 0; k < SIZE; k++) {
			whole &= m.have[k];
			octets += m.have[k];
		}
		ck_assert_uint_eq(cpm_chunks_octets(&c), octets);
		ck_assert_int_eq(cpm_chunks_complete(&c), whole && m.ended);
		for(size_t k = 1; k < c.count; k++)
			ck_assert_uint_gt(c.ranges[k].from, c.ranges[k - 1].to);
	}
}
END_TEST

/* Every order of five chunks ends complete, and not before. */
START_TEST(takes_every_order)
{
	static const uint64_t start[] = {0, 10, 11, 30, 59}, length[] = {10, 1, 19, 29, 5};
	size_t order[5], used;

	for(int number = 0; number < 120; number++) {
		struct cpm_chunks c;
		int rest = number;

		used = 0;
		cpm_chunks_init(&c, SIZE);
		for(size_t i = 0; i < 5; i++) {
			size_t skip = (size_t)rest % (5 - i), k = 0;

			rest /= (int)(5 - i);
			while(used & ((size_t)1 << k) || skip-- > 0)
				k++;
			used |= (size_t)1 << k;
			order[i] = k;
		}
		for(size_t i = 0; i < 5; i++) {
			size_t k = order[i];

			ck_assert(!cpm_chunks_complete(&c));
			ck_assert_int_eq(cpm_chunks_add(&c, start[k], length[k]), CPM_OK);
			if(k == 4)
				ck_assert_int_eq(cpm_chunks_end(&c, 64), CPM_OK);
		}
		ck_assert(cpm_chunks_complete(&c));
		ck_assert_uint_eq(cpm_chunks_octets(&c), 64);
	}
}
END_TEST

static enum cpm_rc begin(struct cpm_chunks *c, const char *range, uint64_t *at)
{
	struct cpm_msrp_range r;

	ck_assert(cpm_msrp_range_parse(cpm_slice_of(range), &r));
	return cpm_chunks_begin(c, &r, at);
}

START_TEST(holds_chunks_to_what_they_announce)
{
	struct cpm_chunks c;
	uint64_t at;

	cpm_chunks_init(&c, 100);
	ck_assert_int_eq(begin(&c, "1-*/*", &at), CPM_OK);
	ck_assert_uint_eq(at, 0);
	ck_assert_int_eq(cpm_chunks_add(&c, 0, 40), CPM_OK);
	ck_assert_int_eq(begin(&c, "31-*/30", &at), CPM_SYNTAX);
	ck_assert_int_eq(begin(&c, "1-10/101", &at), CPM_LIMIT);
	ck_assert_int_eq(begin(&c, "102-*/*", &at), CPM_LIMIT);
	ck_assert_int_eq(begin(&c, "101-*/*", &at), CPM_OK);
	ck_assert_int_eq(begin(&c, "41-*/60", &at), CPM_OK);
	ck_assert_int_eq(begin(&c, "41-*/61", &at), CPM_SYNTAX);
	ck_assert_int_eq(begin(&c, "61-61/*", &at), CPM_SYNTAX);
	ck_assert_int_eq(begin(&c, "62-*/*", &at), CPM_SYNTAX);
	ck_assert_int_eq(cpm_chunks_add(&c, 40, 21), CPM_SYNTAX);
	ck_assert_int_eq(cpm_chunks_end(&c, 59), CPM_SYNTAX);
	ck_assert(!c.ended);
	ck_assert_int_eq(cpm_chunks_add(&c, 40, 20), CPM_OK);
	ck_assert_int_eq(cpm_chunks_end(&c, 60), CPM_OK);
	ck_assert(cpm_chunks_complete(&c));
}
END_TEST

START_TEST(keeps_the_limit_of_octets)
{
	struct cpm_chunks c;

	cpm_chunks_init(&c, 100);
	ck_assert_int_eq(cpm_chunks_add(&c, 0, 100), CPM_OK);
	ck_assert_int_eq(cpm_chunks_add(&c, 0, 101), CPM_LIMIT);
	ck_assert_int_eq(cpm_chunks_add(&c, 100, 1), CPM_LIMIT);
	ck_assert_int_eq(cpm_chunks_add(&c, 100, 0), CPM_OK);
	ck_assert_int_eq(cpm_chunks_add(&c, 101, 0), CPM_LIMIT);
	ck_assert_int_eq(cpm_chunks_add(&c, 1, UINT64_MAX), CPM_LIMIT);
	ck_assert_int_eq(cpm_chunks_add(&c, UINT64_MAX, 1), CPM_LIMIT);
	ck_assert_int_eq(cpm_chunks_end(&c, 101), CPM_LIMIT);
	ck_assert_int_eq(cpm_chunks_end(&c, 99), CPM_SYNTAX);
}
END_TEST

START_TEST(keeps_the_limit_of_holes)
{
	struct cpm_chunks c;

	cpm_chunks_init(&c, 1000);
	for(uint64_t i = 0; i < CPM_CHUNKS_RANGES_MAX; i++)
		ck_assert_int_eq(cpm_chunks_add(&c, 2 * i, 1), CPM_OK);
	ck_assert_int_eq(cpm_chunks_add(&c, 2 * CPM_CHUNKS_RANGES_MAX, 1), CPM_LIMIT);
	/* What closes a hole, or adds to a range, still goes. */
	ck_assert_int_eq(cpm_chunks_add(&c, 2 * CPM_CHUNKS_RANGES_MAX - 1, 1), CPM_OK);
	ck_assert_int_eq(cpm_chunks_add(&c, 1, 1), CPM_OK);
	ck_assert_uint_eq(c.count, CPM_CHUNKS_RANGES_MAX - 1);
	ck_assert_int_eq(cpm_chunks_add(&c, 500, 1), CPM_OK);
	ck_assert_int_eq(cpm_chunks_add(&c, 0, 1000), CPM_OK);
	ck_assert_uint_eq(c.count, 1);
}
END_TEST

START_TEST(knows_an_empty_message)
{
	struct cpm_chunks c;

	cpm_chunks_init(&c, 100);
	ck_assert(!cpm_chunks_complete(&c));
	ck_assert_int_eq(cpm_chunks_end(&c, 0), CPM_OK);
	ck_assert(cpm_chunks_complete(&c));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("chunks");

	tcase_add_loop_test(t, agrees_with_a_model, 0, 100);
	tcase_add_test(t, takes_every_order);
	tcase_add_test(t, holds_chunks_to_what_they_announce);
	tcase_add_test(t, keeps_the_limit_of_octets);
	tcase_add_test(t, keeps_the_limit_of_holes);
	tcase_add_test(t, knows_an_empty_message);
	return unit_run("chunks", t);
}
