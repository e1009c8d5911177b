/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/large.c: what a sender lives through whose message we
 * take, and a client to which we send one. Steps are carried out on small models
 * of them, which know what SIP and MSRP allow.
 */
#include "unit.h"

#include "core/session/large.h"

/* A message that comes, as its sender sees it. */
struct receipt {
	enum cpm_receipt_state state;
	bool over;            /* the sender has ended the dialog */
	bool whole, settling; /* every octet has come; it is made safe */
	bool judged;          /* it is safe, or cannot be made so: the sender hears of it */
	bool answered;
	bool discarded;
	bool ended;
	unsigned byes; /* ours */
};

static void receipt_end(struct receipt *r, bool bye, const char *name)
{
	/* RFC 3261 section 15.1: one BYE, of who is first. */
	ck_assert_msg(!r->ended && bye == !r->over, "%s", name);
	r->ended = true;
	r->byes += bye;
}

static void receipt_happen(struct receipt *r, enum cpm_receipt_event event, const char *name);

/* Fails the test where a step does what nobody may do. */
static void receipt_take(struct receipt *r, enum cpm_receipt_step step, const char *name)
{
	switch(step) {
		case CPM_RECEIPT_NOTHING:
			break;
		case CPM_RECEIPT_SETTLE:
			ck_assert_msg(r->whole && !r->settling, "%s", name);
			r->settling = true;
			break;
		case CPM_RECEIPT_ANSWER:
			ck_assert_msg(r->judged && !r->answered, "%s", name);
			r->answered = true;
			/* Who left meanwhile is not waited for. */
			if(r->over)
				receipt_happen(r, CPM_RECEIPT_OVER, name);
			break;
		case CPM_RECEIPT_DISCARD:
		case CPM_RECEIPT_DISCARD_BYE:
			/* What is whole is not thrown away. */
			ck_assert_msg(!r->whole && !r->discarded, "%s", name);
			r->discarded = true;
			receipt_end(r, step == CPM_RECEIPT_DISCARD_BYE, name);
			break;
		case CPM_RECEIPT_END:
		case CPM_RECEIPT_END_BYE:
			ck_assert_msg(r->answered, "%s", name);
			receipt_end(r, step == CPM_RECEIPT_END_BYE, name);
			break;
	}
}

/* What happens to the sender or to its message, before the receipt hears of it. */
static void receipt_happen(struct receipt *r, enum cpm_receipt_event event, const char *name)
{
	r->whole = r->whole || (event == CPM_RECEIPT_COMPLETE && !r->ended);
	r->judged = r->judged || event == CPM_RECEIPT_VERDICT;
	r->over = r->over || event == CPM_RECEIPT_OVER;
	receipt_take(r, cpm_receipt_next(&r->state, event), name);
}

#define WHOLE CPM_RECEIPT_COMPLETE
#define JUDGED CPM_RECEIPT_VERDICT
#define HANGS_UP CPM_RECEIPT_OVER
#define VANISHES CPM_RECEIPT_LOST
#define TIME CPM_RECEIPT_TIME
#define LAST CPM_RECEIPT_EVENTS

static const struct {
	const char *name;
	enum cpm_receipt_event events[5]; /* up to LAST */
	bool answered, discarded, ended;
	unsigned byes;
} receipts[] = {
		/* 8.3.1.2 steps 6e and 7: LM-6e, LM-7. */
		{"octets come", {LAST}},
		{"no hurry while they come", {TIME, LAST}},
		{"it is whole, and made safe", {WHOLE, LAST}},
		{"no hurry while it is made safe", {WHOLE, TIME, LAST}},
		{"its sender has the answer, and time for its BYE", {WHOLE, JUDGED, LAST}, true},
		{"it says BYE", {WHOLE, JUDGED, HANGS_UP, LAST}, true, false, true, 0},
		{"it does not say BYE", {WHOLE, JUDGED, TIME, LAST}, true, false, true, 1},
		{"it vanishes after its answer", {WHOLE, JUDGED, VANISHES, LAST}, true, false, true, 1},
		{"it says BYE and vanishes", {WHOLE, JUDGED, HANGS_UP, VANISHES, LAST}, true, false, true,
				0},
		{"it vanishes, and time goes by", {WHOLE, JUDGED, VANISHES, TIME, LAST}, true, false, true,
				1},
		{"it is whole once more", {WHOLE, WHOLE, JUDGED, WHOLE, LAST}, true},
		/* What is whole is made safe, whether its sender waits for that or not. */
		{"it hangs up when it is whole", {WHOLE, HANGS_UP, LAST}},
		{"it hangs up when it is whole, then it is safe", {WHOLE, HANGS_UP, JUDGED, LAST}, true,
				false, true, 0},
		{"it vanishes when it is whole", {WHOLE, VANISHES, LAST}},
		{"it vanishes when it is whole, then it is safe", {WHOLE, VANISHES, JUDGED, LAST}, true},
		{"... and it says BYE", {WHOLE, VANISHES, JUDGED, HANGS_UP, LAST}, true, false, true, 0},
		{"... and it does not", {WHOLE, VANISHES, JUDGED, TIME, LAST}, true, false, true, 1},
		/* What is not whole is worth nothing. */
		{"it hangs up in the middle", {HANGS_UP, LAST}, false, true, true, 0},
		{"it vanishes in the middle", {VANISHES, LAST}, false, true, true, 1},
		{"it hangs up in the middle and vanishes", {HANGS_UP, VANISHES, TIME, LAST}, false, true,
				true, 0},
		{"it vanishes in the middle and hangs up", {VANISHES, HANGS_UP, LAST}, false, true, true,
				1},
		{"its last octet comes too late", {HANGS_UP, WHOLE, LAST}, false, true, true, 0},
};

