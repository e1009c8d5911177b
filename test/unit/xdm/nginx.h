/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A private nginx with its DAV module as XDMS, on a folder that tests write to
 * by PUT; ended with the test program whatever becomes of it.
 */
#ifndef TEST_NGINX_H
#define TEST_NGINX_H

#include <stdbool.h>
#include <stddef.h>

struct nginx {
	int pid;
	int port;
	bool tls;
	char dir[64];
	char root[64]; /* URL */
	char ca[96];   /* file that its certificate can be verified with; with TLS */
};

void nginx_start(struct nginx *n);
/* The same over TLS, with a certificate of its own for "localhost". */
void nginx_start_tls(struct nginx *n);
/* Ends it; the port refuses then. */
void nginx_stop(struct nginx *n);
/* Starts it again on its port, with its documents. */
void nginx_continue(struct nginx *n);
void nginx_free(struct nginx *n);
/* path begins with a slash, as it is in the URL. */
void nginx_put(const struct nginx *n, const char *path, const char *body);
void nginx_delete(const struct nginx *n, const char *path);
/* Lines of its access log that begin with text, such as "GET /a 200"; an answer is there a
 * little later than it came. */
size_t nginx_logged(const struct nginx *n, const char *text);
/* A free TCP port of loopback. */
int nginx_free_port(void);

#endif
