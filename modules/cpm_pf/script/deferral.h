/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Deferring a request: what is kept of it becomes a record, the transaction is
 * parked, and a queue process makes the message safe. The norm's 8.3.1.6 and
 * 8.3.1.6.1.
 */
#ifndef CPM_DEFERRAL_H
#define CPM_DEFERRAL_H

#include "../module/context.h"
#include "../module/job.h"
#include "../module/reason.h"

/* Is the message of a form that can be kept and reported on? False with c->reason "malformed", "too-large" or "unsupported". */
bool deferral_check_form(struct sip_msg *msg, struct context *c);

/* Parks the request and hands it over. 0: parked, the script ends; otherwise c->reason says why not and -1 (the message's fault) or -2
 * (ours) is for the script. */
int deferral_begin(struct sip_msg *msg, struct context *c, const str *route);

/* The same for a message that goes into the user's message store in place of delivery (8.3.1.1 step 4c); without a message store it
 * is deferred. */
int deferral_begin_store(struct sip_msg *msg, struct context *c, const str *route);

/* What is kept of the request, with a new id; the caller's. NULL with c->reason. */
struct store_job *deferral_job(struct sip_msg *msg, struct context *c, bool storing);

/* Parks the transaction for job, which is taken, and hands it over by post. 0: parked, or a retransmission of one that is: the script
 * ends; -2: neither could be done. */
int deferral_park(struct sip_msg *msg, struct context *c, struct store_job *job,
		bool (*post)(struct store_job *job));

/* What is kept of the INVITE of a large message: a store_job in shared memory without body, whose record says size octets and misses
 * what the CPIM tells; its identity is the request's own. NULL with c->reason. */
struct store_job *deferral_of_invite(struct sip_msg *msg, struct context *c, uint64_t size);

#endif
