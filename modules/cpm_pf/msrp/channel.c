/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A connection. Reading stops while an owner has enough, or while the peer does
 * not take our answers; so what is kept for one peer is bounded.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inside.h"

#define READS_EACH_TURN 4
#define OUT_HIGH (ENDPOINT_OUT_MAX / 4)
#define OUT_FIRST 4096
#define CLOSING_MS 5000

size_t channel_unwritten(const struct channel *c)
{
	return c->out_end - c->out_at;
}

static bool unbound(const struct channel *c)
{
	return !c->dialled && !c->legs && !c->closing;
}

static void watch(struct channel *c)
{
	bool read = c->stage == CHANNEL_SHAKING
				|| (c->stage == CHANNEL_OPEN && !c->paused && channel_unwritten(c) <= OUT_HIGH);
	bool write = c->stage == CHANNEL_CONNECTING || (c->stage == CHANNEL_SHAKING && c->starving)
				 || (c->stage == CHANNEL_OPEN && (channel_unwritten(c) || c->starving));

	if(c->stage != CHANNEL_DEAD)
		endpoint_watch(c, read, write);
}

static struct channel *channel_make(struct endpoint *e, int fd, bool tls, const char *peer)
{
	struct channel *c = calloc(1, sizeof(*c));
	int on = 1;

	if(!c || !(c->head = malloc(e->config->max_head))) {
		free(c);
		close(fd);
		return NULL;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->kind = INSIDE_CHANNEL;
	c->endpoint = e;
	c->fd = fd;
	c->tls = tls;
	c->opened_ms = c->read_ms = c->write_ms = e->now_ms;
	snprintf(c->peer, sizeof(c->peer), "%s", peer);
	cpm_msrp_reader_init(&c->reader, c->head, e->config->max_head, &e->config->limits);
	c->previous = e->last_channel;
	*(e->last_channel ? &e->last_channel->next : &e->channels) = c;
	e->last_channel = c;
	e->statistics.channels++;
	return c;
}

struct channel *channel_accept(struct endpoint *e, int fd, bool tls, const char *peer)
{
	struct channel *c = channel_make(e, fd, tls, peer);

	if(!c)
		return NULL;
	e->unbound++;
	c->stage = tls ? CHANNEL_SHAKING : CHANNEL_OPEN;
	if(tls && !(c->session = tls_open(e->tls, fd, true, CPM_SLICE_NONE))) {
		channel_fail(c, LEG_LOST_CLOSED, "no memory for TLS");
		return NULL;
	}
	watch(c);
	return c;
}

static bool address_parse(struct cpm_slice text, unsigned port, struct sockaddr_storage *address,
		socklen_t *length, char *name, size_t size)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
	char host[INET6_ADDRSTRLEN];

	if(!text.n || text.n >= sizeof(host) || !port || port > 65535)
		return false;
	memcpy(host, text.p, text.n);
	host[text.n] = '\0';
	snprintf(name, size, "%s %u", host, port);
	memset(address, 0, sizeof(*address));
	if(inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons((uint16_t)port);
		*length = sizeof(*in4);
		return true;
	}
	if(inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
		return false;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	*length = sizeof(*in6);
	return true;
}

struct channel *channel_dial(struct endpoint *e, struct cpm_slice address, unsigned port, bool tls,
		struct cpm_slice name)
{
	struct sockaddr_storage to;
	socklen_t length;
	char peer[56];
	struct channel *c;
	int fd;

