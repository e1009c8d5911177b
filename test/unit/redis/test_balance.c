/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Random walks: two nodes and an operator do whatever they can do, in any
 * order, with repeats, lost answers, dead nodes and scripts forgotten by the
 * server. After each step all that was accepted has ended or waits, and each
 * message is where it can be found, once.
 */
#include "driver.h"

#include "core/queue/key.h"

#define USERS 3
#define MESSAGES 3000
#define STEPS 2500
#define SESSIONS 6
#define CLAIMS 32
#define HELD 4

static struct server server;
static struct store_config config;
static struct store *stores[2];
static uint32_t state;
static int64_t now;
static bool draining; /* what is claimed is ended, whatever dice say */

/* What came of a message, as those who did it were told. */
static struct fate {
	bool accepted;
	int user;
	int ends;     /* by how many it was ended: never more than one */
	bool put_off; /* its end was claimed and put off: it is in none of its user's places */
} fates[MESSAGES];
static int message_count;
static uint64_t told[STORE_OUTCOMES]; /* ends that settle said are ours */

/* A push session: what its node has in its hands. */
static struct session {
	int node, user;
	char token[16];
	char ids[HELD][16];
	size_t count;
} sessions[SESSIONS];
static int session_number;

/* A claim of a node. */
static struct held_claim {
	int64_t token;
	int node;
	unsigned shard;
	char entry[64];
} claims[CLAIMS];

static uint32_t below(uint32_t n)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % n;
}

static const char *user_name(int user)
{
	static const char *const names[USERS] = {"sip:a@x", "sip:b@y", "tel:+15550107"};

	return names[user];
}

static void message_id(int message, char id[16])
{
	snprintf(id, 16, "m%d", message);
}

static struct fate *fate_of(struct cpm_slice id)
{
	char text[16];

	snprintf(text, sizeof(text), "%.*s", (int)id.n, id.p);
	return &fates[atoi(text + 1)];
}

static void step_put(int node)
{
	struct store_put put;
	char id[16];
	int message =
			message_count && below(4) == 0 ? (int)below((uint32_t)message_count) : message_count;

	if(message == MESSAGES)
		return;
	message_id(message, id);
	put = driver_message(id);
	if(message == message_count) {
		message_count++;
		fates[message].user = (int)below(USERS);
	}
	put.aor = cpm_slice_of(user_name(fates[message].user));
	put.now_ms = now;
	put.expires_ms = now + 100 + below(20000);
	put.place = (enum store_place)below(3);
	put.notify_ms = below(2) ? now + below(1000) : 0;
	put.store_ms = below(2) ? now + below(1000) : 0;
	switch(driver_put(stores[node], &put).rc) {
		case STORE_OK:
			fates[message].accepted = true;
			break;
		case STORE_QUOTA:
			break;
		default:
			ck_abort_msg("put");
	}
}

static void session_begin(struct session *s)
{
	*s = (struct session){.node = (int)below(2), .user = (int)below(USERS)};
	snprintf(s->token, sizeof(s->token), "s%d", session_number++ % 100000);
}

/* Tells what became of what the session holds, in random ways, and asks for more. */
static void step_push(struct session *s)
{
	struct cpm_slice lists[3][HELD], bad[HELD];
	struct store_failure failed[HELD];
	struct store_next next = driver_ask(s->token);
	size_t counts[3] = {0}, failures = 0, odd = 0;
	struct store_next_result r;

	if(!s->token[0] || below(20) == 0) /* the node of the old one has died */
		session_begin(s);
	next.token = cpm_slice_of(s->token);
	for(size_t i = 0; i < s->count; i++) {
		uint32_t what = below(12);

		if(what < 8)
			lists[what % 3][counts[what % 3]++] = cpm_slice_of(s->ids[i]);
		else if(what < 11)
			failed[failures++] =
					(struct store_failure){cpm_slice_of(s->ids[i]), now + below(3000), 480};
		else
			bad[odd++] = cpm_slice_of(s->ids[i]);
	}
	next.aor = cpm_slice_of(user_name(s->user));
	next.now_ms = now;
	next.lease_ms = 1 + below(60);
	next.done = lists[0];
	next.done_count = counts[0];
	next.interworked = lists[1];
	next.interworked_count = counts[1];
	next.unsent = lists[2];
	next.unsent_count = counts[2];
	next.failed = failed;
	next.failed_count = failures;
	next.quarantine = bad;
	next.quarantine_count = below(30) ? 0 : odd;
	next.want = below(HELD + 1);
	next.force = below(2);
	next.ordered_only = below(4) == 0;
	next.release = below(3) == 0;
	for(int repeat = below(4) == 0; repeat >= 0; repeat--) {
		r = driver_next(stores[s->node], &next);
		if(repeat)
			store_batch_free(&r.batch); /* the answer was lost */
	}
	ck_assert(r.rc == STORE_OK || r.rc == STORE_BUSY || r.rc == STORE_LOST);
	s->count = 0;
	for(size_t i = 0; i < r.count; i++) {
		const struct fate *f = fate_of(r.messages[i].id);

		ck_assert_int_eq(f->user, s->user);
		ck_assert_msg(f->ends == 0, "handed out after its end");
		ck_assert_int_gt(r.messages[i].expires_ms, now);
		snprintf(s->ids[s->count++], sizeof(s->ids[0]), "%.*s", (int)r.messages[i].id.n,
				r.messages[i].id.p);
	}
	store_batch_free(&r.batch);
}

