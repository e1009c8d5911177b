/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Many phones on few UDP sockets: registers users PREFIX0, PREFIX1, ... with
 * one contact each, answers every MESSAGE with 200 at once, and takes the
 * contacts back at the end. Prints one JSON object: REGISTER latency, and what
 * arrived of the messages that `load` numbered: lost, repeated (another
 * branch), retransmitted (the same branch), out of order, first and last time.
 */
#include "sip.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS_MAX 64
#define CONTACT_TAGS                                                        \
	"+g.3gpp.icsi-ref=\"urn%%3Aurn-7%%3A3gpp-service.ims.icsi.oma.cpm.msg," \
	"urn%%3Aurn-7%%3A3gpp-service.ims.icsi.oma.cpm.deferred\""

/* One message expected by a user: the branch that brought it. */
struct arrival {
	bool arrived;
	uint64_t branch;
};

struct user {
	bool waiting; /* for an answer to REGISTER */
	int64_t sent_us;
	struct timer_e timer;
	unsigned long next; /* the lowest number that is in order */
	struct arrival *arrivals;
};

static struct {
	const char *server, *domain, *prefix, *run;
	unsigned users, sockets, window;
	unsigned long expect;
	double quiet_s, linger_s;
	double rate; /* REGISTERs a second; 0: as fast as the window allows */
} options = {.domain = "bench.example",
		.prefix = "u",
		.run = "run",
		.users = 1,
		.sockets = 8,
		.quiet_s = 5,
		.linger_s = 0.7};

static struct pollfd sockets[SOCKETS_MAX];
static unsigned ports[SOCKETS_MAX];
static struct user *users;
static unsigned phase_expires;
static unsigned registering, registered, refused, register_retransmissions;
static unsigned long arrived, repeated, retransmitted, disordered, foreign;
static int64_t start_us, first_us, last_us, activity_us;
static struct samples register_latency;

/* FNV-1a. */
static uint64_t hash_of(const char *p, size_t n)
{
	uint64_t h = 14695981039346656037u;

	while(n--)
		h = (h ^ (unsigned char)*p++) * 1099511628211u;
	return h;
}

static void register_send(unsigned u)
{
	char packet[SIP_DATAGRAM_MAX];
	unsigned s = u % options.sockets;
	int n = snprintf(packet, sizeof(packet),
			"REGISTER sip:%s SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK-%s-r%u-%u\r\n"
			"Max-Forwards: 70\r\n"
			"From: <sip:%s%u@%s>;tag=%u\r\n"
			"To: <sip:%s%u@%s>\r\n"
			"Call-ID: %s-%s%u-register\r\n"
			"CSeq: %u REGISTER\r\n"
			"Contact: <sip:%s%u@127.0.0.1:%u>;" CONTACT_TAGS "\r\n"
			"Expires: %u\r\n"
			"Allow: MESSAGE, INVITE, ACK, BYE, CANCEL, OPTIONS\r\n"
			"User-Agent: CPM-client/OMA1.0\r\n"
			"Content-Length: 0\r\n\r\n",
			options.domain, ports[s], options.run, u, phase_expires, options.prefix, u,
			options.domain, u, options.prefix, u, options.domain, options.run, options.prefix, u,
			phase_expires ? 1 : 2, options.prefix, u, ports[s], phase_expires);

	send(sockets[s].fd, packet, (size_t)n, 0);
}

static void register_start(unsigned u, int64_t now)
{
	users[u].waiting = true;
	users[u].sent_us = now;
	timer_e_start(&users[u].timer, now);
	register_send(u);
}

static void register_answered(const char *packet, int64_t now)
{
	int status = sip_status(packet);
	const char *branch = strstr(packet, "branch=z9hG4bK-");
	size_t run = strlen(options.run);
	unsigned u, expires;

	if(status < 200 || !branch || sscanf(branch + 15 + run, "-r%u-%u", &u, &expires) != 2
			|| u >= options.users || expires != phase_expires || !users[u].waiting)
		return;
	users[u].waiting = false;
	registering--;
	if(status != 200) {
		refused++;
		return;
	}
	registered++;
	if(phase_expires)
		samples_add(&register_latency, now - users[u].sent_us);
}

static char *add(char *out, const char *text, size_t n)
{
	memcpy(out, text, n);
	return out + n;
}

