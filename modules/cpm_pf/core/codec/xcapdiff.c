/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * From document selectors to users.
 */
#include "xcapdiff.h"

#include "uri.h"
#include "xml.h"

#define NS_DIFF "urn:ietf:params:xml:ns:xcap-diff"
#define NS_LISTS "urn:ietf:params:xml:ns:resource-lists"
/* One selector of ours. */
#define SELECTOR_MAX 4096

static bool is_diff(const xmlNode *node, const char *name)
{
	return cpm_xml_is(node, NS_DIFF, name) || (!node->ns && cpm_xml_is(node, NULL, name));
}

static struct cpm_slice attribute(const xmlNode *node, const char *name)
{
	struct cpm_slice value = CPM_SLICE_NONE;

	cpm_xml_attribute(node, name, &value);
	return value;
}

static struct cpm_slice without_slashes(struct cpm_slice s)
{
	while(s.n && s.p[0] == '/')
		s = cpm_slice_from(s, 1);
	return s;
}

/* The path of a URL, its slash included; what is no URL stays. */
static struct cpm_slice path_of(struct cpm_slice url)
{
	struct cpm_slice rest;

	if(cpm_slice_istarts(url, CPM_SLICE("http://")))
		rest = cpm_slice_from(url, 7);
	else if(cpm_slice_istarts(url, CPM_SLICE("https://")))
		rest = cpm_slice_from(url, 8);
	else
		return url;
	return cpm_slice_from(rest, cpm_slice_find(rest, '/'));
}

/* The selector below the XCAP root, without the part that selects inside the document. */
static struct cpm_slice below_root(struct cpm_slice selector, struct cpm_slice root)
{
	struct cpm_slice inside = CPM_SLICE("/~~");

	selector = path_of(selector);
	root = path_of(root);
	while(root.n && root.p[root.n - 1] == '/')
		root.n--;
	if(root.n && selector.n > root.n && cpm_slice_starts(selector, root)
			&& selector.p[root.n] == '/')
		selector = cpm_slice_from(selector, root.n);
	for(size_t i = 0; i < selector.n; i++)
		if(selector.p[i] == '?' || cpm_slice_starts(cpm_slice_from(selector, i), inside))
			selector.n = i;
	return without_slashes(selector);
}

/* Takes "<auid>/users/<xui>[/<document>]" apart; xui stays escaped. False when it is none. */
static bool split(struct cpm_slice path, struct cpm_slice auid, struct cpm_slice *xui,
		struct cpm_slice *document)
{
	struct cpm_slice users = CPM_SLICE("/users/");

	if(!auid.n || !cpm_slice_starts(path, auid))
		return false;
	path = cpm_slice_from(path, auid.n);
	if(!cpm_slice_starts(path, users))
		return false;
	*document = cpm_slice_from(path, users.n);
	return cpm_slice_split(document, '/', xui) && xui->n;
}

static enum cpm_rc no_memory(struct cpm_diag *diag)
{
	return cpm_diag_set(diag, CPM_NOMEM, 0, "no memory");
}

/* Moves the slices of change, still those of the tree, into the arena. */
static enum cpm_rc keep(
		struct cpm_xcap_change *change, struct cpm_arena *arena, struct cpm_diag *diag)
{
	char *memory = cpm_arena_alloc(arena, change->xui.n);
	struct cpm_buf b;

	if(!memory || !cpm_arena_dup(arena, change->document, &change->document)
			|| !cpm_arena_dup(arena, change->new_etag, &change->new_etag)
			|| !cpm_arena_dup(arena, change->previous_etag, &change->previous_etag))
		return no_memory(diag);
	cpm_buf_init_fixed(&b, memory, change->xui.n);
	cpm_uri_add_unescaped(&b, change->xui);
	change->xui = cpm_buf_slice(&b);
	return CPM_OK;
}

