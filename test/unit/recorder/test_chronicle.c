/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of media/chronicle.c. Clause SE-8.
 */
#include "unit.h"

#include "media/chronicle.h"
#include "outside.h"

#define CPIM CPM_SLICE("message/cpim")
#define HEAD(type)                                                                               \
	"From: <sip:a@cpm.test>\r\nTo: <sip:b@cpm.test>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn." \
	"Message-ID: i1\r\n\r\nContent-Type: " type "\r\n\r\n"
#define SAID HEAD("text/plain") "Hello"

static struct chronicle *begin(void)
{
	outside_begin();
	return chronicle_begin(CPM_SLICE("sip:bob@cpm.test"), outside_invite());
}

/* A whole message, its octets in two pieces. */
static void say(struct chronicle *c, bool sent, struct cpm_slice type, const char *text)
{
	struct cpm_slice all = cpm_slice_of(text);
	struct chronicle_entry *e = chronicle_open(c, sent, type, 0, NULL, NULL);

	ck_assert(chronicle_put(e, 0, cpm_slice_head(all, 3)));
	ck_assert(chronicle_put(e, 3, unit_guard(cpm_slice_from(all, 3))));
	chronicle_finish(&e, all.n);
	ck_assert_ptr_null(e);
}

static struct cpm_record put(size_t i)
{
	struct cpm_record r;

	ck_assert_uint_lt(i, outside.puts);
	ck_assert_int_eq(cpm_record_parse(cpm_buf_slice(&outside.put[i].record), &r, NULL), CPM_OK);
	return r;
}

static void kept(enum store_rc rc)
{
	for(size_t i = 0; i < outside.puts; i++)
		outside.put[i].cb(outside.put[i].context, rc);
}

START_TEST(both_directions)
{
	struct chronicle *c = begin();
	struct cpm_record r;

	say(c, false, CPIM, SAID);
	say(c, true, CPIM, SAID);
	ck_assert_uint_eq(outside.puts, 2);
	r = put(0);
	ck_assert(r.kind == CPM_RECORD_SESSION && !r.sent);
	ck_slice(r.from, "\"Alice\" <sip:alice@cpm.test>", "from");
	ck_slice(r.to, "<sip:bob@cpm.test>", "to");
	ck_slice(r.aor, "sip:bob@cpm.test", "aor");
	ck_slice(r.imdn_id, "i1", "imdn_id");
	ck_slice(r.content_type, "message/cpim", "content_type");
	ck_slice(r.conversation_id, "conv-1", "conversation");
	ck_slice(r.contribution_id, "contr-1", "contribution");
	ck_slice(r.accept_contact,
			"*;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session\"",
			"accept_contact");
	ck_assert_int_eq(r.arrived_ms, outside.now_ms);
	ck_assert_int_eq(r.expires_ms, outside.now_ms + 3600000);
	ck_assert_uint_eq(r.size, strlen(SAID));
	ck_slice(cpm_buf_slice(&outside.put[0].body), SAID, "body");
	r = put(1);
	ck_assert(r.sent);
	ck_slice(r.from, "<sip:bob@cpm.test>", "from");
	ck_slice(r.to, "\"Alice\" <sip:alice@cpm.test>", "to");
	/* The peer's folder stays the same. */
	ck_slice(r.originator, "sip:alice@cpm.test", "originator");
	ck_assert(!cpm_slice_eq(put(0).id, put(1).id));
	kept(STORE_OK);
	ck_assert_uint_eq(outside.failed, 0);
	chronicle_end(&c);
	ck_assert_ptr_null(c);
}
END_TEST

/* In the order in which they were finished, however they overlap, and in the same moment. */
START_TEST(order)
{
	struct chronicle *c = begin();
	struct chronicle_entry *first = chronicle_open(c, false, CPIM, 0, NULL, NULL),
						   *second = chronicle_open(c, true, CPIM, 0, NULL, NULL);

	chronicle_put(first, 0, cpm_slice_of(SAID));
	chronicle_put(second, 0, cpm_slice_of(SAID));
	chronicle_finish(&second, strlen(SAID));
	chronicle_finish(&first, strlen(SAID));
	ck_assert(put(0).sent && !put(1).sent);
	ck_assert_int_lt(outside.put[0].due_ms, outside.put[1].due_ms);
	kept(STORE_OK);
	chronicle_end(&c);
}
END_TEST

