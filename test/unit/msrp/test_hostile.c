/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Peers with bad manners, and very many slow ones: bounded, answered, counted.
 */
#include "driver.h"

#include <malloc.h>
#include <sys/resource.h>

static struct world w;
static struct owner o;
static struct peer p;

#define MINE "msrp://127.0.0.1:9/peer1;tcp"

static void begin(void (*tweak)(struct endpoint_config *config))
{
	world_start(&w, tweak);
	owner_open(&w, &o, 1000000, false, false);
	o.verdict = 200;
	leg_listen(o.leg, CPM_SLICE(MINE));
	peer_connect(&w, &p, false, false);
}

static void end(void)
{
	peer_close(&p);
	owner_free(&o);
	world_stop(&w);
}

static struct endpoint_statistics statistics(void)
{
	struct endpoint_statistics s;

	endpoint_statistics(w.endpoint, &s);
	return s;
}

static void say_head(const char *rest)
{
	peer_sayf(&w, &p,
			"MSRP aaaa1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE "\r\nMessage-ID: 1\r\n%s",
			(int)leg_path(o.leg).n, leg_path(o.leg).p, rest);
}

START_TEST(closes_what_is_no_msrp)
{
	begin(NULL);
	peer_say(&w, &p, CPM_SLICE("GET / HTTP/1.1\r\n\r\n"));
	peer_closed(&w, &p);
	ck_assert_uint_eq(statistics().malformed, 1);
	ck_assert_uint_eq(statistics().channels, 0);
	ck_assert(strstr(w.said, "not a start-line of MSRP"));
	end();
}
END_TEST

START_TEST(closes_endless_headers)
{
	begin(NULL);
	say_head("");
	for(int i = 0; i < 10000 && !p.closed; i++)
		peer_say(&w, &p, CPM_SLICE("X: y\r\n"));
	ck_assert(p.closed);
	ck_assert_uint_eq(statistics().malformed, 1);
	ck_assert_uint_eq(o.begins, 0);
	end();
}
END_TEST

START_TEST(closes_an_endless_line)
{
	begin(NULL);
	say_head("X: ");
	for(int i = 0; i < 10000 && !p.closed; i++)
		peer_say(&w, &p, CPM_SLICE("yyyyyyyyyyyyyyyyyyyyyyyy"));
	ck_assert(p.closed);
	ck_assert_uint_eq(statistics().malformed, 1);
	end();
}
END_TEST

/* An octet every second: a head has ten seconds. */
START_TEST(closes_a_slow_head)
{
	int seconds = 0;

	begin(NULL);
	while(!p.closed && seconds < 60) {
		peer_say(&w, &p, CPM_SLICE("M"));
		if(!seconds)
			peer_say(&w, &p, CPM_SLICE("SRP aaaa1 SEND\r\nX: "));
		world_pass(&w, 1000);
		peer_listen_on(&w, &p);
		seconds++;
	}
	ck_assert_int_le(seconds, 13);
	ck_assert_uint_eq(statistics().slow, 1);
	end();
}
END_TEST

START_TEST(closes_who_says_nothing)
{
	begin(NULL);
	world_pass(&w, 29000);
	peer_silence(&w, &p);
	ck_assert(!p.closed);
	leg_close(&o.leg);
	world_pass(&w, 1500);
	peer_closed(&w, &p);
	ck_assert_uint_eq(statistics().slow, 1);
	end();
}
END_TEST

START_TEST(closes_who_stops_in_the_middle)
{
	begin(NULL);
	say_head("Content-Type: message/cpim\r\n\r\nabc");
	world_pass(&w, 59000);
	ck_assert_uint_eq(o.losses, 0);
	world_pass(&w, 2000);
	peer_closed(&w, &p);
	ck_assert_uint_eq(o.losses, 1);
	ck_assert_int_eq(o.why, LEG_LOST_IDLE);
	ck_assert_uint_eq(o.completes, 0);
	end();
}
END_TEST

static void short_life(struct endpoint_config *config)
{
	config->life_ms = 100000;
}

/* Just fast enough for every other limit. */
START_TEST(ends_a_session_that_never_ends)
{
	begin(short_life);
	say_head("Content-Type: message/cpim\r\n\r\nabc");
	for(int i = 0; i < 200 && !o.losses; i++) {
		peer_say(&w, &p, CPM_SLICE("x"));
		world_pass(&w, 1000);
	}
	ck_assert_uint_eq(o.losses, 1);
	ck_assert_int_eq(o.why, LEG_LOST_EXPIRED);
	ck_assert_uint_lt(o.reached, 120);
	end();
}
END_TEST

