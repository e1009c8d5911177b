/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * MSRP frames: the first octet says into what pieces the rest is cut; what is
 * told must be the same as for the whole at once.
 */
#include <stdlib.h>

#include "core/codec/chunks.h"
#include "core/codec/msrp.h"
#include "core/codec/msrpbuild.h"
#include "core/codec/msrpuri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cpm_msrp_limits limits = CPM_MSRP_LIMITS_DEFAULT;

struct told {
	enum cpm_rc rc;
	uint64_t frames, faults, octets, hash;
};

static void must(bool condition)
{
	if(!condition)
		abort();
}

static void head_check(const struct cpm_msrp_head *head)
{
	struct cpm_msrp_uri uri;

	must(head->tid.n >= CPM_MSRP_TID_MIN && head->tid.n <= CPM_MSRP_TID_MAX);
	must(head->fault || head->kind == CPM_MSRP_RESPONSE || head->to_path.n);
	must(head->range.first >= 1);
	must(cpm_msrp_path_count(head->from_path) <= CPM_MSRP_PATH_MAX);
	must(!cpm_msrp_path_count(head->from_path)
			|| cpm_msrp_path_eq(head->from_path, head->from_path));
	if(!cpm_msrp_uri_parse(cpm_msrp_path_first(head->from_path), &uri)) {
		char memory[4096];
		struct cpm_buf b;
		struct cpm_msrp_uri again;

		cpm_buf_init_fixed(&b, memory, sizeof(memory));
		cpm_msrp_uri_add(&b, &uri);
		must(!cpm_msrp_uri_parse(cpm_buf_slice(&b), &again) && cpm_msrp_uri_eq(&uri, &again));
	}
}

/* A message is put together as the endpoint does it. */
static void chunk_begin(struct cpm_chunks *chunks, const struct cpm_msrp_reader *r, uint64_t *at)
{
	if(cpm_chunks_begin(chunks, &r->head.range, at))
		cpm_chunks_init(chunks, 100000);
}

static void read_all(struct cpm_slice text, size_t step, struct told *told)
{
	struct cpm_msrp_reader r;
	struct cpm_chunks chunks;
	char memory[2048];
	uint64_t at = 0;

	cpm_msrp_reader_init(&r, memory, sizeof(memory), &limits);
	cpm_chunks_init(&chunks, 100000);
	for(size_t from = 0; from < text.n; from += step) {
		struct cpm_slice input = cpm_slice_head(cpm_slice_from(text, from), step), piece;
		enum cpm_msrp_event event = CPM_MSRP_HEAD;

		while(event != CPM_MSRP_MORE) {
			struct cpm_diag diag = {0};

			told->rc = cpm_msrp_next(&r, &input, &event, &piece, &diag);
			if(told->rc) {
				must(diag.reason != NULL);
				return;
			}
			if(event == CPM_MSRP_HEAD) {
				head_check(&r.head);
				told->frames++;
				told->faults += r.head.fault != NULL;
				chunk_begin(&chunks, &r, &at);
			} else if(event == CPM_MSRP_BODY) {
				must(piece.n > 0);
				told->octets += piece.n;
				for(size_t i = 0; i < piece.n; i++)
					told->hash = told->hash * 31 + (unsigned char)piece.p[i];
				if(cpm_chunks_add(&chunks, at, piece.n))
					cpm_chunks_init(&chunks, 100000);
				else
					at += piece.n;
			} else if(event == CPM_MSRP_END) {
				must(r.flag == '$' || r.flag == '+' || r.flag == '#');
				told->hash = told->hash * 31 + (unsigned char)r.flag;
				if(r.flag == '$')
					cpm_chunks_end(&chunks, at);
				must(!cpm_chunks_complete(&chunks) || cpm_chunks_octets(&chunks) == chunks.total);
			}
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice text = {(const char *)data + 1, size ? size - 1 : 0};
	struct told whole = {0}, pieces = {0};

	if(!size)
		return 0;
	read_all(text, text.n + 1, &whole);
	read_all(text, (size_t)data[0] + 1, &pieces);
	must(whole.rc == pieces.rc && whole.frames == pieces.frames && whole.faults == pieces.faults);
	must(whole.octets == pieces.octets && whole.hash == pieces.hash);
	return 0;
}
