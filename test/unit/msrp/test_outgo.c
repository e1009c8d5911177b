/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of the endpoint as a sender, and as the side that connects:
 * msrp/{outgo,leg,channel}.c.
 */
#include "driver.h"

static struct world w;
static struct owner o;
static struct peer p;

#define MINE "msrp://127.0.0.1:9/peer1;tcp"
/* Behind a relay, as a=path says it; then a request's From-Path says so too. */
#define RELAYED "msrp://127.0.0.1:8/relay1;tcp " MINE

#define RELAYED_TLS "msrps://127.0.0.1:8/relay1;tcp msrps://127.0.0.1:9/peer1;tcp"

static void small_chunks(struct endpoint_config *config)
{
	config->chunk_bytes = 1000;
}

static void begin(void (*tweak)(struct endpoint_config *config))
{
	world_start(&w, tweak);
	ck_assert_ptr_nonnull(owner_open(&w, &o, 100000, false, false));
}

static void end(void)
{
	peer_close(&p);
	owner_free(&o);
	world_stop(&w);
}

static void send_message(const char *body)
{
	struct leg_message m = {
			.content_type = CPM_SLICE("message/cpim"), .total = strlen(body), .total_known = true};

	o.out = cpm_slice_of(body);
	ck_assert(leg_send(o.leg, &m));
	ck_assert(!leg_send(o.leg, &m));
}

/* The peer connects and says for whom it comes. */
static void bind_path(const char *path)
{
	ck_assert(leg_listen(o.leg, cpm_slice_of(path)));
	peer_connect(&w, &p, false, false);
	peer_sayf(&w, &p,
			"MSRP bind1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: %s\r\nMessage-ID: 1\r\n"
			"Byte-Range: 1-0/0\r\n-------bind1$\r\n",
			(int)leg_path(o.leg).n, leg_path(o.leg).p, path);
	peer_hear(&w, &p, "-------bind1$\r\n");
}

static void bind_peer(void)
{
	bind_path(MINE);
}

/* The transaction id of the next request that the peer hears; its head and body are forgotten. */
static const char *hear_request(const char *until)
{
	static char tid[64];
	char *blank;

	for(int i = 0; !p.count || !memmem(p.heard, p.count, "\r\n", 2); i++) {
		ck_assert_int_lt(i, 4000);
		world_turn(&w);
		peer_listen_on(&w, &p);
		usleep(500);
	}
	ck_assert_int_eq(memcmp(p.heard, "MSRP ", 5), 0);
	blank = memchr(p.heard + 5, ' ', 40);
	ck_assert_ptr_nonnull(blank);
	snprintf(tid, sizeof(tid), "%.*s", (int)(blank - p.heard - 5), p.heard + 5);
	if(until)
		peer_hear(&w, &p, until);
	return tid;
}

static void respond(const char *tid, const char *status)
{
	peer_sayf(&w, &p, "MSRP %s %s\r\nTo-Path: %.*s\r\nFrom-Path: " MINE "\r\n-------%s$\r\n", tid,
			status, (int)leg_path(o.leg).n, leg_path(o.leg).p, tid);
}

START_TEST(sends_once_the_peer_is_there)
{
	char expected[100];
	const char *tid;

	begin(NULL);
	send_message("hello");
	bind_peer();
	tid = hear_request("To-Path: " MINE "\r\nFrom-Path: msrp://127.0.0.1:");
	peer_hear(&w, &p, "Byte-Range: 1-5/5\r\nContent-Type: message/cpim\r\n\r\nhello\r\n-------");
	snprintf(expected, sizeof(expected), "%s$\r\n", tid);
	peer_hear(&w, &p, expected);
	ck_assert_uint_eq(o.sents, 0);
	respond(tid, "200 OK");
	world_await(&w, o.sents == 1);
	ck_assert_uint_eq(o.sent_status, 200);
	peer_silence(&w, &p);
	end();
}
END_TEST

