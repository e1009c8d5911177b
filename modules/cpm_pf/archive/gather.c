/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Brings the octets of a large message from the queue's store, where they lie
 * apart from the record, into a job for the message store, piece by piece.
 */
#include <stdlib.h>

#include "../module/context.h"
#include "../module/statistics.h"
#include "archive.h"

struct gather {
	struct archive_job *job;
	struct store *store;
	size_t at;
	size_t id_n;
	char id[64];
};

static void gather_fail(
		struct archive_job *job, struct store *store, enum imap_rc rc, const char *reason)
{
	job->rc = rc;
	job->reason = reason;
	job->command.run(&job->command, store, now_ms());
}

static void gather_next(struct gather *g);

static void on_octets(void *context, enum store_rc rc, struct cpm_slice octets)
{
	struct gather *g = context;
	struct archive_job *job = g->job;

	if(rc != STORE_OK || !octets.n || octets.n > job->body.n - g->at) {
		/* Octets that are gone do not come back. */
		gather_fail(job, g->store, rc == STORE_OK ? IMAP_REFUSED : IMAP_DOWN,
				rc == STORE_OK ? "record" : "queue");
		free(g);
		return;
	}
	memcpy((char *)job->body.p + g->at, octets.p, octets.n);
	g->at += octets.n;
	gather_next(g);
}

static void gather_next(struct gather *g)
{
	struct archive_job *job = g->job;
	size_t left = job->body.n - g->at;

	if(!left) {
		if(!archive_post(job))
			gather_fail(job, g->store, IMAP_DOWN, "busy");
		free(g);
		return;
	}
	if(store_octets(g->store, job->aor, (struct cpm_slice){g->id, g->id_n}, g->at,
			   left < STORE_PIECE_MAX ? left : STORE_PIECE_MAX, on_octets, g))
		return;
	gather_fail(job, g->store, IMAP_DOWN, "queue");
	free(g);
}

void archive_gather(struct archive_job *job, struct store *store, struct cpm_slice id)
{
	struct gather *g = id.n <= sizeof(g->id) ? calloc(1, sizeof(*g)) : NULL;

	if(!g) {
		gather_fail(job, store, IMAP_DOWN, "busy");
		return;
	}
	g->job = job;
	g->store = store;
	g->id_n = id.n;
	memcpy(g->id, id.p, id.n);
	gather_next(g);
}
