/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Telephone numbers in text that people read, with their last digits hidden.
 */
#ifndef CPM_NUMBER_H
#define CPM_NUMBER_H

#include "../base/slice.h"

/* Copies text to memory, which has room for text.n bytes, with 'x' in place of the last `hide` digits of each telephone number in it
 * (all of them when it has no more). A number is digits with visual separators (RFC 3966 section 3): behind '+' (or %2B) wherever a
 * word begins, or as a whole the user part of a sip, sips or tel URI at the start of text; a local tel number may hold letters, '*' and
 * '#', which count as digits. Digits that are written as escapes are not found. */
void cpm_number_hide(struct cpm_slice text, size_t hide, char *memory);

#endif