/* A message without end is refused at its maximum, read over for a while, then cut off. */
START_TEST(cuts_off_a_message_that_never_ends)
{
	static char block[65536];
	size_t said = 0;

	begin(NULL);
	say_head("Content-Type: message/cpim\r\n\r\n");
	memset(block, 'x', sizeof(block));
	while(!p.closed && said < 64u << 20) {
		peer_say(&w, &p, (struct cpm_slice){block, sizeof(block)});
		said += sizeof(block);
	}
	ck_assert(p.closed);
	ck_assert_uint_lt(said, 20u << 20);
	ck_assert_uint_eq(o.aborts, 1);
	ck_assert_uint_le(o.reached, 1000000);
	ck_assert_uint_eq(statistics().malformed, 1);
	peer_listen_on(&w, &p);
	ck_assert_ptr_nonnull(memmem(p.heard, p.count, "MSRP aaaa1 413 ", 15));
	end();
}
END_TEST

START_TEST(closes_who_guesses_sessions)
{
	int tries = 0;

	begin(NULL);
	while(!p.closed && tries < 100) {
		tries++;
		peer_sayf(&w, &p,
				"MSRP guess%d SEND\r\nTo-Path: msrp://127.0.0.1:1/AAAAAAAAAAAAAAAAAA%02d;tcp\r\n"
				"From-Path: " MINE "\r\nMessage-ID: 1\r\n-------guess%d$\r\n",
				tries, tries, tries);
		world_turn(&w);
		peer_listen_on(&w, &p);
	}
	ck_assert_int_le(tries, 25);
	ck_assert_uint_ge(statistics().refused[6], 20);
	ck_assert_uint_eq(o.bounds, 0);
	end();
}
END_TEST

/* Requests without end whose answers are never taken: reading stops, then the peer is given up. */
START_TEST(stops_reading_who_takes_no_answers)
{
	struct cpm_slice path;
	struct cpm_buf b;
	size_t said = 0;

	begin(NULL);
	path = leg_path(o.leg);
	cpm_buf_init(&b, 100000);
	for(int i = 0; i < 200; i++) {
		cpm_buf_add_str(&b, "MSRP aaaa1 SEND\r\nTo-Path: ");
		cpm_buf_add(&b, path);
		cpm_buf_add_str(&b, "\r\nFrom-Path: " MINE "\r\nMessage-ID: 1\r\n-------aaaa1$\r\n");
	}
	for(int idle = 0; idle < 50;) {
		ssize_t n = send(p.fd, b.p + said % b.n, b.n - said % b.n, MSG_NOSIGNAL);

		world_turn(&w);
		idle = n > 0 ? 0 : idle + 1;
		said += n > 0 ? (size_t)n : 0;
		ck_assert_uint_lt(said, 200u << 20);
	}
	for(int i = 0; i < 70; i++)
		world_pass(&w, 1000);
	ck_assert_uint_eq(o.losses, 1);
	ck_assert_uint_eq(statistics().slow, 1);
	cpm_buf_free(&b);
	end();
}
END_TEST

static void few(struct endpoint_config *config)
{
	config->max_unbound = 3;
	config->max_channels = 5;
	config->max_legs = 2;
}

START_TEST(keeps_its_limits)
{
	struct owner second, third;
	struct peer others[4];

	begin(few);
	say_head("-------aaaa1$\r\n");
	peer_hear(&w, &p, "MSRP aaaa1 200 ");
	for(int i = 0; i < 4; i++)
		peer_connect(&w, &others[i], false, false);
	/* The oldest stranger gave way; who has a session did not. */
	peer_closed(&w, &others[0]);
	world_await(&w, statistics().channels == 4);
	ck_assert_uint_eq(statistics().turned_away, 1);
	say_head("-------aaaa1$\r\n");
	peer_hear(&w, &p, "MSRP aaaa1 200 ");
	ck_assert_ptr_nonnull(owner_open(&w, &second, 10, false, false));
	ck_assert_ptr_null(owner_open(&w, &third, 10, false, false));
	owner_free(&second);
	owner_free(&third);
	for(int i = 0; i < 4; i++)
		peer_close(&others[i]);
	end();
}
END_TEST

