/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of the endpoint as a receiver: msrp/{intake,exchange,leg,channel}.c.
 */
#include "driver.h"

static struct world w;
static struct owner o;
static struct peer p;

#define MINE "msrp://127.0.0.1:9/peer1;tcp"

static void begin(bool tls, bool ipv6)
{
	world_start(&w, NULL);
	ck_assert_ptr_nonnull(owner_open(&w, &o, 100000, tls, ipv6));
	o.verdict = 200;
	ck_assert(leg_listen(o.leg, CPM_SLICE(MINE)));
	peer_connect(&w, &p, tls, ipv6);
}

static void end(void)
{
	peer_close(&p);
	owner_free(&o);
	world_stop(&w);
}

/* A chunk of a message/cpim; headers: complete lines. */
static void send_chunk(const char *tid, const char *id, const char *range, const char *headers,
		const char *body, char flag)
{
	struct cpm_slice path = leg_path(o.leg);

	peer_sayf(&w, &p,
			"MSRP %s SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE "\r\nMessage-ID: %s\r\n"
			"Byte-Range: %s\r\n%sContent-Type: message/cpim\r\n\r\n%s\r\n-------%s%c\r\n",
			tid, (int)path.n, path.p, id, range, headers, body, tid, flag);
}

static void took(const char *body)
{
	world_await(&w, o.completes == 1);
	ck_slice(((struct cpm_slice){o.body, o.total}), body, "body");
}

START_TEST(takes_a_message)
{
	bool tls = _i == 1, ipv6 = _i == 2;

	begin(tls, ipv6);
	ck_assert(cpm_slice_starts(leg_path(o.leg), tls    ? CPM_SLICE("msrps://127.0.0.1:")
												: ipv6 ? CPM_SLICE("msrp://[::1]:")
													   : CPM_SLICE("msrp://127.0.0.1:")));
	send_chunk("aaaa1", "m1", "1-5/5", "Success-Report: yes\r\n", "hello", '$');
	peer_hear(&w, &p, "MSRP aaaa1 200 OK\r\nTo-Path: " MINE "\r\nFrom-Path: ");
	peer_hear(&w, &p, "-------aaaa1$\r\n");
	peer_hear(&w, &p, " REPORT\r\nTo-Path: " MINE "\r\n");
	peer_hear(&w, &p, "Message-ID: m1\r\nByte-Range: 1-5/5\r\nStatus: 000 200 OK\r\n");
	took("hello");
	ck_assert_uint_eq(o.bounds, 1);
	ck_assert_int_eq(leg_state(o.leg), LEG_BOUND);
	end();
}
END_TEST

START_TEST(takes_single_octets)
{
	struct cpm_slice path;
	char text[500];
	int n;

	begin(false, false);
	path = leg_path(o.leg);
	n = snprintf(text, sizeof(text),
			"MSRP aaaa1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
			"\r\nMessage-ID: m1\r\nContent-Type: message/cpim\r\n\r\n\r\n-------aaaa2$\r\n"
			"\r\n-------aaaa1$\r\n",
			(int)path.n, path.p);
	for(int i = 0; i < n; i++)
		peer_say(&w, &p, (struct cpm_slice){text + i, 1});
	peer_hear(&w, &p, "MSRP aaaa1 200 OK\r\n");
	took("\r\n-------aaaa2$\r\n");
	end();
}
END_TEST

START_TEST(assembles_chunks)
{
	begin(false, false);
	/* The end first, then an overlap, then what is missing; the last answer is the safe one. */
	o.verdict = 0;
	send_chunk("cccc1", "m1", "8-10/10", "", "hij", '$');
	peer_hear(&w, &p, "MSRP cccc1 200 OK");
	send_chunk("cccc2", "m1", "5-*/*", "", "efgh", '+');
	peer_hear(&w, &p, "MSRP cccc2 200 OK");
	peer_hear(&w, &p, "-------cccc2$\r\n");
	send_chunk("cccc3", "m1", "1-4/10", "", "abcd", '+');
	peer_silence(&w, &p);
	took("abcdefghij");
	leg_verdict(o.leg, o.last, 200);
	peer_hear(&w, &p, "MSRP cccc3 200 OK");
	/* Nothing happens twice. */
	leg_verdict(o.leg, o.last, 200);
	send_chunk("cccc4", "m1", "1-4/10", "", "abcd", '+');
	peer_hear(&w, &p, "MSRP cccc4 200 OK");
	peer_hear(&w, &p, "-------cccc4$\r\n");
	ck_assert_uint_eq(o.begins, 1);
	ck_assert_uint_eq(o.completes, 1);
	/* A second message on the same session. */
	send_chunk("cccc5", "m2", "1-2/2", "", "xy", '$');
	peer_silence(&w, &p);
	world_await(&w, o.completes == 2);
	end();
}
END_TEST

