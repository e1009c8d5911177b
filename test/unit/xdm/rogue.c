/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * An HTTP server with bad manners: a thread for each connection.
 */
#include "rogue.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "unit.h"

#define BLOCKED                                                              \
	"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list " \
	"name=\"oma_blockedcontacts\"><entry "                                   \
	"uri=\"sip:mallory@example.net\"/></list></resource-lists>"
#define HUGE_BYTES (10u << 20)

_Atomic int rogue_manner;
atomic_uint rogue_requests, rogue_peak;

static int listener = -1;
static pthread_t thread;
static atomic_uint connections, asking;
static char head[4096];
static pthread_mutex_t head_lock = PTHREAD_MUTEX_INITIALIZER;

static bool say(int fd, const char *text, size_t n)
{
	while(n) {
		ssize_t w = send(fd, text, n, MSG_NOSIGNAL);

		if(w <= 0)
			return false;
		text += w;
		n -= (size_t)w;
	}
	return true;
}

static bool answer(int fd, const char *status, const char *headers, const char *body)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status,
			headers, strlen(body), body);

	return say(fd, text, (size_t)n);
}

static bool answer_list(int fd, const char *request)
{
	if(strstr(request, "If-None-Match: \"constant\""))
		return say(fd, "HTTP/1.1 304 Not Modified\r\nETag: \"constant\"\r\n\r\n", 48);
	return answer(fd, "200 OK", "ETag: \"constant\"\r\n", BLOCKED);
}

static bool answer_much(int fd, bool chunks)
{
	static char piece[65536];
	char text[64];
	bool going = chunks ? say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 47)
						: say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n", 45);

	for(size_t i = 0; i < HUGE_BYTES / sizeof(piece) && going; i++) {
		if(chunks)
			going = say(fd, text, (size_t)snprintf(text, sizeof(text), "%zx\r\n", sizeof(piece)));
		going = going && say(fd, piece, sizeof(piece)) && (!chunks || say(fd, "\r\n", 2));
	}
	return going && (!chunks || say(fd, "0\r\n\r\n", 5));
}

static bool silence(int fd)
{
	char byte;

	(void)recv(fd, &byte, 1, 0);
	return false;
}

/* False when the connection is to be closed. */
static bool behave(int fd, const char *request)
{
	switch(rogue_manner) {
		case ROGUE_ERROR:
			return answer(fd, "500 Oops", "", "no");
		case ROGUE_FORBID:
			return answer(fd, "403 Forbidden", "", "no");
		case ROGUE_REDIRECT:
			return answer(fd, "302 Found", "Location: /elsewhere\r\n", "");
		case ROGUE_SILENT:
			return silence(fd);
		case ROGUE_GARBAGE:
			return say(fd, "\x01\x02 what?\r\n\r\n", 12) && false;
		case ROGUE_SHORT:
			return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<a", 43) && false;
		case ROGUE_HUGE:
			return answer_much(fd, false);
		case ROGUE_ENDLESS:
			return answer_much(fd, true);
		case ROGUE_DTD:
			return answer(fd, "200 OK", "", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>");
		case ROGUE_ROT:
			return answer(fd, "200 OK", "", "<resource-lists><li");
		case ROGUE_PLAIN:
			return answer(fd, strstr(request, "/resource-lists/") ? "200 OK" : "404 No", "",
					strstr(request, "/resource-lists/") ? BLOCKED : "");
		case ROGUE_ETAG:
			return answer_list(fd, request);
		case ROGUE_LISTS:
			return strstr(request, "/resource-lists/") ? answer_list(fd, request)
													   : answer(fd, "404 No", "", "");
		case ROGUE_ODD_304:
			return say(fd, "HTTP/1.1 304 Not Modified\r\n\r\n", 29);
		case ROGUE_LOGIN:
			if(strstr(request, "Authorization: Basic Ym9iOnNlY3JldA=="))
				return answer(fd, "404 No", "", "");
			return answer(fd, "401 Who?", "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
		default:
			return answer(fd, "404 No", "", "");
	}
}

static bool serve(int fd)
{
	char request[4096];
	unsigned now;
	size_t n = 0;
	bool more;

	do {
		ssize_t r = n < sizeof(request) - 1 ? recv(fd, request + n, sizeof(request) - 1 - n, 0) : 0;

		if(r <= 0)
			return false;
		n += (size_t)r;
		request[n] = '\0';
	} while(!strstr(request, "\r\n\r\n"));
	pthread_mutex_lock(&head_lock);
	memcpy(head, request, n + 1);
	pthread_mutex_unlock(&head_lock);
	rogue_requests++;
	now = ++asking;
	if(now > rogue_peak)
		rogue_peak = now;
	more = behave(fd, request);
	asking--;
	return more;
}

static void *converse(void *context)
{
	int fd = (int)(intptr_t)context;

	while(serve(fd))
		;
	close(fd);
	connections--;
	return NULL;
}

static void *accept_all(void *context)
{
	int fd;

	(void)context;
	while((fd = accept(listener, NULL, NULL)) >= 0) {
		pthread_t t;

		connections++;
		ck_assert_int_eq(pthread_create(&t, NULL, converse, (void *)(intptr_t)fd), 0);
		pthread_detach(t);
	}
	return NULL;
}

int rogue_start(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	rogue_requests = rogue_peak = 0;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	ck_assert_int_eq(listen(listener, 128), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, accept_all, NULL), 0);
	return ntohs(a.sin_port);
}

/* The tests close their connections first, so that no thread is left. */
void rogue_stop(void)
{
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	for(int i = 0; i < 2000 && connections; i++)
		usleep(5000);
	ck_assert_uint_eq(connections, 0);
}

const char *rogue_head(void)
{
	static char copy[sizeof(head)];

	pthread_mutex_lock(&head_lock);
	memcpy(copy, head, sizeof(copy));
	pthread_mutex_unlock(&head_lock);
	return copy;
}
