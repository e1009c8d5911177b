/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Load generator: keeps a number of CPM pager MESSAGE transactions outstanding
 * over UDP, repeats them by timer E, and prints one JSON object: final answers
 * by status, rate, latency, retransmissions, and its own share of a processor
 * (near 1 the generator was the limit, not the server).
 *
 * Message number m goes to user PREFIX(m mod K) and carries "seq=" m / K, so
 * that a phone can tell what is missing, repeated or out of order.
 */
#include "sip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUTSTANDING_MAX 1024
#define BATCH 64
#define SENDERS 100
#define DRAIN_US 5000000
#define TIMERS_US 20000

struct slot {
	bool busy, queued;
	unsigned long number;
	int64_t sent_us;
	struct timer_e timer;
	size_t n;
	char packet[SIP_DATAGRAM_MAX];
};

static struct {
	const char *server, *domain, *prefix, *run, *asked;
	unsigned users, outstanding;
	bool by_slot;
	size_t bytes;
	unsigned long count;
	double seconds;
	double expire_first_s, expire_span_s; /* 0: no Expires header */
} options = {.domain = "bench.example",
		.prefix = "u",
		.run = "run",
		.asked = "positive-delivery",
		.users = 100,
		.outstanding = 64,
		.bytes = 1175};

static struct slot slots[OUTSTANDING_MAX];
static size_t queue[OUTSTANDING_MAX], queue_n; /* slots to be sent */
static int fd;
static unsigned port;
static unsigned long started, answered, given_up, retransmissions, statuses[700];
static int64_t start_us, last_us;
static struct samples latency;

/* With one user to each slot no two messages of one user are under way. */
static unsigned user_of(size_t slot, unsigned long m)
{
	return (unsigned)((options.by_slot ? slot : m) % options.users);
}

static size_t print_body(char *out, size_t room, size_t slot, unsigned long m)
{
	unsigned user = user_of(slot, m);

	return (size_t)snprintf(out, room,
			"From: <sip:sender%lu@%s>\r\nTo: <sip:%s%u@%s>\r\nDateTime: 2026-01-01T12:00:00Z\r\n"
			"NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: %s-%lu\r\n"
			"imdn.Disposition-Notification: %s\r\n\r\n"
			"Content-Type: text/plain;charset=UTF-8\r\n\r\nrun=%s seq=%lu ",
			m % SENDERS, options.domain, options.prefix, user, options.domain, options.run, m,
			options.asked, options.run, m / options.users);
}

/* The header with which message m, sent now, ends in its turn within the span. */
static const char *expires_line(unsigned long m)
{
	static char line[40];
	double at = options.expire_first_s + options.expire_span_s * (double)m / (double)options.count;
	long left = (long)(at - (double)(now_us() - start_us) / 1e6 + 0.5);

	if(options.expire_first_s <= 0)
		return "";
	snprintf(line, sizeof(line), "Expires: %ld\r\n", left > 1 ? left : 1);
	return line;
}

static size_t print_headers(char *out, size_t room, size_t slot, unsigned long m, size_t body)
{
	unsigned user = user_of(slot, m);

	return (size_t)snprintf(out, room,
			"MESSAGE sip:%s%u@%s SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK-%s-%zu-%lu\r\n"
			"Max-Forwards: 70\r\n"
			"From: <sip:sender%lu@%s>;tag=%lu\r\n"
			"To: <sip:%s%u@%s>\r\n"
			"Call-ID: %s-%lu@127.0.0.1\r\n"
			"CSeq: 1 MESSAGE\r\n"
			"P-Asserted-Identity: <sip:sender%lu@%s>\r\n"
			"Accept-Contact: *;+g.3gpp.icsi-ref="
			"\"urn%%3Aurn-7%%3A3gpp-service.ims.icsi.oma.cpm.msg\"\r\n"
			"Conversation-ID: f81d4fae-7dec-11d0-a765-%012lx\r\n"
			"Contribution-ID: f81d4fae-7dec-11d0-a766-%012lx\r\n"
			"User-Agent: CPM-client/OMA1.0\r\n"
			"%s"
			"Content-Type: message/cpim\r\n"
			"Content-Length: %4zu\r\n\r\n",
			options.prefix, user, options.domain, port, options.run, slot, m, m % SENDERS,
			options.domain, m, options.prefix, user, options.domain, options.run, m, m % SENDERS,
			options.domain, m / options.users, m, expires_line(m), body);
}

