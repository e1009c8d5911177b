/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * CPIM bodies: what is found lies inside the body, and the blocks make up all
 * of it.
 */
#include <stdlib.h>

#include "core/codec/cpim.h"
#include "core/codec/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_lie_inside(struct cpm_slice part, struct cpm_slice body)
{
	if(part.n && (part.p < body.p || part.n > body.n - (size_t)(part.p - body.p)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;
	struct cpm_slice body = {(const char *)data, size};
	struct cpm_diag diag = {0};
	struct cpm_cpim c;
	size_t blanks;
	int64_t ms;

	if(cpm_cpim_parse(body, &limits, &c, &diag)) {
		if(!diag.reason || diag.offset > size)
			abort();
		return 0;
	}
	blanks = size - c.headers.n - c.content_headers.n - c.content.n;
	if(blanks < 2 || blanks > 4 || c.content.p + c.content.n != body.p + size)
		abort();
	must_lie_inside(c.from, c.headers);
	must_lie_inside(c.subject, c.headers);
	must_lie_inside(c.imdn_id, c.headers);
	must_lie_inside(c.disposition_line, c.headers);
	must_lie_inside(c.disposition, c.disposition_line);
	must_lie_inside(c.content_type, c.content_headers);
	if(c.wants && !c.disposition.n)
		abort();
	cpm_cpim_is_imdn(&c);
	cpm_date_parse_rfc3339(c.date_time, &ms);
	return 0;
}
