/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Recording and removing. A removal is written into the queue's store first and
 * done from there, so that it survives us and whoever else is away.
 */
#include "history.h"

#include <stdlib.h>
#include <sys/random.h>

#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "../core/queue/key.h"
#include "../core/queue/removal.h"
#include "../core/queue/retry.h"
#include "../module/context.h"
#include "../module/logged.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "queue.h"

#define REMOVAL_TEXT_MAX 4096
#define RETRY_MIN_MS 2000

void history_add_header(
		struct cpm_buf *out, uint32_t uid, uint32_t uidvalidity, struct cpm_slice folder)
{
	cpm_buf_add_str(out, "Message-UID: ");
	cpm_buf_add_u64(out, uid);
	cpm_buf_add_str(out, ";uidvalidity=");
	cpm_buf_add_u64(out, uidvalidity);
	/* A folder's name holds no quote and no backslash (core/codec/folder.h). */
	cpm_buf_add_str(out, ";folder=\"");
	cpm_buf_add(out, folder);
	cpm_buf_add_str(out, "\"\r\n");
}

bool history_record(struct cpm_slice aor, struct cpm_slice id, const char *key_suffix,
		struct cpm_slice record, struct cpm_slice body, uint64_t ticket,
		void (*back)(struct command_job *job, struct store *store, int64_t now))
{
	struct archive_job *a;

	if(!archive_configured())
		return false;
	a = archive_job_make(ARCHIVE_RECORD, aor, id, key_suffix, record, body, true);
	if(!a)
		return false;
	a->ticket = ticket;
	a->process = queue_self();
	a->command.run = back;
	/* A node that died may have recorded it before. */
	a->again = true;
	if(archive_post(a))
		return true;
	archive_job_free(a);
	return false;
}

static void recording_unsure(const struct archive_job *job)
{
	size_t at = cpm_slice_find(job->key, '@');

	if(job->rc == IMAP_UNSURE)
		history_remove(job->aor, cpm_slice_head(job->key, at), "", 0, 0, archive_folder(job));
}

static void withdrawn(struct command_job *command, struct store *store, int64_t now)
{
	archive_job_free((struct archive_job *)command);
}

/* Written down first, so that it happens whatever becomes of us; and done, so that it happens at once. */
void history_withdraw(const struct archive_job *job)
{
	struct cpm_slice id = cpm_slice_head(job->key, cpm_slice_find(job->key, '@'));
	bool known = job->rc == IMAP_OK;
	struct archive_job *a;

	if(!known && job->rc != IMAP_UNSURE)
		return;
	history_remove(job->aor, id, "", known ? job->uid : 0, known ? job->uidvalidity : 0,
			archive_folder(job));
	a = known ? archive_job_make(
				ARCHIVE_REMOVE, job->aor, id, "", CPM_SLICE_NONE, CPM_SLICE_NONE, true)
			  : NULL;
	if(!a)
		return;
	a->uid = job->uid;
	a->uidvalidity = job->uidvalidity;
	memcpy(a->folder, job->folder, job->folder_n);
	a->folder_n = job->folder_n;
	a->command.run = withdrawn;
	if(!archive_post(a))
		archive_job_free(a);
}

bool history_again(struct archive_job *job)
{
	if(job->rc != IMAP_UNSURE || job->second
			|| now_ms() - job->begun_ms >= settings.store_timeout_ms / 2)
		return false;
	recording_unsure(job);
	archive_rekey(job);
	job->again = false;
	if(archive_post(job))
		return true;
	/* The first one is seen to, of the second there is nothing. */
	job->rc = IMAP_DOWN;
	job->reason = "busy";
	return false;
}

void history_failed(const struct archive_job *job)
{
	count(recordings_failed);
	LM_NOTICE("event=unrecorded key=%.*s user=%.*s reason=%s\n", SLICE_FMT(job->key),
			USER_FMT(job->aor), job->reason);
	recording_unsure(job);
}

/* Without the queue's store: once, at once. */
static void removal_forgotten(struct command_job *command, struct store *store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;

	if(a->rc == IMAP_OK || a->rc == IMAP_ABSENT) {
		count(recordings_removed);
	} else {
		count(recordings_left);
		LM_WARN("event=recording_left key=%.*s user=%.*s reason=%s\n", SLICE_FMT(a->key),
				USER_FMT(a->aor), a->reason);
	}
	archive_job_free(a);
}