START_TEST(ends_with_an_empty_chunk)
{
	begin(false, false);
	send_chunk("cccc1", "m1", "1-*/*", "", "abcd", '+');
	send_chunk("cccc2", "m1", "5-4/4", "", "", '$');
	peer_hear(&w, &p, "MSRP cccc2 200 OK");
	took("abcd");
	end();
}
END_TEST

static const struct {
	const char *name, *headers;
	unsigned verdict;
	const char *answer; /* NULL: none */
	bool report;
} wishes[] = {
		{"all, taken", "", 200, "MSRP aaaa1 200 OK", false},
		{"all, not safe", "", 408, "MSRP aaaa1 408 Timeout", false},
		{"yes", "Failure-Report: yes\r\nSuccess-Report: no\r\n", 200, "MSRP aaaa1 200 OK", false},
		{"errors only, taken", "Failure-Report: partial\r\n", 200, NULL, false},
		{"errors only, not safe", "Failure-Report: partial\r\n", 413, "MSRP aaaa1 413 ", false},
		{"none, taken", "Failure-Report: no\r\n", 200, NULL, false},
		{"none, not safe", "Failure-Report: no\r\n", 408, NULL, false},
		{"none but a report", "Failure-Report: no\r\nSuccess-Report: yes\r\n", 200, NULL, true},
		{"a report, not safe", "Success-Report: yes\r\n", 408, "MSRP aaaa1 408 Timeout", false},
};

START_TEST(answers_as_wished)
{
	begin(false, false);
	o.verdict = wishes[_i].verdict;
	send_chunk("aaaa1", "m1", "1-5/5", wishes[_i].headers, "hello", '$');
	if(wishes[_i].answer) {
		peer_hear(&w, &p, wishes[_i].answer);
		peer_hear(&w, &p, "-------aaaa1$\r\n");
	}
	if(wishes[_i].report) {
		peer_hear(&w, &p, " REPORT\r\n");
		peer_hear(&w, &p, "$\r\n");
	}
	world_await(&w, o.completes == 1);
	peer_silence(&w, &p);
	end();
}
END_TEST

/* What is refused, and the connection that stays usable after it. */
static const struct {
	const char *name;
	const char *request; /* %s: our path */
	const char *answer;
} refused[] = {
		{"no such session",
				"MSRP aaaa1 SEND\r\nTo-Path: "
				"msrp://127.0.0.1:1/nosuchsession;tcp\r\nFrom-Path: " MINE
				"\r\nMessage-ID: 1\r\n-------aaaa1$\r\n",
				"MSRP aaaa1 481 "},
		{"a path that is none",
				"MSRP aaaa1 SEND\r\nTo-Path: nonsense\r\nFrom-Path: " MINE
				"\r\nMessage-ID: 1\r\n-------aaaa1$\r\n",
				"MSRP aaaa1 481 "},
		{"a next hop behind us",
				"MSRP aaaa1 SEND\r\nTo-Path: %s " MINE "\r\nFrom-Path: " MINE
				"\r\nMessage-ID: 1\r\n-------aaaa1$\r\n",
				"MSRP aaaa1 481 "},
		{"a From-Path that is none",
				"MSRP aaaa1 SEND\r\nTo-Path: %s\r\nFrom-Path: " MINE " nonsense"
				"\r\nMessage-ID: 1\r\n-------aaaa1$\r\n",
				"MSRP aaaa1 400 "},
		{"another type",
				"MSRP aaaa1 SEND\r\nTo-Path: %s\r\nFrom-Path: " MINE
				"\r\nMessage-ID: 1\r\nContent-Type: text/plain\r\n\r\nx\r\n-------aaaa1$\r\n",
				"MSRP aaaa1 415 "},
		{"too large, as announced",
				"MSRP aaaa1 SEND\r\nTo-Path: %s\r\nFrom-Path: " MINE
				"\r\nMessage-ID: 1\r\nByte-Range: 1-*/100001\r\nContent-Type: "
				"message/cpim\r\n\r\nx\r\n-------aaaa1+\r\n",
				"MSRP aaaa1 413 "},
		{"no Message-ID",
				"MSRP aaaa1 SEND\r\nTo-Path: %s\r\nFrom-Path: " MINE "\r\n-------aaaa1$\r\n",
				"MSRP aaaa1 400 "},
		{"a body without type",
				"MSRP aaaa1 SEND\r\nTo-Path: %s\r\nFrom-Path: " MINE
				"\r\nMessage-ID: 1\r\n\r\nx\r\n-------aaaa1$\r\n",
				"MSRP aaaa1 400 "},
		{"an unknown method",
				"MSRP aaaa1 AUTH\r\nTo-Path: %s\r\nFrom-Path: " MINE "\r\n-------aaaa1$\r\n",
				"MSRP aaaa1 501 "},
		{"past its total",
				"MSRP aaaa1 SEND\r\nTo-Path: %s\r\nFrom-Path: " MINE
				"\r\nMessage-ID: 1\r\nByte-Range: 1-*/2\r\nContent-Type: "
				"message/cpim\r\n\r\nabc\r\n-------aaaa1$\r\n",
				"MSRP aaaa1 423 "},
		{"short of its total",
				"MSRP aaaa1 SEND\r\nTo-Path: %s\r\nFrom-Path: " MINE
				"\r\nMessage-ID: 1\r\nByte-Range: 1-*/4\r\nContent-Type: "
				"message/cpim\r\n\r\nabc\r\n-------aaaa1$\r\n",
				"MSRP aaaa1 400 "},
};

