/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * An HTTP server with bad manners, in a thread of the test.
 */
#ifndef TEST_ROGUE_H
#define TEST_ROGUE_H

#include <stdatomic.h>
#include <stddef.h>

enum rogue_manner {
	ROGUE_ABSENT,   /* 404 */
	ROGUE_ERROR,    /* 500 */
	ROGUE_FORBID,   /* 403 */
	ROGUE_REDIRECT, /* 302 to /elsewhere */
	ROGUE_SILENT,   /* reads and says nothing until the peer goes away */
	ROGUE_GARBAGE,  /* not HTTP */
	ROGUE_SHORT,    /* closes in the middle of the body */
	ROGUE_HUGE,     /* 10 MB, with their length */
	ROGUE_ENDLESS,  /* 10 MB in chunks */
	ROGUE_DTD,      /* 200 with a document type and an entity */
	ROGUE_ROT,      /* 200 with half a document */
	ROGUE_PLAIN,    /* 200 with a block list for mallory, never an ETag */
	ROGUE_ETAG,     /* the same with a constant ETag and honest 304 */
	ROGUE_LISTS,    /* as ROGUE_ETAG for resource-lists, 404 for the rest */
	ROGUE_ODD_304,  /* 304 to a GET without condition */
	ROGUE_LOGIN,    /* 401 without the right Basic credentials (bob, secret), else 404 */
};

/* One at a time. Port of loopback that it listens on. */
int rogue_start(void);
void rogue_stop(void);

extern _Atomic int rogue_manner;
/* Requests that came, and how many were open at once at most. */
extern atomic_uint rogue_requests, rogue_peak;
/* The last request's head. */
const char *rogue_head(void);

#endif
