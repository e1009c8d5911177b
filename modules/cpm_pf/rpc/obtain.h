/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Documents for a caller that may wait a little: an RPC process.
 */
#ifndef CPM_OBTAIN_H
#define CPM_OBTAIN_H

#include "../xdm/xdm.h"

/* Waits at most wait_ms for a fetch. *entry is the caller's (xdm_release), NULL with XDM_FAILED. */
enum xdm_state obtain_documents(
		struct cpm_slice aor, bool refresh, int wait_ms, struct xdm_entry **entry);

/* The end of such a wait, in the documents process; token is waiter.a. */
void obtain_resume(unsigned long long token, struct cpm_slice aor);

#endif
