/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What an INVITE says of its session: Session-Expires on the first line, SDP
 * behind it. An answer that was built is SDP that is refused in the same words.
 */
#include <stdlib.h>

#include "core/session/refusal.h"
#include "core/session/timer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_expires(struct cpm_slice value)
{
	struct cpm_session_wish wish = {.timer = true};
	struct cpm_session_terms terms;
	struct cpm_buf out;
	char memory[256];

	if(!cpm_session_expires_parse(value, &wish.expires_s, &wish.refresher))
		return;
	if(wish.expires_s > CPM_SESSION_MAX_S)
		abort();
	cpm_session_agree(&wish, 90, 1800, &terms);
	if(!terms.too_small && terms.expires_s && (terms.expires_s < 90 || terms.expires_s > 1800))
		abort();
	cpm_buf_init_fixed(&out, memory, sizeof(memory));
	cpm_session_add_headers(&out, &terms);
	if(out.rc != CPM_OK)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice text = {(const char *)data, size}, first;
	struct cpm_buf once, twice;

	cpm_slice_split(&text, '\n', &first);
	if(size)
		try_expires(first);
	cpm_buf_init(&once, 1 << 20);
	cpm_buf_init(&twice, 1 << 20);
	if(cpm_sdp_refuse(text, CPM_SLICE("192.0.2.5"), 1, &once, NULL) == CPM_OK) {
		if(cpm_sdp_refuse(cpm_buf_slice(&once), CPM_SLICE("192.0.2.5"), 1, &twice, NULL) != CPM_OK
				|| !cpm_slice_eq(cpm_buf_slice(&once), cpm_buf_slice(&twice)))
			abort();
	}
	cpm_buf_free(&once);
	cpm_buf_free(&twice);
	return 0;
}
