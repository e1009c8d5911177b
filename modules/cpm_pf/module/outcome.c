/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Log lines and counters for the ends of messages.
 */
#include "outcome.h"

#include "../../core/dprint.h"
#include "event.h"
#include "logged.h"
#include "statistics.h"


static void tell(enum event_kind kind, const struct cpm_record *r, struct cpm_slice body,
		const char *reason, int status)
{
	struct event_facts facts = {.user = r->aor,
			.record = r,
			.body = body,
			.reason = reason,
			.status = status,
			.count = 1};

	event_run(kind, &facts);
}

static const char *note_of(const struct store_job *job)
{
	if(job->place == STORE_TO_STORE)
		return " note=\"kept for the message store\"";
	return job->cause == CPM_CAUSE_STORE ? " note=\"no message store, kept in the queue\"" : "";
}

void outcome_deferred(const struct store_job *job)
{
	struct cpm_record r;

	count(deferred);
	switch(job->cause) {
		case CPM_CAUSE_DND:
			count(deferred_dnd);
			break;
		case CPM_CAUSE_OFFLINE:
			count(deferred_offline);
			break;
		case CPM_CAUSE_UNDELIVERED:
			count(deferred_undelivered);
			break;
		case CPM_CAUSE_STORE:
			count(deferred_store);
			break;
		case CPM_CAUSE_POLICY:
		case CPM_CAUSE_SCRIPT:
			count(deferred_policy);
			break;
	}
	LM_INFO("event=deferred id=%.*s user=%.*s cause=%s expires_ms=%lld%s\n", SLICE_FMT(job->id),
			USER_FMT(job->aor), cpm_defer_cause_name(job->cause), (long long)job->expires_ms,
			note_of(job));
	if(event_wanted(EVENT_DEFERRED) && cpm_record_parse(job->record, &r, NULL) == CPM_OK)
		tell(EVENT_DEFERRED, &r, job->body, cpm_defer_cause_name(job->cause), 0);
}

void outcome_duplicate(struct cpm_slice id, struct cpm_slice aor)
{
	count(duplicates);
	LM_INFO("event=duplicate id=%.*s user=%.*s\n", SLICE_FMT(id), USER_FMT(aor));
}

void outcome_refused(struct cpm_slice id, struct cpm_slice aor, const char *reason)
{
	LM_WARN("event=refused id=%.*s user=%.*s reason=%s\n", SLICE_FMT(id), USER_FMT(aor), reason);
}

void outcome_delivered(
		const struct cpm_record *r, struct cpm_slice body, int status, int64_t now_ms)
{
	count(delivered);
	LM_INFO("event=delivered id=%.*s user=%.*s status=%d age_ms=%lld\n", SLICE_FMT(r->id),
			USER_FMT(r->aor), status, (long long)(now_ms - r->arrived_ms));
	tell(EVENT_DELIVERED, r, body, "delivered", status);
}

void outcome_failed(const struct cpm_record *r, struct cpm_slice body, int status, const char *why)
{
	LM_INFO("event=undelivered id=%.*s user=%.*s status=%d why=\"%s\"\n", SLICE_FMT(r->id),
			USER_FMT(r->aor), status, why);
	tell(EVENT_UNDELIVERED, r, body, why, status);
}

#define LOG_END(event)                                                                        \
	LM_INFO("event=" event " id=%.*s user=%.*s late_ms=%lld\n", SLICE_FMT(id), USER_FMT(aor), \
			(long long)late_ms)

void outcome_ended(
		struct cpm_slice id, struct cpm_slice aor, enum store_outcome outcome, int64_t late_ms)
{
	switch(outcome) {
		case STORE_EXPIRED:
			count(expired);
			LOG_END("expired");
			break;
		case STORE_DELETED:
			count(deleted);
			LOG_END("deleted");
			break;
		case STORE_INTERWORKED:
			count(isf_taken);
			LOG_END("interworked");
			break;
		default:
			break;
	}
}

void outcome_kept(struct cpm_slice id, struct cpm_slice aor)
{
	count(expired_kept);
	LM_NOTICE("event=kept id=%.*s user=%.*s note=\"expired, kept for the message store\"\n",
			SLICE_FMT(id), USER_FMT(aor));
}

void outcome_stored(struct cpm_slice id, struct cpm_slice aor, struct cpm_slice folder,
		uint32_t uid, uint32_t uidvalidity, bool late)
{
	count(stored);
	LM_INFO("event=stored id=%.*s user=%.*s uid=%u uidvalidity=%u folder=\"%.*s\" from=%s\n",
			SLICE_FMT(id), USER_FMT(aor), uid, uidvalidity, USER_FMT(folder),
			late ? "queue" : "request");
}

void outcome_unstored(struct cpm_slice id, struct cpm_slice aor, const char *reason)
{
	count(unstored);
	LM_NOTICE("event=unstored id=%.*s user=%.*s reason=%s\n", SLICE_FMT(id), USER_FMT(aor), reason);
}

void outcome_unstored_again(
		struct cpm_slice id, struct cpm_slice aor, const char *reason, int64_t attempts)
{
	if(attempts == 0) {
		outcome_unstored(id, aor, reason);
		return;
	}
	count(unstored);
	LM_DBG("event=unstored id=%.*s user=%.*s reason=%s attempts=%lld\n", SLICE_FMT(id),
			USER_FMT(aor), reason, (long long)attempts);
}

void outcome_too_large(struct cpm_slice id, struct cpm_slice aor)
{
	count(store_too_large);
	outcome_unstored(id, aor, "too-large");
}

void outcome_unstripped(struct cpm_slice id, struct cpm_slice aor, const char *why)
{
	count(unstripped);
	LM_NOTICE("event=unstripped id=%.*s user=%.*s why=\"%s\"\n", SLICE_FMT(id), USER_FMT(aor),
			why ? why : "unreadable");
}

void outcome_quarantined(struct cpm_slice id, const char *why)
{
	count(quarantined);
	LM_ERR("event=quarantined id=%.*s why=\"%s\"\n", SLICE_FMT(id), why ? why : "unreadable");
}
