/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stored records: what can be read can be written, and reads the same again.
 */
#include <stdlib.h>

#include "core/queue/key.h"
#include "core/queue/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cpm_limits limits = {
			.max_header_bytes = SIZE_MAX, .max_record_bytes = SIZE_MAX};
	struct cpm_slice text = {(const char *)data, size};
	struct cpm_record r, second;
	struct cpm_diag diag = {0};
	struct cpm_buf once, twice;
	unsigned shard;

	if(cpm_record_parse(text, &r, &diag)) {
		if(!diag.reason || diag.offset > size)
			abort();
		return 0;
	}
	cpm_key_shard_of_id(r.id, 64, &shard);
	cpm_buf_init(&once, size + 64);
	cpm_buf_init(&twice, size + 64);
	if(cpm_record_build(&r, &limits, &once, NULL)
			|| cpm_record_parse(cpm_buf_slice(&once), &second, NULL)
			|| cpm_record_build(&second, &limits, &twice, NULL)
			|| !cpm_slice_eq(cpm_buf_slice(&once), cpm_buf_slice(&twice)))
		abort();
	cpm_buf_free(&once);
	cpm_buf_free(&twice);
	return 0;
}
