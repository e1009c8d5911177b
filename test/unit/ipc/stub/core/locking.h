/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stands in for Kamailio's locks: a spin lock that gives way. What a test wants
 * to happen when one has just been released is stub_released.
 */
#ifndef STUB_LOCKING_H
#define STUB_LOCKING_H

#include <sched.h>
#include <stdatomic.h>

typedef atomic_flag gen_lock_t;

extern void (*stub_released)(void);

static inline gen_lock_t *lock_init(gen_lock_t *lock)
{
	atomic_flag_clear(lock);
	return lock;
}

static inline void lock_destroy(gen_lock_t *lock)
{
	(void)lock;
}

static inline void lock_get(gen_lock_t *lock)
{
	while(atomic_flag_test_and_set(lock))
		sched_yield();
}

static inline void lock_release(gen_lock_t *lock)
{
	atomic_flag_clear(lock);
	if(stub_released)
		stub_released();
}

#endif
