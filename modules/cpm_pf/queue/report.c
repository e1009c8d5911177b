/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Makes reports and sends them. A report is kept in the form of a message, so
 * that an operator reads it like one: its record's aor is the served user who
 * reports, its Request-URI where it goes.
 */
#include "report.h"

#include <sys/random.h>

#include "../../core/dprint.h"
#include "../../core/globals.h"
#include "../../core/ip_addr.h"
#include "../core/codec/date.h"
#include "../core/codec/feature.h"
#include "../core/queue/key.h"
#include "../core/queue/removal.h"
#include "../core/queue/retry.h"
#include "../module/context.h"
#include "../module/logged.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../sip/message.h"
#include "due.h"
#include "history.h"
#include "recorder.h"

#define ADDRESS_MAX 4096

static char own_address[128]; /* of this Kamailio, as a next hop */

/* A listening socket of ours, UDP before TCP. */
static const struct socket_info *own_socket(void)
{
	const struct socket_info *s;

	for(s = udp_listen; s; s = s->next) {
		if(!(s->flags & SI_IS_MCAST))
			return s;
	}
	return tcp_listen;
}

bool report_init(int process)
{
	const struct socket_info *s = own_socket();
	bool any, v6;

	if(settings.core_uri[0])
		return true;
	if(!s) {
		LM_ERR("reports have no way to go: set core_uri, or a listen= for UDP or TCP\n");
		return false;
	}
	v6 = s->address.af == AF_INET6;
	any = ip_addr_any((ip_addr_t *)&s->address);
	snprintf(own_address, sizeof(own_address), v6 ? "sip:[%.*s]:%u%s" : "sip:%.*s:%u%s",
			any ? (v6 ? 3 : 9) : s->address_str.len,
			any ? (v6 ? "::1" : "127.0.0.1") : s->address_str.s, s->port_no,
			s->proto == PROTO_TCP ? ";transport=tcp" : "");
	return true;
}

static struct cpm_slice next_hop(void)
{
	return cpm_slice_of(settings.core_uri[0] ? settings.core_uri : own_address);
}

static struct cpm_slice bracketed(struct cpm_buf *b, struct cpm_slice uri)
{
	size_t start = b->n;

	cpm_buf_add_char(b, '<');
	cpm_buf_add(b, uri);
	cpm_buf_add_char(b, '>');
	return (struct cpm_slice){b->p + start, b->n - start};
}

static struct cpm_slice tag(struct cpm_buf *b)
{
	size_t start = b->n;

	cpm_feature_add_accept_contact(b, CPM_ICSI_MSG);
	return (struct cpm_slice){b->p + start, b->n - start};
}

static struct cpm_slice date(struct cpm_buf *b, int64_t now)
{
	size_t start = b->n;

	cpm_date_add_rfc1123(b, now);
	return (struct cpm_slice){b->p + start, b->n - start};
}

