/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * From octets of a conversation to recordings that are due.
 */
#include "chronicle.h"

#include <stdlib.h>
#include <sys/random.h>

#include "../core/codec/date.h"
#include "../core/codec/feature.h"
#include "../core/codec/mime.h"
#include "../core/queue/key.h"
#include "../module/context.h"
#include "../module/settings.h"
#include "../script/draft.h"
#include "copy.h"

#define ID_MAX 64
/* Of an Accept-Contact value, and of a date. */
#define VALUE_MAX 128
/* Octets of all open messages of a conversation that are held; and large ones of it, and of all conversations of this process, each
 * with a buffer (staging.h). */
#define HELD_MAX (1u << 20)
#define LARGE_MAX 8
#define LARGE_ALL_MAX 128

struct chronicle {
	struct chronicle_entry *entries; /* that are open */
	int64_t due_ms; /* when the last one fell due: it is recorded before those that follow it */
	size_t held;    /* octets */
	size_t large;   /* entries */
	struct cpm_slice aor, invite;
	char text[]; /* copies */
};

static size_t large_all; /* entries, also those that are being recorded */

struct chronicle_entry {
	struct chronicle_entry *next, **at; /* among the open ones */
	struct chronicle *chronicle;        /* until it is finished */
	chronicle_went_on go_on;
	void *owner;
	const char *failed; /* why it will not be recorded; "": that has been said */
	bool large;
	struct copy *copy;     /* of a large one */
	struct cpm_buf octets; /* of any other */
	struct cpm_buf record; /* without what its octets say */
	size_t id_n;
	char id[ID_MAX];
	struct cpm_slice aor;
	char text[]; /* a copy */
};

static struct cpm_slice id_of(const struct chronicle_entry *e)
{
	return (struct cpm_slice){e->id, e->id_n};
}

static void entry_free(struct chronicle_entry *e)
{
	large_all -= e->large;
	cpm_buf_free(&e->octets);
	cpm_buf_free(&e->record);
	free(e);
}

static void entry_leave(struct chronicle_entry *e)
{
	*e->at = e->next;
	if(e->next)
		e->next->at = e->at;
	e->chronicle->held -= e->octets.n;
	e->chronicle->large -= e->large;
	e->chronicle = NULL;
}

static char *text_put(char *at, struct cpm_slice *to, struct cpm_slice from)
{
	*to = (struct cpm_slice){at, from.n};
	memcpy(at, from.p, from.n);
	return at + from.n;
}

struct chronicle *chronicle_begin(struct cpm_slice aor, struct cpm_slice invite)
{
	struct chronicle *c = calloc(1, sizeof(*c) + aor.n + invite.n);

	if(!c) {
		recording_failed(aor, CPM_SLICE("conversation"), "busy");
		return NULL;
	}
	text_put(text_put(c->text, &c->aor, aor), &c->invite, invite);
	return c;
}

void chronicle_end(struct chronicle **c)
{
	struct chronicle *ended = *c;

	*c = NULL;
	if(!ended)
		return;
	while(ended->entries) {
		struct chronicle_entry *e = ended->entries;

		chronicle_drop(&e);
	}
	free(ended);
}

void chronicle_tend(struct chronicle *c, int64_t now)
{
	struct chronicle_entry *e;

	for(e = c ? c->entries : NULL; e; e = e->next)
		if(e->copy)
			copy_tend(e->copy, now);
}

/* What tells of messages, and is none. */
static bool is_notice(struct cpm_slice content_type)
{
	struct cpm_media_type type;

	return cpm_media_type_parse(content_type, &type)
		   && (cpm_media_type_is(&type, "application", "im-iscomposing+xml")
				   || cpm_media_type_is(&type, "message", "imdn+xml"));
}

static bool is_cpim(struct cpm_slice content_type)
{
	struct cpm_media_type type;

	return cpm_media_type_parse(content_type, &type) && cpm_media_type_is(&type, "message", "cpim");
}