START_TEST(sends_what_comes_later)
{
	char tid[64];

	begin(NULL);
	bind_peer();
	o.late = true;
	send_message("hello");
	peer_silence(&w, &p);
	ck_assert_uint_eq(o.wanted, 5);
	leg_give(o.leg, NULL, CPM_SLICE("hel"), false);
	ck_assert(!leg_all_given(o.leg, NULL));
	snprintf(tid, sizeof(tid), "%s", hear_request("Byte-Range: 1-3/5\r\nContent-Type"));
	peer_hear(&w, &p, "+\r\n");
	ck_assert_uint_eq(o.wanted_at, 3);
	ck_assert_uint_eq(o.wanted, 2);
	leg_give(o.leg, NULL, CPM_SLICE("lo"), false);
	ck_assert(leg_all_given(o.leg, NULL));
	respond(tid, "200 OK");
	snprintf(tid, sizeof(tid), "%s", hear_request("Byte-Range: 4-5/5\r\n"));
	peer_hear(&w, &p, "$\r\n");
	ck_assert_uint_eq(o.sents, 0);
	respond(tid, "200 OK");
	world_await(&w, o.sents == 1);
	end();
}
END_TEST

/* A report on the message whose name is in what the peer has heard. */
static void report(struct peer *from, const char *path, const char *name, const char *range,
		const char *status)
{
	struct endpoint_statistics before, now;

	endpoint_statistics(w.endpoint, &before);
	peer_sayf(&w, from,
			"MSRP rrrr1 REPORT\r\nTo-Path: %.*s\r\nFrom-Path: %s\r\nMessage-ID: %s\r\n%s"
			"Status: %s\r\n-------rrrr1$\r\n",
			(int)leg_path(o.leg).n, leg_path(o.leg).p, path, name, range, status);
	do {
		world_turn(&w);
		endpoint_statistics(w.endpoint, &now);
	} while(now.frames_in == before.frames_in);
}

/* "hello" in two chunks to a peer behind a relay, which has answered both; the message's name. */
static const char *relay_hello(void)
{
	static char name[64];
	char tid[64];
	char *at;

	bind_path(RELAYED);
	o.late = true;
	send_message("hello");
	leg_give(o.leg, NULL, CPM_SLICE("hel"), false);
	snprintf(tid, sizeof(tid), "%s", hear_request("To-Path: " RELAYED "\r\nFrom-Path: msrp://"));
	at = memmem(p.heard, p.count, "Message-ID: ", 12);
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(sscanf(at, "Message-ID: %63s", name), 1);
	peer_hear(&w, &p, "Byte-Range: 1-3/5\r\nSuccess-Report: yes\r\n");
	peer_hear(&w, &p, "+\r\n");
	respond(tid, "200 OK");
	leg_give(o.leg, NULL, CPM_SLICE("lo"), false);
	respond(hear_request("Byte-Range: 4-5/5\r\nSuccess-Report: yes\r\n"), "200 OK");
	peer_hear(&w, &p, "$\r\n");
	ck_assert_uint_eq(o.sents, 0);
	return name;
}

/* RFC 4975 section 5.3: a relay's 200 is the relay's. What the peer has, its reports say: all of it, of
 * this message, with a status that is a success. */
static const struct {
	const char *name;
	const char *ranges[2]; /* of its reports */
	const char *status;
	const char *message; /* NULL: the message's own */
	unsigned sent;       /* what its owner hears; 0: nothing yet */
} reports[] = {
		{"all", {"Byte-Range: 1-5/5\r\n"}, "000 200 OK", NULL, 200},
		{"in two parts", {"Byte-Range: 4-5/5\r\n", "Byte-Range: 1-3/5\r\n"}, "000 200 OK", NULL,
				200},
		{"without a range", {""}, "000 200 OK", NULL, 200},
		{"a part", {"Byte-Range: 1-4/5\r\n"}, "000 200 OK", NULL, 0},
		{"a part twice", {"Byte-Range: 1-4/5\r\n", "Byte-Range: 1-4/5\r\n"}, "000 200 OK", NULL, 0},
		{"with a hole", {"Byte-Range: 1-1/5\r\n", "Byte-Range: 3-5/5\r\n"}, "000 200 OK", NULL, 0},
		{"more than was sent", {"Byte-Range: 1-6/6\r\n"}, "000 200 OK", NULL, 0},
		{"another message", {"Byte-Range: 1-5/5\r\n"}, "000 200 OK", "x", 0},
		{"another namespace", {"Byte-Range: 1-5/5\r\n"}, "001 200 OK", NULL, 0},
		{"failed", {"Byte-Range: 1-5/5\r\n"}, "000 481 Gone", NULL, 481},
		{"failed in part", {"Byte-Range: 1-3/5\r\n"}, "000 413 Full", NULL, 413},
		{"another failed", {"Byte-Range: 1-5/5\r\n"}, "000 481 Gone", "x", 0},
};

