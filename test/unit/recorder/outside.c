/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stand-ins.
 */
#include "outside.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "module/settings.h"
#include "module/statistics.h"
#include "queue/history.h"
#include "queue/queue.h"
#include "queue/storing.h"

struct outside outside;
struct settings settings;

/* clang-format off */
#define STATISTIC_DEFINE(name) static stat_var counter_##name; stat_var *stat_##name = &counter_##name;
/* clang-format on */
CPM_STATISTICS(STATISTIC_DEFINE)

void outside_begin(void)
{
	static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;
	static int64_t times;

	for(size_t i = 0; i < outside.puts; i++) {
		cpm_buf_free(&outside.put[i].record);
		cpm_buf_free(&outside.put[i].body);
	}
	memset(&outside, 0, sizeof(outside));
	outside.now_ms = 1795535766000 + 1000000000 * ++times;
	settings.limits = limits;
	settings.limits.max_message_bytes = 1000;
	settings.queue_shards = 64;
	settings.max_expiry_s = 3600;
	settings.claim_ms = 60000;
	settings.hostname = "pf.test";
}

void host_log(const char *level, const char *format, ...)
{
	(void)level, (void)format;
}

int64_t now_ms(void)
{
	return outside.now_ms;
}

const struct cpm_documents *context_documents(const struct context *c)
{
	return &cpm_documents_none;
}

struct store *media_store(void)
{
	return NULL;
}

bool store_report_put(struct store *s, struct cpm_slice aor, int64_t now,
		const struct store_report *report, store_done_cb cb, void *context)
{
	struct outside_put *p = &outside.put[outside.puts];

	if(outside.store_down || outside.puts == OUTSIDE_MAX)
		return false;
	outside.puts++;
	cpm_buf_init(&p->record, 100000);
	cpm_buf_init(&p->body, 100000);
	cpm_buf_add(&p->record, report->record);
	cpm_buf_add(&p->body, report->body);
	p->due_ms = report->due_ms;
	p->cb = cb;
	p->context = context;
	return true;
}

struct copy *copy_begin(struct cpm_slice aor, struct cpm_slice id, struct cpm_slice record,
		uint64_t total, const struct copy_hooks *hooks, void *owner)
{
	if(outside.copy_refused)
		return NULL;
	outside.copies++;
	outside.copy_total = total;
	outside.copy_octets = 0;
	outside.copy_hooks = hooks;
	outside.copy_owner = owner;
	return (struct copy *)&outside;
}

bool copy_put(struct copy *c, uint64_t at, struct cpm_slice octets)
{
	if(at != outside.copy_octets)
		abort();
	outside.copy_octets += octets.n;
	return !outside.copy_pauses;
}

void copy_finish(struct copy *c, uint64_t total)
{
	outside.copies_finished++;
	outside.copy_hooks->recorded(outside.copy_owner, CPM_SLICE_NONE);
}

void copy_drop(struct copy **c)
{
	outside.copies_dropped += *c != NULL;
	*c = NULL;
}

void copy_tend(struct copy *c, int64_t now)
{
}

void recording_failed(struct cpm_slice aor, struct cpm_slice id, const char *reason)
{
	outside.failed++;
	outside.why = reason;
}

/* The message store. */

bool archive_configured(void)
{
	return true;
}

struct archive_job *archive_job_make(enum archive_task task, struct cpm_slice aor,
		struct cpm_slice id, const char *suffix, struct cpm_slice record, struct cpm_slice body,
		bool copy)
{
	struct archive_job *job = calloc(1, sizeof(*job));

	job->key = id;
	job->aor = aor;
	return job;
}

void archive_job_free(struct archive_job *job)
{
	free(job);
}

bool archive_post(struct archive_job *job)
{
	if(outside.archive_full)
		return false;
	outside.job[outside.jobs++] = job;
	return true;
}

void outside_answer(enum imap_rc rc, enum store_rc marked)
{
	struct archive_job *job = outside.job[0];

	outside.jobs--;
	memmove(outside.job, outside.job + 1, outside.jobs * sizeof(outside.job[0]));
	job->rc = rc;
	job->reason = outside.reason ? outside.reason : "away";
	job->marked = marked;
	job->first_n = outside.first.n;
	if(outside.first.n)
		memcpy(job->first, outside.first.p, outside.first.n);
	job->command.run(&job->command, NULL, outside.now_ms);
}

int64_t storing_again_ms(int64_t now, int64_t since_ms, enum imap_rc rc)
{
	return now + 2000;
}

bool storing_never(const struct archive_job *job)
{
	return job->rc == IMAP_REFUSED && strcmp(job->reason, "too-large") == 0;
}

void history_withdraw(const struct archive_job *job)
{
	outside.withdrawn++;
}

void history_failed(const struct archive_job *job)
{
	outside.failed++;
	outside.why = job->reason;
}

int queue_self(void)
{
	return 0;
}

static void give(struct due *d, int64_t at_ms)
{
	outside.given_back[outside.given++] = (struct outside_given){d, at_ms};
}

void due_done(struct due *d)
{
	give(d, 0);
}

void due_again(struct due *d, int64_t at_ms)
{
	give(d, at_ms);
}

struct cpm_slice outside_invite(void)
{
	static char text[4000];
	static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;
	struct cpm_record r = {.kind = CPM_RECORD_LARGE,
			.id = CPM_SLICE("0001027f80ff060708090aab-63"),
			.aor = CPM_SLICE("sip:bob@cpm.test"),
			.originator = CPM_SLICE("sip:alice@cpm.test"),
			.arrived_ms = 1,
			.expires_ms = 2,
			.from = CPM_SLICE("\"Alice\" <sip:alice@cpm.test>"),
			.to = CPM_SLICE("<sip:bob@cpm.test>"),
			.date = CPM_SLICE("Thu, 01 Jan 2026 00:00:00 GMT"),
			.content_type = CPM_SLICE("application/sdp"),
			.conversation_id = CPM_SLICE("conv-1"),
			.contribution_id = CPM_SLICE("contr-1")};
	struct cpm_buf b;

	cpm_buf_init_fixed(&b, text, sizeof(text));
	if(cpm_record_build(&r, &limits, &b, NULL) != CPM_OK)
		abort();
	return cpm_buf_slice(&b);
}
