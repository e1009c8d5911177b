/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The message-store client against a real Dovecot, and through a proxy that
 * cuts, delays and keeps silent. Companion section 6.
 */
#include "unit.h"

#include <time.h>
#include <unistd.h>

#include "dovecot.h"

#define FOLDER "Default/sip:alice@cpm.test"

struct client {
	struct imap_config config;
	struct imap *imap;
	int logs, changes;
	bool available;
	const char *reason;
};

struct answer {
	int count;
	struct imap_result result;
};

static struct dovecot dovecot;
static struct client c;
static int users;
static char user[64];

static void on_log(void *context, enum imap_log_level level, const char *text)
{
	(void)context;
	(void)level;
	ck_assert_ptr_null(strstr(text, "store-secret"));
	ck_assert_ptr_null(strchr(text, '\n'));
	c.logs++;
}

static void on_state(void *context, bool available, const char *reason)
{
	(void)context;
	c.changes++;
	c.available = available;
	c.reason = reason;
}

static void on_answer(void *context, const struct imap_result *result)
{
	struct answer *a = context;

	a->count++;
	a->result = *result;
}

static void setup(void)
{
	const char *error;

	if(!dovecot.pid)
		dovecot_start(&dovecot, "messages=20");
	dovecot_manners(&dovecot, "pass");
	snprintf(user, sizeof(user), "user%d@cpm.test", ++users);
	c = (struct client){.config = {.url = dovecot.proxy_url,
								.service = "cpm_pf",
								.password = "store-secret",
								.timeout_ms = 1500 * unit_slowness(),
								.idle_ms = 60000,
								.retry_min_ms = 50 * unit_slowness(),
								.retry_max_ms = 400 * unit_slowness(),
								.max_connections = 8,
								.max_user_connections = 2,
								.max_pending = 100,
								.max_object_bytes = 100000,
								.log = on_log,
								.state = on_state}};
	c.imap = imap_new(&c.config, &error);
	ck_assert_ptr_nonnull(c.imap);
}

static void teardown(void)
{
	if(c.imap)
		imap_free(&c.imap);
}

static void remake(void)
{
	const char *error;

	imap_free(&c.imap);
	c.imap = imap_new(&c.config, &error);
	ck_assert_msg(c.imap != NULL, "%s", error);
}

static int64_t cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void turn(void)
{
	int64_t before = test_now_ms(), cpu_before = cpu_ms();

	imap_run(c.imap, before);
	/* One turn never waits for the server. */
	ck_assert_int_lt(
			test_now_ms() - before - (cpu_ms() - cpu_before), unit_slowness() == 1 ? 500 : 60000);
	imap_wait(c.imap, -1, 20);
}