START_TEST(believes_reports_and_no_relay)
{
	const char *name;

	begin(NULL);
	name = relay_hello();
	for(int i = 0; i < 2 && reports[_i].ranges[i]; i++)
		report(&p, RELAYED, reports[_i].message ? reports[_i].message : name, reports[_i].ranges[i],
				reports[_i].status);
	ck_assert_msg(o.sents == (reports[_i].sent != 0), "%s", reports[_i].name);
	ck_assert_msg(o.sent_status == reports[_i].sent, "%s", reports[_i].name);
	if(!reports[_i].sent) {
		/* Two hops, and each may take its time. */
		world_pass(&w, 59000);
		ck_assert_uint_eq(o.sents, 0);
		world_pass(&w, 2000);
		ck_assert_uint_eq(o.sents, 1);
		ck_assert_uint_eq(o.sent_status, 408);
	}
	ck_assert_uint_eq(o.losses, 0);
	end();
}
END_TEST

/* A relay need not report over the session's connection; but whoever reports must know the path. */
static const struct {
	const char *path;
	bool believed;
} reporters[] = {
		{RELAYED, true},
		{MINE, false},
		{"msrp://127.0.0.1:8/relay2;tcp " MINE, false},
		{RELAYED " " MINE, false},
};

START_TEST(hears_a_relays_other_connection)
{
	struct peer other;
	const char *name;

	begin(NULL);
	name = relay_hello();
	peer_connect(&w, &other, false, false);
	report(&other, reporters[_i].path, name, "Byte-Range: 1-5/5\r\n", "000 200 OK");
	ck_assert_msg(o.sents == reporters[_i].believed, "%s", reporters[_i].path);
	peer_silence(&w, &other);
	peer_close(&other);
	end();
}
END_TEST

/* The responses are behind octets that another session on the connection has no room for: a relay's are not waited for, the peer's own
 * are. */
START_TEST(goes_on_where_no_response_can_come)
{
	bool relayed = _i == 1;
	static char body[8001];
	struct owner two;

	memset(body, 'x', 8000);
	begin(small_chunks);
	bind_path(relayed ? RELAYED : MINE);
	owner_open(&w, &two, 100, false, false);
	two.full = true;
	ck_assert(leg_listen(two.leg, CPM_SLICE(MINE)));
	peer_sayf(&w, &p,
			"MSRP two1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
			"\r\nMessage-ID: 1\r\nContent-Type: message/cpim\r\n\r\nx\r\n-------two1+\r\n",
			(int)leg_path(two.leg).n, leg_path(two.leg).p);
	world_await(&w, two.begins == 1);
	send_message(body);
	peer_hear(&w, &p, "Byte-Range: 3001-4000/8000\r\n");
	if(relayed) {
		peer_hear(&w, &p, "Byte-Range: 7001-8000/8000\r\n");
	} else {
		peer_hear(&w, &p, "+\r\n");
		peer_silence(&w, &p);
	}
	ck_assert_uint_eq(o.sents, 0);
	owner_free(&two);
	end();
}
END_TEST

/* Without a relay the responses decide; what reports say of a success is of no account. */
START_TEST(needs_no_report_without_a_relay)
{
	begin(NULL);
	bind_peer();
	send_message("hello");
	report(&p, MINE, "x", "Byte-Range: 1-5/5\r\n", "000 200 OK");
	ck_assert_uint_eq(o.sents, 0);
	respond(hear_request("hello\r\n"), "200 OK");
	world_await(&w, o.sents == 1);
	end();
}
END_TEST

START_TEST(sends_without_a_known_total)
{
	struct leg_message m = {.content_type = CPM_SLICE("message/cpim")};
	char tid[64];

	begin(NULL);
	bind_peer();
	o.late = true;
	ck_assert(leg_send(o.leg, &m));
	leg_give(o.leg, NULL, CPM_SLICE("abc"), false);
	snprintf(tid, sizeof(tid), "%s", hear_request("Byte-Range: 1-3/*\r\n"));
	peer_hear(&w, &p, "+\r\n");
	leg_give(o.leg, NULL, CPM_SLICE("d"), true);
	respond(tid, "200 OK");
	snprintf(tid, sizeof(tid), "%s", hear_request("Byte-Range: 4-4/*\r\n"));
	peer_hear(&w, &p, "$\r\n");
	respond(tid, "200 OK");
	world_await(&w, o.sents == 1);
	ck_assert_uint_eq(o.sent_status, 200);
	end();
}
END_TEST

