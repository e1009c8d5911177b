/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The guard around libxml2. Its SAX callbacks are wrapped in each context of
 * ours, so that limits hold while the tree grows and not afterwards.
 */
#include "xml.h"

#include <limits.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/SAX2.h>

/* libxml2 compares each attribute with all others of its tag, before it hands the tag out. '<'
 * cannot stand inside a tag, so the distance between two of them bounds the tag, and this the
 * square. */
#define TAG_BYTES_MAX 16384
#define TAG_ATTRIBUTES_MAX 64
/* It looks for each prefix among all that are in scope. */
#define NAMESPACES_MAX 64

struct guard {
	const struct cpm_limits *limits;
	size_t depth;
	size_t elements;
	size_t attributes;
	enum cpm_rc rc;
	size_t offset;
	const char *reason;
};

static size_t offset_of(const xmlParserCtxt *ctxt)
{
	const xmlParserInput *input = ctxt->input;

	if(!input || !input->cur || input->cur < input->base)
		return 0;
	return (size_t)input->consumed + (size_t)(input->cur - input->base);
}

static void note(xmlParserCtxtPtr ctxt, enum cpm_rc rc, const char *reason)
{
	struct guard *g = ctxt->_private;

	if(g->rc)
		return;
	g->rc = rc;
	g->offset = offset_of(ctxt);
	g->reason = reason;
}

static void stop(xmlParserCtxtPtr ctxt, enum cpm_rc rc, const char *reason)
{
	note(ctxt, rc, reason);
	xmlStopParser(ctxt);
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *id, const xmlChar *uri)
{
	(void)name;
	(void)id;
	(void)uri;
	stop(context, CPM_UNSUPPORTED, "document type declaration");
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		int namespace_count, const xmlChar **namespaces, int attribute_count, int defaulted,
		const xmlChar **attributes)
{
	xmlParserCtxtPtr ctxt = context;
	struct guard *g = ctxt->_private;

	g->attributes += (size_t)namespace_count + (size_t)attribute_count;
	if(++g->depth > g->limits->max_xml_depth)
		stop(ctxt, CPM_LIMIT, "elements too deep");
	else if(++g->elements > g->limits->max_xml_elements)
		stop(ctxt, CPM_LIMIT, "too many elements");
	else if(attribute_count > TAG_ATTRIBUTES_MAX || ctxt->nsNr / 2 > NAMESPACES_MAX
			|| g->attributes > g->limits->max_xml_elements)
		stop(ctxt, CPM_LIMIT, "too many attributes");
	else
		xmlSAX2StartElementNs(ctxt, name, prefix, uri, namespace_count, namespaces, attribute_count,
				defaulted, attributes);
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	xmlParserCtxtPtr ctxt = context;
	struct guard *g = ctxt->_private;

	g->depth--;
	xmlSAX2EndElementNs(ctxt, name, prefix, uri);
}

static void on_error(void *context, xmlErrorPtr error)
{
	if(error->level < XML_ERR_ERROR)
		return;
	if(error->code == XML_ERR_NO_MEMORY)
		note(context, CPM_NOMEM, "no memory");
	else if(error->code == XML_NS_ERR_UNDEFINED_NAMESPACE)
		note(context, CPM_SYNTAX, "undeclared namespace prefix");
	else if(error->code == XML_ERR_UNDECLARED_ENTITY)
		note(context, CPM_SYNTAX, "undeclared entity");
	else if(error->code == XML_ERR_INVALID_ENCODING || error->code == XML_ERR_INVALID_CHAR)
		note(context, CPM_SYNTAX, "bytes that are not XML in UTF-8");
	else
		note(context, CPM_SYNTAX, "XML that is not well formed");
}

/* The context's own callbacks: the library's defaults belong to the whole process. */
static void install(xmlParserCtxtPtr ctxt, struct guard *g)
{
	ctxt->_private = g;
	ctxt->sax->internalSubset = on_doctype;
	ctxt->sax->startElementNs = on_start;
	ctxt->sax->endElementNs = on_end;
	ctxt->sax->serror = on_error;
	ctxt->sax->comment = NULL;
	ctxt->sax->processingInstruction = NULL;
}

static enum cpm_rc check_bytes(
		struct cpm_slice text, const struct cpm_limits *limits, struct cpm_diag *diag)
{
	struct cpm_slice rest = text;

