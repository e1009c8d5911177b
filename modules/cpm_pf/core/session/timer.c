/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Arithmetic of RFC 4028.
 */
#include "timer.h"

#include "../codec/header.h"

bool cpm_session_expires_parse(
		struct cpm_slice value, uint32_t *seconds, enum cpm_refresher *refresher)
{
	struct cpm_slice params, name, word, number = cpm_header_strip_params(value, &params);
	uint64_t n;
	size_t i;

	for(i = 0; i < number.n; i++) {
		if(number.p[i] < '0' || number.p[i] > '9')
			return false;
	}
	if(!number.n)
		return false;
	/* Digits that do not fit are a large number all the same. */
	if(!cpm_slice_u64(number, &n) || n > CPM_SESSION_MAX_S)
		n = CPM_SESSION_MAX_S;
	*seconds = (uint32_t)n;
	*refresher = CPM_REFRESHER_NONE;
	while(cpm_header_next_param(&params, &name, &word)) {
		if(!cpm_slice_ieq(name, CPM_SLICE("refresher")))
			continue;
		if(cpm_slice_ieq(word, CPM_SLICE("uac")))
			*refresher = CPM_REFRESHER_UAC;
		else if(cpm_slice_ieq(word, CPM_SLICE("uas")))
			*refresher = CPM_REFRESHER_UAS;
	}
	return true;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void cpm_session_agree(const struct cpm_session_wish *wish, uint32_t min_s, uint32_t max_s,
		struct cpm_session_terms *terms)
{
	uint32_t least = larger(min_s, CPM_SESSION_MIN_S);

	*terms = (struct cpm_session_terms){.min_s = least};
	if(!wish->expires_s)
		return;
	/* A 422 would tell nothing to a UAC that knows no session timers: a proxy has put the header in. */
	if(wish->expires_s < least && wish->timer) {
		terms->too_small = true;
		return;
	}
	least = larger(least, wish->min_s);
	terms->expires_s = larger(wish->expires_s < max_s ? wish->expires_s : max_s, least);
	/* Table 2 of section 9. Where we may choose, the peer refreshes. */
	if(wish->timer && wish->refresher != CPM_REFRESHER_UAS) {
		terms->refresher = CPM_REFRESHER_UAC;
		terms->require = true;
	} else
		terms->refresher = CPM_REFRESHER_UAS;
}

void cpm_session_add_headers(struct cpm_buf *out, const struct cpm_session_terms *terms)
{
	if(terms->too_small) {
		cpm_buf_add_str(out, "Min-SE: ");
		cpm_buf_add_u64(out, terms->min_s);
		cpm_buf_add_str(out, "\r\n");
		return;
	}
	if(!terms->expires_s)
		return;
	if(terms->require)
		cpm_buf_add_str(out, "Require: timer\r\n");
	cpm_buf_add_str(out, "Session-Expires: ");
	cpm_buf_add_u64(out, terms->expires_s);
	cpm_buf_add_str(out,
			terms->refresher == CPM_REFRESHER_UAC ? ";refresher=uac\r\n" : ";refresher=uas\r\n");
}

int64_t cpm_session_refresh_ms(uint32_t expires_s)
{
	return (int64_t)expires_s * 500;
}

int64_t cpm_session_give_up_ms(uint32_t expires_s)
{
	int64_t before = (int64_t)expires_s * 1000 / 3;

	return (int64_t)expires_s * 1000 - (before < 32000 ? before : 32000);
}
