/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of ipc/mailbox.c, in one process and between several.
 */
#include <poll.h>
#include <sys/wait.h>

#include "unit.h"

#include "ipc/mailbox.h"

#define JOB(n) ((void *)(uintptr_t)(n))

static bool readable(const struct mailbox *m)
{
	struct pollfd fd = {.fd = mailbox_fd(m), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

START_TEST(keeps_the_order_and_its_capacity)
{
	struct mailbox *m = mailbox_new(5); /* 8 slots */
	void *jobs[16];

	ck_assert_ptr_nonnull(m);
	for(size_t round = 0; round < 100; round++) {
		for(size_t i = 1; i <= 8; i++)
			ck_assert(mailbox_post(m, JOB(i)));
		ck_assert(!mailbox_post(m, JOB(9)));
		ck_assert_uint_eq(mailbox_take(m, jobs, 3), 3);
		ck_assert_uint_eq(mailbox_take(m, jobs + 3, 13), 5);
		ck_assert_uint_eq(mailbox_take(m, jobs + 8, 8), 0);
		for(size_t i = 0; i < 8; i++)
			ck_assert_ptr_eq(jobs[i], JOB(i + 1));
	}
	mailbox_free(&m);
	ck_assert_ptr_null(m);
	mailbox_free(&m);
}
END_TEST

START_TEST(refuses_absurd_capacities)
{
	ck_assert_ptr_null(mailbox_new(0));
	ck_assert_ptr_null(mailbox_new(SIZE_MAX));
	ck_assert_ptr_null(mailbox_new(((size_t)1 << 24) + 1));
}
END_TEST

START_TEST(wakes_only_who_sleeps)
{
	struct mailbox *m = mailbox_new(4);
	void *job;

	ck_assert(mailbox_post(m, JOB(1)));
	ck_assert_msg(!readable(m), "awake: no system call for a post");
	ck_assert_msg(!mailbox_sleep(m), "something to take first");
	ck_assert_uint_eq(mailbox_take(m, &job, 1), 1);
	ck_assert(mailbox_sleep(m));
	ck_assert(!readable(m));
	ck_assert(mailbox_post(m, JOB(2)));
	ck_assert(mailbox_post(m, JOB(3)));
	ck_assert(readable(m));
	mailbox_awake(m);
	ck_assert_msg(!readable(m), "drained");
	ck_assert(mailbox_post(m, JOB(4)));
	ck_assert(!readable(m));
	/* Awake without a wake-up, as after a timeout of poll. */
	while(mailbox_take(m, &job, 1) == 1)
		;
	ck_assert(mailbox_sleep(m));
	mailbox_awake(m);
	ck_assert(mailbox_post(m, JOB(5)));
	ck_assert(!readable(m));
	mailbox_free(&m);
}
END_TEST

void (*stub_released)(void);
static struct mailbox *hasty;

static void owner_wakes(void)
{
	stub_released = NULL;
	mailbox_awake(hasty);
}

/* Its time was over between a sender's job and the sender's write: one sleep ends for nothing, and no other. */
START_TEST(wakes_before_its_sender_has_written)
{
	void *job;

	hasty = mailbox_new(4);
	ck_assert(mailbox_sleep(hasty));
	stub_released = owner_wakes;
	ck_assert(mailbox_post(hasty, JOB(1)));
	ck_assert_uint_eq(mailbox_take(hasty, &job, 1), 1);
	ck_assert(mailbox_sleep(hasty));
	ck_assert(readable(hasty));
	mailbox_awake(hasty);
	ck_assert(!readable(hasty));
	ck_assert(mailbox_sleep(hasty));
	ck_assert(mailbox_post(hasty, JOB(2)));
	ck_assert(readable(hasty));
	mailbox_awake(hasty);
	ck_assert(!readable(hasty));
	mailbox_free(&hasty);
}
END_TEST

#define SENDERS 3
#define EACH 20000

static void send_all(struct mailbox *m, uintptr_t sender)
{
	for(uintptr_t i = 0; i < EACH; i++)
		while(!mailbox_post(m, JOB(sender * EACH + i + 1)))
			usleep(100);
	_exit(0);
}

START_TEST(loses_nothing_between_processes)
{
	struct mailbox *m = mailbox_new(64);
	uintptr_t next[SENDERS] = {0};
	size_t taken = 0;
	int status;

	for(uintptr_t sender = 0; sender < SENDERS; sender++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if(!pid)
			send_all(m, sender);
	}
	while(taken < (size_t)SENDERS * EACH) {
		void *jobs[32];
		size_t n = mailbox_take(m, jobs, UNIT_COUNT(jobs));

		for(size_t i = 0; i < n; i++) {
			uintptr_t job = (uintptr_t)jobs[i] - 1;

			ck_assert_uint_lt(job / EACH, SENDERS);
			ck_assert_uint_eq(job % EACH, next[job / EACH]++);
		}
		taken += n;
		if(!n && mailbox_sleep(m)) {
			struct pollfd fd = {.fd = mailbox_fd(m), .events = POLLIN};

			ck_assert_msg(poll(&fd, 1, 20000) == 1, "not woken after %zu jobs", taken);
			mailbox_awake(m);
		}
	}
	for(int i = 0; i < SENDERS; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	mailbox_free(&m);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("mailbox");

	tcase_add_test(t, keeps_the_order_and_its_capacity);
	tcase_add_test(t, refuses_absurd_capacities);
	tcase_add_test(t, wakes_only_who_sleeps);
	tcase_add_test(t, wakes_before_its_sender_has_written);
	tcase_add_test(t, loses_nothing_between_processes);
	return unit_run("mailbox", t);
}
