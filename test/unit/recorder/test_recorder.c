/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of queue/recorder.c. Clause SE-8.
 */
#include "unit.h"

#include "outside.h"
#include "module/settings.h"
#include "queue/recorder.h"

static char record_text[2][2000];
static struct cpm_slice records[2];
static struct due due[6];
static int64_t patience_ms;

static void record_make(size_t i, const char *aor)
{
	static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;
	struct cpm_record r = {.kind = CPM_RECORD_SESSION,
			.id = CPM_SLICE("0001027f80ff060708090aab-63"),
			.aor = cpm_slice_of(aor),
			.originator = CPM_SLICE("sip:alice@cpm.test"),
			.imdn_id = CPM_SLICE("i1"),
			.sent = i == 1,
			.arrived_ms = outside.now_ms,
			.expires_ms = outside.now_ms + 10000 + patience_ms};
	struct cpm_buf b;

	cpm_buf_init_fixed(&b, record_text[i], sizeof(record_text[i]));
	ck_assert_int_eq(cpm_record_build(&r, &limits, &b, NULL), CPM_OK);
	records[i] = cpm_buf_slice(&b);
}

/* All of them bob's; carol's is apart. */
static void begin(void)
{
	outside_begin();
	patience_ms = 0;
	record_make(0, "sip:bob@cpm.test");
	record_make(1, "sip:carol@cpm.test");
	for(size_t i = 0; i < UNIT_COUNT(due); i++)
		due[i] = (struct due){.record = records[0], .id = CPM_SLICE("id"), .body = CPM_SLICE("b")};
}

static void take(size_t i)
{
	recorder_due(&due[i], outside.now_ms);
}

static void ck_given(size_t i, size_t which, int64_t at_ms)
{
	ck_assert_uint_lt(i, outside.given);
	ck_assert_ptr_eq(outside.given_back[i].due, &due[which]);
	ck_assert_int_eq(outside.given_back[i].at_ms, at_ms);
}

START_TEST(one_after_the_other)
{
	begin();
	for(size_t i = 0; i < 3; i++)
		take(i);
	due[3].record = records[1];
	take(3);
	/* Another user's does not wait. */
	ck_assert_uint_eq(outside.jobs, 2);
	ck_assert_ptr_eq(((struct due **)outside.job[1]->owner)[0], &due[3]);
	ck_assert(!outside.job[0]->again);
	outside_answer(IMAP_OK, STORE_OK);
	ck_given(0, 0, 0);
	ck_assert_uint_eq(outside.jobs, 2);
	outside_answer(IMAP_OK, STORE_OK);
	outside_answer(IMAP_OK, STORE_OK);
	outside_answer(IMAP_OK, STORE_OK);
	ck_assert_uint_eq(outside.jobs, 0);
	ck_given(1, 3, 0);
	ck_given(2, 1, 0);
	ck_given(3, 2, 0);
	ck_assert_uint_eq(outside.given, 4);
}
END_TEST

/* Whose message it is stands in what tells repeats. */
START_TEST(identity)
{
	begin();
	take(0);
	due[1].record = records[1];
	take(1);
	ck_slice(outside.job[0]->identity, "sip:alice@cpm.test\nimdn\ni1", "received");
	ck_slice(outside.job[1]->identity, "sip:carol@cpm.test\nimdn\ni1", "sent");
	outside_answer(IMAP_OK, STORE_OK);
	/* A repeat is taken out again, and done. */
	outside.first = CPM_SLICE("other");
	outside_answer(IMAP_OK, STORE_BUSY);
	ck_assert_uint_eq(outside.withdrawn, 1);
	ck_given(1, 1, 0);
	ck_assert_uint_eq(outside.failed, 0);
}
END_TEST

/* The mark of its own first attempt makes no repeat of it. */
START_TEST(own_mark)
{
	begin();
	take(0);
	outside_answer(IMAP_UNSURE, STORE_OK);
	outside.now_ms += 2000;
	due[0].attempts = 1;
	outside.first = due[0].id;
	take(0);
	outside_answer(IMAP_DOWN, STORE_BUSY);
	ck_given(1, 0, outside.now_ms + 2000);
	outside.now_ms += 2000;
	take(0);
	outside_answer(IMAP_OK, STORE_BUSY);
	ck_given(2, 0, 0);
	ck_assert_uint_eq(outside.withdrawn, 0);
}
END_TEST

START_TEST(order_while_the_message_store_is_away)
{
	int64_t at;

	begin();
	at = outside.now_ms + 2000;
	for(size_t i = 0; i < 3; i++)
		take(i);
	outside_answer(IMAP_DOWN, STORE_OK);
	ck_given(0, 0, at);
	ck_given(1, 1, at + 1);
	ck_given(2, 2, at + 2);
	/* A new one does not overtake them. */
	outside.now_ms += 1000;
	take(3);
	ck_given(3, 3, at + 3);
	/* It is back: the first goes, and one that comes in the same moment still waits its turn. */
	outside.now_ms = at;
	due[0].attempts = due[1].attempts = 1;
	take(0);
	ck_assert(outside.job[0]->again);
	take(4);
	outside_answer(IMAP_OK, STORE_OK);
	ck_given(4, 0, 0);
	ck_given(5, 4, at + 4);
	outside.now_ms = at + 1;
	take(1);
	outside_answer(IMAP_OK, STORE_OK);
	ck_given(6, 1, 0);
	ck_assert_uint_eq(outside.failed, 0);
}
END_TEST

