/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Chunk assembly: the input is a list of chunks of a small message, the result
 * is compared with one flag an octet.
 */
#include <stdlib.h>

#include "core/codec/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX 200

static void must(bool condition)
{
	if(!condition)
		abort();
}

static uint64_t count(const bool *have, uint64_t n)
{
	uint64_t sum = 0;

	for(uint64_t i = 0; i < n; i++)
		sum += have[i];
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool have[MAX] = {false};
	struct cpm_chunks c;

	cpm_chunks_init(&c, MAX);
	for(size_t i = 0; i + 4 <= size; i += 4) {
		struct cpm_msrp_range range = {(uint64_t)data[i] + 1,
				(uint64_t)data[i] + (data[i + 1] & 63), data[i + 2], data[i + 3] & 1,
				data[i + 3] & 2};
		uint64_t n = data[i + 1] & 63, at;

		if(cpm_chunks_begin(&c, &range, &at))
			continue;
		if(cpm_chunks_add(&c, at, n))
			continue;
		must(at + n <= MAX);
		for(uint64_t k = at; k < at + n; k++)
			have[k] = true;
		if(data[i + 3] & 4)
			cpm_chunks_end(&c, at + n);
		must(cpm_chunks_octets(&c) == count(have, MAX));
		must(c.count <= CPM_CHUNKS_RANGES_MAX);
		if(cpm_chunks_complete(&c))
			must(count(have, c.total) == c.total && count(have, MAX) == c.total);
	}
	return 0;
}
