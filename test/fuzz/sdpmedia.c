/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The media of a session description: names are tokens that lie inside the text,
 * or ours, and every list that names one of them says so.
 */
#include <stdlib.h>

#include "core/base/ascii.h"
#include "core/codec/sdpmedia.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if(!condition)
		abort();
}

static bool is_ours(struct cpm_slice name)
{
	return cpm_slice_eq(name, CPM_SLICE(CPM_SDPMEDIA_MESSAGE))
		   || cpm_slice_eq(name, CPM_SLICE(CPM_SDPMEDIA_FILE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice text = {(const char *)data, size};
	struct cpm_diag diag = {0};
	struct cpm_sdpmedia media;
	enum cpm_rc rc = cpm_sdpmedia_read(text, &media, &diag);

	must(media.count <= CPM_SDP_MEDIA_MAX);
	if(rc) {
		must((rc == CPM_SYNTAX || rc == CPM_LIMIT) && diag.reason && diag.offset <= size);
		return 0;
	}
	for(size_t i = 0; i < media.count; i++) {
		struct cpm_slice name = media.names[i];

		must(name.n
				&& (is_ours(name)
						|| (name.p >= text.p && name.n <= text.n - (size_t)(name.p - text.p))));
		for(size_t k = 0; k < name.n; k++)
			must(cpm_ascii_token(name.p[k]));
		must(cpm_sdpmedia_in(name, name) && cpm_sdpmedia_in(CPM_SLICE("*"), name));
	}
	cpm_sdpmedia_in(text, CPM_SLICE("audio"));
	return 0;
}
