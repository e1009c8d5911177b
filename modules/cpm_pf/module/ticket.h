/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Names for requests of ours under way. The final answer to one comes to some
 * other process; the number that it carries leads back to the queue process and
 * there to what waits for it, once: an answer that comes twice, or after the
 * wait was given up, finds nothing.
 */
#ifndef CPM_TICKET_H
#define CPM_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ticket_kind {
	TICKET_PUSH,    /* a deferred message on its way to a client */
	TICKET_DUE,     /* a report, or a message on its way to the ISF at its end */
	TICKET_COMMAND, /* what the user's commands made us send */
	TICKET_WATCH,   /* a subscription to documents */
};

/* A bounded table of one kind in one process. */
struct tickets;
/* NULL without memory. max: at most so many at once (and at most 2^24 - 1). */
struct tickets *tickets_new(enum ticket_kind kind, int process, size_t max);

/* False when too many are under way. what must not be NULL. A ticket is never 0. */
bool ticket_take(struct tickets *t, void *what, uint64_t *ticket);
/* What waited, and the ticket is worth nothing from now on; NULL for a worthless one. */
void *ticket_redeem(struct tickets *t, uint64_t ticket);

enum ticket_kind ticket_kind_of(uint64_t ticket);
int ticket_process(uint64_t ticket);
/* Its place in the table: from 0, below max. */
size_t ticket_place(uint64_t ticket);

#endif
