/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * From request to record to job.
 */
#include "deferral.h"

#include <sys/random.h>
#include <time.h>

#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "../core/codec/cpim.h"
#include "../core/codec/date.h"
#include "../core/codec/feature.h"
#include "../core/codec/header.h"
#include "../core/codec/mime.h"
#include "../core/codec/recipients.h"
#include "../core/queue/expiry.h"
#include "../core/queue/key.h"
#include "archive.h"
#include "queue.h"
#include "settings.h"
#include "statistics.h"
#include "storing.h"

/* What reading a recipient list may take. */
#define RECIPIENTS_MEMORY (1u << 20)

struct reason {
	const char *word;
	int status;
	const char *phrase;
};

static const struct reason reasons[] = {
		{"malformed", 400, "Bad Request"},
		{"too-large", 413, "Message Too Large"},
		{"unsupported", 415, "Unsupported Media Type"},
		{"quota", 480, "Temporarily Unavailable"},
		{"system", 480, "Temporarily Unavailable"},
		{"unauthorised", 403, "Forbidden"},
		{"no-messages", 488, "Not Acceptable Here"},
		{"bad-event", 489, "Bad Event"},
		{"not-acceptable", 406, "Not Acceptable"},
		{"no-media", 488, "Not Acceptable Here"},
		{"store", 503, "Service Unavailable"},
		{"busy", 503, "Service Unavailable"},
		{"documents", 503, "Service Unavailable"},
};

static const struct reason *reason_find(const char *word)
{
	size_t i;

	for(i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if(strcmp(reasons[i].word, word) == 0)
			return &reasons[i];
	}
	return NULL;
}

int reason_status(const char *reason)
{
	const struct reason *r = reason_find(reason);

	return r ? r->status : 500;
}

const char *reason_phrase(const char *reason)
{
	const struct reason *r = reason_find(reason);

	return r ? r->phrase : "Server Internal Error";
}

static bool form_refuse(struct context *c, const char *reason, const char *why)
{
	const struct request *r = &c->request;

	c->reason = reason;
	LM_NOTICE("event=refused call_id=%.*s reason=%s why=\"%s\"\n", (int)r->call_id.n,
			r->call_id.n ? r->call_id.p : "", reason, why ? why : "");
	return false;
}

static bool form_refuse_rc(struct context *c, enum cpm_rc rc, const struct cpm_diag *diag)
{
	if(rc == CPM_LIMIT) {
		count(too_large);
		return form_refuse(c, "too-large", diag->reason);
	}
	count(malformed);
	return form_refuse(c, "malformed", diag->reason);
}

/* The first message/cpim part of a multipart body. */
static enum cpm_rc form_read_parts(const struct request *r, const struct cpm_media_type *type,
		struct cpm_cpim *cpim, struct cpm_diag *diag)
{
	struct cpm_mime_parts it;
	struct cpm_mime_part part;
	struct cpm_media_type inner;
	struct cpm_slice value;
	bool end = false, found = false;
	enum cpm_rc rc = cpm_mime_parts_init(&it, r->body, type, &settings.limits, diag);

	while(rc == CPM_OK) {
		rc = cpm_mime_parts_next(&it, &part, &end, diag);
		if(rc != CPM_OK || end)
			break;
		if(!found && cpm_mime_header(part.headers, CPM_SLICE("Content-Type"), &value)
				&& cpm_media_type_parse(value, &inner)
				&& cpm_media_type_is(&inner, "message", "cpim")) {
			rc = cpm_cpim_parse(part.body, &settings.limits, cpim, diag);
			found = true;
		}
	}
	return rc;
}

static bool form_read(struct context *c, const struct request *r, struct cpm_cpim *cpim)
{
	struct cpm_media_type type;
	struct cpm_diag diag = {0};
	enum cpm_rc rc = CPM_OK;

	memset(cpim, 0, sizeof(*cpim));
	if(r->body.n > settings.limits.max_message_bytes) {
		count(too_large);
		return form_refuse(c, "too-large", "body over max_message_bytes");
	}
	if(!r->body.n)
		return true;
	if(!r->content_type.n) {
		count(malformed);
		return form_refuse(c, "malformed", "body without Content-Type");
	}
	if(!cpm_media_type_parse(r->content_type, &type)) {
		count(unsupported);
		return form_refuse(c, "unsupported", "Content-Type is no media type");
	}
	if(cpm_media_type_is(&type, "message", "cpim"))
		rc = cpm_cpim_parse(r->body, &settings.limits, cpim, &diag);
	else if(cpm_slice_ieq(type.type, CPM_SLICE("multipart")))
		rc = form_read_parts(r, &type, cpim, &diag);
	return rc == CPM_OK || form_refuse_rc(c, rc, &diag);
}

