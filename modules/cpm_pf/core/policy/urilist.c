/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * URI lists into key sets: entries, nested lists, and links to other lists and
 * entries, in the same document or another. RFC 4826 section 3; companion
 * section 1.1.
 *
 * Lists are visited in order of their distance, each once, so a loop of links
 * ends and the depth limit does not depend on the order of the links.
 */
#include "compile.h"
#include "link.h"

#define BLOCKED_LIST "oma_blockedcontacts"

/* A list that waits for its turn. */
struct visit {
	struct visit *next;
	xmlNode *list;
	size_t document;
	size_t depth; /* links that led here */
};

/* One set in the making. Its address marks the lists that it has seen. */
struct collection {
	struct cpm_compile *c;
	struct cpm_keyset_builder keys;
	struct visit *first;
	struct visit **last;
};

struct cpm_list_memo {
	struct cpm_list_memo *next;
	struct cpm_slice anchor; /* borrows from the tree */
	const struct cpm_keyset *set;
};

static bool is_list_element(const xmlNode *node, const char *name)
{
	return cpm_xml_is(node, CPM_NS_LISTS, name);
}

/* Puts a list that was not seen yet into the queue at place. */
static enum cpm_rc visit_add(
		struct collection *col, struct visit **place, xmlNode *list, size_t document, size_t depth)
{
	struct visit *v;

	if(list->_private == col)
		return CPM_OK;
	v = cpm_arena_alloc(col->c->scratch, sizeof(*v));
	if(!v)
		return cpm_compile_fail(col->c, CPM_NOMEM, document, "no memory");
	list->_private = col;
	*v = (struct visit){.next = *place, .list = list, .document = document, .depth = depth};
	*place = v;
	if(col->last == place)
		col->last = &v->next;
	return CPM_OK;
}

/* Is the URL the user's own document? Also by a link that was made for another root: clients see
 * the XDMS by another name than we do. */
static bool is_own(const struct cpm_compile *c, struct cpm_slice url)
{
	return c->own < c->source->count && c->own_tail.n && url.n > c->own_tail.n
		   && cpm_slice_eq(cpm_slice_from(url, url.n - c->own_tail.n), c->own_tail);
}

static size_t find_document(const struct cpm_compile *c, struct cpm_slice url)
{
	for(size_t i = 0; i < c->source->count; i++)
		if(c->documents[i].url.n && cpm_slice_eq(c->documents[i].url, url))
			return i;
	return is_own(c, url) ? c->own : c->source->count;
}

static enum cpm_rc count_linked(struct cpm_compile *c, size_t from)
{
	if(c->linked == c->limits->max_linked_documents)
		return cpm_compile_fail(c, CPM_LIMIT, from, "links to too many documents");
	c->linked++;
	return CPM_OK;
}

/* Names a document that is not at hand, in terms of the configured root. */
static enum cpm_rc note_missing(struct cpm_compile *c, size_t from, struct cpm_slice url)
{
	struct cpm_slice root = c->source->xcap_root, tail = cpm_slice_from(url, c->root.n);
	struct cpm_missing *missing = c->missing;
	struct cpm_buf b;
	char *memory;
	enum cpm_rc rc;

	c->warnings++;
	if(!c->root.n || !cpm_slice_starts(url, c->root) || tail.n < 2 || tail.p[0] != '/'
			|| missing->count == CPM_MISSING_MAX)
		return CPM_OK;
	while(root.n && root.p[root.n - 1] == '/')
		root.n--;
	memory = cpm_arena_alloc(c->arena, root.n + tail.n);
	if(!memory)
		return cpm_compile_fail(c, CPM_NOMEM, from, "no memory");
	cpm_buf_init_fixed(&b, memory, root.n + tail.n);
	cpm_buf_add(&b, root);
	cpm_buf_add(&b, tail);
	for(size_t i = 0; i < missing->count; i++)
		if(cpm_slice_eq(missing->urls[i], cpm_buf_slice(&b)))
			return CPM_OK;
	rc = count_linked(c, from);
	if(!rc)
		missing->urls[missing->count++] = cpm_buf_slice(&b);
	return rc;
}

/* The element that a link in document from leads to, NULL (and a warning) when it leads nowhere. */
static enum cpm_rc follow(
		struct cpm_compile *c, size_t from, struct cpm_slice text, xmlNode **node, size_t *document)
{
	struct cpm_link link;
	xmlDocPtr tree;
	enum cpm_rc rc = cpm_link_parse(text, c->root, c->scratch, &link);

	*node = NULL;
	if(rc == CPM_NOMEM)
		return cpm_compile_fail(c, rc, from, "no memory");
	if(rc) {
		c->warnings++;
		return CPM_OK;
	}
	*document = find_document(c, link.document);
	if(*document == c->source->count)
		return note_missing(c, from, link.document);
	if(*document != c->own && !c->documents[*document].linked) {
		rc = count_linked(c, from);
		if(rc)
			return rc;
		c->documents[*document].linked = true;
	}
	rc = cpm_compile_tree(c, *document, &tree);
	if(rc)
		return rc;
	if(tree)
		*node = cpm_link_select(tree, link.selector, &c->budget);
	if(!c->budget)
		return cpm_compile_fail(c, CPM_LIMIT, from, "links take too long to follow");
	if(!*node)
		c->warnings++;
	return CPM_OK;
}

static enum cpm_rc add_entry(struct collection *col, size_t document, const xmlNode *entry)
{
	struct cpm_compile *c = col->c;
	struct cpm_slice uri = CPM_SLICE_NONE;
	enum cpm_rc rc;

