/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Session descriptions: what is found lies inside the text, and the answer to
 * it can be read.
 */
#include <stdlib.h>

#include "core/codec/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if(!condition)
		abort();
}

static void must_lie_inside(struct cpm_slice part, struct cpm_slice text)
{
	must(!part.n || (part.p >= text.p && part.n <= text.n - (size_t)(part.p - text.p)));
}

static void answer(const struct cpm_sdp *offer)
{
	struct cpm_sdp_own own = {.address = CPM_SLICE("::1"),
			.port = 1,
			.path = CPM_SLICE("msrp://[::1]:1/x;tcp"),
			.setup = cpm_sdp_setup_answer(offer->setup),
			.direction = CPM_SDP_RECVONLY};
	struct cpm_sdp again;
	struct cpm_buf b;

	cpm_buf_init(&b, 100000);
	cpm_sdp_add_answer(&b, offer, &own);
	must(!cpm_sdp_parse(cpm_buf_slice(&b), &again, NULL));
	must(again.media_count == offer->media_count && again.msrp == offer->msrp && again.port == 1);
	cpm_buf_reset(&b);
	cpm_sdp_add_refusal(&b, offer, &own);
	must(!cpm_sdp_parse(cpm_buf_slice(&b), &again, NULL) && again.port == 0);
	cpm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice text = {(const char *)data, size};
	struct cpm_diag diag = {0};
	struct cpm_sdp s;
	enum cpm_rc rc = cpm_sdp_parse(text, &s, &diag);

	must(s.media_count <= CPM_SDP_MEDIA_MAX);
	for(size_t i = 0; i < s.media_count; i++)
		must_lie_inside(s.media[i], text);
	if(rc) {
		must(diag.reason && diag.offset <= size);
		return 0;
	}
	must_lie_inside(s.address, text);
	must_lie_inside(s.path, text);
	must_lie_inside(s.accept_types, text);
	must_lie_inside(s.accept_wrapped_types, text);
	must(s.msrp < s.media_count && (!s.port || s.path.n));
	cpm_sdp_accepts(s.accept_types, CPM_SLICE("message/cpim"));
	answer(&s);
	return 0;
}
