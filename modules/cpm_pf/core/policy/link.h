/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Links between XDM documents: XCAP node URIs taken apart, brought into one form
 * for comparison, and followed inside a tree. RFC 4825 section 6; companion
 * section 1.
 */
#ifndef CPM_LINK_H
#define CPM_LINK_H

#include "../base/arena.h"
#include "../codec/xml.h"

struct cpm_link {
	struct cpm_slice document; /* canonical URL of the document */
	struct cpm_slice selector; /* node selector without escapes; empty without one */
};

/* Reads a link; what is not absolute is relative to root (canonical; empty when there is none).
 * Canonical is: scheme and authority in lower case, https as http, default ports dropped, each path
 * segment with as few escapes as XCAP allows, no empty segments, query and fragment dropped. Both
 * slices live in the arena. CPM_SYNTAX for what cannot be followed, "." and ".." and control bytes
 * among it. */
enum cpm_rc cpm_link_parse(struct cpm_slice text, struct cpm_slice root, struct cpm_arena *scratch,
		struct cpm_link *link);

/* The first element that the selector names, NULL without one. Names compare by their local part;
 * steps may have predicates [n], [@name="value"]. *budget counts down with each element looked at,
 * and at 0 the search gives up. */
xmlNode *cpm_link_select(xmlDocPtr tree, struct cpm_slice selector, size_t *budget);

#endif
