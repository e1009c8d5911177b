/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Peers and owner for the tests of the endpoint.
 */
#include "driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>

#define PATIENCE 4000 /* turns of half a millisecond */

static void on_log(void *context, enum endpoint_log level, const char *text)
{
	struct world *w = context;

	(void)level;
	snprintf(w->said, sizeof(w->said), "%s", text);
}

void world_start(struct world *w, void (*tweak)(struct endpoint_config *config))
{
	const char *error = NULL;

	memset(w, 0, sizeof(*w));
	w->config = (struct endpoint_config)ENDPOINT_CONFIG_DEFAULT;
	w->config.listen[0] = "127.0.0.1:0";
	w->config.listen[1] = "[::1]:0";
	w->config.listen[2] = "tls:127.0.0.1:0";
	w->config.listen_count = 3;
	w->config.tls_certificate = CERTIFICATE;
	w->config.log = on_log;
	w->config.context = w;
	if(tweak)
		tweak(&w->config);
	w->now_ms = 1000;
	w->endpoint = endpoint_new(&w->config, &error);
	ck_assert_msg(w->endpoint != NULL, "%s", error);
	endpoint_run(w->endpoint, w->now_ms);
}

void world_stop(struct world *w)
{
	endpoint_free(&w->endpoint);
	ck_assert_ptr_null(w->endpoint);
}

void world_turn(struct world *w)
{
	for(int i = 0; i < 3; i++)
		endpoint_run(w->endpoint, w->now_ms);
	for(int i = 0; i < 100 && endpoint_busy(w->endpoint); i++)
		endpoint_run(w->endpoint, w->now_ms);
}

void world_pass(struct world *w, int64_t ms)
{
	w->now_ms += ms;
	world_turn(w);
}

static void on_bound(void *owner, struct leg *leg)
{
	struct owner *o = owner;

	o->bounds++;
	if(o->pause_when_bound)
		leg_pause(leg);
}

static unsigned on_begin(
		void *owner, struct leg *leg, const struct cpm_msrp_head *head, void **mark)
{
	struct owner *o = owner;

	(void)leg;
	ck_assert_ptr_null(head->fault);
	o->begins++;
	o->taking = *mark = o->body + o->begins;
	if(o->close_on_begin)
		leg_close(&o->leg);
	return o->refuse;
}

static bool on_octets(void *owner, struct leg *leg, void *mark, uint64_t at, struct cpm_slice piece)
{
	struct owner *o = owner;

	(void)leg;
	o->taking = mark;
	ck_assert_uint_le(at + piece.n, o->size);
	memcpy(o->body + at, piece.p, piece.n);
	if(at + piece.n > o->reached)
		o->reached = at + piece.n;
	return !o->full;
}

static void on_complete(void *owner, struct leg *leg, void *mark, uint64_t total)
{
	struct owner *o = owner;

	o->completes++;
	o->total = total;
	o->last = mark;
	if(o->verdict)
		leg_verdict(leg, mark, o->verdict);
}

static void on_aborted(void *owner, struct leg *leg, void *mark)
{
	struct owner *o = owner;

	(void)leg;
	o->last = mark;
	o->aborts++;
}

static void on_want(void *owner, struct leg *leg, void *mark, uint64_t at, size_t n)
{
	struct owner *o = owner;

	o->wanted_at = at;
	o->wanted = n;
	if(!o->late)
		leg_give(leg, mark, cpm_slice_head(cpm_slice_from(o->out, at), n), at + n >= o->out.n);
}

static void on_sent(void *owner, struct leg *leg, void *mark, unsigned status)
{
	struct owner *o = owner;

	(void)leg;
	o->sents++;
	o->sent_status = status;
	o->sent_mark = mark;
}

static void on_lost(void *owner, struct leg *leg, enum leg_loss why)
{
	struct owner *o = owner;

	ck_assert_ptr_eq(o->leg, leg);
	o->losses++;
	o->why = why;
	o->leg = NULL;
}

static const struct leg_hooks hooks = {
		on_bound, on_begin, on_octets, on_complete, on_aborted, on_want, on_sent, on_lost};

const struct leg_hooks *owner_hooks(void)
{
	return &hooks;
}

static struct leg *owner_make(struct world *w, struct owner *o, const struct leg_config *config)
{
	memset(o, 0, sizeof(*o));
	o->size = (size_t)config->max_bytes;
	o->body = malloc(o->size + 1);
	o->leg = leg_open(w->endpoint, config);
	return o->leg;
}

struct leg *owner_open(struct world *w, struct owner *o, size_t max, bool tls, bool ipv6)
{
	struct leg_config config = {.tls = tls,
			.ipv6 = ipv6,
			.max_bytes = max,
			.accept_types = CPM_SLICE("message/cpim"),
			.hooks = &hooks,
			.owner = o};

	return owner_make(w, o, &config);
}

struct leg *owner_converse(struct world *w, struct owner *o, size_t max)
{
	struct leg_config config = {.max_bytes = max,
			.accept_types = CPM_SLICE("message/cpim text/plain"),
			.converses = true,
			.hooks = &hooks,
			.owner = o};

	return owner_make(w, o, &config);
}

void owner_free(struct owner *o)
{
	leg_close(&o->leg);
	free(o->body);
	o->body = NULL;
}

static void peer_init(struct peer *p, int fd)
{
	*p = (struct peer){.fd = fd, .heard = malloc(HEARD_MAX), .size = HEARD_MAX};
}

