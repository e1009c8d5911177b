/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Users' XDM documents at hand: a cache in shared memory that any process reads, and one process that fetches (XCAP over HTTP, or
 * files), compiles and publishes. One fetch serves all who wait for a user. The norm's 8.4.1; design section 6; companion section 1.2.
 *
 * Freshness: younger than max_age_ms a copy is used as it is; up to stale_ms more it is used while one refresh runs; older, or absent,
 * the caller waits for the refresh. When the XDMS cannot be had the last copy serves on, whatever its age.
 * A lookup made while resume runs is about the fetch that just ended: it gives FRESH when that went well, whatever the ages are (so
 * both may be 0: then every lookup else is a MISS that asks the XDMS), else LAST or FAILED, and never MISS.
 *
 * Time is wall-clock milliseconds, CLOCK_REALTIME as the documents process reads it. A copy from the future counts as too old.
 */
#ifndef CPM_XDM_H
#define CPM_XDM_H

#include "../core/base/buf.h"
#include "../core/base/limits.h"
#include "../core/policy/decide.h"

struct xdm_config {
	const char *root; /* http://, https:// or file:// URL, without trailing slash */
	const char *lists_auid, *policy_auid, *profile_auid;
	const char *lists_document, *policy_document, *profile_document;
	const char *
			identity_header; /* e.g. X-XCAP-Asserted-Identity: carries the served user's URI, in quotes when it begins with X-3GPP-; "" for none */
	int64_t max_age_ms;
	int64_t stale_ms;
	int64_t timeout_ms; /* of one GET, and of all that one load needs */
	int64_t retry_ms;   /* after a failed fetch: how long not to ask again for the same user */
	size_t cache_bytes; /* least recently used users leave above it; also the most that one user's documents may take */
	size_t max_parallel;         /* GETs at once */
	size_t max_waiters;          /* parked callers in all */
	const char *user, *password; /* HTTP authentication, or NULL */
	const char *ca_file;         /* or NULL for the system's */
	size_t log_hide_digits;      /* of telephone numbers in log lines */
	const struct cpm_limits *limits;
};

/* A caller that waits: opaque to xdm, handed back to resume in the documents process. */
struct xdm_waiter {
	unsigned long long a, b, c;
	unsigned char kind;
};
typedef void (*xdm_resume)(const struct xdm_waiter *waiter, struct cpm_slice aor);

/* In mod_init: makes the shared memory and initializes libcurl and libxml2. aor is always the canonical key of the served user
 * (sip:bob@example.net). false and *error (static, says what to write instead) when it cannot. config must stay valid. */
bool xdm_init(const struct xdm_config *config, xdm_resume resume, const char **error);
void xdm_destroy(void);

enum xdm_state {
	XDM_FRESH,  /* at hand and young enough, or being refreshed in the background */
	XDM_LAST,   /* at hand, older than wished: the XDMS cannot be had */
	XDM_FAILED, /* none at hand and the XDMS cannot be had (asked within retry_ms) */
	XDM_MISS,   /* must be waited for */
};
const char *xdm_state_name(enum xdm_state s);

/* A reference to a user's compiled documents: read-only, valid until xdm_release, whatever is published meanwhile. */
struct xdm_entry;
const struct cpm_documents *xdm_documents(const struct xdm_entry *e);

/* Any process, never blocks, no system call when fresh (but one may be made to start a refresh, once for each time that a copy gets
 * old). *entry is set with FRESH and LAST, else NULL. */
enum xdm_state xdm_lookup(struct cpm_slice aor, int64_t now_ms, struct xdm_entry **entry);
/* The copy at hand whatever its age, for a decision that belongs to one begun before: XDM_LAST, or XDM_FAILED without one. */
enum xdm_state xdm_last(struct cpm_slice aor, int64_t now_ms, struct xdm_entry **entry);
void xdm_release(struct xdm_entry **entry);

/* Any process: wait until a fetch begun for this user has ended, one way or the other; resume is then called once in the documents
 * process, where xdm_lookup answers at once. refresh: start a new conditional fetch even when the copy is fresh (unless one is
 * running). False when too many wait or memory is short: nothing will be called. */
bool xdm_wait(struct cpm_slice aor, const struct xdm_waiter *waiter, bool refresh);

/* Any process: forget the age of the user's copy (or of all, with an empty aor), so that the next lookup fetches. The copy itself
 * stays as the last resort. */
void xdm_invalidate(struct cpm_slice aor);

/* For operators: one line per document, "url=<URL> status=<200 or 404> etag=<ETag or -> bytes=<n> age_ms=<n>", the age being the
 * time since the XDMS last confirmed it. False when nothing is cached. */
bool xdm_describe(struct cpm_slice aor, int64_t now_ms, struct cpm_buf *out);

/* Why a user's documents could not be had. */
enum xdm_failure {
	XDM_FAILURE_NONE,
	XDM_TIMEOUT,     /* no answer in time, or no turn within it */
	XDM_UNREACHABLE, /* no address, no connection, no TLS */
	XDM_BROKEN, /* the connection closed early, or what came is not HTTP; a file that cannot be read */
	XDM_STATUS, /* a status other than 200, 304 and 404 */
	XDM_TOO_LARGE, /* past max_document_bytes, max_document_memory, cache_bytes or a limit of the documents */
	XDM_UNPARSABLE, /* not what the document should be */
	XDM_NO_MEMORY,
	XDM_NOT_ASKED, /* the XDMS timed out or was unreachable less than retry_ms ago */
	XDM_FAILURES
};
const char *xdm_failure_name(enum xdm_failure f);

/* hits includes stale_hits (served older than max_age_ms). fetches, not_modified (304) and not_found (404) count GETs, failures and
 * failed[] (by kind) users' loads. rejected: waits that were refused. users, bytes and waiters are gauges. */
struct xdm_stats {
	unsigned long users, bytes, hits, misses, stale_hits, fetches, not_modified, not_found,
			failures, rejected, evicted, waiters;
	unsigned long failed[XDM_FAILURES];
};
void xdm_stats(struct xdm_stats *out);

/* The documents process: returns only when it cannot start (logged). tick is called at least once a second (the host's
 * housekeeping). */
void xdm_run(void (*tick)(void));

#endif
