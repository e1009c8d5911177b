/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of media/lane.c: messages from one leg to another, both made up here.
 */
#include "media/lane.h"

#include "unit.h"

/* What a side was asked for. */
struct leg {
	bool relayed, paused, full; /* full: it takes no more messages */
	void *mark;                 /* of the message that leg_send brought last */
	struct leg_message message;
	unsigned sends, gives, lasts, aborts, verdict, pauses, resumes;
	size_t given;
	char body[1024];
};

static struct leg near, far;
static struct lane lane, back;

static bool shared; /* both sides have one connection */

bool leg_shares(const struct leg *one, const struct leg *other)
{
	ck_assert_ptr_ne(one, other);
	return shared;
}

bool leg_relayed(const struct leg *leg)
{
	return leg->relayed;
}

void leg_pause(struct leg *leg)
{
	leg->paused = true;
	leg->pauses++;
}

void leg_resume(struct leg *leg)
{
	leg->paused = false;
	leg->resumes++;
}

void leg_verdict(struct leg *leg, void *mark, unsigned status)
{
	(void)mark;
	leg->verdict = status;
}

void leg_refuse(struct leg *leg, void *mark, unsigned status)
{
	leg_verdict(leg, mark, status);
}

bool leg_send(struct leg *leg, const struct leg_message *message)
{
	if(leg->full)
		return false;
	leg->sends++;
	leg->mark = message->mark;
	leg->message = *message;
	return true;
}

void leg_give(struct leg *leg, void *mark, struct cpm_slice piece, bool last)
{
	ck_assert_ptr_nonnull(mark);
	leg->gives++;
	leg->lasts += last;
	if(leg->given + piece.n <= sizeof(leg->body))
		memcpy(leg->body + leg->given, piece.p, piece.n);
	leg->given += piece.n;
}

void leg_abort(struct leg *leg, void *mark)
{
	(void)mark;
	leg->aborts++;
}

/* Who looks on. */
static struct {
	unsigned begins, ends, status;
	uint64_t octets, total;
	bool enough;
} watcher;

static void *on_begin(void *w, const struct cpm_msrp_head *head, uint64_t total, struct lane *l)
{
	(void)head;
	ck_assert_ptr_eq(l, &lane);
	watcher.begins++;
	watcher.total = total;
	return w;
}

static bool on_octets(void *w, void *watched, uint64_t at, struct cpm_slice octets)
{
	ck_assert_ptr_eq(w, watched);
	ck_assert_uint_eq(at, watcher.octets);
	watcher.octets += octets.n;
	return !watcher.enough;
}

static void on_ended(void *w, void *watched, unsigned status, uint64_t total)
{
	ck_assert_ptr_eq(w, watched);
	watcher.ends++;
	watcher.status = status;
	ck_assert_uint_eq(total, watcher.octets);
}

static const struct lane_watch watch = {on_begin, on_octets, on_ended};

static void setup(void)
{
	memset(&near, 0, sizeof(near));
	memset(&far, 0, sizeof(far));
	memset(&watcher, 0, sizeof(watcher));
	shared = false;
	lane = (struct lane){
			.from = &near, .to = &far, .back = &back, .watch = &watch, .watcher = &watcher};
	back = (struct lane){.from = &far, .to = &near, .back = &lane};
}

/* Nothing is left of any message. */
static void check_empty(uint64_t arrived, uint64_t failed)
{
	ck_assert_ptr_null(lane.passages);
	ck_assert_uint_eq(lane.count, 0);
	ck_assert_uint_eq(lane.memory, 0);
	ck_assert_uint_eq(lane.messages, arrived);
	ck_assert_uint_eq(lane.failed, failed);
	ck_assert(!lane.paused);
}

#define HEAD                                                                     \
	"MSRP abcd SEND\r\nTo-Path: msrp://a;tcp\r\nContent-Disposition: render\r\n" \
	"Message-ID: 1\r\nContent-ID: <x>\r\nContent-Type: text/plain;charset=utf-8\r\n"

/* total: 0 for one that is not said. */
static void *begin(uint64_t total)
{
	struct cpm_msrp_head head = {.content_type = CPM_SLICE("text/plain;charset=utf-8"),
			.text = CPM_SLICE(HEAD),
			.range = {1, total, total, total > 0, total > 0}};
	void *mark = NULL;

	ck_assert_uint_eq(lane_begin(&lane, &head, &mark), 0);
	ck_assert_ptr_nonnull(mark);
	ck_assert_ptr_eq(far.mark, mark);
	return mark;
}

