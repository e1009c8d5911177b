/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stands in for Kamailio's shared memory.
 */
#ifndef STUB_SHM_MEM_H
#define STUB_SHM_MEM_H

#include <stddef.h>

void *shm_malloc(size_t size);
void shm_free(void *p);

#endif
