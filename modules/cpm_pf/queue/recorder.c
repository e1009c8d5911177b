/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Lanes: users are spread over them by hash, and each has one recording under
 * way. What the message store will not take of one message must not keep the
 * others of its user out of it, nor one user's trouble those of others.
 */
#include "recorder.h"

#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "../module/context.h"
#include "../module/logged.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../script/draft.h"
#include "history.h"
#include "queue.h"
#include "storing.h"

#define LANES 256
/* As of all that is recorded after it has arrived. */
#define KEY_SUFFIX ".h"
#define IDENTITY_MAX 8192
/* Trouble that may be this message's own holds up others for so long at most. */
#define HOLD_UP_MS 600000

struct lane {
	bool busy;
	uint64_t user;    /* whose recordings wait, by hash: the last one who had trouble */
	int64_t until_ms; /* the first of them is tried again then */
	int64_t last_ms;  /* and the last one that waits behind it comes then */
};

/* In line for a lane that is busy, in their order. */
struct waiting {
	struct due *due;
	struct lane *lane;
};

/* In shared memory: the store process reads the identity. */
struct asked {
	struct due *due;
	struct lane *lane;
	size_t identity_n;
	char identity[];
};

static struct lane lanes[LANES];
static struct waiting line[DUE_TASKS_MAX];
static size_t line_n;

static uint64_t user_of(const struct cpm_record *r)
{
	return cpm_slice_hash(r->aor, 2);
}

static void record_of(const struct due *d, struct cpm_record *r)
{
	/* report.c has read it before. */
	cpm_record_parse(d->record, r, NULL);
}

static void put_off(struct due *d, int64_t at_ms)
{
	if(d->attempts == 0)
		count(recordings_late);
	due_again(d, at_ms);
}

/* Behind those of its user that wait already. */
static void line_up(struct due *d, struct lane *lane)
{
	lane->last_ms++;
	put_off(d, lane->last_ms);
}

/* It is tried again then, and those that follow it wait. */
static void rest(struct due *d, struct lane *lane, const struct cpm_record *r, int64_t until_ms)
{
	lane->user = user_of(r);
	lane->until_ms = lane->last_ms = until_ms;
	put_off(d, until_ms);
}

/* One that is new goes behind those that were put off. */
static bool waits(
		const struct due *d, const struct lane *lane, const struct cpm_record *r, int64_t now)
{
	return lane->user == user_of(r)
		   && (now < lane->until_ms || (d->attempts == 0 && now < lane->last_ms));
}

/* Would others of its user fare no better? */
static bool holds_up(const struct archive_job *a, const struct cpm_record *r, int64_t now)
{
	static const char *const own[] = {"timeout", "lost", "protocol"};
	size_t i;

	for(i = 0; i < sizeof(own) / sizeof(own[0]) && strcmp(a->reason, own[i]) != 0; i++)
		;
	return a->rc != IMAP_REFUSED
		   && (i == sizeof(own) / sizeof(own[0]) || now - r->arrived_ms < HOLD_UP_MS);
}

static void unrecorded(struct due *d, const struct cpm_record *r, const char *reason)
{
	count(recordings_failed);
	LM_NOTICE("event=unrecorded key=%.*s" KEY_SUFFIX " user=%.*s reason=%s\n", SLICE_FMT(d->id),
			USER_FMT(r->aor), reason);
	due_done(d);
}

static void recorded(struct due *d, const struct archive_job *a)
{
	count(recordings);
	if(d->attempts)
		LM_INFO("event=recorded key=%.*s user=%.*s uid=%u attempts=%lld\n", SLICE_FMT(a->key),
				USER_FMT(a->aor), a->uid, (long long)d->attempts + 1);
	due_done(d);
}

static void not_recorded(struct due *d, struct lane *lane, const struct archive_job *a, int64_t now)
{
	struct cpm_record r;
	int64_t again_ms;

	record_of(d, &r);
	if(storing_never(a)) {
		history_failed(a);
		due_done(d);
		return;
	}
	if(d->attempts == 0)
		LM_NOTICE("event=unrecorded_yet key=%.*s user=%.*s reason=%s\n", SLICE_FMT(a->key),
				USER_FMT(a->aor), a->reason);
	again_ms = storing_again_ms(now, r.arrived_ms, a->rc);
	if(holds_up(a, &r, now))
		rest(d, lane, &r, again_ms);
	else
		put_off(d, again_ms);
}

