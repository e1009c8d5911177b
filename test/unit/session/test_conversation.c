/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/conversation.c: what a caller and the clients of who is
 * called live through, in the order in which it can happen to them. Its steps
 * are carried out on a small model of both sides, which knows what SIP allows.
 */
#include "unit.h"

#include "core/session/conversation.h"

enum invite { PENDING, ACCEPTED, REFUSED, CANCELLED };

/* What can be seen from outside. */
struct sides {
	enum cpm_conversation_state state;
	enum invite invite;  /* the caller's */
	bool caller, client; /* a dialog with it is up */
	bool ringing;        /* clients are invited */
	unsigned byes;       /* ours to the caller */
	unsigned drains;
	enum cpm_conversation_step step;
};

/* Fails the test where a step does what nobody may do, or promises what is not so. */
static void step_take(struct sides *s, const char *name)
{
	switch(s->step) {
		case CPM_CONVERSATION_NOTHING:
			break;
		case CPM_CONVERSATION_CHOOSE:
			ck_assert_msg(s->invite == PENDING && s->client, "%s", name);
			s->ringing = false;
			break;
		case CPM_CONVERSATION_ANSWER:
			/* RFC 3261 section 13.3.1: one final answer; SE-7: of a client that is there. */
			ck_assert_msg(s->invite == PENDING && s->client, "%s", name);
			s->invite = ACCEPTED;
			s->caller = true;
			s->ringing = false;
			break;
		case CPM_CONVERSATION_REFUSE:
			ck_assert_msg(s->invite == PENDING, "%s", name);
			s->invite = REFUSED;
			s->ringing = s->client = false;
			break;
		case CPM_CONVERSATION_CANCEL:
			/* The worker that took the CANCEL has answered. */
			ck_assert_msg(s->invite == CANCELLED, "%s", name);
			s->ringing = s->client = false;
			break;
		case CPM_CONVERSATION_DRAIN:
			ck_assert_msg(s->invite == ACCEPTED, "%s", name);
			s->drains++;
			break;
		case CPM_CONVERSATION_END:
			ck_assert_msg(s->invite == ACCEPTED || s->invite == CANCELLED, "%s", name);
			s->byes += s->caller;
			s->caller = s->client = s->ringing = false;
			break;
	}
}

enum happening {
	CHOSEN,
	OPEN,
	REFUSES,
	UNABLE,
	CANCELS,
	CROSSES,
	CALLER_GOES,
	CLIENT_GOES,
	VANISHES,
	QUIET,
	TIME,
	LAST
};

/* What happens to a side before the conversation hears of it. */
static void happen(struct sides *s, enum happening what, const char *name)
{
	static const enum cpm_conversation_event events[] = {[CHOSEN] = CPM_CONVERSATION_CHOSEN,
			[OPEN] = CPM_CONVERSATION_ACCEPTED,
			[REFUSES] = CPM_CONVERSATION_REFUSED,
			[UNABLE] = CPM_CONVERSATION_UNABLE,
			[CANCELS] = CPM_CONVERSATION_CANCELLED,
			[CROSSES] = CPM_CONVERSATION_CANCELLED,
			[CALLER_GOES] = CPM_CONVERSATION_LEFT,
			[CLIENT_GOES] = CPM_CONVERSATION_LEFT,
			[VANISHES] = CPM_CONVERSATION_LEFT,
			[QUIET] = CPM_CONVERSATION_QUIET,
			[TIME] = CPM_CONVERSATION_TIME};

	switch(what) {
		case CHOSEN:
		case OPEN:
			/* Who was cancelled is ended by its branch, whatever it answers. */
			s->client = s->client || s->ringing;
			break;
		case REFUSES:
			s->ringing = false;
			break;
		case UNABLE:
			/* The answer that was to be sent was not. */
			s->invite = PENDING;
			s->caller = false;
			break;
		case CANCELS:
			if(s->invite == PENDING)
				s->invite = CANCELLED;
			s->caller = false;
			break;
		case CROSSES:
			/* The answer that was to be sent came too late. */
			s->invite = CANCELLED;
			s->caller = false;
			break;
		case CALLER_GOES:
			s->caller = false;
			break;
		case CLIENT_GOES:
			s->client = false;
			break;
		default:
			break;
	}
	s->step = cpm_conversation_next(&s->state, events[what]);
	step_take(s, name);
}

static struct sides sides_new(void)
{
	return (struct sides){.state = CPM_CONVERSATION_INVITING, .ringing = true};
}

/* Nothing is left of it: no dialog, no client that rings, no INVITE without an answer. */
static bool ended(const struct sides *s)
{
	return s->state == CPM_CONVERSATION_GONE && !s->caller && !s->client && !s->ringing
		   && s->invite != PENDING;
}

