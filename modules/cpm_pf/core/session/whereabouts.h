/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * On which of a user's clients a CPM session is, for an invitation that extends
 * it (Session-Replaces). One table of fixed size in the caller's memory; the
 * oldest sessions are forgotten for want of room. It holds hashes only: two
 * sessions that fall together send one invitation to another client of the same
 * user. The norm's 8.3.2.1 steps 5c and 6.
 */
#ifndef CPM_SESSION_WHEREABOUTS_H
#define CPM_SESSION_WHEREABOUTS_H

#include "../base/slice.h"

struct cpm_whereabouts;

/* Octets of a table for so many sessions at least; 0 when they cannot be counted. */
size_t cpm_whereabouts_size(size_t sessions);
/* Makes memory of that size an empty table. seed: a number that peers cannot know. */
struct cpm_whereabouts *cpm_whereabouts_init(void *memory, size_t sessions, uint64_t seed);

/* The session of this user (canonical URI) with this Contribution-ID is on this client (any bytes that name it) now. */
void cpm_whereabouts_put(struct cpm_whereabouts *w, struct cpm_slice user,
		struct cpm_slice contribution, struct cpm_slice client);

/* The client's number; 0 when the session is not known. */
uint64_t cpm_whereabouts_find(
		const struct cpm_whereabouts *w, struct cpm_slice user, struct cpm_slice contribution);
/* The number of a client, for comparing; never 0. */
uint64_t cpm_whereabouts_client(const struct cpm_whereabouts *w, struct cpm_slice client);

#endif
