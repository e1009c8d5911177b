/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/large.c: every pair of state and event.
 */
#include "unit.h"

#include "core/session/large.h"

struct cell {
	int step, next;
};
#define SAME  \
	{         \
		0, -1 \
	}

static const struct cell receipts[CPM_RECEIPT_STATES][CPM_RECEIPT_EVENTS] = {
		[CPM_RECEIPT_OPEN] = {{CPM_RECEIPT_SETTLE, CPM_RECEIPT_SETTLING}, SAME,
				{CPM_RECEIPT_DISCARD, CPM_RECEIPT_GONE},
				{CPM_RECEIPT_DISCARD_BYE, CPM_RECEIPT_GONE}, SAME},
		[CPM_RECEIPT_SETTLING] = {SAME, {CPM_RECEIPT_ANSWER, CPM_RECEIPT_LEAVING}, SAME, SAME,
				SAME},
		[CPM_RECEIPT_LEAVING] = {SAME, SAME, {CPM_RECEIPT_END, CPM_RECEIPT_GONE},
				{CPM_RECEIPT_END_BYE, CPM_RECEIPT_GONE}, {CPM_RECEIPT_END_BYE, CPM_RECEIPT_GONE}},
		[CPM_RECEIPT_GONE] = {SAME, SAME, SAME, SAME, SAME},
};

static const struct cell transfers[CPM_TRANSFER_STATES][CPM_TRANSFER_EVENTS] = {
		[CPM_TRANSFER_INVITED] = {{CPM_TRANSFER_SEND, CPM_TRANSFER_SENDING},
				{CPM_TRANSFER_END, CPM_TRANSFER_OVER}, SAME,
				{CPM_TRANSFER_NOTHING, CPM_TRANSFER_GIVEN_UP}},
		[CPM_TRANSFER_SENDING] = {SAME, SAME, {CPM_TRANSFER_END_BYE, CPM_TRANSFER_OVER},
				{CPM_TRANSFER_END_BYE, CPM_TRANSFER_OVER}},
		[CPM_TRANSFER_GIVEN_UP] = {{CPM_TRANSFER_END_BYE, CPM_TRANSFER_OVER},
				{CPM_TRANSFER_END, CPM_TRANSFER_OVER}, SAME, SAME},
		[CPM_TRANSFER_OVER] = {SAME, SAME, SAME, SAME},
};

START_TEST(moves_a_receipt)
{
	for(int s = 0; s < CPM_RECEIPT_STATES; s++) {
		for(int e = 0; e < CPM_RECEIPT_EVENTS; e++) {
			enum cpm_receipt_state state = (enum cpm_receipt_state)s;

			ck_assert_int_eq(
					cpm_receipt_next(&state, (enum cpm_receipt_event)e), receipts[s][e].step);
			ck_assert_int_eq((int)state, receipts[s][e].next < 0 ? s : receipts[s][e].next);
		}
	}
}
END_TEST

START_TEST(moves_a_transfer)
{
	for(int s = 0; s < CPM_TRANSFER_STATES; s++) {
		for(int e = 0; e < CPM_TRANSFER_EVENTS; e++) {
			enum cpm_transfer_state state = (enum cpm_transfer_state)s;

			ck_assert_int_eq(
					cpm_transfer_next(&state, (enum cpm_transfer_event)e), transfers[s][e].step);
			ck_assert_int_eq((int)state, transfers[s][e].next < 0 ? s : transfers[s][e].next);
		}
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("large");

	tcase_add_test(t, moves_a_receipt);
	tcase_add_test(t, moves_a_transfer);
	return unit_run("large", t);
}
