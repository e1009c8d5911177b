/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What became of a message: one log line, one counter and one event route for
 * each outcome.
 */
#ifndef CPM_OUTCOME_H
#define CPM_OUTCOME_H

#include "../core/queue/record.h"
#include "job.h"

/* body is the message's, for the event route. */
void outcome_deferred(const struct store_job *job);
void outcome_duplicate(struct cpm_slice id, struct cpm_slice aor);
/* It was not made safe and its sender is told so. */
void outcome_refused(struct cpm_slice id, struct cpm_slice aor, const char *reason);
void outcome_delivered(
		const struct cpm_record *r, struct cpm_slice body, int status, int64_t now_ms);
/* A push that failed; the message stays. */
void outcome_failed(const struct cpm_record *r, struct cpm_slice body, int status, const char *why);
/* A message that ended otherwise than by a client; late_ms: since it was due. */
void outcome_ended(
		struct cpm_slice id, struct cpm_slice aor, enum store_outcome outcome, int64_t late_ms);
/* An expired message that is kept for the message store. */
void outcome_kept(struct cpm_slice id, struct cpm_slice aor);
/* It is in the user's message store; late: from the queue. */
void outcome_stored(struct cpm_slice id, struct cpm_slice aor, struct cpm_slice folder,
		uint32_t uid, uint32_t uidvalidity, bool late);
/* The message store did not take it, this time. */
void outcome_unstored(struct cpm_slice id, struct cpm_slice aor, const char *reason);
/* The same of one that waits in the queue for it: a line for the first attempt alone, so that an outage does not fill the log. */
void outcome_unstored_again(
		struct cpm_slice id, struct cpm_slice aor, const char *reason, int64_t attempts);
/* It does not fit into an object, and waits in the queue for its user's word. */
void outcome_too_large(struct cpm_slice id, struct cpm_slice aor);
/* It was stored with its request for delivery reports, as its body cannot be read. */
void outcome_unstripped(struct cpm_slice id, struct cpm_slice aor, const char *why);
void outcome_quarantined(struct cpm_slice id, const char *why);

#endif
