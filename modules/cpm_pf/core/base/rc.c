/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Names of the result codes.
 */
#include "rc.h"

const char *cpm_rc_name(enum cpm_rc rc)
{
	static const char *const names[] = {
			[CPM_OK] = "ok",
			[CPM_NEED_MORE] = "need-more",
			[CPM_SYNTAX] = "syntax",
			[CPM_LIMIT] = "limit",
			[CPM_NOMEM] = "no-memory",
			[CPM_VERSION] = "version",
			[CPM_NOTFOUND] = "not-found",
			[CPM_UNSUPPORTED] = "unsupported",
	};

	if((size_t)rc >= sizeof(names) / sizeof(names[0]))
		return "unknown";
	return names[rc];
}
