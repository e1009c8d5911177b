/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The SDP of a session that carries no media: an answer that refuses every
 * stream of an offer, or an offer of none. RFC 3264 sections 5 and 6.
 */
#ifndef CPM_SESSION_REFUSAL_H
#define CPM_SESSION_REFUSAL_H

#include "../base/buf.h"

/* More streams than this are no offer that we answer. */
#define CPM_SDP_STREAMS_MAX 32

/* Appends it. offer: the SDP received; empty for an INVITE without one. address: our IPv4 or IPv6 address, without brackets;
 * session: of the o= line.
 *   CPM_SYNTAX  not SDP: no v=0 at its start, an m= line without its four parts, a line without "<letter>="
 *   CPM_LIMIT   more than CPM_SDP_STREAMS_MAX streams */
enum cpm_rc cpm_sdp_refuse(struct cpm_slice offer, struct cpm_slice address, uint64_t session,
		struct cpm_buf *out, struct cpm_diag *diag);

#endif