/* The text is filled up so that every datagram has the same size. */
static void slot_build(struct slot *s, unsigned long m)
{
	size_t slot = (size_t)(s - slots), text;
	size_t head = print_headers(s->packet, sizeof(s->packet), slot, m, 0);
	char *body = s->packet + head, length[5];

	text = print_body(body, sizeof(s->packet) - head, slot, m);
	if(head + text < options.bytes) {
		memset(body + text, 'x', options.bytes - head - text);
		text = options.bytes - head;
	}
	snprintf(length, sizeof(length), "%4u", (unsigned)text % 10000);
	memcpy(body - strlen("0000\r\n\r\n"), length, 4);
	s->n = head + text;
}

static bool more_to_start(int64_t now)
{
	if(options.count)
		return started < options.count;
	return (double)(now - start_us) < options.seconds * 1e6;
}

static void slot_queue(struct slot *s)
{
	if(!s->queued)
		queue[queue_n++] = (size_t)(s - slots);
	s->queued = true;
}

static void slot_start(struct slot *s, int64_t now)
{
	s->busy = false;
	if(!more_to_start(now))
		return;
	s->number = started++;
	slot_build(s, s->number);
	s->busy = true;
	slot_queue(s);
	s->sent_us = now;
	timer_e_start(&s->timer, now);
}

static void send_queued(void)
{
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	size_t i = 0;
	unsigned n;
	int sent, done;

	while(i < queue_n) {
		for(n = 0; i < queue_n && n < BATCH; i++, n++) {
			struct slot *s = &slots[queue[i]];

			s->queued = false;
			vectors[n] = (struct iovec){s->packet, s->n};
			messages[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &vectors[n], .msg_iovlen = 1}};
		}
		/* What cannot be sent is repeated by its timer. */
		for(done = 0; done < (int)n; done += sent) {
			sent = sendmmsg(fd, messages + done, n - (unsigned)done, 0);
			if(sent <= 0)
				break;
		}
	}
	queue_n = 0;
}

/* The answer's branch names the slot and the message. */
static void take_answer(const char *packet, int64_t now)
{
	int status = sip_status(packet);
	const char *branch = strstr(packet, "branch=z9hG4bK-");
	size_t slot, run = strlen(options.run);
	unsigned long number;
	char *end;

	if(status < 200 || status > 699 || !branch || strncmp(branch + 15, options.run, run) != 0
			|| branch[15 + run] != '-')
		return;
	slot = strtoul(branch + 15 + run + 1, &end, 10);
	if(*end != '-' || slot >= options.outstanding)
		return;
	number = strtoul(end + 1, NULL, 10);
	if(!slots[slot].busy || slots[slot].number != number)
		return;
	answered++;
	statuses[status]++;
	last_us = now;
	samples_add(&latency, now - slots[slot].sent_us);
	slot_start(&slots[slot], now);
}

/* Waits for the first one, not for long: timers want to be looked at. */
static void receive_answers(void)
{
	static char packets[BATCH][SIP_DATAGRAM_MAX];
	static struct mmsghdr messages[BATCH];
	static struct iovec vectors[BATCH];
	int64_t now;
	int i, n;

	for(i = 0; i < BATCH && !messages[i].msg_hdr.msg_iov; i++) {
		vectors[i] = (struct iovec){packets[i], SIP_DATAGRAM_MAX - 1};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &vectors[i], .msg_iovlen = 1}};
	}
	n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
	now = now_us();
	for(i = 0; i < n; i++) {
		packets[i][messages[i].msg_len] = '\0';
		take_answer(packets[i], now);
	}
}

static void run_timers(int64_t now)
{
	unsigned i;

	for(i = 0; i < options.outstanding; i++) {
		if(!slots[i].busy)
			continue;
		switch(timer_e_check(&slots[i].timer, now)) {
			case TIMER_E_WAIT:
				break;
			case TIMER_E_RESEND:
				retransmissions++;
				slot_queue(&slots[i]);
				break;
			case TIMER_E_GIVE_UP:
				given_up++;
				slot_start(&slots[i], now);
				break;
		}
	}
}

