/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Push outcomes by SIP status, and the retry law.
 */
#include "retry.h"

/* First row that holds the status. A status outside every row is not an answer of the client:
 * nothing is known of it, so it counts as gone. */
static const struct {
	int first, last;
	enum cpm_push_outcome outcome;
} outcomes[] = {
		{200, 299, CPM_PUSH_DELIVERED},
		{404, 404, CPM_PUSH_CLIENT_GONE}, /* the contact no longer exists there */
		{408, 408, CPM_PUSH_CLIENT_GONE},
		{410, 410, CPM_PUSH_CLIENT_GONE},
		{430, 430, CPM_PUSH_CLIENT_GONE}, /* RFC 5626: flow failed */
		{480, 480, CPM_PUSH_CLIENT_GONE},
		{481, 481, CPM_PUSH_CLIENT_GONE},
		{486, 487, CPM_PUSH_CLIENT_GONE},
		{502, 504, CPM_PUSH_CLIENT_GONE},
		{300, 699, CPM_PUSH_REFUSED},
};

enum cpm_push_outcome cpm_push_outcome_of(int status)
{
	for(unsigned i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		if(status >= outcomes[i].first && status <= outcomes[i].last)
			return outcomes[i].outcome;
	}
	return CPM_PUSH_CLIENT_GONE;
}

int64_t cpm_retry_at(int64_t now_ms, int64_t arrived_ms, int64_t retry_min_ms, int64_t retry_max_ms,
		uint32_t random)
{
	/* a clock that went back gives a young message, never a negative wait */
	int64_t wait = now_ms > arrived_ms ? now_ms - arrived_ms : 0;
	uint64_t tenth;

	if(wait > retry_max_ms)
		wait = retry_max_ms;
	if(wait < retry_min_ms)
		wait = retry_min_ms;
	if(wait <= 0)
		return now_ms;
	tenth = (uint64_t)wait / 10;
	/* scaled in two halves so that the product stays within 64 bits for any wait */
	wait += (int64_t)((tenth >> 32) * random + (((tenth & UINT32_MAX) * random) >> 32));
	return now_ms > INT64_MAX - wait ? INT64_MAX : now_ms + wait;
}
