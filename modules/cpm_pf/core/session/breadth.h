/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * How many branches a request may still become, all that come of it together:
 * contacts that lead back to their own user would multiply it. RFC 5393
 * section 5.3.
 */
#ifndef CPM_SESSION_BREADTH_H
#define CPM_SESSION_BREADTH_H

#include "../base/slice.h"

/* Of a request that does not say it, or not by a number. */
#define CPM_BREADTH_DEFAULT 60
/* What each of so many branches (1 at least) gets of a Max-Breadth value (empty: none). 0: there are too many. */
unsigned cpm_breadth_share(struct cpm_slice value, size_t branches);

#endif
