/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Messages that wait in the queue for the message store: each is looked for
 * there before it is put, and leaves the queue when its UID is known.
 */
#include <stdlib.h>

#include "../archive/archive.h"
#include "../module/context.h"
#include "../module/outcome.h"
#include "../module/settings.h"
#include "ending.h"
#include "queue.h"
#include "report.h"
#include "storing.h"

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

/* Too large today: looked at now and then, as the limit may be raised with the next start. */
static void put_off(struct due *d, int64_t now)
{
	if(d->attempts == 0)
		outcome_too_large(d->id, d->aor);
	due_again(d, now + STORING_LATER_MS);
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
	} else if(storing_never(a)) {
		put_off(d, now);
	} else {
		outcome_unstored_again(d->id, d->aor, a->reason, d->attempts);
		due_again(d, storing_again_ms(now, r.arrived_ms, a->rc));
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
		put_off(d, now);
		return;
	}
	/* Without a message store it is looked at now and then: there may be one after the next start. */
	if(!archive_configured())
		due_again(d, now + STORING_LATER_MS);
	else if(!kept_begin(d, &r))
		due_again(d, storing_again_ms(now, r.arrived_ms, IMAP_DOWN));
}