static const struct {
	const char *type, *text;
	size_t puts, failed;
	const char *why;
} rows[] = {
		{"message/cpim", HEAD("message/imdn+xml") "<imdn/>", 0, 0, NULL},
		{"message/cpim", HEAD("application/im-iscomposing+xml;charset=utf-8") "<x/>", 0, 0, NULL},
		{"Application/IM-isComposing+xml", "<isComposing/>", 0, 0, NULL},
		{"text/plain", "no CPIM at all", 1, 0, NULL},
		{"message/cpim", "no CPIM at all", 0, 1, "malformed"},
		{"message/cpim", SAID, 1, 0, NULL},
};

START_TEST(what_is_recorded)
{
	struct chronicle *c = begin();

	say(c, false, cpm_slice_of(rows[_i].type), rows[_i].text);
	ck_assert_uint_eq(outside.puts, rows[_i].puts);
	ck_assert_uint_eq(outside.failed, rows[_i].failed);
	if(rows[_i].why)
		ck_assert_str_eq(outside.why, rows[_i].why);
	if(outside.puts)
		ck_slice(put(0).content_type, rows[_i].type, "type");
	kept(STORE_OK);
	chronicle_end(&c);
}
END_TEST

START_TEST(dropped)
{
	struct chronicle *c = begin();
	struct chronicle_entry *e = chronicle_open(c, false, CPIM, 0, NULL, NULL);

	chronicle_put(e, 0, cpm_slice_of(SAID));
	chronicle_drop(&e);
	ck_assert_ptr_null(e);
	e = chronicle_open(c, false, CPIM, 5000, NULL, NULL);
	chronicle_put(e, 0, cpm_slice_of(SAID));
	chronicle_drop(&e);
	ck_assert_uint_eq(outside.copies_dropped, 1);
	/* What is open at the end. */
	chronicle_put(chronicle_open(c, false, CPIM, 5000, NULL, NULL), 0, cpm_slice_of(SAID));
	chronicle_put(chronicle_open(c, true, CPIM, 0, NULL, NULL), 0, cpm_slice_of(SAID));
	chronicle_end(&c);
	ck_assert_uint_eq(outside.copies_dropped, 2);
	ck_assert_uint_eq(outside.puts + outside.failed + outside.copies_finished, 0);
}
END_TEST

static void went_on(void *owner, struct chronicle_entry *e)
{
	++*(int *)owner;
}

/* Announced as large, or found to be. */
START_TEST(large)
{
	struct chronicle *c = begin();
	char octets[1001];
	int gone_on = 0;
	struct chronicle_entry *e = chronicle_open(c, false, CPIM, _i ? 1001 : 0, went_on, &gone_on);

	memset(octets, 'x', sizeof(octets));
	ck_assert(chronicle_put(e, 0, (struct cpm_slice){octets, 1000}));
	ck_assert_uint_eq(outside.copies, (size_t)_i);
	outside.copy_pauses = true;
	ck_assert(!chronicle_put(e, 1000, (struct cpm_slice){octets, 1}));
	ck_assert_uint_eq(outside.copies, 1);
	ck_assert_uint_eq(outside.copy_total, _i ? 1001 : 0);
	ck_assert_uint_eq(outside.copy_octets, 1001);
	outside.copy_hooks->go_on(outside.copy_owner);
	ck_assert_int_eq(gone_on, 1);
	chronicle_tend(c, outside.now_ms);
	chronicle_finish(&e, 1001);
	ck_assert_uint_eq(outside.copies_finished, 1);
	ck_assert_uint_eq(outside.puts + outside.failed, 0);
	chronicle_end(&c);
}
END_TEST

