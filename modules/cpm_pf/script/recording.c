/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Script functions that record a message before it is delivered, and take the
 * recording out again. The norm's 8.3.1.1 step 6 and end, 8.5.
 */
#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "../core/codec/cpim.h"
#include "../module/context.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../queue/history.h"
#include "../queue/queue.h"
#include "../sip/contacts.h"
#include "deferral.h"
#include "script.h"

/* Is it to be recorded at all? A disposition notification is no part of a conversation. */
static bool wanted(struct sip_msg *msg, struct context *c)
{
	const struct request *r = context_request(msg, c);
	struct cpm_cpim cpim;

	if(!archive_configured() || !r || !c->decided || !c->verdict.record_history)
		return false;
	/* Nobody to deliver it to: it is deferred, and recorded when it is pushed. */
	if(c->verdict.action != CPM_INTERWORK && !contacts_any(c->user.key))
		return false;
	return cpm_cpim_find(r->body, r->content_type, &settings.limits, &cpim, NULL) != CPM_OK
		   || !cpm_cpim_is_imdn(&cpim);
}

static void recorded(struct command_job *command, struct store *store, int64_t now);

/* again: of a repeat, by the id of the first. */
static bool post(struct store_job *job, bool again)
{
	struct archive_job *a =
			archive_job_make(ARCHIVE_RECORD, job->aor, job->id, "", job->record, job->body, false);

	if(!a)
		return false;
	a->owner = job;
	a->again = again;
	if(!again)
		a->identity = job->identity;
	a->command.run = recorded;
	if(archive_post(a))
		return true;
	archive_job_free(a);
	return false;
}

static bool post_first(struct store_job *job)
{
	return post(job, false);
}

/* The same message was recorded before, or was to be: it is looked for. False when it cannot be. */
static bool recorded_before(struct archive_job *a)
{
	struct store_job *job = a->owner;

	history_withdraw(a);
	if(!queue_adopt(job, archive_first(a)) || !post(job, true))
		return false;
	archive_job_free(a);
	return true;
}

static void recorded(struct command_job *command, struct store *store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;
	struct store_job *job = a->owner;
	struct context_recording recording = {.uid = 0};
	struct cpm_slice id = cpm_slice_head(a->key, cpm_slice_find(a->key, '@'));

	if(a->marked == STORE_BUSY ? recorded_before(a) : history_again(a))
		return;
	if(a->rc == IMAP_OK) {
		if(!a->found)
			count(recordings);
		memcpy(recording.id, id.p, id.n < sizeof(recording.id) ? id.n : sizeof(recording.id) - 1);
		recording.uid = a->uid;
		recording.uidvalidity = a->uidvalidity;
		recording.folder_n = a->folder_n;
		memcpy(recording.folder, a->folder, a->folder_n);
	} else {
		history_failed(a);
	}
	context_resume_recorded(&recording);
	context_resume("", NULL);
	if(!transaction_continue(&job->transaction, &job->route)) {
		/* Nobody will deliver it any more. */
		count(unparked);
		if(recording.uid)
			history_remove(job->aor, id, "", a->uid, a->uidvalidity, archive_folder(a));
	}
	context_resume_recorded(NULL);
	context_resume(NULL, NULL);
	shm_free(job);
	archive_job_free(a);
}

int ki_record(struct sip_msg *msg, str *route)
{
	struct context *c = context_judged(msg);
	struct transaction_route target;
	struct store_job *job;

	if(!transaction_route_find(route, &target)) {
		LM_ERR("cpm_record: there is no route[%.*s]\n", route->len, route->s);
		return -2;
	}
	if(c->recorded)
		return c->recording.uid ? 1 : -1;
	if(!wanted(msg, c))
		return -1;
	job = deferral_job(msg, c, false);
	c->message_id[0] = '\0';
	if(!job) {
		c->reason = "";
		count(recordings_failed);
		return -2;
	}
	job->route = target;
	if(deferral_park(msg, c, job, post_first) == 0)
		return 0;
	count(recordings_failed);
	return -2;
}

int ki_unrecord(struct sip_msg *msg)
{
	struct context *c = context_of(msg);
	struct context_recording *r = &c->recording;

	if(!r->uid)
		return -1;
	history_remove(c->user.key, cpm_slice_of(r->id), "", r->uid, r->uidvalidity,
			(struct cpm_slice){r->folder, r->folder_n});
	r->uid = 0;
	context_keep(msg, c);
	return 1;
}
