/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * URIs and addresses: a canonical key is a URI whose key is itself, and its
 * domain is one; escaping and unescaping give the input back.
 */
#include <stdlib.h>

#include "core/codec/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void escape_round_trip(struct cpm_slice text)
{
	struct cpm_buf escaped, back;

	cpm_buf_init(&escaped, text.n * 3);
	cpm_buf_init(&back, text.n);
	cpm_uri_add_xcap_segment(&escaped, text);
	cpm_uri_add_unescaped(&back, cpm_buf_slice(&escaped));
	if(escaped.rc || back.rc || !cpm_slice_eq(cpm_buf_slice(&back), text))
		abort();
	cpm_buf_free(&escaped);
	cpm_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice text = {(const char *)data, size}, inside, value;
	struct cpm_uri uri;
	struct cpm_diag diag = {0};
	char memory[CPM_URI_KEY_MAX], again[CPM_URI_KEY_MAX];
	struct cpm_uri_key key, second;

	if(cpm_uri_parse(text, &uri, &diag) && (!diag.reason || diag.offset > size))
		abort();
	if(!cpm_uri_canon(text, memory, sizeof(memory), &key)
			&& (cpm_uri_canon(key.key, again, sizeof(again), &second)
					|| !cpm_slice_eq(key.key, second.key)))
		abort();
	if(cpm_uri_of_address(text, &inside))
		cpm_uri_parse(inside, &uri, NULL);
	cpm_uri_param(text, CPM_SLICE("user"), &value);
	escape_round_trip(text);
	return 0;
}
