/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Changes of users' documents: told by xcap-diff NOTIFYs of the XDMS, to which
 * the module subscribes itself when that is switched on. RFC 5875; companion
 * section 8.6.
 */
#ifndef CPM_CHANGES_H
#define CPM_CHANGES_H

#include "../module/context.h"

/* In a worker: takes a NOTIFY xcap-diff. 1: each user that it names is looked at again. -1: c->reason says why not: "bad-event",
 * "malformed", "too-large". */
int changes_take(struct sip_msg *msg, struct context *c);

/* Any process: a user's documents have changed; fetch: and are to be fetched again. Looks at the user anew: when do-not-disturb has
 * ended, what waited for that begins by itself. */
void changes_tell(struct cpm_slice aor, bool fetch);

/* In the queue process, once. */
bool changes_init(int process);
/* In the queue process: this user's do-not-disturb is waited for; subscribes to the documents unless that is switched off, or done. */
void changes_watch(struct cpm_slice aor, int64_t now);
/* Runs what is due; returns when it wants to run again. */
int64_t changes_run(int64_t now);
/* The final answer to a SUBSCRIBE of ours. */
void changes_answered(uint64_t ticket, int status, int64_t expires_s, int64_t now);

#endif
