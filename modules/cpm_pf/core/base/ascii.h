/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Kinds of ASCII bytes, whatever the locale.
 */
#ifndef CPM_ASCII_H
#define CPM_ASCII_H

#include "slice.h"

static inline char cpm_ascii_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static inline bool cpm_ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool cpm_ascii_alpha(char c)
{
	c = cpm_ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

/* Blank, tab, CR or LF. */
static inline bool cpm_ascii_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline bool cpm_ascii_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* c is one of the bytes of set; NUL never is. For sets of a few bytes: a loop in place is faster than strchr then. */
static inline bool cpm_ascii_in(char c, const char *set)
{
	for(; *set; set++)
		if(*set == c)
			return true;
	return false;
}

/* The characters of a token: RFC 3261 section 25.1 has the same set as RFC 7230, but for # $ & ^
 * and |. */
static inline bool cpm_ascii_token(char c)
{
	return cpm_ascii_alpha(c) || cpm_ascii_digit(c) || cpm_ascii_in(c, "!#$%&'*+-.^_`|~");
}

/* Value of a hexadecimal digit, -1 when c is none. */
static inline int cpm_ascii_hex(char c)
{
	if(cpm_ascii_digit(c))
		return c - '0';
	c = cpm_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that the escape %XX at s.p[at] stands for, -1 when there is none. at is below s.n. */
static inline int cpm_ascii_escape(struct cpm_slice s, size_t at)
{
	if(s.n - at < 3 || s.p[at] != '%' || cpm_ascii_hex(s.p[at + 1]) < 0
			|| cpm_ascii_hex(s.p[at + 2]) < 0)
		return -1;
	return cpm_ascii_hex(s.p[at + 1]) * 16 + cpm_ascii_hex(s.p[at + 2]);
}

#endif