/* Looks at the body once, however many functions of the script ask. */
static bool form_ok(struct context *c, const struct request *r)
{
	if(!c->form_read) {
		c->form_ok = form_read(c, r, &c->cpim);
		c->form_read = true;
	}
	return c->form_ok;
}

bool deferral_check_form(struct sip_msg *msg, struct context *c)
{
	const struct request *r = context_request(msg, c);

	if(!r) {
		count(malformed);
		c->reason = "malformed";
		return false;
	}
	return form_ok(c, r);
}

/* Random bytes in portions, to spare a system call for each message. */
static bool random_take(unsigned char *out, size_t n)
{
	static unsigned char pool[1024];
	static size_t left;

	if(left < n) {
		if(getrandom(pool, sizeof(pool), 0) != sizeof(pool))
			return false;
		left = sizeof(pool);
	}
	left -= n;
	memcpy(out, pool + left, n);
	return true;
}

/* Microseconds since the epoch, each call later than the one before. */
static int64_t order_next(void)
{
	static int64_t last;
	struct timespec t;
	int64_t now;

	clock_gettime(CLOCK_REALTIME, &t);
	now = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	last = now > last ? now : last + 1;
	return last;
}

/* Values that need rewriting are built into scratch; while it grows they are offsets. */
struct scratch {
	struct cpm_buf b;
	size_t start;
};

static void scratch_open(struct scratch *s)
{
	s->start = s->b.n;
}

static struct cpm_slice scratch_close(const struct scratch *s)
{
	return (struct cpm_slice){s->b.p + s->start, s->b.n - s->start};
}

static struct cpm_slice unfolded(struct scratch *s, struct cpm_slice value)
{
	if(cpm_slice_find(value, '\n') == value.n)
		return cpm_slice_trim(value);
	scratch_open(s);
	cpm_header_add_unfolded(&s->b, value);
	return scratch_close(s);
}

static struct cpm_slice without_tag(struct scratch *s, struct cpm_slice value)
{
	scratch_open(s);
	cpm_header_add_without_param(&s->b, value, CPM_SLICE("tag"));
	return scratch_close(s);
}

static struct cpm_slice joined(struct scratch *s, const struct cpm_slice *values, size_t n)
{
	size_t i;

	scratch_open(s);
	for(i = 0; i < n; i++) {
		if(i)
			cpm_buf_add_str(&s->b, ", ");
		cpm_header_add_unfolded(&s->b, values[i]);
	}
	return scratch_close(s);
}

/* The originator as the client will see it: what was asserted, or the identity that was proven otherwise. */
static struct cpm_slice asserted(struct scratch *s, const struct context *c, const struct request *r)
{
	if(c->facts.anonymous || !c->facts.originator_count)
		return CPM_SLICE_NONE;
	if(r->asserted_count)
		return joined(s, r->asserted, r->asserted_count);
	scratch_open(s);
	cpm_buf_add_char(&s->b, '<');
	cpm_buf_add(&s->b, c->facts.originators[0].key);
	cpm_buf_add_char(&s->b, '>');
	return scratch_close(s);
}

static struct cpm_slice date_or_now(struct scratch *s, struct cpm_slice date, int64_t now)
{
	if(date.n)
		return unfolded(s, date);
	scratch_open(s);
	cpm_date_add_rfc1123(&s->b, now);
	return scratch_close(s);
}

void deferral_add_identity(struct cpm_buf *b, struct cpm_slice originator, struct cpm_slice imdn_id)
{
	cpm_buf_add(b, originator);
	cpm_buf_add_str(b, "\nimdn\n");
	cpm_buf_add(b, imdn_id);
}

/* The same message again, whoever brings it: its imdn Message-ID, else the request's own identity. */
static struct cpm_slice identity(struct scratch *s, const struct context *c, const struct request *r)
{
	struct cpm_slice originator =
			c->facts.originator_count ? c->facts.originators[0].key : CPM_SLICE_NONE;

