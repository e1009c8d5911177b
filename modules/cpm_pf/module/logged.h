/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * How log lines show text: by "%.*s" and one of these macros.
 */
#ifndef CPM_LOGGED_H
#define CPM_LOGGED_H

#include "../core/base/slice.h"
#include "settings.h"

#define SLICE_FMT(s) (int)(s).n, (s).p ? (s).p : ""
/* What names a user or an originator: parameter log_hide_digits is heeded. At most four in a line. */
#define USER_FMT(s) (int)(s).n, logged_user(s)

/* With the ends of telephone numbers hidden; cut at 1,024 bytes, NUL-terminated, valid until the fourth call from here. */
const char *logged_hidden(struct cpm_slice s);

/* As long as s at most; borrows from it when nothing is to be hidden. */
static inline const char *logged_user(struct cpm_slice s)
{
	if(settings.log_hide_digits)
		return logged_hidden(s);
	return s.p ? s.p : "";
}

#endif
