/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * MSRP-URI = scheme "://" [userinfo "@"] host [":" port] ["/" session] ";" transport
 */
#include "msrpuri.h"

#include "../base/ascii.h"

static bool take_scheme(struct cpm_slice *rest, bool *tls)
{
	size_t n = cpm_slice_istarts(*rest, CPM_SLICE("msrps://"))  ? 8
			   : cpm_slice_istarts(*rest, CPM_SLICE("msrp://")) ? 7
																: 0;

	*tls = n == 8;
	*rest = cpm_slice_from(*rest, n);
	return n != 0;
}

static bool port_parse(struct cpm_slice text, unsigned *port)
{
	uint64_t value;

	if(!cpm_slice_u64(text, &value) || !value || value > 65535)
		return false;
	*port = (unsigned)value;
	return true;
}

static bool host_valid(struct cpm_slice s, bool bracketed)
{
	for(size_t i = 0; i < s.n; i++)
		if(!cpm_ascii_alpha(s.p[i]) && !cpm_ascii_digit(s.p[i])
				&& !cpm_ascii_in(s.p[i], bracketed ? ":.%" : "-._"))
			return false;
	return s.n != 0;
}

/* host [":" port], IPv6 in brackets. */
static bool authority_parse(struct cpm_slice text, struct cpm_msrp_uri *uri)
{
	size_t at = cpm_slice_find(text, '@'), end;

	if(at < text.n)
		text = cpm_slice_from(text, at + 1);
	if(text.n && text.p[0] == '[') {
		end = cpm_slice_find(text, ']');
		if(end == text.n)
			return false;
		uri->host = (struct cpm_slice){text.p + 1, end - 1};
		uri->bracketed = true;
		text = cpm_slice_from(text, end + 1);
	} else {
		end = cpm_slice_find(text, ':');
		uri->host = cpm_slice_head(text, end);
		text = cpm_slice_from(text, end);
	}
	if(!host_valid(uri->host, uri->bracketed))
		return false;
	return !text.n || (text.p[0] == ':' && port_parse(cpm_slice_from(text, 1), &uri->port));
}

static bool session_valid(struct cpm_slice s)
{
	for(size_t i = 0; i < s.n; i++)
		if(!cpm_ascii_alpha(s.p[i]) && !cpm_ascii_digit(s.p[i])
				&& !cpm_ascii_in(s.p[i], "-._~+=/!$&'()*,%:@"))
			return false;
	return true;
}

enum cpm_rc cpm_msrp_uri_parse(struct cpm_slice text, struct cpm_msrp_uri *uri)
{
	size_t end;
	struct cpm_slice params;

	memset(uri, 0, sizeof(*uri));
	for(size_t i = 0; i < text.n; i++)
		if((unsigned char)text.p[i] <= ' ' || (unsigned char)text.p[i] >= 0x7f)
			return CPM_SYNTAX;
	if(!take_scheme(&text, &uri->tls))
		return CPM_SYNTAX;
	end = cpm_slice_find(text, ';');
	params = cpm_slice_from(text, end + 1);
	text = cpm_slice_head(text, end);
	uri->transport = cpm_slice_head(params, cpm_slice_find(params, ';'));
	if(!uri->transport.n)
		return CPM_SYNTAX;
	end = cpm_slice_find(text, '/');
	uri->session = cpm_slice_from(text, end + 1);
	if(!authority_parse(cpm_slice_head(text, end), uri) || !session_valid(uri->session))
		return CPM_SYNTAX;
	return CPM_OK;
}

bool cpm_msrp_uri_eq(const struct cpm_msrp_uri *a, const struct cpm_msrp_uri *b)
{
	return a->tls == b->tls && a->port == b->port && cpm_slice_ieq(a->host, b->host)
		   && cpm_slice_eq(a->session, b->session) && cpm_slice_ieq(a->transport, b->transport);
}

void cpm_msrp_uri_add(struct cpm_buf *b, const struct cpm_msrp_uri *uri)
{
	cpm_buf_add_str(b, uri->tls ? "msrps://" : "msrp://");
	if(uri->bracketed)
		cpm_buf_add_char(b, '[');
	cpm_buf_add(b, uri->host);
	if(uri->bracketed)
		cpm_buf_add_char(b, ']');
	if(uri->port) {
		cpm_buf_add_char(b, ':');
		cpm_buf_add_u64(b, uri->port);
	}
	if(uri->session.n) {
		cpm_buf_add_char(b, '/');
		cpm_buf_add(b, uri->session);
	}
	cpm_buf_add_char(b, ';');
	cpm_buf_add(b, uri->transport);
}

struct cpm_slice cpm_msrp_path_first(struct cpm_slice path)
{
	path = cpm_slice_trim(path);
	return cpm_slice_head(path, cpm_slice_find(path, ' '));
}

static bool path_next(struct cpm_slice *path, struct cpm_msrp_uri *uri)
{
	struct cpm_slice first = cpm_msrp_path_first(*path);

	*path = cpm_slice_from(cpm_slice_trim(*path), first.n);
	return cpm_msrp_uri_parse(first, uri) == CPM_OK;
}

size_t cpm_msrp_path_count(struct cpm_slice path)
{
	struct cpm_msrp_uri uri;
	size_t n = 0;

	for(path = cpm_slice_trim(path); path.n; n++)
		if(n == CPM_MSRP_PATH_MAX || !path_next(&path, &uri))
			return 0;
	return n;
}

bool cpm_msrp_path_eq(struct cpm_slice a, struct cpm_slice b)
{
	struct cpm_msrp_uri left, right;

	for(a = cpm_slice_trim(a), b = cpm_slice_trim(b); a.n && b.n;)
		if(!path_next(&a, &left) || !path_next(&b, &right) || !cpm_msrp_uri_eq(&left, &right))
			return false;
	return !a.n && !b.n;
}