#define until(condition)                                                               \
	do {                                                                               \
		int64_t test_end = test_now_ms() + 10000 * unit_slowness();                    \
		while(!(condition)) {                                                          \
			ck_assert_msg(test_now_ms() < test_end, "line %d: " #condition, __LINE__); \
			turn();                                                                    \
		}                                                                              \
	} while(0)

static struct imap_append append_of(const char *key, const char *object)
{
	return (struct imap_append){.user = cpm_slice_of(user),
			.folder = CPM_SLICE(FOLDER),
			.key = cpm_slice_of(key),
			.object = cpm_slice_of(object)};
}

static struct imap_result append(const char *key, const char *object, bool again)
{
	struct imap_append a = append_of(key, object);
	struct answer answer = {0};

	a.again = again;
	ck_assert(imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
	until(answer.count);
	return answer.result;
}

static struct imap_result find(const char *key)
{
	struct imap_find f = {cpm_slice_of(user), CPM_SLICE(FOLDER), cpm_slice_of(key)};
	struct answer answer = {0};

	ck_assert(imap_find(c.imap, &f, test_now_ms(), on_answer, &answer));
	until(answer.count);
	return answer.result;
}

static struct imap_result take_away(uint32_t uid, uint32_t validity, const char *key)
{
	struct imap_remove r = {
			cpm_slice_of(user), CPM_SLICE(FOLDER), uid, validity, cpm_slice_of(key)};
	struct answer answer = {0};

	ck_assert(imap_remove(c.imap, &r, test_now_ms(), on_answer, &answer));
	until(answer.count);
	return answer.result;
}

#define OBJECT(key) "From: sip:a@b\r\nMessage-ID: " key "\r\nX: y\r\n\r\nHello\r\n"

static void check_life(void)
{
	struct imap_result r = append("<k1@h>", OBJECT("<k1@h>"), false), f;

	ck_assert_int_eq(r.rc, IMAP_OK);
	ck_assert_uint_eq(r.uid, 1);
	ck_assert_uint_gt(r.uidvalidity, 0);
	ck_assert(!r.found);
	ck_assert_int_eq(append("<k2@h>", OBJECT("<k2@h>"), false).uid, 2);
	f = find("<k1@h>");
	ck_assert_int_eq(f.rc, IMAP_OK);
	ck_assert_uint_eq(f.uid, r.uid);
	ck_assert_uint_eq(f.uidvalidity, r.uidvalidity);
	ck_assert_int_eq(find("<k3@h>").rc, IMAP_ABSENT);
	ck_assert_int_eq(take_away(r.uid, r.uidvalidity, "").rc, IMAP_OK);
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 1);
	ck_assert_int_eq(take_away(0, 0, "<k2@h>").rc, IMAP_OK);
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 0);
	ck_assert_int_eq(take_away(0, 0, "<k2@h>").rc, IMAP_ABSENT);
}

START_TEST(append_find_remove)
{
	check_life();
}
END_TEST

START_TEST(unread_subscribed_and_byte_for_byte)
{
	ck_assert_int_eq(append("<k1@h>", OBJECT("<k1@h>"), false).rc, IMAP_OK);
	ck_assert_ptr_nonnull(
			strstr(dovecot_ask(&dovecot, user, FOLDER, "UID SEARCH UNSEEN"), "SEARCH 1\r\n"));
	ck_assert_ptr_nonnull(strstr(dovecot_ask(&dovecot, user, NULL, "LSUB \"\" *"), FOLDER));
	ck_assert_ptr_nonnull(strstr(
			dovecot_ask(&dovecot, user, FOLDER, "FETCH 1 BODY.PEEK[]"), OBJECT("<k1@h>") ")"));
}
END_TEST

START_TEST(tls_and_starttls)
{
	c.config.url = _i ? dovecot.url : dovecot.tls_url;
	c.config.starttls = _i;
	c.config.ca_file = dovecot.ca_file;
	remake();
	check_life();
}
END_TEST