START_TEST(refuses)
{
	struct endpoint_statistics s;
	uint64_t sum = 0;
	char path[200];

	begin(false, false);
	snprintf(path, sizeof(path), "%.*s", (int)leg_path(o.leg).n, leg_path(o.leg).p);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
	peer_sayf(&w, &p, refused[_i].request, path);
#pragma GCC diagnostic pop
	peer_hear(&w, &p, refused[_i].answer);
	ck_assert_uint_eq(o.completes, 0);
	ck_assert_uint_eq(o.begins, o.aborts);
	endpoint_statistics(w.endpoint, &s);
	for(size_t i = 0; i < UNIT_COUNT(s.refused); i++)
		sum += s.refused[i];
	ck_assert_uint_eq(sum, 1);
	send_chunk("bbbb1", "m2", "1-5/5", "", "hello", '$');
	peer_hear(&w, &p, "MSRP bbbb1 200 OK");
	took("hello");
	end();
}
END_TEST

START_TEST(refuses_what_the_owner_refuses)
{
	begin(false, false);
	o.refuse = 413;
	send_chunk("aaaa1", "m1", "1-5/5", "", "hello", '+');
	peer_hear(&w, &p, "MSRP aaaa1 413 ");
	ck_assert_uint_eq(o.begins, 1);
	ck_assert_uint_eq(o.aborts, 0);
	end();
}
END_TEST

/* The owner can take no more: in the middle of a chunk, between two, and of one that waits for its verdict. */
START_TEST(stops_a_sender)
{
	begin(false, false);
	o.verdict = 0;
	peer_sayf(&w, &p,
			"MSRP aaaa1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
			"\r\nMessage-ID: m1\r\nByte-Range: 1-*/100\r\nContent-Type: message/cpim\r\n\r\nhello",
			(int)leg_path(o.leg).n, leg_path(o.leg).p);
	world_await(&w, o.begins == 1);
	leg_refuse(o.leg, o.taking, 413);
	peer_hear(&w, &p, "MSRP aaaa1 413 ");
	peer_hear(&w, &p, "-------aaaa1$\r\n");
	peer_sayf(&w, &p, "more\r\n-------aaaa1#\r\n");
	peer_silence(&w, &p);
	send_chunk("aaaa2", "m1", "6-10/100", "", "world", '+');
	peer_hear(&w, &p, "MSRP aaaa2 413 ");
	ck_assert_uint_eq(o.aborts, 0);
	ck_assert_uint_eq(o.begins, 1);

	send_chunk("bbbb1", "m2", "1-5/10", "", "hello", '+');
	peer_hear(&w, &p, "MSRP bbbb1 200 ");
	peer_hear(&w, &p, "-------bbbb1$\r\n");
	leg_refuse(o.leg, o.taking, 403);
	peer_silence(&w, &p);
	send_chunk("bbbb2", "m2", "6-10/10", "", "world", '$');
	peer_hear(&w, &p, "MSRP bbbb2 403 ");
	peer_hear(&w, &p, "-------bbbb2$\r\n");
	ck_assert_uint_eq(o.completes, 0);

	send_chunk("cccc1", "m3", "1-5/5", "", "hello", '$');
	world_await(&w, o.completes == 1);
	leg_refuse(o.leg, o.taking, 408);
	peer_hear(&w, &p, "MSRP cccc1 408 ");
	peer_hear(&w, &p, "-------cccc1$\r\n");
	/* Nothing is under way: nothing is said. */
	leg_refuse(o.leg, o.taking, 408);
	peer_silence(&w, &p);
	end();
}
END_TEST

START_TEST(survives_an_owner_that_closes)
{
	begin(false, false);
	o.close_on_begin = true;
	send_chunk("aaaa1", "m1", "1-5/5", "", "hello", '$');
	peer_hear(&w, &p, "MSRP aaaa1 481 ");
	peer_closed(&w, &p);
	end();
}
END_TEST

