/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * OpenSSL behind five calls.
 */
#include "tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct tls_context {
	SSL_CTX *server, *client;
	int verify;
};

struct tls_session {
	SSL *ssl;
	bool up, failed;
};

static bool certificate_load(SSL_CTX *ctx, const struct endpoint_config *config, const char **error)
{
	const char *key = config->tls_key ? config->tls_key : config->tls_certificate;

	if(!config->tls_certificate)
		return true;
	*error = "the TLS certificate cannot be read: name a PEM file with the chain";
	if(SSL_CTX_use_certificate_chain_file(ctx, config->tls_certificate) != 1)
		return false;
	*error = "the TLS key cannot be read, or is not that of the certificate: name its PEM file";
	return SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1
		   && SSL_CTX_check_private_key(ctx) == 1;
}

static SSL_CTX *side_new(const SSL_METHOD *method, const struct endpoint_config *config, int mode,
		const char **error)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	*error = "no memory for TLS";
	if(!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* A write may be repeated from another buffer, and buffers of idle connections are given back. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
								  | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, mode, NULL);
	if(!certificate_load(ctx, config, error))
		goto failed;
	*error = "the file of trusted TLS certificates cannot be read";
	if(mode != SSL_VERIFY_NONE
			&& (config->tls_ca ? SSL_CTX_load_verify_locations(ctx, config->tls_ca, NULL)
							   : SSL_CTX_set_default_verify_paths(ctx))
					   != 1)
		goto failed;
	return ctx;
failed:
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return NULL;
}

struct tls_context *tls_context_new(const struct endpoint_config *config, const char **error)
{
	struct tls_context *c = calloc(1, sizeof(*c));

	*error = "no memory for TLS";
	if(!c)
		return NULL;
	c->verify = config->tls_verify;
	c->server = side_new(TLS_server_method(), config,
			c->verify > 1 ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE,
			error);
	c->client = c->server ? side_new(TLS_client_method(), config,
						c->verify > 0 ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, error)
						  : NULL;
	if(!c->client)
		tls_context_free(&c);
	return c;
}

void tls_context_free(struct tls_context **context)
{
	if(!*context)
		return;
	SSL_CTX_free((*context)->server);
	SSL_CTX_free((*context)->client);
	free(*context);
	*context = NULL;
}

/* The certificate must be for this name or address. */
static bool name_expect(SSL *ssl, const char *name)
{
	unsigned char address[16];

	if(inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct tls_session *tls_open(
		struct tls_context *context, int fd, bool accepts, struct cpm_slice name)
{
	struct tls_session *s = calloc(1, sizeof(*s));
	char text[256];

	if(!s)
		return NULL;
	s->ssl = SSL_new(accepts ? context->server : context->client);
	if(!s->ssl || SSL_set_fd(s->ssl, fd) != 1)
		goto failed;
	if(accepts) {
		SSL_set_accept_state(s->ssl);
		return s;
	}
	SSL_set_connect_state(s->ssl);
	if(context->verify > 0) {
		if(!name.n || name.n >= sizeof(text))
			goto failed;
		memcpy(text, name.p, name.n);
		text[name.n] = '\0';
		if(!name_expect(s->ssl, text))
			goto failed;
	}
	return s;
failed:
	tls_close(&s);
	return NULL;
}

void tls_finish(struct tls_session *s)
{
	if(!s || !s->ssl || !s->up || s->failed)
		return;
	SSL_shutdown(s->ssl);
	s->up = false;
}

void tls_close(struct tls_session **session)
{
	struct tls_session *s = *session;

	if(!s)
		return;
	tls_finish(s);
	SSL_free(s->ssl);
	ERR_clear_error();
	free(s);
	*session = NULL;
}

static enum tls_rc result(struct tls_session *s, int rc)
{
	int error = SSL_get_error(s->ssl, rc);

	ERR_clear_error();
	switch(error) {
		case SSL_ERROR_WANT_READ:
			return TLS_READ;
		case SSL_ERROR_WANT_WRITE:
			return TLS_WRITE;
		case SSL_ERROR_ZERO_RETURN:
			return TLS_END;
		default:
			s->failed = true;
			return TLS_FAILED;
	}
}

enum tls_rc tls_shake(struct tls_session *s)
{
	int rc = SSL_do_handshake(s->ssl);

	s->up = rc == 1;
	return rc == 1 ? TLS_DONE : result(s, rc);
}

enum tls_rc tls_read(struct tls_session *s, char *memory, size_t size, size_t *n)
{
	int rc = SSL_read_ex(s->ssl, memory, size, n);

	return rc == 1 ? TLS_DONE : result(s, rc);
}

enum tls_rc tls_write(struct tls_session *s, const char *octets, size_t size, size_t *n)
{
	int rc = SSL_write_ex(s->ssl, octets, size, n);

	return rc == 1 ? TLS_DONE : result(s, rc);
}

bool tls_pending(const struct tls_session *s)
{
	return SSL_pending(s->ssl) > 0;
}