/* At most four chunks wait for their responses; a chunk above 2048 octets can be interrupted. */
START_TEST(keeps_a_window)
{
	static char body[30001];
	unsigned chunks = 0;

	memset(body, 'x', 30000);
	begin(small_chunks);
	w.config.chunk_bytes = 3000;
	bind_peer();
	send_message(body);
	world_turn(&w);
	while(o.sents == 0) {
		char tid[64], range[64];

		ck_assert_uint_lt(chunks, 10);
		ck_assert_uint_le(peer_listen_on(&w, &p), 4 * 3300);
		snprintf(range, sizeof(range), "Byte-Range: %u-*/30000\r\n", chunks * 3000 + 1);
		snprintf(tid, sizeof(tid), "%s", hear_request(range));
		peer_hear(&w, &p, "\r\n-------");
		peer_hear(&w, &p, "\r\n");
		chunks++;
		respond(tid, "200 OK");
		if(chunks == 10)
			world_await(&w, o.sents == 1);
	}
	ck_assert_uint_eq(chunks, 10);
	ck_assert_uint_eq(o.sent_status, 200);
	end();
}
END_TEST

START_TEST(stops_when_refused)
{
	static char body[3001];

	memset(body, 'x', 3000);
	begin(small_chunks);
	bind_peer();
	send_message(body);
	respond(hear_request("+\r\n"), "413 Stop");
	world_await(&w, o.sents == 1);
	ck_assert_uint_eq(o.sent_status, 413);
	/* The next message goes over the same session. */
	p.count = 0;
	send_message("more");
	respond(hear_request("more\r\n"), "200 OK");
	world_await(&w, o.sents == 2);
	ck_assert_uint_eq(o.sent_status, 200);
	end();
}
END_TEST

START_TEST(gives_up_without_a_response)
{
	begin(NULL);
	bind_peer();
	send_message("hello");
	hear_request("hello\r\n");
	world_pass(&w, 300);
	world_pass(&w, 29000);
	ck_assert_uint_eq(o.sents, 0);
	world_pass(&w, 2000);
	world_await(&w, o.sents == 1);
	ck_assert_uint_eq(o.sent_status, 408);
	ck_assert_uint_eq(o.losses, 0);
	end();
}
END_TEST

START_TEST(tells_the_peer_that_it_gives_up)
{
	begin(NULL);
	bind_peer();
	o.late = true;
	send_message("hello");
	leg_give(o.leg, NULL, CPM_SLICE("hel"), false);
	hear_request("+\r\n");
	leg_abort(o.leg, NULL);
	hear_request("Byte-Range: 4-*/5\r\nFailure-Report: no\r\n");
	peer_hear(&w, &p, "#\r\n");
	/* Octets that come after that are not sent. */
	leg_give(o.leg, NULL, CPM_SLICE("lo"), true);
	peer_silence(&w, &p);
	ck_assert_uint_eq(o.sents, 0);
	end();
}
END_TEST

START_TEST(loses_an_absent_peer)
{
	begin(NULL);
	ck_assert(leg_listen(o.leg, CPM_SLICE(MINE)));
	peer_connect(&w, &p, false, false);
	world_pass(&w, 30000);
	ck_assert_uint_eq(o.losses, 0);
	world_pass(&w, 300);
	world_await(&w, o.losses == 1);
	ck_assert_int_eq(o.why, LEG_LOST_ABSENT);
	end();
}
END_TEST

START_TEST(loses_a_peer_that_takes_nothing)
{
	static char body[40u << 20];

	memset(body, 'x', sizeof(body) - 1);
	begin(NULL);
	w.config.chunk_bytes = ENDPOINT_OUT_MAX / 4;
	bind_peer();
	/* Responses without end, but nothing is read: our own requests go unanswered. */
	send_message(body);
	for(int i = 0; i < 8; i++)
		world_pass(&w, 10000);
	ck_assert(o.losses || o.sents);
	if(o.sents)
		ck_assert_uint_eq(o.sent_status, 408);
	end();
}
END_TEST

