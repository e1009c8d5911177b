/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Counters of the module, in Kamailio's statistics group "cpm_pf".
 * doc/reference.md tells what each one counts.
 */
#ifndef CPM_STATISTICS_H
#define CPM_STATISTICS_H

#include <stdbool.h>

#include "../../core/counters.h"

/* clang-format off */
#define CPM_STATISTICS(X) \
	X(blocked) X(rejected) X(version_refused) X(anonymity_refused) \
	X(malformed) X(too_large) X(unsupported) X(expires_odd) \
	X(relayed) X(interworked) X(forwarded) \
	X(refused) X(sessions) X(sessions_answered) X(sessions_unanswered) X(redirected) \
	X(accepted) X(deferred) X(deferred_dnd) X(deferred_offline) X(deferred_policy) X(deferred_undelivered) \
	X(deferred_store) X(duplicates) X(quota_refused) X(store_failures) X(unparked) \
	X(delivered) X(push_sent) X(push_refused) X(push_gone) X(push_unsent) X(push_overflow) \
	X(expired) X(expired_kept) X(deleted) X(isf_taken) X(isf_refused) \
	X(reports) X(reports_sent) X(reports_failed) X(reports_impossible) X(push_expired) \
	X(quarantined) X(lost_leases) X(documents_missing) X(redis_down) \
	X(stored) X(unstored) X(store_too_large) X(unstripped) \
	X(recordings) X(recordings_failed) X(recordings_late) X(recordings_removed) X(recordings_left) X(reports_lost) \
	X(imap_calls) X(imap_done) X(imap_refused) X(imap_down) X(imap_unsure) X(imap_found) X(imap_away) X(imap_overflow) X(imap_latency_ms) \
	X(large_sent) X(large_discarded) X(large_bridged) X(large_unbridged) \
	X(sessions_bridged) X(sessions_unbridged) X(session_messages) X(session_messages_failed) \
	X(managed) X(subscriptions) X(system_messages) X(notified) X(notified_oob) X(documents_changed) X(subscribe_failures)
/* clang-format on */

#define STATISTIC_DECLARE(name) extern stat_var *stat_##name;
CPM_STATISTICS(STATISTIC_DECLARE)

#define count(name) update_stat(stat_##name, 1)

/* In mod_init. */
bool statistics_init(void);

/* Each counter's name and value, in the order above. */
void statistics_each(
		void (*each)(void *context, const char *name, unsigned long value), void *context);

#endif