/* The real size counts, also when none was announced. */
START_TEST(refuses_what_grows_too_large)
{
	char body[1001];

	begin(false, false);
	memset(body, 'x', 1000);
	body[1000] = '\0';
	for(int i = 0; i < 100; i++) {
		char range[32];

		snprintf(range, sizeof(range), "%d-*/*", i * 1000 + 1);
		send_chunk("dddd1", "m1", range, "", body, '+');
	}
	peer_hear(&w, &p, "MSRP dddd1 200 OK");
	ck_assert_uint_eq(o.reached, 100000);
	send_chunk("dddd2", "m1", "100001-*/*", "", "x", '+');
	peer_hear(&w, &p, "MSRP dddd2 413 ");
	ck_assert_uint_eq(o.aborts, 1);
	/* The sender is told again until it stops. */
	send_chunk("dddd3", "m1", "100002-*/*", "", "x", '+');
	peer_hear(&w, &p, "MSRP dddd3 413 ");
	ck_assert_uint_eq(o.begins, 1);
	end();
}
END_TEST

START_TEST(refuses_too_many_holes)
{
	begin(false, false);
	for(int i = 0; i < 33; i++) {
		char range[32], tid[16];

		snprintf(range, sizeof(range), "%d-*/*", i * 10 + 1);
		snprintf(tid, sizeof(tid), "hole%d", i);
		send_chunk(tid, "m1", range, "", "x", '+');
	}
	peer_hear(&w, &p, "MSRP hole31 200 ");
	peer_hear(&w, &p, "MSRP hole32 423 ");
	ck_assert_uint_eq(o.aborts, 1);
	end();
}
END_TEST

START_TEST(takes_one_message_at_a_time)
{
	begin(false, false);
	send_chunk("aaaa1", "m1", "1-*/10", "", "hello", '+');
	send_chunk("aaaa2", "m2", "1-5/5", "", "other", '$');
	peer_hear(&w, &p, "MSRP aaaa2 413 ");
	send_chunk("aaaa3", "m1", "6-10/10", "", "world", '$');
	peer_hear(&w, &p, "MSRP aaaa3 200 ");
	took("helloworld");
	end();
}
END_TEST

START_TEST(discards_what_is_given_up)
{
	begin(false, false);
	send_chunk("aaaa1", "m1", "1-*/10", "", "hello", '#');
	peer_hear(&w, &p, "MSRP aaaa1 200 ");
	ck_assert_uint_eq(o.aborts, 1);
	send_chunk("aaaa2", "m1", "1-5/5", "", "again", '$');
	peer_hear(&w, &p, "MSRP aaaa2 200 ");
	took("again");
	end();
}
END_TEST

START_TEST(tells_of_a_lost_connection)
{
	begin(false, false);
	send_chunk("aaaa1", "m1", "1-*/10", "", "hello", '+');
	peer_hear(&w, &p, "MSRP aaaa1 200 ");
	peer_close(&p);
	world_await(&w, o.losses == 1);
	ck_assert_int_eq(o.why, LEG_LOST_CLOSED);
	ck_assert_uint_eq(o.completes, 0);
	end();
}
END_TEST

START_TEST(binds_to_one_connection)
{
	struct peer other;

	begin(false, false);
	/* Bound by an empty SEND (RFC 6135). */
	peer_sayf(&w, &p,
			"MSRP aaaa1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
			"\r\nMessage-ID: 1\r\nByte-Range: 1-0/0\r\n-------aaaa1$\r\n",
			(int)leg_path(o.leg).n, leg_path(o.leg).p);
	peer_hear(&w, &p, "MSRP aaaa1 200 ");
	ck_assert_uint_eq(o.bounds, 1);
	peer_connect(&w, &other, false, false);
	peer_sayf(&w, &other,
			"MSRP aaaa2 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
			"\r\nMessage-ID: 1\r\n-------aaaa2$\r\n",
			(int)leg_path(o.leg).n, leg_path(o.leg).p);
	peer_hear(&w, &other, "MSRP aaaa2 506 ");
	send_chunk("aaaa3", "m1", "1-5/5", "", "hello", '$');
	peer_hear(&w, &p, "MSRP aaaa3 200 ");
	took("hello");
	peer_close(&other);
	end();
}
END_TEST

#define RELAYED "msrp://127.0.0.1:8/relay1;tcp " MINE

/* What comes through a relay, over the connection that we made to it and over one of its own. */
static const struct {
	const char *path;   /* From-Path on the other connection */
	const char *range;  /* of what came over ours before */
	const char *answer; /* on the other connection */
	bool moves;
} movers[] = {
		{RELAYED, "1-0/0", "200 ", true},
		{RELAYED, "1-2/5", "506 ", false}, /* not in the middle of a message */
		{MINE, "1-0/0", "506 ", false},
		{"msrp://127.0.0.1:8/relay2;tcp " MINE, "1-0/0", "506 ", false},
};