static void dial(bool tls)
{
	unsigned port;
	int listener = peer_listen(&port);

	world_start(&w, NULL);
	owner_open(&w, &o, 1000, tls, false);
	o.verdict = 200;
	ck_assert(leg_dial(o.leg, tls ? CPM_SLICE("msrps://127.0.0.1:9/peer1;tcp") : CPM_SLICE(MINE),
			CPM_SLICE("127.0.0.1"), port));
	peer_accept(&w, &p, listener, tls);
}

START_TEST(connects_and_greets)
{
	char greeting[64];

	dial(_i == 1);
	snprintf(greeting, sizeof(greeting), "%s", hear_request("Byte-Range: 1-0/0\r\n-------"));
	peer_hear(&w, &p, "$\r\n");
	ck_assert_uint_eq(o.bounds, 1);
	respond(greeting, "200 OK");
	send_message("hello");
	respond(hear_request("hello\r\n"), "200 OK");
	peer_hear(&w, &p, "$\r\n");
	world_await(&w, o.sents == 1);
	ck_assert_uint_eq(o.sent_status, 200);
	/* The other way over the same connection. */
	peer_sayf(&w, &p,
			"MSRP aaaa1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " MINE
			"\r\nMessage-ID: 1\r\nContent-Type: message/cpim\r\n\r\nx\r\n-------aaaa1$\r\n",
			(int)leg_path(o.leg).n, leg_path(o.leg).p);
	peer_hear(&w, &p, "MSRP aaaa1 200 ");
	world_await(&w, o.completes == 1);
	end();
}
END_TEST

/* We connect to its relay by TLS, and the relay comes over a connection of its own before that is done. */
START_TEST(is_called_while_it_connects)
{
	unsigned port;
	int listener = peer_listen(&port);
	struct peer slow;

	world_start(&w, NULL);
	owner_open(&w, &o, 1000, true, false);
	o.verdict = 200;
	ck_assert(leg_dial(o.leg, CPM_SLICE(RELAYED_TLS), CPM_SLICE("127.0.0.1"), port));
	peer_accept(&w, &slow, listener, false);
	ck_assert_int_eq(leg_state(o.leg), LEG_DIALLED);
	peer_connect(&w, &p, true, false);
	peer_sayf(&w, &p,
			"MSRP aaaa1 SEND\r\nTo-Path: %.*s\r\nFrom-Path: " RELAYED_TLS
			"\r\nMessage-ID: 1\r\nContent-Type: message/cpim\r\n\r\nx\r\n-------aaaa1$\r\n",
			(int)leg_path(o.leg).n, leg_path(o.leg).p);
	peer_hear(&w, &p, "MSRP aaaa1 200 ");
	ck_assert_uint_eq(o.bounds, 1);
	ck_assert_uint_eq(o.completes, 1);
	/* The other one is not needed any more, and its end is nobody's loss. */
	peer_close(&slow);
	world_pass(&w, 11000);
	ck_assert_uint_eq(o.losses, 0);
	end();
}
END_TEST

START_TEST(hears_that_it_is_not_welcome)
{
	dial(false);
	respond(hear_request("$\r\n"), "481 No");
	world_await(&w, o.losses == 1);
	ck_assert_int_eq(o.why, LEG_LOST_REFUSED);
	end();
}
END_TEST

START_TEST(loses_what_cannot_be_reached)
{
	unsigned port;
	int listener = peer_listen(&port);

	begin(NULL);
	close(listener);
	p.fd = -1;
	ck_assert(leg_dial(o.leg, CPM_SLICE(MINE), CPM_SLICE("127.0.0.1"), port));
	for(int i = 0; i < 1000 && !o.losses; i++) {
		world_turn(&w);
		usleep(500);
	}
	ck_assert_int_eq(o.why, LEG_LOST_REFUSED);
	world_await(&w, o.losses == 1);
	end();
}
END_TEST

