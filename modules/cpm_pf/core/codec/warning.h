/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Warning header values: code 399, and CPM's own three digits inside the text.
 * RFC 3261 section 20.43.
 */
#ifndef CPM_WARNING_H
#define CPM_WARNING_H

#include "../base/buf.h"

/* CPM's text with its digits, "122 Function not allowed"; false for a code that is not in the
 * table. Static memory. */
bool cpm_warning_text(unsigned code, struct cpm_slice *text);

/* Appends 399 agent "text"; quotes and backslashes in text are escaped. False, and nothing
 * appended, when agent is no host[:port] or token or when text holds a control character. */
bool cpm_warning_add(struct cpm_buf *b, struct cpm_slice agent, struct cpm_slice text);

#endif