static bool lane_go(struct due *d, struct lane *lane, int64_t now);

/* Those in line, up to the first that is under way. */
static void lane_serve(struct lane *lane, int64_t now)
{
	size_t i = 0;

	while(i < line_n && !lane->busy) {
		struct due *d = line[i].due;

		if(line[i].lane != lane) {
			i++;
			continue;
		}
		line_n--;
		memmove(line + i, line + i + 1, (line_n - i) * sizeof(*line));
		lane_go(d, lane, now);
	}
}

/* Somebody else's mark was there first; our own may be, of an attempt before this one. */
static bool is_repeat(const struct archive_job *a, const struct due *d)
{
	return a->marked != STORE_OK && !cpm_slice_eq(archive_first(a), d->id);
}

static void recorder_back(struct command_job *command, struct store *store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;
	struct asked asked = *(struct asked *)a->owner;

	asked.lane->busy = false;
	if(is_repeat(a, asked.due)) {
		/* The first one has been recorded, or is going to be. */
		history_withdraw(a);
		due_done(asked.due);
	} else if(a->rc == IMAP_OK) {
		recorded(asked.due, a);
	} else {
		not_recorded(asked.due, asked.lane, a, now);
	}
	shm_free(a->owner);
	archive_job_free(a);
	lane_serve(asked.lane, now);
}

static struct asked *asked_make(struct due *d, struct lane *lane, const struct cpm_record *r)
{
	char text[IDENTITY_MAX];
	struct cpm_buf identity;
	struct asked *asked;

	cpm_buf_init_fixed(&identity, text, sizeof(text));
	if(r->imdn_id.n)
		draft_add_identity(&identity, draft_sender(r), r->imdn_id);
	if(identity.rc != CPM_OK)
		identity.n = 0;
	asked = shm_malloc(sizeof(*asked) + identity.n);
	if(!asked)
		return NULL;
	*asked = (struct asked){d, lane, identity.n};
	memcpy(asked->identity, text, identity.n);
	return asked;
}

/* False when the message store cannot be asked now. */
static bool recorder_begin(
		struct due *d, struct lane *lane, const struct cpm_record *r, int64_t now)
{
	struct asked *asked = asked_make(d, lane, r);
	struct archive_job *a = asked ? archive_job_make(ARCHIVE_RECORD, r->aor, d->id, KEY_SUFFIX,
									d->record, d->body, true)
								  : NULL;

	if(a) {
		a->owner = asked;
		a->identity = (struct cpm_slice){asked->identity, asked->identity_n};
		a->process = queue_self();
		a->command.run = recorder_back;
		/* A node that claimed it before, and died, may have recorded it. */
		a->again = d->attempts > 0 || now - r->arrived_ms >= settings.claim_ms;
		if(archive_post(a))
			return true;
		archive_job_free(a);
	}
	if(asked)
		shm_free(asked);
	return false;
}

/* True when it is under way. */
static bool lane_go(struct due *d, struct lane *lane, int64_t now)
{
	struct cpm_record r;

	record_of(d, &r);
	if(now >= r.expires_ms) {
		unrecorded(d, &r, "expired");
		return false;
	}
	if(waits(d, lane, &r, now)) {
		line_up(d, lane);
		return false;
	}
	lane->busy = archive_configured() && recorder_begin(d, lane, &r, now);
	if(!lane->busy)
		rest(d, lane, &r,
				archive_configured() ? storing_again_ms(now, r.arrived_ms, IMAP_DOWN)
									 : now + STORING_LATER_MS);
	return lane->busy;
}

void recorder_due(struct due *d, int64_t now)
{
	struct cpm_record r;
	struct lane *lane;

	record_of(d, &r);
	lane = &lanes[user_of(&r) % LANES];
	if(!lane->busy) {
		lane_go(d, lane, now);
	} else if(line_n < DUE_TASKS_MAX) {
		line[line_n++] = (struct waiting){d, lane};
	} else {
		due_again(d, now + 1000);
	}
}
