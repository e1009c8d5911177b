/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Connections.
 */
#include "link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_SIZE 65536
#define READS_PER_TURN 16
#define WRITE_PIECES 128
/* A reply that announces more than this is not from a Redis that we know. */
#define READER_KEEP (1u << 20)

void link_init(struct link *l, const struct store_config *config, const struct link_hooks *hooks,
		void *owner)
{
	*l = (struct link){.config = config, .hooks = hooks, .owner = owner};
	l->backoff_ms = config->reconnect_min_ms;
	l->due_ms = INT64_MAX;
	l->random = (uint64_t)(uintptr_t)l ^ ((uint64_t)getpid() << 32) ^ UINT64_C(0x9e3779b97f4a7c15);
}

static struct command_queue *active(struct link *l)
{
	return l->state == LINK_READY ? &l->work : &l->setup;
}

static void drop_queue(struct command_queue *q)
{
	struct command *c;

	while((c = command_pop(q)))
		command_free(c);
}

/* What belonged to the old connection goes, what belongs to callers stays in its order. */
static void forget_connection(struct link *l)
{
	struct command_queue kept = {.head = NULL};
	struct command *c;

	if(l->redis)
		redisFree(l->redis);
	l->redis = NULL;
	l->state = LINK_DOWN;
	drop_queue(&l->setup);
	command_prepend(&l->work, &l->held);
	while((c = command_pop(&l->work))) {
		if(c->kind == COMMAND_ASKING || c->kind == COMMAND_WAIT || c->kind == COMMAND_LOAD)
			command_free(c);
		else
			command_push(&kept, c);
	}
	l->work = kept;
	l->unsent = l->work.head;
	l->unsent_offset = 0;
	l->reloading = false;
	l->writes_to_confirm = l->work.head != NULL;
}

void link_close(struct link *l)
{
	forget_connection(l);
	drop_queue(&l->work);
}

/* xorshift64: spreads reconnects, nothing more. */
static uint64_t link_random(struct link *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random;
}

