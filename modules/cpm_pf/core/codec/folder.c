/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Templates, and modified UTF-7. What is not UTF-8 becomes U+FFFD.
 */
#include "folder.h"

#include "../base/ascii.h"

#define REPLACEMENT 0xfffd
/* Room for the longest piece that one character can add: base64 of a surrogate pair with both
 * shifts. */
#define CHARACTER_MAX 12
#define HASH_DIGITS 8

struct word {
	const char *name;
	size_t field; /* offset in struct cpm_folder_values */
};

static const struct word words[] = {
		{"peer", offsetof(struct cpm_folder_values, peer)},
		{"conv", offsetof(struct cpm_folder_values, conv)},
		{"contrib", offsetof(struct cpm_folder_values, contrib)},
		{"user", offsetof(struct cpm_folder_values, user)},
		{"domain", offsetof(struct cpm_folder_values, domain)},
		{"aor", offsetof(struct cpm_folder_values, aor)},
};

/* Takes the next piece off *rest: text, or a place (*word set). False at the end; *word with a NULL
 * name for a place that is none. */
static bool template_next(struct cpm_slice *rest, struct cpm_slice *text, const struct word **word)
{
	static const struct word unknown = {NULL, 0};
	struct cpm_slice name;
	size_t n;

	*word = NULL;
	if(!rest->n)
		return false;
	if(rest->p[0] != '{') {
		*text = cpm_slice_head(*rest, cpm_slice_find(*rest, '{'));
		*rest = cpm_slice_from(*rest, text->n);
		return true;
	}
	n = cpm_slice_find(*rest, '}');
	name = cpm_slice_from(cpm_slice_head(*rest, n), 1);
	*word = &unknown;
	for(size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if(n < rest->n && cpm_slice_eq(name, cpm_slice_of(words[i].name)))
			*word = &words[i];
	*rest = cpm_slice_from(*rest, n + 1);
	return true;
}

static struct cpm_slice value_of(const struct cpm_folder_values *values, const struct word *word)
{
	struct cpm_slice value;

	memcpy(&value, (const char *)values + word->field, sizeof(value));
	return value;
}

/* The next character of UTF-8 text; *at moves over it. Overlong forms, surrogates and stray bytes
 * give the replacement for one byte. */
static uint32_t utf8_next(struct cpm_slice s, size_t *at)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = (unsigned char)s.p[*at];
	size_t n = c < 0x80                ? 1
			   : c >= 0xc2 && c < 0xe0 ? 2
			   : c >= 0xe0 && c < 0xf0 ? 3
			   : c >= 0xf0 && c < 0xf5 ? 4
									   : 0;
	uint32_t code = n == 1 ? c : n == 2 ? c & 0x1fu : n == 3 ? c & 0x0fu : c & 0x07u;

	if(!n || n > s.n - *at) {
		++*at;
		return REPLACEMENT;
	}
	for(size_t i = 1; i < n; i++) {
		unsigned char next = (unsigned char)s.p[*at + i];

		if((next & 0xc0) != 0x80) {
			++*at;
			return REPLACEMENT;
		}
		code = code << 6 | (next & 0x3fu);
	}
	if(code < least[n] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) {
		++*at;
		return REPLACEMENT;
	}
	*at += n;
	return code;
}

/* Writes modified UTF-7: printable ASCII as it is, runs of others in base64 of UTF-16. */
struct writer {
	struct cpm_buf *out;
	bool shifted;
	uint32_t bits;
	unsigned count; /* of bits that wait */
};

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static void writer_unshift(struct writer *w)
{
	if(!w->shifted)
		return;
	if(w->count)
		cpm_buf_add_char(w->out, base64[w->bits << (6 - w->count) & 0x3f]);
	cpm_buf_add_char(w->out, '-');
	*w = (struct writer){.out = w->out};
}

static void writer_unit(struct writer *w, uint32_t unit)
{
	if(!w->shifted)
		cpm_buf_add_char(w->out, '&');
	w->shifted = true;
	w->bits = w->bits << 16 | unit;
	for(w->count += 16; w->count >= 6; w->count -= 6)
		cpm_buf_add_char(w->out, base64[w->bits >> (w->count - 6) & 0x3f]);
	w->bits &= (1u << w->count) - 1;
}

static void writer_put(struct writer *w, uint32_t code)
{
	if(code >= ' ' && code < 0x7f) {
		writer_unshift(w);
		cpm_buf_add_char(w->out, (char)code);
		if(code == '&')
			cpm_buf_add_char(w->out, '-');
		return;
	}
	if(code < 0x10000) {
		writer_unit(w, code);
		return;
	}
	writer_unit(w, 0xd800 + (code - 0x10000) / 0x400);
	writer_unit(w, 0xdc00 + (code - 0x10000) % 0x400);
}

