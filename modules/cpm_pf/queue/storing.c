/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A message is in the message store when its UID is known: not before is it
 * answered or reported on. On its way there it is marked in Redis, so that who
 * repeats it, at whatever node and whoever has died meanwhile, looks for the
 * first one. What the message store does not take waits in the queue.
 */
#include "storing.h"

#include <stdlib.h>

#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "../core/queue/retry.h"
#include "../module/context.h"
#include "../module/logged.h"
#include "../module/outcome.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "history.h"
#include "queue.h"
#include "report.h"

/* The message store's own trouble passes sooner than a client comes back. */
#define RETRY_MIN_MS 2000

int64_t storing_first_ms(int64_t now)
{
	return archive_configured() ? now : 0;
}

int64_t storing_again_ms(int64_t now, int64_t since_ms, enum imap_rc rc)
{
	int64_t most = (int64_t)settings.retry_max_s * 1000;
	int64_t at = cpm_retry_at(
			now, since_ms, RETRY_MIN_MS < most ? RETRY_MIN_MS : most, most, (uint32_t)random());

	/* What is still on its way there has arrived by then. */
	if(rc == IMAP_UNSURE && at < now + settings.store_settle_ms)
		at = now + settings.store_settle_ms;
	return at;
}

bool storing_never(const struct archive_job *job)
{
	return job->rc == IMAP_REFUSED && strcmp(job->reason, "too-large") == 0;
}

static void reply(struct store_job *job, int status)
{
	if(!transaction_reply(&job->transaction, status, status == 200 ? "OK" : "Accepted",
			   cpm_slice_of(settings_server_line())))
		count(unparked);
	shm_free(job);
}

/* Whether the report could be kept or not, the message is stored. */
static void on_reported(void *context, enum store_rc rc)
{
	struct store_job *job = context;

	if(rc != STORE_OK && rc != STORE_DUPLICATE) {
		count(reports_lost);
		LM_ERR("event=unreported id=%.*s user=%.*s\n", SLICE_FMT(job->id), USER_FMT(job->aor));
	}
	reply(job, job->stored_status);
}

/* It is there: the report, then the answer. */
static void finish(struct store_job *job, struct store *store, int64_t now)
{
	struct store_report report = {.id = {0}};
	struct cpm_record r;

	if(cpm_record_parse(job->record, &r, NULL) == CPM_OK)
		report_make(&r, job->body, CPM_END_STORED, now, &report);
	if(!report.id.n)
		reply(job, job->stored_status);
	else if(!store_report_put(store, job->aor, now, &report, on_reported, job))
		on_reported(job, STORE_DOWN);
}

/* In the store process: nothing but the answer is left to do, so nobody else needs to be woken for it. What asks for a report may be
 * owed one, which the queue process decides. */
static bool storing_settle(struct archive_job *a)
{
	struct store_job *job = a->owner;

	if(a->marked != STORE_OK || a->rc != IMAP_OK || job->wants & CPM_WANT_POSITIVE)
		return false;
	outcome_stored(job->id, job->aor, archive_folder(a), a->uid, a->uidvalidity, false);
	reply(job, job->stored_status);
	archive_job_free(a);
	return true;
}

/* From now on it waits in the queue. */
static void defer(struct store_job *job, int64_t at_ms)
{
	job->store_ms = at_ms;
	queue_store(job);
}

/* An earlier one was on its way there, and may still be: without it this one waits until that is over. */
static void found_back(struct command_job *command, struct store *store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;
	struct store_job *job = a->owner;

	if(a->rc == IMAP_OK) {
		outcome_duplicate(job->id, job->aor);
		finish(job, store, now);
	} else {
		queue_store(job);
	}
	archive_job_free(a);
}

static void repeat(struct store_job *job, int64_t since_ms, int64_t now)
{
	int64_t over_ms = since_ms + settings.store_timeout_ms + settings.store_settle_ms;
	struct archive_job *a =
			archive_job_make(ARCHIVE_FIND, job->aor, job->id, "", job->record, job->body, false);

	job->store_ms = over_ms > now + RETRY_MIN_MS ? over_ms : now + RETRY_MIN_MS;
	if(a) {
		a->owner = job;
		a->command.run = found_back;
		if(archive_post(a))
			return;
		archive_job_free(a);
	}
	queue_store(job);
}

static void not_stored(struct store_job *job, const struct archive_job *a, int64_t now)
{
	if(storing_never(a)) {
		outcome_too_large(job->id, job->aor);
		defer(job, now + STORING_LATER_MS);
	} else {
		outcome_unstored(job->id, job->aor, a->reason);
		defer(job, storing_again_ms(now, job->now_ms, a->rc));
	}
}

static void stored_back(struct command_job *command, struct store *store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;
	struct store_job *job = a->owner;

	switch(a->marked) {
		case STORE_BUSY:
			/* The first one may be there: this one must not stay beside it. */
			history_withdraw(a);
			if(queue_adopt(job, archive_first(a)))
				repeat(job, a->marked_ms, now);
			else
				queue_refuse(job, "store");
			break;
		case STORE_DUPLICATE:
			history_withdraw(a);
			outcome_duplicate(archive_first(a), job->aor);
			reply(job, 202);
			break;
		default:
			/* Whether it is marked or not, what is there is there. */
			if(a->rc == IMAP_OK) {
				outcome_stored(job->id, job->aor, archive_folder(a), a->uid, a->uidvalidity, false);
				finish(job, store, now);
			} else if(a->marked == STORE_OK) {
				not_stored(job, a, now);
			} else {
				queue_refuse(job, "store");
			}
			break;
	}
	archive_job_free(a);
}

bool storing_post(struct store_job *job)
{
	struct archive_job *a =
			archive_job_make(ARCHIVE_STORE, job->aor, job->id, "", job->record, job->body, false);

	if(a) {
		a->owner = job;
		a->identity = job->identity;
		a->command.run = stored_back;
		a->settle = storing_settle;
		if(archive_post(a))
			return true;
		archive_job_free(a);
	}
	job->store_ms = storing_again_ms(job->now_ms, job->now_ms, IMAP_DOWN);
	return post_queue(job->aor, job);
}
