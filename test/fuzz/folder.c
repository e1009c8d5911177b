/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Names from SIP as folders and login names: whatever comes in, the folder is
 * one printable name of two levels, quoted it is one string, and its modified
 * UTF-7 is well-formed.
 */
#include <stdlib.h>

#include "core/codec/folder.h"
#include "core/codec/imap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
	if(!what)
		abort();
}

static void check_utf7(struct cpm_slice s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
	size_t at = 0;

	while(at < s.n) {
		size_t n = 0;

		if(s.p[at++] != '&')
			continue;
		while(at < s.n && s.p[at] != '-') {
			must(s.p[at] && strchr(digits, s.p[at]));
			at++;
			n++;
		}
		must(at < s.n && n % 8 != 1 && n % 8 != 2 && n % 8 != 4 && n % 8 != 5 && n % 8 != 7);
		at++;
	}
}

static void check_quoted(struct cpm_slice q)
{
	must(q.n >= 2 && q.p[0] == '"' && q.p[q.n - 1] == '"');
	for(size_t i = 1; i < q.n - 1; i++) {
		must(q.p[i] != '"');
		if(q.p[i] == '\\')
			must(++i < q.n - 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice in = {(const char *)data, size};
	struct cpm_folder_values values = {
			.peer = in, .user = in, .domain = in, .aor = in, .conv = in, .contrib = in};
	struct cpm_buf name, quoted;
	struct cpm_slice rest;
	size_t slashes = 0;

	cpm_buf_init(&name, 4096);
	cpm_buf_init(&quoted, 8192);
	must(cpm_folder_add(&name, CPM_SLICE("Default/{peer}"), CPM_SLICE("/"), &values) == CPM_OK);
	rest = cpm_buf_slice(&name);
	for(size_t i = 0; i < rest.n; i++) {
		must(rest.p[i] >= ' ' && rest.p[i] < 0x7f && !strchr("\"\\%*", rest.p[i]));
		slashes += rest.p[i] == '/';
	}
	must(slashes == 1 && rest.n <= CPM_FOLDER_MAX);
	check_utf7(rest);
	must(cpm_imap_add_quoted(&quoted, rest) == CPM_OK);
	check_quoted(cpm_buf_slice(&quoted));
	cpm_buf_reset(&quoted);
	if(cpm_imap_add_quoted(&quoted, in) == CPM_OK)
		check_quoted(cpm_buf_slice(&quoted));
	/* The input as a template. */
	cpm_buf_reset(&name);
	cpm_folder_add(&name, in, CPM_SLICE("./"), &values);
	cpm_buf_reset(&name);
	if(cpm_folder_add_login(&name, CPM_SLICE("{user}"), &values) == CPM_OK)
		must(cpm_slice_eq(cpm_buf_slice(&name), in));
	cpm_buf_free(&name);
	cpm_buf_free(&quoted);
	return 0;
}
