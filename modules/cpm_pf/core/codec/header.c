/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Scanning of SIP header values. The one place that knows quotes and <>.
 */
#include "header.h"

#include "../base/ascii.h"

/* Offset behind the quoted string that starts at s.p[at]. */
static size_t skip_quoted(struct cpm_slice s, size_t at)
{
	for(at++; at < s.n; at++) {
		if(s.p[at] == '\\')
			at++;
		else if(s.p[at] == '"')
			return at + 1;
	}
	return s.n;
}

size_t cpm_header_find(struct cpm_slice s, const char *set)
{
	size_t at = 0;

	while(at < s.n && !cpm_ascii_in(s.p[at], set)) {
		if(s.p[at] == '"')
			at = skip_quoted(s, at);
		else if(s.p[at] == '<')
			at += cpm_slice_find(cpm_slice_from(s, at), '>') + 1;
		else
			at++;
	}
	return at < s.n ? at : s.n;
}

bool cpm_header_next_value(struct cpm_slice *rest, struct cpm_slice *value)
{
	while(rest->n) {
		size_t end = cpm_header_find(*rest, ",");

		*value = cpm_slice_trim(cpm_slice_head(*rest, end));
		*rest = cpm_slice_from(*rest, end + 1);
		if(value->n)
			return true;
	}
	return false;
}

bool cpm_header_next_param(
		struct cpm_slice *params, struct cpm_slice *name, struct cpm_slice *value)
{
	while(params->n) {
		size_t end = cpm_header_find(*params, ";");
		struct cpm_slice param = cpm_slice_trim(cpm_slice_head(*params, end));
		size_t equal = cpm_slice_find(param, '=');

		*params = cpm_slice_from(*params, end + 1);
		*name = cpm_slice_trim(cpm_slice_head(param, equal));
		*value = cpm_slice_trim(cpm_slice_from(param, equal + 1));
		if(param.n)
			return true;
	}
	return false;
}

struct cpm_slice cpm_header_strip_params(struct cpm_slice value, struct cpm_slice *params)
{
	size_t end = cpm_header_find(value, ";");

	if(params)
		*params = cpm_slice_from(value, end + 1);
	return cpm_slice_trim(cpm_slice_head(value, end));
}

struct cpm_slice cpm_header_unquote(struct cpm_slice value)
{
	if(value.n < 2 || value.p[0] != '"' || value.p[value.n - 1] != '"')
		return value;
	return (struct cpm_slice){value.p + 1, value.n - 2};
}

bool cpm_header_add_without_param(struct cpm_buf *b, struct cpm_slice value, struct cpm_slice name)
{
	struct cpm_slice params, found, content;
	bool removed = false;

	cpm_header_add_unfolded(b, cpm_header_strip_params(value, &params));
	while(cpm_header_next_param(&params, &found, &content)) {
		if(cpm_slice_ieq(found, name)) {
			removed = true;
			continue;
		}
		cpm_buf_add_char(b, ';');
		cpm_header_add_unfolded(b, found);
		if(content.n) {
			cpm_buf_add_char(b, '=');
			cpm_header_add_unfolded(b, content);
		}
	}
	return removed;
}

void cpm_header_add_unfolded(struct cpm_buf *b, struct cpm_slice value)
{
	struct cpm_slice rest = cpm_slice_trim(value);

	while(rest.n) {
		size_t end = 0, text_end;

		while(end < rest.n && !cpm_ascii_in(rest.p[end], "\r\n"))
			end++;
		text_end = end;
		if(end < rest.n) {
			while(text_end && cpm_ascii_space(rest.p[text_end - 1]))
				text_end--;
			while(cpm_ascii_space(rest.p[end]))
				end++;
		}
		cpm_buf_add(b, cpm_slice_head(rest, text_end));
		if(text_end < end)
			cpm_buf_add_char(b, ' ');
		rest = cpm_slice_from(rest, end);
	}
}