static const struct {
	const char *name;
	enum happening events[7]; /* up to LAST */
	enum invite invite;
	unsigned drains, byes;
	bool ended;
	bool client; /* its dialog is still up */
} stories[] = {
		/* SE-5, SE-7. */
		{"they talk", {OPEN, LAST}, ACCEPTED, 0, 0, false, true},
		{"the caller hangs up", {OPEN, CALLER_GOES, QUIET, LAST}, ACCEPTED, 1, 0, true},
		{"the client hangs up", {OPEN, CLIENT_GOES, QUIET, LAST}, ACCEPTED, 1, 1, true},
		{"what the caller said is still passed on", {OPEN, CALLER_GOES, LAST}, ACCEPTED, 1, 0,
				false, true},
		{"... but not for ever", {OPEN, CALLER_GOES, TIME, LAST}, ACCEPTED, 1, 0, true},
		{"both hang up", {OPEN, CALLER_GOES, CLIENT_GOES, QUIET, LAST}, ACCEPTED, 2, 0, true},
		{"a media connection is lost", {OPEN, VANISHES, QUIET, LAST}, ACCEPTED, 1, 1, true},
		{"it is lost, then its side hangs up", {OPEN, VANISHES, CALLER_GOES, QUIET, LAST}, ACCEPTED,
				2, 0, true},
		{"nobody says anything for too long", {OPEN, TIME, LAST}, ACCEPTED, 0, 1, true},
		{"silence is no end", {OPEN, QUIET, QUIET, LAST}, ACCEPTED, 0, 0, false, true},
		/* The script chooses. */
		{"nobody accepts", {REFUSES, LAST}, REFUSED, 0, 0, true},
		{"nobody answers in time", {TIME, LAST}, REFUSED, 0, 0, true},
		{"a client accepts when the time is over", {TIME, OPEN, LAST}, REFUSED, 0, 0, true},
		{"the caller's media cannot be had", {OPEN, UNABLE, LAST}, REFUSED, 0, 0, true},
		/* A client whose media connection is waited for. */
		{"its connection comes", {CHOSEN, OPEN, CALLER_GOES, QUIET, LAST}, ACCEPTED, 1, 0, true},
		{"its connection is still to come", {CHOSEN, LAST}, PENDING, 0, 0, false, true},
		{"its connection does not come", {CHOSEN, VANISHES, LAST}, REFUSED, 0, 0, true},
		{"it hangs up before it comes", {CHOSEN, CLIENT_GOES, LAST}, REFUSED, 0, 0, true},
		{"its connection does not come in time", {CHOSEN, TIME, LAST}, REFUSED, 0, 0, true},
		{"its connection comes too late", {CHOSEN, TIME, OPEN, LAST}, REFUSED, 0, 0, true},
		{"the others refuse meanwhile", {CHOSEN, REFUSES, LAST}, PENDING, 0, 0, false, true},
		{"the caller cancels before it comes", {CHOSEN, CANCELS, LAST}, CANCELLED, 0, 0, true},
		/* RFC 3261 section 9. */
		{"the caller cancels", {CANCELS, LAST}, CANCELLED, 0, 0, true},
		{"a client accepts after the CANCEL", {CANCELS, OPEN, LAST}, CANCELLED, 0, 0, true},
		{"a client refuses after the CANCEL", {CANCELS, REFUSES, LAST}, CANCELLED, 0, 0, true},
		{"a client accepts, and the CANCEL crosses the 200", {OPEN, CROSSES, LAST}, CANCELLED, 0, 0,
				true},
};

START_TEST(tells_stories)
{
	struct sides s = sides_new();
	const char *name = stories[_i].name;

	for(size_t i = 0; stories[_i].events[i] != LAST; i++)
		happen(&s, stories[_i].events[i], name);
	ck_assert_msg(s.invite == stories[_i].invite, "%s: INVITE %d", name, s.invite);
	ck_assert_msg(s.drains == stories[_i].drains, "%s: drained %u times", name, s.drains);
	ck_assert_msg(s.byes == stories[_i].byes, "%s: %u BYEs", name, s.byes);
	ck_assert_msg(ended(&s) == stories[_i].ended, "%s: ends", name);
	ck_assert_msg(s.client == stories[_i].client, "%s: client", name);
}
END_TEST

/* Whatever happens, and in whatever order: nobody is promised what is not so, nobody is answered twice, and a side that leaves leaves
 * nothing behind. */
START_TEST(leaves_nothing_behind)
{
	uint32_t random = 7;
	unsigned talked = 0, refused = 0, cancelled = 0;

	for(int run = 0; run < 50000; run++) {
		struct sides s = sides_new();

		for(int i = 0; i < 10; i++) {
			random = random * 1664525u + 1013904223u;
			enum happening what = (enum happening)((random >> 16) % LAST);

			/* Heard of while the answer is made, and at no other time; who is not answered cannot hang up. */
			if((what == UNABLE || what == CROSSES) && s.step != CPM_CONVERSATION_ANSWER)
				continue;
			if((what == CALLER_GOES || what == VANISHES) && s.invite != ACCEPTED)
				continue;
			if(what == CANCELS && s.invite != PENDING)
				continue;
			happen(&s, what, "a walk");
		}
		happen(&s, s.invite == PENDING ? CANCELS : CALLER_GOES, "a walk");
		happen(&s, TIME, "a walk");
		ck_assert_msg(ended(&s), "state %d, caller %d, client %d, ringing %d, INVITE %d", s.state,
				s.caller, s.client, s.ringing, s.invite);
		talked += s.invite == ACCEPTED;
		refused += s.invite == REFUSED;
		cancelled += s.invite == CANCELLED;
	}
	ck_assert(talked && refused && cancelled);
}
END_TEST

static const struct {
	unsigned one, other, better;
} refusals[] = {
		{0, 486, 486},
		{486, 0, 486},
		{486, 603, 603},
		{603, 486, 603},
		{503, 480, 480},
		{480, 503, 480},
		{486, 480, 486},
		{480, 302, 302},
		{302, 600, 600},
};

START_TEST(knows_the_better_refusal)
{
	ck_assert_uint_eq(
			cpm_conversation_better(refusals[_i].one, refusals[_i].other), refusals[_i].better);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("conversation");

	tcase_add_loop_test(t, tells_stories, 0, UNIT_COUNT(stories));
	tcase_add_test(t, leaves_nothing_behind);
	tcase_add_loop_test(t, knows_the_better_refusal, 0, UNIT_COUNT(refusals));
	return unit_run("conversation", t);
}
