/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Points in time between text and milliseconds since 1970-01-01T00:00:00Z.
 * Arithmetic only: no clock, no time zone data, no locale. Years 0001 to 9999.
 */
#ifndef CPM_DATE_H
#define CPM_DATE_H

#include "../base/buf.h"

/* RFC 3339 and xs:dateTime: "2030-01-01T10:00:00Z", fraction and offset allowed, blanks around it
 * too; without a zone it counts as UTC. Milliseconds are cut off after the third digit. False when
 * it is none or out of range. */
bool cpm_date_parse_rfc3339(struct cpm_slice s, int64_t *ms);

/* RFC 3261 SIP-date, "Tue, 01 Jan 2030 10:00:00 GMT". The day of the week must be one, but need
 * not be right. */
bool cpm_date_parse_rfc1123(struct cpm_slice s, int64_t *ms);

/* Append the same forms, to the second, in UTC. A time outside the years 0001 to 9999 is written
 * as the nearest one inside. */
void cpm_date_add_rfc3339(struct cpm_buf *b, int64_t ms);
void cpm_date_add_rfc1123(struct cpm_buf *b, int64_t ms);

#endif
