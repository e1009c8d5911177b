/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Reports on stored messages: the first line is the content type, the rest the
 * body. Whatever was stored, the report is a disposition notification that can
 * be read, and none is owed for one.
 */
#include <stdlib.h>

#include "core/codec/imdn.h"
#include "core/queue/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

static void build(const struct cpm_record *record, struct cpm_slice body)
{
	struct cpm_report_text text;
	struct cpm_diag diag = {0};
	struct cpm_arena arena;
	struct cpm_cpim cpim;
	struct cpm_imdn imdn;
	struct cpm_buf b;

	cpm_buf_init(&b, 1 << 20);
	cpm_arena_init(&arena, &cpm_allocator_libc, 1 << 20);
	if(cpm_report_build(
			   record, body, CPM_REPORT_FAILED, CPM_SLICE("1"), 0, &limits, &b, &text, &diag)) {
		if(!diag.reason)
			abort();
	} else if(cpm_cpim_parse(cpm_buf_slice(&b), &limits, &cpim, NULL) || !cpm_cpim_is_imdn(&cpim)
			  || cpm_imdn_parse(cpim.content, &limits, &arena, &imdn, NULL)
			  || imdn.status != CPM_IMDN_FAILED || !text.target.n) {
		abort();
	}
	cpm_arena_free(&arena);
	cpm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice body = {(const char *)data, size}, type;
	struct cpm_record record = {.aor = CPM_SLICE("sip:b@x"),
			.originator = CPM_SLICE("sip:a@x"),
			.imdn_id = CPM_SLICE("2"),
			.wants = CPM_WANT_NEGATIVE};
	struct cpm_report_facts facts;

	if(!cpm_slice_split(&body, '\n', &type))
		return 0;
	record.content_type = type;
	cpm_report_facts_of(&record, body, &limits, &facts);
	if((cpm_report_owed(CPM_END_EXPIRED, &facts) == CPM_REPORT_FAILED) == facts.is_imdn)
		abort();
	build(&record, body);
	record.anonymous = true;
	build(&record, body);
	return 0;
}