static bool id_make(struct chronicle_entry *e)
{
	unsigned char bytes[12];
	struct cpm_buf id;

	if(getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return false;
	cpm_buf_init_fixed(&id, e->id, sizeof(e->id));
	cpm_key_add_id(&id, bytes, cpm_key_shard(e->aor, (unsigned)settings.queue_shards));
	e->id_n = id.n;
	return id.rc == CPM_OK;
}

/* What a message has of its INVITE, and of itself. */
static bool record_make(struct chronicle_entry *e, bool sent, struct cpm_slice content_type)
{
	char date_text[VALUE_MAX], tag_text[VALUE_MAX];
	struct cpm_buf date, tag;
	struct cpm_slice from;
	struct cpm_record r;
	int64_t now = now_ms();

	if(cpm_record_parse(e->chronicle->invite, &r, NULL) != CPM_OK)
		return false;
	cpm_buf_init_fixed(&date, date_text, sizeof(date_text));
	cpm_buf_init_fixed(&tag, tag_text, sizeof(tag_text));
	cpm_date_add_rfc1123(&date, now);
	cpm_feature_add_accept_contact(&tag, CPM_ICSI_SESSION);
	r.kind = CPM_RECORD_SESSION;
	r.sent = sent;
	r.id = id_of(e);
	r.date = cpm_buf_slice(&date);
	r.arrived_ms = now;
	r.expires_ms = now + (int64_t)settings.max_expiry_s * 1000;
	r.content_type = content_type;
	r.content_disposition = CPM_SLICE_NONE;
	if(!cpm_feature_any(r.accept_contact))
		r.accept_contact = cpm_buf_slice(&tag);
	if(sent) {
		from = r.from;
		r.from = r.to;
		r.to = from;
	}
	cpm_buf_init(&e->record, settings.limits.max_record_bytes);
	return date.rc == CPM_OK && tag.rc == CPM_OK
		   && cpm_record_build(&r, &settings.limits, &e->record, NULL) == CPM_OK;
}

static void copy_went_on(void *owner)
{
	struct chronicle_entry *e = owner;

	if(e->chronicle && e->go_on)
		e->go_on(e->owner, e);
}

static void copy_recorded(void *owner, struct cpm_slice line)
{
	entry_free(owner);
}

static const struct copy_hooks copy_hooks = {copy_went_on, copy_recorded};

static void octets_free(struct chronicle_entry *e)
{
	e->chronicle->held -= e->octets.n;
	cpm_buf_free(&e->octets);
}

static void entry_give_up(struct chronicle_entry *e, const char *why)
{
	e->failed = why;
	octets_free(e);
}

/* From now on its octets go into the store as they come. */
static void entry_enlarge(struct chronicle_entry *e, uint64_t total)
{
	struct chronicle *c = e->chronicle;

	if(c->large >= LARGE_MAX || large_all >= LARGE_ALL_MAX) {
		entry_give_up(e, "busy");
		return;
	}
	e->copy = copy_begin(e->aor, id_of(e), cpm_buf_slice(&e->record), total, &copy_hooks, e);
	if(!e->copy) {
		entry_give_up(e, "");
		return;
	}
	e->large = true;
	c->large++;
	large_all++;
	if(e->octets.n)
		copy_put(e->copy, 0, cpm_buf_slice(&e->octets));
	octets_free(e);
}

struct chronicle_entry *chronicle_open(struct chronicle *c, bool sent,
		struct cpm_slice content_type, uint64_t total, chronicle_went_on go_on, void *owner)
{
	struct chronicle_entry *e;

	if(!c || is_notice(content_type))
		return NULL;
	e = calloc(1, sizeof(*e) + c->aor.n);
	if(!e) {
		recording_failed(c->aor, CPM_SLICE("message"), "busy");
		return NULL;
	}
	text_put(e->text, &e->aor, c->aor);
	e->chronicle = c;
	e->go_on = go_on;
	e->owner = owner;
	if(!id_make(e) || !record_make(e, sent, content_type)) {
		recording_failed(e->aor, id_of(e), "record");
		entry_free(e);
		return NULL;
	}
	cpm_buf_init(&e->octets, settings.limits.max_message_bytes);
	e->next = c->entries;
	e->at = &c->entries;
	if(e->next)
		e->next->at = &e->next;
	c->entries = e;
	if(total > settings.limits.max_message_bytes)
		entry_enlarge(e, total);
	return e;
}

static void entry_hold(struct chronicle_entry *e, uint64_t at, struct cpm_slice octets)
{
	if(at != e->octets.n) {
		entry_give_up(e, "order");
		return;
	}
	if(octets.n > HELD_MAX - e->chronicle->held) {
		entry_give_up(e, "busy");
		return;
	}
	cpm_buf_add(&e->octets, octets);
	if(e->octets.rc == CPM_OK)
		e->chronicle->held += octets.n;
	else
		entry_give_up(e, "busy");
}

bool chronicle_put(struct chronicle_entry *e, uint64_t at, struct cpm_slice octets)
{
	if(!e || e->failed)
		return true;
	if(!e->copy && at == e->octets.n && octets.n > settings.limits.max_message_bytes - e->octets.n)
		entry_enlarge(e, 0);
	if(e->copy)
		return copy_put(e->copy, at, octets);
	if(!e->failed)
		entry_hold(e, at, octets);
	return true;
}

static void on_kept(void *context, enum store_rc rc)
{
	struct chronicle_entry *e = context;

	if(rc != STORE_OK && rc != STORE_DUPLICATE)
		recording_failed(e->aor, id_of(e), "queue");
	entry_free(e);
}

/* Into the store, for the queue process to record. Those of one moment keep their order. */
static bool entry_keep(struct chronicle_entry *e, struct cpm_slice record, int64_t *due_ms)
{
	int64_t now = now_ms();
	struct store_report report = {.id = id_of(e),
			.record = record,
			.body = cpm_buf_slice(&e->octets),
			.due_ms = now > *due_ms ? now : *due_ms + 1,
			.expires_ms = now + (int64_t)settings.max_expiry_s * 1000};

	*due_ms = report.due_ms;
	return store_report_put(media_store(), e->aor, now, &report, on_kept, e);
}

/* NULL: it is on its way. Else why not; "": it is none to be recorded. */
static const char *entry_record(struct chronicle_entry *e, int64_t *due_ms)
{
	struct cpm_slice octets = cpm_buf_slice(&e->octets), originator;
	struct cpm_cpim cpim = {.imdn_id = CPM_SLICE_NONE};
	struct cpm_record r;
	struct cpm_buf record;
	const char *why = "record";

	if(cpm_record_parse(cpm_buf_slice(&e->record), &r, NULL) != CPM_OK)
		return why;
	if(is_cpim(r.content_type) && cpm_cpim_parse(octets, &settings.limits, &cpim, NULL) != CPM_OK)
		return "malformed";
	if(is_notice(cpim.content_type))
		return "";
	cpm_buf_init(&record, settings.limits.max_record_bytes);
	if(draft_complete(cpm_buf_slice(&e->record), &cpim, octets.n, &record, &originator))
		why = entry_keep(e, cpm_buf_slice(&record), due_ms) ? NULL : "queue";
	cpm_buf_free(&record);
	return why;
}

void chronicle_finish(struct chronicle_entry **at, uint64_t total)
{
	struct chronicle_entry *e = *at;
	struct chronicle *c;

	*at = NULL;
	if(!e)
		return;
	c = e->chronicle;
	entry_leave(e);
	if(e->copy) {
		copy_finish(e->copy, total);
		return;
	}
	if(!e->failed && total != e->octets.n)
		e->failed = "order";
	if(!e->failed)
		e->failed = entry_record(e, &c->due_ms);
	if(!e->failed)
		return;
	if(*e->failed)
		recording_failed(e->aor, id_of(e), e->failed);
	entry_free(e);
}

void chronicle_drop(struct chronicle_entry **at)
{
	struct chronicle_entry *e = *at;

	*at = NULL;
	if(!e)
		return;
	entry_leave(e);
	copy_drop(&e->copy);
	entry_free(e);
}
