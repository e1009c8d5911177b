/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * SIP and tel URIs as far as policy and the queue need them: taken apart,
 * brought into one canonical form for comparison, and written as an XUI.
 * RFC 3261 section 19.1, RFC 3966, RFC 4825 section 6.
 */
#ifndef CPM_URI_H
#define CPM_URI_H

#include "../base/buf.h"

enum cpm_uri_scheme { CPM_URI_SIP, CPM_URI_SIPS, CPM_URI_TEL };

/* Borrows from the parsed text. */
struct cpm_uri {
	enum cpm_uri_scheme scheme;
	struct cpm_slice user; /* as written, escapes kept; for tel the number with its separators */
	struct cpm_slice password; /* without the colon */
	struct cpm_slice host;     /* IPv6 references with their brackets; empty for tel */
	struct cpm_slice port;
	struct cpm_slice params;  /* after the first ';', without it */
	struct cpm_slice headers; /* after '?', without it */
};

/* Takes a bare URI apart (no <>, no display name). CPM_UNSUPPORTED for other schemes. */
enum cpm_rc cpm_uri_parse(struct cpm_slice text, struct cpm_uri *uri, struct cpm_diag *diag);

/* The URI inside a name-addr or addr-spec header value ("Bob" <sip:b@x>;tag=1 gives sip:b@x); false when there is none. */
bool cpm_uri_of_address(struct cpm_slice value, struct cpm_slice *uri);

/* Value of a URI or header parameter by its name (without case) in "a=1;b;c=2"; a parameter without value
 * gives an empty slice. Quotes around a value are kept. False when it is not there. */
bool cpm_uri_param(struct cpm_slice params, struct cpm_slice name, struct cpm_slice *value);

/* The canonical form: two URIs name the same identity exactly when their keys are equal byte for byte.
 *   sip:user@host   user unescaped where RFC 3261 lets it, host in lower case; sips becomes sip;
 *                   port, password, headers and parameters dropped
 *   tel:+15550107   visual separators dropped; sip:+1-555-0107@dom;user=phone gives the same key
 *   tel:7042;phone-context=example.com   for local numbers
 * key borrows from memory (the caller's, CPM_URI_KEY_MAX is enough); domain is the lower-case host where the URI had one
 * (also for sip:+...;user=phone), else empty, and borrows from memory too. CPM_LIMIT when it does not fit. */
#define CPM_URI_KEY_MAX 512
struct cpm_uri_key {
	struct cpm_slice key;
	struct cpm_slice domain;
};
enum cpm_rc cpm_uri_canon(
		struct cpm_slice text, char *memory, size_t size, struct cpm_uri_key *key);

/* Appends s with everything percent-encoded that an XCAP path segment cannot hold (RFC 4825 section 6; at least "/?#%" and blanks). */
void cpm_uri_add_xcap_segment(struct cpm_buf *b, struct cpm_slice s);

/* Appends s with %XX decoded; a broken escape is kept as it stands. */
void cpm_uri_add_unescaped(struct cpm_buf *b, struct cpm_slice s);

#endif
