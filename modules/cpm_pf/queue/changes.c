/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * NOTIFYs in, and the subscriptions that bring them. A NOTIFY speaks for
 * itself: it names the documents, so it need not be matched to a subscription,
 * and one of a subscription that we have forgotten does no harm. The script
 * lets in those of the XDMS only.
 */
#include "changes.h"

#include <stdlib.h>

#include "../../core/mem/shm.h"
#include "../../core/socket_info.h"
#include "../core/base/alarm.h"
#include "../core/codec/header.h"
#include "../core/codec/mime.h"
#include "../core/codec/xcapdiff.h"
#include "../core/session/watch.h"
#include "../module/command.h"
#include "../module/logged.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../module/ticket.h"
#include "../sip/message.h"

#define CHANGES_MEMORY (4u << 20)
#define CHANGES_HEADERS_MAX 2048
#define CHANGES_BODY_MAX 8192
/* tm has long given up by then. */
#define ANSWER_MS 60000
/* A subscription that was refused is tried again after this. */
#define REST_MS 60000
/* An XDMS that grants less is asked no more often for it. */
#define GRANTED_MIN_S 5
/* Of its time, when the next one begins. */
#define REFRESH_PERCENT 80

struct changed_job {
	struct command_job command;
	struct cpm_slice aor; /* borrows from the job */
};

static void changed_run(struct command_job *head, struct store *store, int64_t now)
{
	struct changed_job *job = (struct changed_job *)head;

	post_trigger(job->aor, CPM_SLICE_NONE, false, 0);
	store_notify_sooner(store, job->aor, now, NULL, NULL);
	shm_free(job);
}

void changes_tell(struct cpm_slice aor, bool fetch)
{
	struct changed_job *job;

	if(fetch)
		xdm_invalidate(aor);
	if(!(job = shm_malloc(sizeof(*job) + aor.n)))
		return;
	job->command = (struct command_job){{JOB_COMMAND}, changed_run};
	memcpy(job + 1, aor.p, aor.n);
	job->aor = (struct cpm_slice){(char *)(job + 1), aor.n};
	if(!post_queue(aor, job))
		shm_free(job);
}

static bool event_is_ours(const struct sip_msg *msg)
{
	const struct hdr_field *h;

	for(h = msg->headers; h && h->type != HDR_EVENT_T; h = h->next)
		;
	return h
		   && cpm_slice_ieq(
				   cpm_header_strip_params(slice_of_str(&h->body), NULL), CPM_SLICE("xcap-diff"));
}

static int refuse(struct context *c, enum cpm_rc rc, const char *why)
{
	c->reason = rc == CPM_LIMIT ? "too-large" : "malformed";
	if(rc == CPM_LIMIT)
		count(too_large);
	else
		count(malformed);
	LM_NOTICE("event=refused call_id=%.*s reason=%s why=\"%s\"\n", SLICE_FMT(c->request.call_id),
			c->reason, why ? why : "");
	return -1;
}

static void tell_each(const struct cpm_xcap_changes *changes)
{
	char memory[CPM_URI_KEY_MAX], last[CPM_URI_KEY_MAX];
	struct cpm_slice before = CPM_SLICE_NONE;
	struct cpm_uri_key user;
	size_t i;

	for(i = 0; i < changes->count; i++) {
		if(cpm_uri_canon(changes->items[i].xui, memory, sizeof(memory), &user) != CPM_OK)
			continue;
		/* A user's documents mostly come one after the other. */
		if(cpm_slice_eq(user.key, before))
			continue;
		memcpy(last, user.key.p, user.key.n);
		before = (struct cpm_slice){last, user.key.n};
		count(documents_changed);
		changes_tell(user.key, true);
	}
}

int changes_take(struct sip_msg *msg, struct context *c)
{
	struct cpm_slice auids[3] = {cpm_slice_of(settings.xcap_lists_auid),
			cpm_slice_of(settings.xcap_policy_auid), cpm_slice_of(settings.xcap_profile_auid)};
	const struct request *r = context_request(msg, c);
	struct cpm_xcap_changes changes;
	struct cpm_mime_part part;
	struct cpm_diag diag = {0};
	struct cpm_arena arena;
	enum cpm_rc rc;
	int result = 1;

	if(!r) {
		c->reason = "malformed";
		return -1;
	}
	if(!event_is_ours(msg)) {
		c->reason = "bad-event";
		return -1;
	}
	/* The first NOTIFY of a subscription may have no body. */
	if(!r->body.n)
		return 1;
	rc = cpm_mime_find(r->body, r->content_type, "application", "xcap-diff+xml", &settings.limits,
			&part, &diag);
	if(rc != CPM_OK)
		return refuse(c, rc, rc == CPM_NOTFOUND ? "no application/xcap-diff+xml" : diag.reason);
	cpm_arena_init(&arena, &cpm_allocator_libc, CHANGES_MEMORY);
	rc = cpm_xcapdiff_parse(part.body, auids, 3, &settings.limits, &arena, &changes, &diag);
	if(rc == CPM_OK)
		tell_each(&changes);
	else
		result = refuse(c, rc, diag.reason);
	cpm_arena_free(&arena);
	return result;
}