	scratch_open(s);
	if(c->cpim.imdn_id.n) {
		deferral_add_identity(&s->b, originator, c->cpim.imdn_id);
	} else {
		cpm_buf_add(&s->b, originator);
		cpm_buf_add_str(&s->b, "\nsip\n");
		cpm_buf_add(&s->b, r->call_id);
		cpm_buf_add_char(&s->b, '\n');
		cpm_buf_add(&s->b, r->cseq);
		cpm_buf_add_char(&s->b, '\n');
		cpm_buf_add(&s->b, r->from);
	}
	return scratch_close(s);
}

/* A value of the body beside the body: not worth refusing the message for. */
static struct cpm_slice if_it_fits(struct cpm_slice value)
{
	return value.n <= settings.limits.max_header_bytes ? value : CPM_SLICE_NONE;
}

static bool uri_is_plain(struct cpm_slice uri)
{
	size_t i;

	for(i = 0; i < uri.n; i++) {
		if((unsigned char)uri.p[i] <= ' ' || uri.p[i] == 0x7f)
			return false;
	}
	return uri.n > 0;
}

/* The URIs of the list, as many as fit; those to be hidden stay in the body alone. */
static struct cpm_slice recipients_add(struct scratch *s, const struct cpm_recipients *list)
{
	size_t i;

	scratch_open(s);
	for(i = 0; i < list->count; i++) {
		const struct cpm_recipient *r = &list->items[i];

		if(r->copy == CPM_COPY_BCC || r->anonymize || !uri_is_plain(r->uri))
			continue;
		if(s->b.n - s->start + 1 + r->uri.n > settings.limits.max_header_bytes)
			break;
		if(s->b.n > s->start)
			cpm_buf_add_char(&s->b, ' ');
		cpm_buf_add(&s->b, r->uri);
	}
	return scratch_close(s);
}

/* Who got the message besides (RFC 5364, 5365). A list that cannot be read is kept in the body all the same. */
static struct cpm_slice recipients(struct scratch *s, const struct request *r)
{
	struct cpm_mime_part part;
	struct cpm_media_type type;
	struct cpm_arena arena;
	struct cpm_recipients list;
	struct cpm_slice disposition, result = CPM_SLICE_NONE;

	if(!r->body.n || !cpm_media_type_parse(r->content_type, &type)
			|| !cpm_slice_ieq(type.type, CPM_SLICE("multipart"))
			|| cpm_mime_find(r->body, r->content_type, "application", "resource-lists+xml",
					   &settings.limits, &part, NULL) != CPM_OK
			|| !cpm_mime_header(part.headers, CPM_SLICE("Content-Disposition"), &disposition)
			|| !cpm_slice_istarts(disposition, CPM_SLICE("recipient-list")))
		return result;
	cpm_arena_init(&arena, &cpm_allocator_libc, RECIPIENTS_MEMORY);
	if(cpm_recipients_parse(part.body, &settings.limits, &arena, &list, NULL) == CPM_OK)
		result = recipients_add(s, &list);
	cpm_arena_free(&arena);
	return result;
}

static enum cpm_defer_cause cause_of(const struct context *c, enum cpm_handling handling)
{
	if(c->undelivered)
		return CPM_CAUSE_UNDELIVERED;
	if(handling == CPM_HANDLING_STORE || (c->decided && c->verdict.action == CPM_STORE))
		return CPM_CAUSE_STORE;
	if(c->decided && c->verdict.action == CPM_DEFER)
		return CPM_CAUSE_POLICY;
	if(c->dnd)
		return CPM_CAUSE_DND;
	return c->no_client ? CPM_CAUSE_OFFLINE : CPM_CAUSE_SCRIPT;
}

/* What the user's rules say of deferred messages (8.3.1.6). */
static enum cpm_handling handling_of(struct context *c, int64_t now)
{
	struct cpm_verdict verdict;
	struct cpm_facts facts = c->facts;

	facts.medium = CPM_MEDIUM_DEFERRED;
	facts.now_ms = now;
	cpm_decide(context_documents(c), &facts, &verdict);
	switch(verdict.action) {
		case CPM_PULL:
			return CPM_HANDLING_PULL;
		case CPM_STORE:
			return CPM_HANDLING_STORE;
		default:
			return CPM_HANDLING_PUSH;
	}
}

