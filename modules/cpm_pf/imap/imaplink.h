/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One connection to the message store, logged in as one user. libcurl resolves
 * the name, connects, negotiates TLS, checks the certificate and logs in
 * (CURLOPT_CONNECT_ONLY); from then on the lines are ours, since libcurl's own
 * APPEND marks what it stores as read. Without TLS the socket is read and
 * written directly: libcurl looks for a handle's connection among all others
 * at each call.
 */
#ifndef CPM_IMAPLINK_H
#define CPM_IMAPLINK_H

#include <curl/curl.h>

#include "../core/base/buf.h"
#include "../core/codec/imap.h"
#include "imap.h"

enum imaplink_state { IMAPLINK_FREE, IMAPLINK_CONNECTING, IMAPLINK_READY };

struct imaplink {
	const struct imap_config *config;
	CURLM *multi;
	CURL *easy;
	enum imaplink_state state;
	bool asked, capable_uidplus, capable_literal_plus; /* asked: the capabilities are known */
	char *user;                                        /* NUL-terminated login name */
	size_t user_n;
	uint64_t user_hash;
	int fd;     /* once ready */
	bool plain; /* no TLS on it */
	bool told;  /* its watcher waits until it can be written to (EPOLLOUT) */
	struct cpm_buf out, in;
	size_t sent, taken; /* of out, of in */
	unsigned tag;
	int64_t since_ms; /* when it was opened, or used last */
	char trouble[CURL_ERROR_SIZE];
};

/* Starts connecting as a user. False without memory. */
bool imaplink_open(struct imaplink *l, CURLM *multi, const struct imap_config *config,
		struct cpm_slice user, int64_t now_ms);
void imaplink_close(struct imaplink *l);

/* libcurl is done with connecting: NULL when the link is ready now, else the static word for why not. */
const char *imaplink_connected(struct imaplink *l, CURLcode code);

/* Begins a command: appends its tag to out. */
void imaplink_begin(struct imaplink *l);
/* Writes what can be written. False when the connection is gone. */
bool imaplink_flush(struct imaplink *l);
/* Writes, and reads what is there: then responses must be taken, since nothing else tells of them. False as above. */
bool imaplink_move(struct imaplink *l);
/* Takes the next whole response, which borrows from the link until the next imaplink_move. CPM_NEED_MORE when there is none. */
enum cpm_rc imaplink_take(struct imaplink *l, struct cpm_imap_response *response);
/* Is this the answer to the last command? */
bool imaplink_is_answer(const struct imaplink *l, const struct cpm_imap_response *response);

/* Is there something left to write, once the connection takes more? */
bool imaplink_writes(const struct imaplink *l);

#endif
