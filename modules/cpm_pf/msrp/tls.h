/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * TLS on a non-blocking socket; the only user of OpenSSL. RFC 4975 section 14.
 */
#ifndef CPM_TLS_H
#define CPM_TLS_H

#include "endpoint.h"

struct tls_context; /* certificate and trust of an endpoint */
struct tls_session; /* of one connection */

/* NULL and *error (static) when a file cannot be read or does not fit. */
struct tls_context *tls_context_new(const struct endpoint_config *config, const char **error);
void tls_context_free(struct tls_context **context);

/* name: the peer's host name or address, which its certificate is checked for when the
 * configuration says so; empty for a connection that we accept. NULL without memory. */
struct tls_session *tls_open(
		struct tls_context *context, int fd, bool accepts, struct cpm_slice name);
/* Says good-bye, if it can without waiting; NULL is nothing. */
void tls_finish(struct tls_session *s);
/* The same, and frees. */
void tls_close(struct tls_session **session);

enum tls_rc { TLS_DONE, TLS_READ, TLS_WRITE, TLS_END, TLS_FAILED }; /* READ, WRITE: wait for that */
enum tls_rc tls_shake(struct tls_session *s);
enum tls_rc tls_read(struct tls_session *s, char *memory, size_t size, size_t *n);
enum tls_rc tls_write(struct tls_session *s, const char *octets, size_t size, size_t *n);
/* Octets are decrypted and wait to be read. */
bool tls_pending(const struct tls_session *s);

#endif
