/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Foreign XML into a libxml2 tree, made safe: no network, no DTD (the parse
 * stops at <!DOCTYPE), no entities but the five of XML, size, depth and number
 * of elements limited while parsing, UTF-8 only (RFC 4825 section 8.2.5).
 * Comments and processing instructions are dropped, CDATA becomes text. Helpers
 * to walk the tree by namespace and local name.
 */
#ifndef CPM_XML_H
#define CPM_XML_H

#include <libxml/tree.h>

#include "../base/buf.h"
#include "../base/limits.h"
#include "../base/slice.h"
#include "../base/rc.h"

/* CPM_OK and a tree that the caller frees with xmlFreeDoc; else CPM_SYNTAX (also an undeclared
 * namespace prefix, a NUL byte, other encodings), CPM_LIMIT, CPM_UNSUPPORTED (a DTD) or CPM_NOMEM.
 * As many attributes and namespace declarations together as elements are allowed, 64 attributes in
 * one tag, and 64 namespaces in scope. Process-wide
 * settings of libxml2 are neither changed nor relied on, and nothing is printed. */
enum cpm_rc cpm_xml_parse(struct cpm_slice text, const struct cpm_limits *limits, xmlDocPtr *doc,
		struct cpm_diag *diag);

/* Is this an element with the namespace and local name? A NULL namespace means any, also none. */
bool cpm_xml_is(const xmlNode *node, const char *ns, const char *name);

/* The first child element of an element or document, the next sibling element; NULL at the end. */
xmlNode *cpm_xml_first(const xmlNode *parent);
xmlNode *cpm_xml_next(const xmlNode *node);

/* The element's text without blanks at its ends; empty when the element has child elements.
 * Borrows from the tree. */
struct cpm_slice cpm_xml_text(const xmlNode *node);

/* The trimmed value of the attribute with this local name, whatever its namespace; false without
 * one. Borrows from the tree. */
bool cpm_xml_attribute(const xmlNode *node, const char *name, struct cpm_slice *value);

/* Appends text, escaped for an element or a double-quoted attribute; each byte that XML in UTF-8
 * cannot hold becomes '?'. */
void cpm_xml_add_text(struct cpm_buf *b, struct cpm_slice text);

#endif
