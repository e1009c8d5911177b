/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/base/ring.c.
 */
#include "core/base/ring.h"
#include "unit.h"

#define SIZE 7

static char memory[SIZE];
static struct cpm_ring ring;

static void begin(void)
{
	cpm_ring_init(&ring, memory, SIZE);
}

START_TEST(keeps_the_order)
{
	begin();
	ck_assert(cpm_ring_put(&ring, CPM_SLICE("abcde")));
	ck_slice(cpm_ring_take(&ring, 3), "abc", "the oldest");
	ck_assert(cpm_ring_put(&ring, CPM_SLICE("fghij")));
	ck_assert_uint_eq(cpm_ring_room(&ring), 0);
	/* What lies together first. */
	ck_slice(cpm_ring_take(&ring, 100), "defg", "up to the edge");
	ck_slice(cpm_ring_take(&ring, 100), "hij", "behind it");
	ck_slice(cpm_ring_take(&ring, 100), "", "empty");
}
END_TEST

START_TEST(takes_all_or_nothing)
{
	begin();
	ck_assert(!cpm_ring_put(&ring, CPM_SLICE("12345678")));
	ck_assert_uint_eq(ring.held, 0);
	ck_assert(cpm_ring_put(&ring, CPM_SLICE("1234567")));
	ck_assert(!cpm_ring_put(&ring, CPM_SLICE("8")));
	ck_assert(cpm_ring_put(&ring, CPM_SLICE_NONE));
	ck_slice(cpm_ring_take(&ring, 0), "", "none wanted");
	ck_slice(cpm_ring_take(&ring, 7), "1234567", "all");
}
END_TEST

/* Every way of putting and taking keeps what a queue of octets would. */
START_TEST(is_a_queue)
{
	unsigned char in = 0, out = 0;
	unsigned long seed = 1;

	begin();
	for(int i = 0; i < 20000; i++) {
		char piece[SIZE + 1];
		size_t n;
		struct cpm_slice got;

		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
		n = (seed >> 33) % (SIZE + 2);
		if(seed >> 63) {
			bool fits = n <= cpm_ring_room(&ring);

			if(n > sizeof(piece))
				n = sizeof(piece);
			for(size_t k = 0; k < n; k++)
				piece[k] = (char)(in + k);
			ck_assert_int_eq(cpm_ring_put(&ring, (struct cpm_slice){piece, n}), fits);
			in = (unsigned char)(in + (fits ? n : 0));
		} else {
			got = cpm_ring_take(&ring, n);
			ck_assert_uint_le(got.n, n);
			for(size_t k = 0; k < got.n; k++)
				ck_assert_uint_eq((unsigned char)got.p[k], out++);
		}
		ck_assert_uint_eq(ring.held, (unsigned char)(in - out));
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("ring");

	tcase_add_test(t, keeps_the_order);
	tcase_add_test(t, takes_all_or_nothing);
	tcase_add_test(t, is_a_queue);
	return unit_run("ring", t);
}
