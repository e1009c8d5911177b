/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The maximum of everything that a peer, a document or a store can make large.
 * Each is a module parameter of the same name.
 */
#ifndef CPM_LIMITS_H
#define CPM_LIMITS_H

#include <stddef.h>

struct cpm_limits {
	size_t max_message_bytes;   /* body of one pager-mode message */
	size_t max_header_bytes;    /* one stored SIP header value */
	size_t max_record_bytes;    /* one stored record without its body */
	size_t max_document_bytes;  /* one XDM document */
	size_t max_document_memory; /* everything compiled from one user's documents */
	size_t max_xml_depth;
	size_t max_xml_elements;
	size_t max_list_entries;     /* entries of all lists of one user together */
	size_t max_list_depth;       /* links from list to list */
	size_t max_linked_documents; /* documents that one user's lists may link to */
	size_t max_rules;
	size_t max_conditions; /* condition values in one rule */
	size_t max_mime_parts;
	size_t max_cpim_headers;
};

/* clang-format off */
#define CPM_LIMITS_DEFAULT                   \
	{                                        \
		.max_message_bytes = 60000,          \
		.max_header_bytes = 4096,            \
		.max_record_bytes = 32768,           \
		.max_document_bytes = 8u << 20,      \
		.max_document_memory = 32u << 20,    \
		.max_xml_depth = 32,                 \
		.max_xml_elements = 400000,          \
		.max_list_entries = 150000,          \
		.max_list_depth = 5,                 \
		.max_linked_documents = 16,          \
		.max_rules = 1000,                   \
		.max_conditions = 10000,             \
		.max_mime_parts = 32,                \
		.max_cpim_headers = 64,              \
	}
/* clang-format on */

#endif