/* More than the sockets between us hold: written in parts, as the server takes them. */
START_TEST(written_in_parts)
{
	static char object[8 << 20];
	static const char head[] = "Message-ID: <k1@h>\r\n\r\n";
	const char *url[] = {dovecot.url, dovecot.url, dovecot.tls_url};
	struct imap_append a = append_of("<k1@h>", "");
	struct answer answer = {0};

	memset(object, 'x', sizeof(object));
	memcpy(object, head, sizeof(head) - 1);
	for(size_t i = 1000; i < sizeof(object) - 1; i += 1000)
		memcpy(object + i, "\r\n", 2);
	c.config.url = url[_i];
	c.config.starttls = _i == 1;
	c.config.ca_file = dovecot.ca_file;
	c.config.max_object_bytes = sizeof(object);
	c.config.timeout_ms = 10000;
	remake();
	a.object = (struct cpm_slice){object, sizeof(object)};
	ck_assert(imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
	until(answer.count);
	ck_assert_int_eq(answer.result.rc, IMAP_OK);
	ck_assert_ptr_nonnull(strstr(
			dovecot_ask(&dovecot, user, FOLDER, "FETCH 1 RFC822.SIZE"), "RFC822.SIZE 8388608)"));
	ck_assert_int_eq(append("<k2@h>", OBJECT("<k2@h>"), false).uid, 2);
}
END_TEST

/* The caller's own descriptor ends the wait, with and without connections. */
START_TEST(woken_by_the_caller)
{
	int fds[2];
	char byte;

	ck_assert_int_eq(pipe(fds), 0);
	imap_wait(c.imap, fds[0], 0);
	for(int i = 0; i < 2; i++) {
		int64_t before = test_now_ms();

		ck_assert_int_eq(write(fds[1], "x", 1), 1);
		imap_wait(c.imap, fds[0], 5000);
		ck_assert_int_lt(test_now_ms() - before, 2500);
		ck_assert_int_eq(read(fds[0], &byte, 1), 1);
		before = test_now_ms();
		imap_wait(c.imap, fds[0], 100);
		ck_assert_int_ge(test_now_ms() - before, 50);
		ck_assert_int_eq(append("<k@h>", OBJECT("<k@h>"), false).rc, IMAP_OK);
	}
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(certificate_is_checked)
{
	c.config.url = _i ? dovecot.url : dovecot.tls_url;
	c.config.starttls = _i;
	c.config.ca_file = dovecot.other_ca_file;
	remake();
	struct imap_result r = append("<k1@h>", OBJECT("<k1@h>"), false);
	ck_assert_int_eq(r.rc, IMAP_DOWN);
	ck_assert_str_eq(r.reason, "certificate");
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 0);
}
END_TEST

START_TEST(users_log_in_themselves)
{
	c.config.service = NULL;
	remake();
	check_life();
}
END_TEST

START_TEST(folders_are_names)
{
	struct imap_append a = append_of("<k1@h>", OBJECT("<k1@h>"));
	struct answer answer = {0};

	a.folder = CPM_SLICE("Default/a\"b\\c &- {3+}");
	ck_assert(imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
	until(answer.count);
	ck_assert_int_eq(answer.result.rc, IMAP_OK);
	ck_assert_int_eq(dovecot_count(&dovecot, user, "Default/a\\\"b\\\\c &- {3+}"), 1);
	a.folder = CPM_SLICE("a\r\nC9 DELETE INBOX");
	ck_assert(imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
	until(answer.count == 2);
	ck_assert_int_eq(answer.result.rc, IMAP_REFUSED);
	ck_assert_str_eq(answer.result.reason, "name");
}
END_TEST

START_TEST(connections_are_kept)
{
	struct imap_gauges g;

	for(int i = 0; i < 5; i++)
		ck_assert_int_eq(append("<k@h>", OBJECT("<k@h>"), false).rc, IMAP_OK);
	imap_gauges(c.imap, &g);
	ck_assert_uint_eq(g.connects, 1);
	ck_assert_uint_eq(g.connections, 1);
	ck_assert_uint_eq(g.pending, 0);
	c.config.idle_ms = 1;
	until((imap_gauges(c.imap, &g), g.connections == 0));
}
END_TEST

/* However little it may be idle, and however slow the message store is: a connection lasts for the call that it was opened for. */
START_TEST(connections_are_not_kept)
{
	struct imap_gauges g;

	c.config.idle_ms = _i;
	c.config.timeout_ms = 8000 * unit_slowness();
	dovecot_manners(&dovecot, "delay-20");
	for(int i = 0; i < 2; i++)
		ck_assert_int_eq(append("<k@h>", OBJECT("<k@h>"), false).rc, IMAP_OK);
	until((imap_gauges(c.imap, &g), g.connections == 0));
	ck_assert_uint_le(g.connects, 2);
}
END_TEST

START_TEST(closed_by_the_server_while_idle)
{
	ck_assert_int_eq(append("<k1@h>", OBJECT("<k1@h>"), false).rc, IMAP_OK);
	dovecot_manners(&dovecot, "drop");
	turn();
	ck_assert_int_eq(append("<k2@h>", OBJECT("<k2@h>"), false).rc, IMAP_OK);
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 2);
	ck_assert_int_eq(c.changes, 0);
}
END_TEST

START_TEST(many_in_parallel)
{
	struct answer answers[60] = {{0}};
	struct imap_gauges g;
	size_t most = 0, done = 0;
	char name[96];

	for(int i = 0; i < 60; i++) {
		struct imap_append a = append_of("<k@h>", OBJECT("<k@h>"));

		snprintf(name, sizeof(name), "p%d-%s", i % 12, user);
		a.user = cpm_slice_of(name);
		ck_assert(imap_append(c.imap, &a, test_now_ms(), on_answer, &answers[i]));
	}
	while(done < 60) {
		turn();
		imap_gauges(c.imap, &g);
		most = g.connections > most ? g.connections : most;
		done = 60 - g.pending;
	}
	ck_assert_uint_eq(most, 8);
	for(int i = 0; i < 60; i++)
		ck_assert(answers[i].count == 1 && answers[i].result.rc == IMAP_OK);
	for(int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "p%d-%s", i, user);
		ck_assert_int_eq(dovecot_count(&dovecot, name, FOLDER), 5);
	}
}
END_TEST

/* One connection serves a user, unless it is slow. */
START_TEST(another_connection_for_one_user)
{
	struct answer answers[3] = {{0}};
	struct imap_append a = append_of("<k@h>", OBJECT("<k@h>"));
	struct imap_gauges g;

	c.config.timeout_ms = 8000 * unit_slowness();
	ck_assert_int_eq(append("<k@h>", OBJECT("<k@h>"), false).rc, IMAP_OK);
	for(int i = 0; i < 2; i++)
		ck_assert(imap_append(c.imap, &a, test_now_ms(), on_answer, &answers[i]));
	until(answers[0].count && answers[1].count);
	imap_gauges(c.imap, &g);
	ck_assert_uint_eq(g.connects, 1);
	dovecot_manners(&dovecot, "delay-300");
	for(int i = 0; i < 3; i++)
		ck_assert(imap_append(c.imap, &a, test_now_ms(), on_answer, &answers[i]));
	until(answers[0].count + answers[1].count + answers[2].count == 5);
	imap_gauges(c.imap, &g);
	/* max_user_connections */
	ck_assert_uint_eq(g.connects, 2);
}
END_TEST

START_TEST(limits)
{
	struct imap_append a = append_of("<k@h>", OBJECT("<k@h>"));
	struct answer answer = {0};
	static char large[100001];

	c.config.max_pending = 2;
	ck_assert(imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
	ck_assert(imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
	ck_assert(!imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
	until(answer.count == 2);
	a.object = (struct cpm_slice){large, sizeof(large)};
	ck_assert(!imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
	a = append_of("<k@h>", OBJECT("<k@h>"));
	a.user = CPM_SLICE("a\rb");
	ck_assert(!imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
}
END_TEST

START_TEST(over_quota)
{
	struct imap_result r = {0};

	for(int i = 0; i < 30 && r.rc == IMAP_OK; i++)
		r = append("<k@h>", OBJECT("<k@h>"), false);
	ck_assert_int_eq(r.rc, IMAP_REFUSED);
	ck_assert_str_eq(r.reason, "quota");
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 20);
	ck_assert(imap_available(c.imap));
}
END_TEST

/* The object is there, the answer is not: looked for before it is repeated. */
START_TEST(answer_lost)
{
	struct imap_result r;

	ck_assert_int_eq(append("<k0@h>", OBJECT("<k0@h>"), false).rc, IMAP_OK);
	dovecot_manners(&dovecot, "cut-answer 1");
	r = append("<k1@h>", OBJECT("<k1@h>"), false);
	ck_assert_int_eq(r.rc, IMAP_OK);
	ck_assert(r.found);
	ck_assert_uint_eq(r.uid, 2);
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 2);
}
END_TEST

START_TEST(cut_in_the_middle)
{
	struct imap_result r;

	ck_assert_int_eq(append("<k0@h>", OBJECT("<k0@h>"), false).rc, IMAP_OK);
	dovecot_manners(&dovecot, "cut-literal 1");
	r = append("<k1@h>", OBJECT("<k1@h>"), false);
	/* Whether it is on its way there cannot be seen from here: no second one on top of it. */
	ck_assert_int_eq(r.rc, IMAP_UNSURE);
	ck_assert_str_eq(r.reason, "lost");
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 1);
	r = append("<k1@h>", OBJECT("<k1@h>"), true);
	ck_assert_int_eq(r.rc, IMAP_OK);
	ck_assert(!r.found);
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 2);
}
END_TEST

/* The server goes on with it after the connection is gone: our search was too early. */
START_TEST(committed_late)
{
	struct imap_result r;

	ck_assert_int_eq(append("<k0@h>", OBJECT("<k0@h>"), false).rc, IMAP_OK);
	dovecot_manners(&dovecot, "late-500 1");
	r = append("<k1@h>", OBJECT("<k1@h>"), false);
	ck_assert_int_eq(r.rc, IMAP_UNSURE);
	ck_assert_str_eq(r.reason, "lost");
	until(dovecot_count(&dovecot, user, FOLDER) == 2);
	r = append("<k1@h>", OBJECT("<k1@h>"), true);
	ck_assert_int_eq(r.rc, IMAP_OK);
	ck_assert(r.found);
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 2);
}
END_TEST

START_TEST(answer_never_comes)
{
	struct imap_result r;

	ck_assert_int_eq(append("<k0@h>", OBJECT("<k0@h>"), false).rc, IMAP_OK);
	dovecot_manners(&dovecot, "mute-answer 1");
	r = append("<k1@h>", OBJECT("<k1@h>"), false);
	ck_assert_int_eq(r.rc, IMAP_UNSURE);
	ck_assert_str_eq(r.reason, "timeout");
	r = append("<k1@h>", OBJECT("<k1@h>"), true);
	ck_assert_int_eq(r.rc, IMAP_OK);
	ck_assert(r.found);
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 2);
}
END_TEST

