/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The loop: listeners, the table of sessions, turns and time-outs.
 */
#include "inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURN_EVENTS 256
#define TURN_ACCEPTS 64
#define SWEEP_MS 250

static const unsigned refusals[] = {400, 403, 408, 413, 415, 423, 481, 501, 506};

void endpoint_log(struct endpoint *e, enum endpoint_log level, const char *format, ...)
{
	char text[256];
	va_list args;

	if(!e->config->log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	e->config->log(e->config->context, level, text);
}

void endpoint_id(char id[CPM_MSRP_ID_LENGTH])
{
	unsigned char random[CPM_MSRP_ID_BYTES];
	struct cpm_buf b;

	/* So few octets are never given in part, and only before the kernel's pool is filled not at
	 * once. */
	if(getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		abort();
	cpm_buf_init_fixed(&b, id, CPM_MSRP_ID_LENGTH);
	cpm_msrp_add_id(&b, random);
}

void endpoint_count_refusal(struct endpoint *e, unsigned status)
{
	size_t i = 0;

	while(i < sizeof(refusals) / sizeof(refusals[0]) && refusals[i] != status)
		i++;
	e->statistics.refused[i]++;
}

void endpoint_todo(struct endpoint *e, struct channel *c)
{
	if(c->in_todo)
		return;
	c->in_todo = true;
	c->todo = NULL;
	*e->todo_end = c;
	e->todo_end = &c->todo;
}

void endpoint_watch(struct channel *c, bool read, bool write)
{
	struct epoll_event event = {.data.ptr = c};

	event.events = (read ? EPOLLIN : 0u) | (write ? EPOLLOUT : 0u);
	if(c->watched && c->events == event.events)
		return;
	if(epoll_ctl(c->endpoint->epoll, c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &event)
			< 0) {
		channel_fail(c, LEG_LOST_CLOSED, "cannot be polled");
		return;
	}
	c->watched = true;
	c->events = event.events;
}

void endpoint_unwatch(struct channel *c)
{
	if(c->watched)
		epoll_ctl(c->endpoint->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	c->watched = false;
}

struct leg *endpoint_find(const struct endpoint *e, struct cpm_slice session)
{
	struct leg *leg;

	if(session.n != CPM_MSRP_ID_LENGTH)
		return NULL;
	for(leg = e->table[cpm_slice_hash(session, 0) & (e->table_size - 1)]; leg;
			leg = leg->table_next)
		if(memcmp(leg->session, session.p, session.n) == 0)
			return leg;
	return NULL;
}

/* "tls:[::1]:2856" */
static bool listener_parse(
		const char *text, struct listener *l, struct sockaddr_storage *address, socklen_t *length)
{
	struct cpm_slice s = cpm_slice_of(text), host;
	struct sockaddr_in *in4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
	size_t colon = s.n;
	uint64_t port;

	l->tls = cpm_slice_starts(s, CPM_SLICE("tls:"));
	if(l->tls)
		s = cpm_slice_from(s, 4);
	for(colon = s.n; colon && s.p[colon - 1] != ':'; colon--)
		;
	if(!colon || !cpm_slice_u64(cpm_slice_from(s, colon), &port) || port > 65535)
		return false;
	host = cpm_slice_head(s, colon - 1);
	l->ipv6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if(l->ipv6)
		host = (struct cpm_slice){host.p + 1, host.n - 2};
	if(!host.n || host.n >= sizeof(l->address))
		return false;
	memcpy(l->address, host.p, host.n);
	l->address[host.n] = '\0';
	memset(address, 0, sizeof(*address));
	if(l->ipv6) {
		*length = sizeof(*in6);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		return inet_pton(AF_INET6, l->address, &in6->sin6_addr) == 1;
	}
	*length = sizeof(*in4);
	in4->sin_family = AF_INET;
	in4->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, l->address, &in4->sin_addr) == 1;
}

static const char *listener_open(struct endpoint *e, const char *text)
{
	struct listener *l = &e->listeners[e->listener_count];
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = l};
	struct sockaddr_storage address;
	socklen_t length;
	int on = 1;

	if(!listener_parse(text, l, &address, &length))
		return "not an address to listen at: write host:port, [v6]:port or tls:host:port, numeric";
	if(l->tls && !e->config->tls_certificate)
		return "tls: needs a certificate";
	l->kind = INSIDE_LISTENER;
	l->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if(l->fd < 0)
		return "no socket to listen at";
	e->listener_count++;
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if(l->ipv6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if(bind(l->fd, (struct sockaddr *)&address, length) < 0 || listen(l->fd, 512) < 0)
		return "cannot listen: the address is not ours, or the port is taken";
	length = sizeof(address);
	if(getsockname(l->fd, (struct sockaddr *)&address, &length) < 0
			|| epoll_ctl(e->epoll, EPOLL_CTL_ADD, l->fd, &event) < 0)
		return "cannot listen";
	l->port = ntohs(l->ipv6 ? ((struct sockaddr_in6 *)&address)->sin6_port
							: ((struct sockaddr_in *)&address)->sin_port);
	return NULL;
}

/* Without the listeners. */
static struct endpoint *endpoint_make(const struct endpoint_config *config, const char **error)
{
	struct endpoint *e = calloc(1, sizeof(*e));

	*error = "no memory for the MSRP endpoint";
	if(!e)
		return NULL;
	e->config = config;
	e->todo_end = &e->todo;
	for(e->table_size = 64; e->table_size < config->max_legs; e->table_size *= 2)
		;
	e->table = calloc(e->table_size, sizeof(struct leg *));
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if(!e->table || e->epoll < 0) {
		endpoint_free(&e);
		return NULL;
	}
	e->tls = tls_context_new(config, error);
	if(!e->tls)
		endpoint_free(&e);
	return e;
}

struct endpoint *endpoint_new(const struct endpoint_config *config, const char **error)
{
	struct endpoint *e = endpoint_make(config, error);

	for(size_t i = 0; e && i < config->listen_count && i < ENDPOINT_LISTEN_MAX; i++) {
		*error = listener_open(e, config->listen[i]);
		if(*error)
			endpoint_free(&e);
	}
	return e;
}

static void bury(struct endpoint *e)
{
	while(e->dead) {
		struct channel *c = e->dead;

		e->dead = c->next;
		channel_free(c);
	}
	while(e->gone) {
		struct leg *leg = e->gone;

		e->gone = leg->channel_next;
		leg_release(leg);
	}
}

void endpoint_free(struct endpoint **endpoint)
{
	struct endpoint *e = *endpoint;

	if(!e)
		return;
	for(size_t i = 0; e->table && i < e->table_size; i++) {
		while(e->table[i]) {
			struct leg *leg = e->table[i];

			leg_close(&leg);
		}
	}
	while(e->channels)
		channel_fail(e->channels, LEG_LOST_CLOSED, NULL);
	bury(e);
	for(size_t i = 0; i < e->listener_count; i++)
		close(e->listeners[i].fd);
	if(e->epoll > 0)
		close(e->epoll);
	tls_context_free(&e->tls);
	free(e->table);
	free(e);
	*endpoint = NULL;
}

static void peer_name(const struct sockaddr_storage *address, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";
	unsigned port = 0;

	if(address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		port = ntohs(in6->sin6_port);
	} else {
		const struct sockaddr_in *in4 = (const struct sockaddr_in *)address;

		inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host));
		port = ntohs(in4->sin_port);
	}
	snprintf(text, size, "%s %u", host, port);
}

