/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Strings of JSON. RFC 8259 section 7.
 */
#ifndef CPM_JSON_H
#define CPM_JSON_H

#include "../base/buf.h"

/* Appends text as the inside of a JSON string, without the quotes: control characters, quotes and
 * backslashes are escaped; bytes from 0x80 on are taken as they are when they are UTF-8, else each
 * becomes '?'. */
void cpm_json_add_text(struct cpm_buf *b, struct cpm_slice text);

#endif