START_TEST(again_without_a_first_time)
{
	struct imap_result r = append("<k1@h>", OBJECT("<k1@h>"), true);

	ck_assert_int_eq(r.rc, IMAP_OK);
	ck_assert(!r.found);
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 1);
}
END_TEST

START_TEST(server_down_and_back)
{
	struct imap_append a = append_of("<k1@h>", OBJECT("<k1@h>"));
	struct answer answer = {0};
	struct imap_result r;

	dovecot_stop(&dovecot);
	c.config.url = dovecot.url;
	remake();
	r = append("<k1@h>", OBJECT("<k1@h>"), false);
	ck_assert_int_eq(r.rc, IMAP_DOWN);
	ck_assert_str_eq(r.reason, "unreachable");
	ck_assert(!imap_available(c.imap));
	ck_assert_int_eq(c.changes, 1);
	ck_assert_int_eq(c.logs, 1);
	/* The breaker refuses at once, and lets one through after a while. */
	ck_assert(!imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
	dovecot_restart(&dovecot);
	until(imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
	until(answer.count);
	if(answer.result.rc == IMAP_DOWN) {
		until(imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
		until(answer.count == 2);
	}
	ck_assert_int_eq(answer.result.rc, IMAP_OK);
	ck_assert(imap_available(c.imap));
	ck_assert_int_eq(c.changes, 2);
	ck_assert_str_eq(c.reason, "connected");
	ck_assert_int_eq(c.logs, 2);
}
END_TEST

START_TEST(login_refused)
{
	struct imap_result r;

	c.config.password = "wrong";
	c.config.timeout_ms = 8000 * unit_slowness();
	c.config.url = dovecot.url;
	remake();
	r = append("<k1@h>", OBJECT("<k1@h>"), false);
	ck_assert_int_eq(r.rc, IMAP_DOWN);
	ck_assert_str_eq(r.reason, "login");
	ck_assert(imap_available(c.imap));
}
END_TEST

/* One user whom the server does not know does not close it to the others; many do. */
START_TEST(login_refused_to_one)
{
	dovecot_manners(&dovecot, "deny");
	for(int i = 0; i < 5; i++) {
		ck_assert_str_eq(append("<k1@h>", OBJECT("<k1@h>"), false).reason, "login");
		ck_assert(imap_available(c.imap));
	}
	for(int i = 0; i < 2; i++) {
		snprintf(user, sizeof(user), "user%d@cpm.test", ++users);
		ck_assert_str_eq(append("<k1@h>", OBJECT("<k1@h>"), false).reason, "login");
	}
	ck_assert(!imap_available(c.imap));
	ck_assert_str_eq(c.reason, "login");
}
END_TEST

static const struct {
	const char *manners, *reason;
} troubles[] = {{"mute", "timeout"}, {"refuse", "protocol"}, {"garbage", "protocol"}};

START_TEST(trouble_before_the_login)
{
	struct imap_result r;

	dovecot_manners(&dovecot, troubles[_i].manners);
	c.config.timeout_ms = 500 * unit_slowness();
	remake();
	r = append("<k1@h>", OBJECT("<k1@h>"), false);
	ck_assert_int_eq(r.rc, IMAP_DOWN);
	ck_assert_msg(strcmp(r.reason, troubles[_i].reason) == 0 || strcmp(r.reason, "unreachable") == 0
						  || strcmp(r.reason, "busy") == 0 || strcmp(r.reason, "timeout") == 0,
			"%s: %s", troubles[_i].manners, r.reason);
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 0);
}
END_TEST

START_TEST(slow)
{
	dovecot_manners(&dovecot, "delay-100");
	c.config.timeout_ms = 5000;
	remake();
	ck_assert_int_eq(append("<k1@h>", OBJECT("<k1@h>"), false).rc, IMAP_OK);
}
END_TEST

START_TEST(without_uidplus)
{
	struct imap_result r;

	dovecot_manners(&dovecot, "no-uidplus");
	remake();
	r = append("<k1@h>", OBJECT("<k1@h>"), false);
	ck_assert_int_eq(r.rc, IMAP_OK);
	ck_assert_uint_eq(r.uid, 1);
	ck_assert(!r.found);
	/* An EXPUNGE would take others' marks with it. */
	r = take_away(r.uid, r.uidvalidity, "");
	ck_assert_int_eq(r.rc, IMAP_REFUSED);
	ck_assert_str_eq(r.reason, "no-uidplus");
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 1);
}
END_TEST

START_TEST(another_folder_of_that_name)
{
	struct imap_result r = append("<k1@h>", OBJECT("<k1@h>"), false);

	ck_assert_int_eq(take_away(r.uid, r.uidvalidity + 1, "<k2@h>").rc, IMAP_ABSENT);
	ck_assert_int_eq(take_away(r.uid, r.uidvalidity + 1, "").rc, IMAP_ABSENT);
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 1);
	/* Its own key tells it from another's with that UID. */
	ck_assert_int_eq(append("<k2@h>", OBJECT("<k2@h>"), false).rc, IMAP_OK);
	ck_assert_int_eq(take_away(r.uid, r.uidvalidity + 1, "<k2@h>").rc, IMAP_OK);
	ck_assert_int_eq(find("<k1@h>").rc, IMAP_OK);
	ck_assert_int_eq(find("<k2@h>").rc, IMAP_ABSENT);
}
END_TEST

