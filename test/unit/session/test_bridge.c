/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/bridge.c: what a sender and its recipient's clients live
 * through, in the order in which it can happen to them. Its steps are carried
 * out on a small model of both sides, which knows what SIP and MSRP allow.
 */
#include "unit.h"

#include "core/session/bridge.h"

enum invite { PENDING, ACCEPTED, REFUSED, CANCELLED };

/* What can be seen from outside. */
struct sides {
	enum cpm_bridge_state state;
	enum invite invite;  /* the sender's */
	unsigned send;       /* the response to its last SEND: 200, 408 for any failure; 0: none */
	bool sender, client; /* a dialog with it is up */
	bool ringing;        /* clients are invited */
	bool confirmed;      /* the client has the message */
	unsigned byes;       /* ours to the sender */
	enum cpm_bridge_step step;
};

static void dialogs_end(struct sides *s)
{
	s->byes += s->sender;
	s->sender = s->client = s->ringing = false;
}

/* Fails the test where a step does what nobody may do, or promises what is not so. */
static void step_take(struct sides *s, const char *name)
{
	switch(s->step) {
		case CPM_BRIDGE_NOTHING:
			break;
		case CPM_BRIDGE_CHOOSE:
			ck_assert_msg(s->invite == PENDING && s->client, "%s", name);
			s->ringing = false;
			break;
		case CPM_BRIDGE_ANSWER:
			/* RFC 3261 section 13.3.1: one final answer; LM-8: of a client that is there. */
			ck_assert_msg(s->invite == PENDING && s->client, "%s", name);
			s->invite = ACCEPTED;
			s->sender = true;
			s->ringing = false;
			break;
		case CPM_BRIDGE_REFUSE:
			ck_assert_msg(s->invite == PENDING, "%s", name);
			s->invite = REFUSED;
			s->ringing = s->client = false;
			break;
		case CPM_BRIDGE_CANCEL:
			/* The worker that took the CANCEL has answered. */
			ck_assert_msg(s->invite == CANCELLED, "%s", name);
			s->ringing = s->client = false;
			break;
		case CPM_BRIDGE_TELL:
			/* A 2xx means safe. */
			ck_assert_msg(s->confirmed && s->client && s->send == 0, "%s", name);
			s->send = 200;
			break;
		case CPM_BRIDGE_FAIL:
			/* RFC 4975 section 7.2: one response. */
			ck_assert_msg(s->invite == ACCEPTED && s->send == 0, "%s", name);
			s->send = 408;
			s->client = false;
			break;
		case CPM_BRIDGE_STOP:
			ck_assert_msg(s->invite == ACCEPTED && s->send == 0, "%s", name);
			dialogs_end(s);
			break;
		case CPM_BRIDGE_END:
			ck_assert_msg(s->send != 0, "%s", name);
			dialogs_end(s);
			break;
	}
}

/* What happens to a side before the bridge hears of it. */
static void happen(struct sides *s, enum cpm_bridge_event event, const char *name)
{
	switch(event) {
		case CPM_BRIDGE_CHOSEN:
		case CPM_BRIDGE_ACCEPTED:
			/* Who was cancelled is ended by its branch, whatever it answers. */
			s->client = s->client || s->ringing;
			break;
		case CPM_BRIDGE_REFUSED:
			s->ringing = false;
			break;
		case CPM_BRIDGE_UNABLE:
			/* The answer that was to be sent was not. */
			s->invite = PENDING;
			s->sender = false;
			break;
		case CPM_BRIDGE_CONFIRMED:
			s->confirmed = s->client && s->invite == ACCEPTED;
			break;
		case CPM_BRIDGE_OVER:
			if(s->invite == PENDING)
				s->invite = CANCELLED;
			s->sender = false;
			break;
		default:
			break;
	}
	s->step = cpm_bridge_next(&s->state, event);
	step_take(s, name);
}

static struct sides sides_new(void)
{
	return (struct sides){.state = CPM_BRIDGE_INVITING, .ringing = true};
}

/* Nothing is left of it: no dialog, no client that rings, no INVITE without an answer. */
static bool ended(const struct sides *s)
{
	return s->state == CPM_BRIDGE_GONE && !s->sender && !s->client && !s->ringing
		   && s->invite != PENDING;
}

#define OPEN CPM_BRIDGE_ACCEPTED
#define CHOSEN CPM_BRIDGE_CHOSEN
#define LAST CPM_BRIDGE_EVENTS
#define GOES CPM_BRIDGE_CONFIRMED
#define BREAKS CPM_BRIDGE_BROKEN
#define HANGS_UP CPM_BRIDGE_OVER
#define VANISHES CPM_BRIDGE_LOST
#define TIME CPM_BRIDGE_TIME