void link_fail(struct link *l, const char *reason, const char *detail)
{
	char text[160];
	int64_t half = l->backoff_ms / 2;

	/* detail may live in what is freed below */
	strncpy(text, detail, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	forget_connection(l);
	l->resolved = false;
	l->quick = false;
	l->retry_at_ms = l->now_ms + half + (int64_t)(link_random(l) % (uint64_t)(half + 1));
	l->backoff_ms = l->backoff_ms > l->config->reconnect_max_ms / 2 ? l->config->reconnect_max_ms
																	: l->backoff_ms * 2;
	l->hooks->failed(l->owner, l, reason, text);
}

/* The peer is gone. A connection that worked is made anew at once, and only if that fails is the loss told. */
static void link_lost(struct link *l, const char *detail)
{
	if(l->state != LINK_READY) {
		link_fail(l, "down", detail);
		return;
	}
	forget_connection(l);
	l->resolved = false;
	l->quick = true;
	l->retry_at_ms = l->now_ms;
}

static bool begin_setup(struct link *l)
{
	if(l->sentinels && !l->resolved) {
		struct command *c = command_of(COMMAND_SETUP, 3,
				(const char *[]){"SENTINEL", "get-master-addr-by-name", l->sentinels->master});
		if(c)
			command_push(&l->setup, c);
		return c != NULL;
	}
	return handshake_begin(&l->handshake, l->config, l->sentinels != NULL, &l->setup);
}

static void link_open(struct link *l)
{
	if(l->sentinels && !l->resolved) {
		l->address = l->sentinels->sentinels[l->sentinel];
		l->sentinel = (l->sentinel + 1) % l->sentinels->sentinel_count;
	}
	l->redis = l->address.port ? redisConnectNonBlock(l->address.host, l->address.port)
							   : redisConnectUnixNonBlock(l->address.host);
	l->state = LINK_CONNECTING;
	l->setup_deadline_ms = l->now_ms + l->config->timeout_ms;
	if(!l->redis) {
		link_fail(l, "down", "out of memory");
	} else if(l->redis->err) {
		link_fail(l, "down", l->redis->errstr);
	} else if(!begin_setup(l)) {
		link_fail(l, "down", "out of memory");
	} else {
		l->redis->reader->maxbuf = READER_KEEP;
		l->unsent = l->setup.head;
		l->unsent_offset = 0;
	}
}

void link_push(struct link *l, struct command *c)
{
	command_push(&l->work, c);
	if(c->deadline_ms < l->due_ms)
		l->due_ms = c->deadline_ms;
	if(c->kind == COMMAND_PUT || c->kind == COMMAND_MANAGE)
		l->writes_to_confirm = true;
	if(l->state == LINK_READY && !l->unsent)
		l->unsent = c;
}

/* Marks size bytes more as written. */
static void written(struct link *l, size_t size)
{
	while(l->unsent && size >= l->unsent->size - l->unsent_offset) {
		size -= l->unsent->size - l->unsent_offset;
		l->unsent = l->unsent->next;
		l->unsent_offset = 0;
	}
	l->unsent_offset += size;
}

static void flush(struct link *l)
{
	while(l->unsent) {
		struct iovec pieces[WRITE_PIECES];
		size_t offset = l->unsent_offset, size = 0;
		int count = 0;
		ssize_t n;

		for(struct command *c = l->unsent; c && count < WRITE_PIECES; c = c->next) {
			pieces[count].iov_base = c->bytes + offset;
			pieces[count].iov_len = c->size - offset;
			size += pieces[count++].iov_len;
			offset = 0;
		}
		/* sendmsg rather than writev: a closed peer is an error here, not a signal for the process */
		n = sendmsg(l->redis->fd, &(struct msghdr){.msg_iov = pieces, .msg_iovlen = (size_t)count},
				MSG_NOSIGNAL);
		if(n < 0 && errno == EINTR)
			continue;
		if(n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if(n < 0) {
			link_lost(l, strerror(errno));
			return;
		}
		written(l, (size_t)n);
		if((size_t)n < size)
			return;
	}
}

/* 1 connected, 0 not yet, -1 failed (and told). */
static int finish_connect(struct link *l)
{
	int error = 0;
	socklen_t size = sizeof(error);
	struct sockaddr_storage peer;
	socklen_t peer_size = sizeof(peer);

	if(getsockopt(l->redis->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error) {
		link_fail(l, "down", strerror(error ? error : errno));
		return -1;
	}
	if(getpeername(l->redis->fd, (struct sockaddr *)&peer, &peer_size) == 0)
		return 1;
	if(errno == ENOTCONN)
		return 0;
	link_fail(l, "down", strerror(errno));
	return -1;
}

void link_write(struct link *l, int64_t now_ms)
{
	l->now_ms = now_ms;
	if(l->state == LINK_DOWN && now_ms >= l->retry_at_ms)
		link_open(l);
	if((l->state == LINK_CONNECTING || l->state == LINK_SETUP) && now_ms >= l->setup_deadline_ms)
		link_fail(l, "timeout", "no answer while connecting");
	if(l->state == LINK_CONNECTING && finish_connect(l) == 1)
		l->state = LINK_SETUP;
	if(l->state == LINK_SETUP || l->state == LINK_READY)
		flush(l);
}

static void become_ready(struct link *l)
{
	l->state = LINK_READY;
	l->quick = false;
	l->backoff_ms = l->config->reconnect_min_ms;
	l->unsent = l->work.head;
	l->unsent_offset = 0;
	l->hooks->ready(l->owner, l);
}

/* Sentinel named the master: go there in the same turn. */
static void sentinel_answer(struct link *l, const redisReply *reply)
{
	struct address master;

	if(!address_of_master(reply, &master)) {
		link_fail(l, "down", "Sentinel names no such master");
		return;
	}
	forget_connection(l);
	l->address = master;
	l->resolved = true;
	link_open(l);
}

static void setup_answer(struct link *l, struct command *c, const redisReply *reply)
{
	const char *reason;

	if(l->sentinels && !l->resolved) {
		sentinel_answer(l, reply);
		return;
	}
	reason = handshake_answer(&l->handshake, c->step, reply, &l->address);
	if(reason)
		link_fail(l, reason, l->handshake.detail);
	else if(!l->setup.head)
		become_ready(l);
}

/* False when the connection is no longer the one that was read from. */
static bool answer(struct link *l, redisReply *reply)
{
	const redisContext *before = l->redis;
	struct command_queue *q = active(l);
	struct command *c = q->head == l->unsent ? NULL : command_pop(q);
	bool taken = false;

	if(!c) {
		link_lost(l, "an answer to no question");
	} else if(c->kind == COMMAND_SETUP) {
		setup_answer(l, c, reply);
		command_free(c);
	} else {
		taken = l->hooks->answer(l->owner, l, c, reply);
	}
	if(!taken)
		freeReplyObject(reply);
	return l->redis == before;
}

/* False when the connection is gone. */
static bool parse(struct link *l)
{
	void *reply;

	for(;;) {
		if(redisReaderGetReply(l->redis->reader, &reply) != REDIS_OK) {
			link_lost(l, l->redis->reader->errstr);
			return false;
		}
		if(!reply)
			return true;
		if(!answer(l, reply))
			return false;
	}
}

void link_read(struct link *l, int64_t now_ms)
{
	char bytes[READ_SIZE];
	bool silent = l->silent;

	l->now_ms = now_ms;
	l->silent = false;
	if(silent)
		return;
	for(int i = 0; i < READS_PER_TURN && (l->state == LINK_SETUP || l->state == LINK_READY); i++) {
		ssize_t n = read(l->redis->fd, bytes, sizeof(bytes));

		if(n < 0 && errno == EINTR)
			continue;
		if(n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if(n <= 0) {
			link_lost(l, n == 0 ? "the server closed the connection" : strerror(errno));
			return;
		}
		if(redisReaderFeed(l->redis->reader, bytes, (size_t)n) != REDIS_OK) {
			link_lost(l, "out of memory");
			return;
		}
		if(!parse(l) || (size_t)n < sizeof(bytes))
			return;
	}
}

/* Is something due that the server has, wholly or in part? */
static bool is_stalled(const struct link *l)
{
	if(l->state != LINK_READY)
		return false;
	for(const struct command *c = l->held.head; c; c = c->next) {
		if(c->deadline_ms <= l->now_ms)
			return true;
	}
	for(const struct command *c = l->work.head; c && c != l->unsent; c = c->next) {
		if(c->deadline_ms <= l->now_ms)
			return true;
	}
	return l->unsent && l->unsent_offset > 0 && l->unsent->deadline_ms <= l->now_ms;
}

void link_expire(struct link *l, int64_t now_ms, struct command_queue *late)
{
	struct command_queue kept = {.head = NULL};
	struct command *c;
	bool stalled;

	l->now_ms = now_ms;
	if(now_ms < l->due_ms)
		return;
	stalled = is_stalled(l);
	if(stalled)
		forget_connection(l);
	l->due_ms = INT64_MAX;
	while((c = command_pop(&l->work))) {
		if(c->deadline_ms <= now_ms) {
			if(c == l->unsent)
				l->unsent = l->work.head;
			command_push(late, c);
			continue;
		}
		if(c->deadline_ms < l->due_ms)
			l->due_ms = c->deadline_ms;
		command_push(&kept, c);
	}
	l->work = kept;
	for(c = l->held.head; c; c = c->next) {
		if(c->deadline_ms < l->due_ms)
			l->due_ms = c->deadline_ms;
	}
	if(stalled)
		link_fail(l, "timeout", "no answer in time");
}

int64_t link_wake_at(const struct link *l)
{
	int64_t at = l->due_ms;

	if(l->state == LINK_DOWN && l->retry_at_ms < at)
		at = l->retry_at_ms;
	if((l->state == LINK_CONNECTING || l->state == LINK_SETUP) && l->setup_deadline_ms < at)
		at = l->setup_deadline_ms;
	return at;
}
