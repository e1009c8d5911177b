/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A private Dovecot, started by way of test/stack/dovecot.py.
 */
#include "dovecot.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "unit.h"

#define SERVERS_MAX 16

static struct dovecot *running[SERVERS_MAX];

int64_t test_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void end_all(void)
{
	for(int i = 0; i < SERVERS_MAX; i++)
		if(running[i])
			dovecot_free(running[i]);
}

static int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static int connect_to(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
			.sin_port = htons((uint16_t)port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static pid_t run(const char *log, char *const argv[])
{
	pid_t pid = fork();

	if(pid)
		return pid;
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	execvp(argv[0], argv);
	_exit(127);
}

static void end(pid_t *pid)
{
	int64_t until = test_now_ms() + 5000;

	if(*pid <= 0)
		return;
	kill(*pid, SIGTERM);
	while(waitpid(*pid, NULL, WNOHANG) == 0 && test_now_ms() < until)
		usleep(5000);
	kill(-*pid, SIGKILL);
	*pid = 0;
}

static void wait_for(int port, const char *what)
{
	int64_t until = test_now_ms() + 15000;
	int fd;

	while((fd = connect_to(port)) < 0) {
		ck_assert_msg(test_now_ms() < until, "%s does not listen", what);
		usleep(20000);
	}
	close(fd);
}

static bool script(
		struct dovecot *d, const char *command, const char *a, const char *b, const char *c)
{
	char log[128], folder[128];
	int status;

	snprintf(log, sizeof(log), "%s/script.log", d->dir);
	snprintf(folder, sizeof(folder), "%s/dovecot", d->dir);
	char *argv[] = {"/usr/bin/python3", STACK "/dovecot.py", (char *)command, folder, (char *)a,
			(char *)b, (char *)c, NULL};
	pid_t pid = run(log, argv);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void server_run(struct dovecot *d)
{
	char log[128], folder[128];

	snprintf(log, sizeof(log), "%s/server.log", d->dir);
	snprintf(folder, sizeof(folder), "%s/dovecot", d->dir);
	char *argv[] = {"/usr/bin/python3", STACK "/dovecot.py", "run", folder, NULL};
	d->pid = run(log, argv);
	wait_for(d->port, "dovecot");
}

void dovecot_start(struct dovecot *d, const char *quota)
{
	static bool registered;
	char address[32], tls[16], listen[32], manners[128], log[128];
	int i = 0;

	if(!registered)
		atexit(end_all);
	registered = true;
	while(i < SERVERS_MAX - 1 && running[i])
		i++;
	running[i] = d;
	*d = (struct dovecot){.port = free_port(), .tls_port = free_port(), .proxy_port = free_port()};
	snprintf(d->dir, sizeof(d->dir), "/tmp/cpm-unit-imap-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(d->dir));
	snprintf(address, sizeof(address), "127.0.0.1:%d", d->port);
	snprintf(tls, sizeof(tls), "%d", d->tls_port);
	snprintf(d->url, sizeof(d->url), "imap://%s", address);
	snprintf(d->tls_url, sizeof(d->tls_url), "imaps://127.0.0.1:%d", d->tls_port);
	snprintf(listen, sizeof(listen), "127.0.0.1:%d", d->proxy_port);
	snprintf(d->proxy_url, sizeof(d->proxy_url), "imap://%s", listen);
	snprintf(d->ca_file, sizeof(d->ca_file), "%s/dovecot/ca.pem", d->dir);
	snprintf(d->other_ca_file, sizeof(d->other_ca_file), "/etc/ssl/certs/ca-certificates.crt");
	ck_assert_msg(
			script(d, "prepare", address, tls, quota), "dovecot.py prepare failed, see %s", d->dir);
	server_run(d);
	snprintf(manners, sizeof(manners), "%s/manners", d->dir);
	snprintf(log, sizeof(log), "%s/proxy.log", d->dir);
	char *argv[] = {"/usr/bin/python3", STACK "/imapproxy.py", listen, address, manners, NULL};
	d->proxy = run(log, argv);
	wait_for(d->proxy_port, "the proxy");
}

void dovecot_stop(struct dovecot *d)
{
	end(&d->pid);
}

void dovecot_restart(struct dovecot *d)
{
	server_run(d);
}

void dovecot_free(struct dovecot *d)
{
	char command[128];

	for(int i = 0; i < SERVERS_MAX; i++)
		if(running[i] == d)
			running[i] = NULL;
	end(&d->proxy);
	end(&d->pid);
	script(d, "remove", NULL, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", d->dir);
	if(system(command) != 0)
		fprintf(stderr, "%s is left over\n", d->dir);
}

void dovecot_manners(struct dovecot *d, const char *manners)
{
	char path[128], next[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/manners", d->dir);
	snprintf(next, sizeof(next), "%s/manners.new", d->dir);
	f = fopen(next, "w");
	ck_assert_ptr_nonnull(f);
	fputs(manners, f);
	fclose(f);
	ck_assert_int_eq(rename(next, path), 0);
	/* It looks every 5 ms. */
	usleep(60000);
}

static void tell(int fd, const char *format, ...)
{
	char text[1024];
	va_list va;

	va_start(va, format);
	int n = vsnprintf(text, sizeof(text), format, va);
	va_end(va);
	ck_assert_int_eq(write(fd, text, (size_t)n), n);
}

/* Reads up to the tagged line. */
static const char *hear(int fd, const char *tag)
{
	static char text[65536];
	char mark[32];
	size_t n = 0;

	snprintf(mark, sizeof(mark), "%s ", tag);
	for(;;) {
		ssize_t got = read(fd, text + n, sizeof(text) - 1 - n);

		ck_assert_msg(got > 0, "no answer with tag %s in: %.*s", tag, (int)n, text);
		n += (size_t)got;
		text[n] = '\0';
		char *at = strstr(text, mark);
		if(at && strchr(at, '\n'))
			return text;
	}
}

const char *dovecot_ask(
		struct dovecot *d, const char *user, const char *select, const char *command)
{
	int fd = connect_to(d->port);
	const char *answer;

	hear(fd, "*");
	tell(fd, "t1 LOGIN \"%s\" \"store-secret\"\r\n", user);
	ck_assert_ptr_nonnull(strstr(hear(fd, "t1"), "t1 OK"));
	if(select) {
		tell(fd, "t2 EXAMINE \"%s\"\r\n", select);
		answer = hear(fd, "t2");
		if(!strstr(answer, "t2 OK")) {
			close(fd);
			return answer;
		}
	}
	tell(fd, "t3 %s\r\n", command);
	answer = hear(fd, "t3");
	close(fd);
	return answer;
}

int dovecot_count(struct dovecot *d, const char *user, const char *folder)
{
	char command[300];
	const char *at;

	snprintf(command, sizeof(command), "STATUS \"%s\" (MESSAGES)", folder);
	at = strstr(dovecot_ask(d, user, NULL, command), "MESSAGES ");
	return at ? atoi(at + 9) : 0;
}
