/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What is kept of a request, as a record before it has an id. The norm's
 * 8.3.1.6.1.
 */
#ifndef CPM_DRAFT_H
#define CPM_DRAFT_H

#include "../core/queue/record.h"
#include "../module/context.h"

/* Borrows from the context, its request, and memory that the next call uses again. */
struct draft {
	struct cpm_record record;  /* without id */
	struct cpm_slice identity; /* for de-duplication */
};

/* storing: it goes into the message store in place of delivery. large: size of the message that an INVITE announces, NULL for pager
 * mode. c->cpim is what the body holds. False when its headers are too large. */
bool draft_make(struct draft *d, struct context *c, const struct request *r, bool storing,
		const uint64_t *large);

/* The value of P-Asserted-Identity: what was asserted, or the identity that was proven otherwise. There is one: c->facts. */
void draft_add_asserted(struct cpm_buf *b, const struct context *c, const struct request *r);

/* The record of an INVITE, or of a session's message, learns what its media said: its new text is appended. *originator is whose message
 * it is, and borrows from the old one. False when it is too large, or cannot be read. */
bool draft_complete(struct cpm_slice record, const struct cpm_cpim *cpim, uint64_t size,
		struct cpm_buf *out, struct cpm_slice *originator);

/* Whose message it is: in a session it may be the served user's own. Borrows from r. */
struct cpm_slice draft_sender(const struct cpm_record *r);

/* Appends the identity of a message by its originator and imdn Message-ID. */
void draft_add_identity(struct cpm_buf *b, struct cpm_slice originator, struct cpm_slice imdn_id);

#endif