START_TEST(passes_a_message)
{
	void *m = begin(5);

	ck_slice(far.message.content_type, "text/plain;charset=utf-8", "type");
	ck_slice(far.message.headers, "Content-Disposition: render\r\nContent-ID: <x>\r\n", "headers");
	ck_assert(far.message.total_known && far.message.total == 5);
	lane_want(&lane, m, 100);
	ck_assert_uint_eq(far.gives, 0);
	ck_assert(lane_octets(&lane, m, 0, CPM_SLICE("hel")));
	ck_assert_uint_eq(far.gives, 1);
	/* Repeated octets count once; they wait for the next wish. */
	ck_assert(lane_octets(&lane, m, 1, CPM_SLICE("ello")));
	ck_assert_uint_eq(far.given, 3);
	lane_want(&lane, m, 100);
	ck_assert_uint_eq(memcmp(far.body, "hello", 5), 0);
	ck_assert_uint_eq(lane.memory, 0);
	lane_complete(&lane, m);
	ck_assert_uint_eq(near.verdict, 0);
	lane_sent(&lane, m, 200);
	ck_assert_uint_eq(near.verdict, 200);
	ck_assert(watcher.begins == 1 && watcher.ends == 1 && watcher.status == 200);
	ck_assert_uint_eq(watcher.octets, 5);
	check_empty(1, 0);
}
END_TEST

/* One octet is held back until its end is known. */
START_TEST(passes_one_of_unknown_size)
{
	void *m = begin(0);

	ck_assert(!far.message.total_known);
	lane_want(&lane, m, 100);
	ck_assert(lane_octets(&lane, m, 0, CPM_SLICE("hello")));
	ck_assert(far.given == 4 && far.lasts == 0);
	lane_want(&lane, m, 100);
	ck_assert_uint_eq(far.given, 4);
	lane_complete(&lane, m);
	ck_assert(far.given == 5 && far.lasts == 1);
	lane_sent(&lane, m, 200);
	check_empty(1, 0);
}
END_TEST

/* All is through and confirmed before its sender has ended it. */
START_TEST(hears_of_the_end_last)
{
	void *m = begin(5);

	lane_want(&lane, m, 100);
	ck_assert(lane_octets(&lane, m, 0, CPM_SLICE("hello")));
	lane_sent(&lane, m, 200);
	ck_assert_uint_eq(near.verdict, 0);
	lane_complete(&lane, m);
	ck_assert_uint_eq(near.verdict, 200);
	check_empty(1, 0);
}
END_TEST

static const struct {
	unsigned status, middle, end; /* what the far side says; what its sender hears */
} refusals[] = {{403, 403, 403}, {413, 413, 413}, {415, 415, 415}, {400, 413, 408}, {408, 413, 408},
		{481, 413, 408}};

START_TEST(tells_why_it_is_not_taken)
{
	void *m = begin(5);

	ck_assert(lane_octets(&lane, m, 0, CPM_SLICE("hel")));
	lane_sent(&lane, m, refusals[_i].status);
	ck_assert_uint_eq(near.verdict, refusals[_i].middle);
	check_empty(0, 1);
	m = begin(3);
	watcher.octets = 0;
	ck_assert(lane_octets(&lane, m, 0, CPM_SLICE("hel")));
	lane_complete(&lane, m);
	lane_sent(&lane, m, refusals[_i].status);
	ck_assert_uint_eq(near.verdict, refusals[_i].end);
	ck_assert_uint_eq(watcher.status, refusals[_i].end);
	check_empty(0, 2);
}
END_TEST

START_TEST(refuses_a_hole)
{
	void *m = begin(100);

	lane_octets(&lane, m, 50, CPM_SLICE("x"));
	ck_assert(near.verdict == 413 && far.aborts == 1);
	check_empty(0, 1);
}
END_TEST

/* Its sender gives it up, or is lost with one whole and one in the middle; or there is nobody to pass to. */
START_TEST(clears_what_comes_to_nothing)
{
	struct cpm_msrp_head head = {.content_type = CPM_SLICE("text/plain")};
	void *m, *whole;

	lane.watch = NULL;
	m = begin(100);
	lane_aborted(&lane, m);
	ck_assert_uint_eq(far.aborts, 1);
	m = begin(100);
	whole = begin(1);
	lane_octets(&lane, whole, 0, CPM_SLICE("x"));
	lane_complete(&lane, whole);
	lane.from = NULL;
	lane_cut(&lane);
	ck_assert_uint_eq(lane.count, 1);
	lane_clear(&lane);
	check_empty(0, 3);
	far.full = true;
	ck_assert_uint_eq(lane_begin(&lane, &head, &m), 413);
	lane.to = NULL;
	ck_assert_uint_eq(lane_begin(&lane, &head, &m), 403);
	check_empty(0, 3);
}
END_TEST

static char block[65536];