/* Fills change from one child of the root; false when it concerns nobody. */
static bool read_change(const xmlNode *node, struct cpm_slice root, const struct cpm_slice *auids,
		size_t auid_count, struct cpm_xcap_change *change)
{
	struct cpm_slice path = below_root(attribute(node, "sel"), root);

	*change = (struct cpm_xcap_change){
			.new_etag = attribute(node, "new-etag"),
			.previous_etag = attribute(node, "previous-etag"),
	};
	for(; change->auid < auid_count; change->auid++)
		if(split(path, auids[change->auid], &change->xui, &change->document))
			return true;
	return false;
}

static bool is_change(const xmlNode *node)
{
	return is_diff(node, "document") || is_diff(node, "element") || is_diff(node, "attribute");
}

static enum cpm_rc read_root(const xmlNode *root, const struct cpm_slice *auids, size_t auid_count,
		struct cpm_arena *arena, struct cpm_xcap_changes *out, struct cpm_diag *diag)
{
	struct cpm_slice xcap_root;
	struct cpm_xcap_change *items;
	size_t count = 0;

	if(!is_diff(root, "xcap-diff"))
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "no xcap-diff document");
	xcap_root = attribute(root, "xcap-root");
	for(const xmlNode *node = cpm_xml_first(root); node; node = cpm_xml_next(node))
		count += is_change(node);
	if(count > CPM_XCAPDIFF_MAX)
		return cpm_diag_set(diag, CPM_LIMIT, 0, "too many changes");
	items = cpm_arena_array(arena, count, sizeof(*items));
	if(!items)
		return no_memory(diag);
	for(const xmlNode *node = cpm_xml_first(root); node; node = cpm_xml_next(node)) {
		struct cpm_xcap_change change;

		if(!is_change(node))
			continue;
		if(!read_change(node, xcap_root, auids, auid_count, &change))
			out->ignored++;
		else if(keep(&change, arena, diag))
			return CPM_NOMEM;
		else
			items[out->count++] = change;
	}
	out->items = items;
	return CPM_OK;
}

enum cpm_rc cpm_xcapdiff_parse(struct cpm_slice text, const struct cpm_slice *auids,
		size_t auid_count, const struct cpm_limits *limits, struct cpm_arena *arena,
		struct cpm_xcap_changes *out, struct cpm_diag *diag)
{
	xmlDocPtr doc;
	enum cpm_rc rc;

	*out = (struct cpm_xcap_changes){0};
	rc = cpm_xml_parse(text, limits, &doc, diag);
	if(rc)
		return rc;
	rc = read_root(cpm_xml_first((xmlNode *)doc), auids, auid_count, arena, out, diag);
	xmlFreeDoc(doc);
	if(rc)
		*out = (struct cpm_xcap_changes){0};
	return rc;
}

static void add_entry(
		struct cpm_buf *out, struct cpm_slice xui, const struct cpm_xcap_document *document)
{
	char memory[SELECTOR_MAX];
	struct cpm_buf selector;

	cpm_buf_init_fixed(&selector, memory, sizeof(memory));
	cpm_buf_add(&selector, document->auid);
	cpm_buf_add_str(&selector, "/users/");
	cpm_uri_add_xcap_segment(&selector, xui);
	cpm_buf_add_char(&selector, '/');
	cpm_buf_add(&selector, document->name);
	if(selector.rc && !out->rc)
		out->rc = selector.rc;
	cpm_buf_add_str(out, "    <entry uri=\"");
	cpm_xml_add_text(out, cpm_buf_slice(&selector));
	cpm_buf_add_str(out, "\"/>\r\n");
}

void cpm_xcapdiff_add_subscription(struct cpm_buf *out, struct cpm_slice xui,
		const struct cpm_xcap_document *documents, size_t count)
{
	cpm_buf_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
						 "<resource-lists xmlns=\"" NS_LISTS "\">\r\n"
						 "  <list>\r\n");
	for(size_t i = 0; i < count; i++)
		add_entry(out, xui, &documents[i]);
	cpm_buf_add_str(out, "  </list>\r\n"
						 "</resource-lists>\r\n");
}