/* One subscription; in one queue process. */
struct watch {
	struct watch *next; /* of the same bucket */
	struct cpm_alarm due;
	enum cpm_watch_state state;
	bool wanted;       /* since its state began */
	int64_t needed_ms; /* kept up until then, in as many subscriptions as the XDMS makes of it */
	int64_t granted_s; /* by the last answer */
	uint64_t ticket;
	struct cpm_slice aor; /* in the same block */
};

#define WATCH_BUCKETS 4096

static struct watch *watches[WATCH_BUCKETS];
static struct cpm_alarms alarms;
static struct tickets *tickets;

bool changes_init(int process)
{
	size_t max = (size_t)settings.xdm_subscriptions;
	struct cpm_alarm **heap;

	if(!settings.xdm_subscribe[0])
		return true;
	heap = calloc(max, sizeof(*heap));
	cpm_alarms_init(&alarms, heap, max);
	tickets = tickets_new(TICKET_WATCH, process, max);
	return heap && tickets;
}

static struct watch **watch_at(struct cpm_slice aor)
{
	struct watch **at = &watches[cpm_slice_hash(aor, 2) % WATCH_BUCKETS];

	while(*at && !cpm_slice_eq((*at)->aor, aor))
		at = &(*at)->next;
	return at;
}

static void watch_forget(struct watch *w)
{
	*watch_at(w->aor) = w->next;
	cpm_alarm_clear(&alarms, &w->due);
	free(w);
}

/* Where the NOTIFYs are to come: parameter xdm_contact, else the first address that we listen at. */
static void contact_add(struct cpm_buf *lines)
{
	struct socket_info *s = get_first_socket();

	cpm_buf_add_str(lines, "Contact: <");
	if(settings.xdm_contact[0])
		cpm_buf_add_str(lines, settings.xdm_contact);
	else if(s) {
		cpm_buf_add_str(lines, "sip:cpm@");
		cpm_buf_add(lines, slice_of_str(&s->address_str));
		cpm_buf_add_char(lines, ':');
		cpm_buf_add(lines, slice_of_str(&s->port_no_str));
	}
	cpm_buf_add_str(lines, ">\r\n");
}

static bool subscribe_send(struct watch *w)
{
	const struct cpm_xcap_document documents[] = {
			{cpm_slice_of(settings.xcap_lists_auid), cpm_slice_of(settings.xcap_lists_document)},
			{cpm_slice_of(settings.xcap_policy_auid), cpm_slice_of(settings.xcap_policy_document)},
			{cpm_slice_of(settings.xcap_profile_auid),
					cpm_slice_of(settings.xcap_profile_document)}};
	char text[CHANGES_HEADERS_MAX], body_text[CHANGES_BODY_MAX], to_text[600], from_text[600];
	struct cpm_buf lines, body, to, from;
	struct message_out m;

	cpm_buf_init_fixed(&lines, text, sizeof(text));
	cpm_buf_init_fixed(&body, body_text, sizeof(body_text));
	cpm_buf_init_fixed(&to, to_text, sizeof(to_text));
	cpm_buf_init_fixed(&from, from_text, sizeof(from_text));
	cpm_buf_add_char(&to, '<');
	cpm_buf_add_str(&to, settings.xdm_subscribe);
	cpm_buf_add_char(&to, '>');
	cpm_buf_add_char(&from, '<');
	cpm_buf_add(&from, command_own_uri());
	cpm_buf_add_char(&from, '>');
	contact_add(&lines);
	cpm_buf_add_str(&lines, "P-Asserted-Identity: ");
	cpm_buf_add(&lines, cpm_buf_slice(&from));
	cpm_buf_add_str(&lines, "\r\nEvent: xcap-diff;diff-processing=no-patching\r\nAccept: "
							"application/xcap-diff+xml\r\nExpires: ");
	cpm_buf_add_u64(&lines, (uint64_t)settings.xdm_subscribe_s);
	cpm_buf_add_str(&lines,
			"\r\nContent-Type: application/resource-lists+xml\r\nContent-Disposition: "
			"recipient-list\r\n");
	cpm_xcapdiff_add_subscription(&body, w->aor, documents, 3);
	/* One that was never answered. */
	if(w->ticket)
		ticket_redeem(tickets, w->ticket);
	w->ticket = 0;
	if(lines.rc != CPM_OK || body.rc != CPM_OK || to.rc != CPM_OK || from.rc != CPM_OK
			|| !ticket_take(tickets, w, &w->ticket))
		return false;
	m = (struct message_out){.method = "SUBSCRIBE",
			.uri = cpm_slice_of(settings.xdm_subscribe),
			.from = cpm_buf_slice(&from),
			.to = cpm_buf_slice(&to),
			.headers = cpm_buf_slice(&lines),
			.body = cpm_buf_slice(&body)};
	if(message_send_out(&m, w->ticket))
		return true;
	ticket_redeem(tickets, w->ticket);
	w->ticket = 0;
	return false;
}

