/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The words for the media of the policy.
 */
#include "facts.h"

static const char *const names[] = {
		[CPM_MEDIUM_PAGER] = "pager",
		[CPM_MEDIUM_LARGE] = "large",
		[CPM_MEDIUM_DEFERRED] = "deferred",
		[CPM_MEDIUM_SESSION] = "session",
		[CPM_MEDIUM_FILE] = "file-transfer",
		[CPM_MEDIUM_AUDIO] = "audio",
		[CPM_MEDIUM_VIDEO] = "video",
};

bool cpm_medium_of(struct cpm_slice word, enum cpm_medium *medium)
{
	for(size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if(cpm_slice_eq(word, cpm_slice_of(names[i]))) {
			*medium = (enum cpm_medium)i;
			return true;
		}
	return false;
}

const char *cpm_medium_name(enum cpm_medium medium)
{
	return (size_t)medium < sizeof(names) / sizeof(names[0]) ? names[medium] : "unknown";
}
