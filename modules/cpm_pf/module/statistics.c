/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Registers the counters.
 */
#include "statistics.h"

#define STATISTIC_DEFINE(name) stat_var *stat_##name;
CPM_STATISTICS(STATISTIC_DEFINE)

#define STATISTIC_ROW(name) {#name, 0, &stat_##name},
static stat_export_t rows[] = {CPM_STATISTICS(STATISTIC_ROW){0, 0, 0}};

bool statistics_init(void)
{
	return register_module_stats("cpm_pf", rows) == 0;
}

void statistics_each(
		void (*each)(void *context, const char *name, unsigned long value), void *context)
{
	size_t i;

	for(i = 0; rows[i].name; i++)
		each(context, rows[i].name, get_stat_val(*rows[i].stat_pointer));
}