static const struct {
	const char *name;
	enum cpm_bridge_event events[6]; /* up to LAST */
	enum invite invite;
	unsigned send, byes;
	bool ended;
	bool client; /* its dialog is still up */
} stories[] = {
		/* 8.3.1.2 steps 8, 9 and 11: LM-8, LM-4. */
		{"a client takes it, the sender hangs up", {OPEN, GOES, HANGS_UP, LAST}, ACCEPTED, 200, 0,
				true},
		{"the sender has its 200 and time for its BYE", {OPEN, GOES, LAST}, ACCEPTED, 200, 0, false,
				true},
		{"a sender that does not say BYE is told to go", {OPEN, GOES, TIME, LAST}, ACCEPTED, 200, 1,
				true},
		{"a sender that vanishes after its 200", {OPEN, GOES, VANISHES, LAST}, ACCEPTED, 200, 1,
				true},
		{"it hangs up and vanishes", {OPEN, GOES, HANGS_UP, VANISHES, LAST}, ACCEPTED, 200, 0,
				true},
		{"no hurry while octets go", {OPEN, TIME, TIME, LAST}, ACCEPTED, 0, 0, false, true},
		/* Step 10: LM-10; the script chooses. */
		{"nobody accepts", {CPM_BRIDGE_REFUSED, LAST}, REFUSED, 0, 0, true},
		{"nobody answers in time", {TIME, LAST}, REFUSED, 0, 0, true},
		{"a client accepts when the time is over", {TIME, OPEN, LAST}, REFUSED, 0, 0, true},
		{"the sender's media cannot be had", {OPEN, CPM_BRIDGE_UNABLE, LAST}, REFUSED, 0, 0, true},
		/* A client whose media connection is waited for. */
		{"its connection comes", {CHOSEN, OPEN, GOES, HANGS_UP, LAST}, ACCEPTED, 200, 0, true},
		{"its connection is still to come", {CHOSEN, LAST}, PENDING, 0, 0, false, true},
		{"its connection does not come", {CHOSEN, BREAKS, LAST}, REFUSED, 0, 0, true},
		{"its connection does not come in time", {CHOSEN, TIME, LAST}, REFUSED, 0, 0, true},
		{"its connection comes too late", {CHOSEN, TIME, OPEN, LAST}, REFUSED, 0, 0, true},
		{"the others refuse meanwhile", {CHOSEN, CPM_BRIDGE_REFUSED, LAST}, PENDING, 0, 0, false,
				true},
		{"the sender cancels before it comes", {CHOSEN, HANGS_UP, LAST}, CANCELLED, 0, 0, true},
		/* RFC 3261 section 9. */
		{"the sender cancels", {HANGS_UP, LAST}, CANCELLED, 0, 0, true},
		{"a client accepts after the CANCEL", {HANGS_UP, OPEN, LAST}, CANCELLED, 0, 0, true},
		{"a client refuses after the CANCEL", {HANGS_UP, CPM_BRIDGE_REFUSED, LAST}, CANCELLED, 0, 0,
				true},
		{"a client accepts, and the sender's CANCEL crosses", {OPEN, HANGS_UP, LAST}, ACCEPTED, 0,
				0, true},
		/* Its client fails: LM-4, and never a 2xx. */
		{"a client breaks", {OPEN, BREAKS, LAST}, ACCEPTED, 408, 0, false},
		{"a client breaks, the sender hangs up", {OPEN, BREAKS, HANGS_UP, LAST}, ACCEPTED, 408, 0,
				true},
		{"a client breaks, the sender stays", {OPEN, BREAKS, TIME, LAST}, ACCEPTED, 408, 1, true},
		{"its late confirmation is no 2xx", {OPEN, BREAKS, GOES, LAST}, ACCEPTED, 408, 0, false},
		{"it breaks having confirmed", {OPEN, GOES, BREAKS, LAST}, ACCEPTED, 200, 0, false, true},
		{"it breaks twice", {OPEN, BREAKS, BREAKS, LAST}, ACCEPTED, 408, 0, false},
		/* Its sender fails. */
		{"a sender vanishes in the middle", {OPEN, VANISHES, LAST}, ACCEPTED, 0, 1, true},
		{"a sender hangs up in the middle", {OPEN, HANGS_UP, LAST}, ACCEPTED, 0, 0, true},
		{"a client confirms to nobody", {OPEN, VANISHES, GOES, LAST}, ACCEPTED, 0, 1, true},
		{"a client breaks for nobody", {OPEN, HANGS_UP, BREAKS, LAST}, ACCEPTED, 0, 0, true},
};

START_TEST(tells_stories)
{
	struct sides s = sides_new();
	const char *name = stories[_i].name;

	for(size_t i = 0; stories[_i].events[i] != LAST; i++)
		happen(&s, stories[_i].events[i], name);
	ck_assert_msg(s.invite == stories[_i].invite, "%s: INVITE %d", name, s.invite);
	ck_assert_msg(s.send == stories[_i].send, "%s: SEND %u", name, s.send);
	ck_assert_msg(s.byes == stories[_i].byes, "%s: %u BYEs", name, s.byes);
	ck_assert_msg(ended(&s) == stories[_i].ended, "%s: ends", name);
	ck_assert_msg(s.client == stories[_i].client, "%s: client", name);
}
END_TEST

/* Whatever happens, and in whatever order: nobody is promised what is not so, nobody is answered twice, and what time and silence do in
 * the end leaves nothing behind. */
START_TEST(leaves_nothing_behind)
{
	uint32_t random = 7;
	unsigned told = 0, failed = 0, refused = 0;

	for(int run = 0; run < 50000; run++) {
		struct sides s = sides_new();

		for(int i = 0; i < 10; i++) {
			random = random * 1664525u + 1013904223u;
			enum cpm_bridge_event event =
					(enum cpm_bridge_event)((random >> 16) % CPM_BRIDGE_EVENTS);

			/* Heard of while the answer is made, and at no other time. */
			if(event != CPM_BRIDGE_UNABLE || s.step == CPM_BRIDGE_ANSWER)
				happen(&s, event, "a walk");
		}
		happen(&s, CPM_BRIDGE_LOST, "a walk");
		happen(&s, CPM_BRIDGE_TIME, "a walk");
		ck_assert_msg(ended(&s), "state %d, sender %d, client %d, ringing %d, INVITE %d", s.state,
				s.sender, s.client, s.ringing, s.invite);
		told += s.send == 200;
		failed += s.send == 408;
		refused += s.invite == REFUSED;
	}
	ck_assert(told && failed && refused);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("bridge");

	tcase_add_loop_test(t, tells_stories, 0, UNIT_COUNT(stories));
	tcase_add_test(t, leaves_nothing_behind);
	return unit_run("bridge", t);
}
