/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The stored form of an object that is to leave the message store: a recording
 * of a message that could not be delivered. Kept with the reports until the
 * message store has done it. The norm's 8.3.1.1 (end) and 8.3.1.6.6.
 */
#ifndef CPM_REMOVAL_H
#define CPM_REMOVAL_H

#include "../base/buf.h"

/* Slices borrow: when building from the caller, after parsing from the text. */
struct cpm_removal {
	struct cpm_slice aor;    /* canonical key of the served user */
	struct cpm_slice folder; /* whole name */
	struct cpm_slice key;    /* of the object: local@host of its Message-ID */
	uint32_t uid, uidvalidity;
	int64_t since_ms; /* when it became due */
};

/* Appends the text form. CPM_SYNTAX for a value with a line end or NUL in it. */
enum cpm_rc cpm_removal_build(const struct cpm_removal *r, struct cpm_buf *out);
/* Does a stored record hold a removal (of whatever version)? */
bool cpm_removal_is(struct cpm_slice text);
/* CPM_VERSION for a later version, CPM_SYNTAX when something is missing. */
enum cpm_rc cpm_removal_parse(struct cpm_slice text, struct cpm_removal *r);

#endif
