/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Session-Expires values: an answer keeps within the limits, and can be written.
 */
#include <stdlib.h>

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
	try_expires((struct cpm_slice){(const char *)data, size});
	return 0;
}
