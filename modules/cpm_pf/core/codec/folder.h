/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Names of folders in the message store: a template filled with what comes
 * from SIP, and nothing that comes from SIP can leave its place in it. Values
 * are written in modified UTF-7 (RFC 3501 section 5.1.3); delimiters, control
 * characters, list wildcards and quotes in them become '_'.
 */
#ifndef CPM_FOLDER_H
#define CPM_FOLDER_H

#include "../base/buf.h"

/* A whole name, and one value in it, encoded. */
#define CPM_FOLDER_MAX 1000
#define CPM_FOLDER_VALUE_MAX 200

/* What the places of a template are filled with; an empty value is written as '_'. */
struct cpm_folder_values {
	struct cpm_slice peer;    /* {peer}: the other party's URI */
	struct cpm_slice conv;    /* {conv}: Conversation-ID */
	struct cpm_slice contrib; /* {contrib}: Contribution-ID */
	struct cpm_slice user;    /* {user}: user part of the served user's URI, or its number */
	struct cpm_slice domain;  /* {domain}: its host */
	struct cpm_slice aor;     /* {aor}: the whole URI */
};

/* NULL, or (static) what to write instead. delimiters: the hierarchy delimiter first, then further
 * characters that the server does not take inside names. */
const char *cpm_folder_check(struct cpm_slice template, struct cpm_slice delimiters);

/* Appends the name; '/' in the template is the hierarchy delimiter. An encoded value over
 * CPM_FOLDER_VALUE_MAX is cut between characters and gets a hash of the whole, so that two long
 * values stay two. CPM_LIMIT past CPM_FOLDER_MAX or the buffer's maximum, CPM_SYNTAX for a template
 * that cpm_folder_check refuses. */
enum cpm_rc cpm_folder_add(struct cpm_buf *out, struct cpm_slice template,
		struct cpm_slice delimiters, const struct cpm_folder_values *values);

/* Appends a login name of the same template form, its values as they are: SASL carries any text.
 * CPM_SYNTAX when a value that is asked for is empty or holds a control character. */
enum cpm_rc cpm_folder_add_login(
		struct cpm_buf *out, struct cpm_slice template, const struct cpm_folder_values *values);

#endif
