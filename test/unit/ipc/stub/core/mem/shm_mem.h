/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stands in for Kamailio's shared memory: one mapping for each block, with its
 * size in front.
 */
#ifndef STUB_SHM_MEM_H
#define STUB_SHM_MEM_H

#include <stddef.h>
#include <sys/mman.h>

#define STUB_SHM_HEAD 64

static inline void *shm_malloc(size_t size)
{
	size_t *p = mmap(
			NULL, size + STUB_SHM_HEAD, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if(p == MAP_FAILED)
		return NULL;
	*p = size + STUB_SHM_HEAD;
	return (char *)p + STUB_SHM_HEAD;
}

static inline void shm_free(void *p)
{
	size_t *block = (size_t *)((char *)p - STUB_SHM_HEAD);

	munmap(block, *block);
}

#endif
