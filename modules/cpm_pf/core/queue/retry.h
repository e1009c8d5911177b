/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What a client's answer to a push means, and when to try again.
 */
#ifndef CPM_RETRY_H
#define CPM_RETRY_H

#include <stdint.h>

enum cpm_push_outcome {
	CPM_PUSH_DELIVERED,   /* any 2xx: remove the message */
	CPM_PUSH_CLIENT_GONE, /* the client cannot take any message now (408, 430, 480, 486, 503, timeout, ...): stop, retry by age */
	CPM_PUSH_REFUSED, /* this message is not taken (400, 413, 415, 488, 6xx, ...): retry it by age, go on with the next one */
};

/* SIP status (timeouts as 408) to outcome; one table, doc/queue.md lists it. */
enum cpm_push_outcome cpm_push_outcome_of(int status);

/* When to try again: the message's age clamped to [retry_min_ms, retry_max_ms], plus up to a tenth of jitter (random is any
 * uniform 32-bit number). Spreads retries without a counter. */
int64_t cpm_retry_at(int64_t now_ms, int64_t arrived_ms, int64_t retry_min_ms, int64_t retry_max_ms,
		uint32_t random);

#endif