static void on_kept(void *context, enum store_rc rc)
{
	struct archive_job *a = context;

	if(rc == STORE_OK || rc == STORE_DUPLICATE) {
		archive_job_free(a);
		return;
	}
	a->command.run = removal_forgotten;
	a->begun_ms = now_ms();
	if(!archive_post(a)) {
		a->rc = IMAP_DOWN;
		a->reason = "busy";
		removal_forgotten(&a->command, NULL, now_ms());
	}
}

/* In the queue process: writes the removal down. */
static void removal_put(struct command_job *command, struct store *store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;
	char text[REMOVAL_TEXT_MAX], id_text[64];
	unsigned char random_bytes[12];
	struct cpm_removal removal = {.aor = a->aor,
			.folder = archive_folder(a),
			.key = a->key,
			.uid = a->uid,
			.uidvalidity = a->uidvalidity,
			.since_ms = now};
	struct store_report report = {
			.due_ms = now, .expires_ms = now + (int64_t)settings.ttl_grace_s * 1000};
	struct cpm_buf b, id;

	cpm_buf_init_fixed(&b, text, sizeof(text));
	cpm_buf_init_fixed(&id, id_text, sizeof(id_text));
	if(getrandom(random_bytes, sizeof(random_bytes), 0) != sizeof(random_bytes)
			|| cpm_removal_build(&removal, &b) != CPM_OK) {
		on_kept(a, STORE_DOWN);
		return;
	}
	cpm_key_add_id(&id, random_bytes, cpm_key_shard(a->aor, (unsigned)settings.queue_shards));
	report.id = cpm_buf_slice(&id);
	report.record = cpm_buf_slice(&b);
	if(!store_report_put(store, a->aor, now, &report, on_kept, a))
		on_kept(a, STORE_DOWN);
}

void history_remove(struct cpm_slice aor, struct cpm_slice id, const char *key_suffix, uint32_t uid,
		uint32_t uidvalidity, struct cpm_slice folder)
{
	struct archive_job *a = archive_job_make(
			ARCHIVE_REMOVE, aor, id, key_suffix, CPM_SLICE_NONE, CPM_SLICE_NONE, true);

	if(!a || folder.n > sizeof(a->folder)) {
		count(recordings_left);
		if(a)
			archive_job_free(a);
		return;
	}
	a->uid = uid;
	a->uidvalidity = uidvalidity;
	memcpy(a->folder, folder.p, folder.n);
	a->folder_n = folder.n;
	a->command.run = removal_put;
	if(post_to(POST_QUEUE, a->process, a))
		return;
	on_kept(a, STORE_DOWN);
}

static void removal_back(struct command_job *command, struct store *store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;
	struct due *d = a->owner;
	struct cpm_removal removal;

	cpm_removal_parse(d->record, &removal);
	if(a->rc == IMAP_ABSENT && !removal.uid && now < removal.since_ms + settings.store_settle_ms) {
		/* It may still be on its way there. */
		due_again(d, removal.since_ms + settings.store_settle_ms);
	} else if(a->rc == IMAP_OK || a->rc == IMAP_ABSENT) {
		count(recordings_removed);
		due_done(d);
	} else {
		if(d->attempts == 0)
			LM_NOTICE("event=unremoved key=%.*s user=%.*s reason=%s\n", SLICE_FMT(a->key),
					USER_FMT(a->aor), a->reason);
		due_again(d, cpm_retry_at(now, removal.since_ms, RETRY_MIN_MS,
							 (int64_t)settings.retry_max_s * 1000, (uint32_t)random()));
	}
	archive_job_free(a);
}

void removal_due(struct due *d, int64_t now)
{
	struct cpm_removal removal;
	struct archive_job *a;
	size_t at;

	if(cpm_removal_parse(d->record, &removal) != CPM_OK) {
		count(recordings_left);
		LM_ERR("event=recording_left id=%.*s reason=unreadable\n", SLICE_FMT(d->id));
		due_done(d);
		return;
	}
	at = cpm_slice_find(removal.key, '@');
	a = archive_configured() ? archive_job_make(ARCHIVE_REMOVE, removal.aor,
				cpm_slice_head(removal.key, at), "", CPM_SLICE_NONE, CPM_SLICE_NONE, true)
							 : NULL;
	if(a && removal.folder.n <= sizeof(a->folder)) {
		a->owner = d;
		a->process = queue_self();
		a->command.run = removal_back;
		a->uid = removal.uid;
		a->uidvalidity = removal.uidvalidity;
		memcpy(a->folder, removal.folder.p, removal.folder.n);
		a->folder_n = removal.folder.n;
		if(archive_post(a))
			return;
	}
	if(a)
		archive_job_free(a);
	due_again(d, now + RETRY_MIN_MS);
}