/* Expires in pager mode, Message-Expires in large mode (8.3.1.6.1 step 5). */
static int64_t expires_at(const struct request *r, bool large, int64_t now)
{
	struct cpm_slice value = large ? r->message_expires : r->expires;
	unsigned present = large ? r->message_expires_count : r->expires_count;
	bool odd = false;
	uint64_t seconds = cpm_expiry_seconds(
			cpm_slice_trim(value), present > 0, (uint64_t)settings.max_expiry_s, &odd);

	if(odd || present > 1)
		count(expires_odd);
	return now + (int64_t)seconds * 1000;
}

static void record_fill(struct cpm_record *rec, struct scratch *s, struct context *c,
		const struct request *r, bool storing, int64_t now)
{
	*rec = (struct cpm_record){
			.kind = CPM_RECORD_PAGER,
			.handling = storing ? CPM_HANDLING_STORE : handling_of(c, now),
			.host = cpm_slice_of(settings.hostname),
			.aor = c->user.key,
			.anonymous = c->facts.anonymous,
			.rule = c->rule,
			.arrived_ms = now,
			.expires_ms = expires_at(r, false, now),
			.size = r->body.n,
			.wants = c->cpim.wants,
			.imdn_id = c->cpim.imdn_id,
			.request_uri = r->original_uri,
			.from = without_tag(s, r->from),
			.to = without_tag(s, r->to),
			.asserted = asserted(s, c, r),
			.subject = unfolded(s, r->subject),
			.date = date_or_now(s, r->date, now),
			.accept_contact = joined(s, r->accept_contact, r->accept_contact_count),
			.content_type = unfolded(s, r->content_type),
			.content_disposition = unfolded(s, r->content_disposition),
			.conversation_id = unfolded(s, r->conversation_id),
			.contribution_id = unfolded(s, r->contribution_id),
			.in_reply_to = unfolded(s, r->in_reply_to),
			.referred_by = unfolded(s, r->referred_by),
			.recipients = recipients(s, r),
			.date_time = if_it_fits(c->cpim.date_time),
			.original_to = if_it_fits(unfolded(s, c->cpim.original_to)),
			.imdn_route = if_it_fits(
					joined(s, c->cpim.record_routes, c->cpim.record_route_count)),
	};
	if(c->facts.originator_count)
		rec->originator = c->facts.originators[0].key;
	rec->cause = cause_of(c, rec->handling);
}

static enum store_place place_of(enum cpm_handling handling)
{
	switch(handling) {
		case CPM_HANDLING_PULL:
			return STORE_TO_PULL;
		case CPM_HANDLING_STORE:
			return STORE_TO_STORE;
		default:
			return STORE_TO_PUSH;
	}
}

static char *job_put(char *at, struct cpm_slice *to, struct cpm_slice from)
{
	*to = (struct cpm_slice){at, from.n};
	if(from.n)
		memcpy(at, from.p, from.n);
	return at + from.n;
}

static struct store_job *job_make(const struct cpm_record *rec, struct cpm_slice record, struct cpm_slice who, struct cpm_slice body)
{
	struct store_job *job =
			shm_malloc(sizeof(*job) + rec->id.n + rec->aor.n + who.n + record.n + body.n);
	char *at = (char *)(job + 1);

	if(!job)
		return NULL;
	job->head.kind = JOB_STORE;
	job->cause = rec->cause;
	job->place = place_of(rec->handling);
	job->now_ms = rec->arrived_ms;
	job->order_us = order_next();
	job->expires_ms = rec->expires_ms;
	at = job_put(at, &job->id, rec->id);
	at = job_put(at, &job->aor, rec->aor);
	at = job_put(at, &job->identity, who);
	at = job_put(at, &job->record, record);
	job_put(at, &job->body, body);
	return job;
}

/* Of a large message only the INVITE has come; what its media carries is told later. */
static void record_enlarge(
		struct cpm_record *rec, const struct request *r, uint64_t size, int64_t now)
{
	rec->kind = CPM_RECORD_LARGE;
	rec->expires_ms = expires_at(r, true, now);
	rec->size = size;
	rec->content_type = CPM_SLICE("message/cpim");
	rec->content_disposition = CPM_SLICE_NONE;
}

