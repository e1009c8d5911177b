/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * URLs of XDM documents: built from the configuration and the user, checked
 * before they are asked for, turned into file names. RFC 4825 section 6.
 */
#ifndef CPM_XDM_URL_H
#define CPM_XDM_URL_H

#include "xdm.h"

/* The user's own documents, in the order that parts of an entry have. */
enum url_document { URL_LISTS, URL_POLICY, URL_PROFILE, URL_DOCUMENTS };

#define URL_MAX 4096

/* What is wrong with a root, as advice in a static string; NULL when it can be used. */
const char *url_root_problem(const char *root);
bool url_is_file(struct cpm_slice url);

/* Appends <root>/<AUID>/users/<XUI>/<document>. */
void url_add(struct cpm_buf *b, const struct xdm_config *config, enum url_document which,
		struct cpm_slice aor);

/* Can a document have this URL? No "." and "..", nor control bytes, plain or escaped; in file
 * URLs no escaped slash either. What a server makes of "%2F" is its own business, climbing by it
 * is not. */
bool url_is_safe(struct cpm_slice url);

/* Appends the file name that a safe file URL stands for, with its NUL. */
void url_add_path(struct cpm_buf *b, struct cpm_slice url);

/* Appends "<identity_header>: <the user's URI>". */
void url_add_identity(struct cpm_buf *b, const char *header, struct cpm_slice aor);

#endif
