/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Log lines and counters for the ends of messages.
 */
#include "outcome.h"

#include "../../core/dprint.h"
#include "statistics.h"

#define SLICE_FMT(s) (int)(s).n, (s).p ? (s).p : ""

void outcome_deferred(struct cpm_slice id, struct cpm_slice aor, enum cpm_defer_cause cause, int64_t expires_ms)
{
	count(deferred);
	switch(cause) {
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
	LM_INFO("event=deferred id=%.*s user=%.*s cause=%s expires_ms=%lld%s\n", SLICE_FMT(id),
			SLICE_FMT(aor), cpm_defer_cause_name(cause), (long long)expires_ms,
			cause == CPM_CAUSE_STORE ? " note=\"no message store yet, kept in the queue\"" : "");
}

void outcome_duplicate(struct cpm_slice id, struct cpm_slice aor)
{
	count(duplicates);
	LM_INFO("event=duplicate id=%.*s user=%.*s\n", SLICE_FMT(id), SLICE_FMT(aor));
}

void outcome_refused(struct cpm_slice id, struct cpm_slice aor, const char *reason)
{
	LM_WARN("event=refused id=%.*s user=%.*s reason=%s\n", SLICE_FMT(id), SLICE_FMT(aor), reason);
}

void outcome_delivered(const struct cpm_record *r, const struct contact *c, int status, int64_t now_ms)
{
	count(delivered);
	LM_INFO("event=delivered id=%.*s user=%.*s status=%d age_ms=%lld\n", SLICE_FMT(r->id),
			SLICE_FMT(r->aor), status, (long long)(now_ms - r->arrived_ms));
}

void outcome_failed(const struct cpm_record *r, int status, const char *why)
{
	LM_INFO("event=undelivered id=%.*s user=%.*s status=%d why=\"%s\"\n", SLICE_FMT(r->id),
			SLICE_FMT(r->aor), status, why);
}

void outcome_expired(struct cpm_slice id, struct cpm_slice aor)
{
	count(expired);
	LM_INFO("event=expired id=%.*s user=%.*s\n", SLICE_FMT(id), SLICE_FMT(aor));
}

void outcome_quarantined(struct cpm_slice id, const char *why)
{
	count(quarantined);
	LM_ERR("event=quarantined id=%.*s why=\"%s\"\n", SLICE_FMT(id), why ? why : "unreadable");
}