static void watch_step(struct watch *w, enum cpm_watch_event event, int64_t now)
{
	int64_t due_ms = 0;

	switch(cpm_watch_next(&w->state, event)) {
		case CPM_WATCH_NOTHING:
			return;
		case CPM_WATCH_SUBSCRIBE:
			if(w->wanted || !w->needed_ms)
				w->needed_ms = now + (int64_t)settings.xdm_subscribe_s * 10 * REFRESH_PERCENT;
			w->wanted = false;
			due_ms = now + ANSWER_MS;
			if(!subscribe_send(w)) {
				watch_step(w, CPM_WATCH_REFUSED, now);
				return;
			}
			break;
		case CPM_WATCH_REFRESH:
			due_ms = now + w->granted_s * 10 * REFRESH_PERCENT;
			break;
		case CPM_WATCH_REST:
			count(subscribe_failures);
			due_ms = now + REST_MS;
			break;
		case CPM_WATCH_FORGET:
			if(w->ticket)
				ticket_redeem(tickets, w->ticket);
			watch_forget(w);
			return;
	}
	cpm_alarm_set(&alarms, &w->due, due_ms);
}

void changes_watch(struct cpm_slice aor, int64_t now)
{
	struct watch **at, *w;

	if(!alarms.max)
		return;
	at = watch_at(aor);
	if(*at) {
		(*at)->wanted = true;
		return;
	}
	if(alarms.count == alarms.max || !(w = calloc(1, sizeof(*w) + aor.n))) {
		count(subscribe_failures);
		return;
	}
	memcpy(w + 1, aor.p, aor.n);
	w->aor = (struct cpm_slice){(char *)(w + 1), aor.n};
	w->state = CPM_WATCH_NEW;
	*at = w;
	cpm_alarm_set(&alarms, &w->due, INT64_MAX);
	watch_step(w, CPM_WATCH_BEGIN, now);
}

int64_t changes_run(int64_t now)
{
	struct cpm_alarm *a;

	while((a = cpm_alarm_first(&alarms)) && a->at_ms <= now) {
		struct watch *w = CPM_ALARM_OWNER(a, struct watch, due);
		bool wanted = w->wanted || (w->state == CPM_WATCH_ACTIVE && now < w->needed_ms);

		watch_step(w, wanted ? CPM_WATCH_TIME_WANTED : CPM_WATCH_TIME_UNWANTED, now);
	}
	return a ? a->at_ms : INT64_MAX;
}

/* RFC 6665 section 4.1.2.1: the notifier may grant less than was asked for. */
static int64_t granted(int64_t expires_s)
{
	if(expires_s <= 0 || expires_s > settings.xdm_subscribe_s)
		return settings.xdm_subscribe_s;
	return expires_s < GRANTED_MIN_S ? GRANTED_MIN_S : expires_s;
}

void changes_answered(uint64_t ticket, int status, int64_t expires_s, int64_t now)
{
	struct watch *w = tickets ? ticket_redeem(tickets, ticket) : NULL;

	if(!w)
		return;
	w->ticket = 0;
	w->granted_s = granted(expires_s);
	if(status >= 300)
		LM_NOTICE("event=unsubscribed user=%.*s status=%d\n", USER_FMT(w->aor), status);
	watch_step(w, status < 300 ? CPM_WATCH_ACCEPTED : CPM_WATCH_REFUSED, now);
}