/* A thousand peers in the middle of their messages, each with an owner that is full. What the
 * endpoint keeps for one stays below its documented bound. */
START_TEST(serves_a_thousand_slow_peers)
{
	enum { COUNT = 1000 };
	static struct owner owners[COUNT];
	static struct peer peers[COUNT];
	struct rlimit limit;
	size_t before, after, mine = 0, each;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &limit);
	begin(NULL);
	before = mallinfo2().uordblks;
	for(int i = 0; i < COUNT; i++) {
		ck_assert_ptr_nonnull(owner_open(&w, &owners[i], 2000, false, false));
		owners[i].verdict = 200;
		owners[i].full = i % 2;
		leg_listen(owners[i].leg, CPM_SLICE(MINE));
		peer_connect(&w, &peers[i], false, false);
		free(peers[i].heard);
		peers[i].heard = malloc(2000);
		peers[i].size = 2000;
		mine += 2000 + 2000;
		peer_sayf(&w, &peers[i],
				"MSRP aaaa1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
				"\r\nMessage-ID: 1\r\nContent-Type: message/cpim\r\n\r\nabc\r\n------",
				(int)leg_path(owners[i].leg).n, leg_path(owners[i].leg).p);
	}
	after = mallinfo2().uordblks;
	each = (after - before - mine) / COUNT;
	/* 4 KiB for the head, less than 2 KiB for the leg, the connection. */
	ck_assert_msg(after == 0 || each < 8192, "%zu octets a peer", each);
	for(int i = 0; i < COUNT; i++) {
		owners[i].full = false;
		leg_resume(owners[i].leg);
		for(const char *rest = "-aaaa1$\r\n"; *rest; rest++)
			ck_assert_int_eq(send(peers[i].fd, rest, 1, MSG_NOSIGNAL), 1);
	}
	for(int i = 0; i < COUNT; i++) {
		world_await(&w, owners[i].completes == 1 && owners[i].total == 3);
		world_turn(&w);
		ck_assert_int_gt(recv(peers[i].fd, peers[i].heard, 2000, 0), 0);
		ck_assert_int_eq(memcmp(peers[i].heard, "MSRP aaaa1 200 ", 15), 0);
		peer_close(&peers[i]);
		owner_free(&owners[i]);
	}
	end();
}
END_TEST

static const struct {
	const char *listen, *error;
} addresses[] = {
		{"127.0.0.1", "not an address"},
		{"localhost:1", "not an address"},
		{"127.0.0.1:65536", "not an address"},
		{":1", "not an address"},
		{"[127.0.0.1]:1", "not an address"},
		{"203.0.113.1:0", "cannot listen"},
		{"tls:127.0.0.1:0", "tls: needs a certificate"},
};

START_TEST(refuses_to_start)
{
	struct endpoint_config config = ENDPOINT_CONFIG_DEFAULT;
	const char *error = NULL;

	config.listen[0] = addresses[_i].listen;
	config.listen_count = 1;
	ck_assert_ptr_null(endpoint_new(&config, &error));
	ck_assert_msg(
			strstr(error, addresses[_i].error) != NULL, "%s: %s", addresses[_i].listen, error);
	config.listen_count = 0;
	config.tls_certificate = "/nonexistent";
	ck_assert_ptr_null(endpoint_new(&config, &error));
	ck_assert(strstr(error, "certificate cannot be read") != NULL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("hostile");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, closes_what_is_no_msrp);
	tcase_add_test(t, closes_endless_headers);
	tcase_add_test(t, closes_an_endless_line);
	tcase_add_test(t, closes_a_slow_head);
	tcase_add_test(t, closes_who_says_nothing);
	tcase_add_test(t, closes_who_stops_in_the_middle);
	tcase_add_test(t, ends_a_session_that_never_ends);
	tcase_add_test(t, cuts_off_a_message_that_never_ends);
	tcase_add_test(t, closes_who_guesses_sessions);
	tcase_add_test(t, stops_reading_who_takes_no_answers);
	tcase_add_test(t, keeps_its_limits);
	tcase_add_test(t, serves_a_thousand_slow_peers);
	tcase_add_loop_test(t, refuses_to_start, 0, UNIT_COUNT(addresses));
	return unit_run("hostile", t);
}
