/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The media of a session description by the names that policies have for them:
 * those of OMA's media list. RFC 4566 section 5.14, RFC 4975 section 8, RFC 5547.
 */
#ifndef CPM_SDPMEDIA_H
#define CPM_SDPMEDIA_H

#include "sdp.h"

#define CPM_SDPMEDIA_MESSAGE "message-session"
#define CPM_SDPMEDIA_FILE "file-transfer"

/* One name for each m= line in order, those with port 0 (switched off) left out: "message-session" for the kind message, "file-transfer"
 * for one with a=file-selector, else the kind as it is written ("audio", "video"), which borrows from the text. */
struct cpm_sdpmedia {
	struct cpm_slice names[CPM_SDP_MEDIA_MAX];
	size_t count;
};

/* Lines end with CRLF or LF.
 *   CPM_SYNTAX  no SDP, or a broken m= line
 *   CPM_LIMIT   too many lines or media */
enum cpm_rc cpm_sdpmedia_read(
		struct cpm_slice text, struct cpm_sdpmedia *media, struct cpm_diag *diag);

/* Is the name in a list of names between blanks or commas, or is that list "*"? Without case. */
bool cpm_sdpmedia_in(struct cpm_slice list, struct cpm_slice name);

#endif
