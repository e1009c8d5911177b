/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The expiry time of a deferred message. The norm's 8.3.1.6.1 step 5.
 */
#ifndef CPM_EXPIRY_H
#define CPM_EXPIRY_H

#include "../base/slice.h"

/* Seconds to keep a message: the Expires (or Message-Expires) value when it is present, a number and below max_s, else max_s.
 * 0 means deliver now or never. A value that is no number (negative, blank, absurd) counts as absent; *odd (when given) tells. */
uint64_t cpm_expiry_seconds(struct cpm_slice value, bool present, uint64_t max_s, bool *odd);

#endif
