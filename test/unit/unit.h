/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What all unit tests share: comparing slices, input against an unreadable
 * page, an allocator that fails at the n-th step, and the main function.
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/slice.h"

#define UNIT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The slice has exactly the bytes of the C string; row names the failing row of a table. */
#define ck_slice(slice, expected, row)                                                        \
	do {                                                                                      \
		struct cpm_slice ck_s = (slice);                                                      \
		const char *ck_e = (expected);                                                        \
		ck_assert_msg(cpm_slice_eq(ck_s, cpm_slice_of(ck_e)), "%s: got \"%.*s\", not \"%s\"", \
				(row), (int)ck_s.n, ck_s.p ? ck_s.p : "", ck_e);                              \
	} while(0)

/* A copy of s that ends at an unreadable page, so that reading past its end stops the test. One at
 * a time. */
static inline struct cpm_slice unit_guard(struct cpm_slice s)
{
	static char *end;
	static size_t room;

	if(!end || s.n > room) {
		size_t page = (size_t)sysconf(_SC_PAGESIZE);
		char *memory;

		room = (s.n / page + 16) * page;
		memory =
				mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ck_assert(memory != MAP_FAILED);
		end = memory + room;
		ck_assert_int_eq(mprotect(end, page, PROT_NONE), 0);
	}
	if(s.n)
		memcpy(end - s.n, s.p, s.n);
	return (struct cpm_slice){end - s.n, s.n};
}

/* An allocator that has `left` allocations to give and counts what is not yet released. */
struct unit_memory {
	struct cpm_allocator allocator;
	size_t left;
	size_t live;
};

static inline void *unit_memory_alloc(void *context, size_t size)
{
	struct unit_memory *m = context;

	if(!m->left)
		return NULL;
	m->left--;
	m->live++;
	return malloc(size);
}

static inline void unit_memory_release(void *context, void *p)
{
	struct unit_memory *m = context;

	m->live -= p != NULL;
	free(p);
}

static inline void unit_memory_init(struct unit_memory *m, size_t allocations)
{
	*m = (struct unit_memory){{unit_memory_alloc, unit_memory_release, m}, allocations, 0};
}

/* How many times longer than usual things may take: under valgrind. */
static inline int unit_slowness(void)
{
	return getenv("UNIT_SLOW") ? 10 : 1;
}

/* Runs a suite of one test case; the exit status for main. */
static inline int unit_run(const char *name, TCase *tests)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
