/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A message is in the message store when its UID is known: not before is it
 * answered, reported on, or taken from the queue. What the message store does
 * not take waits in the queue and is looked for there before it is put again.
 */
#include "storing.h"

#include <stdlib.h>

#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "../archive/archive.h"
#include "../core/queue/retry.h"
#include "../module/context.h"
#include "../module/outcome.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "ending.h"
#include "queue.h"
#include "report.h"

/* The message store's own trouble passes sooner than a client comes back. */
#define RETRY_MIN_MS 2000
#define NO_STORE_MS 3600000

static int64_t retry_ms(int64_t now, int64_t since_ms)
{
	int64_t most = (int64_t)settings.retry_max_s * 1000;

	return cpm_retry_at(
			now, since_ms, RETRY_MIN_MS < most ? RETRY_MIN_MS : most, most, (uint32_t)random());
}

int64_t storing_first_ms(int64_t now)
{
	return archive_configured() ? now : 0;
}

static void answer(struct store_job *job)
{
	if(!transaction_reply(&job->transaction, job->stored_status,
			   job->stored_status == 200 ? "OK" : "Accepted", cpm_slice_of(settings_server_line())))
		count(unparked);
	shm_free(job);
}

/* Whether the report could be kept or not, the message is stored. */
static void on_reported(void *context, enum store_rc rc)
{
	struct store_job *job = context;

	if(rc != STORE_OK && rc != STORE_DUPLICATE) {
		count(reports_lost);
		LM_ERR("event=unreported id=%.*s user=%.*s\n", (int)job->id.n, job->id.p, (int)job->aor.n,
				job->aor.p);
	}
	answer(job);
}

static void stored(
		struct store_job *job, const struct archive_job *a, struct store *store, int64_t now)
{
	struct store_report report = {.id = {0}};
	struct cpm_record r;

	outcome_stored(job->id, job->aor, archive_folder(a), a->uid, a->uidvalidity, false);
	if(cpm_record_parse(job->record, &r, NULL) == CPM_OK)
		report_make(&r, job->body, CPM_END_STORED, now, &report);
	if(!report.id.n)
		answer(job);
	else if(!store_report_put(store, job->aor, now, &report, on_reported, job))
		on_reported(job, STORE_DOWN);
}

/* In the store process: nothing but the answer is left to do, so nobody else needs to be woken for it. */
static bool storing_settle(struct archive_job *a)
{
	struct store_job *job = a->owner;
	struct cpm_record r;

	if(a->rc != IMAP_OK || cpm_record_parse(job->record, &r, NULL) != CPM_OK
			|| report_owed(&r, job->body, CPM_END_STORED))
		return false;
	outcome_stored(job->id, job->aor, archive_folder(a), a->uid, a->uidvalidity, false);
	answer(job);
	archive_job_free(a);
	return true;
}

static void storing_back(struct command_job *command, struct store *store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;
	struct store_job *job = a->owner;

	if(a->rc == IMAP_OK) {
		stored(job, a, store, now);
	} else {
		outcome_unstored(job->id, job->aor, a->reason);
		job->store_ms = retry_ms(now, job->now_ms);
		queue_store(job);
	}
	archive_job_free(a);
}

bool storing_post(struct store_job *job)
{
	struct archive_job *a =
			archive_job_make(ARCHIVE_STORE, job->aor, job->id, "", job->record, job->body, false);

	if(a) {
		a->owner = job;
		a->command.run = storing_back;
		a->settle = storing_settle;
		if(archive_post(a))
			return true;
		archive_job_free(a);
	}
	job->store_ms = retry_ms(job->now_ms, job->now_ms);
	return post_queue(job->aor, job);
}

static struct ending_place *place_make(const struct archive_job *a)
{
	struct ending_place *place = malloc(sizeof(*place) + a->folder_n);

	if(!place)
		return NULL;
	place->uid = a->uid;
	place->folder_n = a->folder_n;
	memcpy(place->folder, a->folder, a->folder_n);
	return place;
}

static void kept_ended(struct due *d, bool mine)
{
	struct cpm_record r;
	int64_t now = now_ms();

	/* EX-6: who did not ask for it hears of it. */
	if(mine && cpm_record_parse(d->record, &r, NULL) == CPM_OK && r.expires_ms <= now)
		ending_tell(d, &r, CPM_MSGINFO_STORED, d->extra, now);
}

static void kept_back(struct command_job *command, struct store *store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;
	struct due *d = a->owner;
	struct store_report report;
	struct cpm_record r;

	cpm_record_parse(d->record, &r, NULL);
	if(a->rc == IMAP_OK) {
		outcome_stored(d->id, d->aor, archive_folder(a), a->uid, a->uidvalidity, true);
		report_make(&r, d->body, CPM_END_STORED, now, &report);
		d->ended = kept_ended;
		d->extra = place_make(a);
		due_end(d, STORE_STORED, &report);
	} else {
		outcome_unstored(d->id, d->aor, a->reason);
		due_again(d, retry_ms(now, r.arrived_ms));
	}
	archive_job_free(a);
}

/* The octets of a large message lie apart. */
static struct cpm_slice body_of(const struct due *d, const struct cpm_record *r)
{
	return r->kind == CPM_RECORD_LARGE ? (struct cpm_slice){NULL, (size_t)r->size} : d->body;
}

static bool too_large(const struct cpm_record *r)
{
	return r->kind == CPM_RECORD_LARGE && r->size > (uint64_t)settings.store_max_object_bytes;
}

static bool kept_begin(struct due *d, const struct cpm_record *r)
{
	struct archive_job *a =
			archive_job_make(ARCHIVE_STORE, d->aor, d->id, "", d->record, body_of(d, r), true);

	if(!a)
		return false;
	a->owner = d;
	a->process = queue_self();
	a->command.run = kept_back;
	a->again = true;
	if(r->kind == CPM_RECORD_LARGE) {
		archive_gather(a, due_store(), d->id);
		return true;
	}
	if(archive_post(a))
		return true;
	archive_job_free(a);
	return false;
}

void kept_due(struct due *d, int64_t now)
{
	struct cpm_record r;
	struct cpm_diag diag = {0};

	if(cpm_record_parse(d->record, &r, &diag) != CPM_OK) {
		outcome_quarantined(d->id, diag.reason);
		due_quarantine(d);
		return;
	}
	if(archive_configured() && too_large(&r)) {
		outcome_unstored(d->id, d->aor, "too-large");
		due_again(d, now + NO_STORE_MS);
		return;
	}
	/* Without a message store it is looked at now and then: there may be one after the next start. */
	if(!archive_configured())
		due_again(d, now + NO_STORE_MS);
	else if(!kept_begin(d, &r))
		due_again(d, retry_ms(now, r.arrived_ms));
}
