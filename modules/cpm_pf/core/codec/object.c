/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Writing objects, and taking delivery requests out of CPIM headers.
 */
#include "object.h"

#include "../base/ascii.h"
#include "cpim.h"
#include "header.h"
#include "mime.h"
#include "uri.h"

#define BASE64_LINE 76

static bool is_key(struct cpm_slice key)
{
	size_t at = cpm_slice_find(key, '@');

	if(!at || at + 1 >= key.n || key.n > 250)
		return false;
	/* Behind the '@' an address in brackets is allowed (RFC 5322 section 3.6.4). */
	for(size_t i = 0; i < key.n; i++)
		if(key.p[i] <= ' ' || key.p[i] >= 0x7f
				|| cpm_ascii_in(key.p[i], i < at ? "<>\"\\(),:;[]" : "<>\"\\(),;")
				|| (key.p[i] == '@' && i != at))
			return false;
	return true;
}

enum cpm_rc cpm_object_add_key(
		struct cpm_buf *out, struct cpm_slice id, const char *suffix, struct cpm_slice aor)
{
	struct cpm_uri uri;
	struct cpm_slice host = CPM_SLICE_NONE;

	if(cpm_uri_parse(aor, &uri, NULL) == CPM_OK)
		host = uri.host;
	cpm_buf_add(out, id);
	cpm_buf_add_str(out, suffix);
	cpm_buf_add_char(out, '@');
	/* A telephone number has none, and needs none: the id alone is unique. */
	cpm_buf_add(out, host.n ? host : CPM_SLICE("cpm.invalid"));
	return out->rc;
}

enum cpm_rc cpm_object_add_message_id(struct cpm_buf *out, struct cpm_slice key)
{
	if(!is_key(key))
		return CPM_SYNTAX;
	cpm_buf_add_char(out, '<');
	cpm_buf_add(out, key);
	cpm_buf_add_char(out, '>');
	return out->rc;
}

/* Folds become blanks; what else is a control character is left out. */
static void add_value(struct cpm_buf *out, struct cpm_slice value)
{
	bool blank = false;

	value = cpm_slice_trim(value);
	for(size_t i = 0; i < value.n; i++) {
		if(cpm_ascii_space(value.p[i])) {
			blank = true;
			continue;
		}
		if(cpm_ascii_control(value.p[i]))
			continue;
		if(blank)
			cpm_buf_add_char(out, ' ');
		blank = false;
		cpm_buf_add_char(out, value.p[i]);
	}
}

static void add_header(struct cpm_buf *out, const char *name, struct cpm_slice value)
{
	if(!cpm_slice_trim(value).n)
		return;
	cpm_buf_add_str(out, name);
	cpm_buf_add_str(out, ": ");
	add_value(out, value);
	cpm_buf_add_str(out, "\r\n");
}

static void add_date(struct cpm_buf *out, struct cpm_slice date)
{
	date = cpm_slice_trim(date);
	if(!date.n)
		return;
	cpm_buf_add_str(out, "Date: ");
	if(date.n > 4 && cpm_slice_ieq(cpm_slice_from(date, date.n - 4), CPM_SLICE(" GMT"))) {
		add_value(out, cpm_slice_head(date, date.n - 4));
		cpm_buf_add_str(out, " +0000");
	} else {
		add_value(out, date);
	}
	cpm_buf_add_str(out, "\r\n");
}

/* Mail stores keep lines, whatever ends them, and no NUL. */
static bool survives(struct cpm_slice body)
{
	for(size_t i = 0; i < body.n; i++) {
		if(!body.p[i])
			return false;
		if(body.p[i] == '\n')
			return false;
		if(body.p[i] == '\r') {
			if(i + 1 == body.n || body.p[i + 1] != '\n')
				return false;
			i++;
		}
	}
	return true;
}

static void add_base64(struct cpm_buf *out, struct cpm_slice s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t column = 0;

	for(size_t i = 0; i < s.n; i += 3) {
		size_t n = s.n - i < 3 ? s.n - i : 3;
		uint32_t bits = 0;

		for(size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < n ? (unsigned char)s.p[i + k] : 0u);
		for(size_t k = 0; k < 4; k++)
			cpm_buf_add_char(out, k <= n ? digits[bits >> (18 - 6 * k) & 0x3f] : '=');
		column += 4;
		if(column == BASE64_LINE) {
			cpm_buf_add_str(out, "\r\n");
			column = 0;
		}
	}
	if(column)
		cpm_buf_add_str(out, "\r\n");
}

enum cpm_rc cpm_object_build(const struct cpm_object *o, struct cpm_buf *out)
{
	bool plain = survives(o->body);

