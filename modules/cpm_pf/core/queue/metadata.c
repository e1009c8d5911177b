/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * From record to item.
 */
#include "metadata.h"

#include "../codec/header.h"
#include "../codec/uri.h"

static struct cpm_slice uri_of(struct cpm_slice value)
{
	struct cpm_slice uri;

	return cpm_uri_of_address(value, &uri) ? uri : CPM_SLICE_NONE;
}

/* The first asserted identity is the one that counts (companion 4.6). */
static struct cpm_slice authenticated(const struct cpm_record *record)
{
	struct cpm_slice rest = record->asserted, value;

	if(record->anonymous)
		return CPM_SLICE_NONE;
	return cpm_header_next_value(&rest, &value) ? uri_of(value) : record->originator;
}

void cpm_metadata_of(const struct cpm_record *record, struct cpm_msginfo_item *item)
{
	*item = (struct cpm_msginfo_item){
			.id = record->id,
			.host = record->host,
			.date_ms = record->arrived_ms,
			.expiry_ms = record->expires_ms,
			.size = record->size,
			.subject = record->subject,
			.from = uri_of(record->from),
			.to = uri_of(record->to),
			.auth_id = authenticated(record),
	};
}
