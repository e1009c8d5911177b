/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Private Redis servers.
 */
#include "server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "unit.h"

#define SERVERS_MAX 32
static pid_t running[SERVERS_MAX];
static char folders[SERVERS_MAX][64];

static void remove_folder(const char *dir)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if(system(command) != 0)
		fprintf(stderr, "cannot remove %s\n", dir);
}

static void end_all(void)
{
	for(int i = 0; i < SERVERS_MAX; i++) {
		if(running[i]) {
			kill(running[i], SIGKILL);
			waitpid(running[i], NULL, 0);
		}
		if(folders[i][0])
			remove_folder(folders[i]);
	}
}

static void note_pid(pid_t old, pid_t new)
{
	for(int i = 0; i < SERVERS_MAX; i++) {
		if(running[i] == old) {
			running[i] = new;
			return;
		}
	}
	ck_abort_msg("too many servers");
}

static void note_folder(const char *old, const char *new)
{
	for(int i = 0; i < SERVERS_MAX; i++) {
		if(!strcmp(folders[i], old)) {
			snprintf(folders[i], sizeof(folders[i]), "%s", new);
			return;
		}
	}
}

int64_t test_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	int port;

	/* Cluster also takes the port 10000 above */
	do {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		a.sin_port = 0;
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
		ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &size), 0);
		close(fd);
		port = ntohs(a.sin_port);
	} while(port > 55000);
	return port;
}

static void run_server(char **argv)
{
	int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(log, 1);
	dup2(log, 2);
	execvp(argv[0], argv);
	_exit(127);
}

static redisContext *try_connect(struct server *s)
{
	redisContext *c =
			s->socket[0] ? redisConnectUnix(s->socket) : redisConnect("127.0.0.1", s->port);
	redisReply *r = c && !c->err ? redisCommand(c, "PING") : NULL;
	/* an answer that asks for a password is an answer */
	bool up = r && strncmp(r->str, "LOADING", 7);

	if(r)
		freeReplyObject(r);
	if(up)
		return c;
	if(c)
		redisFree(c);
	return NULL;
}

static void wait_for_answer(struct server *s)
{
	int64_t end = test_now_ms() + 10000;

	while(!(s->control = try_connect(s))) {
		ck_assert_msg(test_now_ms() < end, "the server in %s does not answer", s->dir);
		ck_assert_int_eq(waitpid(s->pid, NULL, WNOHANG), 0);
		poll(NULL, 0, 5);
	}
}

static void launch(struct server *s, bool sentinel)
{
	char *argv[64], options[1024];
	int argc = 0;
	pid_t pid;

	if(sentinel)
		snprintf(options, sizeof(options), "redis-server sentinel.conf --sentinel");
	else
		/* the two blanks after --save are its empty value */
		snprintf(options, sizeof(options),
				"redis-server --save  --unixsocket %s --port %d --bind 127.0.0.1 %s", s->socket,
				s->port, s->options);
	for(char *p = options; p && argc < 63;)
		argv[argc++] = strsep(&p, " ");
	argv[argc] = NULL;
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if(pid == 0) {
		if(chdir(s->dir) == 0)
			run_server(argv);
		_exit(127);
	}
	note_pid(0, pid);
	s->pid = pid;
	wait_for_answer(s);
}

static void make_folder(struct server *s)
{
	static bool first = true;

	if(first) {
		atexit(end_all);
		signal(SIGPIPE, SIG_IGN);
	}
	first = false;
	*s = (struct server){.dir = "/tmp/cpm-redis-XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(s->dir));
	note_folder("", s->dir);
}

void server_start(struct server *s, bool port, const char *options)
{
	make_folder(s);
	snprintf(s->socket, sizeof(s->socket), "%s/redis.sock", s->dir);
	if(port) {
		s->port = free_port();
		snprintf(s->address, sizeof(s->address), "127.0.0.1:%d", s->port);
	} else {
		snprintf(s->address, sizeof(s->address), "unix:%s", s->socket);
	}
	snprintf(s->options, sizeof(s->options), "%s", *options ? options : "--appendonly no");
	launch(s, false);
}

void server_start_sentinel(struct server *s, const struct server *master)
{
	char path[128];
	FILE *f;

	make_folder(s);
	s->port = free_port();
	snprintf(path, sizeof(path), "%s/sentinel.conf", s->dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f,
			"port %d\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 %d 1\n"
			"sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster "
			"2000\n",
			s->port, master->port);
	fclose(f);
	snprintf(s->address, sizeof(s->address), "sentinel:mymaster@127.0.0.1:%d", s->port);
	launch(s, true);
}

void server_restart(struct server *s)
{
	launch(s, false);
}

void server_end(struct server *s, int signal)
{
	if(s->control)
		redisFree(s->control);
	s->control = NULL;
	if(!s->pid)
		return;
	kill(s->pid, signal);
	waitpid(s->pid, NULL, 0);
	note_pid(s->pid, 0);
	s->pid = 0;
}

void server_free(struct server *s)
{
	server_end(s, SIGKILL);
	if(s->dir[0]) {
		remove_folder(s->dir);
		note_folder(s->dir, "");
	}
	*s = (struct server){.pid = 0};
}

static redisReply *vask(struct server *s, const char *format, va_list ap)
{
	va_list again;
	redisReply *r;

	va_copy(again, ap);
	r = redisvCommand(s->control, format, ap);
	if(!r) {
		/* Sentinel kills the connections of a server that it gives another role */
		redisFree(s->control);
		wait_for_answer(s);
		r = redisvCommand(s->control, format, again);
	}
	va_end(again);
	ck_assert_msg(r != NULL, "%s: %s", format, s->control->errstr);
	return r;
}

redisReply *server_ask(struct server *s, const char *format, ...)
{
	va_list ap;
	redisReply *r;

	va_start(ap, format);
	r = vask(s, format, ap);
	va_end(ap);
	return r;
}

int64_t server_integer(struct server *s, const char *format, ...)
{
	va_list ap;
	redisReply *r;
	int64_t value;

	va_start(ap, format);
	r = vask(s, format, ap);
	va_end(ap);
	ck_assert_msg(r->type == REDIS_REPLY_INTEGER, "%s: %s", format, r->str);
	value = r->integer;
	freeReplyObject(r);
	return value;
}

void server_tell(struct server *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	freeReplyObject(vask(s, format, ap));
	va_end(ap);
}

void test_turn(struct store *const *stores, size_t count, int wait_ms)
{
	struct pollfd fds[64];
	size_t n = 0;
	int64_t now = test_now_ms();

	for(size_t i = 0; i < count; i++) {
		int64_t at = store_run(stores[i], now);
		if(at - now < wait_ms)
			wait_ms = at > now ? (int)(at - now) : 0;
	}
	for(size_t i = 0; i < count; i++) {
		struct store_poll set[16];
		size_t m = store_poll_set(stores[i], set, 16);

		for(size_t k = 0; k < m && n < 64; k++)
			fds[n++] =
					(struct pollfd){set[k].fd, (short)(POLLIN | (set[k].write ? POLLOUT : 0)), 0};
	}
	poll(fds, n, wait_ms);
	now = test_now_ms();
	for(size_t i = 0; i < count; i++)
		store_run(stores[i], now);
}
