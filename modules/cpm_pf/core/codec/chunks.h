/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Which octets of a message have come: chunks in any order, repeated,
 * overlapping, with a total that may become known late. Keeps ranges, never
 * octets. RFC 4975 section 7.3.1; the norm's 8.3.1.6.1 step 2.
 */
#ifndef CPM_CHUNKS_H
#define CPM_CHUNKS_H

#include "../base/rc.h"
#include "msrp.h"

/* Ranges with holes between them. */
#define CPM_CHUNKS_RANGES_MAX 32

/* Offsets count from 0. */
struct cpm_chunks {
	struct {
		uint64_t from, to;           /* to: behind the last octet */
	} ranges[CPM_CHUNKS_RANGES_MAX]; /* in order, never touching */
	size_t count;
	uint64_t max;   /* octets of a message */
	uint64_t total; /* when known */
	bool total_known;
	bool ended; /* the chunk with the last octet has ended with '$' */
};

void cpm_chunks_init(struct cpm_chunks *c, uint64_t max);

/* A chunk begins with this Byte-Range; *at is where its first octet belongs.
 *   CPM_LIMIT   it announces more octets than max
 *   CPM_SYNTAX  it contradicts what other chunks said of the total */
enum cpm_rc cpm_chunks_begin(
		struct cpm_chunks *c, const struct cpm_msrp_range *range, uint64_t *at);

/* n octets have come at an offset.
 *   CPM_LIMIT   more than max, or too many holes
 *   CPM_SYNTAX  past the total */
enum cpm_rc cpm_chunks_add(struct cpm_chunks *c, uint64_t at, uint64_t n);

/* A chunk has ended with '$' in front of this offset: the message's end. CPM_SYNTAX when that
 * contradicts the total, or octets behind it have come. */
enum cpm_rc cpm_chunks_end(struct cpm_chunks *c, uint64_t at);

/* All octets up to the known end have come. */
bool cpm_chunks_complete(const struct cpm_chunks *c);

/* Octets that have come, repeated ones counted once. */
uint64_t cpm_chunks_octets(const struct cpm_chunks *c);

#endif
