/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 */
#include "breadth.h"

unsigned cpm_breadth_share(struct cpm_slice value, size_t branches)
{
	uint64_t breadth;

	/* More than we would give ourselves is no help to anybody. */
	if(!cpm_slice_u64(cpm_slice_trim(value), &breadth) || breadth > CPM_BREADTH_DEFAULT)
		breadth = CPM_BREADTH_DEFAULT;
	return (unsigned)(breadth / branches);
}
