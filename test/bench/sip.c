/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The little SIP that a load generator needs.
 */
#include "sip.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#define T1_MS 500
#define T2_MS 4000
#define RECEIVE_BUFFER (8 << 20)

int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void stand_back(void)
{
	const struct sched_param none = {0};

	/* Refused, it is measured all the same, a little lower. */
	(void)sched_setscheduler(0, SCHED_BATCH, &none);
}

struct sockaddr_in sip_address(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	char host[64];
	unsigned port;

	if(sscanf(text, "%63[0-9.]:%u", host, &port) != 2 || port > 65535
			|| inet_pton(AF_INET, host, &a.sin_addr) != 1) {
		fprintf(stderr, "%s: write an address as 127.0.0.1:5060\n", text);
		exit(2);
	}
	a.sin_port = htons((uint16_t)port);
	return a;
}

int sip_socket(const struct sockaddr_in *server, unsigned *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int size = RECEIVE_BUFFER;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* A phone's network must not be what loses messages. The first needs privileges, the second is capped by the system. */
	if(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if(fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0
			|| getsockname(fd, (struct sockaddr *)&a, &n) != 0
			|| (server && connect(fd, (const struct sockaddr *)server, sizeof(*server)) != 0)) {
		perror("UDP socket");
		exit(2);
	}
	*port = ntohs(a.sin_port);
	return fd;
}

const char *sip_header(const char *from, const char *name, size_t *n)
{
	size_t length = strlen(name);
	const char *p = from, *end;

	while(p && *p && *p != '\r') {
		end = strstr(p, "\r\n");
		if(!end)
			return NULL;
		if(strncasecmp(p, name, length) == 0 && p[length] == ':') {
			p += length + 1;
			p += strspn(p, " \t");
			*n = (size_t)(end - p);
			return p;
		}
		p = end + 2;
	}
	return NULL;
}

int sip_status(const char *message)
{
	return strncmp(message, "SIP/2.0 ", 8) == 0 ? atoi(message + 8) : 0;
}

void timer_e_start(struct timer_e *t, int64_t now)
{
	t->interval_ms = T1_MS;
	t->next_us = now + T1_MS * 1000;
	t->end_us = now + 64 * T1_MS * 1000;
}

enum timer_e_says timer_e_check(struct timer_e *t, int64_t now)
{
	if(now >= t->end_us)
		return TIMER_E_GIVE_UP;
	if(now < t->next_us)
		return TIMER_E_WAIT;
	t->interval_ms = t->interval_ms * 2 > T2_MS ? T2_MS : t->interval_ms * 2;
	t->next_us = now + t->interval_ms * 1000;
	return TIMER_E_RESEND;
}

void samples_add(struct samples *s, int64_t us)
{
	if(s->n == s->room) {
		s->room = s->room ? s->room * 2 : 4096;
		s->us = realloc(s->us, s->room * sizeof(*s->us));
		if(!s->us)
			abort();
	}
	s->us[s->n++] = (uint32_t)us;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void samples_print(struct samples *s, const char *name)
{
	static const unsigned percent[] = {50, 95, 99};
	size_t i;

	if(!s->n)
		return;
	qsort(s->us, s->n, sizeof(*s->us), compare);
	for(i = 0; i < sizeof(percent) / sizeof(percent[0]); i++)
		printf("\"%s_p%u_us\": %u, ", name, percent[i], s->us[(s->n - 1) * percent[i] / 100]);
	printf("\"%s_max_us\": %u, ", name, s->us[s->n - 1]);
}
