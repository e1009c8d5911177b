/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Finds telephone numbers and hides their ends.
 */
#include "number.h"

#include "../base/ascii.h"

static bool word(char c)
{
	return cpm_ascii_alpha(c) || cpm_ascii_digit(c);
}

static bool global_digit(char c)
{
	return cpm_ascii_digit(c);
}

static bool local_digit(char c)
{
	return word(c) || cpm_ascii_in(c, "*#");
}

/* The end of the number that may start at `from`, or `from`. */
static size_t number_end(struct cpm_slice text, size_t from, bool (*digit)(char))
{
	size_t i = from, digits = 0;

	for(; i < text.n && (digit(text.p[i]) || cpm_ascii_in(text.p[i], "-.()")); i++)
		digits += digit(text.p[i]);
	return digits ? i : from;
}

static void hide_last(char *p, size_t from, size_t end, size_t hide, bool (*digit)(char))
{
	for(size_t i = end; hide && i > from; i--) {
		if(digit(p[i - 1])) {
			p[i - 1] = 'x';
			hide--;
		}
	}
}

/* A number without '+': the user part of a URI. */
static void hide_local(struct cpm_slice text, size_t hide, char *memory)
{
	size_t colon = cpm_slice_find(text, ':'), end;
	struct cpm_slice scheme = cpm_slice_head(text, colon);
	bool tel = cpm_slice_ieq(scheme, CPM_SLICE("tel"));
	bool (*digit)(char) = tel ? local_digit : global_digit;

	if(colon == text.n
			|| (!tel && !cpm_slice_ieq(scheme, CPM_SLICE("sip"))
					&& !cpm_slice_ieq(scheme, CPM_SLICE("sips"))))
		return;
	end = number_end(text, colon + 1, digit);
	/* Without '@' it is a host. */
	if(tel || (cpm_slice_find(text, '@') < text.n && cpm_ascii_in(text.p[end], "@;:")))
		hide_last(memory, colon + 1, end, hide, digit);
}

/* Behind the sign of a global number at `at`, or `at`. */
static size_t sign_end(struct cpm_slice text, size_t at)
{
	if(at && word(text.p[at - 1]))
		return at;
	if(text.p[at] == '+')
		return at + 1;
	return cpm_ascii_escape(text, at) == '+' ? at + 3 : at;
}

void cpm_number_hide(struct cpm_slice text, size_t hide, char *memory)
{
	if(!text.n)
		return;
	memcpy(memory, text.p, text.n);
	hide_local(text, hide, memory);
	for(size_t i = 0; i < text.n; i++) {
		size_t start = sign_end(text, i), end = number_end(text, start, global_digit);

		if(start == i || end == start || (end < text.n && cpm_ascii_alpha(text.p[end])))
			continue;
		hide_last(memory, start, end, hide, global_digit);
		i = end - 1;
	}
}
