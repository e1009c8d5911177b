/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The cache alone, with a clock of the test: states by age, references,
 * invalidation, eviction, memory.
 */
#include "driver.h"
#include "xdm/cache.h"

#define T ((int64_t)1700000000000)

static void start(int64_t max_age_ms, int64_t stale_ms, int64_t retry_ms, size_t bytes)
{
	host_reset();
	driver_config_reset("http://x");
	driver_config.max_age_ms = max_age_ms;
	driver_config.stale_ms = stale_ms;
	driver_config.retry_ms = retry_ms;
	driver_config.cache_bytes = bytes;
	ck_assert(cache_init(&driver_config));
}

static void stop(void)
{
	cache_destroy();
	ck_assert_uint_eq(host_live(), 0);
}

/* An entry whose compiled form takes so many bytes. */
static struct xdm_entry *make(size_t bytes)
{
	struct entry_part parts[3] = {{.etag = CPM_SLICE("\"1\""), .exists = true}};
	struct cpm_arena arena;

	cpm_arena_init(&arena, &cache_allocator, SIZE_MAX);
	if(bytes)
		ck_assert_ptr_nonnull(cpm_arena_alloc(&arena, bytes));
	return entry_new(&cache_allocator, parts, 3, &cpm_documents_none, &arena);
}

static struct user *add(const char *aor, size_t bytes, int64_t now)
{
	struct user *u = cache_add(cpm_slice_of(aor), now);

	ck_assert_ptr_nonnull(u);
	cache_publish(u, make(bytes), now, cache_invalidations(u));
	return u;
}

static enum xdm_state look(const char *aor, int64_t now, bool *asked)
{
	struct xdm_entry *e;
	bool ask;
	enum xdm_state s = cache_lookup(cpm_slice_of(aor), now, &e, &ask);

	if(asked)
		*asked = ask;
	ck_assert((e != NULL) == (s == XDM_FRESH || s == XDM_LAST));
	entry_release(&e);
	return s;
}

START_TEST(states_by_age)
{
	struct user *u;
	bool ask;

	start(1000, 2000, 500, 1 << 20);
	ck_assert_int_eq(look("a", T, NULL), XDM_MISS);
	u = add("a", 100, T);
	ck_assert_int_eq(look("a", T, &ask), XDM_FRESH);
	ck_assert_int_eq(look("a", T + 999, &ask), XDM_FRESH);
	ck_assert(!ask);
	ck_assert_int_eq(look("a", T + 1000, &ask), XDM_FRESH);
	ck_assert_msg(ask, "old: one refresh is asked for");
	ck_assert_int_eq(look("a", T + 1001, &ask), XDM_FRESH);
	ck_assert_msg(!ask, "and no second one");
	cache_unask(CPM_SLICE("a"));
	look("a", T + 1001, &ask);
	ck_assert_msg(ask, "again when the first could not be had");
	ck_assert_int_eq(look("a", T + 2999, NULL), XDM_FRESH);
	ck_assert_int_eq(look("a", T + 3000, NULL), XDM_MISS);
	cache_fail(u, T + 3000);
	ck_assert_int_eq(look("a", T + 3000, &ask), XDM_LAST);
	ck_assert(!ask);
	ck_assert_int_eq(look("a", T + 3499, NULL), XDM_LAST);
	ck_assert_int_eq(look("a", T + 3500, NULL), XDM_MISS);
	cache_renew(u, T + 3500, cache_invalidations(u));
	ck_assert_int_eq(look("a", T + 4499, NULL), XDM_FRESH);
	cache_fail(u, T + 4000);
	ck_assert_int_eq(look("a", T + 4499, NULL), XDM_FRESH);
	ck_assert_int_eq(look("a", T + 4500, &ask), XDM_LAST);
	ck_assert_msg(ask, "the refresh failed, the copy is not too old, retry_ms are over");
	stop();
}
END_TEST