START_TEST(takes_a_relays_other_connection)
{
	struct peer other;
	char expected[40];
	bool empty = strcmp(movers[_i].range, "1-0/0") == 0;

	begin(false, false);
	ck_assert(leg_listen(o.leg, CPM_SLICE(RELAYED)));
	send_chunk("aaaa1", "m0", movers[_i].range, "", empty ? "" : "he", empty ? '$' : '+');
	peer_hear(&w, &p, "MSRP aaaa1 200 ");
	peer_hear(&w, &p, "-------aaaa1$\r\n");
	peer_connect(&w, &other, false, false);
	peer_sayf(&w, &other,
			"MSRP aaaa2 SEND\r\nTo-Path: %.*s\r\nFrom-Path: %s\r\nMessage-ID: m1\r\n"
			"Success-Report: yes\r\nContent-Type: message/cpim\r\n\r\nhello\r\n-------aaaa2$\r\n",
			(int)leg_path(o.leg).n, leg_path(o.leg).p, movers[_i].path);
	snprintf(expected, sizeof(expected), "MSRP aaaa2 %s", movers[_i].answer);
	peer_hear(&w, &other, expected);
	ck_assert_uint_eq(o.losses, 0);
	ck_assert_uint_eq(o.completes, movers[_i].moves);
	if(movers[_i].moves) {
		/* To the next hop alone, and along the whole path. */
		peer_hear(&w, &other, "To-Path: msrp://127.0.0.1:8/relay1;tcp\r\nFrom-Path: ");
		peer_hear(&w, &other, " REPORT\r\nTo-Path: " RELAYED "\r\nFrom-Path: ");
		peer_closed(&w, &p);
	} else {
		send_chunk("aaaa3", empty ? "m1" : "m0", empty ? "1-5/5" : "3-5/5", "",
				empty ? "hello" : "llo", '$');
		peer_hear(&w, &p, "MSRP aaaa3 200 ");
	}
	took("hello");
	peer_close(&other);
	end();
}
END_TEST

/* A sign of life in the middle of a message, over the other connection. */
START_TEST(answers_a_relays_sign_of_life)
{
	struct peer other;

	begin(false, false);
	ck_assert(leg_listen(o.leg, CPM_SLICE(RELAYED)));
	send_chunk("aaaa1", "m1", "1-2/5", "", "he", '+');
	peer_hear(&w, &p, "-------aaaa1$\r\n");
	peer_connect(&w, &other, false, false);
	peer_sayf(&w, &other,
			"MSRP aaaa2 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " RELAYED
			"\r\nMessage-ID: m2\r\n-------aaaa2$\r\n",
			(int)leg_path(o.leg).n, leg_path(o.leg).p);
	peer_hear(&w, &other, "MSRP aaaa2 200 ");
	send_chunk("aaaa3", "m1", "3-5/5", "", "llo", '$');
	peer_hear(&w, &p, "MSRP aaaa3 200 ");
	took("hello");
	peer_close(&other);
	end();
}
END_TEST

START_TEST(serves_two_sessions_on_a_connection)
{
	struct owner two;

	begin(false, false);
	owner_open(&w, &two, 100, false, false);
	two.verdict = 200;
	leg_listen(two.leg, CPM_SLICE(MINE));
	send_chunk("aaaa1", "m1", "1-5/5", "", "hello", '$');
	peer_hear(&w, &p, "MSRP aaaa1 200 ");
	peer_sayf(&w, &p,
			"MSRP aaaa2 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
			"\r\nMessage-ID: 1\r\nContent-Type: message/cpim\r\n\r\nx\r\n-------aaaa2$\r\n",
			(int)leg_path(two.leg).n, leg_path(two.leg).p);
	peer_hear(&w, &p, "MSRP aaaa2 200 ");
	ck_assert_uint_eq(two.completes, 1);
	leg_close(&o.leg);
	p.count = 0;
	peer_silence(&w, &p);
	ck_assert(!p.closed);
	leg_close(&two.leg);
	peer_closed(&w, &p);
	owner_free(&two);
	end();
}
END_TEST

/* Two sessions on a connection: it is read while no owner has enough, and nobody has who resumes or is gone. Nothing of what was read
 * before is dealt with meanwhile. */