/* What must not stand inside a name that comes from elsewhere. */
static bool unfit(uint32_t code, struct cpm_slice delimiters)
{
	if(code < ' ' || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029)
		return true;
	return code < 0x7f
		   && (cpm_ascii_in((char)code, "/\\%*\"")
				   || memchr(delimiters.p, (int)code, delimiters.n));
}

static void add_hash(struct cpm_buf *out, struct cpm_slice value)
{
	uint64_t hash = cpm_slice_hash(value, 0);

	for(unsigned i = 0; i < HASH_DIGITS; i++)
		cpm_buf_add_char(out, "0123456789abcdef"[hash >> 4 * i & 0xf]);
}

static void add_value(struct cpm_buf *out, struct cpm_slice value, struct cpm_slice delimiters)
{
	struct writer w = {.out = out};
	size_t at = 0, start = out->n;

	/* "." and ".." are places in many servers' file systems, '~' another user's home. */
	if(!value.n || value.p[0] == '.' || value.p[0] == '~')
		cpm_buf_add_char(out, '_');
	while(at < value.n) {
		uint32_t code;

		if(out->n - start > CPM_FOLDER_VALUE_MAX - CHARACTER_MAX - HASH_DIGITS) {
			writer_unshift(&w);
			add_hash(out, value);
			return;
		}
		code = utf8_next(value, &at);
		writer_put(&w, unfit(code, delimiters) ? '_' : code);
	}
	writer_unshift(&w);
}

const char *cpm_folder_check(struct cpm_slice template, struct cpm_slice delimiters)
{
	struct cpm_slice text;
	const struct word *word;

	if(!delimiters.n || delimiters.n > 8)
		return "write the hierarchy delimiter of the server, \"/\" or \".\" for instance";
	for(size_t i = 0; i < delimiters.n; i++)
		if(delimiters.p[i] <= ' ' || delimiters.p[i] == 0x7f
				|| cpm_ascii_in(delimiters.p[i], "\"\\&_{}"))
			return "write printable delimiters, none of them a quote, '\\', '&', '_', '{' or '}'";
	if(!template.n || template.n > 200 || template.p[0] == '/' || template.p[template.n - 1] == '/')
		return "write a name such as \"Default/{peer}\"";
	while(template_next(&template, &text, &word)) {
		if(word && !word->name)
			return "write only the places {peer}, {conv}, {contrib}, {user}, {domain} and {aor}";
		for(size_t i = 0; !word && i < text.n; i++)
			if(text.p[i] < ' ' || text.p[i] == 0x7f || cpm_ascii_in(text.p[i], "\"\\&%*}"))
				return "write printable ASCII without quotes, '\\', '&', '%' and '*'";
	}
	return NULL;
}

static void add_text(struct cpm_buf *out, struct cpm_slice text, char delimiter)
{
	for(size_t i = 0; i < text.n; i++)
		cpm_buf_add_char(out, text.p[i] == '/' ? delimiter : text.p[i]);
}

enum cpm_rc cpm_folder_add(struct cpm_buf *out, struct cpm_slice template,
		struct cpm_slice delimiters, const struct cpm_folder_values *values)
{
	struct cpm_slice text;
	const struct word *word;
	size_t start = out->n;

	if(cpm_folder_check(template, delimiters))
		return CPM_SYNTAX;
	while(template_next(&template, &text, &word)) {
		if(word)
			add_value(out, value_of(values, word), delimiters);
		else
			add_text(out, text, delimiters.p[0]);
	}
	if(out->rc)
		return out->rc;
	return out->n - start > CPM_FOLDER_MAX ? CPM_LIMIT : CPM_OK;
}

enum cpm_rc cpm_folder_add_login(
		struct cpm_buf *out, struct cpm_slice template, const struct cpm_folder_values *values)
{
	struct cpm_slice text;
	const struct word *word;

	if(!template.n)
		return CPM_SYNTAX;
	while(template_next(&template, &text, &word)) {
		if(word && !word->name)
			return CPM_SYNTAX;
		if(word)
			text = value_of(values, word);
		for(size_t i = 0; i < text.n; i++)
			if(cpm_ascii_control(text.p[i]))
				return CPM_SYNTAX;
		if(!text.n)
			return CPM_SYNTAX;
		cpm_buf_add(out, text);
	}
	return out->rc;
}
