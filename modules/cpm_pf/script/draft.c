/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * From request to record.
 */
#include "draft.h"

#include "../core/codec/date.h"
#include "../core/codec/header.h"
#include "../core/codec/mime.h"
#include "../core/codec/recipients.h"
#include "../core/queue/expiry.h"
#include "../module/settings.h"
#include "../module/statistics.h"

/* What reading a recipient list may take. */
#define RECIPIENTS_MEMORY (1u << 20)
/* Values that were rewritten, of one request. */
#define SCRATCH_BYTES 65536

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

static void add_joined(struct cpm_buf *b, const struct cpm_slice *values, size_t n)
{
	size_t i;

	for(i = 0; i < n; i++) {
		if(i)
			cpm_buf_add_str(b, ", ");
		cpm_header_add_unfolded(b, values[i]);
	}
}

static struct cpm_slice joined(struct scratch *s, const struct cpm_slice *values, size_t n)
{
	scratch_open(s);
	add_joined(&s->b, values, n);
	return scratch_close(s);
}

void draft_add_asserted(struct cpm_buf *b, const struct context *c, const struct request *r)
{
	if(r->asserted_count) {
		add_joined(b, r->asserted, r->asserted_count);
		return;
	}
	cpm_buf_add_char(b, '<');
	cpm_buf_add(b, c->facts.originators[0].key);
	cpm_buf_add_char(b, '>');
}

/* The originator as the client will see it. */
static struct cpm_slice asserted(
		struct scratch *s, const struct context *c, const struct request *r)
{
	if(c->facts.anonymous || !c->facts.originator_count)
		return CPM_SLICE_NONE;
	scratch_open(s);
	draft_add_asserted(&s->b, c, r);
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

void draft_add_identity(struct cpm_buf *b, struct cpm_slice originator, struct cpm_slice imdn_id)
{
	cpm_buf_add(b, originator);
	cpm_buf_add_str(b, "\nimdn\n");
	cpm_buf_add(b, imdn_id);
}

/* The same message again, whoever brings it: its imdn Message-ID, else the request's own identity. */
static struct cpm_slice identity(
		struct scratch *s, const struct context *c, const struct request *r)
{
	struct cpm_slice originator =
			c->facts.originator_count ? c->facts.originators[0].key : CPM_SLICE_NONE;

	scratch_open(s);
	if(c->cpim.imdn_id.n) {
		draft_add_identity(&s->b, originator, c->cpim.imdn_id);
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
					   &settings.limits, &part, NULL)
					   != CPM_OK
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
			.imdn_route = if_it_fits(joined(s, c->cpim.record_routes, c->cpim.record_route_count)),
	};
	if(c->facts.originator_count)
		rec->originator = c->facts.originators[0].key;
	rec->cause = cause_of(c, rec->handling);
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

bool draft_make(struct draft *d, struct context *c, const struct request *r, bool storing,
		const uint64_t *large)
{
	/* It must not move while slices borrow from it. */
	static char memory[SCRATCH_BYTES];
	struct scratch scratch;

	cpm_buf_init_fixed(&scratch.b, memory, sizeof(memory));
	record_fill(&d->record, &scratch, c, r, storing, c->now_ms);
	if(large)
		record_enlarge(&d->record, r, *large, c->now_ms);
	d->identity = identity(&scratch, c, r);
	return scratch.b.rc == CPM_OK;
}

struct cpm_slice draft_sender(const struct cpm_record *r)
{
	return r->sent ? r->aor : r->originator;
}

bool draft_complete(struct cpm_slice record, const struct cpm_cpim *cpim, uint64_t size,
		struct cpm_buf *out, struct cpm_slice *originator)
{
	struct cpm_record r;

	if(cpm_record_parse(record, &r, NULL) != CPM_OK)
		return false;
	r.size = size;
	r.wants = cpim->wants;
	r.imdn_id = cpim->imdn_id;
	r.date_time = cpm_slice_head(cpim->date_time, settings.limits.max_header_bytes);
	r.original_to = cpm_slice_head(cpim->original_to, settings.limits.max_header_bytes);
	if(!r.subject.n)
		r.subject = cpm_slice_head(cpim->subject, settings.limits.max_header_bytes);
	*originator = draft_sender(&r);
	return cpm_record_build(&r, &settings.limits, out, NULL) == CPM_OK;
}