/* A new imdn Message-ID. */
static bool id_make(struct cpm_buf *b, const struct cpm_record *r)
{
	unsigned char bytes[12];

	if(getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return false;
	cpm_key_add_id(b, bytes, cpm_key_shard(r->aor, (unsigned)settings.queue_shards));
	return b->rc == CPM_OK;
}

static bool record_make(const struct cpm_record *r, const struct cpm_report_text *text,
		struct cpm_slice imdn_id, size_t size, int64_t now, struct cpm_buf *out)
{
	char memory[ADDRESS_MAX];
	struct cpm_buf b;
	struct cpm_record report = {.kind = CPM_RECORD_PAGER,
			.handling = CPM_HANDLING_PUSH,
			.cause = r->cause,
			.id = r->id,
			.host = r->host,
			.aor = r->aor,
			.arrived_ms = now,
			.expires_ms = now + (int64_t)settings.report_expiry_s * 1000,
			.size = size,
			.imdn_id = imdn_id,
			.request_uri = text->target,
			.content_type = CPM_SLICE("message/cpim"),
			.conversation_id = r->conversation_id,
			.contribution_id = r->contribution_id};

	cpm_buf_init_fixed(&b, memory, sizeof(memory));
	report.from = report.asserted = bracketed(&b, text->user);
	report.to = bracketed(&b, text->target);
	report.accept_contact = tag(&b);
	report.date = date(&b, now);
	return b.rc == CPM_OK && cpm_record_build(&report, &settings.limits, out, NULL) == CPM_OK;
}

void report_make(const struct cpm_record *r, struct cpm_slice body, enum cpm_end end, int64_t now,
		struct store_report *report)
{
	static struct cpm_buf text, record;
	char id_memory[64];
	struct cpm_buf id;
	struct cpm_report_facts facts;
	struct cpm_report_text to;
	struct cpm_diag diag = {0};
	enum cpm_report owed;

	*report = (struct store_report){.id = CPM_SLICE_NONE};
	cpm_report_facts_of(r, body, &settings.limits, &facts);
	owed = cpm_report_owed(end, &facts);
	if(owed == CPM_REPORT_NONE)
		return;
	if(!text.max) {
		cpm_buf_init(&text, settings.limits.max_record_bytes);
		cpm_buf_init(&record, settings.limits.max_record_bytes);
	}
	cpm_buf_reset(&text);
	cpm_buf_reset(&record);
	cpm_buf_init_fixed(&id, id_memory, sizeof(id_memory));
	if(!id_make(&id, r)
			|| cpm_report_build(
					   r, body, owed, cpm_buf_slice(&id), now, &settings.limits, &text, &to, &diag)
					   != CPM_OK
			|| text.rc != CPM_OK
			|| !record_make(r, &to, cpm_buf_slice(&id), text.n, now, &record)) {
		count(reports_impossible);
		LM_WARN("event=unreported id=%.*s why=\"%s\"\n", SLICE_FMT(r->id),
				diag.reason ? diag.reason : "too long");
		return;
	}
	*report = (struct store_report){.id = r->id,
			.record = cpm_buf_slice(&record),
			.body = cpm_buf_slice(&text),
			.due_ms = now,
			.expires_ms = now + (int64_t)settings.report_expiry_s * 1000};
	count(reports);
}

/* A sender who is gone for good, or who does not take it. */
static bool given_up(int status)
{
	switch(status) {
		case 408:
		case 421:
		case 423:
		case 429:
		case 480:
		case 481:
		case 486:
		case 487:
		case 491:
			return false;
		default:
			return (status >= 400 && status < 500) || status >= 600;
	}
}

static void sent(const struct due *d, const struct cpm_record *r, int status)
{
	count(reports_sent);
	LM_INFO("event=reported id=%.*s user=%.*s to=%.*s status=%d attempts=%lld\n", SLICE_FMT(d->id),
			USER_FMT(r->aor), USER_FMT(r->request_uri), status, (long long)d->attempts + 1);
}

static void failed(const struct due *d, const struct cpm_record *r, int status)
{
	count(reports_failed);
	LM_NOTICE("event=unreported id=%.*s user=%.*s to=%.*s status=%d attempts=%lld\n",
			SLICE_FMT(d->id), USER_FMT(r->aor), USER_FMT(r->request_uri), status,
			(long long)d->attempts + 1);
}

static void report_answered(struct due *d, int status, int64_t now)
{
	struct cpm_record r;

	if(cpm_record_parse(d->record, &r, NULL) != CPM_OK) {
		due_done(d);
		return;
	}
	if(status >= 200 && status < 300) {
		sent(d, &r, status);
		due_done(d);
	} else if(given_up(status) || now >= r.expires_ms) {
		failed(d, &r, status);
		due_done(d);
	} else
		due_again(d, cpm_retry_at(now, r.arrived_ms, (int64_t)settings.retry_min_s * 1000,
							 (int64_t)settings.retry_max_s * 1000, (uint32_t)random()));
}

static void add_line(struct cpm_buf *b, const char *name, struct cpm_slice value)
{
	if(!value.n)
		return;
	cpm_buf_add_str(b, name);
	cpm_buf_add_str(b, ": ");
	cpm_buf_add(b, value);
	cpm_buf_add_str(b, "\r\n");
}

static void report_headers(const struct cpm_record *r, struct cpm_buf *b)
{
	add_line(b, "Accept-Contact", r->accept_contact);
	add_line(b, "P-Asserted-Identity", r->asserted);
	add_line(b, "Date", r->date);
	add_line(b, "Conversation-ID", r->conversation_id);
	add_line(b, "Contribution-ID", r->contribution_id);
	add_line(b, "Content-Type", r->content_type);
}

void report_due(struct due *d, int64_t now)
{
	static struct cpm_buf headers;
	struct cpm_record r;
	struct message_out m;
	uint64_t ticket;

	if(cpm_removal_is(d->record)) {
		removal_due(d, now);
		return;
	}
	if(!d->record.n || cpm_record_parse(d->record, &r, NULL) != CPM_OK) {
		count(reports_failed);
		LM_ERR("event=unreported id=%.*s why=\"its record is gone or cannot be read\"\n",
				(int)d->id.n, d->id.p);
		due_done(d);
		return;
	}
	if(r.kind == CPM_RECORD_SESSION) {
		recorder_due(d, now);
		return;
	}
	if(now >= r.expires_ms) {
		report_answered(d, 408, now);
		return;
	}
	if(!headers.max)
		cpm_buf_init(&headers, settings.limits.max_record_bytes);
	cpm_buf_reset(&headers);
	report_headers(&r, &headers);
	m = (struct message_out){.uri = r.request_uri,
			.from = r.from,
			.to = r.to,
			.next_hop = next_hop(),
			.headers = cpm_buf_slice(&headers),
			.body = d->body};
	if(headers.rc != CPM_OK || !due_ticket(d, report_answered, &ticket)) {
		due_again(d, now + 1000);
		return;
	}
	if(!message_send_out(&m, ticket))
		due_answered(ticket, 503, now);
}
