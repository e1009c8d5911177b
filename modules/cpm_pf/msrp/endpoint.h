/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * An MSRP endpoint: listening sockets, connections, TLS, time-outs, one thread,
 * nothing ever waits. Sessions are in leg.h. Knows nothing of Kamailio.
 *
 * Memory: a connection has a head buffer (max_head), at most ENDPOINT_OUT_MAX
 * octets for each of its legs that wait to be written, and what OpenSSL takes for
 * TLS; a leg has less than 2 KiB beside it, and for each message under way less
 * than 1 KiB and the path that it came by. Bodies are handed on as they are read; what was read when the owner says "enough" is
 * kept until it resumes, at most ENDPOINT_READ_MAX octets.
 */
#ifndef CPM_ENDPOINT_H
#define CPM_ENDPOINT_H

#include "../core/base/slice.h"
#include "../core/codec/msrp.h"

#define ENDPOINT_LISTEN_MAX 8
/* Octets read from one connection at once. */
#define ENDPOINT_READ_MAX 65536
/* Octets that may wait to be written on one connection, for each session that it serves. From a quarter of it on, nothing more is
 * read from that connection and no more chunks are made for it. */
#define ENDPOINT_OUT_MAX (512u * 1024)

struct endpoint;

enum endpoint_log { ENDPOINT_LOG_ERROR, ENDPOINT_LOG_WARNING, ENDPOINT_LOG_INFO };

struct endpoint_config {
	/* "192.0.2.1:2855", "[2001:db8::1]:2855", "tls:192.0.2.1:2856"; port 0 takes a free one. The
	 * address is what peers are told, unless host says another. At most ENDPOINT_LISTEN_MAX. */
	const char *listen[ENDPOINT_LISTEN_MAX];
	size_t listen_count;
	const char *host;            /* in our URIs in place of the listening address, or NULL */
	const char *tls_certificate; /* PEM chain; NULL: none, then tls: cannot be listened to */
	const char *tls_key;         /* PEM; NULL: in the certificate's file */
	const char *tls_ca;          /* PEM bundle to check peers with; NULL: the system's */
	int tls_verify; /* 0: no check; 1: of servers that we connect to; 2: of clients too */
	size_t max_legs;
	size_t max_channels; /* connections; one more is closed at once */
	size_t max_unbound;  /* connections without a session; the oldest one is closed */
	size_t max_head;     /* octets of one head */
	struct cpm_msrp_limits limits;
	size_t chunk_bytes;  /* of a SEND of ours, at most a quarter of ENDPOINT_OUT_MAX */
	int64_t connect_ms;  /* for our connection, and for a TLS handshake */
	int64_t bind_ms;     /* for the first request on a connection, for the peer of a leg */
	int64_t head_ms;     /* for a head, from its first octet */
	int64_t idle_ms;     /* without an octet of a body, or a peer that takes none */
	int64_t response_ms; /* for the response to a SEND of ours (RFC 4975: 30 s) */
	int64_t life_ms;     /* of a leg, in all */
	void (*log)(void *context, enum endpoint_log level, const char *text); /* one line, no bodies */
	void *context;
};

#define ENDPOINT_CONFIG_DEFAULT                                                       \
	{                                                                                 \
		.max_legs = 2000, .max_channels = 4000, .max_unbound = 500, .max_head = 4096, \
		.limits = CPM_MSRP_LIMITS_DEFAULT, .chunk_bytes = 65536, .connect_ms = 10000, \
		.bind_ms = 30000, .head_ms = 10000, .idle_ms = 60000, .response_ms = 30000,   \
		.life_ms = 3600000,                                                           \
	}

/* Counted since the start, but for channels and legs. */
struct endpoint_statistics {
	size_t channels, legs;
	uint64_t accepted; /* connections */
	uint64_t dialled;
	uint64_t octets_in, octets_out; /* of bodies */
	uint64_t frames_in;
	uint64_t malformed;   /* connections closed for what they sent */
	uint64_t slow;        /* connections closed by a time-out */
	uint64_t turned_away; /* connections closed for want of room */
	uint64_t refused[10]; /* requests by our answer: 400 403 408 413 415 423 481 501 506, others */
};

/* NULL and *error (a static string that says what to write instead) when it cannot be had: a bad
 * address, a port that is taken, a certificate that cannot be read. The config must outlive it. */
struct endpoint *endpoint_new(const struct endpoint_config *config, const char **error);
/* Closes everything; legs are freed without a word to their owners. */
void endpoint_free(struct endpoint **endpoint);

/* One turn without waiting. Returns when it wants to run again even without I/O. Hooks run in it
 * and may open, use and close legs. */
int64_t endpoint_run(struct endpoint *e, int64_t now_ms);
/* Poll it for reading. */
int endpoint_fd(const struct endpoint *e);
/* Something waits to be done: run again before sleeping. */
bool endpoint_busy(const struct endpoint *e);

void endpoint_statistics(const struct endpoint *e, struct endpoint_statistics *s);

/* Where we can be reached. False when there is no such listener. address is numeric, without
 * brackets, and lives as long as the endpoint. */
struct endpoint_place {
	const char *address;
	unsigned port;
	bool ipv6, tls;
};
bool endpoint_place(const struct endpoint *e, bool tls, bool ipv6, struct endpoint_place *place);

#endif
