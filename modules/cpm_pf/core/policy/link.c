/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Reading and following XCAP links.
 */
#include "link.h"

#include "../base/ascii.h"
#include "../codec/uri.h"

#define LINK_BYTES_MAX 4096
#define PREDICATES_MAX 4

struct predicate {
	uint64_t position; /* 0: by attribute */
	struct cpm_slice attribute;
	struct cpm_slice value;
};

struct step {
	struct cpm_slice name;
	struct predicate predicates[PREDICATES_MAX];
	size_t count;
};

static void add_lower(struct cpm_buf *b, struct cpm_slice s)
{
	for(size_t i = 0; i < s.n; i++)
		cpm_buf_add_char(b, cpm_ascii_lower(s.p[i]));
}

static bool ends(struct cpm_slice s, struct cpm_slice tail)
{
	return s.n >= tail.n && cpm_slice_eq(cpm_slice_from(s, s.n - tail.n), tail);
}

/* Moves "scheme://authority" from *rest to b; false when the link is relative. */
static bool take_authority(struct cpm_slice *rest, struct cpm_buf *b)
{
	size_t colon = cpm_slice_find(*rest, ':');
	struct cpm_slice scheme = cpm_slice_head(*rest, colon), authority, port;

	if(cpm_slice_find(scheme, '/') < scheme.n
			|| !cpm_slice_starts(cpm_slice_from(*rest, colon), CPM_SLICE("://")))
		return false;
	*rest = cpm_slice_from(*rest, colon + 3);
	authority = cpm_slice_head(*rest, cpm_slice_find(*rest, '/'));
	*rest = cpm_slice_from(*rest, authority.n);
	if(cpm_slice_ieq(scheme, CPM_SLICE("file")) && cpm_slice_ieq(authority, CPM_SLICE("localhost")))
		authority.n = 0;
	port = cpm_slice_ieq(scheme, CPM_SLICE("https")) ? CPM_SLICE(":443") : CPM_SLICE(":80");
	if(ends(authority, port))
		authority.n -= port.n;
	/* Whether a link is meant for TLS is the root's business: no other root is ever asked. */
	add_lower(b, cpm_slice_ieq(scheme, CPM_SLICE("https")) ? CPM_SLICE("http") : scheme);
	cpm_buf_add_str(b, "://");
	add_lower(b, authority);
	return true;
}

/* A decoded path segment must not climb, not even by an encoded slash, and must be text. */
static bool segment_safe(struct cpm_slice segment)
{
	struct cpm_slice part;

	for(size_t i = 0; i < segment.n; i++)
		if(cpm_ascii_control(segment.p[i]) || segment.p[i] == '\\')
			return false;
	while(cpm_slice_split(&segment, '/', &part))
		if(cpm_slice_eq(part, CPM_SLICE(".")) || cpm_slice_eq(part, CPM_SLICE("..")))
			return false;
	return true;
}

/* Appends the path up to the selector in canonical form; *rest is left at the selector. */
static bool add_path(struct cpm_buf *b, struct cpm_slice *rest)
{
	struct cpm_slice segment;

	while(cpm_slice_split(rest, '/', &segment)) {
		char memory[LINK_BYTES_MAX];
		struct cpm_buf decoded;

		if(!segment.n)
			continue;
		cpm_buf_init_fixed(&decoded, memory, sizeof(memory));
		cpm_uri_add_unescaped(&decoded, segment);
		if(!segment_safe(cpm_buf_slice(&decoded)))
			return false;
		if(cpm_slice_eq(cpm_buf_slice(&decoded), CPM_SLICE("~~")))
			return true;
		cpm_buf_add_char(b, '/');
		cpm_uri_add_xcap_segment(b, cpm_buf_slice(&decoded));
	}
	return true;
}

enum cpm_rc cpm_link_parse(struct cpm_slice text, struct cpm_slice root, struct cpm_arena *scratch,
		struct cpm_link *link)
{
	struct cpm_slice rest = cpm_slice_trim(text);
	struct cpm_buf document, selector;
	char *memory;
	size_t size;

	rest = cpm_slice_head(rest, cpm_slice_find(rest, '#'));
	rest = cpm_slice_head(rest, cpm_slice_find(rest, '?'));
	if(!rest.n || rest.n > LINK_BYTES_MAX)
		return CPM_SYNTAX;
	size = root.n + 1 + 3 * rest.n;
	memory = cpm_arena_alloc(scratch, size + rest.n);
	if(!memory)
		return CPM_NOMEM;
	cpm_buf_init_fixed(&document, memory, size);
	cpm_buf_init_fixed(&selector, memory + size, rest.n);
	if(!take_authority(&rest, &document)) {
		if(!root.n)
			return CPM_SYNTAX;
		cpm_buf_add(&document, root);
	}
	if(!add_path(&document, &rest))
		return CPM_SYNTAX;
	cpm_uri_add_unescaped(&selector, rest);
	*link = (struct cpm_link){cpm_buf_slice(&document), cpm_buf_slice(&selector)};
	return document.rc;
}