static void peer_tls(struct world *w, struct peer *p, bool accepts)
{
	SSL_CTX *ctx = SSL_CTX_new(accepts ? TLS_server_method() : TLS_client_method());

	if(accepts) {
		ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(ctx, CERTIFICATE), 1);
		ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(ctx, CERTIFICATE, SSL_FILETYPE_PEM), 1);
	}
	p->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(p->ssl, p->fd);
	if(accepts)
		SSL_set_accept_state(p->ssl);
	else
		SSL_set_connect_state(p->ssl);
	for(int i = 0; SSL_do_handshake(p->ssl) != 1; i++) {
		if(i == PATIENCE) {
			p->closed = true;
			return;
		}
		world_turn(w);
	}
}

void peer_connect(struct world *w, struct peer *p, bool tls, bool ipv6)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	struct endpoint_place place;
	int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), rc;

	ck_assert(endpoint_place(w->endpoint, tls, ipv6, &place));
	inet_pton(AF_INET, place.address, &in4.sin_addr);
	inet_pton(AF_INET6, place.address, &in6.sin6_addr);
	in4.sin_port = in6.sin6_port = htons((uint16_t)place.port);
	rc = ipv6 ? connect(fd, (struct sockaddr *)&in6, sizeof(in6))
			  : connect(fd, (struct sockaddr *)&in4, sizeof(in4));
	ck_assert(rc == 0 || errno == EINPROGRESS);
	peer_init(p, fd);
	world_turn(w);
	if(tls)
		peer_tls(w, p, false);
}

int peer_listen(unsigned *port)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(in4);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in4, n), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	getsockname(fd, (struct sockaddr *)&in4, &n);
	*port = ntohs(in4.sin_port);
	return fd;
}

void peer_accept(struct world *w, struct peer *p, int listener, bool tls)
{
	int fd = -1;

	for(int i = 0; fd < 0; i++) {
		ck_assert_int_lt(i, PATIENCE);
		world_turn(w);
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	}
	close(listener);
	peer_init(p, fd);
	if(tls)
		peer_tls(w, p, true);
}

static ssize_t peer_write(struct peer *p, struct cpm_slice text)
{
	if(p->ssl) {
		int n = SSL_write(p->ssl, text.p, (int)text.n);

		if(n <= 0 && SSL_get_error(p->ssl, n) != SSL_ERROR_WANT_WRITE)
			p->closed = true;
		return n;
	}
	return send(p->fd, text.p, text.n, MSG_NOSIGNAL);
}

void peer_say(struct world *w, struct peer *p, struct cpm_slice text)
{
	for(int i = 0; text.n && !p->closed; i++) {
		ssize_t n = peer_write(p, text);

		if(n > 0) {
			text = cpm_slice_from(text, (size_t)n);
			i = 0;
		} else if(!p->ssl && errno != EAGAIN) {
			p->closed = true;
		}
		world_turn(w);
		/* The peer may have to take answers before it can go on. */
		peer_listen_on(w, p);
		ck_assert_int_lt(i, PATIENCE);
	}
}

void peer_sayf(struct world *w, struct peer *p, const char *format, ...)
{
	char text[8192];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ck_assert_int_lt(n, (int)sizeof(text));
	peer_say(w, p, (struct cpm_slice){text, (size_t)n});
}

size_t peer_listen_on(struct world *w, struct peer *p)
{
	(void)w;
	for(;;) {
		size_t room = p->size - 1 - p->count;
		ssize_t n;

		if(!room || p->closed)
			return p->count;
		if(p->ssl) {
			n = SSL_read(p->ssl, p->heard + p->count, (int)room);
			if(n <= 0) {
				p->closed = SSL_get_error(p->ssl, (int)n) != SSL_ERROR_WANT_READ;
				return p->count;
			}
		} else {
			n = recv(p->fd, p->heard + p->count, room, 0);
			if(n <= 0) {
				p->closed = n == 0 || errno != EAGAIN;
				return p->count;
			}
		}
		p->count += (size_t)n;
		p->heard[p->count] = '\0';
	}
}

void peer_hear(struct world *w, struct peer *p, const char *text)
{
	size_t n = strlen(text);

	for(int i = 0; i < PATIENCE; i++) {
		char *found;

		world_turn(w);
		peer_listen_on(w, p);
		found = p->count ? memmem(p->heard, p->count, text, n) : NULL;
		if(found) {
			size_t end = (size_t)(found - p->heard) + n;

			memmove(p->heard, p->heard + end, p->count - end);
			p->count -= end;
			return;
		}
		if(p->closed)
			break;
		usleep(500);
	}
	ck_abort_msg("did not hear \"%s\" but \"%.*s\"%s", text, (int)p->count, p->heard,
			p->closed ? " and the end" : "");
}

void peer_silence(struct world *w, struct peer *p)
{
	for(int i = 0; i < 10; i++) {
		world_turn(w);
		peer_listen_on(w, p);
		ck_assert_msg(p->count == 0, "heard \"%.*s\"", (int)p->count, p->heard);
		usleep(500);
	}
}

void peer_closed(struct world *w, struct peer *p)
{
	for(int i = 0; i < PATIENCE && !p->closed; i++) {
		world_turn(w);
		peer_listen_on(w, p);
		usleep(500);
	}
	ck_assert(p->closed);
}

void peer_close(struct peer *p)
{
	SSL_free(p->ssl);
	close(p->fd);
	free(p->heard);
	*p = (struct peer){.fd = -1};
}
