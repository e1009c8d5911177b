/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The expiry time of a deferred message.
 */
#include "expiry.h"

uint64_t cpm_expiry_seconds(struct cpm_slice value, bool present, uint64_t max_s, bool *odd)
{
	uint64_t seconds;
	bool number = cpm_slice_u64(cpm_slice_trim(value), &seconds);

	if(odd)
		*odd = present && !number;
	if(!present || !number || seconds > max_s)
		return max_s;
	return seconds;
}