/* Of many open messages so much is held, and so many are copied: others are not recorded, and said to be so when they arrive. */
START_TEST(bounds)
{
	struct chronicle *c = begin();
	struct chronicle_entry *open[1048], *e;
	char octets[1000] = {0};
	struct cpm_slice piece = {octets, _i ? 1 : 1000};
	size_t most = _i ? 8 : UNIT_COUNT(open);

	for(size_t i = 0; i < most; i++) {
		open[i] = chronicle_open(c, false, CPIM, _i ? 5000 : 0, NULL, NULL);
		ck_assert(chronicle_put(open[i], 0, piece));
	}
	e = chronicle_open(c, false, CPIM, _i ? 5000 : 0, NULL, NULL);
	ck_assert(chronicle_put(e, 0, piece));
	ck_assert_uint_eq(outside.failed, 0);
	chronicle_finish(&e, piece.n);
	ck_assert_uint_eq(outside.failed, 1);
	ck_assert_str_eq(outside.why, "busy");
	ck_assert_uint_eq(outside.copies, _i ? 8 : 0);
	/* There is room again. */
	chronicle_drop(&open[0]);
	e = chronicle_open(c, false, CPM_SLICE("text/plain"), _i ? 5000 : 0, NULL, NULL);
	chronicle_put(e, 0, piece);
	chronicle_finish(&e, piece.n);
	ck_assert_uint_eq(outside.failed, 1);
	ck_assert_uint_eq(outside.puts, _i ? 0 : 1);
	ck_assert_uint_eq(outside.copies_finished, _i ? 1 : 0);
	kept(STORE_OK);
	chronicle_end(&c);
}
END_TEST

/* Nothing of it stops the conversation; all of it is said, once. */
START_TEST(trouble)
{
	struct chronicle *c = begin();
	struct chronicle_entry *e;

	outside.store_down = true;
	say(c, false, CPIM, SAID);
	ck_assert_uint_eq(outside.failed, 1);
	ck_assert_str_eq(outside.why, "queue");
	outside.store_down = false;
	say(c, false, CPIM, SAID);
	kept(STORE_DOWN);
	ck_assert_uint_eq(outside.failed, 2);
	/* A hole, and not as many octets as there were. */
	e = chronicle_open(c, false, CPIM, 0, NULL, NULL);
	ck_assert(chronicle_put(e, 1, cpm_slice_of(SAID)));
	chronicle_finish(&e, strlen(SAID));
	ck_assert_uint_eq(outside.failed, 3);
	e = chronicle_open(c, false, CPIM, 0, NULL, NULL);
	chronicle_put(e, 0, cpm_slice_of(SAID));
	chronicle_finish(&e, 1 + strlen(SAID));
	ck_assert_uint_eq(outside.failed, 4);
	/* copy_begin has said it. */
	outside.copy_refused = true;
	e = chronicle_open(c, false, CPIM, 5000, NULL, NULL);
	ck_assert(chronicle_put(e, 0, cpm_slice_of(SAID)));
	chronicle_finish(&e, 5000);
	ck_assert_uint_eq(outside.failed, 4);
	/* A header of the message that cannot be kept. */
	ck_assert_ptr_null(chronicle_open(c, false, CPM_SLICE("a/b\r\nX: y"), 0, NULL, NULL));
	ck_assert_uint_eq(outside.failed, 5);
	ck_assert_uint_eq(outside.puts, 1);
	chronicle_end(&c);
}
END_TEST

START_TEST(none)
{
	struct chronicle *c = NULL;
	struct chronicle_entry *e = chronicle_open(c, false, CPIM, 0, NULL, NULL);

	outside_begin();
	ck_assert_ptr_null(e);
	ck_assert(chronicle_put(e, 0, cpm_slice_of(SAID)));
	chronicle_finish(&e, 5);
	chronicle_drop(&e);
	chronicle_tend(c, 1);
	chronicle_end(&c);
	c = chronicle_begin(CPM_SLICE("sip:bob@cpm.test"), CPM_SLICE("no record"));
	ck_assert_ptr_null(chronicle_open(c, false, CPIM, 0, NULL, NULL));
	ck_assert_uint_eq(outside.failed, 1);
	chronicle_end(&c);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("chronicle");

	tcase_add_test(t, both_directions);
	tcase_add_test(t, order);
	tcase_add_loop_test(t, what_is_recorded, 0, UNIT_COUNT(rows));
	tcase_add_test(t, dropped);
	tcase_add_loop_test(t, large, 0, 2);
	tcase_add_loop_test(t, bounds, 0, 2);
	tcase_add_test(t, trouble);
	tcase_add_test(t, none);
	return unit_run("chronicle", t);
}