/* A folder that cannot be looked into is not a folder without the object. */
START_TEST(shut_for_a_while)
{
	struct imap_result r = append("<k1@h>", OBJECT("<k1@h>"), false);

	dovecot_manners(&dovecot, "shut");
	ck_assert_int_eq(append("<k1@h>", OBJECT("<k1@h>"), true).rc, IMAP_REFUSED);
	ck_assert_int_eq(take_away(r.uid, r.uidvalidity, "<k1@h>").rc, IMAP_REFUSED);
	ck_assert_int_eq(find("<k1@h>").rc, IMAP_REFUSED);
	dovecot_manners(&dovecot, "pass");
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 1);
	r = append("<k1@h>", OBJECT("<k1@h>"), true);
	ck_assert_int_eq(r.rc, IMAP_OK);
	ck_assert(r.found);
	ck_assert_int_eq(take_away(r.uid, r.uidvalidity, "<k1@h>").rc, IMAP_OK);
	ck_assert_int_eq(dovecot_count(&dovecot, user, FOLDER), 0);
}
END_TEST

static const struct {
	const char *name;
	struct imap_config config;
} bad[] = {
		{"url", {.url = "http://x"}},
		{"no url", {0}},
		{"account in it", {.url = "imap://u:p@x"}},
		{"tls twice", {.url = "imaps://x", .starttls = true}},
		{"no password", {.url = "imap://x", .service = "a"}},
		{"no limits", {.url = "imap://x", .timeout_ms = 1, .retry_min_ms = 1, .retry_max_ms = 1}},
		{"no times", {.url = "imap://x",
							 .max_connections = 1,
							 .max_user_connections = 1,
							 .max_pending = 1,
							 .max_object_bytes = 1}},
};

