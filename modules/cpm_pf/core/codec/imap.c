/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Responses are lines, continued behind a literal.
 */
#include "imap.h"

#include "../base/ascii.h"

/* The size in "{123}" or "{123+}" at the end of a line. */
static bool literal_size(struct cpm_slice line, size_t max, size_t *size)
{
	uint64_t n;
	size_t open = line.n;

	if(!line.n || line.p[line.n - 1] != '}')
		return false;
	while(open > 0 && line.p[open - 1] != '{')
		open--;
	if(!open)
		return false;
	line = cpm_slice_from(cpm_slice_head(line, line.n - 1), open);
	if(line.n && line.p[line.n - 1] == '+')
		line.n--;
	if(!cpm_slice_u64(line, &n))
		return false;
	*size = n > max ? max : (size_t)n;
	return true;
}

/* Offset behind the whole response; first is its first line without the line end. */
static enum cpm_rc find_end(
		struct cpm_slice bytes, size_t max, struct cpm_slice *first, size_t *end)
{
	size_t at = 0, skip;
	bool more = true;

	*first = CPM_SLICE_NONE;
	while(more) {
		struct cpm_slice rest = cpm_slice_from(bytes, at), line;
		size_t n = cpm_slice_find(rest, '\n');

		if(at + n >= max)
			return CPM_LIMIT;
		if(n == rest.n)
			return CPM_NEED_MORE;
		line = cpm_slice_head(rest, n && rest.p[n - 1] == '\r' ? n - 1 : n);
		if(cpm_slice_find(line, '\0') < line.n)
			return CPM_SYNTAX;
		if(!first->p)
			*first = line;
		at += n + 1;
		more = literal_size(line, max, &skip);
		if(!more)
			break;
		if(skip > max - at)
			return CPM_LIMIT;
		if(skip > bytes.n - at)
			return CPM_NEED_MORE;
		at += skip;
	}
	*end = at;
	return CPM_OK;
}

static struct cpm_slice word_take(struct cpm_slice *rest)
{
	struct cpm_slice word = cpm_slice_head(*rest, cpm_slice_find(*rest, ' '));

	*rest = cpm_slice_from(*rest, word.n + 1);
	return word;
}

static enum cpm_imap_status status_of(struct cpm_slice word)
{
	static const struct {
		const char *word;
		enum cpm_imap_status status;
	} known[] = {{"OK", CPM_IMAP_OK}, {"NO", CPM_IMAP_NO}, {"BAD", CPM_IMAP_BAD},
			{"BYE", CPM_IMAP_BYE}, {"PREAUTH", CPM_IMAP_PREAUTH}};

	for(size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if(cpm_slice_ieq(word, cpm_slice_of(known[i].word)))
			return known[i].status;
	return CPM_IMAP_DATA;
}

enum cpm_rc cpm_imap_read(struct cpm_slice bytes, size_t max, struct cpm_imap_response *r)
{
	struct cpm_slice line, rest, word;
	enum cpm_rc rc;

	*r = (struct cpm_imap_response){0};
	rc = find_end(bytes, max, &line, &r->bytes);
	if(rc)
		return rc;
	rest = line;
	word = word_take(&rest);
	if(cpm_slice_eq(word, CPM_SLICE("+"))) {
		r->kind = CPM_IMAP_CONTINUE;
		r->text = rest;
		return CPM_OK;
	}
	if(!word.n || !rest.n)
		return CPM_SYNTAX;
	r->kind = cpm_slice_eq(word, CPM_SLICE("*")) ? CPM_IMAP_UNTAGGED : CPM_IMAP_TAGGED;
	if(r->kind == CPM_IMAP_TAGGED)
		r->tag = word;
	r->text = rest;
	r->status = status_of(word_take(&rest));
	if(r->status == CPM_IMAP_DATA)
		return r->kind == CPM_IMAP_TAGGED ? CPM_SYNTAX : CPM_OK;
	r->text = rest;
	if(rest.n && rest.p[0] == '[') {
		size_t close = cpm_slice_find(rest, ']');

		r->code = cpm_slice_from(cpm_slice_head(rest, close), 1);
		r->text = cpm_slice_trim(cpm_slice_from(rest, close + 1));
	}
	return CPM_OK;
}

bool cpm_imap_code_is(struct cpm_slice code, const char *word)
{
	return cpm_slice_ieq(word_take(&code), cpm_slice_of(word));
}

static bool number_of(struct cpm_slice text, uint32_t *number)
{
	uint64_t n;

	if(!cpm_slice_u64(text, &n) || !n || n > UINT32_MAX)
		return false;
	*number = (uint32_t)n;
	return true;
}

bool cpm_imap_code_number(struct cpm_slice code, const char *word, uint32_t *number)
{
	return cpm_slice_ieq(word_take(&code), cpm_slice_of(word)) && number_of(code, number);
}

bool cpm_imap_append_uid(struct cpm_slice code, uint32_t *uidvalidity, uint32_t *uid)
{
	return cpm_slice_ieq(word_take(&code), CPM_SLICE("APPENDUID"))
		   && number_of(word_take(&code), uidvalidity) && number_of(code, uid);
}

bool cpm_imap_capable(struct cpm_slice words, const char *word)
{
	while(words.n)
		if(cpm_slice_ieq(word_take(&words), cpm_slice_of(word)))
			return true;
	return false;
}

bool cpm_imap_search_last(struct cpm_slice text, uint32_t *uid)
{
	*uid = 0;
	if(!cpm_slice_ieq(word_take(&text), CPM_SLICE("SEARCH")))
		return false;
	while(text.n) {
		struct cpm_slice word = word_take(&text);
		uint32_t n;

		if(!word.n)
			continue;
		if(!number_of(word, &n))
			return false;
		*uid = n > *uid ? n : *uid;
	}
	return true;
}

enum cpm_rc cpm_imap_add_quoted(struct cpm_buf *out, struct cpm_slice s)
{
	for(size_t i = 0; i < s.n; i++)
		if(cpm_ascii_control(s.p[i]) || (unsigned char)s.p[i] > 127)
			return CPM_SYNTAX;
	cpm_buf_add_char(out, '"');
	for(size_t i = 0; i < s.n; i++) {
		if(s.p[i] == '"' || s.p[i] == '\\')
			cpm_buf_add_char(out, '\\');
		cpm_buf_add_char(out, s.p[i]);
	}
	cpm_buf_add_char(out, '"');
	return out->rc;
}
