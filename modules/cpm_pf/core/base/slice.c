/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Comparing, searching and hashing borrowed bytes. Only ASCII letters have case
 * here, whatever the locale.
 */
#include "slice.h"

#include "ascii.h"

bool cpm_slice_ieq(struct cpm_slice a, struct cpm_slice b)
{
	if(a.n != b.n)
		return false;
	/* Names mostly come in the usual case. */
	if(!a.n || !memcmp(a.p, b.p, a.n))
		return true;
	for(size_t i = 0; i < a.n; i++)
		if(a.p[i] != b.p[i] && cpm_ascii_lower(a.p[i]) != cpm_ascii_lower(b.p[i]))
			return false;
	return true;
}

bool cpm_slice_istarts(struct cpm_slice s, struct cpm_slice prefix)
{
	return s.n >= prefix.n && cpm_slice_ieq(cpm_slice_head(s, prefix.n), prefix);
}

struct cpm_slice cpm_slice_trim(struct cpm_slice s)
{
	while(s.n && cpm_ascii_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while(s.n && cpm_ascii_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool cpm_slice_split(struct cpm_slice *rest, char c, struct cpm_slice *part)
{
	size_t at;

	if(!rest->n)
		return false;
	at = cpm_slice_find(*rest, c);
	*part = cpm_slice_head(*rest, at);
	*rest = cpm_slice_from(*rest, at < rest->n ? at + 1 : at);
	return true;
}

bool cpm_slice_u64(struct cpm_slice s, uint64_t *value)
{
	uint64_t v = 0;

	if(!s.n)
		return false;
	for(size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if(digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return true;
}

uint64_t cpm_slice_hash(struct cpm_slice s, uint64_t seed)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed;

	for(size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	/* FNV leaves its low bits weak: the finisher of MurmurHash3 spreads them. */
	h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ (h >> 33);
}

/* Both halves of the product, so that what a byte changes depends on the seed. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t cpm_slice_hash_here(struct cpm_slice s, uint64_t seed)
{
	uint64_t h = seed ^ (s.n * UINT64_C(0x9e3779b97f4a7c15)), word = 0;

	if(s.n >= sizeof(word)) {
		size_t last = s.n - sizeof(word);

		for(size_t i = 0; i < last; i += sizeof(word)) {
			memcpy(&word, s.p + i, sizeof(word));
			h = fold(h ^ word, UINT64_C(0xff51afd7ed558ccd));
		}
		/* It may overlap the one before. */
		memcpy(&word, s.p + last, sizeof(word));
	} else if(s.n) {
		memcpy(&word, s.p, s.n);
	}
	h = fold(h ^ word, UINT64_C(0xc4ceb9fe1a85ec53));
	return h ^ (h >> 32);
}