START_TEST(away_for_longer)
{
	begin();
	take(0);
	outside_answer(IMAP_UNSURE, STORE_OK);
	outside.now_ms += 2000;
	due[0].attempts = 1;
	take(0);
	outside_answer(IMAP_DOWN, STORE_OK);
	ck_given(1, 0, outside.now_ms + 2000);
	/* As long as it may be tried. */
	outside.now_ms += 8000;
	take(0);
	ck_given(2, 0, 0);
	ck_assert_uint_eq(outside.jobs, 0);
}
END_TEST

START_TEST(cannot_be_asked)
{
	begin();
	outside.archive_full = true;
	take(0);
	ck_given(0, 0, outside.now_ms + 2000);
	outside.archive_full = false;
	outside.now_ms += 2000;
	due[0].attempts = 1;
	take(0);
	outside_answer(IMAP_OK, STORE_OK);
	ck_given(1, 0, 0);
}
END_TEST

START_TEST(never)
{
	begin();
	take(0);
	take(1);
	outside.reason = "too-large";
	outside_answer(IMAP_REFUSED, STORE_OK);
	ck_given(0, 0, 0);
	ck_assert_uint_eq(outside.failed, 1);
	/* The next is not held up. */
	outside_answer(IMAP_OK, STORE_OK);
	ck_given(1, 1, 0);
}
END_TEST

static const struct {
	enum imap_rc rc;
	const char *reason;
	int64_t age_ms;
	bool holds_up;
} troubles[] = {
		{IMAP_DOWN, "away", 0, true},
		{IMAP_DOWN, "login", 3000000, true},
		{IMAP_UNSURE, "timeout", 599999, true},
		{IMAP_UNSURE, "timeout", 600000, false},
		{IMAP_DOWN, "lost", 600000, false},
		{IMAP_DOWN, "protocol", 600000, false},
		{IMAP_REFUSED, "refused", 0, false},
};

/* Trouble of one message alone does not hold up the others of its user, for long at least. */
START_TEST(whom_trouble_holds_up)
{
	int64_t again;

	begin();
	patience_ms = troubles[_i].age_ms;
	outside.now_ms -= patience_ms;
	record_make(0, "sip:bob@cpm.test");
	outside.now_ms += troubles[_i].age_ms;
	again = outside.now_ms + 2000;
	take(0);
	take(1);
	outside.reason = troubles[_i].reason;
	outside_answer(troubles[_i].rc, STORE_OK);
	ck_given(0, 0, again);
	ck_assert_uint_eq(outside.jobs, !troubles[_i].holds_up);
	if(troubles[_i].holds_up)
		ck_given(1, 1, again + 1);
	else
		outside_answer(IMAP_OK, STORE_OK);
}
END_TEST

/* Nor does a user's trouble hold up another one, who has the same lane. */
START_TEST(others)
{
	char aor[64];
	size_t i = 0;
	uint64_t lane = cpm_slice_hash(CPM_SLICE("sip:bob@cpm.test"), 2) % 256;

	begin();
	do
		snprintf(aor, sizeof(aor), "sip:other%zu@cpm.test", i++);
	while(cpm_slice_hash(cpm_slice_of(aor), 2) % 256 != lane);
	record_make(1, aor);
	due[1].record = records[1];
	take(0);
	take(1);
	ck_assert_uint_eq(outside.jobs, 1);
	outside_answer(IMAP_DOWN, STORE_OK);
	ck_assert_uint_eq(outside.jobs, 1);
	outside_answer(IMAP_OK, STORE_OK);
	ck_given(1, 1, 0);
	take(2);
	ck_given(2, 2, outside.now_ms + 2001);
}
END_TEST

/* Claimed again after a node died: it may be there already. */
START_TEST(claimed_again)
{
	begin();
	outside.now_ms += 9000;
	settings.claim_ms = 9000;
	take(0);
	ck_assert(outside.job[0]->again);
	outside_answer(IMAP_OK, STORE_OK);
	ck_given(0, 0, 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("recorder");

	tcase_add_test(t, one_after_the_other);
	tcase_add_test(t, identity);
	tcase_add_test(t, own_mark);
	tcase_add_test(t, order_while_the_message_store_is_away);
	tcase_add_test(t, away_for_longer);
	tcase_add_test(t, cannot_be_asked);
	tcase_add_test(t, never);
	tcase_add_loop_test(t, whom_trouble_holds_up, 0, UNIT_COUNT(troubles));
	tcase_add_test(t, others);
	tcase_add_test(t, claimed_again);
	return unit_run("recorder", t);
}
