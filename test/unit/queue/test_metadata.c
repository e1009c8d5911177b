/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/queue/metadata.c.
 */
#include "unit.h"

#include "core/queue/metadata.h"

static const struct cpm_record record = {
		.id = CPM_SLICE("d7f3a1"),
		.host = CPM_SLICE("pf.example.net"),
		.arrived_ms = 1000,
		.expires_ms = 2000,
		.size = 412,
		.originator = CPM_SLICE("sip:alice@example.net"),
		.from = CPM_SLICE("\"Alice <x>\" <sip:alice@example.net>"),
		.to = CPM_SLICE("sip:bob@example.net;x=y"),
		.asserted = CPM_SLICE("\"A, B\" <sip:+15550100@example.net;user=phone>, <tel:+15550100>"),
		.subject = CPM_SLICE("Lunch"),
};

START_TEST(tells_what_is_stored)
{
	struct cpm_msginfo_item item;

	cpm_metadata_of(&record, &item);
	ck_slice(item.id, "d7f3a1", "id");
	ck_slice(item.host, "pf.example.net", "host");
	ck_assert_int_eq(item.date_ms, 1000);
	ck_assert_int_eq(item.expiry_ms, 2000);
	ck_assert_uint_eq(item.size, 412);
	ck_slice(item.from, "sip:alice@example.net", "from");
	ck_slice(item.to, "sip:bob@example.net", "to");
	ck_slice(item.auth_id, "sip:+15550100@example.net;user=phone", "auth-id");
	ck_slice(item.subject, "Lunch", "subject");
	ck_assert_uint_eq(item.recipient_count, 0);
	ck_assert_int_eq(item.status, CPM_MSGINFO_WAITING);
}
END_TEST

START_TEST(hides_an_anonymous_originator)
{
	struct cpm_record r = record;
	struct cpm_msginfo_item item;

	r.anonymous = true;
	cpm_metadata_of(&r, &item);
	ck_slice(item.auth_id, "", "auth-id");
	r.anonymous = false;
	r.asserted = CPM_SLICE_NONE;
	cpm_metadata_of(&r, &item);
	ck_slice(item.auth_id, "sip:alice@example.net", "proven otherwise");
	r.from = CPM_SLICE("nobody");
	cpm_metadata_of(&r, &item);
	ck_slice(item.from, "", "no URI");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("metadata");

	tcase_add_test(t, tells_what_is_stored);
	tcase_add_test(t, hides_an_anonymous_originator);
	return unit_run("queue/metadata", t);
}
