/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/dialog.c: what the caller, and the owner of a dialog,
 * live through. Its steps are carried out on a small model of both, which knows
 * what RFC 3261 allows.
 */
#include "unit.h"

#include "core/session/dialog.h"

#define REFUSED 486 /* stands for any refusal of the owner's */

/* What can be seen from outside. */
struct call {
	enum cpm_dialog_state state;
	unsigned answer; /* the final response to the INVITE; 0: none from us */
	bool acked;
	bool left;                 /* the owner has refused or hung up: it knows of the end */
	bool caller_bye;           /* the caller's BYE came before ours */
	unsigned byes;             /* ours */
	bool bye_open;             /* ours waits for its answer */
	bool heard_ack, hears_ack; /* the owner has heard of the ACK; it must */
	bool heard_end;
	bool freed;
	bool rings; /* our 180 is being sent */
};

static void answer_send(struct call *c, unsigned answer, const char *name)
{
	/* Section 13.3.1: one final response. */
	ck_assert_msg(!c->answer && !c->rings, "%s", name);
	c->answer = answer;
}

static void bye_send(struct call *c, enum cpm_dialog_event event, const char *name)
{
	/* Section 15: the callee waits for the ACK, or until it gives up waiting. */
	ck_assert_msg(c->answer == 200 && (c->acked || event == CPM_DIALOG_TIME), "%s", name);
	ck_assert_msg(!c->byes && !c->caller_bye, "%s", name);
	c->byes++;
	c->bye_open = true;
}

/* Fails the test where a step does what nobody may do. */
static void steps_take(
		struct call *c, unsigned steps, enum cpm_dialog_event event, const char *name)
{
	ck_assert_msg(!c->freed || !steps, "%s: steps %u of what was freed", name, steps);
	/* No reply to a request while another is made. */
	if(steps & CPM_DIALOG_SEND_180) {
		ck_assert_msg(!c->answer && !c->rings, "%s", name);
		c->rings = true;
	}
	if(steps & CPM_DIALOG_SEND_200)
		answer_send(c, 200, name);
	if(steps & CPM_DIALOG_SEND_487)
		answer_send(c, 487, name);
	if(steps & CPM_DIALOG_SEND_BYE)
		bye_send(c, event, name);
	if(steps & CPM_DIALOG_TELL_ACKED) {
		ck_assert_msg(c->hears_ack && !c->heard_ack, "%s", name);
		c->heard_ack = true;
	}
	if(steps & CPM_DIALOG_TELL_ENDED) {
		ck_assert_msg(!c->left && !c->heard_end, "%s", name);
		c->heard_end = true;
	}
	if(steps & CPM_DIALOG_FREE) {
		ck_assert_msg(!c->bye_open, "%s", name);
		c->freed = true;
	}
}

/* What happens to one of them before the dialog hears of it. */
static void happen(struct call *c, enum cpm_dialog_event event, const char *name)
{
	bool up = c->answer == 200 && !c->freed && !c->byes;

	switch(event) {
		case CPM_DIALOG_RUNG:
			c->rings = false;
			break;
		case CPM_DIALOG_REFUSE:
			if(!c->answer && !c->freed) {
				c->answer = REFUSED;
				c->left = true;
			}
			break;
		case CPM_DIALOG_ACK:
			c->acked = c->answer == 200;
			c->hears_ack = c->hears_ack || (up && !c->left);
			break;
		case CPM_DIALOG_BYE:
			c->caller_bye = c->caller_bye || up;
			break;
		case CPM_DIALOG_HANG_UP:
			c->left = c->left || up;
			break;
		case CPM_DIALOG_BYE_DONE:
		case CPM_DIALOG_TIME:
			c->bye_open = false;
			break;
		default:
			break;
	}
	steps_take(c, cpm_dialog_next(&c->state, event), event, name);
}

