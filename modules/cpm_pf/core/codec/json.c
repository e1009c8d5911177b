/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Escapes for JSON.
 */
#include "json.h"

/* Bytes of the UTF-8 character that s starts with (RFC 3629); 0 when it is none. */
static size_t utf8_length(struct cpm_slice s)
{
	unsigned char c = (unsigned char)s.p[0], second;
	size_t n = c < 0x80                ? 1
			   : c >= 0xc2 && c < 0xe0 ? 2
			   : (c & 0xf0) == 0xe0    ? 3
			   : c >= 0xf0 && c < 0xf5 ? 4
									   : 0;
	size_t i;

	if(n == 0 || n > s.n)
		return 0;
	for(i = 1; i < n; i++) {
		if(((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
	}
	if(n < 3)
		return n;
	/* Neither overlong, nor a surrogate, nor past U+10FFFF. */
	second = (unsigned char)s.p[1];
	if((c == 0xe0 && second < 0xa0) || (c == 0xed && second >= 0xa0) || (c == 0xf0 && second < 0x90)
			|| (c == 0xf4 && second >= 0x90))
		return 0;
	return n;
}

static void add_control(struct cpm_buf *b, char c)
{
	static const char digits[] = "0123456789abcdef";

	cpm_buf_add_str(b, "\\u00");
	cpm_buf_add_char(b, digits[(unsigned char)c >> 4]);
	cpm_buf_add_char(b, digits[(unsigned char)c & 15]);
}

void cpm_json_add_text(struct cpm_buf *b, struct cpm_slice text)
{
	size_t n;

	for(; text.n; text = cpm_slice_from(text, n)) {
		char c = text.p[0];

		n = 1;
		if(c == '"' || c == '\\') {
			cpm_buf_add_char(b, '\\');
			cpm_buf_add_char(b, c);
		} else if((unsigned char)c < 0x20)
			add_control(b, c);
		else if((n = utf8_length(text)) > 0)
			cpm_buf_add(b, cpm_slice_head(text, n));
		else {
			cpm_buf_add_char(b, '?');
			n = 1;
		}
	}
}
