/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The inside of a client: calls in line, connections and their work, and the
 * breaker in front of a server that is away.
 */
#ifndef CPM_IMAPLINE_H
#define CPM_IMAPLINE_H

#include "imapcall.h"
#include "imaplink.h"

#define IMAP_CONNECTIONS_MAX 1024
/* Events taken at once; others follow with the next turn. */
#define IMAP_EVENTS_MAX 64

struct imap {
	const struct imap_config *config;
	CURLM *multi;
	int watcher; /* epoll: the ready connections by number, and the user's descriptor */
	int watched; /* that descriptor, -1 for none yet */
	size_t stirring[IMAP_EVENTS_MAX]; /* connections whose descriptors had something to tell */
	size_t stirring_n;
	size_t connections, connecting; /* open or being opened; being opened */
	int64_t due_ms;         /* before that neither a call nor a connection ends for its time */
	struct imaplink *links; /* max_connections */
	struct imapcall **work; /* the call of each link */
	struct imapcall *first, **last; /* in line */
	size_t pending;
	uint64_t connects;
	bool available;
	unsigned strikes;
	uint64_t refused; /* hash of the user whose login was refused last: once more is no strike */
	int64_t backoff_ms, closed_until_ms;
};

/* At the end, or at the front when it had its turn already. */
void imapline_add(struct imap *im, struct imapcall *call, bool front);
/* A call or a connection ends at that time if nothing happens. */
void imapline_due(struct imap *im, int64_t at_ms);
/* Takes the call behind *at out of the line. */
struct imapcall *imapline_take(struct imap *im, struct imapcall **at);
/* Runs the callback of a call that has ended (or ends it first), and frees it. */
void imapline_end(struct imap *im, struct imapcall *call);
void imapline_fail(struct imap *im, struct imapcall *call, enum imap_rc rc, const char *reason,
		struct cpm_slice detail);
/* Ends all in line as down, or those of one user (not NULL). */
void imapline_fail_all(
		struct imap *im, const char *user, const char *reason, struct cpm_slice detail);

/* The breaker. away: calls are refused for a while, twice as long as last time. strike: the third in a row has the same effect. there:
 * the server has answered. */
void imapline_away(struct imap *im, const char *reason, struct cpm_slice detail, int64_t now_ms);
void imapline_strike(struct imap *im, const char *reason, struct cpm_slice detail, int64_t now_ms);
void imapline_there(struct imap *im);

#endif