START_TEST(refuses_addresses_that_are_none)
{
	begin(NULL);
	ck_assert(!leg_dial(o.leg, CPM_SLICE(MINE), CPM_SLICE("example.com"), 1));
	ck_assert(!leg_dial(o.leg, CPM_SLICE(MINE), CPM_SLICE(""), 1));
	ck_assert(!leg_dial(o.leg, CPM_SLICE(MINE), CPM_SLICE("127.0.0.1"), 0));
	ck_assert(!leg_dial(o.leg, CPM_SLICE("sip:x"), CPM_SLICE("127.0.0.1"), 1));
	ck_assert(!leg_listen(o.leg, CPM_SLICE("")));
	ck_assert(!leg_listen(o.leg, CPM_SLICE(MINE " sip:x")));
	ck_assert(!leg_dial(o.leg, CPM_SLICE(MINE " sip:x"), CPM_SLICE("127.0.0.1"), 1));
	p.fd = -1;
	end();
}
END_TEST

static void verified(struct endpoint_config *config)
{
	config->tls_verify = 1;
	config->tls_ca = CERTIFICATE;
}

static void mistrustful(struct endpoint_config *config)
{
	config->tls_verify = 1;
}

/* Self-signed, for 127.0.0.1 and localhost. */
static const struct {
	const char *name, *path;
	void (*tweak)(struct endpoint_config *config);
	bool trusted;
} certificates[] = {
		{"its address", "msrps://127.0.0.1:9/peer1;tcp", verified, true},
		{"its name", "msrps://localhost:9/peer1;tcp", verified, true},
		{"another name", "msrps://example.com:9/peer1;tcp", verified, false},
		{"another address", "msrps://127.0.0.2:9/peer1;tcp", verified, false},
		{"not trusted", "msrps://127.0.0.1:9/peer1;tcp", mistrustful, false},
		{"not checked", "msrps://example.com:9/peer1;tcp", NULL, true},
};

START_TEST(checks_certificates)
{
	unsigned port;
	int listener = peer_listen(&port);

	world_start(&w, certificates[_i].tweak);
	owner_open(&w, &o, 1000, true, false);
	ck_assert(leg_dial(o.leg, cpm_slice_of(certificates[_i].path), CPM_SLICE("127.0.0.1"), port));
	peer_accept(&w, &p, listener, true);
	for(int i = 0; i < 1000 && !o.losses && !o.bounds; i++) {
		world_turn(&w);
		usleep(500);
	}
	ck_assert_msg(o.bounds == certificates[_i].trusted, "%s", certificates[_i].name);
	ck_assert_msg(o.losses == !certificates[_i].trusted, "%s", certificates[_i].name);
	end();
}
END_TEST

/* A leg that converses. */

static void begin_conversation(void)
{
	world_start(&w, small_chunks);
	ck_assert_ptr_nonnull(owner_converse(&w, &o, 100000));
	o.late = true;
	bind_peer();
}

static void send_marked(const char *type, size_t total, void *mark)
{
	struct leg_message m = {.content_type = cpm_slice_of(type),
			.headers = CPM_SLICE("Content-Disposition: render\r\n"),
			.total = total,
			.total_known = true,
			.mark = mark};

	ck_assert(leg_send(o.leg, &m));
}

/* None waits for another's response, and each has its own end. */
START_TEST(sends_many_messages_at_once)
{
	char tids[3][64];

	begin_conversation();
	for(int i = 0; i < 3; i++) {
		send_marked("text/plain", 5, &tids[i]);
		leg_give(o.leg, &tids[i], CPM_SLICE("hello"), true);
		ck_assert(leg_all_given(o.leg, &tids[i]));
		snprintf(tids[i], sizeof(tids[i]), "%s",
				hear_request(
						"Content-Disposition: render\r\nContent-Type: text/plain\r\n\r\nhello"));
		peer_hear(&w, &p, "$\r\n");
	}
	respond(tids[1], "200 OK");
	world_await(&w, o.sents == 1);
	ck_assert_ptr_eq(o.sent_mark, &tids[1]);
	ck_assert_uint_eq(o.sent_status, 200);
	respond(tids[0], "413 Too Large");
	world_await(&w, o.sents == 2);
	ck_assert_ptr_eq(o.sent_mark, &tids[0]);
	ck_assert_uint_eq(o.sent_status, 413);
	/* In its own time. */
	world_pass(&w, 300);
	world_pass(&w, 30001);
	ck_assert_uint_eq(o.sents, 3);
	ck_assert_ptr_eq(o.sent_mark, &tids[2]);
	ck_assert_uint_eq(o.sent_status, 408);
	ck_assert_int_eq(leg_state(o.leg), LEG_BOUND);
	end();
}
END_TEST

