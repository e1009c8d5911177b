/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The list and parameter syntax that SIP header values share, and the upkeep of
 * values that are stored or sent on. Quoted strings with their escapes and
 * <...> are honoured everywhere; one that does not end runs to the end.
 * RFC 3261 sections 7.3.1 and 25.1.
 */
#ifndef CPM_HEADER_H
#define CPM_HEADER_H

#include "../base/buf.h"

/* Offset of the first byte of s that is in set and outside quotes and <>, or s.n. A '<' of set is
 * found. */
size_t cpm_header_find(struct cpm_slice s, const char *set);

/* Takes the next value, trimmed, off a comma-separated header value; empty ones are stepped over.
 * False when *rest is used up. */
bool cpm_header_next_value(struct cpm_slice *rest, struct cpm_slice *value);

/* Takes the next parameter off "a=1;b;c=2". Name and value are trimmed, a value keeps its quotes
 * and is empty when there is none; empty parameters are stepped over. False when *params is used
 * up. */
bool cpm_header_next_param(
		struct cpm_slice *params, struct cpm_slice *name, struct cpm_slice *value);

/* The value before its first ';' outside quotes and <>, trimmed; *params (when given) gets what
 * follows, without the ';'. */
struct cpm_slice cpm_header_strip_params(struct cpm_slice value, struct cpm_slice *params);

/* Without the quotes around it, when it has both; escapes stay as they are. */
struct cpm_slice cpm_header_unquote(struct cpm_slice value);

/* Appends one value, unfolded, without the header parameter called name (without case); a
 * parameter inside <> stays. True when the parameter was there. */
bool cpm_header_add_without_param(struct cpm_buf *b, struct cpm_slice value, struct cpm_slice name);

/* Appends a value, trimmed, each line fold with the blanks around it replaced by one blank. Never
 * appends CR or LF. */
void cpm_header_add_unfolded(struct cpm_buf *b, struct cpm_slice value);

#endif
