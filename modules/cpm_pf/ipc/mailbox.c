/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The mailbox: a ring under one lock. The lock is held for a few instructions,
 * never over a system call. An owner that is awake costs its senders none.
 */
#include "mailbox.h"

#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../core/locking.h"
#include "../../core/mem/shm_mem.h"

#define CAPACITY_MAX ((size_t)1 << 24)

struct mailbox {
	gen_lock_t lock; /* of everything below but fd and mask, which never change, and owed */
	int fd;
	size_t mask;   /* capacity - 1 */
	uint64_t owed; /* the owner's own: wakes that were promised and have not been read */
	size_t head;   /* next to take; both count up and wrap */
	size_t tail;   /* next to fill */
	bool sleeping;
	void *ring[];
};

struct mailbox *mailbox_new(size_t capacity)
{
	struct mailbox *m;
	size_t slots = 1;

	if(!capacity || capacity > CAPACITY_MAX)
		return NULL;
	while(slots < capacity)
		slots *= 2;
	m = shm_malloc(sizeof(*m) + slots * sizeof(m->ring[0]));
	if(!m)
		return NULL;
	memset(m, 0, sizeof(*m));
	m->mask = slots - 1;
	if(!lock_init(&m->lock)) {
		shm_free(m);
		return NULL;
	}
	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if(m->fd < 0) {
		lock_destroy(&m->lock);
		shm_free(m);
		return NULL;
	}
	return m;
}

void mailbox_free(struct mailbox **m)
{
	if(!*m)
		return;
	close((*m)->fd);
	lock_destroy(&(*m)->lock);
	shm_free(*m);
	*m = NULL;
}

bool mailbox_post(struct mailbox *m, void *job)
{
	const uint64_t one = 1;
	ssize_t written = 0;
	bool wake;

	lock_get(&m->lock);
	if(m->tail - m->head > m->mask) {
		lock_release(&m->lock);
		return false;
	}
	m->ring[m->tail++ & m->mask] = job;
	wake = m->sleeping;
	m->sleeping = false;
	lock_release(&m->lock);
	/* A write that would block finds the counter at its top, and then the owner wakes anyway. */
	if(wake)
		written = write(m->fd, &one, sizeof(one));
	(void)written;
	return true;
}

size_t mailbox_take(struct mailbox *m, void **jobs, size_t max)
{
	size_t n = 0;

	lock_get(&m->lock);
	while(n < max && m->head != m->tail)
		jobs[n++] = m->ring[m->head++ & m->mask];
	lock_release(&m->lock);
	return n;
}

bool mailbox_sleep(struct mailbox *m)
{
	bool empty;

	lock_get(&m->lock);
	empty = m->head == m->tail;
	m->sleeping = empty;
	lock_release(&m->lock);
	return empty;
}

void mailbox_awake(struct mailbox *m)
{
	uint64_t wakes;

	lock_get(&m->lock);
	m->owed += !m->sleeping;
	m->sleeping = false;
	lock_release(&m->lock);
	/* A sender that has yet to write wakes the next sleep for nothing; no job is lost by that. */
	if(m->owed && read(m->fd, &wakes, sizeof(wakes)) == sizeof(wakes))
		m->owed -= wakes < m->owed ? wakes : m->owed;
}

int mailbox_fd(const struct mailbox *m)
{
	return m->fd;
}