	if(!is_key(o->key))
		return CPM_SYNTAX;
	add_header(out, "From", o->from);
	add_header(out, "To", o->to);
	add_date(out, o->date);
	add_header(out, "Subject", o->subject);
	cpm_buf_add_str(out, "Message-ID: <");
	cpm_buf_add(out, o->key);
	cpm_buf_add_str(out, ">\r\n");
	add_header(out, "Conversation-ID", o->conversation_id);
	add_header(out, "Contribution-ID", o->contribution_id);
	add_header(out, "InReplyTo-Contribution-ID", o->in_reply_to);
	add_header(out, "Accept-Contact", o->accept_contact);
	add_header(out, "IMDN-Message-ID", o->imdn_id);
	add_header(out, "Message-Direction", o->sent ? CPM_SLICE("sent") : CPM_SLICE("received"));
	cpm_buf_add_str(out, "MIME-Version: 1.0\r\n");
	add_header(out, "Content-Type", o->content_type);
	add_header(out, "Content-Disposition", o->content_disposition);
	cpm_buf_add_str(out, "Content-Transfer-Encoding: ");
	cpm_buf_add_str(out, plain ? "8bit\r\n\r\n" : "base64\r\n\r\n");
	if(plain)
		cpm_buf_add(out, o->body);
	else
		add_base64(out, o->body);
	return out->rc;
}

static bool is_delivery(struct cpm_slice value)
{
	struct cpm_slice token = cpm_header_strip_params(value, NULL);

	return cpm_slice_ieq(token, CPM_SLICE("positive-delivery"))
		   || cpm_slice_ieq(token, CPM_SLICE("negative-delivery"));
}

/* A Disposition-Notification line without delivery tokens; as it is when it has none, gone when nothing is left. */
static void add_disposition(struct cpm_buf *out, const struct cpm_mime_field *field)
{
	struct cpm_slice rest = field->value, value;
	size_t kept = 0, dropped = 0;

	while(cpm_header_next_value(&rest, &value))
		dropped += is_delivery(value);
	if(!dropped) {
		cpm_buf_add(out, field->line);
		return;
	}
	rest = field->value;
	while(cpm_header_next_value(&rest, &value)) {
		if(is_delivery(value))
			continue;
		if(!kept++) {
			cpm_buf_add(out, field->name);
			cpm_buf_add_str(out, ": ");
		} else {
			cpm_buf_add_str(out, ", ");
		}
		cpm_header_add_unfolded(out, value);
	}
	if(kept)
		cpm_buf_add_str(out, "\r\n");
}

/* The CPIM of a body, alone or in a multipart. CPM_NOTFOUND without one. */
static enum cpm_rc find_cpim(struct cpm_slice body, struct cpm_slice content_type,
		const struct cpm_limits *limits, struct cpm_cpim *cpim, struct cpm_diag *diag)
{
	struct cpm_media_type type, inner;
	struct cpm_mime_parts it;
	struct cpm_mime_part part;
	struct cpm_slice value;
	bool end = false;
	enum cpm_rc rc;

	if(!cpm_media_type_parse(content_type, &type))
		return CPM_NOTFOUND;
	if(cpm_media_type_is(&type, "message", "cpim"))
		return cpm_cpim_parse(body, limits, cpim, diag);
	rc = cpm_mime_parts_init(&it, body, &type, limits, diag);
	while(!rc) {
		rc = cpm_mime_parts_next(&it, &part, &end, diag);
		if(!rc && end)
			return CPM_NOTFOUND;
		if(!rc && cpm_mime_header(part.headers, CPM_SLICE("Content-Type"), &value)
				&& cpm_media_type_parse(value, &inner)
				&& cpm_media_type_is(&inner, "message", "cpim"))
			return cpm_cpim_parse(part.body, limits, cpim, diag);
	}
	return rc == CPM_UNSUPPORTED ? CPM_NOTFOUND : rc;
}

enum cpm_rc cpm_object_strip(struct cpm_slice body, struct cpm_slice content_type,
		const struct cpm_limits *limits, struct cpm_buf *out, struct cpm_diag *diag)
{
	struct cpm_cpim cpim;
	struct cpm_mime_field first, field;
	struct cpm_slice rest, headers;
	enum cpm_rc rc = find_cpim(body, content_type, limits, &cpim, diag);

	if(rc && rc != CPM_NOTFOUND)
		return rc;
	if(rc || !cpim.disposition_line.n) {
		cpm_buf_add(out, body);
		return out->rc;
	}
	rest = cpim.disposition_line;
	if(cpm_mime_next_field(&rest, &first) != CPM_OK)
		return cpm_diag_set(diag, CPM_SYNTAX, (size_t)(rest.p - body.p), "not a header");
	headers = cpim.headers;
	cpm_buf_add(out, cpm_slice_head(body, (size_t)(headers.p - body.p)));
	/* The header may stand there more than once; the reader counts the first. */
	while(headers.n && cpm_mime_next_field(&headers, &field) == CPM_OK) {
		if(cpm_slice_eq(field.name, first.name))
			add_disposition(out, &field);
		else
			cpm_buf_add(out, field.line);
	}
	cpm_buf_add(out, cpm_slice_from(body, (size_t)(cpim.headers.p + cpim.headers.n - body.p)));
	return out->rc;
}
