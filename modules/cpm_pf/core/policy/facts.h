/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the policy may know of one request. Filled by the SIP side, read by decide.
 */
#ifndef CPM_FACTS_H
#define CPM_FACTS_H

#include "../codec/uri.h"

enum cpm_medium {
	CPM_MEDIUM_PAGER,
	CPM_MEDIUM_LARGE,
	CPM_MEDIUM_DEFERRED,
	CPM_MEDIUM_SESSION,
	CPM_MEDIUM_FILE, /* what a session may have beside messages, as the next two */
	CPM_MEDIUM_AUDIO,
	CPM_MEDIUM_VIDEO,
	CPM_MEDIUM_COUNT,
};

/* "pager", "large", "deferred", "session", "file-transfer", "audio", "video"; false on another word. */
bool cpm_medium_of(struct cpm_slice word, enum cpm_medium *medium);
const char *cpm_medium_name(enum cpm_medium medium);

#define CPM_FACTS_ORIGINATORS 2

struct cpm_facts {
	/* Authenticated identities of the originator, canonical (a SIP and a tel URI can be asserted together).
	 * None: the originator is not authenticated and matches no identity. */
	struct cpm_uri_key originators[CPM_FACTS_ORIGINATORS];
	size_t originator_count;
	bool anonymous; /* the originator asked for anonymity */
	enum cpm_medium medium;
	int64_t now_ms; /* since the epoch */
};

#endif
