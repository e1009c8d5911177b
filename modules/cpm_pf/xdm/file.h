/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Documents from a folder laid out as an XCAP tree.
 */
#ifndef CPM_XDM_FILE_H
#define CPM_XDM_FILE_H

#include "fetch.h"

/* Reads the file of a safe URL into f->body. Its validator is made of time and size. Without the
 * root folder itself every document would be absent, so that is a failure. */
enum fetch_outcome file_read(
		struct fetch *f, const struct xdm_config *config, enum xdm_failure *failure);

/* Is the root a folder that can be read? */
bool file_root_exists(const struct xdm_config *config);

#endif
