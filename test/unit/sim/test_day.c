/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Weeks of the queue in seconds: the module's own code on several nodes and its
 * scripts in a real Redis, by a clock that jumps. doc/queue.md says what is
 * simulated and how to see one seed again.
 */
#include <libxml/parser.h>

#include "unit.h"
#include "world.h"

static struct server server;
static struct world world;

static void start(void)
{
	server_start(&server, false, "");
}

static void stop(void)
{
	server_free(&server);
}

static long number_of(const char *variable, long otherwise)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : otherwise;
}

/* Under valgrind, which is many times slower, one day says as much of memory. */
static int days_of(int days)
{
	const char *preload = getenv("LD_PRELOAD");

	return (int)number_of("SIM_DAYS", preload && strstr(preload, "vgpreload") ? 1 : days);
}

static void run(uint64_t seed, int days, bool smooth)
{
	world_run(&world, &server, seed, days, smooth);
	fprintf(stderr,
			"seed %llu, %d days%s: %d nodes, %d users, %zu messages, %lu pushes (%lu again), %lu "
			"reports, "
			"%lu notifications, %lu to the ISF, %lu faults, %llu steps, %lu checks, digest "
			"%016llx\n",
			(unsigned long long)seed, days, smooth ? " without faults" : "", world.fleet.count,
			world.user_count, world.message_count, world.pushed, world.repeats, world.reports,
			world.notifications, world.interworked, world.faults, (unsigned long long)world.step,
			world.checks, (unsigned long long)world.digest);
	world_free(&world);
}

START_TEST(weeks_with_faults)
{
	long seed = number_of("SIM_SEED", 1), seeds = number_of("SIM_SEEDS", 1);

	for(long i = 0; i < seeds; i++)
		run((uint64_t)(seed + i), days_of(14), false);
}
END_TEST

/* Without faults nothing is sent twice. */
START_TEST(a_week_without_faults)
{
	run((uint64_t)number_of("SIM_SEED", 1), days_of(7), true);
	ck_assert_uint_eq(world.repeats, 0);
}
END_TEST

START_TEST(the_same_day_again)
{
	uint64_t digest;

	run((uint64_t)number_of("SIM_SEED", 1), 1, false);
	digest = world.digest;
	run((uint64_t)number_of("SIM_SEED", 1), 1, false);
	ck_assert_msg(world.digest == digest, "the same seed does not give the same day");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("day");
	int status;

	tcase_add_checked_fixture(t, start, stop);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, weeks_with_faults);
	tcase_add_test(t, a_week_without_faults);
	tcase_add_test(t, the_same_day_again);
	status = unit_run("sim/day", t);
	xmlCleanupParser();
	return status;
}