#define RING CPM_DIALOG_RING
#define RUNG CPM_DIALOG_RUNG
#define ANSWER CPM_DIALOG_ANSWER
#define ACK CPM_DIALOG_ACK
#define BYE CPM_DIALOG_BYE
#define HANG_UP CPM_DIALOG_HANG_UP
#define DONE CPM_DIALOG_BYE_DONE
#define TIME CPM_DIALOG_TIME
#define LAST CPM_DIALOG_EVENTS

static const struct {
	const char *name;
	enum cpm_dialog_event events[6]; /* up to LAST */
	unsigned answer, byes;
	bool heard_ack, heard_end, freed;
} stories[] = {
		/* Sections 13.3.1 and 15.1. */
		{"it waits", {LAST}, 0, 0},
		{"it rings", {RING, RUNG, LAST}, 0, 0},
		{"it rings, and we answer", {RING, RUNG, ANSWER, LAST}, 200, 0},
		{"it rings when we have answered", {ANSWER, RING, RUNG, ACK, LAST}, 200, 0, true},
		{"it rings, and the owner refuses", {RING, RUNG, CPM_DIALOG_REFUSE, LAST}, REFUSED, 0,
				false, false, true},
		{"it rings, and the caller cancels", {RING, RUNG, CPM_DIALOG_CANCEL, LAST}, 487, 0, false,
				true, true},
		{"the caller cancels as our 180 is sent: its 487 waits", {RING, CPM_DIALOG_CANCEL, LAST}, 0,
				0},
		{"... and follows", {RING, CPM_DIALOG_CANCEL, RUNG, LAST}, 487, 0, false, true, true},
		{"it rings, and the caller hangs up", {RING, RUNG, BYE, LAST}, 487, 0, false, true, true},
		{"the caller hangs up as our 180 is sent", {RING, BYE, RUNG, LAST}, 487, 0, false, true,
				true},
		{"it rings when the caller has cancelled", {CPM_DIALOG_CANCEL, RING, RUNG, LAST}, 487, 0,
				false, true, true},
		{"we have answered", {ANSWER, LAST}, 200, 0},
		{"they talk", {ANSWER, ACK, LAST}, 200, 0, true},
		{"the caller hangs up", {ANSWER, ACK, BYE, LAST}, 200, 0, true, true, true},
		{"we hang up", {ANSWER, ACK, HANG_UP, LAST}, 200, 1, true},
		{"our BYE is answered", {ANSWER, ACK, HANG_UP, DONE, LAST}, 200, 1, true, false, true},
		{"our BYE is never answered", {ANSWER, ACK, HANG_UP, TIME, LAST}, 200, 1, true, false,
				true},
		{"both hang up", {ANSWER, ACK, HANG_UP, BYE, LAST}, 200, 1, true},
		{"both hang up, and ours is answered", {ANSWER, ACK, HANG_UP, BYE, DONE, LAST}, 200, 1,
				true, false, true},
		{"we hang up twice", {ANSWER, ACK, HANG_UP, HANG_UP, DONE, LAST}, 200, 1, true, false,
				true},
		{"the session is not refreshed", {ANSWER, ACK, TIME, LAST}, 200, 1, true, true},
		{"... and our BYE is answered", {ANSWER, ACK, TIME, DONE, LAST}, 200, 1, true, true, true},
		{"the owner refuses", {CPM_DIALOG_REFUSE, LAST}, REFUSED, 0, false, false, true},
		{"the owner refuses what it took", {ANSWER, CPM_DIALOG_REFUSE, ACK, LAST}, 200, 0, true},
		{"the owner answers twice", {ANSWER, ANSWER, ACK, ANSWER, LAST}, 200, 0, true},
		{"the owner never answers", {TIME, LAST}, 0, 0, false, true, true},
		{"who hangs up before it answers has to refuse", {HANG_UP, LAST}, 0, 0},
		/* Section 9.2. */
		{"the caller cancels", {CPM_DIALOG_CANCEL, LAST}, 487, 0, false, true, true},
		{"its CANCEL crosses our 200", {ANSWER, CPM_DIALOG_CANCEL, ACK, LAST}, 200, 0, true},
		{"... and we had hung up", {ANSWER, HANG_UP, CPM_DIALOG_CANCEL, ACK, LAST}, 200, 1},
		/* Section 13.3.1.4: the ACK. */
		{"it comes once more", {ANSWER, ACK, ACK, LAST}, 200, 0, true},
		{"it never comes", {ANSWER, TIME, LAST}, 200, 1, false, true},
		{"it never comes, our BYE is answered", {ANSWER, TIME, DONE, LAST}, 200, 1, false, true,
				true},
		{"it comes behind our BYE", {ANSWER, TIME, ACK, LAST}, 200, 1, false, true},
		{"one of another transaction", {ACK, LAST}, 0, 0},
		/* Section 15: no BYE before the ACK, or before we gave up waiting for it. */
		{"we hang up before the ACK", {ANSWER, HANG_UP, LAST}, 200, 0},
		{"... and it comes", {ANSWER, HANG_UP, ACK, LAST}, 200, 1},
		{"... and comes, and our BYE is answered", {ANSWER, HANG_UP, ACK, DONE, LAST}, 200, 1,
				false, false, true},
		{"... and never comes", {ANSWER, HANG_UP, TIME, LAST}, 200, 1},
		{"... and never comes, nor an answer to our BYE", {ANSWER, HANG_UP, TIME, TIME, LAST}, 200,
				1, false, false, true},
		{"... and the caller hangs up as well", {ANSWER, HANG_UP, BYE, LAST}, 200, 0, false, false,
				true},
		{"the caller hangs up before its ACK", {ANSWER, BYE, LAST}, 200, 0, false, true, true},
};