START_TEST(tells_stories_of_senders)
{
	const char *name = receipts[_i].name;
	struct receipt r = {.state = CPM_RECEIPT_OPEN};

	for(size_t i = 0; receipts[_i].events[i] != LAST; i++)
		receipt_happen(&r, receipts[_i].events[i], name);
	ck_assert_msg(r.answered == receipts[_i].answered, "%s: answered", name);
	ck_assert_msg(r.discarded == receipts[_i].discarded, "%s: discarded", name);
	ck_assert_msg(r.ended == receipts[_i].ended, "%s: ended", name);
	ck_assert_msg(r.byes == receipts[_i].byes, "%s: %u BYEs", name, r.byes);
	ck_assert_msg((r.state == CPM_RECEIPT_GONE) == r.ended, "%s: state %d", name, r.state);
}
END_TEST

static uint32_t dice = 7;

static unsigned dice_throw(unsigned sides)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 16) % sides;
}

/* Whatever a sender does, and in whatever order: a whole message is made safe and answered, another is discarded, and time ends both. */
START_TEST(loses_nothing_that_is_whole)
{
	unsigned answered = 0, discarded = 0;

	for(int run = 0; run < 20000; run++) {
		struct receipt r = {.state = CPM_RECEIPT_OPEN};

		for(int i = 0; i < 8; i++) {
			enum cpm_receipt_event event = (enum cpm_receipt_event)dice_throw(CPM_RECEIPT_EVENTS);

			if(event != CPM_RECEIPT_VERDICT || (r.settling && !r.judged))
				receipt_happen(&r, event, "a walk");
		}
		if(r.settling && !r.judged)
			receipt_happen(&r, CPM_RECEIPT_VERDICT, "a walk");
		receipt_happen(&r, CPM_RECEIPT_TIME, "a walk");
		receipt_happen(&r, CPM_RECEIPT_LOST, "a walk");
		ck_assert(r.ended && r.answered == r.whole && r.discarded == !r.whole);
		answered += r.answered;
		discarded += r.discarded;
	}
	ck_assert(answered && discarded);
}
END_TEST

enum invite { PENDING, ACCEPTED, REFUSED };

/* A message that goes, as its client sees it. */
struct transfer {
	enum cpm_transfer_state state;
	enum invite invite;
	bool broken;    /* the session, on whichever side */
	bool octets;    /* they go, or have gone */
	bool delivered; /* the client has confirmed every one of them */
	unsigned told;  /* how often it was told how it ended */
	unsigned byes;
};

/* Fails the test where a step does what nobody may do. */
static void transfer_take(struct transfer *t, enum cpm_transfer_step step, const char *name)
{
	switch(step) {
		case CPM_TRANSFER_NOTHING:
			break;
		case CPM_TRANSFER_SEND:
			ck_assert_msg(t->invite == ACCEPTED && !t->broken && !t->octets, "%s", name);
			t->octets = true;
			break;
		case CPM_TRANSFER_END:
			/* Who has accepted would be left in a dialog. */
			ck_assert_msg(t->invite == REFUSED && !t->told, "%s", name);
			t->told++;
			break;
		case CPM_TRANSFER_END_BYE:
			/* RFC 3261 section 15: there is no dialog before a 2xx, and it ends once. */
			ck_assert_msg(t->invite == ACCEPTED && !t->told, "%s", name);
			t->told++;
			t->byes++;
			break;
	}
}

