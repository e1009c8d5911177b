/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Header values: feature tags, versions, dates, warnings, and the list syntax
 * below them. What is written on one line stays on one line.
 */
#include <stdlib.h>

#include "core/codec/date.h"
#include "core/codec/feature.h"
#include "core/codec/header.h"
#include "core/codec/version.h"
#include "core/codec/warning.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_one_line(struct cpm_slice s)
{
	if(cpm_slice_find(s, '\r') < s.n || cpm_slice_find(s, '\n') < s.n)
		abort();
}

/* A list walked value by value, each alone, names what the whole list names. */
static void services(struct cpm_slice header)
{
	bool whole[CPM_ICSI_COUNT], any = false;
	struct cpm_slice rest = header, value;

	for(int i = 0; i < CPM_ICSI_COUNT; i++)
		whole[i] = cpm_feature_in(header, (enum cpm_icsi)i);
	while(cpm_header_next_value(&rest, &value)) {
		any = any || cpm_feature_any(value);
		for(int i = 0; i < CPM_ICSI_COUNT; i++)
			if(cpm_feature_in(value, (enum cpm_icsi)i) && !(whole[i] && any))
				abort();
	}
	if(any != cpm_feature_any(header))
		abort();
	cpm_feature_in_service(header, CPM_ICSI_MSG);
}

static void dates(struct cpm_slice text)
{
	struct cpm_buf b;
	int64_t ms, back;

	cpm_buf_init(&b, 64);
	if(cpm_date_parse_rfc1123(text, &ms)) {
		cpm_date_add_rfc1123(&b, ms);
		if(!cpm_date_parse_rfc1123(cpm_buf_slice(&b), &back))
			abort();
	}
	cpm_buf_reset(&b);
	if(cpm_date_parse_rfc3339(text, &ms)) {
		cpm_date_add_rfc3339(&b, ms);
		if(!cpm_date_parse_rfc3339(cpm_buf_slice(&b), &back))
			abort();
	}
	cpm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice text = {(const char *)data, size}, params;
	struct cpm_buf b;
	unsigned major, minor;

	services(text);
	dates(text);
	cpm_version_of(text, &major, &minor);
	cpm_header_strip_params(text, &params);
	cpm_buf_init(&b, size * 2 + 64);
	cpm_header_add_unfolded(&b, text);
	if(b.rc || b.n > size)
		abort();
	must_be_one_line(cpm_buf_slice(&b));
	cpm_buf_reset(&b);
	cpm_header_add_without_param(&b, text, CPM_SLICE("tag"));
	must_be_one_line(cpm_buf_slice(&b));
	cpm_buf_reset(&b);
	if(cpm_warning_add(&b, CPM_SLICE("pf"), text))
		must_be_one_line(cpm_buf_slice(&b));
	cpm_buf_free(&b);
	return 0;
}