/* The response may be there, and waits until it is read. But not for ever. */
START_TEST(waits_while_it_does_not_listen)
{
	char tid[64], mark;

	begin_conversation();
	leg_pause(o.leg);
	send_marked("text/plain", 5, &mark);
	leg_give(o.leg, &mark, CPM_SLICE("hello"), true);
	snprintf(tid, sizeof(tid), "%s", hear_request("hello\r\n"));
	peer_hear(&w, &p, "$\r\n");
	respond(tid, "200 OK");
	for(int i = 0; i < 5; i++)
		world_pass(&w, 9000);
	ck_assert_uint_eq(o.sents, 0);
	leg_resume(o.leg);
	world_await(&w, o.sents == 1);
	ck_assert_uint_eq(o.sent_status, 200);
	/* Its clock runs already: it starts again. */
	send_marked("text/plain", 5, &mark);
	leg_give(o.leg, &mark, CPM_SLICE("hello"), true);
	snprintf(tid, sizeof(tid), "%s", hear_request("hello\r\n"));
	peer_hear(&w, &p, "$\r\n");
	world_pass(&w, 300);
	world_pass(&w, 20000);
	leg_pause(o.leg);
	world_pass(&w, 20000);
	leg_resume(o.leg);
	world_pass(&w, 20000);
	ck_assert_uint_eq(o.sents, 1);
	respond(tid, "200 OK");
	world_await(&w, o.sents == 2);
	ck_assert_uint_eq(o.sent_status, 200);
	leg_pause(o.leg);
	send_marked("text/plain", 5, &mark);
	leg_give(o.leg, &mark, CPM_SLICE("hello"), true);
	for(int i = 0; i < 11; i++)
		world_pass(&w, 9000);
	ck_assert_uint_eq(o.sents, 3);
	ck_assert_uint_eq(o.sent_status, 408);
	end();
}
END_TEST

/* Many sessions behind one relay, whose connection is theirs together: each was asked for a chunk while there was room. */
START_TEST(has_room_for_all_of_a_connection)
{
	enum { LEGS = 12 };
	static struct owner others[LEGS];
	static char block[65536];
	struct cpm_slice piece = {block, sizeof(block)};
	struct leg_message m = {
			.content_type = CPM_SLICE("text/plain"), .total = sizeof(block), .total_known = true};
	size_t heard = 0;

	memset(block, 'x', sizeof(block));
	begin(NULL);
	bind_path(RELAYED);
	for(int i = 0; i < LEGS; i++) {
		struct owner *other = &others[i];

		memset(other, 0, sizeof(*other));
		ck_assert_ptr_nonnull(owner_converse(&w, other, 100000));
		other->late = true;
		ck_assert(leg_listen(other->leg, cpm_slice_of(RELAYED)));
		peer_sayf(&w, &p,
				"MSRP more%d SEND\r\nTo-Path: %.*s\r\nFrom-Path: " RELAYED
				"\r\nMessage-ID: 1\r\nByte-Range: 1-0/0\r\n-------more%d$\r\n",
				i, (int)leg_path(other->leg).n, leg_path(other->leg).p, i);
		peer_hear(&w, &p, "$\r\n");
		ck_assert(leg_send(other->leg, &m));
		ck_assert_uint_eq(other->wanted, sizeof(block));
	}
	for(int i = 0; i < LEGS; i++)
		leg_give(others[i].leg, NULL, piece, true);
	while(heard < LEGS * sizeof(block)) {
		size_t n;

		world_turn(&w);
		n = peer_listen_on(&w, &p);
		p.count = 0;
		heard += n;
		ck_assert(!p.closed);
		ck_assert_uint_eq(others[0].losses, 0);
	}
	for(int i = 0; i < LEGS; i++)
		owner_free(&others[i]);
	end();
}
END_TEST

