/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What a user may be told of a stored message. The norm's 8.3.1.6.3 and
 * 8.3.1.6.5; companion 4.7.
 */
#ifndef CPM_METADATA_H
#define CPM_METADATA_H

#include "../codec/msginfo.h"
#include "record.h"

/* Fills item from the record: a waiting message, its originator left out when anonymous. Slices
 * borrow from the record. */
void cpm_metadata_of(const struct cpm_record *record, struct cpm_msginfo_item *item);

#endif
