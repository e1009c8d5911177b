/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Time for timers and for dates in one: the wall clock, made safe against being
 * set back. What is to happen in a second would else wait for as long as the
 * clock was set back: expiries, renewals of leases, time-outs.
 */
#ifndef CPM_CLOCK_H
#define CPM_CLOCK_H

#include <stdint.h>

/* Zero it before its first use. One for each process. */
struct cpm_clock {
	int64_t now_ns, steady_ns;
};

/* Nanoseconds of the wall clock since 1970 and of a clock that nobody sets; the answer in milliseconds since 1970. It follows the wall
 * clock, also when that is set forward. Is that set back, it goes on at half its pace until the wall clock has caught up. */
int64_t cpm_clock_ms(struct cpm_clock *c, int64_t wall_ns, int64_t steady_ns);

#endif
