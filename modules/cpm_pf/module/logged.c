/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Users in log lines, with less of their numbers.
 */
#include "logged.h"

#include "../core/codec/number.h"

#define SHOWN_BYTES 1024

const char *logged_hidden(struct cpm_slice s)
{
	static char shown[4][SHOWN_BYTES + 1];
	static unsigned next;
	char *text = shown[next++ % 4];

	s = cpm_slice_head(s, SHOWN_BYTES);
	cpm_number_hide(s, (size_t)settings.log_hide_digits, text);
	text[s.n] = '\0';
	return text;
}
