/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * An endpoint with a clock that stands still, an owner that writes down what it
 * is told, and raw peers over real sockets.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include <openssl/ssl.h>
#include <sys/socket.h>

#include "msrp/leg.h"
#include "unit.h"

#define HEARD_MAX (1u << 20)

struct world {
	struct endpoint_config config;
	struct endpoint *endpoint;
	int64_t now_ms;
	char said[512]; /* the last line of the log */
};

struct owner {
	struct leg *leg;
	unsigned refuse;  /* what begin answers */
	unsigned verdict; /* what complete answers at once; 0: later */
	bool full;        /* octets says "enough" */
	bool close_on_begin;
	bool pause_when_bound;
	char *body; /* what it has taken, by offset */
	size_t size, reached;
	struct cpm_slice out; /* what it sends */
	bool late;            /* want is answered by the test */
	uint64_t wanted_at;
	size_t wanted;
	unsigned bounds, begins, completes, aborts, sents, losses;
	unsigned sent_status;
	uint64_t total;
	void *taking, *last, *sent_mark; /* marks: whose octets came, what ended, what was sent last */
	enum leg_loss why;
};

struct peer {
	int fd;
	SSL *ssl;
	char *heard;
	size_t size; /* of heard */
	size_t count;
	bool closed;
};

/* Listens at 127.0.0.1, ::1 and (TLS) 127.0.0.1; tweak may change the configuration before. */
void world_start(struct world *w, void (*tweak)(struct endpoint_config *config));
void world_stop(struct world *w);
/* A few turns without moving the clock. */
void world_turn(struct world *w);
void world_pass(struct world *w, int64_t ms);

/* Turns until the condition holds; fails the test when it does not. */
#define world_await(w, condition)                          \
	do {                                                   \
		for(int await = 0; !(condition); await++) {        \
			ck_assert_msg(await < 4000, "%s", #condition); \
			world_turn(w);                                 \
			usleep(500);                                   \
		}                                                  \
	} while(0)

/* A leg for messages of at most max octets of message/cpim, with an owner that takes them. */
struct leg *owner_open(struct world *w, struct owner *o, size_t max, bool tls, bool ipv6);
const struct leg_hooks *owner_hooks(void);
/* One that converses. */
struct leg *owner_converse(struct world *w, struct owner *o, size_t max);
void owner_free(struct owner *o);

void peer_connect(struct world *w, struct peer *p, bool tls, bool ipv6);
/* Waits at a socket of its own; *port says where. Then peer_accept. */
int peer_listen(unsigned *port);
void peer_accept(struct world *w, struct peer *p, int listener, bool tls);
void peer_say(struct world *w, struct peer *p, struct cpm_slice text);
/* printf into peer_say. */
void peer_sayf(struct world *w, struct peer *p, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
/* Until this has been heard; fails the test when it does not come. Forgets all up to its end. */
void peer_hear(struct world *w, struct peer *p, const char *text);
/* Nothing (more) has been heard. */
void peer_silence(struct world *w, struct peer *p);
void peer_closed(struct world *w, struct peer *p);
void peer_close(struct peer *p);
/* Takes what is there; the number of octets heard and not yet forgotten. */
size_t peer_listen_on(struct world *w, struct peer *p);

#endif
