/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The users whose documents are at hand, in shared memory. Any process looks up
 * under the lock of one bucket, held for some instructions; the documents
 * process, the owner, alone adds users, publishes and evicts, and so reads
 * without locks. Which copy is fresh is told here and nowhere else.
 */
#ifndef CPM_XDM_CACHE_H
#define CPM_XDM_CACHE_H

#include "entry.h"

struct load;

/* One user. Changed by the owner under the lock of the bucket, but for what others change: asked
 * and invalidated (under that lock), and used_ms. */
struct user {
	/* What every lookup reads comes first. */
	struct user *next; /* in the bucket */
	uint64_t hash;
	struct xdm_entry *entry;   /* the copy; NULL before the first */
	int64_t validated_ms;      /* when a load that found the copy current began */
	unsigned long invalidated; /* how often */
	unsigned long heeded;      /* cache_invalidations when the load of the copy began */
	_Atomic int64_t used_ms;
	bool failed; /* the last load did */
	bool asked;  /* a refresh was asked for and has not ended */
	uint32_t aor_n;
	int64_t failed_ms; /* when the last load failed */
	struct load *load; /* the owner's alone, who does not evict the user meanwhile */
	char aor[];
};

static inline struct cpm_slice user_aor(const struct user *u)
{
	return (struct cpm_slice){u->aor, u->aor_n};
}

/* Counters in shared memory. waiters and refreshes are also reservations. */
struct cache_counters {
	atomic_ulong users, bytes, fetches, not_modified, not_found, rejected, evicted;
	atomic_ulong waiters, refreshes;
	atomic_ulong failed[XDM_FAILURES];
};

static inline void cache_count(atomic_ulong *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* False without memory. config stays valid. */
bool cache_init(const struct xdm_config *config);
void cache_destroy(void);
struct cache_counters *cache_counters(void);
/* Sums up what the buckets count. */
void cache_hits(unsigned long *hits, unsigned long *misses, unsigned long *stale_hits);

/* As xdm_lookup. *ask: the caller should have the copy refreshed in the background, and tell
 * cache_unask when that is impossible. */
enum xdm_state cache_lookup(
		struct cpm_slice aor, int64_t now_ms, struct xdm_entry **entry, bool *ask);
void cache_unask(struct cpm_slice aor);
/* A reference to the copy, whatever its age, and its age; NULL without one. Counts nothing and
 * does not touch. */
struct xdm_entry *cache_peek(struct cpm_slice aor, int64_t now_ms, int64_t *age_ms);
/* Of one user, or of all with an empty aor. */
void cache_invalidate(struct cpm_slice aor);

/* What follows is the owner's. */

/* Memory for entries and their arenas: shared, and when it is short users are evicted. */
extern const struct cpm_allocator cache_allocator;

struct user *cache_find(struct cpm_slice aor);
/* Finds or adds; NULL without memory. */
struct user *cache_add(struct cpm_slice aor, int64_t now_ms);
/* Needs no load now: fresh, or failed so recently that the XDMS is not to be asked again. */
bool cache_is_settled(const struct user *u, int64_t now_ms);
/* Grows with each invalidation of this user or of all. */
unsigned long cache_invalidations(const struct user *u);
/* A load that began at began_ms, after so many invalidations, has found the copy current; or has
 * made a new one (takes over the reference), for which others leave when there is no room. */
void cache_renew(struct user *u, int64_t began_ms, unsigned long invalidations);
void cache_publish(
		struct user *u, struct xdm_entry *e, int64_t began_ms, unsigned long invalidations);
void cache_fail(struct user *u, int64_t now_ms);
/* Lookups of this user now ask for the outcome of the load that just ended, until the next call;
 * empty: of nobody. */
void cache_serve(struct cpm_slice aor);

#endif