/* What happens to the client before the transfer hears of it. */
static void transfer_happen(struct transfer *t, enum cpm_transfer_event event, const char *name)
{
	if(event == CPM_TRANSFER_ACCEPTED && t->invite == PENDING)
		t->invite = ACCEPTED;
	if(event == CPM_TRANSFER_REFUSED && t->invite == PENDING)
		t->invite = REFUSED;
	t->delivered = t->delivered || (event == CPM_TRANSFER_SENT && t->octets && !t->told);
	t->broken = t->broken || event == CPM_TRANSFER_BROKEN;
	transfer_take(t, cpm_transfer_next(&t->state, event), name);
}

#undef LAST
#define TAKES CPM_TRANSFER_ACCEPTED
#define REFUSES CPM_TRANSFER_REFUSED
#define SENT CPM_TRANSFER_SENT
#define BREAKS CPM_TRANSFER_BROKEN
#define LAST CPM_TRANSFER_EVENTS

static const struct {
	const char *name;
	enum cpm_transfer_event events[5]; /* up to LAST */
	bool octets, delivered;
	unsigned told, byes;
} transfers[] = {
		/* 8.3.1.6.7. */
		{"it rings", {LAST}},
		{"octets go", {TAKES, LAST}, true},
		{"the client has them all", {TAKES, SENT, LAST}, true, true, 1, 1},
		{"the client refuses", {REFUSES, LAST}, false, false, 1, 0},
		{"it breaks in the middle", {TAKES, BREAKS, LAST}, true, false, 1, 1},
		{"it breaks when all is there", {TAKES, SENT, BREAKS, LAST}, true, true, 1, 1},
		{"it breaks twice", {TAKES, BREAKS, BREAKS, LAST}, true, false, 1, 1},
		{"it is confirmed too late", {TAKES, BREAKS, SENT, LAST}, true, false, 1, 1},
		{"it answers twice", {TAKES, TAKES, SENT, TAKES, LAST}, true, true, 1, 1},
		{"it refuses what it has taken", {TAKES, REFUSES, SENT, LAST}, true, true, 1, 1},
		{"it takes what it has refused", {REFUSES, TAKES, LAST}, false, false, 1, 0},
		/* RFC 3261 section 13.2.2.4: a 2xx that comes begins a dialog, wanted or not. */
		{"it breaks before the answer", {BREAKS, LAST}, false, false, 0, 0},
		{"... which is a 200", {BREAKS, TAKES, LAST}, false, false, 1, 1},
		{"... which is a refusal", {BREAKS, REFUSES, LAST}, false, false, 1, 0},
		{"... and once more", {BREAKS, BREAKS, LAST}, false, false, 0, 0},
		{"... and is confirmed to nobody", {BREAKS, SENT, LAST}, false, false, 0, 0},
		{"confirmed before the answer", {SENT, TAKES, LAST}, true},
};

START_TEST(tells_stories_of_clients)
{
	const char *name = transfers[_i].name;
	struct transfer t = {.state = CPM_TRANSFER_INVITED};

	for(size_t i = 0; transfers[_i].events[i] != LAST; i++)
		transfer_happen(&t, transfers[_i].events[i], name);
	ck_assert_msg(t.octets == transfers[_i].octets, "%s: octets", name);
	ck_assert_msg(t.delivered == transfers[_i].delivered, "%s: delivered", name);
	ck_assert_msg(t.told == transfers[_i].told, "%s: told %u times", name, t.told);
	ck_assert_msg(t.byes == transfers[_i].byes, "%s: %u BYEs", name, t.byes);
	ck_assert_msg((t.state == CPM_TRANSFER_OVER) == t.told, "%s: state %d", name, t.state);
}
END_TEST

/* Whatever a client does, and in whatever order: once it has answered and the octets are through or not, it is in no dialog with us, and
 * the end is told once. */
START_TEST(leaves_no_client_behind)
{
	unsigned delivered = 0, refused = 0;

	for(int run = 0; run < 20000; run++) {
		struct transfer t = {.state = CPM_TRANSFER_INVITED};

		for(int i = 0; i < 6; i++)
			transfer_happen(&t, (enum cpm_transfer_event)dice_throw(CPM_TRANSFER_EVENTS), "a walk");
		transfer_happen(&t, CPM_TRANSFER_REFUSED, "a walk");
		transfer_happen(&t, CPM_TRANSFER_BROKEN, "a walk");
		ck_assert_uint_eq(t.told, 1);
		ck_assert_uint_eq(t.byes, t.invite == ACCEPTED);
		delivered += t.delivered;
		refused += t.invite == REFUSED;
	}
	ck_assert(delivered && refused);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("large");

	tcase_add_loop_test(t, tells_stories_of_senders, 0, UNIT_COUNT(receipts));
	tcase_add_test(t, loses_nothing_that_is_whole);
	tcase_add_loop_test(t, tells_stories_of_clients, 0, UNIT_COUNT(transfers));
	tcase_add_test(t, leaves_no_client_behind);
	return unit_run("large", t);
}