	if(c->entries == c->limits->max_list_entries)
		return cpm_compile_fail(c, CPM_LIMIT, document, "too many list entries");
	c->entries++;
	cpm_xml_attribute(entry, "uri", &uri);
	rc = cpm_compile_add_uri(c, &col->keys, uri);
	return rc ? cpm_compile_fail(c, rc, document, "no memory") : CPM_OK;
}

static enum cpm_rc add_entry_ref(struct collection *col, size_t document, const xmlNode *ref)
{
	struct cpm_slice text = CPM_SLICE_NONE;
	xmlNode *entry;
	size_t target;
	enum cpm_rc rc;

	cpm_xml_attribute(ref, "ref", &text);
	rc = follow(col->c, document, text, &entry, &target);
	if(rc || !entry)
		return rc;
	if(is_list_element(entry, "entry"))
		return add_entry(col, target, entry);
	col->c->warnings++;
	return CPM_OK;
}

static enum cpm_rc add_external(
		struct collection *col, size_t document, struct cpm_slice anchor, size_t depth)
{
	xmlNode *list;
	size_t target;
	enum cpm_rc rc;

	if(depth > col->c->limits->max_list_depth) {
		col->c->warnings++;
		return CPM_OK;
	}
	rc = follow(col->c, document, anchor, &list, &target);
	if(rc || !list)
		return rc;
	if(is_list_element(list, "list"))
		return visit_add(col, col->last, list, target, depth);
	col->c->warnings++;
	return CPM_OK;
}

/* A nested list is as near as its parent, so it goes before all that is linked to. */
static enum cpm_rc add_child(struct collection *col, struct visit *v, xmlNode *node)
{
	struct cpm_slice anchor = CPM_SLICE_NONE;

	if(is_list_element(node, "entry"))
		return add_entry(col, v->document, node);
	if(is_list_element(node, "list"))
		return visit_add(col, &v->next, node, v->document, v->depth);
	if(is_list_element(node, "entry-ref"))
		return add_entry_ref(col, v->document, node);
	if(is_list_element(node, "external")) {
		cpm_xml_attribute(node, "anchor", &anchor);
		return add_external(col, v->document, anchor, v->depth + 1);
	}
	return CPM_OK;
}

/* Works off the queue and builds the set. */
static enum cpm_rc collect(struct collection *col, struct cpm_keyset *set)
{
	enum cpm_rc rc = CPM_OK;

	for(struct visit *v = col->first; v; v = v->next)
		for(xmlNode *node = cpm_xml_first(v->list); node; node = cpm_xml_next(node)) {
			rc = add_child(col, v, node);
			if(rc)
				return rc;
		}
	rc = cpm_keyset_build(&col->keys, col->c->arena, set);
	return rc ? cpm_compile_fail(col->c, rc, col->c->source->count, "no memory") : CPM_OK;
}

static struct collection *collection_new(struct cpm_compile *c)
{
	struct collection *col = cpm_arena_alloc(c->scratch, sizeof(*col));

	if(col) {
		*col = (struct collection){.c = c, .keys = {.scratch = c->scratch, .seed = c->seed}};
		col->last = &col->first;
	}
	return col;
}

enum cpm_rc cpm_urilist_blocked(struct cpm_compile *c, struct cpm_keyset *set)
{
	struct collection *col = collection_new(c);
	struct cpm_slice name;
	xmlDocPtr tree;
	enum cpm_rc rc;

	if(!col)
		return cpm_compile_fail(c, CPM_NOMEM, c->source->count, "no memory");
	rc = cpm_compile_tree(c, c->own, &tree);
	if(rc || !tree)
		return rc;
	if(!is_list_element(cpm_xml_first((xmlNode *)tree), "resource-lists"))
		return cpm_compile_fail(c, CPM_SYNTAX, c->own, "not a resource-lists document");
	for(xmlNode *node = cpm_xml_first(cpm_xml_first((xmlNode *)tree)); node;
			node = cpm_xml_next(node)) {
		if(!is_list_element(node, "list") || !cpm_xml_attribute(node, "name", &name)
				|| !cpm_slice_eq(name, CPM_SLICE(BLOCKED_LIST)))
			continue;
		rc = visit_add(col, col->last, node, c->own, 0);
		if(rc)
			return rc;
	}
	return collect(col, set);
}

enum cpm_rc cpm_urilist_linked(struct cpm_compile *c, size_t document, struct cpm_slice anchor,
		const struct cpm_keyset **set)
{
	struct cpm_list_memo *memo;
	struct cpm_keyset *collected;
	struct collection *col;
	enum cpm_rc rc;

	for(memo = c->memos; memo && c->budget; memo = memo->next) {
		c->budget--;
		if(cpm_slice_eq(memo->anchor, anchor)) {
			*set = memo->set;
			return CPM_OK;
		}
	}
	col = collection_new(c);
	memo = cpm_arena_alloc(c->scratch, sizeof(*memo));
	collected = cpm_arena_alloc(c->arena, sizeof(*collected));
	if(!col || !memo || !collected)
		return cpm_compile_fail(c, CPM_NOMEM, document, "no memory");
	rc = add_external(col, document, anchor, 1);
	if(!rc)
		rc = collect(col, collected);
	if(rc)
		return rc;
	*memo = (struct cpm_list_memo){c->memos, anchor, collected};
	c->memos = memo;
	*set = collected;
	return CPM_OK;
}
