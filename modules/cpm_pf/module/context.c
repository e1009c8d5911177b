/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The state of the message under work, and its journey through an AVP.
 */
#include "context.h"

#include "../../core/route.h"
#include "../../core/usr_avp.h"
#include "../core/codec/header.h"
#include "../ipc/clock.h"
#include "settings.h"

#define CONTEXT_AVP_MAX 6144
#define CONTEXT_AVP (AVP_NAME_STR | AVP_VAL_STR | AVP_CLASS_USER | AVP_TRACK_FROM)

static struct context context;
static int_str context_avp = {.s = STR_STATIC_INIT("cpm_pf:context")};
static const char *resumed_reason;
static const char *resumed_id;
static int resumed_status;
static const struct context_recording *resumed_recording;

int64_t now_ms(void)
{
	return clock_ms();
}

static bool field_next(struct cpm_slice *rest, struct cpm_slice *field)
{
	return cpm_slice_split(rest, '\n', field);
}

void context_set_rule(struct context *c, struct cpm_slice rule)
{
	if(rule.n > sizeof(c->rule_memory))
		return;
	if(rule.n)
		memcpy(c->rule_memory, rule.p, rule.n);
	c->rule = (struct cpm_slice){c->rule_memory, rule.n};
}

void context_set_message_id(struct context *c, struct cpm_slice id)
{
	size_t n = id.n < sizeof(c->message_id) ? id.n : sizeof(c->message_id) - 1;

	if(n)
		memcpy(c->message_id, id.p, n);
	c->message_id[n] = '\0';
}

void context_forget(void)
{
	context.buffer = NULL;
}

static void recording_keep(const struct context *c, struct cpm_buf *b)
{
	const struct context_recording *r = &c->recording;

	if(!r->uid) {
		cpm_buf_add_str(b, c->recorded ? "-\n" : "+\n");
		return;
	}
	cpm_buf_add_str(b, r->id);
	cpm_buf_add_char(b, '\n');
	cpm_buf_add_u64(b, r->uid);
	cpm_buf_add_char(b, '\n');
	cpm_buf_add_u64(b, r->uidvalidity);
	cpm_buf_add_char(b, '\n');
	cpm_buf_add(b, (struct cpm_slice){r->folder, r->folder_n});
	cpm_buf_add_char(b, '\n');
}

static void recording_recall(struct context *c, struct cpm_slice *rest)
{
	struct context_recording *r = &c->recording;
	struct cpm_slice id, uid, uidvalidity, folder;
	uint64_t n, v;

	if(!field_next(rest, &id) || cpm_slice_eq(id, CPM_SLICE("+")))
		return;
	c->recorded = true;
	if(cpm_slice_eq(id, CPM_SLICE("-")) || !field_next(rest, &uid)
			|| !field_next(rest, &uidvalidity) || !field_next(rest, &folder)
			|| id.n >= sizeof(r->id) || folder.n > sizeof(r->folder) || !cpm_slice_u64(uid, &n)
			|| !cpm_slice_u64(uidvalidity, &v))
		return;
	memcpy(r->id, id.p, id.n);
	r->id[id.n] = '\0';
	r->uid = (uint32_t)n;
	r->uidvalidity = (uint32_t)v;
	memcpy(r->folder, folder.p, folder.n);
	r->folder_n = folder.n;
}

/* The AVP's lines: user, anonymous, action, history wanted, rule, dnd, undelivered, the recording (four, or one that is empty), then
 * one line for each originator. */
static void context_recall(struct context *c)
{
	int_str value;
	struct cpm_slice rest, f;
	uint64_t n;

	if(!search_first_avp(CONTEXT_AVP, context_avp, &value, NULL))
		return;
	rest = slice_of_str(&value.s);
	if(!field_next(&rest, &f) || !context_set_user(c, f))
		return;
	if(field_next(&rest, &f))
		c->facts.anonymous = cpm_slice_eq(f, CPM_SLICE("1"));
	if(field_next(&rest, &f) && cpm_slice_u64(f, &n) && n <= CPM_PULL) {
		c->verdict.action = (enum cpm_action)n;
		c->decided = true;
	}
	if(field_next(&rest, &f))
		c->verdict.record_history = cpm_slice_eq(f, CPM_SLICE("1"));
	if(field_next(&rest, &f))
		context_set_rule(c, f);
	if(field_next(&rest, &f))
		c->dnd = cpm_slice_eq(f, CPM_SLICE("1"));
	if(field_next(&rest, &f))
		c->undelivered = cpm_slice_eq(f, CPM_SLICE("1"));
	recording_recall(c, &rest);
	while(c->facts.originator_count < CPM_FACTS_ORIGINATORS && field_next(&rest, &f)) {
		size_t i = c->facts.originator_count;
		if(cpm_uri_canon(f, c->originator_memory[i], CPM_URI_KEY_MAX, &c->facts.originators[i])
				== CPM_OK)
			c->facts.originator_count++;
	}
	c->facts_ready = true;
}

struct context *context_of(struct sip_msg *msg)
{
	struct context *c = &context;

	if(c->message == msg->id && c->pid == msg->pid && c->buffer == msg->buf && !resumed_reason)
		return c;

