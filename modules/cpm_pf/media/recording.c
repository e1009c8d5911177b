/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Recordings.
 */
#include "recording.h"

#include "../../core/mem/shm.h"
#include "../module/logged.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../queue/history.h"

/* One key for all attempts: it is recorded once. */
#define KEY_SUFFIX ".h"

/* In shared memory: the store process reads the identity. */
struct asked {
	recording_told told;
	void *owner;
	char identity[];
};

/* The message is in the user's history, or could not be put there. */
static void recorded(struct command_job *command, struct store *store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;
	struct asked asked = *(struct asked *)a->owner;
	char text[CPM_FOLDER_MAX + 100];
	struct cpm_buf line;

	cpm_buf_init_fixed(&line, text, sizeof(text));
	if(a->marked != STORE_OK) {
		/* A repeat: the first one has been recorded, or is just being. */
		history_withdraw(a);
	} else if(history_again(a)) {
		return;
	} else if(a->rc == IMAP_OK) {
		count(recordings);
		history_add_header(&line, a->uid, a->uidvalidity, archive_folder(a));
	} else {
		history_failed(a);
	}
	shm_free(a->owner);
	archive_job_free(a);
	asked.told(asked.owner, cpm_buf_slice(&line));
}

void recording_failed(struct cpm_slice aor, struct cpm_slice id, const char *reason)
{
	count(recordings_failed);
	LM_NOTICE("event=unrecorded key=%.*s" KEY_SUFFIX " user=%.*s reason=%s\n", SLICE_FMT(id),
			USER_FMT(aor), reason);
}

bool recording_begin(const struct recording *r, recording_told told, void *owner)
{
	struct cpm_slice room = {NULL, (size_t)r->size};
	struct asked *asked = NULL;
	struct archive_job *a = NULL;

	if(r->size > (uint64_t)settings.store_max_object_bytes) {
		recording_failed(r->aor, r->id, "too-large");
		return false;
	}
	asked = shm_malloc(sizeof(*asked) + r->identity.n);
	if(asked)
		a = archive_job_make(ARCHIVE_RECORD, r->aor, r->id, KEY_SUFFIX, r->record, room, true);
	if(!a) {
		if(asked)
			shm_free(asked);
		recording_failed(r->aor, r->id, "busy");
		return false;
	}
	asked->told = told;
	asked->owner = owner;
	if(r->identity.n)
		memcpy(asked->identity, r->identity.p, r->identity.n);
	a->owner = asked;
	a->again = r->again;
	a->identity = (struct cpm_slice){asked->identity, r->identity.n};
	a->process = media_self();
	a->back = POST_MEDIA;
	a->command.run = recorded;
	archive_gather(a, media_store(), r->id);
	return true;
}