START_TEST(shares_back_pressure)
{
	enum { RESUMED, GONE } how = (unsigned)_i;
	struct owner two;

	begin(false, false);
	owner_open(&w, &two, 100, false, false);
	two.full = true;
	leg_listen(two.leg, CPM_SLICE(MINE));
	/* Bound to the connection, too. */
	send_chunk("aaaa1", "m0", "1-0/0", "", "", '$');
	peer_hear(&w, &p, "-------aaaa1$\r\n");
	peer_sayf(&w, &p,
			"MSRP aaaa2 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
			"\r\nMessage-ID: 1\r\nContent-Type: message/cpim\r\n\r\nx\r\n-------aaaa2%c\r\n",
			(int)leg_path(two.leg).n, leg_path(two.leg).p, '+');
	world_await(&w, two.begins == 1);
	ck_assert(leg_shares(o.leg, two.leg));
	leg_resume(o.leg);
	send_chunk("aaaa3", "m1", "1-5/5", "", "hello", '$');
	peer_silence(&w, &p);
	ck_assert_uint_eq(o.begins, 0);
	if(how == GONE)
		leg_close(&two.leg);
	else if(how == RESUMED)
		leg_resume(two.leg);
	peer_hear(&w, &p, "MSRP aaaa3 200 ");
	took("hello");
	owner_free(&two);
	end();
}
END_TEST

START_TEST(keeps_plain_connections_off_tls_sessions)
{
	struct peer plain;

	begin(true, false);
	peer_connect(&w, &plain, false, false);
	peer_sayf(&w, &plain,
			"MSRP aaaa2 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
			"\r\nMessage-ID: 1\r\n-------aaaa2$\r\n",
			(int)leg_path(o.leg).n, leg_path(o.leg).p);
	peer_hear(&w, &plain, "MSRP aaaa2 403 ");
	peer_close(&plain);
	end();
}
END_TEST

/* An owner that has enough stops the peer: what is taken in stays below the sum of the sockets'
 * buffers and one read. */
START_TEST(passes_back_pressure_on)
{
	static char block[65536];
	struct cpm_slice path;
	size_t pushed = 0;
	uint64_t before;

	world_start(&w, NULL);
	owner_open(&w, &o, 64u << 20, _i == 1, false);
	o.verdict = 200;
	o.full = true;
	leg_listen(o.leg, CPM_SLICE(MINE));
	peer_connect(&w, &p, _i == 1, false);
	path = leg_path(o.leg);
	memset(block, 'x', sizeof(block));
	peer_sayf(&w, &p,
			"MSRP aaaa1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
			"\r\nMessage-ID: m1\r\nContent-Type: message/cpim\r\n\r\n",
			(int)path.n, path.p);
	for(int idle = 0; idle < 20;) {
		ssize_t n = p.ssl ? SSL_write(p.ssl, block, sizeof(block))
						  : send(p.fd, block, sizeof(block), 0);

		world_turn(&w);
		idle = n > 0 ? 0 : idle + 1;
		pushed += n > 0 ? (size_t)n : 0;
		ck_assert_uint_lt(pushed, 32u << 20);
		if(n <= 0)
			usleep(1000);
	}
	before = o.reached;
	ck_assert_uint_le(before, ENDPOINT_READ_MAX);
	o.full = false;
	leg_resume(o.leg);
	/* TLS insists on the record that it could not write. */
	if(!p.ssl)
		peer_say(&w, &p, CPM_SLICE("\r\n-------aaaa1$\r\n"));
	else
		for(int i = 0; i < 4000 && SSL_write(p.ssl, block, sizeof(block)) <= 0; i++)
			world_turn(&w);
	for(int i = 0; i < 4000 && o.reached < pushed; i++) {
		world_turn(&w);
		usleep(200);
	}
	ck_assert_uint_ge(o.reached, pushed);
	end();
}
END_TEST

/* 64 MiB in one chunk, and in chunks of 2 KiB. */
START_TEST(takes_large_messages)
{
	enum { SIZE = 64u << 20, PIECE = 2048 };
	char *body = malloc(SIZE);
	struct cpm_slice path;

	for(size_t i = 0; i < SIZE; i++)
		body[i] = (char)((i * 2654435761u) >> 13);
	world_start(&w, NULL);
	owner_open(&w, &o, SIZE, false, false);
	o.verdict = 200;
	leg_listen(o.leg, CPM_SLICE(MINE));
	peer_connect(&w, &p, false, false);
	path = leg_path(o.leg);
	if(_i == 0) {
		peer_sayf(&w, &p,
				"MSRP aaaa1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
				"\r\nMessage-ID: m1\r\nByte-Range: 1-*/%u\r\nContent-Type: message/cpim\r\n\r\n",
				(int)path.n, path.p, SIZE);
		peer_say(&w, &p, (struct cpm_slice){body, SIZE});
		peer_say(&w, &p, CPM_SLICE("\r\n-------aaaa1$\r\n"));
		peer_hear(&w, &p, "MSRP aaaa1 200 OK");
	} else {
		struct cpm_buf b;

		cpm_buf_init(&b, 1u << 20);
		for(size_t at = 0; at < SIZE; at += PIECE) {
			char head[400];
			int n = snprintf(head, sizeof(head),
					"MSRP c%zu SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
					"\r\nMessage-ID: m1\r\nByte-Range: %zu-%zu/%u\r\nFailure-Report: partial\r\n"
					"Content-Type: message/cpim\r\n\r\n",
					at + 1000, (int)path.n, path.p, at + 1, at + PIECE, SIZE);

			cpm_buf_add(&b, (struct cpm_slice){head, (size_t)n});
			cpm_buf_add(&b, (struct cpm_slice){body + at, PIECE});
			n = snprintf(head, sizeof(head), "\r\n-------c%zu%c\r\n", at + 1000,
					at + PIECE == SIZE ? '$' : '+');
			cpm_buf_add(&b, (struct cpm_slice){head, (size_t)n});
			if(b.n > 500000 || at + PIECE == SIZE) {
				peer_say(&w, &p, cpm_buf_slice(&b));
				cpm_buf_reset(&b);
			}
		}
		cpm_buf_free(&b);
	}
	world_await(&w, o.completes == 1);
	ck_assert_uint_eq(o.total, SIZE);
	ck_assert_int_eq(memcmp(o.body, body, SIZE), 0);
	free(body);
	end();
}
END_TEST

