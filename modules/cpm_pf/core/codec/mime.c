/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * MIME readers. They walk forward only, so their cost is linear in the text.
 */
#include "mime.h"

#include "../base/ascii.h"
#include "header.h"
#include "uri.h"

/* RFC 2046 section 5.1.1 */
#define BOUNDARY_MAX 70

static bool token(struct cpm_slice s)
{
	for(size_t i = 0; i < s.n; i++)
		if(!cpm_ascii_token(s.p[i]))
			return false;
	return s.n > 0;
}

bool cpm_media_type_parse(struct cpm_slice value, struct cpm_media_type *mt)
{
	struct cpm_slice name = cpm_header_strip_params(value, &mt->params);
	size_t slash = cpm_slice_find(name, '/');

	mt->type = cpm_slice_trim(cpm_slice_head(name, slash));
	mt->subtype = cpm_slice_trim(cpm_slice_from(name, slash + 1));
	return token(mt->type) && token(mt->subtype);
}

bool cpm_media_type_is(const struct cpm_media_type *mt, const char *type, const char *subtype)
{
	return cpm_slice_ieq(mt->type, cpm_slice_of(type))
		   && cpm_slice_ieq(mt->subtype, cpm_slice_of(subtype));
}

/* Length of the line at the start of s, its LF included. */
static size_t line_length(struct cpm_slice s)
{
	size_t lf = cpm_slice_find(s, '\n');

	return lf < s.n ? lf + 1 : s.n;
}

/* Length of the line end at the start of s: CRLF, LF, or 0. */
static size_t line_end(struct cpm_slice s)
{
	if(cpm_slice_starts(s, CPM_SLICE("\r\n")))
		return 2;
	return cpm_slice_starts(s, CPM_SLICE("\n")) ? 1 : 0;
}

static bool field_split(struct cpm_slice line, struct cpm_mime_field *field)
{
	size_t colon = cpm_slice_find(line, ':');

	if(colon == line.n || !colon || cpm_slice_find(line, '\0') < line.n)
		return false;
	field->line = line;
	field->name = cpm_slice_head(line, colon);
	field->value = cpm_slice_trim(cpm_slice_from(line, colon + 1));
	for(size_t i = 0; i < colon; i++)
		if(field->name.p[i] == ' ' || cpm_ascii_control(field->name.p[i]))
			return false;
	return true;
}

enum cpm_rc cpm_mime_next_field(struct cpm_slice *rest, struct cpm_mime_field *field)
{
	size_t blank = line_end(*rest);
	size_t end;

	if(!rest->n)
		return CPM_NEED_MORE;
	if(blank) {
		*rest = cpm_slice_from(*rest, blank);
		return CPM_NOTFOUND;
	}
	end = line_length(*rest);
	while(end < rest->n && (rest->p[end] == ' ' || rest->p[end] == '\t'))
		end += line_length(cpm_slice_from(*rest, end));
	if(!field_split(cpm_slice_head(*rest, end), field))
		return CPM_SYNTAX;
	*rest = cpm_slice_from(*rest, end);
	return CPM_OK;
}

bool cpm_mime_header(struct cpm_slice headers, struct cpm_slice name, struct cpm_slice *value)
{
	struct cpm_mime_field field;

	while(cpm_mime_next_field(&headers, &field) == CPM_OK) {
		if(cpm_slice_ieq(field.name, name)) {
			*value = field.value;
			return true;
		}
	}
	return false;
}

static bool boundary_valid(struct cpm_slice boundary)
{
	for(size_t i = 0; i < boundary.n; i++)
		if(boundary.p[i] < ' ' || boundary.p[i] > '~' || cpm_ascii_in(boundary.p[i], "\"\\"))
			return false;
	return boundary.n && boundary.n <= BOUNDARY_MAX && boundary.p[boundary.n - 1] != ' ';
}

/* Length of the delimiter line at the start of s, 0 when there is none. What follows the boundary
 * on its line must be blank, so that a boundary that starts with ours is not taken for it. */