/* large: size of the message that an INVITE announces, NULL for pager mode. */
static struct store_job *job_of_request(
		struct sip_msg *msg, struct context *c, bool storing, const uint64_t *large)
{
	/* Kept between messages to spare their allocation; the scratch must not move while slices borrow from it. */
	static struct scratch scratch;
	static struct cpm_buf text;
	static char scratch_memory[65536];
	const struct request *r = context_request(msg, c);
	int64_t now = c->now_ms;
	struct cpm_record rec;
	struct cpm_diag diag = {0};
	struct cpm_slice who;
	struct cpm_buf id;
	unsigned char bytes[12];
	struct store_job *job;
	enum cpm_rc rc;

	if(!r || !c->user.key.n) {
		c->reason = "malformed";
		return NULL;
	}
	if(large)
		memset(&c->cpim, 0, sizeof(c->cpim));
	else if(!form_ok(c, r))
		return NULL;
	if(!text.max)
		cpm_buf_init(&text, settings.limits.max_record_bytes);
	cpm_buf_reset(&text);
	cpm_buf_init_fixed(&scratch.b, scratch_memory, sizeof(scratch_memory));
	record_fill(&rec, &scratch, c, r, storing, now);
	if(large)
		record_enlarge(&rec, r, *large, now);
	who = identity(&scratch, c, r);
	if(scratch.b.rc != CPM_OK || !random_take(bytes, sizeof(bytes))) {
		c->reason = "too-large";
		return NULL;
	}
	cpm_buf_init_fixed(&id, c->message_id, sizeof(c->message_id) - 1);
	cpm_key_add_id(&id, bytes, cpm_key_shard(rec.aor, (unsigned)settings.queue_shards));
	c->message_id[id.n] = '\0';
	rec.id = cpm_buf_slice(&id);

	rc = cpm_record_build(&rec, &settings.limits, &text, &diag);
	if(rc != CPM_OK) {
		form_refuse_rc(c, rc, &diag);
		return NULL;
	}
	job = job_make(&rec, cpm_buf_slice(&text), who, large ? CPM_SLICE_NONE : r->body);
	if(!job)
		c->reason = "busy";
	return job;
}

struct store_job *deferral_job(struct sip_msg *msg, struct context *c, bool storing)
{
	return job_of_request(msg, c, storing, NULL);
}

struct store_job *deferral_of_invite(struct sip_msg *msg, struct context *c, uint64_t size)
{
	return job_of_request(msg, c, c->decided && c->verdict.action == CPM_STORE, &size);
}

/* A system message tells of what waits: kept, it would be told of itself. */
static bool is_system_message(const struct request *r)
{
	size_t i;

	for(i = 0; r && i < r->accept_contact_count; i++) {
		if(cpm_feature_system(r->accept_contact[i]))
			return true;
	}
	return false;
}

static bool hand_over(struct store_job *job)
{
	if(job->place == STORE_TO_STORE && archive_configured())
		return storing_post(job);
	return queue_post(job->aor, job);
}

static int begin(struct sip_msg *msg, struct context *c, const str *route, bool storing)
{
	struct transaction_route target;
	struct store_job *job;

	if(!transaction_route_find(route, &target)) {
		LM_ERR("cpm_defer: there is no route[%.*s]\n", route->len, route->s);
		c->reason = "busy";
		return -2;
	}
	if(is_system_message(context_request(msg, c))) {
		c->reason = "system";
		return -1;
	}
	if(!queue_available()) {
		count(store_failures);
		c->reason = "store";
		return -2;
	}
	job = deferral_job(msg, c, storing);
	if(!job)
		return reason_status(c->reason) < 500 ? -1 : -2;
	job->route = target;
	job->stored_status = storing ? 200 : 202;
	context_keep(msg, c);
	switch(transaction_park(msg, &job->transaction)) {
		case TRANSACTION_PARKED:
			break;
		case TRANSACTION_RETRANSMISSION:
			shm_free(job);
			return 0;
		case TRANSACTION_FAILED:
			shm_free(job);
			c->reason = "busy";
			return -2;
	}
	if(hand_over(job)) {
		count(accepted);
		return 0;
	}
	transaction_unpark(&job->transaction);
	shm_free(job);
	count(store_failures);
	c->reason = "busy";
	return -2;
}

int deferral_begin(struct sip_msg *msg, struct context *c, const str *route)
{
	return begin(msg, c, route, false);
}

int deferral_begin_store(struct sip_msg *msg, struct context *c, const str *route)
{
	return begin(msg, c, route, archive_configured());
}
