/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Private Redis servers for tests: each in a folder of its own, ended with the
 * test program whatever becomes of it; and a store driven by hand.
 */
#ifndef TEST_SERVER_H
#define TEST_SERVER_H

#include <hiredis/hiredis.h>
#include <stdint.h>
#include <sys/types.h>

#include "redis/store.h"

struct server {
	pid_t pid;
	char dir[64];
	char socket[96];
	char address[112]; /* for store_config */
	int port;          /* 0 when there is a socket only */
	char options[512];
	redisContext *control;
};

/* Starts redis-server with more options ("--appendonly yes ..."), with a TCP port on loopback when port is set, and waits until it
 * answers. */
void server_start(struct server *s, bool port, const char *options);
/* A Sentinel that watches master under the name "mymaster". */
void server_start_sentinel(struct server *s, const struct server *master);
/* Starts it again in its folder. */
void server_restart(struct server *s);
/* Ends it and waits; keeps its folder. */
void server_end(struct server *s, int signal);
/* Ends it and removes its folder. */
void server_free(struct server *s);
/* A command over a connection of the test; free the reply. Fails the test when there is no answer. */
redisReply *server_ask(struct server *s, const char *format, ...);
int64_t server_integer(struct server *s, const char *format, ...);
/* Any answer will do. */
void server_tell(struct server *s, const char *format, ...);

int64_t test_now_ms(void);
/* One turn: runs the stores, waits for I/O up to wait_ms, and runs them again. */
void test_turn(struct store *const *stores, size_t count, int wait_ms);

/* Turns until the condition holds; fails the test after ten seconds. */
#define test_until(stores, count, condition)                                           \
	do {                                                                               \
		int64_t test_end = test_now_ms() + 30000 * unit_slowness();                    \
		while(!(condition)) {                                                          \
			ck_assert_msg(test_now_ms() < test_end, "line %d: " #condition, __LINE__); \
			test_turn((stores), (count), 20);                                          \
		}                                                                              \
	} while(0)

#endif
