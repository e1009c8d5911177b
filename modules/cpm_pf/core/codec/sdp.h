/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Session descriptions as far as MSRP needs them: the first MSRP media of an
 * offer or answer is read, offers and answers are written, other media are
 * refused. RFC 4566, RFC 3264, RFC 4975 section 8, RFC 5547, RFC 6135, RFC 6714.
 */
#ifndef CPM_SDP_H
#define CPM_SDP_H

#include "../base/buf.h"

#define CPM_SDP_MEDIA_MAX 16
#define CPM_SDP_LINES_MAX 512
#define CPM_SDP_CARRIED_MAX 16

enum cpm_sdp_setup {
	CPM_SDP_SETUP_NONE,
	CPM_SDP_ACTIVE,
	CPM_SDP_PASSIVE,
	CPM_SDP_ACTPASS,
	CPM_SDP_HOLDCONN,
};

enum cpm_sdp_direction { CPM_SDP_SENDRECV, CPM_SDP_SENDONLY, CPM_SDP_RECVONLY, CPM_SDP_INACTIVE };

/* Slices borrow from the text; empty means absent. */
struct cpm_sdp {
	struct cpm_slice address; /* of c=, the media's or else the session's */
	bool ipv6;
	unsigned port;         /* 0: refused or switched off */
	bool tls;              /* TCP/TLS/MSRP */
	struct cpm_slice path; /* MSRP URIs, separated by blanks */
	struct cpm_slice accept_types;
	struct cpm_slice accept_wrapped_types;
	uint64_t max_size;  /* octets of one message, 0: not said */
	uint64_t file_size; /* size of the file-selector */
	bool file_size_known;
	enum cpm_sdp_setup setup;
	enum cpm_sdp_direction direction;
	bool cema;
	/* a= lines of the MSRP media, without "a=", that are about the messages and not about their way: file-... (RFC 5547), chatroom
	 * (RFC 7701). More than fit are left out. */
	struct cpm_slice carried[CPM_SDP_CARRIED_MAX];
	size_t carried_count;
	struct cpm_slice media[CPM_SDP_MEDIA_MAX]; /* every m= value, for the answer */
	size_t media_count;
	size_t msrp; /* which of them is read here */
};

/* Reads the first MSRP media line. Lines end with CRLF or LF.
 *   CPM_SYNTAX       no SDP, or a value of the MSRP media that is broken
 *   CPM_UNSUPPORTED  there is no MSRP media; media[] is filled all the same
 *   CPM_LIMIT        too many lines or media */
enum cpm_rc cpm_sdp_parse(struct cpm_slice text, struct cpm_sdp *sdp, struct cpm_diag *diag);

/* A list like accept-types names this media type ("message/cpim"), or "*", or its main type with
 * "/" and "*". Without case. */
bool cpm_sdp_accepts(struct cpm_slice types, struct cpm_slice type);

/* What we say of ourselves; attributes with an empty or zero value are left out. */
struct cpm_sdp_own {
	struct cpm_slice address; /* IPv4 or IPv6 (without brackets), of the path's host */
	unsigned port;
	bool tls;
	uint64_t session; /* id in o= */
	uint64_t version; /* version in o=, grows with each new description of a session */
	struct cpm_slice path;
	struct cpm_slice accept_types;
	struct cpm_slice accept_wrapped_types;
	uint64_t max_size;
	uint64_t file_size;
	bool file_size_known;
	enum cpm_sdp_setup setup;
	enum cpm_sdp_direction direction;
	bool cema;
	const struct cpm_slice *carried; /* further a= lines, without "a=" */
	size_t carried_count;
};

/* Appends an offer with one MSRP media. */
void cpm_sdp_add_offer(struct cpm_buf *b, const struct cpm_sdp_own *own);
/* Appends the answer to an offer: its MSRP media accepted, every other one refused by port 0. */
void cpm_sdp_add_answer(
		struct cpm_buf *b, const struct cpm_sdp *offer, const struct cpm_sdp_own *own);
/* Appends an answer that refuses every media (port 0); address, session and version of own count. */
void cpm_sdp_add_refusal(
		struct cpm_buf *b, const struct cpm_sdp *offer, const struct cpm_sdp_own *own);

/* The setup to answer with (RFC 6135 section 4.2): passive to actpass and active, active to
 * passive. Without a=setup the offerer connects (RFC 4975), so NONE. */
enum cpm_sdp_setup cpm_sdp_setup_answer(enum cpm_sdp_setup offered);

#endif
