/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The reader of URI lists in requests. It walks the tree in document order
 * without recursion: a tree knows its parents.
 */
#include "recipients.h"

#include "xml.h"

#define NS_LISTS "urn:ietf:params:xml:ns:resource-lists"

static bool is_list(const xmlNode *node, const char *name)
{
	return cpm_xml_is(node, NS_LISTS, name);
}

/* The next element in document order below root; into the children of lists only. */
static const xmlNode *step(const xmlNode *root, const xmlNode *node)
{
	const xmlNode *next = NULL;

	if(node == root || is_list(node, "list"))
		next = cpm_xml_first(node);
	while(!next && node != root) {
		next = cpm_xml_next(node);
		node = node->parent;
	}
	return next;
}

/* The next entry that has a URI behind node (root: the first one), NULL at the end. */
static const xmlNode *next_entry(const xmlNode *root, const xmlNode *node, struct cpm_slice *uri)
{
	while((node = step(root, node)))
		if(is_list(node, "entry") && cpm_xml_attribute(node, "uri", uri) && uri->n)
			return node;
	return NULL;
}

static enum cpm_copy copy_of(const xmlNode *entry)
{
	static const char *const names[] = {"to", "cc", "bcc"};
	struct cpm_slice value;

	if(!cpm_xml_attribute(entry, "copyControl", &value))
		return CPM_COPY_NONE;
	for(size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if(cpm_slice_ieq(value, cpm_slice_of(names[i])))
			return (enum cpm_copy)(i + 1);
	return CPM_COPY_NONE;
}

static bool anonymize_of(const xmlNode *entry)
{
	struct cpm_slice value;

	return cpm_xml_attribute(entry, "anonymize", &value)
		   && (cpm_slice_ieq(value, CPM_SLICE("true")) || cpm_slice_eq(value, CPM_SLICE("1")));
}

static enum cpm_rc read_root(const xmlNode *root, struct cpm_arena *arena,
		struct cpm_recipients *out, struct cpm_diag *diag)
{
	struct cpm_recipient *items;
	const xmlNode *node = root;
	struct cpm_slice uri;
	size_t count = 0;

	if(!is_list(root, "resource-lists"))
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "no resource-lists document");
	while((node = next_entry(root, node, &uri)))
		if(++count > CPM_RECIPIENTS_MAX)
			return cpm_diag_set(diag, CPM_LIMIT, 0, "too many entries");
	items = cpm_arena_array(arena, count, sizeof(*items));
	if(!items)
		return cpm_diag_set(diag, CPM_NOMEM, 0, "no memory");
	for(node = root; (node = next_entry(root, node, &uri)); out->count++) {
		struct cpm_recipient *item = &items[out->count];

		*item = (struct cpm_recipient){uri, copy_of(node), anonymize_of(node)};
		if(!cpm_arena_dup(arena, uri, &item->uri))
			return cpm_diag_set(diag, CPM_NOMEM, 0, "no memory");
	}
	out->items = items;
	return CPM_OK;
}

enum cpm_rc cpm_recipients_parse(struct cpm_slice text, const struct cpm_limits *limits,
		struct cpm_arena *arena, struct cpm_recipients *out, struct cpm_diag *diag)
{
	xmlDocPtr doc;
	enum cpm_rc rc;

	*out = (struct cpm_recipients){0};
	rc = cpm_xml_parse(text, limits, &doc, diag);
	if(rc)
		return rc;
	rc = read_root(cpm_xml_first((xmlNode *)doc), arena, out, diag);
	xmlFreeDoc(doc);
	if(rc)
		*out = (struct cpm_recipients){0};
	return rc;
}
