/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Result codes of the core. A verdict is always an output, never a code.
 */
#ifndef CPM_RC_H
#define CPM_RC_H

#include <stddef.h>

enum cpm_rc {
	CPM_OK = 0,
	CPM_NEED_MORE, /* valid so far, but the bytes end too early */
	CPM_SYNTAX,    /* can never become valid */
	CPM_LIMIT,     /* larger, deeper or longer than a limit allows */
	CPM_NOMEM,
	CPM_VERSION, /* written by a version that this reader does not know */
	CPM_NOTFOUND,
	CPM_UNSUPPORTED, /* valid, but of a kind that is not handled */
};

/* Where and why something was refused; reason is a static string. */
struct cpm_diag {
	size_t offset;
	const char *reason;
};

/* Fills diag when it is given and returns rc, so that a parser can end with it. */
static inline enum cpm_rc cpm_diag_set(
		struct cpm_diag *diag, enum cpm_rc rc, size_t offset, const char *reason)
{
	if(diag) {
		diag->offset = offset;
		diag->reason = reason;
	}
	return rc;
}

/* A word for logs and RPC: "ok", "syntax", ... */
const char *cpm_rc_name(enum cpm_rc rc);

#endif
