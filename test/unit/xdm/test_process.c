/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Several processes: one runs xdm_run, others look up and wait at the same
 * time, while documents are invalidated under them.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <stdatomic.h>

#include "driver.h"

#define WORKERS 3
#define USERS 40
#define LOOKUPS 20000
#define WAITS 300

static struct shared {
	atomic_ulong resumed, waited, wrong, ticks;
} * shared;

static void resume(const struct xdm_waiter *waiter, struct cpm_slice aor)
{
	struct xdm_entry *e;

	if(xdm_lookup(aor, driver_now_ms(), &e) != XDM_FRESH
			|| cpm_documents_blocked_count(xdm_documents(e)) != 1 || waiter->b != waiter->a + 1)
		shared->wrong++;
	xdm_release(&e);
	shared->resumed++;
}

static void tick(void)
{
	shared->ticks++;
}

static pid_t spawn(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if(!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void work(unsigned seed)
{
	unsigned waits = 0;

	for(unsigned i = 0; i < LOOKUPS; i++) {
		struct xdm_entry *e;
		char aor[64];

		seed = seed * 1103515245 + 12345;
		snprintf(aor, sizeof(aor), "sip:user%u@example.net", (seed >> 16) % USERS);
		if(xdm_lookup(cpm_slice_of(aor), driver_now_ms(), &e) == XDM_MISS && waits < WAITS) {
			struct xdm_waiter w = {.a = i, .b = i + 1};

			waits++;
			if(xdm_wait(cpm_slice_of(aor), &w, false))
				shared->waited++;
		}
		if(e && cpm_documents_blocked_count(xdm_documents(e)) != 1)
			shared->wrong++;
		xdm_release(&e);
		if(i % 500 == 0)
			xdm_invalidate(cpm_slice_of(aor));
	}
	_exit(0);
}

static void put_documents(const char *dir)
{
	for(int i = 0; i < USERS; i++) {
		char command[512];

		snprintf(command, sizeof(command),
				"d='%s/resource-lists/users/sip:user%d@example.net'; mkdir -p \"$d\" && echo '%s' "
				">\"$d/index\"",
				dir, i, BLOCK(ENTRY("sip:mallory@example.net")));
		ck_assert_int_eq(system(command), 0);
	}
}

START_TEST(many_processes)
{
	char dir[] = "/tmp/cpm-xdm-XXXXXX", root[64], command[64];
	pid_t documents, workers[WORKERS];
	const char *error;
	int status;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	put_documents(dir);
	snprintf(root, sizeof(root), "file://%s", dir);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	host_share(256u << 20);
	driver_config_reset(root);
	driver_config.cache_bytes = 150000;
	ck_assert_msg(xdm_init(&driver_config, resume, &error), "%s", error);
	documents = spawn();
	if(!documents) {
		xdm_run(tick);
		_exit(1);
	}
	for(int i = 0; i < WORKERS; i++) {
		workers[i] = spawn();
		if(!workers[i])
			work((unsigned)i + 1);
	}
	for(int i = 0; i < WORKERS; i++) {
		ck_assert_int_eq(waitpid(workers[i], &status, 0), workers[i]);
		ck_assert_int_eq(status, 0);
	}
	for(int i = 0; i < 2000 && (shared->resumed < shared->waited || shared->ticks < 2); i++)
		usleep(5000);
	ck_assert_int_eq(waitpid(documents, &status, WNOHANG), 0);
	kill(documents, SIGKILL);
	waitpid(documents, &status, 0);
	ck_assert_uint_eq(shared->resumed, shared->waited);
	ck_assert_uint_gt(shared->waited, 0);
	ck_assert_uint_eq(shared->wrong, 0);
	ck_assert_uint_ge(shared->ticks, 2);
	ck_assert_uint_eq(driver_stats().waiters, 0);
	ck_assert_uint_eq(driver_stats().failures, 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("process");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, many_processes);
	return unit_run("xdm/process", t);
}
