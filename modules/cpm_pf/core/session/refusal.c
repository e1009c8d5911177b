/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Copies what an m= line must repeat, with port 0.
 */
#include "refusal.h"

/* Takes a line without its end off *rest. */
static bool line_next(struct cpm_slice *rest, struct cpm_slice *line)
{
	if(!cpm_slice_split(rest, '\n', line))
		return false;
	if(line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

static bool token(struct cpm_slice s)
{
	size_t i;

	for(i = 0; i < s.n; i++) {
		if((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	}
	return s.n > 0;
}

/* "m=<media> <port>[/<number>] <proto> <format> ..." (RFC 4566 5.14) */
static bool stream_add(struct cpm_slice line, struct cpm_buf *out)
{
	struct cpm_slice media, port, proto, format, rest = cpm_slice_from(line, 2);

	if(!cpm_slice_split(&rest, ' ', &media) || !cpm_slice_split(&rest, ' ', &port)
			|| !cpm_slice_split(&rest, ' ', &proto) || !cpm_slice_split(&rest, ' ', &format))
		return false;
	if(!token(media) || !token(port) || !token(proto) || !token(format))
		return false;
	cpm_buf_add_str(out, "m=");
	cpm_buf_add(out, media);
	cpm_buf_add_str(out, " 0 ");
	cpm_buf_add(out, proto);
	cpm_buf_add_char(out, ' ');
	cpm_buf_add(out, format);
	cpm_buf_add_str(out, "\r\n");
	return true;
}

static void head_add(struct cpm_slice address, uint64_t session, struct cpm_buf *out)
{
	const char *family = cpm_slice_find(address, ':') < address.n ? "IP6 " : "IP4 ";

	cpm_buf_add_str(out, "v=0\r\no=- ");
	cpm_buf_add_u64(out, session);
	cpm_buf_add_str(out, " 1 IN ");
	cpm_buf_add_str(out, family);
	cpm_buf_add(out, address);
	cpm_buf_add_str(out, "\r\ns=-\r\nc=IN ");
	cpm_buf_add_str(out, family);
	cpm_buf_add(out, address);
	cpm_buf_add_str(out, "\r\nt=0 0\r\n");
}

enum cpm_rc cpm_sdp_refuse(struct cpm_slice offer, struct cpm_slice address, uint64_t session,
		struct cpm_buf *out, struct cpm_diag *diag)
{
	struct cpm_slice rest = offer, line;
	size_t streams = 0;

	if(offer.n && (!line_next(&rest, &line) || !cpm_slice_eq(line, CPM_SLICE("v=0"))))
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "SDP does not begin with v=0");
	head_add(address, session, out);
	while(line_next(&rest, &line)) {
		size_t at = (size_t)(line.p - offer.p);

		if(!line.n && !rest.n)
			break;
		if(line.n < 2 || line.p[1] != '=')
			return cpm_diag_set(diag, CPM_SYNTAX, at, "a line of SDP has no type");
		if(line.p[0] != 'm')
			continue;
		if(++streams > CPM_SDP_STREAMS_MAX)
			return cpm_diag_set(diag, CPM_LIMIT, at, "too many streams");
		if(!stream_add(line, out))
			return cpm_diag_set(diag, CPM_SYNTAX, at, "m= line is not complete");
	}
	return out->rc;
}
