/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Where the request under work goes when tm relays it: its destination set and
 * the header fields that all branches carry.
 */
#ifndef CPM_BRANCH_H
#define CPM_BRANCH_H

#include "../../core/parser/msg_parser.h"
#include "contacts.h"

/* A branch to this client, with this Request-URI, by its Path, else to where its REGISTER came from. The first becomes the request
 * itself. False when there is no room. */
bool branch_add(
		struct sip_msg *msg, struct cpm_slice uri, const struct contact *contact, bool first);

/* In a failure route: a branch for each Contact of the 302 answers that the request got, at most BRANCH_REDIRECTS_MAX, none twice and
 * none that was tried already; to next_hop, or where that is empty by its URI. How many. */
#define BRANCH_REDIRECTS_MAX 8
size_t branch_add_redirects(struct sip_msg *msg, struct cpm_slice next_hop);

/* Appends complete header lines with CRLF to what is sent. */
bool branch_append_headers(struct sip_msg *msg, struct cpm_slice lines);
/* Takes every header field of a type out of what is sent. */
void branch_remove_headers(struct sip_msg *msg, hdr_types_t type);

#endif
