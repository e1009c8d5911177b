/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Names of keys in the store.
 */
#include "key.h"

#define ID_HEX 24

unsigned cpm_key_shard(struct cpm_slice aor, unsigned shards)
{
	return shards ? (unsigned)(cpm_slice_hash(aor, 0) % shards) : 0;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool cpm_key_shard_of_id(struct cpm_slice id, unsigned shards, unsigned *shard)
{
	struct cpm_slice number = cpm_slice_from(id, ID_HEX + 1);
	uint64_t value;

	if(id.n < ID_HEX + 2 || id.p[ID_HEX] != '-')
		return false;
	for(size_t i = 0; i < ID_HEX; i++) {
		if(!is_hex(id.p[i]))
			return false;
	}
	/* one id, one spelling */
	if(number.n > 1 && number.p[0] == '0')
		return false;
	if(!cpm_slice_u64(number, &value) || value >= shards)
		return false;
	*shard = (unsigned)value;
	return true;
}

void cpm_key_add_id(struct cpm_buf *out, const unsigned char random[12], unsigned shard)
{
	static const char hex[] = "0123456789abcdef";

	for(size_t i = 0; i < ID_HEX / 2; i++) {
		cpm_buf_add_char(out, hex[random[i] >> 4]);
		cpm_buf_add_char(out, hex[random[i] & 15]);
	}
	cpm_buf_add_char(out, '-');
	cpm_buf_add_u64(out, shard);
}

void cpm_key_add(struct cpm_buf *out, struct cpm_slice prefix, unsigned shard, const char *kind,
		struct cpm_slice rest)
{
	cpm_buf_add(out, prefix);
	cpm_buf_add(out, CPM_SLICE(":{"));
	cpm_buf_add_u64(out, shard);
	cpm_buf_add(out, CPM_SLICE("}:"));
	cpm_buf_add_str(out, kind);
	if(rest.n) {
		cpm_buf_add_char(out, ':');
		cpm_buf_add(out, rest);
	}
}
