/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of module/ticket.c.
 */
#include "unit.h"

#include "module/ticket.h"

START_TEST(a_ticket_leads_back_once)
{
	struct tickets *t = tickets_new(TICKET_DUE, 15, 3);
	int what;
	uint64_t ticket, other;

	ck_assert(ticket_take(t, &what, &ticket));
	ck_assert_uint_ne(ticket, 0);
	ck_assert_int_eq(ticket_kind_of(ticket), TICKET_DUE);
	ck_assert_int_eq(ticket_process(ticket), 15);
	ck_assert_uint_lt(ticket_place(ticket), 3);
	ck_assert_ptr_eq(ticket_redeem(t, ticket), &what);
	ck_assert_ptr_null(ticket_redeem(t, ticket));
	/* The place is used again; the old number is worth nothing all the same. */
	ck_assert(ticket_take(t, &what, &other));
	ck_assert_uint_eq(ticket_place(other), ticket_place(ticket));
	ck_assert_ptr_null(ticket_redeem(t, ticket));
	ck_assert_ptr_eq(ticket_redeem(t, other), &what);
	free(t);
}
END_TEST

START_TEST(no_more_than_max_at_once)
{
	struct tickets *t = tickets_new(TICKET_PUSH, 0, 2);
	int what[2];
	uint64_t tickets[2], third;

	ck_assert(ticket_take(t, &what[0], &tickets[0]));
	ck_assert_uint_ne(tickets[0], 0);
	ck_assert(ticket_take(t, &what[1], &tickets[1]));
	ck_assert(!ticket_take(t, &what[0], &third));
	ck_assert_ptr_eq(ticket_redeem(t, tickets[0]), &what[0]);
	ck_assert(ticket_take(t, &what[0], &third));
	ck_assert_ptr_eq(ticket_redeem(t, tickets[1]), &what[1]);
	free(t);
}
END_TEST

START_TEST(what_is_no_ticket_of_the_table)
{
	struct tickets *push = tickets_new(TICKET_PUSH, 1, 2), *due = tickets_new(TICKET_DUE, 1, 2);
	int what;
	uint64_t ticket;

	ck_assert(ticket_take(push, &what, &ticket));
	ck_assert(ticket_take(due, &what, &ticket));
	ck_assert_ptr_null(ticket_redeem(push, ticket));
	ck_assert_ptr_null(ticket_redeem(push, 0));
	ck_assert_ptr_null(ticket_redeem(push, UINT64_MAX));
	ck_assert_ptr_eq(ticket_redeem(due, ticket), &what);
	free(push);
	free(due);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("ticket");

	tcase_add_test(t, a_ticket_leads_back_once);
	tcase_add_test(t, no_more_than_max_at_once);
	tcase_add_test(t, what_is_no_ticket_of_the_table);
	return unit_run("ticket", t);
}
