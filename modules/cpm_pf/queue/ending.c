/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The ends of messages that no client took: their time has come, or somebody
 * deleted them. Whoever has claimed an end has the message to himself; the end,
 * its sum and the report to the sender are one step in the store.
 * The norm's 8.3.1.6.8 and 8.3.1.6.3 step 3.
 */
#include "ending.h"

#include "../../core/dprint.h"
#include "../core/queue/metadata.h"
#include "../module/context.h"
#include "../module/event.h"
#include "../module/logged.h"
#include "../module/outcome.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../sip/message.h"
#include "due.h"
#include "report.h"

/* What the user wants done with expired messages (8.3.1.6.8 step 1). */
static enum cpm_expired preference(const struct due *d, const struct cpm_record *r, int64_t now)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_facts facts = {
			.medium = CPM_MEDIUM_DEFERRED, .anonymous = r->anonymous, .now_ms = now};
	struct cpm_verdict verdict;

	if(r->originator.n
			&& cpm_uri_canon(r->originator, memory, sizeof(memory), &facts.originators[0])
					   == CPM_OK)
		facts.originator_count = 1;
	cpm_decide(due_documents(d), &facts, &verdict);
	return verdict.expired == CPM_EXPIRED_DEFAULT ? settings.expired : verdict.expired;
}

void ending_tell(const struct due *d, const struct cpm_record *r, enum cpm_msginfo_status status,
		const struct ending_place *place, int64_t now)
{
	char memory[4096];
	const char *word = status == CPM_MSGINFO_STORED ? "stored" : "discarded";
	struct cpm_buf b;
	struct contacts clients;
	struct cpm_msginfo_item item;
	struct cpm_msginfo info = {.number = 1, .items = &item, .count = 1};
	struct event_facts facts = {
			.user = r->aor, .record = r, .body = d->body, .reason = word, .count = 1};
	size_t any;

	if(!contacts_load(r->aor, &clients))
		return;
	any = clients.count;
	if(any && settings.notify_expired)
		notify_expired(r, status, place, &clients, now);
	contacts_free(&clients);
	if(any || !settings.notify_expired_oob)
		return;
	cpm_buf_init_fixed(&b, memory, sizeof(memory));
	cpm_metadata_of(r, &item);
	cpm_msginfo_add_json(&b, r->aor, word, &info);
	facts.json = b.rc == CPM_OK ? cpm_buf_slice(&b) : CPM_SLICE_NONE;
	event_run(EVENT_NOTIFY_OOB, &facts);
}

static void ended(struct due *d, bool mine)
{
	struct cpm_record r;
	int64_t now = now_ms();

	if(!mine)
		return;
	outcome_ended(d->id, d->aor, d->outcome, now - d->due_ms);
	if(d->outcome == STORE_EXPIRED && cpm_record_parse(d->record, &r, NULL) == CPM_OK)
		ending_tell(d, &r, CPM_MSGINFO_DISCARDED, NULL, now);
}

static void kept(struct due *d, bool mine)
{
	if(mine)
		outcome_kept(d->id, d->aor);
}

static void end(struct due *d, const struct cpm_record *r, enum store_outcome outcome,
		enum cpm_end what, int64_t now)
{
	struct store_report report;

	report_make(r, d->body, what, now, &report);
	d->ended = ended;
	due_end(d, outcome, &report);
}

static void expire(struct due *d, const struct cpm_record *r, int64_t now)
{
	/* What is too large for the message store would wait for it without end. */
	bool storable =
			r->kind != CPM_RECORD_LARGE || r->size <= (uint64_t)settings.store_max_object_bytes;

	if(storable && preference(d, r, now) == CPM_EXPIRED_STORE) {
		d->ended = kept;
		due_keep(d);
	} else
		end(d, r, STORE_EXPIRED, CPM_END_EXPIRED, now);
}

static void interwork_answered(struct due *d, int status, int64_t now)
{
	struct cpm_record r;

	cpm_record_parse(d->record, &r, NULL);
	if(status >= 200 && status < 300)
		end(d, &r, STORE_INTERWORKED, CPM_END_INTERWORKED, now);
	else {
		count(isf_refused);
		LM_NOTICE("event=uninterworked id=%.*s user=%.*s status=%d\n", SLICE_FMT(d->id),
				USER_FMT(d->aor), status);
		expire(d, &r, now);
	}
}

/* The script took it over: to the ISF, and what that does not take ends as if nobody had. */
static void interwork(struct due *d, const struct cpm_record *r, int64_t now)
{
	uint64_t ticket;

	/* A large message is no MESSAGE. */
	if(r->kind != CPM_RECORD_PAGER) {
		interwork_answered(d, 415, now);
		return;
	}
	if(!due_ticket(d, interwork_answered, &ticket)) {
		due_again(d, now + 1000);
		return;
	}
	if(!message_interwork(r, d->body, cpm_slice_of(settings.isf_uri), ticket))
		due_answered(ticket, 503, now);
}

void ending_due(struct due *d, int64_t now)
{
	struct event_facts facts = {.user = d->aor, .body = d->body, .reason = "expired", .count = 1};
	struct cpm_record r;
	struct cpm_diag diag = {0};

	if(cpm_record_parse(d->record, &r, &diag) != CPM_OK) {
		if(d->kind == STORE_DUE_DELETED) {
			d->ended = ended;
			due_end(d, STORE_DELETED, NULL);
			return;
		}
		outcome_quarantined(d->id, diag.reason);
		due_quarantine(d);
		return;
	}
	if(d->kind == STORE_DUE_DELETED) {
		end(d, &r, STORE_DELETED, CPM_END_DELETED, now);
		return;
	}
	facts.record = &r;
	if(event_run(EVENT_EXPIRED, &facts) && r.kind != CPM_RECORD_LARGE)
		interwork(d, &r, now);
	else
		expire(d, &r, now);
}
