/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the parsers of one compilation share. Internal to core/policy.
 */
#ifndef CPM_COMPILE_H
#define CPM_COMPILE_H

#include "../codec/xml.h"
#include "compiled.h"

#define CPM_NS_RULES "urn:ietf:params:xml:ns:common-policy"
#define CPM_NS_OMA_CONDITIONS "urn:oma:xml:xdm:common-policy"
#define CPM_NS_OMA_EXTENSIONS "urn:oma:xml:xdm:extensions"
#define CPM_NS_EXTENSIONS "urn:x-cpm-pf:ext:1"
#define CPM_NS_LISTS "urn:ietf:params:xml:ns:resource-lists"
#define CPM_NS_PROFILE "urn:x-cpm-pf:upp:1"

struct cpm_list_memo;

/* One document of the source. */
struct cpm_compile_document {
	struct cpm_slice url; /* canonical; empty when it cannot be read as a URL */
	xmlDocPtr tree;       /* once it was asked for */
	bool linked;          /* a list led to it */
};

struct cpm_compile {
	const struct cpm_documents_source *source;
	const struct cpm_limits *limits;
	struct cpm_arena *arena;   /* of the result */
	struct cpm_arena *scratch; /* until the end of the compilation */
	uint64_t seed;
	struct cpm_compile_document *documents; /* one for each of source->documents */
	struct cpm_slice root;                  /* canonical XCAP root */
	struct cpm_slice own_tail;   /* canonical path of the user's lists below the root, with '/' */
	size_t own;                  /* its index, source->count when it is not at hand */
	struct cpm_list_memo *memos; /* lists that rules link to */
	size_t entries;              /* of all lists so far */
	size_t linked;               /* documents that lists led to */
	size_t budget;               /* nodes that may still be looked at for links */
	struct cpm_missing *missing;
	size_t warnings;
	size_t culprit;
	struct cpm_diag *diag;
};

/* Ends a compilation step: notes the document and the reason, returns rc. */
enum cpm_rc cpm_compile_fail(
		struct cpm_compile *c, enum cpm_rc rc, size_t document, const char *reason);
/* The tree of a document at hand, parsed at the first call; NULL for one that does not exist. */
enum cpm_rc cpm_compile_tree(struct cpm_compile *c, size_t document, xmlDocPtr *tree);
/* Element text or attribute "allow" true, 1 or active. */
bool cpm_compile_boolean(const xmlNode *node);
/* An element of the OMA extensions' namespace or of ours. */
bool cpm_compile_is_extension(const xmlNode *node);
/* The media bits (1 << enum cpm_medium) that a medium's name stands for; 0 for a foreign medium. */
unsigned cpm_compile_media(struct cpm_slice name);
/* Adds the canonical form of a URI; one that has none is a warning. */
enum cpm_rc cpm_compile_add_uri(
		struct cpm_compile *c, struct cpm_keyset_builder *b, struct cpm_slice uri);

/* The block list of the user's resource-lists document. */
enum cpm_rc cpm_urilist_blocked(struct cpm_compile *c, struct cpm_keyset *set);
/* The list that an anchor in the document'th of the source names; empty when it leads nowhere. */
enum cpm_rc cpm_urilist_linked(struct cpm_compile *c, size_t document, struct cpm_slice anchor,
		const struct cpm_keyset **set);
/* The user's access rules, the document'th of the source. */
enum cpm_rc cpm_ruleset_compile(
		struct cpm_compile *c, size_t document, struct cpm_ruleset *ruleset);
/* All <conditions> of one rule; document is for cpm_compile_fail. */
enum cpm_rc cpm_conditions_compile(
		struct cpm_compile *c, size_t document, const xmlNode *rule_node, struct cpm_rule *rule);
/* The user's preferences profile, the document'th of the source. */
enum cpm_rc cpm_profile_compile(
		struct cpm_compile *c, size_t document, struct cpm_profile *profile);

/* The compilation with the memory that it needs in between taken from an allocator of choice. */
enum cpm_rc cpm_documents_compile_with(const struct cpm_allocator *scratch_allocator,
		const struct cpm_documents_source *source, const struct cpm_limits *limits,
		struct cpm_arena *arena, const struct cpm_documents **compiled, struct cpm_missing *missing,
		size_t *warnings, size_t *culprit, struct cpm_diag *diag);

#endif
