/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What a push session may do: whether anything may be pushed now, to which of
 * the user's clients, and which message not (do-not-disturb, PU-5).
 * Queue process.
 */
#ifndef CPM_JUDGE_H
#define CPM_JUDGE_H

#include "../core/policy/decide.h"
#include "../core/queue/record.h"
#include "session.h"

/* Do-not-disturb is looked at again at least this far apart. */
#define JUDGE_DND_LOOK_MIN_MS 1000

/* With the documents known: may anything be pushed now? Gives the run its clients and the time to look again; takes the reference. */
enum cpm_push_event judge_session(
		struct session *s, enum xdm_state state, struct xdm_entry *entry, int64_t now);

/* Those that the run is judged by; never NULL. */
const struct cpm_documents *judge_documents(const struct session_run *run);

/* The client for a large message: the present one, else another that has nothing against large ones (PU-5); NULL without. */
const struct contact *judge_client_for_large(const struct session_run *run);

/* Goes on to the next suitable client, for a message that the present one did not take; false when there is none. */
bool judge_next_client(struct session_run *run);

/* A do-not-disturb rule may be meant for this originator alone; *until says when to look again. */
bool judge_unwelcome(
		const struct session *s, const struct cpm_record *r, int64_t now, int64_t *until);

/* Does the user want a history of what is delivered (8.5)? Not of notifications. */
bool judge_history(const struct session *s, const struct store_message *m,
		const struct cpm_record *r, int64_t now);

#endif
