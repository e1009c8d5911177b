/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Drives the documents process by hand.
 */
#include "driver.h"

#include <time.h>

struct cpm_limits driver_limits;
struct xdm_config driver_config;
struct driver_seen driver_seen;

static size_t live_before;

void driver_config_reset(const char *root)
{
	driver_limits = (struct cpm_limits)CPM_LIMITS_DEFAULT;
	driver_config = (struct xdm_config){.root = root,
			.lists_auid = "resource-lists",
			.policy_auid = "org.openmobilealliance.access-rules",
			.profile_auid = "profiles",
			.lists_document = "index",
			.policy_document = "access-rules",
			.profile_document = "profile",
			.identity_header = "",
			.max_age_ms = 60000,
			.stale_ms = 60000,
			.timeout_ms = 5000 * unit_slowness(),
			.retry_ms = 2000,
			.cache_bytes = 1 << 20,
			.max_parallel = 16,
			.max_waiters = 2000,
			.limits = &driver_limits};
}

static void resume(const struct xdm_waiter *waiter, struct cpm_slice aor)
{
	struct xdm_entry *e;

	driver_seen.state = xdm_lookup(aor, driver_now_ms(), &e);
	driver_seen.states[driver_seen.state]++;
	driver_seen.blocked = e ? cpm_documents_blocked_count(xdm_documents(e)) : 0;
	driver_seen.last = waiter->a;
	driver_seen.count++;
	xdm_release(&e);
}

void driver_start(void)
{
	const char *error;

	host_reset();
	live_before = host_live();
	driver_seen = (struct driver_seen){0};
	ck_assert_msg(xdm_init(&driver_config, resume, &error), "%s", error);
	ck_assert(process_open());
}

void driver_stop(void)
{
	process_close();
	xdm_destroy();
	ck_assert_uint_eq(host_live(), live_before);
	ck_assert_uint_eq(host_lines(HOST_WORSE), 0);
}

int64_t driver_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void driver_pass(int64_t until_ms)
{
	while(driver_now_ms() <= until_ms)
		process_turn(5);
}

bool driver_wait(struct cpm_slice aor, bool refresh)
{
	static unsigned long long number;
	struct xdm_waiter waiter = {.a = ++number};

	return xdm_wait(aor, &waiter, refresh);
}

enum xdm_state driver_load(struct cpm_slice aor, bool refresh)
{
	size_t before = driver_seen.count;

	ck_assert(driver_wait(aor, refresh));
	driver_until(driver_seen.count > before);
	return driver_seen.state;
}

enum xdm_state driver_look(struct cpm_slice aor, int64_t now_ms, size_t *blocked)
{
	struct xdm_entry *e;
	enum xdm_state state = xdm_lookup(aor, now_ms, &e);

	ck_assert((e != NULL) == (state == XDM_FRESH || state == XDM_LAST));
	if(blocked)
		*blocked = e ? cpm_documents_blocked_count(xdm_documents(e)) : 0;
	xdm_release(&e);
	return state;
}

struct xdm_stats driver_stats(void)
{
	struct xdm_stats s;

	xdm_stats(&s);
	return s;
}
