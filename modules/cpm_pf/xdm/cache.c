/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The cache of users' documents: a hash table with a lock in each bucket.
 * Eviction compares some users and takes the one unused for longest, as an exact
 * order would have to be written by every lookup.
 */
#include "cache.h"

#include <sys/random.h>

#include "../../core/locking.h"
#include "../../core/mem/shm_mem.h"

#define BUCKETS_MIN 256
#define BUCKETS_MAX 65536
/* About what a user without documents takes. */
#define BYTES_PER_BUCKET 512
#define EVICTION_SAMPLE 16
/* So much of documents every decision reads. */
#define DOCUMENTS_HEAD 320
/* When a user was looked up last is kept as exactly as this. */
#define USED_STEP_MS 100
/* So much may clocks be read out of order; from further ahead a time is not believed. */
#define CLOCK_SLACK_MS 1000

struct bucket {
	gen_lock_t lock; /* of the rest, and of the users in it */
	struct user *users;
	unsigned long hits, misses, stale_hits;
};

struct cache {
	struct cache_counters counters;
	atomic_ulong invalidated; /* how often all were */
	uint64_t seed;
	size_t mask;
	size_t hand; /* the owner's: where eviction goes on */
	struct bucket buckets[];
};

static const struct xdm_config *config;
static struct cache *cache;
static struct cpm_slice served; /* of this process */

bool cache_init(const struct xdm_config *c)
{
	size_t count = BUCKETS_MIN;

	while(count < BUCKETS_MAX && count < c->cache_bytes / BYTES_PER_BUCKET)
		count *= 2;
	cache = shm_malloc(sizeof(*cache) + count * sizeof(cache->buckets[0]));
	if(!cache)
		return false;
	memset(cache, 0, sizeof(*cache) + count * sizeof(cache->buckets[0]));
	config = c;
	cache->mask = count - 1;
	/* Users choose their names: with a seed they cannot choose their bucket. */
	if(getrandom(&cache->seed, sizeof(cache->seed), 0) != sizeof(cache->seed)) {
		shm_free(cache);
		cache = NULL;
		return false;
	}
	for(size_t i = 0; i < count; i++)
		lock_init(&cache->buckets[i].lock);
	return true;
}

void cache_destroy(void)
{
	if(!cache)
		return;
	for(size_t i = 0; i <= cache->mask; i++) {
		struct user *u = cache->buckets[i].users;

		while(u) {
			struct user *next = u->next;

			entry_release(&u->entry);
			shm_free(u);
			u = next;
		}
		lock_destroy(&cache->buckets[i].lock);
	}
	shm_free(cache);
	cache = NULL;
}

struct cache_counters *cache_counters(void)
{
	return &cache->counters;
}

void cache_hits(unsigned long *hits, unsigned long *misses, unsigned long *stale_hits)
{
	*hits = *misses = *stale_hits = 0;
	for(size_t i = 0; i <= cache->mask; i++) {
		struct bucket *b = &cache->buckets[i];

		lock_get(&b->lock);
		*hits += b->hits;
		*misses += b->misses;
		*stale_hits += b->stale_hits;
		lock_release(&b->lock);
	}
}

static struct bucket *bucket_of(uint64_t hash)
{
	return &cache->buckets[hash & cache->mask];
}

static struct user *find(const struct bucket *b, uint64_t hash, struct cpm_slice aor)
{
	struct user *u = b->users;

	while(u && (u->hash != hash || !cpm_slice_eq(user_aor(u), aor)))
		u = u->next;
	return u;
}

/* Is the time now less than span after since? */
static bool within(int64_t now_ms, int64_t since_ms, int64_t span_ms)
{
	int64_t age = now_ms - since_ms;

	if(age < -CLOCK_SLACK_MS)
		return false;
	return (age < 0 ? 0 : age) < span_ms;
}

unsigned long cache_invalidations(const struct user *u)
{
	return u->invalidated + atomic_load_explicit(&cache->invalidated, memory_order_acquire);
}

/* Failed so recently that the XDMS is not to be asked again. */
static bool resting(const struct user *u, int64_t now_ms)
{
	return u->failed && within(now_ms, u->failed_ms, config->retry_ms);
}

static enum xdm_state state_of(const struct user *u, int64_t now_ms, bool *old)
{
	bool valid = u->entry && u->heeded == cache_invalidations(u);