struct claim_step {
	int node;
	unsigned shard;
	int calls;
	bool more;
};

static void claimed(void *context, enum store_rc rc, struct store_claim *claim,
		const struct store_due *due, size_t count, bool more, int64_t next_ms)
{
	struct claim_step *step = context;

	(void)next_ms;
	ck_assert_int_eq(rc, STORE_OK);
	step->calls++;
	step->more = more;
	for(size_t i = 0; i < count; i++) {
		struct held_claim *c = &claims[below(CLAIMS)]; /* what was there is lost with its node */

		if(due[i].kind == STORE_DUE_EXPIRED || due[i].kind == STORE_DUE_DELETED
				|| due[i].kind == STORE_DUE_STORE)
			ck_assert_msg(fate_of(due[i].id)->ends == 0, "claimed after its end");
		if(due[i].kind == STORE_DUE_EXPIRED || due[i].kind == STORE_DUE_DELETED)
			fate_of(due[i].id)->put_off = false;
		c->node = step->node;
		c->shard = step->shard;
		c->token = due[i].token;
		snprintf(c->entry, sizeof(c->entry), "%.*s", (int)due[i].entry.n, due[i].entry.p);
	}
	store_claim_free(&claim);
}

static void step_claim(int node, unsigned shard)
{
	struct claim_step step = {.node = node, .shard = shard};

	ck_assert(store_claim(stores[node], shard, now, below(5), 1 + below(5), below(2) ? 1 : 100000,
			claimed, &step));
	test_until(&stores[node], 1, step.calls);
}

static void step_settle(struct held_claim *c)
{
	struct store_settle settle =
			driver_end(c->shard, c->entry, (enum store_outcome)below(STORE_OUTCOMES));
	bool message = strchr("xds", c->entry[0]) != NULL, mine;
	char report[16] = "";

	if(!c->entry[0])
		return;
	settle.now_ms = now;
	settle.token = c->token;
	if(draining)
		settle.outcome = STORE_EXPIRED;
	else if(below(5) == 0)
		settle.again_ms = now + 1 + below(2000);
	else if(message && below(10) == 0)
		settle.quarantine = true;
	else if(c->entry[0] == 'x' && below(6) == 0) {
		settle.keep = true;
		settle.store_ms = below(2) ? now + below(500) : 0;
	} else if(message && below(2)) {
		snprintf(report, sizeof(report), "%.*s", (int)strcspn(c->entry + 2, ":"), c->entry + 2);
		settle.report = (struct store_report){cpm_slice_of(report), CPM_SLICE("r"), CPM_SLICE("b"),
				now + below(500), now + 60000};
	}
	mine = driver_settle(stores[c->node], &settle);
	if(below(3) == 0) /* its answer was lost */
		ck_assert(!driver_settle(stores[c->node], &settle));
	if(mine && message) {
		struct fate *f = fate_of((struct cpm_slice){c->entry + 2, strcspn(c->entry + 2, ":")});

		f->put_off = settle.again_ms && c->entry[0] != 's';
		if(!settle.again_ms && !settle.quarantine && !settle.keep) {
			ck_assert_int_eq(++f->ends, 1);
			told[settle.outcome]++;
		}
	}
	c->entry[0] = '\0';
}

static void step_manage(int node)
{
	struct store_wish wishes[3];
	char ids[3][16];
	struct store_manage m = {.aor = cpm_slice_of(user_name((int)below(USERS))),
			.now_ms = now,
			.wishes = wishes,
			.wish_count = 1 + below(3),
			.store_ms = below(2) ? now + below(500) : 0};

	if(!message_count)
		return;
	for(size_t i = 0; i < m.wish_count; i++) {
		message_id((int)below((uint32_t)message_count), ids[i]);
		wishes[i] = (struct store_wish){cpm_slice_of(ids[i]), (enum store_action)below(4)};
	}
	if(below(10) == 0) {
		m.deliver_all = true;
		m.wish_count = 0;
	}
	driver_manage(stores[node], &m);
}

static void step_operator(void)
{
	struct cpm_slice aor = cpm_slice_of(user_name((int)below(USERS)));
	enum admin_verb verb = (enum admin_verb)below(5);
	size_t touched;
	const char *error = "";

	/* deleting or expiring all would leave nothing to walk with */
	if((verb == ADMIN_DELETE || verb == ADMIN_EXPIRE) && below(10))
		verb = ADMIN_RELEASE;
	ck_assert_msg(
			admin_act(&config, verb, CPM_SLICE_NONE, aor, now, &touched, &error) == 1, "%s", error);
}

static int64_t keys(const char *pattern)
{
	return server_integer(&server, "EVAL %s 0 %s", "return #redis.call('KEYS', ARGV[1])", pattern);
}

