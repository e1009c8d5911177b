/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Recording a large message that has gone to its recipient, in the media
 * process: its octets from the queue's store into the user's message store. What
 * cannot be recorded stops nothing. The norm's 8.5, 8.3.1.2 step 11, 8.3.1.6.7.
 */
#ifndef CPM_RECORDING_H
#define CPM_RECORDING_H

#include "media.h"

/* In the media process, once: line is Message-UID with CRLF for the BYE, or empty when it could not be recorded. */
typedef void (*recording_told)(void *owner, struct cpm_slice line);

/* Slices are copied. */
struct recording {
	struct cpm_slice aor, id, record;
	uint64_t size;
	/* Of one that is not in the queue (draft_add_identity), so that a repeat is not recorded twice; else empty. */
	struct cpm_slice identity;
	bool again; /* an earlier attempt may have recorded it */
};

/* The octets must stay until told is called, perhaps at once. False when it cannot be recorded, counted and logged: told is not
 * called. */
bool recording_begin(const struct recording *r, recording_told told, void *owner);
/* A recording that comes to nothing: counted and logged. */
void recording_failed(struct cpm_slice aor, struct cpm_slice id, const char *reason);

#endif
