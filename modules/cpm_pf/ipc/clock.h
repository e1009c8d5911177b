/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What time it is, for all adapters (core/base/clock.h).
 */
#ifndef CPM_IPC_CLOCK_H
#define CPM_IPC_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970; never goes back within a process. */
int64_t clock_ms(void);

#endif
