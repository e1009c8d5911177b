/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The stand-ins for Kamailio's memory and log.
 */
#include "host.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../../core/mem/shm_mem.h"

#define HEAD 16

static size_t live, used, limit = (size_t)-1, fail_at;
static char *shared;
static size_t shared_size;
static atomic_size_t *shared_used;
static unsigned lines[HOST_WORSE + 1];
static char last[HOST_WORSE + 1][1024];

void host_reset(void)
{
	limit = (size_t)-1;
	fail_at = 0;
	for(int i = 0; i <= HOST_WORSE; i++) {
		lines[i] = 0;
		last[i][0] = '\0';
	}
}

void host_limit(size_t bytes)
{
	limit = used + bytes;
}

void host_fail(size_t n)
{
	fail_at = n;
}

size_t host_live(void)
{
	return live;
}

size_t host_used(void)
{
	return used;
}

void host_share(size_t bytes)
{
	shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if(shared == MAP_FAILED)
		abort();
	shared_used = (atomic_size_t *)shared;
	*shared_used = 64;
	shared_size = bytes;
}

static void *shared_malloc(size_t size)
{
	size_t at = atomic_fetch_add(shared_used, (size + 15) & ~(size_t)15);

	return at + size <= shared_size ? shared + at : NULL;
}

void *shm_malloc(size_t size)
{
	char *p;

	if(shared)
		return shared_malloc(size);
	if((fail_at && --fail_at == 0) || size > limit || used > limit - size)
		return NULL;
	p = malloc(size + HEAD);
	if(!p)
		return NULL;
	*(size_t *)p = size;
	used += size;
	live++;
	return p + HEAD;
}

void shm_free(void *p)
{
	char *block = p;

	if(shared)
		return;
	block -= HEAD;
	used -= *(size_t *)block;
	live--;
	free(block);
}

void host_log(enum host_level level, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(last[level], sizeof(last[level]), format, values);
	va_end(values);
	lines[level]++;
}

unsigned host_lines(enum host_level level)
{
	return lines[level];
}

const char *host_line(enum host_level level)
{
	return last[level];
}
