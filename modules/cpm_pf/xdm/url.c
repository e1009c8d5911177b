/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * URLs of XDM documents.
 */
#include "url.h"

#include "../core/base/ascii.h"
#include "../core/codec/uri.h"

#define FILE_SCHEME CPM_SLICE("file://")

bool url_is_file(struct cpm_slice url)
{
	return cpm_slice_istarts(url, FILE_SCHEME);
}

const char *url_root_problem(const char *root)
{
	struct cpm_slice all = cpm_slice_of(root), rest, authority;

	if(!cpm_slice_istarts(all, CPM_SLICE("http://"))
			&& !cpm_slice_istarts(all, CPM_SLICE("https://")) && !url_is_file(all))
		return "the XCAP root must begin with http://, https:// or file:///";
	rest = cpm_slice_from(all, cpm_slice_find(all, ':') + 3);
	authority = cpm_slice_head(rest, cpm_slice_find(rest, '/'));
	if(url_is_file(all) ? authority.n > 0 || rest.n < 2 : authority.n == 0)
		return url_is_file(all) ? "write a file root with three slashes: file:///folder"
								: "the XCAP root has no host: write http://host[:port][/path]";
	if(cpm_slice_find(authority, '@') < authority.n)
		return "write user and password of the XDMS into their own parameters, not into the root";
	if(cpm_slice_find(rest, '?') < rest.n || cpm_slice_find(rest, '#') < rest.n)
		return "the XCAP root cannot have a query or a fragment";
	if(all.p[all.n - 1] == '/')
		return "write the XCAP root without a slash at its end";
	if(all.n > URL_MAX / 4)
		return "the XCAP root is too long";
	return url_is_safe(all) ? NULL
							: "the XCAP root cannot have \"..\", \".\" or control bytes in it";
}

void url_add(struct cpm_buf *b, const struct xdm_config *config, enum url_document which,
		struct cpm_slice aor)
{
	const struct {
		const char *auid, *document;
	} names[URL_DOCUMENTS] = {
			[URL_LISTS] = {config->lists_auid, config->lists_document},
			[URL_POLICY] = {config->policy_auid, config->policy_document},
			[URL_PROFILE] = {config->profile_auid, config->profile_document},
	};

	cpm_buf_add_str(b, config->root);
	cpm_buf_add_char(b, '/');
	cpm_buf_add_str(b, names[which].auid);
	cpm_buf_add_str(b, "/users/");
	cpm_uri_add_xcap_segment(b, aor);
	cpm_buf_add_char(b, '/');
	cpm_buf_add_str(b, names[which].document);
}

/* One path segment without its escapes. */
static bool segment_is_safe(struct cpm_slice segment, bool file)
{
	struct cpm_slice part;

	for(size_t i = 0; i < segment.n; i++)
		if(cpm_ascii_control(segment.p[i]) || (file && segment.p[i] == '/'))
			return false;
	while(cpm_slice_split(&segment, '/', &part))
		if(cpm_slice_eq(part, CPM_SLICE(".")) || cpm_slice_eq(part, CPM_SLICE("..")))
			return false;
	return true;
}

bool url_is_safe(struct cpm_slice url)
{
	struct cpm_slice rest = url, segment;
	char memory[URL_MAX];

	if(url.n > URL_MAX)
		return false;
	while(cpm_slice_split(&rest, '/', &segment)) {
		struct cpm_buf decoded;

		cpm_buf_init_fixed(&decoded, memory, sizeof(memory));
		cpm_uri_add_unescaped(&decoded, segment);
		if(decoded.rc || !segment_is_safe(cpm_buf_slice(&decoded), url_is_file(url)))
			return false;
	}
	return true;
}

void url_add_path(struct cpm_buf *b, struct cpm_slice url)
{
	cpm_uri_add_unescaped(b, cpm_slice_from(url, FILE_SCHEME.n));
	cpm_buf_add_char(b, '\0');
}

/* What would end the header or the quoted string is escaped as in a URI. */
void url_add_identity(struct cpm_buf *b, const char *header, struct cpm_slice aor)
{
	static const char hex[] = "0123456789ABCDEF";
	bool quoted = cpm_slice_istarts(cpm_slice_of(header), CPM_SLICE("X-3GPP-"));

	cpm_buf_add_str(b, header);
	cpm_buf_add_str(b, quoted ? ": \"" : ": ");
	for(size_t i = 0; i < aor.n; i++) {
		unsigned char c = (unsigned char)aor.p[i];

		if(c > ' ' && c < 0x7f && c != '"' && c != '\\') {
			cpm_buf_add_char(b, aor.p[i]);
			continue;
		}
		cpm_buf_add_char(b, '%');
		cpm_buf_add_char(b, hex[c >> 4]);
		cpm_buf_add_char(b, hex[c & 15]);
	}
	if(quoted)
		cpm_buf_add_char(b, '"');
}
