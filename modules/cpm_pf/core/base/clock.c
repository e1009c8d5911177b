/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Never back, never still.
 */
#include "clock.h"

int64_t cpm_clock_ms(struct cpm_clock *c, int64_t wall_ns, int64_t steady_ns)
{
	if(wall_ns >= c->now_ns)
		c->now_ns = wall_ns;
	else if(steady_ns > c->steady_ns)
		c->now_ns += (steady_ns - c->steady_ns) / 2;
	c->steady_ns = steady_ns;
	return c->now_ns / 1000000;
}
