/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the tests may ask of the stand-ins for Kamailio: how much memory there
 * is, what is not yet freed, what was logged.
 */
#ifndef TEST_HOST_H
#define TEST_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/dprint.h"

/* As much as there is again, nothing logged. */
void host_reset(void);
/* No more than so many bytes beside what is in use. */
void host_limit(size_t bytes);
/* The n-th allocation from now on fails, once; 0: none. */
void host_fail(size_t n);
size_t host_live(void);
size_t host_used(void);
/* From now on allocations come from one mapping that children share, and are never given back. */
void host_share(size_t bytes);

unsigned host_lines(enum host_level level);
/* The last line of the level, "" without one. */
const char *host_line(enum host_level level);

#endif