static bool take_char(struct cpm_slice *rest, char c)
{
	if(!rest->n || rest->p[0] != c)
		return false;
	*rest = cpm_slice_from(*rest, 1);
	return true;
}

static struct cpm_slice local_name(struct cpm_slice name)
{
	size_t colon = cpm_slice_find(name, ':');

	return colon < name.n ? cpm_slice_from(name, colon + 1) : name;
}

/* What follows "[": a position, or an attribute with its value in either quotes. */
static bool take_predicate(struct cpm_slice *rest, struct predicate *p)
{
	char quote;
	size_t n;

	*p = (struct predicate){0};
	*rest = cpm_slice_trim(*rest);
	if(!take_char(rest, '@')) {
		n = cpm_slice_find(*rest, ']');
		if(!cpm_slice_u64(cpm_slice_head(*rest, n), &p->position) || !p->position)
			return false;
		*rest = cpm_slice_from(*rest, n);
		return take_char(rest, ']');
	}
	n = cpm_slice_find(*rest, '=');
	p->attribute = local_name(cpm_slice_trim(cpm_slice_head(*rest, n)));
	*rest = cpm_slice_trim(cpm_slice_from(*rest, n + 1));
	quote = rest->n ? rest->p[0] : '\0';
	if(!p->attribute.n || (quote != '"' && quote != '\''))
		return false;
	*rest = cpm_slice_from(*rest, 1);
	n = cpm_slice_find(*rest, quote);
	p->value = cpm_slice_head(*rest, n);
	*rest = cpm_slice_from(*rest, n);
	return take_char(rest, quote) && take_char(rest, ']');
}

static bool take_step(struct cpm_slice *rest, struct step *step)
{
	size_t n = 0;

	while(n < rest->n && rest->p[n] != '[' && rest->p[n] != '/')
		n++;
	*step = (struct step){.name = local_name(cpm_slice_head(*rest, n))};
	*rest = cpm_slice_from(*rest, n);
	while(take_char(rest, '['))
		if(step->count == PREDICATES_MAX || !take_predicate(rest, &step->predicates[step->count++]))
			return false;
	return step->name.n && (!rest->n || (take_char(rest, '/') && rest->n));
}

/* The five entities: a selector's value is written as an XML attribute value (RFC 4825 6.3). */
static char take_value_char(struct cpm_slice *rest)
{
	static const struct {
		const char *text;
		char c;
	} entities[] = {
			{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	char c = rest->p[0];

	for(size_t i = 0; c == '&' && i < sizeof(entities) / sizeof(entities[0]); i++)
		if(cpm_slice_starts(*rest, cpm_slice_of(entities[i].text))) {
			*rest = cpm_slice_from(*rest, strlen(entities[i].text));
			return entities[i].c;
		}
	*rest = cpm_slice_from(*rest, 1);
	return c;
}

static bool value_equals(struct cpm_slice written, struct cpm_slice actual)
{
	size_t i = 0;

	for(written = cpm_slice_trim(written); written.n; i++)
		if(i == actual.n || take_value_char(&written) != actual.p[i])
			return false;
	return i == actual.n;
}

static bool attribute_equals(const xmlNode *node, struct cpm_slice name, struct cpm_slice value)
{
	for(const xmlAttr *a = node->properties; a; a = a->next) {
		struct cpm_slice actual = CPM_SLICE_NONE;

		if(cpm_slice_eq(cpm_slice_of((const char *)a->name), name)
				&& cpm_xml_attribute(node, (const char *)a->name, &actual))
			return value_equals(value, actual);
	}
	return false;
}

/* Predicates filter one after the other: seen counts what reached each of them. */
static bool passes(const xmlNode *node, const struct step *step, uint64_t *seen)
{
	for(size_t i = 0; i < step->count; i++) {
		const struct predicate *p = &step->predicates[i];

		if(p->position ? ++seen[i] != p->position : !attribute_equals(node, p->attribute, p->value))
			return false;
	}
	return true;
}

static xmlNode *step_find(const xmlNode *parent, const struct step *step, size_t *budget)
{
	uint64_t seen[PREDICATES_MAX] = {0};
	bool any = cpm_slice_eq(step->name, CPM_SLICE("*"));

	for(xmlNode *node = cpm_xml_first(parent); node && *budget; node = cpm_xml_next(node)) {
		--*budget;
		if((any || cpm_slice_eq(cpm_slice_of((const char *)node->name), step->name))
				&& passes(node, step, seen))
			return node;
	}
	return NULL;
}

xmlNode *cpm_link_select(xmlDocPtr tree, struct cpm_slice selector, size_t *budget)
{
	xmlNode *node = (xmlNode *)tree;
	struct step step;

	if(!selector.n)
		return NULL;
	while(node && selector.n) {
		if(!take_step(&selector, &step))
			return NULL;
		node = step_find(node, &step, budget);
	}
	return node;
}