/* Each message is in one place, and each place holds messages that are there. */
static void check_places(const struct admin_totals *totals)
{
	int64_t placed = 0;

	for(int i = 0; i < message_count; i++)
		placed += fates[i].put_off;
	for(int user = 0; user < USERS; user++) {
		unsigned shard = cpm_key_shard(cpm_slice_of(user_name(user)), config.shards);
		const char *name = user_name(user);

		for(const char *const *kind = (const char *const[]){"u", "p", "q", NULL}; *kind; kind++)
			placed += server_integer(&server, "ZCARD cpm:{%u}:%s:%s", shard, *kind, name);
		ck_assert_int_eq(server_integer(&server, "ZINTERCARD 2 cpm:{%u}:u:%s cpm:{%u}:p:%s", shard,
								 name, shard, name),
				0);
		/* ordered messages are to be pushed */
		ck_assert_int_eq(server_integer(&server, "ZINTERCARD 2 cpm:{%u}:o:%s cpm:{%u}:u:%s", shard,
								 name, shard, name),
				server_integer(&server, "ZCARD cpm:{%u}:o:%s", shard, name));
	}
	ck_assert_int_eq(placed + (int64_t)totals->claimed, (int64_t)totals->waiting);
	ck_assert_int_eq(keys("cpm:*:m:*"), (int64_t)totals->waiting);
}

static void check(bool deep)
{
	struct admin_totals totals = driver_balance(&config);
	uint64_t accepted = 0;

	for(int i = 0; i < message_count; i++)
		accepted += fates[i].accepted;
	ck_assert_uint_eq(totals.accepted, accepted);
	ck_assert_uint_eq(totals.vanished, 0);
	/* those that pushing does not count as well */
	ck_assert_uint_eq(totals.ended[STORE_STORED], told[STORE_STORED]);
	ck_assert_uint_eq(totals.ended[STORE_FORWARDED], told[STORE_FORWARDED]);
	ck_assert_uint_eq(totals.ended[STORE_DELETED], told[STORE_DELETED]);
	ck_assert_uint_eq(totals.ended[STORE_EXPIRED], told[STORE_EXPIRED]);
	if(deep)
		check_places(&totals);
}

static void step(int number)
{
	int node = (int)below(2);

	switch(below(10)) {
		case 0:
		case 1:
			step_put(node);
			break;
		case 2:
		case 3:
		case 4:
			step_push(&sessions[below(SESSIONS)]);
			break;
		case 5:
		case 6:
			step_claim(node, below(config.shards));
			break;
		case 7:
		case 8:
			step_settle(&claims[below(CLAIMS)]);
			break;
		default:
			if(below(3))
				step_manage(node);
			else
				step_operator();
	}
	now += below(200);
	if(number % 400 == 399)
		server_tell(&server, "SCRIPT FLUSH");
	if(number % 300 == 299)
		server_tell(&server, "CLIENT KILL TYPE normal SKIPME yes");
}

/* In the end everything ends, and nothing is left behind. */
static void drain(void)
{
	const char *error = "";
	size_t touched;

	draining = true;
	for(int user = 0; user < USERS; user++)
		ck_assert(admin_act(&config, ADMIN_DELETE, CPM_SLICE_NONE, cpm_slice_of(user_name(user)),
						  now, &touched, &error)
				  == 1);
	for(int round = 0;
			round < 400 && keys("cpm:*:m:*") + keys("cpm:*:tasks") + keys("cpm:*:taken") > 0;
			round++) {
		now += CLAIM_MS;
		for(unsigned shard = 0; shard < config.shards; shard++) {
			step_claim(0, shard);
			for(int i = 0; i < CLAIMS; i++)
				step_settle(&claims[i]);
		}
	}
	check(true);
	ck_assert_uint_eq(driver_balance(&config).waiting, 0);
	/* leases and marks against repeats run out by themselves; sums stay */
	ck_assert_int_eq(keys("cpm:*:tries"), 0);
	ck_assert_int_eq(keys("*") - keys("cpm:*:d:*") - keys("cpm:*:l:*") - keys("cpm:*:i:*"),
			keys("cpm:*:sums") + keys("cpm:meta:*"));
}

static void walk(uint32_t seed)
{
	server_start(&server, false, "");
	config = driver_config(server.address);
	config.shards = 2;
	config.max_user_messages = 60;
	stores[0] = driver_open(&config);
	stores[1] = driver_open(&config);
	state = seed;
	now = test_now_ms();
	memset(fates, 0, sizeof(fates));
	memset(told, 0, sizeof(told));
	memset(sessions, 0, sizeof(sessions));
	memset(claims, 0, sizeof(claims));
	message_count = 0;
	draining = false;
	for(int i = 0; i < STEPS; i++) {
		step(i);
		check(i % 50 == 0);
	}
	drain();
	store_free(&stores[0]);
	store_free(&stores[1]);
	server_free(&server);
}

START_TEST(accepted_is_what_has_ended_and_what_waits)
{
	walk(20260101u + (uint32_t)_i);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("balance");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, accepted_is_what_has_ended_and_what_waits, 0, 4);
	return unit_run("balance", t);
}