START_TEST(never_had)
{
	struct user *u;

	start(1000, 1000, 500, 1 << 20);
	u = cache_add(CPM_SLICE("a"), T);
	ck_assert_int_eq(look("a", T, NULL), XDM_MISS);
	cache_fail(u, T);
	ck_assert_int_eq(look("a", T + 499, NULL), XDM_FAILED);
	ck_assert(cache_is_settled(u, T + 499));
	ck_assert_int_eq(look("a", T + 500, NULL), XDM_MISS);
	ck_assert(!cache_is_settled(u, T + 500));
	stop();
}
END_TEST

START_TEST(ages_of_zero)
{
	struct user *u;

	start(0, 0, 0, 1 << 20);
	u = add("a", 100, T);
	ck_assert_int_eq(look("a", T, NULL), XDM_MISS);
	ck_assert_msg(look("a", T - 3, NULL) == XDM_MISS, "clocks read out of order");
	cache_serve(CPM_SLICE("a"));
	ck_assert_int_eq(look("a", T + 5000, NULL), XDM_FRESH);
	cache_fail(u, T);
	ck_assert_int_eq(look("a", T + 5000, NULL), XDM_LAST);
	ck_assert_int_eq(look("b", T, NULL), XDM_MISS);
	cache_serve(CPM_SLICE("b"));
	ck_assert_msg(look("b", T, NULL) == XDM_FAILED, "could not even be added");
	cache_serve(CPM_SLICE_NONE);
	ck_assert_int_eq(look("a", T, NULL), XDM_MISS);
	stop();
}
END_TEST

START_TEST(clock_set_back)
{
	struct user *u;

	start(1000, 1000, 500, 1 << 20);
	u = add("a", 100, T);
	ck_assert_int_eq(look("a", T - 500, NULL), XDM_FRESH);
	ck_assert_int_eq(look("a", T - 3600000, NULL), XDM_MISS);
	cache_fail(u, T);
	ck_assert_msg(look("a", T - 3600000, NULL) == XDM_MISS, "nor does a failure hold for an hour");
	stop();
}
END_TEST

START_TEST(replaced_while_held)
{
	struct xdm_entry *held, *now;
	struct user *u;
	bool ask;

	start(1000, 1000, 500, 1 << 20);
	u = add("a", 5000, T);
	ck_assert_int_eq(cache_lookup(CPM_SLICE("a"), T, &held, &ask), XDM_FRESH);
	cache_publish(u, make(100), T + 1, cache_invalidations(u));
	ck_assert_int_eq(cache_lookup(CPM_SLICE("a"), T + 1, &now, &ask), XDM_FRESH);
	ck_assert_ptr_ne(held, now);
	ck_slice(held->parts[0].etag, "\"1\"", "the old one is whole");
	entry_release(&now);
	entry_release(&held);
	ck_assert_ptr_null(held);
	ck_assert_uint_eq(atomic_load(&cache_counters()->users), 1);
	stop();
}
END_TEST

START_TEST(held_after_the_end)
{
	struct xdm_entry *held;
	bool ask;

	start(1000, 1000, 500, 1 << 20);
	add("a", 5000, T);
	cache_lookup(CPM_SLICE("a"), T, &held, &ask);
	cache_destroy();
	ck_slice(held->parts[0].etag, "\"1\"", "the last reference");
	entry_release(&held);
	ck_assert_uint_eq(host_live(), 0);
}
END_TEST

START_TEST(invalidation)
{
	unsigned long before;
	struct user *u;

	start(1000, 1000, 500, 1 << 20);
	u = add("a", 100, T);
	add("b", 100, T);
	cache_invalidate(CPM_SLICE("a"));
	cache_invalidate(CPM_SLICE("nobody"));
	ck_assert_int_eq(look("a", T, NULL), XDM_MISS);
	ck_assert_int_eq(look("b", T, NULL), XDM_FRESH);
	before = cache_invalidations(u);
	cache_invalidate(CPM_SLICE("a"));
	cache_renew(u, T + 1, before);
	ck_assert_msg(look("a", T + 1, NULL) == XDM_MISS, "the load began before the invalidation");
	cache_renew(u, T + 1, cache_invalidations(u));
	ck_assert_int_eq(look("a", T + 1, NULL), XDM_FRESH);
	cache_invalidate(CPM_SLICE_NONE);
	ck_assert_int_eq(look("a", T + 1, NULL), XDM_MISS);
	ck_assert_int_eq(look("b", T + 1, NULL), XDM_MISS);
	cache_fail(u, T + 1);
	ck_assert_msg(look("a", T + 1, NULL) == XDM_LAST, "the copy stays as the last resort");
	stop();
}
END_TEST