	xdm_release(&c->entry);
	/* The memories are written before they are read. */
	c->message = msg->id;
	c->pid = msg->pid;
	c->buffer = msg->buf;
	c->now_ms = now_ms();
	c->read = c->form_read = c->facts_ready = c->docs_known = c->decided = false;
	c->dnd = c->undelivered = c->no_client = c->dressed = c->to_known = false;
	c->user = (struct cpm_uri_key){0};
	c->facts.originator_count = 0;
	c->facts.anonymous = false;
	c->docs = XDM_MISS;
	c->rule = CPM_SLICE_NONE;
	c->verdict = (struct cpm_verdict){0};
	c->message_id[0] = '\0';
	c->count = 0;
	c->recording.uid = 0;
	c->recorded = false;
	c->event = CONTEXT_REQUEST;
	c->taken = false;
	c->status = 0;
	c->json = CPM_SLICE_NONE;
	c->reason = "";
	c->why = CPM_SLICE_NONE;
	if(is_route_type(FAILURE_ROUTE | BRANCH_ROUTE | ONREPLY_ROUTE))
		context_recall(c);
	if(resumed_reason) {
		c->reason = resumed_reason;
		if(resumed_id)
			strncpy(c->message_id, resumed_id, sizeof(c->message_id) - 1);
		c->status = resumed_status;
		resumed_reason = resumed_id = NULL;
		resumed_status = 0;
		if(resumed_recording) {
			c->recording = *resumed_recording;
			c->recorded = true;
		}
		resumed_recording = NULL;
	}
	return c;
}

void context_resume_recorded(const struct context_recording *recording)
{
	resumed_recording = recording;
}

void context_resume_status(int status)
{
	resumed_status = status;
}

void context_resume(const char *reason, const char *message_id)
{
	resumed_reason = reason;
	resumed_id = message_id;
	if(!reason)
		resumed_status = 0;
	context.buffer = NULL;
}

const struct request *context_request(struct sip_msg *msg, struct context *c)
{
	if(!c->read) {
		if(!request_read(msg, &c->request))
			return NULL;
		c->read = true;
	}
	if(!c->facts_ready) {
		c->facts.anonymous = request_wants_anonymity(&c->request);
		c->facts_ready = true;
	}
	return &c->request;
}

static bool originator_add(struct context *c, struct cpm_slice uri)
{
	size_t i = c->facts.originator_count;

	if(i == CPM_FACTS_ORIGINATORS
			|| cpm_uri_canon(
					   uri, c->originator_memory[i], CPM_URI_KEY_MAX, &c->facts.originators[i])
					   != CPM_OK)
		return false;
	c->facts.originator_count++;
	return true;
}

bool context_trust_asserted(struct sip_msg *msg, struct context *c)
{
	const struct request *r = context_request(msg, c);
	struct cpm_slice rest, value, uri;
	size_t i;

	if(!r)
		return false;
	c->facts.originator_count = 0;
	for(i = 0; i < r->asserted_count; i++) {
		rest = r->asserted[i];
		while(cpm_header_next_value(&rest, &value)) {
			if(cpm_uri_of_address(value, &uri))
				originator_add(c, uri);
		}
	}
	return c->facts.originator_count > 0;
}

bool context_set_originator(struct context *c, struct cpm_slice uri)
{
	struct cpm_slice inner;

	c->facts.originator_count = 0;
	return originator_add(c, cpm_uri_of_address(uri, &inner) ? inner : uri);
}

bool context_set_user(struct context *c, struct cpm_slice uri)
{
	if(cpm_uri_canon(uri, c->user_memory, sizeof(c->user_memory), &c->user) == CPM_OK)
		return true;
	c->user = (struct cpm_uri_key){0};
	return false;
}

enum xdm_state context_find_documents(struct context *c)
{
	xdm_release(&c->entry);
	c->docs = xdm_lookup(c->user.key, c->now_ms, &c->entry);
	c->docs_known = c->docs != XDM_MISS;
	return c->docs;
}

struct context *context_judged(struct sip_msg *msg)
{
	struct context *c = context_of(msg);

	if(!c->docs_known && c->user.key.n && context_find_documents(c) == XDM_MISS) {
		c->docs = xdm_last(c->user.key, c->now_ms, &c->entry);
		c->docs_known = true;
	}
	if(c->docs_known && c->docs == XDM_FAILED && settings.xdm_fail == XDM_FAIL_CLOSED
			&& !c->reason[0])
		c->reason = "documents";
	return c;
}

const struct cpm_documents *context_documents(const struct context *c)
{
	return c->entry ? xdm_documents(c->entry) : &cpm_documents_none;
}

void context_keep(struct sip_msg *msg, const struct context *c)
{
	char text[CONTEXT_AVP_MAX];
	struct cpm_buf b;
	int_str value;
	size_t i;

	cpm_buf_init_fixed(&b, text, sizeof(text));
	cpm_buf_add(&b, c->user.key);
	cpm_buf_add_str(&b, c->facts.anonymous ? "\n1\n" : "\n0\n");
	cpm_buf_add_u64(&b, (uint64_t)c->verdict.action);
	cpm_buf_add_str(&b, c->verdict.record_history ? "\n1\n" : "\n0\n");
	cpm_buf_add(&b, cpm_slice_head(c->rule, sizeof(c->rule_memory)));
	cpm_buf_add_str(&b, c->dnd ? "\n1\n" : "\n0\n");
	cpm_buf_add_str(&b, c->undelivered ? "1\n" : "0\n");
	recording_keep(c, &b);
	for(i = 0; i < c->facts.originator_count; i++) {
		cpm_buf_add(&b, c->facts.originators[i].key);
		cpm_buf_add_char(&b, '\n');
	}
	if(b.rc != CPM_OK)
		return;
	delete_avp(CONTEXT_AVP, context_avp);
	value.s.s = text;
	value.s.len = (int)b.n;
	if(add_avp(CONTEXT_AVP, context_avp, value) < 0)
		LM_ERR("no memory to keep the state of a message\n");
}
