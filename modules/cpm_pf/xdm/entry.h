/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One user's compiled documents in shared memory, with what is needed to ask
 * whether they are still the current ones. Never changes once made; counted
 * references, and whoever gives back the last one, in whatever process, frees it.
 */
#ifndef CPM_XDM_ENTRY_H
#define CPM_XDM_ENTRY_H

#include <stdatomic.h>

#include "../core/base/arena.h"
#include "xdm.h"

/* A document that the entry was made from. */
struct entry_part {
	struct cpm_slice url;  /* of a linked document; empty for the user's own */
	struct cpm_slice etag; /* as sent; empty without one */
	size_t bytes;
	bool exists; /* false: there is no such document */
};

struct xdm_entry {
	atomic_uint references;
	const struct cpm_documents *documents;
	struct cpm_arena arena; /* holds documents, unless there are none */
	size_t bytes;           /* of all this in shared memory */
	size_t count;
	struct entry_part
			parts[]; /* the user's own, in the order of enum url_document, then linked ones */
};

/* Makes an entry with one reference, the caller's, from allocator. It takes over *arena on
 * success. NULL without memory. */
struct xdm_entry *entry_new(const struct cpm_allocator *allocator, const struct entry_part *parts,
		size_t count, const struct cpm_documents *documents, struct cpm_arena *arena);

static inline struct xdm_entry *entry_hold(struct xdm_entry *e)
{
	if(e)
		atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
	return e;
}

void entry_release(struct xdm_entry **e);

#endif
