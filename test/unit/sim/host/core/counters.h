/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stands in for Kamailio's statistics.
 */
#ifndef STUB_COUNTERS_H
#define STUB_COUNTERS_H

typedef unsigned long stat_var;
#define update_stat(counter, by) (*(counter) += (by))

#endif