	*old = !valid || !within(now_ms, u->validated_ms, config->max_age_ms);
	if(!*old)
		return XDM_FRESH;
	if(valid && within(now_ms, u->validated_ms, config->max_age_ms + config->stale_ms))
		return u->failed ? XDM_LAST : XDM_FRESH;
	if(resting(u, now_ms))
		return u->entry ? XDM_LAST : XDM_FAILED;
	return XDM_MISS;
}

static enum xdm_state state_served(const struct user *u)
{
	if(!u || !u->entry)
		return XDM_FAILED;
	return u->failed ? XDM_LAST : XDM_FRESH;
}

static void count_lookup(struct bucket *b, enum xdm_state state, bool old)
{
	if(state == XDM_MISS || state == XDM_FAILED) {
		b->misses++;
		return;
	}
	b->hits++;
	b->stale_hits += old;
}

/* The caller decides by them next: their head is on its way from memory meanwhile. */
static void documents_prefetch(const struct cpm_documents *documents)
{
	for(size_t at = 0; at < DOCUMENTS_HEAD; at += 64)
		__builtin_prefetch((const char *)documents + at);
}

enum xdm_state cache_lookup(
		struct cpm_slice aor, int64_t now_ms, struct xdm_entry **entry, bool *ask)
{
	uint64_t hash = cpm_slice_hash_here(aor, cache->seed);
	struct bucket *b = bucket_of(hash);
	enum xdm_state state = XDM_MISS;
	bool old = false;
	struct user *u;

	*entry = NULL;
	*ask = false;
	lock_get(&b->lock);
	u = find(b, hash, aor);
	if(served.n && cpm_slice_eq(aor, served)) {
		state = state_served(u);
	} else {
		if(u)
			state = state_of(u, now_ms, &old);
		count_lookup(b, state, old);
	}
	if(state == XDM_FRESH || state == XDM_LAST) {
		*entry = entry_hold(u->entry);
		documents_prefetch(u->entry->documents);
		/* Now and then is enough for eviction, and spares the line of memory that all share. */
		if(!within(now_ms, atomic_load_explicit(&u->used_ms, memory_order_relaxed), USED_STEP_MS))
			atomic_store_explicit(&u->used_ms, now_ms, memory_order_relaxed);
		if(old && !u->asked && !resting(u, now_ms))
			*ask = u->asked = true;
	}
	lock_release(&b->lock);
	return state;
}

void cache_unask(struct cpm_slice aor)
{
	uint64_t hash = cpm_slice_hash_here(aor, cache->seed);
	struct bucket *b = bucket_of(hash);
	struct user *u;

	lock_get(&b->lock);
	u = find(b, hash, aor);
	if(u)
		u->asked = false;
	lock_release(&b->lock);
}

struct xdm_entry *cache_peek(struct cpm_slice aor, int64_t now_ms, int64_t *age_ms)
{
	uint64_t hash = cpm_slice_hash_here(aor, cache->seed);
	struct bucket *b = bucket_of(hash);
	struct xdm_entry *e = NULL;
	struct user *u;

	lock_get(&b->lock);
	u = find(b, hash, aor);
	if(u) {
		e = entry_hold(u->entry);
		*age_ms = now_ms - u->validated_ms;
	}
	lock_release(&b->lock);
	return e;
}

void cache_invalidate(struct cpm_slice aor)
{
	uint64_t hash = cpm_slice_hash_here(aor, cache->seed);
	struct bucket *b = bucket_of(hash);
	struct user *u;

	if(!aor.n) {
		atomic_fetch_add_explicit(&cache->invalidated, 1, memory_order_release);
		return;
	}
	lock_get(&b->lock);
	u = find(b, hash, aor);
	if(u)
		u->invalidated++;
	lock_release(&b->lock);
}

static size_t user_bytes(const struct user *u)
{
	return sizeof(*u) + u->aor_n + (u->entry ? u->entry->bytes : 0);
}

/* The user unused for longest among some that follow the hand; NULL when there is none to evict. */
static struct user *choose(void)
{
	struct user *chosen = NULL;
	size_t seen = 0;