/* Room for one more: strangers who have not said for whom they come go first. */
static bool make_room(struct endpoint *e)
{
	if(e->unbound >= e->config->max_unbound) {
		struct channel *c = e->channels;

		while(c && (c->dialled || c->legs || c->closing))
			c = c->next;
		if(c) {
			e->statistics.turned_away++;
			channel_fail(c, LEG_LOST_CLOSED, "gives way to newer connections");
		}
	}
	return e->statistics.channels < e->config->max_channels;
}

static void listener_event(struct endpoint *e, struct listener *l)
{
	for(int i = 0; i < TURN_ACCEPTS; i++) {
		struct sockaddr_storage address;
		socklen_t length = sizeof(address);
		int fd = accept4(l->fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		char peer[56];

		if(fd < 0)
			return;
		e->statistics.accepted++;
		peer_name(&address, peer, sizeof(peer));
		if(!make_room(e)) {
			e->statistics.turned_away++;
			endpoint_log(e, ENDPOINT_LOG_WARNING, "no room for the connection of %s", peer);
			close(fd);
			continue;
		}
		channel_accept(e, fd, l->tls, peer);
	}
}

static void sweep(struct endpoint *e)
{
	for(size_t i = 0; i < e->table_size; i++) {
		struct leg *next;

		for(struct leg *leg = e->table[i]; leg; leg = next) {
			next = leg->table_next;
			leg_sweep(leg, e->now_ms);
		}
	}
	for(struct channel *c = e->channels, *next; c; c = next) {
		next = c->next;
		channel_sweep(c, e->now_ms);
	}
}

/* What was put aside; what is put aside meanwhile waits for the next turn. */
static void turns(struct endpoint *e)
{
	struct channel *c = e->todo;

	e->todo = NULL;
	e->todo_end = &e->todo;
	while(c) {
		struct channel *next = c->todo;

		c->in_todo = false;
		channel_turn(c);
		c = next;
	}
}

int64_t endpoint_run(struct endpoint *e, int64_t now_ms)
{
	struct epoll_event events[TURN_EVENTS];
	int n;

	e->now_ms = now_ms;
	n = epoll_wait(e->epoll, events, TURN_EVENTS, 0);
	for(int i = 0; i < n; i++) {
		if(*(int *)events[i].data.ptr == INSIDE_LISTENER)
			listener_event(e, events[i].data.ptr);
		else
			channel_event(events[i].data.ptr, events[i].events);
	}
	if(now_ms >= e->sweep_ms) {
		sweep(e);
		e->sweep_ms = now_ms + SWEEP_MS;
	}
	turns(e);
	bury(e);
	return n == TURN_EVENTS || e->todo ? now_ms : e->sweep_ms;
}

int endpoint_fd(const struct endpoint *e)
{
	return e->epoll;
}

bool endpoint_busy(const struct endpoint *e)
{
	return e->todo != NULL;
}

void endpoint_statistics(const struct endpoint *e, struct endpoint_statistics *s)
{
	*s = e->statistics;
}

bool endpoint_place(const struct endpoint *e, bool tls, bool ipv6, struct endpoint_place *place)
{
	for(size_t i = 0; i < e->listener_count; i++) {
		const struct listener *l = &e->listeners[i];

		if(l->tls != tls || l->ipv6 != ipv6)
			continue;
		*place = (struct endpoint_place){l->address, l->port, ipv6, tls};
		return true;
	}
	return false;
}