/* A leg that converses. */

static void begin_conversation(void (*tweak)(struct endpoint_config *config))
{
	world_start(&w, tweak);
	ck_assert_ptr_nonnull(owner_converse(&w, &o, 100000));
	ck_assert(leg_listen(o.leg, CPM_SLICE(MINE)));
	peer_connect(&w, &p, false, false);
}

/* Each has its own verdict, whichever comes first. */
START_TEST(takes_many_messages_at_once)
{
	void *marks[3];

	begin_conversation(NULL);
	for(int i = 0; i < 3; i++) {
		char tid[16], id[16];

		snprintf(tid, sizeof(tid), "many%d", i);
		snprintf(id, sizeof(id), "m%d", i);
		send_chunk(tid, id, "1-5/5", "Success-Report: yes\r\n", "hello", '$');
		world_await(&w, o.completes == (unsigned)i + 1);
		marks[i] = o.last;
	}
	peer_silence(&w, &p);
	leg_verdict(o.leg, marks[1], 200);
	peer_hear(&w, &p, "MSRP many1 200 OK\r\n");
	peer_hear(&w, &p, "Message-ID: m1\r\n");
	leg_verdict(o.leg, marks[2], 413);
	peer_hear(&w, &p, "MSRP many2 413 ");
	/* A repetition of what waits is no message of its own. */
	send_chunk("many3", "m0", "1-5/5", "", "hello", '$');
	leg_verdict(o.leg, marks[0], 200);
	peer_hear(&w, &p, "MSRP many0 200 OK\r\n");
	ck_assert_uint_eq(o.begins, 3);
	end();
}
END_TEST

/* RFC 4975 section 5.1: a large message is interrupted for a small one. */
START_TEST(takes_interleaved_chunks)
{
	void *large;

	begin_conversation(NULL);
	o.verdict = 200;
	send_chunk("large1", "m1", "1-*/10", "", "01234", '+');
	peer_hear(&w, &p, "-------large1$\r\n");
	large = o.taking;
	send_chunk("small1", "m2", "1-2/2", "", "ab", '$');
	peer_hear(&w, &p, "MSRP small1 200 ");
	ck_assert_ptr_ne(o.last, large);
	ck_assert_uint_eq(o.total, 2);
	send_chunk("large2", "m1", "6-10/10", "", "56789", '$');
	peer_hear(&w, &p, "MSRP large2 200 ");
	ck_assert_ptr_eq(o.last, large);
	ck_assert_uint_eq(o.total, 10);
	/* So many at once, and no more. */
	for(int i = 0; i <= LEG_TAKING_MAX; i++) {
		char tid[16], id[16], heard[40];

		snprintf(tid, sizeof(tid), "part%d", i);
		snprintf(id, sizeof(id), "p%d", i);
		send_chunk(tid, id, "1-*/10", "", "01234", '+');
		snprintf(heard, sizeof(heard), "MSRP part%d %s ", i, i < LEG_TAKING_MAX ? "200" : "413");
		peer_hear(&w, &p, heard);
	}
	/* One is given up by its sender, another refused. */
	send_chunk("part9", "p1", "6-10/10", "", "", '#');
	peer_hear(&w, &p, "-------part9$\r\n");
	ck_assert_uint_eq(o.aborts, 1);
	send_chunk("part8", "p9", "1-1/1", "", "x", '$');
	peer_hear(&w, &p, "MSRP part8 200 ");
	end();
}
END_TEST