	for(size_t i = 0; i <= cache->mask && seen < EVICTION_SAMPLE; i++) {
		for(struct user *u = cache->buckets[cache->hand].users; u; u = u->next) {
			if(u->load)
				continue;
			seen++;
			if(!chosen
					|| atomic_load_explicit(&u->used_ms, memory_order_relaxed)
							   < atomic_load_explicit(&chosen->used_ms, memory_order_relaxed))
				chosen = u;
		}
		cache->hand = (cache->hand + 1) & cache->mask;
	}
	return chosen;
}

static bool evict(void)
{
	struct user *u = choose(), **link;
	struct bucket *b;

	if(!u)
		return false;
	b = bucket_of(u->hash);
	lock_get(&b->lock);
	for(link = &b->users; *link != u; link = &(*link)->next)
		;
	*link = u->next;
	lock_release(&b->lock);
	atomic_fetch_sub(&cache->counters.bytes, user_bytes(u));
	atomic_fetch_sub(&cache->counters.users, 1);
	cache_count(&cache->counters.evicted);
	entry_release(&u->entry);
	shm_free(u);
	return true;
}

static void trim(void)
{
	while(atomic_load(&cache->counters.bytes) > config->cache_bytes && evict())
		;
}

static void *cache_alloc(void *context, size_t size)
{
	void *p = shm_malloc(size);

	(void)context;
	while(!p && evict())
		p = shm_malloc(size);
	return p;
}

static void cache_release(void *context, void *p)
{
	(void)context;
	shm_free(p);
}

const struct cpm_allocator cache_allocator = {cache_alloc, cache_release, NULL};

struct user *cache_find(struct cpm_slice aor)
{
	uint64_t hash = cpm_slice_hash_here(aor, cache->seed);

	return find(bucket_of(hash), hash, aor);
}

struct user *cache_add(struct cpm_slice aor, int64_t now_ms)
{
	struct user *u = cache_find(aor);
	struct bucket *b;

	if(u)
		return u;
	trim();
	u = cache_alloc(NULL, sizeof(*u) + aor.n);
	if(!u)
		return NULL;
	memset(u, 0, sizeof(*u));
	u->hash = cpm_slice_hash_here(aor, cache->seed);
	u->aor_n = (uint32_t)aor.n;
	memcpy(u->aor, aor.p, aor.n);
	atomic_init(&u->used_ms, now_ms);
	b = bucket_of(u->hash);
	lock_get(&b->lock);
	u->next = b->users;
	b->users = u;
	lock_release(&b->lock);
	atomic_fetch_add(&cache->counters.users, 1);
	atomic_fetch_add(&cache->counters.bytes, user_bytes(u));
	return u;
}

bool cache_is_settled(const struct user *u, int64_t now_ms)
{
	bool old;

	state_of(u, now_ms, &old);
	return !old || resting(u, now_ms);
}

/* The copy's new standing; old gets the reference that the user no longer has. */
static void settle(struct user *u, struct xdm_entry *e, int64_t began_ms,
		unsigned long invalidations, struct xdm_entry **old)
{
	struct bucket *b = bucket_of(u->hash);

	lock_get(&b->lock);
	*old = e ? u->entry : NULL;
	if(e)
		u->entry = e;
	u->validated_ms = began_ms;
	u->heeded = invalidations;
	u->failed = false;
	u->asked = false;
	lock_release(&b->lock);
}

void cache_renew(struct user *u, int64_t began_ms, unsigned long invalidations)
{
	struct xdm_entry *none;

	settle(u, NULL, began_ms, invalidations, &none);
}

void cache_publish(
		struct user *u, struct xdm_entry *e, int64_t began_ms, unsigned long invalidations)
{
	size_t before = user_bytes(u);
	struct xdm_entry *old;

	settle(u, e, began_ms, invalidations, &old);
	entry_release(&old);
	/* Unsigned, so a smaller copy wraps to the right sum. */
	atomic_fetch_add(&cache->counters.bytes, user_bytes(u) - before);
	trim();
}

void cache_fail(struct user *u, int64_t now_ms)
{
	struct bucket *b = bucket_of(u->hash);

	lock_get(&b->lock);
	u->failed = true;
	u->failed_ms = now_ms;
	u->asked = false;
	lock_release(&b->lock);
}

void cache_serve(struct cpm_slice aor)
{
	served = aor;
}
