/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Why a function of the script said no, and the SIP answer that belongs to it.
 */
#ifndef CPM_REASON_H
#define CPM_REASON_H

#include "../core/base/slice.h"

/* 500 for a word that is none. */
int reason_status(const char *reason);
const char *reason_phrase(const char *reason);
/* The reason of this name, as a static word; NULL when there is none. */
const char *reason_word(struct cpm_slice name);

#endif
