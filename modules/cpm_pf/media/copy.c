/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Copies.
 */
#include "copy.h"

#include <stdlib.h>

#include "../core/codec/cpim.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../script/draft.h"
#include "staging.h"

struct copy {
	struct staging staging;
	const struct copy_hooks *hooks;
	void *owner;
	bool finished, over; /* the message has arrived; nobody waits for us any more */
	const char *failed;  /* why it will not be recorded */
	unsigned calls;      /* answers that are to come, but for the staging's */
	uint64_t total;
	struct cpm_slice record;
	char text[]; /* copies */
};

/* Freed once nobody will call back. */
static void copy_release(struct copy *c)
{
	if(!c->over || c->calls || c->staging.calls)
		return;
	staging_free(&c->staging);
	free(c);
}

/* Callers release the copy when they are done with it. */
static void copy_over(struct copy *c, struct cpm_slice line)
{
	staging_drop(&c->staging);
	c->over = true;
	c->hooks->recorded(c->owner, line);
}

/* From now on octets are only counted. */
static void copy_give_up(struct copy *c, const char *why)
{
	c->failed = why;
	staging_drop(&c->staging);
}

static void on_recorded(void *owner, struct cpm_slice line)
{
	struct copy *c = owner;

	c->calls--;
	copy_over(c, line);
	copy_release(c);
}

/* It has all its octets in the store, and this is what they begin with. NULL: it is being recorded; else why not, "": it is none to be. */
static const char *copy_record(struct copy *c, struct cpm_slice octets)
{
	struct recording r = {.aor = c->staging.aor, .id = c->staging.id, .size = c->total};
	struct cpm_cpim cpim;
	struct cpm_slice originator;
	struct cpm_buf record, identity;
	const char *why = "record";

	if(cpm_cpim_parse(octets, &settings.limits, &cpim, NULL) != CPM_OK)
		return "malformed";
	/* A disposition notification is no part of a conversation. */
	if(cpm_cpim_is_imdn(&cpim))
		return "";
	cpm_buf_init(&record, settings.limits.max_record_bytes);
	cpm_buf_init(&identity, settings.limits.max_record_bytes);
	if(draft_complete(c->record, &cpim, c->total, &record, &originator)) {
		if(cpim.imdn_id.n)
			draft_add_identity(&identity, originator, cpim.imdn_id);
		r.record = cpm_buf_slice(&record);
		if(identity.rc == CPM_OK)
			r.identity = cpm_buf_slice(&identity);
		c->calls++;
		why = recording_begin(&r, on_recorded, c) ? NULL : "";
		c->calls -= why != NULL;
	}
	cpm_buf_free(&record);
	cpm_buf_free(&identity);
	return why;
}

static void on_sealed(void *context, enum store_rc rc, struct cpm_slice octets)
{
	struct copy *c = context;
	const char *why = rc == STORE_OK ? copy_record(c, octets) : "queue";

	if(why && *why)
		recording_failed(c->staging.aor, c->staging.id, why);
	if(why)
		copy_over(c, CPM_SLICE_NONE);
	c->calls--;
	copy_release(c);
}

/* The message has arrived: prove that all of it is in the store, and record it. */
static void copy_settle(struct copy *c)
{
	if(!c->failed) {
		if(!staging_finish(&c->staging))
			return;
		if(staging_seal(&c->staging, c->total, on_sealed, c)) {
			c->calls++;
			return;
		}
		c->failed = "queue";
	}
	recording_failed(c->staging.aor, c->staging.id, c->failed);
	copy_over(c, CPM_SLICE_NONE);
}

/* Something that its octets waited for has come. */
static void on_moved(struct staging *s)
{
	struct copy *c = (struct copy *)((char *)s - offsetof(struct copy, staging));

	if(c->finished && !c->over)
		copy_settle(c);
	else if(!c->over && staging_ready(s))
		c->hooks->go_on(c->owner);
	copy_release(c);
}

static char *text_put(char *at, struct cpm_slice *to, struct cpm_slice from)
{
	*to = (struct cpm_slice){at, from.n};
	memcpy(at, from.p, from.n);
	return at + from.n;
}

struct copy *copy_begin(struct cpm_slice aor, struct cpm_slice id, struct cpm_slice record,
		uint64_t total, const struct copy_hooks *hooks, void *owner)
{
	struct copy *c = NULL;
	const char *why = "too-large";
	char *at;

	if(total <= (uint64_t)settings.store_max_object_bytes) {
		why = "busy";
		c = calloc(1, sizeof(*c) + aor.n + id.n + record.n);
	}
	if(!c || !staging_begin(&c->staging)) {
		free(c);
		recording_failed(aor, id, why);
		return NULL;
	}
	c->staging.moved = on_moved;
	c->hooks = hooks;
	c->owner = owner;
	at = text_put(c->text, &c->staging.aor, aor);
	at = text_put(at, &c->staging.id, id);
	text_put(at, &c->record, record);
	return c;
}

bool copy_put(struct copy *c, uint64_t at, struct cpm_slice octets)
{
	uint64_t most = (uint64_t)settings.store_max_object_bytes;

	if(c->failed)
		return true;
	if(c->staging.failed)
		copy_give_up(c, "queue");
	else if(at > most || octets.n > most - at)
		copy_give_up(c, "too-large");
	return c->failed || staging_add(&c->staging, at, octets);
}

void copy_finish(struct copy *c, uint64_t total)
{
	c->finished = true;
	c->total = total;
	copy_settle(c);
	copy_release(c);
}

void copy_drop(struct copy **c)
{
	struct copy *dropped = *c;

	*c = NULL;
	if(!dropped)
		return;
	dropped->over = true;
	staging_drop(&dropped->staging);
	copy_release(dropped);
}

void copy_tend(struct copy *c, int64_t now_ms)
{
	staging_keep(&c->staging, now_ms);
}
