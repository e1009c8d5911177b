/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The text of IMAP as far as a client that stores and removes needs it: one
 * response taken off the received bytes, response codes, search results, and
 * strings written so that nothing in them can end them. RFC 3501, RFC 4315.
 */
#ifndef CPM_IMAP_H
#define CPM_IMAP_H

#include "../base/buf.h"

enum cpm_imap_kind {
	CPM_IMAP_TAGGED,
	CPM_IMAP_UNTAGGED,
	CPM_IMAP_CONTINUE, /* "+": go on with the literal */
};

enum cpm_imap_status {
	CPM_IMAP_DATA /* none: "* SEARCH 1" */,
	CPM_IMAP_OK,
	CPM_IMAP_NO,
	CPM_IMAP_BAD,
	CPM_IMAP_BYE,
	CPM_IMAP_PREAUTH
};

/* Slices borrow from the bytes that were read. */
struct cpm_imap_response {
	enum cpm_imap_kind kind;
	struct cpm_slice tag; /* of a tagged one */
	enum cpm_imap_status status;
	struct cpm_slice code; /* inside [], "APPENDUID 1 2"; empty without */
	struct cpm_slice text; /* for people; with CPM_IMAP_DATA all of it, "SEARCH 1 2" */
	size_t bytes;          /* of the response with its line end and literals */
};

/* Takes one response off the start of bytes.
 *   CPM_NEED_MORE  it does not end yet (and is below max)
 *   CPM_LIMIT      it is longer than max bytes
 *   CPM_SYNTAX     no response, NUL outside a literal */
enum cpm_rc cpm_imap_read(struct cpm_slice bytes, size_t max, struct cpm_imap_response *response);

/* Is the code's word this one, without case? */
bool cpm_imap_code_is(struct cpm_slice code, const char *word);
/* The number behind a code's word: UIDVALIDITY 38505. False when it is another code, or no number from 1 to 2^32 - 1. */
bool cpm_imap_code_number(struct cpm_slice code, const char *word, uint32_t *number);
/* APPENDUID <uidvalidity> <uid> of one message. */
bool cpm_imap_append_uid(struct cpm_slice code, uint32_t *uidvalidity, uint32_t *uid);
/* Is the word among those of a CAPABILITY response or code? */
bool cpm_imap_capable(struct cpm_slice words, const char *word);
/* "SEARCH 4 7 9": the highest number, 0 for none. False when the text is no search result. */
bool cpm_imap_search_last(struct cpm_slice text, uint32_t *uid);

/* Appends s as a quoted string. CPM_SYNTAX (and nothing appended) when it holds what a quoted string cannot: CR, LF, NUL, other
 * control characters, bytes above 127. */
enum cpm_rc cpm_imap_add_quoted(struct cpm_buf *out, struct cpm_slice s);

#endif