START_TEST(bounds_what_waits_for_verdicts)
{
	char expected[40];

	begin_conversation(NULL);
	for(int i = 0; i <= LEG_MESSAGES_MAX; i++) {
		char tid[16], id[16];

		snprintf(tid, sizeof(tid), "many%d", i);
		snprintf(id, sizeof(id), "m%d", i);
		send_chunk(tid, id, "1-1/1", "", "x", '$');
	}
	snprintf(expected, sizeof(expected), "MSRP many%d 413 ", LEG_MESSAGES_MAX);
	peer_hear(&w, &p, expected);
	ck_assert_uint_eq(o.completes, LEG_MESSAGES_MAX);
	end();
}
END_TEST

static void impatient(struct endpoint_config *config)
{
	config->idle_ms = 1000;
	config->life_ms = 5000;
}

/* It may be silent for as long as it likes, but not in the middle of a message. */
START_TEST(bears_silence_between_messages)
{
	begin_conversation(impatient);
	o.verdict = 200;
	send_chunk("aaaa1", "m1", "1-5/5", "", "hello", '$');
	peer_hear(&w, &p, "MSRP aaaa1 200 ");
	for(int i = 0; i < 20; i++)
		world_pass(&w, 1000);
	ck_assert_uint_eq(o.losses, 0);
	send_chunk("aaaa2", "m2", "1-5/5", "", "hello", '$');
	peer_hear(&w, &p, "MSRP aaaa2 200 ");
	send_chunk("aaaa3", "m3", "1-*/10", "", "hello", '+');
	peer_hear(&w, &p, "MSRP aaaa3 200 ");
	world_pass(&w, 900);
	ck_assert_uint_eq(o.losses, 0);
	world_pass(&w, 500);
	ck_assert_uint_eq(o.losses, 1);
	ck_assert_int_eq(o.why, LEG_LOST_IDLE);
	end();
}
END_TEST

/* It is not read before its owner is ready, not even what came with the request that bound it; another owner may take it over. */
START_TEST(waits_for_an_owner)
{
	struct owner two = {.verdict = 200};
	bool body = _i == 0;

	world_start(&w, NULL);
	owner_converse(&w, &o, 100000);
	o.pause_when_bound = true;
	ck_assert(leg_listen(o.leg, CPM_SLICE(MINE)));
	peer_connect(&w, &p, false, false);
	if(body)
		send_chunk("aaaa1", "m1", "1-5/5", "", "hello", '$');
	else
		peer_sayf(&w, &p,
				"MSRP aaaa1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
				"\r\nMessage-ID: 1\r\nByte-Range: 1-0/0\r\n-------aaaa1$\r\n",
				(int)leg_path(o.leg).n, leg_path(o.leg).p);
	world_await(&w, o.bounds == 1);
	peer_silence(&w, &p);
	ck_assert_uint_eq(o.begins, 0);
	two.size = o.size;
	two.body = o.body;
	two.leg = o.leg;
	leg_hand_over(o.leg, owner_hooks(), &two);
	leg_resume(two.leg);
	peer_hear(&w, &p, "MSRP aaaa1 200 OK");
	ck_assert_uint_eq(o.begins, 0);
	ck_assert_uint_eq(two.completes, body);
	o.leg = two.leg;
	end();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("intake");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, takes_a_message, 0, 3);
	tcase_add_test(t, takes_single_octets);
	tcase_add_test(t, assembles_chunks);
	tcase_add_test(t, ends_with_an_empty_chunk);
	tcase_add_loop_test(t, answers_as_wished, 0, UNIT_COUNT(wishes));
	tcase_add_loop_test(t, refuses, 0, UNIT_COUNT(refused));
	tcase_add_test(t, refuses_what_the_owner_refuses);
	tcase_add_test(t, stops_a_sender);
	tcase_add_test(t, survives_an_owner_that_closes);
	tcase_add_test(t, refuses_what_grows_too_large);
	tcase_add_test(t, refuses_too_many_holes);
	tcase_add_test(t, takes_one_message_at_a_time);
	tcase_add_test(t, discards_what_is_given_up);
	tcase_add_test(t, tells_of_a_lost_connection);
	tcase_add_test(t, binds_to_one_connection);
	tcase_add_loop_test(t, takes_a_relays_other_connection, 0, UNIT_COUNT(movers));
	tcase_add_test(t, answers_a_relays_sign_of_life);
	tcase_add_test(t, serves_two_sessions_on_a_connection);
	tcase_add_loop_test(t, shares_back_pressure, 0, 2);
	tcase_add_test(t, keeps_plain_connections_off_tls_sessions);
	tcase_add_loop_test(t, passes_back_pressure_on, 0, 2);
	tcase_add_loop_test(t, takes_large_messages, 0, 2);
	tcase_add_test(t, takes_many_messages_at_once);
	tcase_add_test(t, takes_interleaved_chunks);
	tcase_add_test(t, bounds_what_waits_for_verdicts);
	tcase_add_test(t, bears_silence_between_messages);
	tcase_add_loop_test(t, waits_for_an_owner, 0, 2);
	return unit_run("intake", t);
}