static void run(void)
{
	const struct timeval patience = {.tv_usec = TIMERS_US};
	int64_t now = now_us(), timers_us = now;
	unsigned i;

	if(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0) {
		perror("SO_RCVTIMEO");
		exit(2);
	}
	start_us = last_us = now;
	for(i = 0; i < options.outstanding; i++)
		slot_start(&slots[i], now);
	send_queued();
	while(answered + given_up < started && (more_to_start(now) || now - last_us < DRAIN_US)) {
		receive_answers();
		now = now_us();
		if(now - timers_us > TIMERS_US) {
			run_timers(now);
			timers_us = now;
		}
		send_queued();
	}
}

static void report(void)
{
	struct rusage u;
	double seconds = (double)(last_us - start_us) / 1e6, cpu;
	const char *comma = "";
	int i;

	getrusage(RUSAGE_SELF, &u);
	cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec)
		  + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	printf("{\"sent\": %lu, \"answered\": %lu, \"retransmissions\": %lu, ", started, answered,
			retransmissions);
	printf("\"seconds\": %.6f, \"rate\": %.1f, ", seconds,
			seconds > 0 ? (double)answered / seconds : 0.0);
	samples_print(&latency, "latency");
	printf("\"generator_share\": %.3f, \"status\": {", seconds > 0 ? cpu / seconds : 0.0);
	for(i = 0; i < 700; i++) {
		if(statuses[i]) {
			printf("%s\"%d\": %lu", comma, i, statuses[i]);
			comma = ", ";
		}
	}
	printf("}}\n");
}

static void usage(void)
{
	fprintf(stderr,
			"usage: load -s HOST:PORT [-d DOMAIN] [-u PREFIX] [-k USERS] [-n OUTSTANDING | "
			"--latency]\n"
			"            [-b BYTES] [-r RUN] [-a DISPOSITION] [-o]\n"
			"            [-x FIRST,SPAN (seconds: when they expire)] -c COUNT | -t SECONDS\n");
	exit(2);
}

static void read_options(int argc, char **argv)
{
	int o;

	/* --latency: one transaction at a time. */
	for(o = 1; o < argc; o++) {
		if(strcmp(argv[o], "--latency") == 0)
			argv[o] = "-n1";
	}
	while((o = getopt(argc, argv, "s:d:u:k:n:b:r:a:oc:t:x:")) != -1) {
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
			case 'o':
				options.by_slot = true;
				break;
			case 'a':
				options.asked = optarg;
				break;
			case 'k':
				options.users = (unsigned)strtoul(optarg, NULL, 10);
				break;
			case 'n':
				options.outstanding = (unsigned)strtoul(optarg, NULL, 10);
				break;
			case 'b':
				options.bytes = strtoul(optarg, NULL, 10);
				break;
			case 'x':
				if(sscanf(optarg, "%lf,%lf", &options.expire_first_s, &options.expire_span_s) != 2)
					usage();
				break;
			case 'c':
				options.count = strtoul(optarg, NULL, 10);
				break;
			case 't':
				options.seconds = strtod(optarg, NULL);
				break;
			default:
				usage();
		}
	}
	if(!options.server || !options.users || !options.outstanding
			|| options.outstanding > OUTSTANDING_MAX || options.bytes > SIP_DATAGRAM_MAX / 2
			|| strlen(options.run) > 32 || strlen(options.domain) > 64
			|| strlen(options.prefix) > 32 || strlen(options.asked) > 64
			|| (options.count == 0) == (options.seconds <= 0)
			|| (options.expire_first_s > 0 && !options.count))
		usage();
}

int main(int argc, char **argv)
{
	struct sockaddr_in server;

	read_options(argc, argv);
	/* One at a time measures time: the answer is taken when it comes. */
	if(options.outstanding > 1)
		stand_back();
	server = sip_address(options.server);
	fd = sip_socket(&server, &port);
	run();
	report();
	return 0;
}
