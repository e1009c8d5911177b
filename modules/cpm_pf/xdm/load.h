/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One user's load: asks whether the copy is still current, fetches what is not,
 * follows links, compiles, publishes. A state machine that moves when all GETs
 * of a round are answered; in the documents process alone.
 */
#ifndef CPM_XDM_LOAD_H
#define CPM_XDM_LOAD_H

#include "cache.h"
#include "process.h"

/* Called when a load has ended, one way or the other, and the cache knows. The jobs are the
 * callee's. */
typedef void (*load_ended)(struct process_job *jobs);

void load_init(const struct xdm_config *config, load_ended ended);

/* Begins a load for the user (added for the job), or joins the one that runs. False without
 * memory: the job is still the caller's. */
bool load_begin(struct user *u, struct process_job *job, int64_t now_ms);

/* Counts a user's failure and says so in the log, seldom: detail is static or NULL. */
void load_report(struct cpm_slice aor, enum xdm_failure failure, const char *detail, long status,
		int64_t now_ms);

#endif
