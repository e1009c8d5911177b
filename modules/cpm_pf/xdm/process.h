/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The documents process: takes jobs, loads users' documents, answers who waits.
 */
#ifndef CPM_XDM_PROCESS_H
#define CPM_XDM_PROCESS_H

#include "xdm.h"

/* A user's documents are asked for. In shared memory; the mailbox hands it to the documents
 * process, which frees it. */
struct process_job {
	struct process_job *next; /* with the load it waits for */
	bool waits;               /* resume is called for it */
	bool refresh;             /* even when the copy is fresh */
	struct xdm_waiter waiter;
	size_t aor_n;
	char aor[];
};

static inline struct cpm_slice process_job_aor(const struct process_job *job)
{
	return (struct cpm_slice){job->aor, job->aor_n};
}

/* In mod_init. */
bool process_init(const struct xdm_config *config, xdm_resume resume);
void process_destroy(void);

/* Any process: asks for a load, with a waiter or for its own sake. False when too many are asked
 * for or memory is short. */
bool process_ask(struct cpm_slice aor, const struct xdm_waiter *waiter, bool refresh);

/* The steps of xdm_run. process_turn waits for at most timeout_ms. */
bool process_open(void);
void process_turn(int timeout_ms);
void process_close(void);

#endif
