/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the parsers of one compilation share.
 */
#include "compile.h"

enum cpm_rc cpm_compile_fail(
		struct cpm_compile *c, enum cpm_rc rc, size_t document, const char *reason)
{
	c->culprit = document;
	return cpm_diag_set(c->diag, rc, 0, reason);
}

enum cpm_rc cpm_compile_tree(struct cpm_compile *c, size_t document, xmlDocPtr *tree)
{
	enum cpm_rc rc = CPM_OK;

	*tree = NULL;
	if(document >= c->source->count || !c->source->documents[document].exists)
		return CPM_OK;
	if(!c->documents[document].tree)
		rc = cpm_xml_parse(c->source->documents[document].body, c->limits,
				&c->documents[document].tree, c->diag);
	if(rc)
		c->culprit = document;
	*tree = c->documents[document].tree;
	return rc;
}

enum cpm_rc cpm_compile_add_uri(
		struct cpm_compile *c, struct cpm_keyset_builder *b, struct cpm_slice uri)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;

	if(!cpm_uri_canon(uri, memory, sizeof(memory), &key))
		return cpm_keyset_add(b, key.key);
	c->warnings++;
	return CPM_OK;
}

unsigned cpm_compile_media(struct cpm_slice name)
{
	static const struct {
		const char *name;
		enum cpm_medium medium;
	} table[] = {
			{"pager-mode-message", CPM_MEDIUM_PAGER},
			{"large-message-mode-message", CPM_MEDIUM_LARGE},
			{"large-message-mode", CPM_MEDIUM_LARGE},
			{"large-message", CPM_MEDIUM_LARGE},
			{"deferred-messages", CPM_MEDIUM_DEFERRED},
			{"deferred", CPM_MEDIUM_DEFERRED},
			{"message-session", CPM_MEDIUM_SESSION},
			{"file-transfer", CPM_MEDIUM_FILE},
			{"audio", CPM_MEDIUM_AUDIO},
			{"video", CPM_MEDIUM_VIDEO},
	};

	for(size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if(cpm_slice_eq(name, cpm_slice_of(table[i].name)))
			return 1u << table[i].medium;
	return 0;
}

bool cpm_compile_is_extension(const xmlNode *node)
{
	const char *name = (const char *)node->name;

	return cpm_xml_is(node, CPM_NS_OMA_EXTENSIONS, name)
		   || cpm_xml_is(node, CPM_NS_EXTENSIONS, name);
}

static bool word_true(struct cpm_slice s)
{
	return cpm_slice_ieq(s, CPM_SLICE("true")) || cpm_slice_eq(s, CPM_SLICE("1"))
		   || cpm_slice_ieq(s, CPM_SLICE("active"));
}

bool cpm_compile_boolean(const xmlNode *node)
{
	struct cpm_slice allow;

	return word_true(cpm_xml_text(node))
		   || (cpm_xml_attribute(node, "allow", &allow) && word_true(allow));
}