static size_t delimiter_length(struct cpm_slice s, struct cpm_slice boundary, bool *closes)
{
	struct cpm_slice rest;
	size_t end;

	if(!cpm_slice_starts(s, CPM_SLICE("--")) || !cpm_slice_starts(cpm_slice_from(s, 2), boundary))
		return 0;
	rest = cpm_slice_from(s, 2 + boundary.n);
	*closes = cpm_slice_starts(rest, CPM_SLICE("--"));
	if(*closes)
		rest = cpm_slice_from(rest, 2);
	while(rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t'))
		rest = cpm_slice_from(rest, 1);
	end = line_end(rest);
	if(rest.n && !end)
		return 0;
	return s.n - rest.n + end;
}

/* The text from it->at to the next delimiter, which is stepped over; false when there is none. */
static bool take_section(struct cpm_mime_parts *it, struct cpm_slice *section)
{
	struct cpm_slice rest = cpm_slice_from(it->text, it->at);

	while(rest.n) {
		bool closes;
		size_t length = delimiter_length(rest, it->boundary, &closes);

		if(length) {
			it->ended = closes;
			section->p = it->text.p + it->at;
			section->n = (size_t)(rest.p - section->p);
			it->at += section->n + length;
			return true;
		}
		rest = cpm_slice_from(rest, line_length(rest));
	}
	return false;
}

enum cpm_rc cpm_mime_parts_init(struct cpm_mime_parts *it, struct cpm_slice body,
		const struct cpm_media_type *mt, const struct cpm_limits *limits, struct cpm_diag *diag)
{
	struct cpm_slice preamble;

	*it = (struct cpm_mime_parts){.text = body, .max = limits->max_mime_parts};
	if(!cpm_slice_ieq(mt->type, CPM_SLICE("multipart")))
		return cpm_diag_set(diag, CPM_UNSUPPORTED, 0, "not multipart");
	if(cpm_uri_param(mt->params, CPM_SLICE("boundary"), &it->boundary))
		it->boundary = cpm_header_unquote(it->boundary);
	if(!boundary_valid(it->boundary))
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "no usable boundary");
	if(!take_section(it, &preamble))
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "no delimiter");
	return CPM_OK;
}

/* The line end in front of a delimiter belongs to the delimiter. */
static struct cpm_slice without_line_end(struct cpm_slice s)
{
	if(s.n && s.p[s.n - 1] == '\n')
		s.n--;
	if(s.n && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

enum cpm_rc cpm_mime_parts_next(
		struct cpm_mime_parts *it, struct cpm_mime_part *part, bool *end, struct cpm_diag *diag)
{
	struct cpm_mime_field field;
	struct cpm_slice section, rest;
	size_t start = it->at;
	enum cpm_rc rc;

	*end = it->ended;
	if(it->ended)
		return CPM_OK;
	if(it->count == it->max)
		return cpm_diag_set(diag, CPM_LIMIT, start, "too many parts");
	if(!take_section(it, &section))
		return cpm_diag_set(diag, CPM_SYNTAX, start, "no closing delimiter");
	it->count++;
	rest = without_line_end(section);
	part->headers = cpm_slice_head(rest, 0);
	while((rc = cpm_mime_next_field(&rest, &field)) == CPM_OK)
		part->headers.n = (size_t)(field.line.p + field.line.n - part->headers.p);
	if(rc == CPM_SYNTAX)
		return cpm_diag_set(diag, CPM_SYNTAX, start, "broken header in a part");
	part->body = rest;
	return CPM_OK;
}

/* One level of cpm_mime_find. */
struct level {
	struct cpm_mime_parts parts;
	struct cpm_slice text;
};

static enum cpm_rc level_open(struct level *level, struct cpm_slice text,
		const struct cpm_media_type *mt, const struct cpm_limits *limits, struct cpm_diag *diag)
{
	level->text = text;
	return cpm_mime_parts_init(&level->parts, text, mt, limits, diag);
}

/* The media type of a part; what is not said or not readable counts as text. */
static struct cpm_media_type type_of(const struct cpm_mime_part *part)
{
	struct cpm_media_type mt;
	struct cpm_slice value;

	if(cpm_mime_header(part->headers, CPM_SLICE("Content-Type"), &value)
			&& cpm_media_type_parse(value, &mt))
		return mt;
	return (struct cpm_media_type){CPM_SLICE("text"), CPM_SLICE("plain"), CPM_SLICE_NONE};
}

enum cpm_rc cpm_mime_find(struct cpm_slice body, struct cpm_slice content_type, const char *type,
		const char *subtype, const struct cpm_limits *limits, struct cpm_mime_part *part,
		struct cpm_diag *diag)
{
	struct level levels[CPM_MIME_DEPTH_MAX];
	struct cpm_media_type mt;
	size_t depth = 0;
	enum cpm_rc rc = CPM_OK;

	*part = (struct cpm_mime_part){CPM_SLICE_NONE, body};
	if(!cpm_media_type_parse(content_type, &mt))
		return cpm_diag_set(diag, CPM_NOTFOUND, 0, "no media type");
	while(!rc && !cpm_media_type_is(&mt, type, subtype)) {
		bool end = true;

		if(cpm_slice_ieq(mt.type, CPM_SLICE("multipart"))) {
			if(depth == CPM_MIME_DEPTH_MAX)
				return cpm_diag_set(
						diag, CPM_LIMIT, (size_t)(part->body.p - body.p), "multiparts too deep");
			rc = level_open(&levels[depth], part->body, &mt, limits, diag);
			depth++;
		}
		while(!rc && end && depth) {
			rc = cpm_mime_parts_next(&levels[depth - 1].parts, part, &end, diag);
			depth -= !rc && end;
		}
		if(!rc && end)
			return cpm_diag_set(diag, CPM_NOTFOUND, body.n, "no such part");
		if(!rc)
			mt = type_of(part);
	}
	if(rc && diag)
		diag->offset += (size_t)(levels[depth - 1].text.p - body.p);
	return rc;
}