START_TEST(tells_stories)
{
	const char *name = stories[_i].name;
	struct call c = {.state = CPM_DIALOG_PENDING};

	for(size_t i = 0; stories[_i].events[i] != LAST; i++)
		happen(&c, stories[_i].events[i], name);
	ck_assert_msg(c.answer == stories[_i].answer, "%s: INVITE %u", name, c.answer);
	ck_assert_msg(c.byes == stories[_i].byes, "%s: %u BYEs", name, c.byes);
	ck_assert_msg(c.heard_ack == stories[_i].heard_ack, "%s: owner and ACK", name);
	ck_assert_msg(c.heard_end == stories[_i].heard_end, "%s: owner and end", name);
	ck_assert_msg(c.freed == stories[_i].freed, "%s: freed", name);
}
END_TEST

/* Whatever happens, and in whatever order: time alone ends the dialog, which is freed once; no caller is left in a session that we have
 * left; the owner hears of the ACK and of the end, unless it brought that about. */
START_TEST(ends_once)
{
	uint32_t random = 7;
	unsigned cancelled = 0, left = 0, hung_up = 0;

	for(int run = 0; run < 50000; run++) {
		struct call c = {.state = CPM_DIALOG_PENDING};

		for(int i = 0; i < 8; i++) {
			random = random * 1664525u + 1013904223u;
			enum cpm_dialog_event event =
					(enum cpm_dialog_event)((random >> 16) % CPM_DIALOG_EVENTS);

			/* A BYE has an answer when there is one. */
			if(event != CPM_DIALOG_BYE_DONE || c.bye_open)
				happen(&c, event, "a walk");
		}
		happen(&c, CPM_DIALOG_TIME, "a walk");
		happen(&c, CPM_DIALOG_TIME, "a walk");
		ck_assert_msg(c.freed, "%d", c.state);
		ck_assert_uint_eq(c.byes, c.answer == 200 && !c.caller_bye);
		ck_assert_int_eq(c.heard_end, !c.left);
		ck_assert_int_eq(c.heard_ack, c.hears_ack);
		cancelled += c.answer == 487;
		left += c.left;
		hung_up += c.caller_bye;
	}
	ck_assert(cancelled && left && hung_up);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("dialog");

	tcase_add_loop_test(t, tells_stories, 0, UNIT_COUNT(stories));
	tcase_add_test(t, ends_once);
	return unit_run("dialog", t);
}
