/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The system's two clocks.
 */
#include "clock.h"

#include <time.h>

#include "../core/base/clock.h"

static int64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_ms(void)
{
	static struct cpm_clock clock;

	return cpm_clock_ms(&clock, read_ns(CLOCK_REALTIME), read_ns(CLOCK_MONOTONIC));
}
