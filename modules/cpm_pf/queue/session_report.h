/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What became of the messages of a push session, until the store has heard it
 * with the next call. Private memory; no I/O.
 */
#ifndef CPM_SESSION_REPORT_H
#define CPM_SESSION_REPORT_H

#include "session.h"

/* What a call to the store points to while it is made. */
struct session_report_lists {
	struct cpm_slice done[SESSION_IDS_MAX], interworked[SESSION_IDS_MAX], unsent[SESSION_IDS_MAX],
			quarantine[SESSION_IDS_MAX];
	struct store_failure failed[SESSION_IDS_MAX];
};

/* NULL is empty. */
bool session_report_empty(const struct session_report *r);
/* Each answer adds to the report, so room must be left for what is in flight; and for what is being told, should that fail. */
bool session_report_has_room(const struct session *s);
/* The call that told them failed: they are to be told again. */
void session_report_take_back(struct session_report *report, struct session_report *told);
void session_report_clear(struct session_report *r);

void session_report_done(struct session *s, const struct store_message *m);
void session_report_interworked(struct session *s, const struct store_message *m);
/* Handed out, and not for now. */
void session_report_unsent(struct session *s, const struct store_message *m);
void session_report_quarantine(struct session *s, const struct store_message *m);
/* It stays, and is not handed out before its time; status 0: it was not sent. */
void session_report_failed(
		struct session *s, const struct store_message *m, int64_t not_before_ms, int status);

/* Puts the report into a call; both r and lists must live until it is made. */
void session_report_tell(const struct session_report *r, struct session_report_lists *lists,
		struct store_next *next);

#endif
