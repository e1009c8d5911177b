/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stands in for Kamailio's shared memory.
 */
#ifndef STUB_SHM_H
#define STUB_SHM_H

/* Come along with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define shm_malloc malloc
#define shm_free free

#endif
