/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What became of a message: one log line and one counter for each outcome.
 */
#ifndef CPM_OUTCOME_H
#define CPM_OUTCOME_H

#include "../core/queue/record.h"
#include "../redis/store.h"
#include "../sip/contacts.h"

void outcome_deferred(struct cpm_slice id, struct cpm_slice aor, enum cpm_defer_cause cause, int64_t expires_ms);
void outcome_duplicate(struct cpm_slice id, struct cpm_slice aor);
/* It was not made safe and its sender is told so. */
void outcome_refused(struct cpm_slice id, struct cpm_slice aor, const char *reason);
void outcome_delivered(const struct cpm_record *r, const struct contact *c, int status, int64_t now_ms);
/* A push that failed; the message stays. */
void outcome_failed(const struct cpm_record *r, int status, const char *why);
void outcome_expired(struct cpm_slice id, struct cpm_slice aor);
void outcome_quarantined(struct cpm_slice id, const char *why);

#endif
