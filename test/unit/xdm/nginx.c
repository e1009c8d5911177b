/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A private nginx.
 */
#include "nginx.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "unit.h"

#define SERVERS_MAX 16

static struct nginx *running[SERVERS_MAX];

static void end_all(void)
{
	for(int i = 0; i < SERVERS_MAX; i++)
		if(running[i])
			nginx_free(running[i]);
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
			.sin_port = htons((uint16_t)port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int nginx_free_port(void)
{
	struct sockaddr_in a = loopback(0);
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static int connect_to(int port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Names are relative to the folder, which is nginx's prefix. */
static void write_config(const struct nginx *n)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/nginx.conf", n->dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f,
			"daemon off;\nmaster_process off;\npid pid;\nerror_log error.log;\n"
			"events { worker_connections 512; }\n"
			"http {\n\tlog_format short '$request_method $request_uri $status';\n"
			"\taccess_log access.log short;\n\tclient_body_temp_path body;\n"
			"\tproxy_temp_path t1;\n\tfastcgi_temp_path t2;\n\tuwsgi_temp_path t3;\n"
			"\tscgi_temp_path t4;\n\tclient_max_body_size 64m;\n\tkeepalive_requests 100000;\n"
			"\tserver {\n\t\tlisten 127.0.0.1:%d%s;\n%s\t\tlocation / {\n\t\t\troot docs;\n"
			"\t\t\tdav_methods PUT DELETE;\n\t\t\tcreate_full_put_path on;\n\t\t}\n\t}\n}\n",
			n->port, n->tls ? " ssl" : "",
			n->tls ? "\t\tssl_certificate cert;\n\t\tssl_certificate_key key;\n" : "");
	fclose(f);
}

static void make_certificate(struct nginx *n)
{
	char command[512];

	snprintf(n->ca, sizeof(n->ca), "%s/cert", n->dir);
	snprintf(command, sizeof(command),
			"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
			" -addext subjectAltName=DNS:localhost -keyout '%s/key' -out '%s' 2>/dev/null",
			n->dir, n->ca);
	ck_assert_int_eq(system(command), 0);
}

static void run(const struct nginx *n)
{
	char config[128], prefix[128];
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 1);
	dup2(null, 2);
	snprintf(config, sizeof(config), "%s/nginx.conf", n->dir);
	snprintf(prefix, sizeof(prefix), "%s/", n->dir);
	execl("/usr/sbin/nginx", "nginx", "-p", prefix, "-c", config, (char *)NULL);
	_exit(127);
}

static void spawn(struct nginx *n)
{
	struct timespec pause = {0, 5000000};

	n->pid = fork();
	ck_assert_int_ge(n->pid, 0);
	if(!n->pid)
		run(n);
	for(int i = 0; i < 2000; i++) {
		int fd = connect_to(n->port);

		if(fd >= 0) {
			close(fd);
			return;
		}
		nanosleep(&pause, NULL);
	}
	ck_abort_msg("nginx does not start: see %s/error.log", n->dir);
}

static void start(struct nginx *n, bool tls)
{
	static int registered;
	char path[96];
	int i;

	*n = (struct nginx){.tls = tls};
	if(!registered++)
		atexit(end_all);
	strcpy(n->dir, "/tmp/cpm-nginx-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(n->dir));
	for(i = 0; i < SERVERS_MAX && running[i]; i++)
		;
	ck_assert_int_lt(i, SERVERS_MAX);
	running[i] = n;
	snprintf(path, sizeof(path), "%s/docs", n->dir);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	n->port = nginx_free_port();
	snprintf(n->root, sizeof(n->root), "%s:%d/xcap", tls ? "https://localhost" : "http://127.0.0.1",
			n->port);
	if(tls)
		make_certificate(n);
	write_config(n);
	spawn(n);
}

void nginx_start(struct nginx *n)
{
	start(n, false);
}

void nginx_start_tls(struct nginx *n)
{
	start(n, true);
}

void nginx_stop(struct nginx *n)
{
	if(!n->pid)
		return;
	kill(n->pid, SIGKILL);
	waitpid(n->pid, NULL, 0);
	n->pid = 0;
}

void nginx_continue(struct nginx *n)
{
	spawn(n);
}

void nginx_free(struct nginx *n)
{
	char command[128];

	nginx_stop(n);
	for(int i = 0; i < SERVERS_MAX; i++)
		if(running[i] == n)
			running[i] = NULL;
	snprintf(command, sizeof(command), "rm -rf '%s'", n->dir);
	if(system(command) != 0)
		fprintf(stderr, "cannot remove %s\n", n->dir);
}

static void ask(const struct nginx *n, const char *method, const char *path, const char *body)
{
	size_t size = strlen(path) + strlen(body) + 256, at = 0;
	char *text = malloc(size), answer[32] = "";
	int fd = connect_to(n->port), length;

	ck_assert_int_ge(fd, 0);
	length = snprintf(text, size,
			"%s /xcap%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
			method, path, strlen(body), body);
	while(at < (size_t)length) {
		ssize_t w = write(fd, text + at, (size_t)length - at);

		ck_assert_int_gt(w, 0);
		at += (size_t)w;
	}
	ck_assert_int_gt(read(fd, answer, sizeof(answer) - 1), 12);
	ck_assert_msg(answer[9] == '2', "%s %s: %s", method, path, answer);
	while(read(fd, text, size) > 0)
		;
	close(fd);
	free(text);
}

void nginx_put(const struct nginx *n, const char *path, const char *body)
{
	ask(n, "PUT", path, body);
}

void nginx_delete(const struct nginx *n, const char *path)
{
	ask(n, "DELETE", path, "");
}

size_t nginx_logged(const struct nginx *n, const char *text)
{
	char path[96], line[512];
	size_t count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/access.log", n->dir);
	f = fopen(path, "r");
	if(!f)
		return 0;
	while(fgets(line, sizeof(line), f))
		count += strncmp(line, text, strlen(text)) == 0;
	fclose(f);
	return count;
}
