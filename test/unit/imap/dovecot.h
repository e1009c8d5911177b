/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A private Dovecot for tests, ended with the test program whatever becomes of
 * it; the proxy with bad manners in front of it (test/stack/imapproxy.py); and
 * a client driven by hand.
 */
#ifndef TEST_DOVECOT_H
#define TEST_DOVECOT_H

#include <sys/types.h>

#include "imap/imap.h"

struct dovecot {
	pid_t pid, proxy;
	char dir[64];
	char url[64], tls_url[64], proxy_url[64];
	char ca_file[128], other_ca_file[128];
	int port, tls_port, proxy_port;
};

/* Starts it and waits until it answers. quota: "messages=3" or NULL. */
void dovecot_start(struct dovecot *d, const char *quota);
/* Ends the server, keeps its folder; starts it again there. */
void dovecot_stop(struct dovecot *d);
void dovecot_restart(struct dovecot *d);
void dovecot_free(struct dovecot *d);

/* How the proxy behaves from now on; "drop" closes what is open. */
void dovecot_manners(struct dovecot *d, const char *manners);

/* How many objects the folder of a user has, looked at with a connection of the test's own. */
int dovecot_count(struct dovecot *d, const char *user, const char *folder);
/* What a command answers, all lines up to the tagged one; valid until the next call. */
const char *dovecot_ask(
		struct dovecot *d, const char *user, const char *select, const char *command);

int64_t test_now_ms(void);

#endif
