/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Product tokens of User-Agent and Server values. RFC 3261 section 20.41.
 */
#include "version.h"

#include "../base/ascii.h"

#define NUMBER_MAX 65535

/* Offset behind the comment that starts at s.p[at]; comments nest. */
static size_t skip_comment(struct cpm_slice s, size_t at)
{
	size_t depth = 0;

	for(; at < s.n; at++) {
		if(s.p[at] == '\\')
			at++;
		else if(s.p[at] == '(')
			depth++;
		else if(s.p[at] == ')' && !--depth)
			return at + 1;
	}
	return s.n;
}

/* Takes the next product token off *rest. */
static bool next_product(struct cpm_slice *rest, struct cpm_slice *product)
{
	size_t start = 0, end;

	while(start < rest->n && (cpm_ascii_space(rest->p[start]) || rest->p[start] == '('))
		start = rest->p[start] == '(' ? skip_comment(*rest, start) : start + 1;
	end = start;
	while(end < rest->n && !cpm_ascii_space(rest->p[end]) && rest->p[end] != '(')
		end++;
	*product = cpm_slice_head(cpm_slice_from(*rest, start), end - start);
	*rest = cpm_slice_from(*rest, end);
	return product->n > 0;
}

static bool number_of(struct cpm_slice digits, unsigned *number)
{
	uint64_t value;

	if(!cpm_slice_u64(digits, &value) || value > NUMBER_MAX)
		return false;
	*number = (unsigned)value;
	return true;
}

bool cpm_version_of(struct cpm_slice value, unsigned *major, unsigned *minor)
{
	static const struct cpm_slice prefixes[] = {
			{"CPM-client/OMA", sizeof("CPM-client/OMA") - 1},
			{"CPM-serv/OMA", sizeof("CPM-serv/OMA") - 1},
	};
	struct cpm_slice product;

	while(next_product(&value, &product)) {
		for(size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
			struct cpm_slice version = cpm_slice_from(product, prefixes[i].n);
			size_t dot = cpm_slice_find(version, '.');
			unsigned x, y;

			if(cpm_slice_istarts(product, prefixes[i])
					&& number_of(cpm_slice_head(version, dot), &x)
					&& number_of(cpm_slice_from(version, dot + 1), &y)) {
				*major = x;
				*minor = y;
				return true;
			}
		}
	}
	return false;
}

bool cpm_version_at_least(unsigned major, unsigned minor, unsigned min_major, unsigned min_minor)
{
	return major > min_major || (major == min_major && minor >= min_minor);
}
