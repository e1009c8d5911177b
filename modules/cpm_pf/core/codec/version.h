/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The CPM release that a User-Agent or Server value claims: product token
 * CPM-client/OMA<major>.<minor> or CPM-serv/OMA<major>.<minor>.
 */
#ifndef CPM_VERSION_H
#define CPM_VERSION_H

#include "../base/slice.h"

/* The first such token outside comments; false when there is none (then *major and *minor stay as
 * they are). */
bool cpm_version_of(struct cpm_slice value, unsigned *major, unsigned *minor);

/* major.minor is min_major.min_minor or later. */
bool cpm_version_at_least(unsigned major, unsigned minor, unsigned min_major, unsigned min_minor);

#endif