/* A small one need not wait for the end of a large one. */
START_TEST(interleaves_what_it_sends)
{
	static char body[3000];
	struct cpm_slice piece = {body, 1000};
	char large, small;

	memset(body, 'x', sizeof(body));
	begin_conversation();
	send_marked("message/cpim", sizeof(body), &large);
	leg_give(o.leg, &large, piece, false);
	peer_hear(&w, &p, "Byte-Range: 1-1000/3000\r\n");
	send_marked("message/cpim", 5, &small);
	leg_give(o.leg, &small, CPM_SLICE("small"), true);
	peer_hear(&w, &p, "Byte-Range: 1-5/5\r\n");
	leg_give(o.leg, &large, piece, false);
	peer_hear(&w, &p, "Byte-Range: 1001-2000/3000\r\n");
	/* Given up alone. */
	leg_abort(o.leg, &large);
	peer_hear(&w, &p, "#\r\n");
	ck_assert(leg_all_given(o.leg, &small));
	end();
}
END_TEST

/* A peer that sends a frame of its own answers behind it: what it is sent goes on. */
START_TEST(goes_on_without_responses)
{
	static char body[20000];
	char large;

	memset(body, 'x', sizeof(body));
	begin_conversation();
	o.late = false;
	o.out = (struct cpm_slice){body, sizeof(body)};
	send_marked("message/cpim", sizeof(body), &large);
	peer_hear(&w, &p, "Byte-Range: 19001-20000/20000\r\n");
	ck_assert_uint_eq(o.sents, 0);
	end();
}
END_TEST

START_TEST(bounds_what_is_under_way)
{
	static char marks[LEG_MESSAGES_MAX + 1];
	struct leg_message m = {
			.content_type = CPM_SLICE("text/plain"), .total = 1, .total_known = true};

	begin_conversation();
	for(int i = 0; i <= LEG_MESSAGES_MAX; i++) {
		m.mark = &marks[i];
		ck_assert_int_eq(leg_send(o.leg, &m), i < LEG_MESSAGES_MAX);
	}
	leg_abort(o.leg, &marks[7]);
	ck_assert(leg_send(o.leg, &m));
	/* Who is asked has room, however late it gives. */
	for(int i = 0; i <= LEG_MESSAGES_MAX; i++)
		leg_give(o.leg, &marks[i], CPM_SLICE("x"), true);
	for(int i = 0; i < LEG_MESSAGES_MAX; i++)
		respond(hear_request("x\r\n-------"), "200 OK"), peer_hear(&w, &p, "$\r\n");
	world_await(&w, o.sents == LEG_MESSAGES_MAX);
	/* And what was given up after it was asked for takes none. */
	for(int i = 0; i < 2000; i++) {
		o.wanted = 0;
		ck_assert(leg_send(o.leg, &m));
		ck_assert_uint_eq(o.wanted, 1);
		leg_abort(o.leg, m.mark);
	}
	end();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("outgo");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, sends_once_the_peer_is_there);
	tcase_add_test(t, sends_what_comes_later);
	tcase_add_loop_test(t, believes_reports_and_no_relay, 0, UNIT_COUNT(reports));
	tcase_add_loop_test(t, hears_a_relays_other_connection, 0, UNIT_COUNT(reporters));
	tcase_add_loop_test(t, goes_on_where_no_response_can_come, 0, 2);
	tcase_add_test(t, needs_no_report_without_a_relay);
	tcase_add_test(t, sends_without_a_known_total);
	tcase_add_test(t, keeps_a_window);
	tcase_add_test(t, stops_when_refused);
	tcase_add_test(t, gives_up_without_a_response);
	tcase_add_test(t, tells_the_peer_that_it_gives_up);
	tcase_add_test(t, loses_an_absent_peer);
	tcase_add_test(t, loses_a_peer_that_takes_nothing);
	tcase_add_loop_test(t, connects_and_greets, 0, 2);
	tcase_add_test(t, is_called_while_it_connects);
	tcase_add_test(t, hears_that_it_is_not_welcome);
	tcase_add_test(t, loses_what_cannot_be_reached);
	tcase_add_test(t, refuses_addresses_that_are_none);
	tcase_add_loop_test(t, checks_certificates, 0, UNIT_COUNT(certificates));
	tcase_add_test(t, sends_many_messages_at_once);
	tcase_add_test(t, waits_while_it_does_not_listen);
	tcase_add_test(t, has_room_for_all_of_a_connection);
	tcase_add_test(t, interleaves_what_it_sends);
	tcase_add_test(t, goes_on_without_responses);
	tcase_add_test(t, bounds_what_is_under_way);
	return unit_run("outgo", t);
}