START_TEST(bad_configuration)
{
	const char *error = NULL;

	ck_assert_ptr_null(imap_new(&bad[_i].config, &error));
	ck_assert_ptr_nonnull(error);
}
END_TEST

START_TEST(freed_with_calls_under_way)
{
	struct imap_append a = append_of("<k@h>", OBJECT("<k@h>"));
	struct answer answer = {0};

	for(int i = 0; i < 20; i++)
		ck_assert(imap_append(c.imap, &a, test_now_ms(), on_answer, &answer));
	for(int i = 0; i < _i; i++)
		turn();
	imap_free(&c.imap);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("imap");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, append_find_remove);
	tcase_add_test(t, unread_subscribed_and_byte_for_byte);
	tcase_add_loop_test(t, tls_and_starttls, 0, 2);
	tcase_add_loop_test(t, written_in_parts, 0, 3);
	tcase_add_test(t, woken_by_the_caller);
	tcase_add_loop_test(t, certificate_is_checked, 0, 2);
	tcase_add_test(t, users_log_in_themselves);
	tcase_add_test(t, folders_are_names);
	tcase_add_test(t, connections_are_kept);
	tcase_add_loop_test(t, connections_are_not_kept, 0, 2);
	tcase_add_test(t, closed_by_the_server_while_idle);
	tcase_add_test(t, many_in_parallel);
	tcase_add_test(t, another_connection_for_one_user);
	tcase_add_test(t, limits);
	tcase_add_test(t, over_quota);
	tcase_add_test(t, answer_lost);
	tcase_add_test(t, cut_in_the_middle);
	tcase_add_test(t, committed_late);
	tcase_add_test(t, answer_never_comes);
	tcase_add_test(t, again_without_a_first_time);
	tcase_add_test(t, server_down_and_back);
	tcase_add_test(t, login_refused);
	tcase_add_test(t, login_refused_to_one);
	tcase_add_loop_test(t, trouble_before_the_login, 0, UNIT_COUNT(troubles));
	tcase_add_test(t, slow);
	tcase_add_test(t, without_uidplus);
	tcase_add_test(t, another_folder_of_that_name);
	tcase_add_test(t, shut_for_a_while);
	tcase_add_loop_test(t, bad_configuration, 0, UNIT_COUNT(bad));
	tcase_add_loop_test(t, freed_with_calls_under_way, 0, 5);
	return unit_run("imap", t);
}
