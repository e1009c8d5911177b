/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A bare IMAP client: a number of connections, each logged in as a user of its
 * own, append one object after the other for some seconds. What the server can
 * do at most with so many at once; prints one JSON object. The objects have the
 * headers of those that cpm_pf stores, since the server reads them.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define OBJECT_MAX 65536
#define SENDERS 100

static struct {
	const char *host, *domain, *prefix, *password, *folder;
	int port, connections, users;
	size_t bytes;
	double seconds;
} options = {.host = "127.0.0.1",
		.domain = "bench.example",
		.prefix = "u",
		.folder = "Default",
		.connections = 1,
		.users = 1,
		.bytes = 1000};

static struct connection {
	int fd;
	unsigned tag;
	char in[4096];
	size_t n;
} connections[CONNECTIONS_MAX];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "bare_imap: %s\n", what);
	exit(1);
}

static void send_all(int fd, const char *text, size_t n)
{
	while(n) {
		ssize_t done = write(fd, text, n);

		if(done <= 0)
			fail("write");
		text += done;
		n -= (size_t)done;
	}
}

/* Reads what is there; true when the tagged answer has come. */
static int answered(struct connection *c, int *ok)
{
	char tag[32], *line, *end;
	ssize_t got = read(c->fd, c->in + c->n, sizeof(c->in) - 1 - c->n);

	if(got <= 0)
		fail("the server closed the connection");
	c->n += (size_t)got;
	c->in[c->n] = '\0';
	snprintf(tag, sizeof(tag), "a%u ", c->tag);
	for(line = c->in; (end = strchr(line, '\n')); line = end + 1) {
		if(strncmp(line, tag, strlen(tag)) != 0)
			continue;
		*ok = strncmp(line + strlen(tag), "OK", 2) == 0;
		c->n = 0;
		return 1;
	}
	memmove(c->in, line, c->n -= (size_t)(line - c->in));
	return 0;
}

static int command(struct connection *c, const char *text)
{
	char line[1024];
	int ok = 0;

	send_all(c->fd, line, (size_t)snprintf(line, sizeof(line), "a%u %s\r\n", ++c->tag, text));
	while(!answered(c, &ok))
		;
	return ok;
}

static void open_connection(struct connection *c, int i)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
	char text[512];
	int one = 1;

	inet_pton(AF_INET, options.host, &a.sin_addr);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if(connect(c->fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		fail("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	snprintf(text, sizeof(text), "LOGIN \"%s%d@%s\" \"%s\"", options.prefix, i % options.users,
			options.domain, options.password);
	if(!command(c, text))
		fail("the login was refused");
	snprintf(text, sizeof(text), "CREATE \"%s\"", options.folder);
	command(c, text);
}

/* An object of options.bytes: headers and CPIM as cpm_pf has them, a text that fills it up. */
static void object_print(char *out, int i, unsigned long number)
{
	size_t room = options.bytes + 1;
	int n = snprintf(out, room,
			"From: <sip:sender%lu@%s>\r\nTo: <sip:%s%d@%s>\r\n"
			"Date: Thu, 01 Jan 2026 12:00:00 +0000\r\n"
			"Message-ID: <bare%020lx-0@%s>\r\n"
			"Conversation-ID: f81d4fae-7dec-11d0-a765-%012lx\r\n"
			"Contribution-ID: f81d4fae-7dec-11d0-a766-%012lx\r\n"
			"Accept-Contact: *;+g.3gpp.icsi-ref="
			"\"urn%%3Aurn-7%%3A3gpp-service.ims.icsi.oma.cpm.msg\"\r\n"
			"IMDN-Message-ID: bare-%lu\r\nMessage-Direction: received\r\nMIME-Version: 1.0\r\n"
			"Content-Type: message/cpim\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
			"From: <sip:sender%lu@%s>\r\nTo: <sip:%s%d@%s>\r\nDateTime: 2026-01-01T12:00:00Z\r\n"
			"NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: bare-%lu\r\n"
			"imdn.Disposition-Notification: display\r\n\r\n"
			"Content-Type: text/plain;charset=UTF-8\r\n\r\nseq=%lu ",
			number % SENDERS, options.domain, options.prefix, i % options.users, options.domain,
			number, options.domain, number, number, number, number % SENDERS, options.domain,
			options.prefix, i % options.users, options.domain, number, number);

	if(n >= (int)room)
		fail("-b is too small for an object");
	memset(out + n, 'x', options.bytes - (size_t)n);
}

static void append(int i)
{
	static char whole[OBJECT_MAX + 300];
	static unsigned long number;
	struct connection *c = &connections[i];
	size_t n = (size_t)snprintf(
			whole, 300, "a%u APPEND \"%s\" {%zu+}\r\n", ++c->tag, options.folder, options.bytes);

	object_print(whole + n, i, number++);
	memcpy(whole + n + options.bytes, "\r\n", 2);
	send_all(c->fd, whole, n + options.bytes + 2);
}

static void read_options(int argc, char **argv)
{
	int o;

	while((o = getopt(argc, argv, "p:d:u:w:f:n:k:b:t:")) != -1) {
		switch(o) {
			case 'p':
				options.port = atoi(optarg);
				break;
			case 'd':
				options.domain = optarg;
				break;
			case 'u':
				options.prefix = optarg;
				break;
			case 'w':
				options.password = optarg;
				break;
			case 'f':
				options.folder = optarg;
				break;
			case 'n':
				options.connections = atoi(optarg);
				break;
			case 'k':
				options.users = atoi(optarg);
				break;
			case 'b':
				options.bytes = strtoul(optarg, NULL, 10);
				break;
			case 't':
				options.seconds = strtod(optarg, NULL);
				break;
		}
	}
	if(!options.port || !options.password || options.connections < 1
			|| options.connections > CONNECTIONS_MAX || options.users < 1 || options.bytes < 1
			|| options.bytes > OBJECT_MAX || options.seconds <= 0)
		fail("usage: bare_imap -p PORT -w PASSWORD [-d DOMAIN] [-u PREFIX] [-k USERS] [-n "
			 "CONNECTIONS] [-b BYTES] -t SECONDS");
}

int main(int argc, char **argv)
{
	struct pollfd fds[CONNECTIONS_MAX];
	unsigned long done = 0;
	double began;
	int i, ok;

	read_options(argc, argv);
	for(i = 0; i < options.connections; i++) {
		open_connection(&connections[i], i);
		fds[i] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
	}
	began = now();
	for(i = 0; i < options.connections; i++)
		append(i);
	while(now() - began < options.seconds) {
		if(poll(fds, (nfds_t)options.connections, 1000) <= 0)
			continue;
		for(i = 0; i < options.connections; i++) {
			if(!(fds[i].revents & POLLIN) || !answered(&connections[i], &ok))
				continue;
			if(!ok)
				fail("an append was refused");
			done++;
			append(i);
		}
	}
	printf("{\"appends\": %lu, \"seconds\": %.6f, \"rate\": %.1f}\n", done, now() - began,
			(double)done / (now() - began));
	return 0;
}