	if(text.n > limits->max_document_bytes || text.n > INT_MAX)
		return cpm_diag_set(diag, CPM_LIMIT, 0, "document too large");
	if(!text.n)
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "empty document");
	if(cpm_slice_find(text, '\0') < text.n)
		return cpm_diag_set(diag, CPM_SYNTAX, cpm_slice_find(text, '\0'), "NUL byte");
	while(rest.n) {
		size_t distance = cpm_slice_find(rest, '<');

		if(distance > TAG_BYTES_MAX)
			return cpm_diag_set(diag, CPM_LIMIT, text.n - rest.n, "tag or text too long");
		rest = cpm_slice_from(rest, distance + 1);
	}
	return CPM_OK;
}

enum cpm_rc cpm_xml_parse(struct cpm_slice text, const struct cpm_limits *limits, xmlDocPtr *doc,
		struct cpm_diag *diag)
{
	struct guard g = {.limits = limits};
	enum cpm_rc rc = check_bytes(text, limits, diag);
	xmlParserCtxtPtr ctxt;

	*doc = NULL;
	if(rc)
		return rc;
	ctxt = xmlNewParserCtxt();
	if(!ctxt)
		return cpm_diag_set(diag, CPM_NOMEM, 0, "no memory");
	install(ctxt, &g);
	*doc = xmlCtxtReadMemory(ctxt, text.p, (int)text.n, NULL, "UTF-8",
			XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA
					| XML_PARSE_COMPACT);
	if(!g.rc && (!*doc || !ctxt->wellFormed || !ctxt->nsWellFormed))
		note(ctxt, ctxt->errNo == XML_ERR_NO_MEMORY ? CPM_NOMEM : CPM_SYNTAX,
				"XML that is not well formed");
	xmlFreeParserCtxt(ctxt);
	if(g.rc) {
		xmlFreeDoc(*doc);
		*doc = NULL;
	}
	return g.rc ? cpm_diag_set(diag, g.rc, g.offset, g.reason) : CPM_OK;
}

bool cpm_xml_is(const xmlNode *node, const char *ns, const char *name)
{
	if(!node || node->type != XML_ELEMENT_NODE || !xmlStrEqual(node->name, BAD_CAST name))
		return false;
	return !ns || (node->ns && xmlStrEqual(node->ns->href, BAD_CAST ns));
}

static xmlNode *element_from(xmlNode *node)
{
	while(node && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

xmlNode *cpm_xml_first(const xmlNode *parent)
{
	return element_from(parent->children);
}

xmlNode *cpm_xml_next(const xmlNode *node)
{
	return element_from(node->next);
}

/* Without comments, CDATA and entities all text of a leaf is one node. */
static struct cpm_slice text_of(const xmlNode *child)
{
	if(!child || child->next || child->type != XML_TEXT_NODE || !child->content)
		return CPM_SLICE_NONE;
	return cpm_slice_trim(cpm_slice_of((const char *)child->content));
}

struct cpm_slice cpm_xml_text(const xmlNode *node)
{
	return text_of(node->children);
}

bool cpm_xml_attribute(const xmlNode *node, const char *name, struct cpm_slice *value)
{
	for(const xmlAttr *a = node->properties; a; a = a->next)
		if(xmlStrEqual(a->name, BAD_CAST name)) {
			*value = text_of(a->children);
			return true;
		}
	return false;
}

/* Length of the character at the start of s that XML may hold (its section 2.2), 0 when there is
 * none: control characters, surrogates, and what is not UTF-8 in its shortest form. */
static size_t character_length(struct cpm_slice s)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)s.p[0];
	size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	uint32_t c = length == 1 ? first : first & (0x7fu >> length);

	if((first >= 0x80 && first < 0xc2) || first > 0xf4 || length > s.n)
		return 0;
	for(size_t i = 1; i < length; i++) {
		unsigned char next = (unsigned char)s.p[i];

		if((next & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (next & 0x3f);
	}
	if(c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || (c | 1) == 0xffff)
		return 0;
	return c >= ' ' || c == '\t' || c == '\n' || c == '\r' ? length : 0;
}

/* Blanks but the space are escaped as well: else a reader takes them for others. */
static const char *escape_of(char c)
{
	switch(c) {
		case '&':
			return "&amp;";
		case '<':
			return "&lt;";
		case '>':
			return "&gt;";
		case '"':
			return "&quot;";
		case '\t':
			return "&#9;";
		case '\n':
			return "&#10;";
		case '\r':
			return "&#13;";
		default:
			return NULL;
	}
}

void cpm_xml_add_text(struct cpm_buf *b, struct cpm_slice text)
{
	while(text.n) {
		const char *escape = escape_of(text.p[0]);
		size_t length = character_length(text);

		if(escape)
			cpm_buf_add_str(b, escape);
		else if(length)
			cpm_buf_add(b, cpm_slice_head(text, length));
		else
			cpm_buf_add_char(b, '?');
		text = cpm_slice_from(text, length ? length : 1);
	}
}