/* Who does not take holds back who sends, and nobody loses anything. */
START_TEST(holds_its_sender_back)
{
	struct cpm_slice piece = {block, sizeof(block)};
	void *m = begin(1 << 20);

	ck_assert(lane_octets(&lane, m, 0, piece));
	ck_assert(!lane_octets(&lane, m, sizeof(block), piece));
	ck_assert(lane.paused && near.resumes == 0);
	lane_want(&lane, m, sizeof(block));
	ck_assert(!lane.paused && near.resumes == 1);
	ck_assert_uint_eq(far.given, sizeof(block));
	lane_clear(&lane);
	check_empty(0, 1);
}
END_TEST

START_TEST(waits_for_who_looks_on)
{
	void *m = begin(100);

	watcher.enough = true;
	ck_assert(!lane_octets(&lane, m, 0, CPM_SLICE("x")));
	lane_want(&lane, m, 100);
	ck_assert(lane.paused && near.resumes == 0);
	lane_go_on(&lane, &watcher);
	ck_assert(!lane.paused && near.resumes == 1);
	lane_clear(&lane);
	check_empty(0, 1);
}
END_TEST

/* Messages in the middle keep their buffers: what is to end them must still be read. */
START_TEST(reads_on_in_the_middle_of_messages)
{
	void *m[LEG_TAKING_MAX];

	lane.watch = NULL;
	for(size_t i = 0; i < LEG_TAKING_MAX; i++) {
		m[i] = begin(1 << 20);
		lane_want(&lane, m[i], 100);
		ck_assert(lane_octets(&lane, m[i], 0, CPM_SLICE("x")));
	}
	ck_assert(!lane.paused);
	ck_assert_uint_le(lane.memory, LANE_MEMORY);
	for(size_t i = 0; i < LEG_TAKING_MAX; i++)
		lane_aborted(&lane, m[i]);
	check_empty(0, LEG_TAKING_MAX);
}
END_TEST

/* For confirmations it stops reading only while it can hear them: not when the far side is not read, nor behind a
 * relay, nor over the connection that it would stop. */
START_TEST(stops_for_a_crowd)
{
	enum { HEARS, STANDS, RELAYED, SHARED } how = (unsigned)_i;
	bool reads = true;

	lane.watch = NULL;
	back.paused = how == STANDS;
	near.relayed = how == RELAYED;
	shared = how == SHARED;
	for(size_t i = 0; i < LEG_MESSAGES_MAX / 2; i++) {
		void *m = begin(1);

		lane_want(&lane, m, 1);
		reads = lane_octets(&lane, m, 0, CPM_SLICE("x"));
		lane_complete(&lane, m);
	}
	ck_assert_int_eq(lane.paused, how == HEARS);
	ck_assert_int_eq(reads, how != HEARS);
	ck_assert_uint_eq(lane.memory, 0);
	lane_sent(&lane, far.mark, 200);
	ck_assert_uint_eq(near.resumes, how == HEARS);
	lane_clear(&lane);
	check_empty(1, LEG_MESSAGES_MAX / 2 - 1);
}
END_TEST

/* When the far side is not read any more, its responses cannot be heard. */
START_TEST(reads_on_when_the_far_side_is_stopped)
{
	struct cpm_slice piece = {block, sizeof(block)};
	struct cpm_msrp_head head = {.content_type = CPM_SLICE("text/plain")};
	void *m;

	lane.watch = NULL;
	for(size_t i = 0; i < LEG_MESSAGES_MAX / 2; i++) {
		m = begin(1);
		lane_want(&lane, m, 1);
		lane_octets(&lane, m, 0, CPM_SLICE("x"));
		lane_complete(&lane, m);
	}
	ck_assert(lane.paused);
	head.range.total = 1 << 20;
	head.range.total_known = true;
	ck_assert_uint_eq(lane_begin(&back, &head, &m), 0);
	for(uint64_t at = 0; lane_octets(&back, m, at, piece); at += piece.n)
		ck_assert_uint_lt(at, 1 << 20);
	ck_assert(back.paused);
	ck_assert(!lane.paused);
	ck_assert_uint_eq(near.resumes, 1);
	lane_clear(&back);
	lane_clear(&lane);
	check_empty(0, LEG_MESSAGES_MAX / 2);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("lane");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, passes_a_message);
	tcase_add_test(t, passes_one_of_unknown_size);
	tcase_add_test(t, hears_of_the_end_last);
	tcase_add_loop_test(t, tells_why_it_is_not_taken, 0, UNIT_COUNT(refusals));
	tcase_add_test(t, refuses_a_hole);
	tcase_add_test(t, clears_what_comes_to_nothing);
	tcase_add_test(t, holds_its_sender_back);
	tcase_add_test(t, waits_for_who_looks_on);
	tcase_add_test(t, reads_on_in_the_middle_of_messages);
	tcase_add_loop_test(t, stops_for_a_crowd, 0, 4);
	tcase_add_test(t, reads_on_when_the_far_side_is_stopped);
	return unit_run("lane", t);
}
