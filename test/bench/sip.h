/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the load generator and the phones share: a clock, a UDP socket, SIP
 * headers found in a datagram, RFC 3261 timer E, and percentiles.
 */
#ifndef BENCH_SIP_H
#define BENCH_SIP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIP_DATAGRAM_MAX 4096

/* Monotonic microseconds. */
int64_t now_us(void);

/* Makes this process one that never takes a processor from another by waking up (SCHED_BATCH). What sends and answers messages is, in
 * life, other machines: the kernel would otherwise take the server off its processor at every answer that it sends. */
void stand_back(void);

/* "host:port", the host as a number. Ends the program when it is none. */
struct sockaddr_in sip_address(const char *text);

/* A UDP socket on 127.0.0.1 with a big receive buffer, connected to the server when there is one. *port is what it got. Ends the
 * program when it cannot. */
int sip_socket(const struct sockaddr_in *server, unsigned *port);

/* The value of the first header of this name at or after from, without its line end; NULL when there is none. message ends with NUL. */
const char *sip_header(const char *from, const char *name, size_t *n);

/* The status of a reply, 0 when the datagram is none. */
int sip_status(const char *message);

/* RFC 3261 17.1.2.2: when an unanswered request is sent again, and when it is given up. */
struct timer_e {
	int64_t next_us, end_us;
	int interval_ms;
};
void timer_e_start(struct timer_e *t, int64_t now);
enum timer_e_says { TIMER_E_WAIT, TIMER_E_RESEND, TIMER_E_GIVE_UP };
enum timer_e_says timer_e_check(struct timer_e *t, int64_t now);

/* Measured times, kept whole. */
struct samples {
	uint32_t *us;
	size_t n, room;
};
void samples_add(struct samples *s, int64_t us);
/* Sorts, then prints "NAME_p50_us": ..., p95, p99 and max, as members of a JSON object, each followed by a comma. */
void samples_print(struct samples *s, const char *name);

#endif
