/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A client of the users' message stores: IMAP4rev1 with UIDPLUS. One belongs
 * to one process; calls return at once and are answered by a callback from
 * imap_run, in one thread. Connections are a user's, kept open and shared by
 * that user's calls. An object is found again by its Message-ID, so that an
 * append whose answer was lost is never repeated blindly. Knows nothing of
 * Kamailio. RFC 3501, RFC 4315; companion section 6.
 */
#ifndef CPM_IMAP_CLIENT_H
#define CPM_IMAP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/base/slice.h"

struct imap;

enum imap_log_level { IMAP_LOG_WARNING, IMAP_LOG_NOTICE, IMAP_LOG_DEBUG };

struct imap_config {
	const char *url; /* "imap://host:port", or "imaps://host:port" for TLS from the start */
	bool starttls;   /* imap:// only: TLS is a must before the login */
	const char *
			ca_file; /* of who may sign the server's certificate; NULL: the system's. It is always checked */
	const char *
			service; /* account that logs in, the user being the authorization identity (RFC 4616); NULL: users log in themselves */
	const char *password; /* of the service account, or of every user */
	int64_t timeout_ms; /* of one call from its submission to its end, and of connecting with login */
	int64_t idle_ms;    /* a connection that nobody used for so long is closed */
	int64_t retry_min_ms,
			retry_max_ms; /* while the server is away: how long calls are refused before the next attempt */
	size_t max_connections;      /* at once, so many calls are under way in parallel */
	size_t max_user_connections; /* of one user */
	size_t max_pending;          /* calls not yet answered; more are refused at once */
	size_t max_object_bytes;
	void (*log)(void *context, enum imap_log_level level,
			const char *text); /* one line, no secrets, no bodies */
	/* Told on each change. reason is a static word: "connected", or one of imap_result */
	void (*state)(void *context, bool available, const char *reason);
	void *context;
};

/* NULL and *error (static, what to write instead) on a bad configuration. Copies nothing: config must outlive it. Does not connect. */
struct imap *imap_new(const struct imap_config *config, const char **error);
/* Ends all connections; callbacks of calls under way do not come. */
void imap_free(struct imap **imap);

/* One turn of the loop without waiting: connects, sends, receives what the last imap_wait found, runs callbacks, times out. Returns
 * the time at which it wants to run again even without I/O. Callbacks may submit more. */
int64_t imap_run(struct imap *im, int64_t now_ms);
/* Waits until imap_run has something to do, fd (-1: none; always the same one) is readable, or timeout_ms have passed; 0 only looks.
 * Before each imap_run: nothing is received otherwise. */
void imap_wait(struct imap *im, int fd, int timeout_ms);

/* imap_wait also ends when fd can be read or written; to be called before each wait, since a closed fd is forgotten. */
void imap_watch(struct imap *im, int fd, bool read, bool write);

bool imap_available(const struct imap *im);

struct imap_gauges {
	size_t pending;     /* calls not yet answered */
	size_t connections; /* open, or being opened */
	uint64_t connects;  /* attempts since the start */
};
void imap_gauges(const struct imap *im, struct imap_gauges *out);

enum imap_rc {
	IMAP_OK,
	IMAP_ABSENT,  /* find, remove: there is no such object (any more) */
	IMAP_REFUSED, /* the server said no, and will say so again: over quota, no permission, ... */
	IMAP_DOWN,    /* it cannot be asked now; the call had no effect */
	IMAP_UNSURE,  /* append: the answer was lost; repeat it with again */
};
const char *imap_rc_name(enum imap_rc rc);

struct imap_result {
	enum imap_rc rc;
	/* Static: "ok", "absent", "quota", "refused", "too-large", "name", "no-uidplus", "unreachable", "certificate", "tls", "login",
	 * "timeout", "lost", "protocol", "busy", "away" (refused by the breaker) */
	const char *reason;
	struct cpm_slice
			detail; /* what the server or the library said, for the log; valid during the call */
	uint32_t uid, uidvalidity; /* of the object, with IMAP_OK */
	bool found;                /* append: an earlier attempt had stored it */
};
typedef void (*imap_cb)(void *context, const struct imap_result *result);

/* All calls: false when refused at once (away, max_pending, no memory); then the callback does not come. They copy what they need.
 * user is the login name; folder a whole name in modified UTF-7; key the object's Message-ID with its <>. */
struct imap_append {
	struct cpm_slice user, folder, key;
	struct cpm_slice object; /* headers and body, lines ended by CRLF; no NUL */
	bool again;              /* an earlier attempt may have stored it: look for it first */
};
/* Stores an object without flags. A folder that is not there is created and subscribed to. */
bool imap_append(struct imap *im, const struct imap_append *append, int64_t now_ms, imap_cb cb,
		void *context);

struct imap_find {
	struct cpm_slice user, folder, key;
};
bool imap_find(
		struct imap *im, const struct imap_find *find, int64_t now_ms, imap_cb cb, void *context);

struct imap_remove {
	struct cpm_slice user, folder;
	uint32_t uid, uidvalidity; /* uid 0: not known, looked for by key */
	struct cpm_slice key;
};
/* Idempotent: IMAP_ABSENT when it is gone, or the folder is, or is another one by now. */
bool imap_remove(struct imap *im, const struct imap_remove *remove, int64_t now_ms, imap_cb cb,
		void *context);

#endif
