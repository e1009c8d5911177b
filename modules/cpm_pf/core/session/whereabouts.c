/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Sets of a few places, by hash; within a set the one that was written first
 * gives way.
 */
#include "whereabouts.h"

#define SET_PLACES 8

struct place {
	uint64_t session[2]; /* two hashes of user and Contribution-ID */
	uint64_t client;     /* 0: free */
	uint64_t written;    /* by the table's clock */
};

struct cpm_whereabouts {
	uint64_t seed;
	uint64_t clock;
	size_t sets;
	struct place places[];
};

static size_t sets_for(size_t sessions)
{
	return sessions / SET_PLACES + (sessions % SET_PLACES != 0);
}

size_t cpm_whereabouts_size(size_t sessions)
{
	size_t sets = sets_for(sessions), most = SIZE_MAX - sizeof(struct cpm_whereabouts);

	if(!sets || sets > most / (SET_PLACES * sizeof(struct place)))
		return 0;
	return sizeof(struct cpm_whereabouts) + sets * SET_PLACES * sizeof(struct place);
}

struct cpm_whereabouts *cpm_whereabouts_init(void *memory, size_t sessions, uint64_t seed)
{
	struct cpm_whereabouts *w = memory;

	memset(memory, 0, cpm_whereabouts_size(sessions));
	w->seed = seed;
	w->sets = sets_for(sessions);
	return w;
}

static void session_hash(const struct cpm_whereabouts *w, struct cpm_slice user,
		struct cpm_slice contribution, uint64_t session[2])
{
	session[0] = cpm_slice_hash(contribution, cpm_slice_hash(user, w->seed));
	session[1] = cpm_slice_hash(contribution, cpm_slice_hash(user, ~w->seed));
}

static bool is_session(const struct place *p, const uint64_t session[2])
{
	return p->client && p->session[0] == session[0] && p->session[1] == session[1];
}

/* Its own place, else a free one, else the oldest of the set. */
static struct place *place_for(struct cpm_whereabouts *w, const uint64_t session[2])
{
	struct place *set = &w->places[session[0] % w->sets * SET_PLACES], *oldest = set;

	for(struct place *p = set; p < set + SET_PLACES; p++) {
		if(is_session(p, session))
			return p;
		if(p->written < oldest->written)
			oldest = p;
	}
	return oldest;
}

void cpm_whereabouts_put(struct cpm_whereabouts *w, struct cpm_slice user,
		struct cpm_slice contribution, struct cpm_slice client)
{
	uint64_t session[2];
	struct place *p;

	session_hash(w, user, contribution, session);
	p = place_for(w, session);
	*p = (struct place){{session[0], session[1]}, cpm_whereabouts_client(w, client), ++w->clock};
}

uint64_t cpm_whereabouts_find(
		const struct cpm_whereabouts *w, struct cpm_slice user, struct cpm_slice contribution)
{
	const struct place *set;
	uint64_t session[2];

	session_hash(w, user, contribution, session);
	set = &w->places[session[0] % w->sets * SET_PLACES];
	for(const struct place *p = set; p < set + SET_PLACES; p++) {
		if(is_session(p, session))
			return p->client;
	}
	return 0;
}

uint64_t cpm_whereabouts_client(const struct cpm_whereabouts *w, struct cpm_slice client)
{
	uint64_t number = cpm_slice_hash(client, w->seed);

	return number ? number : 1;
}