START_TEST(least_recently_used_leaves)
{
	char name[32];

	start(100000, 1000, 500, 65536);
	for(int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		add(name, 5500, T + i);
	}
	ck_assert_uint_eq(atomic_load(&cache_counters()->evicted), 0);
	ck_assert_int_eq(look("u0", T + 100, NULL), XDM_FRESH);
	add("v0", 5500, T + 101);
	add("v1", 5500, T + 102);
	ck_assert_uint_ge(atomic_load(&cache_counters()->evicted), 1);
	ck_assert_int_eq(look("u0", T + 103, NULL), XDM_FRESH);
	ck_assert_int_eq(look("u1", T + 103, NULL), XDM_MISS);
	ck_assert_int_eq(look("u9", T + 103, NULL), XDM_FRESH);
	ck_assert_int_eq(look("v1", T + 103, NULL), XDM_FRESH);
	for(int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		add(name, (size_t)(i % 3) * 1000, T + 200 + i);
		ck_assert_uint_le(atomic_load(&cache_counters()->bytes), 65536);
		ck_assert_int_eq(look(name, T + 200 + i, NULL), XDM_FRESH);
	}
	ck_assert_uint_le(host_used(), 65536 + 65536);
	stop();
}
END_TEST

START_TEST(loading_users_stay)
{
	struct load *marker = (struct load *)&marker;
	struct user *u;

	start(100000, 1000, 500, 65536);
	u = add("a", 5000, T);
	u->load = marker;
	for(int i = 0; i < 50; i++) {
		char name[32];

		snprintf(name, sizeof(name), "u%d", i);
		add(name, 5000, T + 1 + i);
	}
	ck_assert_int_eq(look("a", T + 100, NULL), XDM_FRESH);
	stop();
}
END_TEST

START_TEST(short_memory_evicts)
{
	char name[32];

	start(100000, 1000, 500, 1 << 20);
	host_limit(60000);
	for(int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		add(name, 5000, T + i);
		ck_assert_int_eq(look(name, T + i, NULL), XDM_FRESH);
	}
	ck_assert_uint_ge(atomic_load(&cache_counters()->evicted), 80);
	host_limit(0);
	ck_assert_ptr_null(cache_allocator.alloc(NULL, 100000));
	ck_assert_uint_eq(atomic_load(&cache_counters()->users), 0);
	ck_assert_uint_eq(atomic_load(&cache_counters()->bytes), 0);
	host_limit(0);
	ck_assert_ptr_null(cache_add(CPM_SLICE("x"), T));
	stop();
}
END_TEST

START_TEST(hits_are_counted)
{
	unsigned long hits, misses, stale;

	start(1000, 1000, 500, 1 << 20);
	look("a", T, NULL);
	add("a", 0, T);
	look("a", T, NULL);
	look("a", T + 1500, NULL);
	look("a", T + 2500, NULL);
	cache_hits(&hits, &misses, &stale);
	ck_assert_uint_eq(hits, 2);
	ck_assert_uint_eq(misses, 2);
	ck_assert_uint_eq(stale, 1);
	stop();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cache");

	tcase_add_test(t, states_by_age);
	tcase_add_test(t, never_had);
	tcase_add_test(t, ages_of_zero);
	tcase_add_test(t, clock_set_back);
	tcase_add_test(t, replaced_while_held);
	tcase_add_test(t, held_after_the_end);
	tcase_add_test(t, invalidation);
	tcase_add_test(t, least_recently_used_leaves);
	tcase_add_test(t, loading_users_stay);
	tcase_add_test(t, short_memory_evicts);
	tcase_add_test(t, hits_are_counted);
	return unit_run("xdm/cache", t);
}