/* The lines that a response copies (RFC 3261 8.2.6.2). What is copied is shorter than the request, what is added too. */
static void answer(int fd, const struct sockaddr_in *peer, const char *packet)
{
	static const char *const names[] = {"Via", "From", "To", "Call-ID", "CSeq"};
	static const char tail[] = "Content-Length: 0\r\n\r\n";
	char out[SIP_DATAGRAM_MAX + 256], *o = add(out, "SIP/2.0 200 OK\r\n", 16);
	const char *value;
	size_t i, n;

	for(i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for(value = sip_header(packet, names[i], &n); value;
				value = sip_header(value + n + 2, names[i], &n)) {
			o = add(o, names[i], strlen(names[i]));
			o = add(o, ": ", 2);
			o = add(o, value, n);
			if(i == 2)
				o = add(o, ";tag=phone", 10);
			o = add(o, "\r\n", 2);
			if(i != 0)
				break;
		}
	}
	o = add(o, tail, sizeof(tail) - 1);
	sendto(fd, out, (size_t)(o - out), 0, (const struct sockaddr *)peer, sizeof(*peer));
}

static void count_arrival(struct user *user, unsigned long seq, uint64_t branch, int64_t now)
{
	struct arrival *a = &user->arrivals[seq];

	if(a->arrived) {
		if(a->branch == branch)
			retransmitted++;
		else
			repeated++;
		return;
	}
	a->arrived = true;
	a->branch = branch;
	if(seq < user->next)
		disordered++;
	else
		user->next = seq + 1;
	if(!arrived++)
		first_us = now;
	last_us = now;
}

static void take_message(int fd, const struct sockaddr_in *peer, const char *packet, int64_t now)
{
	const char *name = strstr(packet, "sip:"), *text = strstr(packet, "run=");
	size_t n, prefix = strlen(options.prefix), run = strlen(options.run);
	const char *via = sip_header(packet, "Via", &n);
	unsigned long u, seq;
	char *end;

	if(!name || !via)
		return;
	answer(fd, peer, packet);
	activity_us = now;
	u = strncmp(name + 4, options.prefix, prefix) == 0 ? strtoul(name + 4 + prefix, &end, 10)
													   : options.users;
	if(!text || u >= options.users || *end != '@' || strncmp(text + 4, options.run, run) != 0
			|| sscanf(text + 4 + run, " seq=%lu", &seq) != 1 || seq >= options.expect) {
		foreign++;
		return;
	}
	count_arrival(&users[u], seq, hash_of(via, n), now);
}

static void receive(int fd)
{
	char packet[SIP_DATAGRAM_MAX];
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	ssize_t n;

	while((n = recvfrom(
				   fd, packet, sizeof(packet) - 1, MSG_DONTWAIT, (struct sockaddr *)&peer, &length))
			> 0) {
		int64_t now = now_us();
		packet[n] = '\0';
		if(strncmp(packet, "MESSAGE ", 8) == 0)
			take_message(fd, &peer, packet, now);
		else
			register_answered(packet, now);
	}
}

static void run_timers(int64_t now)
{
	unsigned u;

	for(u = 0; u < options.users; u++) {
		if(!users[u].waiting)
			continue;
		switch(timer_e_check(&users[u].timer, now)) {
			case TIMER_E_WAIT:
				break;
			case TIMER_E_RESEND:
				register_retransmissions++;
				register_send(u);
				break;
			case TIMER_E_GIVE_UP:
				users[u].waiting = false;
				registering--;
				refused++;
				break;
		}
	}
}

/* May the next user register, n having done so since start? */
static bool may_register(unsigned n, int64_t start, int64_t now)
{
	if(n == options.users || registering >= options.window)
		return false;
	return options.rate <= 0 || !phase_expires
		   || (double)n < (double)(now - start) / 1e6 * options.rate;
}

/* Registers (or, with expires 0, takes back) everybody, at most window at a time; goes on until nothing is missing and linger_s
 * have passed, or nothing came for quiet_s. */
