/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Each life of a node is a fresh copy of the shared object: the loader gives
 * one file one set of variables. A dead one is never unloaded, so that what it
 * had allocated is still referred to and no leak is seen in it.
 */
#include "fleet.h"

#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "unit.h"

#define SOCKETS_MAX 16
/* A node that has moved so often without coming to rest runs in a circle. */
#define TURNS_MAX 20000
/* After so many a broken connection has been seen, and made anew if there is a way. */
#define UNSETTLED_TURNS 12
/* For an answer; short, since what is waited for may not have been written yet. */
#define WAIT_MS 10

static void copy_file(const char *from, const char *to)
{
	static char bytes[1 << 16];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t n;

	ck_assert(in && out);
	while((n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		ck_assert_uint_eq(fwrite(bytes, 1, n, out), n);
	fclose(in);
	ck_assert_int_eq(fclose(out), 0);
}

static const struct node_api *load(struct fleet *f)
{
	/* The loader takes a file of the same name for the one that it knows. */
	static int loads;
	char path[128];
	void *handle;
	const struct node_api *api;

	ck_assert_int_lt(f->life_count, FLEET_LIVES_MAX);
	snprintf(path, sizeof(path), "%s/node%d.so", f->server->dir, loads++);
	copy_file(NODE, path);
	handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	ck_assert_msg(handle != NULL, "%s", dlerror());
	api = dlsym(handle, "node_api");
	ck_assert_ptr_nonnull(api);
	unlink(path);
	f->lives[f->life_count++] = api;
	return api;
}

void fleet_start(struct fleet *f, int node, int64_t now_ms)
{
	struct node *n = &f->nodes[node];

	n->api = load(f);
	n->life++;
	n->alive = true;
	n->lose_answers = false;
	n->doom = 0;
	n->frozen_until_ms = 0;
	n->push_ms = now_ms;
	f->settings.address = n->address;
	ck_assert(n->api->open(node, &f->settings, f->world));
}

void fleet_open(struct fleet *f, int count, struct server *server,
		const struct node_settings *settings, const struct node_world *world, int64_t now_ms)
{
	*f = (struct fleet){.count = count, .server = server, .world = world, .settings = *settings};
	for(int i = 0; i < count; i++) {
		struct node *n = &f->nodes[i];

		snprintf(n->path, sizeof(n->path), "%s/node%d.sock", server->dir, i);
		snprintf(n->address, sizeof(n->address), "unix:%s/node%d.sock", server->dir, i);
		unlink(n->path);
		ck_assert_int_eq(symlink(server->socket, n->path), 0);
		n->fault_ms = -1;
		fleet_start(f, i, now_ms);
	}
}

static void break_connections(struct node *n)
{
	struct store_poll sockets[SOCKETS_MAX];
	size_t count = n->api->sockets(sockets, SOCKETS_MAX);

	for(size_t i = 0; i < count; i++)
		shutdown(sockets[i].fd, SHUT_RDWR);
	n->unsettled = UNSETTLED_TURNS;
}

void fleet_close(struct fleet *f)
{
	for(int i = 0; i < f->life_count; i++)
		f->lives[i]->close();
}

void fleet_kill(struct fleet *f, int node, int64_t now_ms)
{
	struct node *n = &f->nodes[node];

	break_connections(n);
	n->alive = false;
	n->fault_ms = now_ms;
}

void fleet_shake(struct fleet *f, int64_t now_ms)
{
	for(int i = 0; i < f->count; i++) {
		f->nodes[i].fault_ms = now_ms;
		f->nodes[i].push_ms = now_ms;
		if(f->nodes[i].alive)
			break_connections(&f->nodes[i]);
	}
}

void fleet_cut(struct fleet *f, int node, int64_t now_ms)
{
	struct node *n = &f->nodes[node];

	n->cut = true;
	n->fault_ms = now_ms;
	unlink(n->path);
	break_connections(n);
}

void fleet_heal(struct fleet *f, int node, int64_t now_ms)
{
	struct node *n = &f->nodes[node];

	if(n->cut)
		ck_assert_int_eq(symlink(f->server->socket, n->path), 0);
	n->cut = false;
	n->fault_ms = now_ms;
	n->push_ms = now_ms;
}

bool node_runs(const struct node *n, int64_t now_ms)
{
	return n->alive && n->frozen_until_ms <= now_ms;
}

static void wait_for_sockets(const struct node *n, int wait_ms)
{
	struct store_poll wanted[SOCKETS_MAX];
	struct pollfd fds[SOCKETS_MAX];
	size_t count = n->api->sockets(wanted, SOCKETS_MAX);

	for(size_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){
				.fd = wanted[i].fd, .events = (short)(POLLIN | (wanted[i].write ? POLLOUT : 0))};
	/* Between two connections there is none to wait for. */
	if(count)
		poll(fds, count, wait_ms);
}

static void server_stop(const struct server *server)
{
	int status;

	ck_assert_int_eq(kill(server->pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(server->pid, &status, WUNTRACED), server->pid);
}

/* One turn. The node has a clock of its own. */
static void run(struct node *n, int64_t now_ms, bool due, bool *moved)
{
	n->push_ms = now_ms + n->api->run(due, &n->due_ms, moved);
	if(due)
		n->due_ms += now_ms;
}

/* One turn whose commands are executed, and whose answers never come: the server stands still until the connection is broken. */
static void run_unanswered(struct fleet *f, struct node *n, int64_t now_ms, bool due, bool *moved)
{
	server_stop(f->server);
	run(n, now_ms, due, moved);
	if(n->api->pending() && (n->lose_answers || --n->doom == 0)) {
		n->alive = n->lose_answers;
		n->lose_answers = false;
		n->fault_ms = now_ms;
		break_connections(n);
	}
	kill(f->server->pid, SIGCONT);
	/* What was written before this question is executed before its answer. */
	server_tell(f->server, "PING");
}

void fleet_pump(struct fleet *f, int node, int64_t now_ms, bool due)
{
	struct node *n = &f->nodes[node];

	n->talked = false;
	for(int turns = 0; turns < TURNS_MAX; turns++) {
		bool moved;

		if(n->lose_answers || n->doom)
			run_unanswered(f, n, now_ms, due, &moved);
		else
			run(n, now_ms, due, &moved);
		n->talked |= moved;
		if(!n->alive)
			return;
		if(n->unsettled)
			n->unsettled--;
		if(n->cut && !n->unsettled)
			return;
		if(!n->cut && (n->unsettled || n->api->pending() || !n->api->available()))
			wait_for_sockets(n, WAIT_MS);
		else if(!moved && n->push_ms > now_ms && (!due || n->due_ms > now_ms))
			return;
	}
	ck_abort_msg("node %d runs in a circle at %lld", node, (long long)now_ms);
}
