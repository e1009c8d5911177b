/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * GETs of XDM documents, many at once in one process: over HTTP with libcurl,
 * used nowhere else, or from files. Connections are kept; answers are bounded
 * in time and size; only the configured root is ever asked, redirects are not
 * followed. When the root cannot be reached its breaker opens: all fail at once
 * for retry_ms, then one GET at a time is let through until one is answered.
 */
#ifndef CPM_XDM_FETCH_H
#define CPM_XDM_FETCH_H

#include <curl/curl.h>

#include "xdm.h"

enum fetch_outcome {
	FETCH_HERE,   /* body, and etag when there is one */
	FETCH_SAME,   /* 304: what the validator stands for is current */
	FETCH_ABSENT, /* 404 */
	FETCH_FAILED, /* failure says why */
};

struct fetch {
	/* Filled by the caller and valid until done, after zeroing. */
	const char *url;
	struct cpm_slice user;      /* for the identity header */
	struct cpm_slice validator; /* an ETag as it was sent; empty to get the document in any case */
	int64_t deadline_ms;
	bool ahead; /* before those that wait for their turn */
	void (*done)(struct fetch *f,
			int64_t now_ms); /* called by fetch_step alone; the fetch is the caller's again */
	void *owner;

	enum fetch_outcome outcome;
	enum xdm_failure failure;
	long status;               /* 0 without an answer */
	const char *detail;        /* of a failure, static; or NULL */
	struct cpm_buf body, etag; /* the caller frees both when done */

	struct fetch *next;
	int64_t started_ms;
	CURL *easy;
	struct curl_slist *headers;
};

/* In mod_init, before the fork. */
bool fetch_init(const struct xdm_config *config);
/* In the process that fetches; false without memory. */
bool fetch_open(void);
void fetch_close(void);

void fetch_begin(struct fetch *f);
/* Starts what has its turn, moves what can move, and ends what has ended. */
void fetch_step(int64_t now_ms);
/* Waits for I/O, for the descriptor fd to become readable, or until fetch_step has something to
 * do; timeout_ms at most. */
void fetch_wait(int fd, int64_t now_ms, int timeout_ms);

#endif
