/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The documents process. Places in its mailbox are reserved by the counters of
 * waiters and refreshes, so that who has one can always post.
 */
#include "process.h"

#include "../../core/dprint.h"
#include "../../core/mem/shm_mem.h"

#include "../ipc/clock.h"
#include "../ipc/mailbox.h"
#include "fetch.h"
#include "load.h"

/* Refreshes asked for and not yet taken; what is more is asked for by the next lookup. */
#define REFRESHES_MAX 1024
#define TAKE_MAX 256
#define TICK_MS 1000

static const struct xdm_config *config;
static xdm_resume resume;
static struct mailbox *mailbox;

bool process_init(const struct xdm_config *c, xdm_resume r)
{
	config = c;
	resume = r;
	mailbox = mailbox_new(c->max_waiters + REFRESHES_MAX);
	return mailbox != NULL;
}

void process_destroy(void)
{
	void *job;

	if(!mailbox)
		return;
	while(mailbox_take(mailbox, &job, 1))
		shm_free(job);
	mailbox_free(&mailbox);
}

static bool reserve(atomic_ulong *counter, unsigned long max)
{
	if(atomic_fetch_add(counter, 1) < max)
		return true;
	atomic_fetch_sub(counter, 1);
	return false;
}

static struct process_job *job_new(
		struct cpm_slice aor, const struct xdm_waiter *waiter, bool refresh)
{
	struct process_job *job = shm_malloc(sizeof(*job) + aor.n);

	if(!job)
		return NULL;
	memset(job, 0, sizeof(*job));
	job->waits = waiter != NULL;
	job->refresh = refresh;
	if(waiter)
		job->waiter = *waiter;
	job->aor_n = aor.n;
	memcpy(job->aor, aor.p, aor.n);
	return job;
}

bool process_ask(struct cpm_slice aor, const struct xdm_waiter *waiter, bool refresh)
{
	struct cache_counters *counters = cache_counters();
	atomic_ulong *places = waiter ? &counters->waiters : &counters->refreshes;
	struct process_job *job;

	if(!aor.n || aor.n > CPM_URI_KEY_MAX
			|| !reserve(places, waiter ? config->max_waiters : REFRESHES_MAX))
		return false;
	job = job_new(aor, waiter, refresh);
	if(job && mailbox_post(mailbox, job))
		return true;
	if(job)
		shm_free(job);
	atomic_fetch_sub(places, 1);
	return false;
}

/* Calls those who waited; all jobs are of one user. */
static void serve(struct process_job *jobs)
{
	while(jobs) {
		struct process_job *job = jobs;

		jobs = job->next;
		if(job->waits) {
			cache_serve(process_job_aor(job));
			resume(&job->waiter, process_job_aor(job));
			cache_serve(CPM_SLICE_NONE);
			atomic_fetch_sub(&cache_counters()->waiters, 1);
		}
		shm_free(job);
	}
}

static void take(struct process_job *job, int64_t now_ms)
{
	struct cpm_slice aor = process_job_aor(job);
	struct user *u = job->waits ? cache_add(aor, now_ms) : cache_find(aor);

	job->next = NULL;
	if(!job->waits)
		atomic_fetch_sub(&cache_counters()->refreshes, 1);
	if(u && !u->load && !job->refresh && cache_is_settled(u, now_ms)) {
		serve(job);
		return;
	}
	if(u && load_begin(u, job, now_ms))
		return;
	if(u)
		cache_fail(u, now_ms);
	if(u || job->waits)
		load_report(aor, XDM_NO_MEMORY, NULL, 0, now_ms);
	serve(job);
}

static void take_all(int64_t now_ms)
{
	void *jobs[TAKE_MAX];
	size_t n;

	/* No more than there may be, so that those who post cannot keep the process here. */
	for(size_t left = config->max_waiters + REFRESHES_MAX; left; left -= n < left ? n : left) {
		n = mailbox_take(mailbox, jobs, TAKE_MAX);
		for(size_t i = 0; i < n; i++)
			take(jobs[i], now_ms);
		if(n < TAKE_MAX)
			return;
	}
}

bool process_open(void)
{
	load_init(config, serve);
	return fetch_open();
}

void process_close(void)
{
	fetch_close();
}

void process_turn(int timeout_ms)
{
	bool asleep = mailbox_sleep(mailbox);

	fetch_wait(mailbox_fd(mailbox), clock_ms(), asleep ? timeout_ms : 0);
	if(asleep)
		mailbox_awake(mailbox);
	take_all(clock_ms());
	fetch_step(clock_ms());
}

void xdm_run(void (*tick)(void))
{
	int64_t last_ms = 0;

	if(!process_open()) {
		LM_CRIT("the documents process cannot start: no memory\n");
		return;
	}
	for(;;) {
		int64_t since = clock_ms() - last_ms;

		if(since < 0 || since >= TICK_MS) {
			tick();
			last_ms = clock_ms();
			since = 0;
		}
		process_turn((int)(TICK_MS - since));
	}
}