	if(!address_parse(address, port, &to, &length, peer, sizeof(peer))
			|| e->statistics.channels >= e->config->max_channels)
		return NULL;
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if(fd < 0)
		return NULL;
	if(connect(fd, (struct sockaddr *)&to, length) < 0 && errno != EINPROGRESS) {
		close(fd);
		return NULL;
	}
	c = channel_make(e, fd, tls, peer);
	if(!c)
		return NULL;
	c->dialled = true;
	e->statistics.dialled++;
	if(tls && !(c->session = tls_open(e->tls, fd, false, name))) {
		channel_fail(c, LEG_LOST_REFUSED, "no memory for TLS, or no name to check");
		return NULL;
	}
	watch(c);
	return c->stage == CHANNEL_DEAD ? NULL : c;
}

void channel_free(struct channel *c)
{
	struct channel **at = &c->endpoint->todo;

	while(*at && *at != c)
		at = &(*at)->todo;
	if(*at) {
		*at = c->todo;
		if(!*at)
			c->endpoint->todo_end = at;
	}
	free(c->head);
	free(c->kept);
	free(c->out);
	free(c);
}

void channel_fail(struct channel *c, enum leg_loss why, const char *reason)
{
	struct endpoint *e = c->endpoint;

	if(c->stage == CHANNEL_DEAD)
		return;
	if(reason)
		endpoint_log(e, ENDPOINT_LOG_INFO, "connection with %s: %s", c->peer, reason);
	e->unbound -= unbound(c);
	c->stage = CHANNEL_DEAD;
	tls_close(&c->session);
	endpoint_unwatch(c);
	close(c->fd);
	e->statistics.channels--;
	*(c->previous ? &c->previous->next : &e->channels) = c->next;
	*(c->next ? &c->next->previous : &e->last_channel) = c->previous;
	c->next = e->dead;
	e->dead = c;
	while(c->legs) {
		struct leg *leg = c->legs;

		c->legs = leg->channel_next;
		leg->channel = NULL;
		leg_down(leg, why);
	}
}

void channel_attach(struct channel *c, struct leg *leg)
{
	c->endpoint->unbound -= unbound(c);
	c->closing = false;
	leg->channel_next = c->legs;
	leg->channel = c;
	c->legs = leg;
}

void channel_detach(struct channel *c, struct leg *leg)
{
	struct leg **at = &c->legs;

	while(*at != leg)
		at = &(*at)->channel_next;
	*at = leg->channel_next;
	leg->channel = NULL;
	if(c->exchange.leg == leg) {
		c->exchange.leg = NULL;
		c->exchange.message = NULL;
	}
	channel_resume(c, leg);
	if(c->legs)
		return;
	c->closing = true;
	c->closing_ms = c->endpoint->now_ms;
	endpoint_todo(c->endpoint, c);
}

void channel_pause(struct channel *c, struct leg *leg)
{
	c->paused += !leg->enough;
	leg->enough = true;
}

void channel_resume(struct channel *c, struct leg *leg)
{
	if(!leg->enough)
		return;
	leg->enough = false;
	if(--c->paused)
		return;
	c->retry = true;
	c->read_ms = c->endpoint->now_ms;
	endpoint_todo(c->endpoint, c);
}

static bool out_reserve(struct channel *c, size_t n)
{
	size_t size = c->out_size ? c->out_size : OUT_FIRST;
	char *grown;

	if(c->out_at && n > c->out_size - c->out_end) {
		memmove(c->out, c->out + c->out_at, channel_unwritten(c));
		c->out_end -= c->out_at;
		c->out_at = 0;
	}
	if(n <= c->out_size - c->out_end)
		return true;
	while(size - c->out_end < n)
		size *= 2;
	grown = realloc(c->out, size);
	if(!grown)
		return false;
	c->out = grown;
	c->out_size = size;
	return true;
}

/* Each session may have been asked for its next octets while there was room. */
static bool may_queue(const struct channel *c, size_t n)
{
	const struct leg *leg = c->legs;
	size_t left = channel_unwritten(c) + n;

	while(left > ENDPOINT_OUT_MAX && leg && (leg = leg->channel_next))
		left -= ENDPOINT_OUT_MAX;
	return left <= ENDPOINT_OUT_MAX;
}

void channel_queue(struct channel *c, struct cpm_slice octets)
{
	if(c->stage == CHANNEL_DEAD || c->overflow || c->shut || !octets.n)
		return;
	endpoint_todo(c->endpoint, c);
	if(!may_queue(c, octets.n) || !out_reserve(c, octets.n)) {
		c->overflow = true;
		return;
	}
	if(!channel_unwritten(c))
		c->write_ms = c->endpoint->now_ms;
	memcpy(c->out + c->out_end, octets.p, octets.n);
	c->out_end += octets.n;
	c->queued += octets.n;
}

/* n octets at most; false when it cannot take any now. *failed when it never will. */
static bool write_some(struct channel *c, size_t *n, bool *failed)
{
	ssize_t written;

	if(c->session) {
		enum tls_rc rc = tls_write(c->session, c->out + c->out_at, channel_unwritten(c), n);

		*failed = rc == TLS_FAILED || rc == TLS_END;
		return rc == TLS_DONE;
	}
	written = send(c->fd, c->out + c->out_at, channel_unwritten(c), MSG_NOSIGNAL);
	*failed = written < 0 && errno != EAGAIN && errno != EINTR;
	*n = written > 0 ? (size_t)written : 0;
	return written > 0;
}

static void flush(struct channel *c)
{
	bool failed = false;
	size_t n;

	while(c->stage == CHANNEL_OPEN && channel_unwritten(c) && write_some(c, &n, &failed)) {
		c->out_at += n;
		c->written += n;
		c->write_ms = c->endpoint->now_ms;
	}
	if(failed) {
		channel_fail(c, LEG_LOST_CLOSED, "closed by the peer");
		return;
	}
	if(!channel_unwritten(c)) {
		free(c->out);
		c->out = NULL;
		c->out_at = c->out_end = c->out_size = 0;
	}
}

/* The legs may go on sending. */
static void pump(struct channel *c)
{
	struct leg *next;

	for(struct leg *leg = c->legs; leg && c->stage == CHANNEL_OPEN; leg = next) {
		next = leg->channel_next;
		outgo_pump(leg);
	}
}

/* Octets into the endpoint's buffer; false when there are none now, or the channel has failed. */
static bool read_some(struct channel *c, size_t *n)
{
	struct endpoint *e = c->endpoint;
	ssize_t got;

	if(c->session) {
		enum tls_rc rc = tls_read(c->session, e->input, sizeof(e->input), n);

		if(rc == TLS_END || rc == TLS_FAILED)
			channel_fail(c, LEG_LOST_CLOSED, c->shut ? NULL : "closed by the peer");
		c->starving = rc == TLS_WRITE;
		return rc == TLS_DONE;
	}
	got = recv(c->fd, e->input, sizeof(e->input), 0);
	if(got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		channel_fail(c, LEG_LOST_CLOSED, c->shut ? NULL : "closed by the peer");
	*n = got > 0 ? (size_t)got : 0;
	return got > 0;
}

static bool readable(const struct channel *c)
{
	return c->stage == CHANNEL_OPEN && !c->paused && channel_unwritten(c) <= OUT_HIGH;
}

/* Octets are left. False without memory: then the channel has failed. */
static bool keep(struct channel *c, struct cpm_slice left)
{
	if(!left.n)
		return true;
	c->kept = malloc(left.n);
	if(!c->kept) {
		channel_fail(c, LEG_LOST_CLOSED, "no memory");
		return false;
	}
	memcpy(c->kept, left.p, left.n);
	c->kept_n = left.n;
	return true;
}

/* What was left, or else octets of the connection, through the reader. False when there are none now, or the channel has failed. */
static bool take_some(struct channel *c, size_t *n)
{
	char *before = c->kept;
	struct cpm_slice octets = {before, c->kept_n};
	bool taken;

	c->kept = NULL;
	c->kept_n = 0;
	if(!c->stopped) {
		if(!read_some(c, n))
			return false;
		c->read_ms = c->endpoint->now_ms;
		octets = (struct cpm_slice){c->endpoint->input, *n};
	}
	taken = keep(c, exchange_take(c, octets));
	free(before);
	return taken;
}

static void read_turn(struct channel *c)
{
	struct endpoint *e = c->endpoint;
	bool left = c->stopped;
	size_t n;

	for(int i = 0; i < READS_EACH_TURN; i++) {
		if(!readable(c) || !take_some(c, &n))
			return;
		if(c->stage == CHANNEL_OPEN && !c->session && !left && n < sizeof(e->input))
			break;
		left = false;
	}
	/* Decrypted octets make no event. */
	if(c->stage == CHANNEL_OPEN && c->session) {
		c->retry = true;
		endpoint_todo(e, c);
	}
}

static void opened(struct channel *c)
{
	struct leg *next;

	c->stage = CHANNEL_OPEN;
	c->starving = false;
	c->read_ms = c->write_ms = c->endpoint->now_ms;
	for(struct leg *leg = c->legs; leg; leg = next) {
		next = leg->channel_next;
		leg_up(leg);
	}
}

static void shake(struct channel *c)
{
	enum tls_rc rc = tls_shake(c->session);

	c->starving = rc == TLS_WRITE;
	if(rc == TLS_FAILED || rc == TLS_END)
		channel_fail(c, LEG_LOST_REFUSED, "TLS does not come about");
	else if(rc == TLS_DONE)
		opened(c);
}

static void connected(struct channel *c)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if(getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error) {
		channel_fail(c, LEG_LOST_REFUSED, "cannot connect");
		return;
	}
	if(!c->tls) {
		opened(c);
		return;
	}
	c->stage = CHANNEL_SHAKING;
	shake(c);
}

/* What there is to do, then what to wait for. */
static void turn(struct channel *c)
{
	if(c->stage == CHANNEL_OPEN && c->overflow)
		channel_fail(c, LEG_LOST_IDLE, "takes none of what it is sent");
	if(c->stage == CHANNEL_OPEN)
		flush(c);
	if(c->stage == CHANNEL_OPEN && channel_unwritten(c) <= OUT_HIGH)
		pump(c);
	if(c->stage == CHANNEL_OPEN)
		flush(c);
	if(c->stage == CHANNEL_OPEN && c->closing && !c->shut && !channel_unwritten(c)) {
		/* Closing at once, with octets of the peer unread, could destroy our last answer on its
		 * way. */
		c->shut = true;
		tls_finish(c->session);
		shutdown(c->fd, SHUT_WR);
	}
	/* What was left makes no event. */
	if(c->stopped && readable(c)) {
		c->retry = true;
		endpoint_todo(c->endpoint, c);
	}
	watch(c);
}

void channel_event(struct channel *c, unsigned events)
{
	if(c->stage == CHANNEL_DEAD)
		return;
	/* A peer that is gone altogether reports itself again and again, also while we do not read. */
	if((events & (EPOLLERR | EPOLLHUP)) && c->stage == CHANNEL_OPEN
			&& (c->paused || channel_unwritten(c) > OUT_HIGH)) {
		channel_fail(c, LEG_LOST_CLOSED, "closed by the peer");
		return;
	}
	if(c->stage == CHANNEL_CONNECTING)
		connected(c);
	else if(c->stage == CHANNEL_SHAKING)
		shake(c);
	else if((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) || c->starving)
		read_turn(c);
	turn(c);
}

void channel_turn(struct channel *c)
{
	if(c->stage == CHANNEL_DEAD)
		return;
	if(c->retry) {
		c->retry = false;
		read_turn(c);
	}
	turn(c);
}

static void slow(struct channel *c, enum leg_loss why, const char *reason)
{
	c->endpoint->statistics.slow++;
	channel_fail(c, why, reason);
}

void channel_sweep(struct channel *c, int64_t now_ms)
{
	const struct endpoint_config *config = c->endpoint->config;
	bool reading = !cpm_msrp_reader_idle(&c->reader);

	if(c->stage == CHANNEL_DEAD)
		return;
	if(c->stage != CHANNEL_OPEN) {
		if(now_ms - c->opened_ms > config->connect_ms)
			slow(c, LEG_LOST_REFUSED, "does not come about in time");
		return;
	}
	if(c->closing && now_ms - c->closing_ms > CLOSING_MS)
		channel_fail(c, LEG_LOST_CLOSED, NULL);
	else if(unbound(c) && now_ms - c->opened_ms > config->bind_ms)
		slow(c, LEG_LOST_CLOSED, "names no session in time");
	else if(c->head_ms && now_ms - c->head_ms > config->head_ms)
		slow(c, LEG_LOST_IDLE, "does not finish a head in time");
	else if(channel_unwritten(c) && now_ms - c->write_ms > config->idle_ms)
		slow(c, LEG_LOST_IDLE, "takes nothing");
	else if(reading && !c->paused && channel_unwritten(c) <= OUT_HIGH
			&& now_ms - c->read_ms > config->idle_ms)
		slow(c, LEG_LOST_IDLE, "sends nothing in the middle of a frame");
}