static void phase(unsigned expires, unsigned long expect, double linger_s)
{
	int64_t now = now_us(), start = now, timers_us = now, complete_us = 0;
	unsigned next = 0, i;

	phase_expires = expires;
	registered = 0;
	activity_us = now;
	for(;;) {
		for(; may_register(next, start, now_us()); next++, registering++)
			register_start(next, now_us());
		if(poll(sockets, options.sockets, options.rate > 0 ? 1 : 20) > 0) {
			for(i = 0; i < options.sockets; i++) {
				if(sockets[i].revents)
					receive(sockets[i].fd);
			}
		}
		now = now_us();
		if(now - timers_us > 20000) {
			run_timers(now);
			timers_us = now;
		}
		if(!complete_us && next == options.users && !registering && arrived >= expect)
			complete_us = now;
		if(complete_us && (double)(now - complete_us) >= linger_s * 1e6)
			return;
		if(next == options.users && !registering
				&& (double)(now - activity_us) >= options.quiet_s * 1e6)
			return;
	}
}

static void report(unsigned long expect)
{
	double seconds = (double)(last_us - first_us) / 1e6;

	printf("{\"users\": %u, \"registered\": %u, \"refused\": %u, \"register_retransmissions\": "
		   "%u, ",
			options.users, registered, refused, register_retransmissions);
	samples_print(&register_latency, "register");
	printf("\"expected\": %lu, \"arrived\": %lu, \"lost\": %lu, \"duplicates\": %lu, "
		   "\"retransmissions\": %lu, ",
			expect, arrived, expect - arrived, repeated, retransmitted);
	printf("\"order_errors\": %lu, \"foreign\": %lu, \"first_ms\": %.3f, \"last_ms\": %.3f, "
		   "\"burst_rate\": %.1f}\n",
			disordered, foreign, arrived ? (double)(first_us - start_us) / 1e3 : 0.0,
			arrived ? (double)(last_us - start_us) / 1e3 : 0.0,
			seconds > 0 ? (double)(arrived - 1) / seconds : 0.0);
	fflush(stdout);
}

static void usage(void)
{
	fprintf(stderr, "usage: phone -s HOST:PORT [-d DOMAIN] [-u PREFIX] [-k USERS] [-w REGISTERS AT "
					"A TIME]\n"
					"             [-e MESSAGES EXPECTED BY EACH] [-r RUN] [-R REGISTERS A SECOND] "
					"[-p SOCKETS] [-q QUIET "
					"SECONDS] [-l LINGER SECONDS]\n");
	exit(2);
}

static void read_options(int argc, char **argv)
{
	int o;

	while((o = getopt(argc, argv, "s:d:u:k:w:e:r:p:q:l:R:")) != -1) {
		switch(o) {
			case 's':
				options.server = optarg;
				break;
			case 'd':
				options.domain = optarg;
				break;
			case 'u':
				options.prefix = optarg;
				break;
			case 'r':
				options.run = optarg;
				break;
			case 'k':
				options.users = (unsigned)strtoul(optarg, NULL, 10);
				break;
			case 'w':
				options.window = (unsigned)strtoul(optarg, NULL, 10);
				break;
			case 'e':
				options.expect = strtoul(optarg, NULL, 10);
				break;
			case 'p':
				options.sockets = (unsigned)strtoul(optarg, NULL, 10);
				break;
			case 'q':
				options.quiet_s = strtod(optarg, NULL);
				break;
			case 'R':
				options.rate = strtod(optarg, NULL);
				break;
			case 'l':
				options.linger_s = strtod(optarg, NULL);
				break;
			default:
				usage();
		}
	}
	if(!options.server || !options.users || options.users > 1000000 || !options.sockets
			|| options.sockets > SOCKETS_MAX || options.expect > 1000000 || strlen(options.run) > 32
			|| strlen(options.domain) > 64 || strlen(options.prefix) > 32)
		usage();
	if(!options.window || options.window > options.users)
		options.window = options.users;
	if(options.sockets > options.users)
		options.sockets = options.users;
}

int main(int argc, char **argv)
{
	struct sockaddr_in server;
	unsigned long expect;
	unsigned i;

	read_options(argc, argv);
	server = sip_address(options.server);
	for(i = 0; i < options.sockets; i++)
		sockets[i] = (struct pollfd){.fd = sip_socket(&server, &ports[i]), .events = POLLIN};
	users = calloc(options.users, sizeof(*users));
	for(i = 0; users && i < options.users; i++) {
		users[i].arrivals = calloc(options.expect + 1, sizeof(struct arrival));
		if(!users[i].arrivals)
			abort();
	}
	if(!users)
		abort();

	expect = options.expect * options.users;
	start_us = now_us();
	phase(3600, expect, options.linger_s);
	report(expect);
	phase(0, 0, 0);
	return 0;
}
