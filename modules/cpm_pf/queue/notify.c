/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A notification: the documents, do-not-disturb, what waits, the clients, one
 * system message to each that matches. When none matches, or none of them took
 * it, the out-of-band event route. A system message goes straight to its client
 * and is never deferred, so it can lead to no other.
 */
#include "notify.h"

#include <stdlib.h>

#include "../core/codec/feature.h"
#include "../core/queue/metadata.h"
#include "../module/command.h"
#include "../module/event.h"
#include "../module/logged.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../module/ticket.h"
#include "../sip/message.h"
#include "../sip/transport.h"
#include "changes.h"
#include "listing.h"

/* When the store or the documents are away, look again after this. */
#define TROUBLE_REST_MS 2000
/* Do-not-disturb is looked at again at least this far apart. */
#define DND_LOOK_MIN_MS 1000
#define NOTIFY_FLIGHTS 100000
/* An answer that has not come by then never will: tm's own timers are far shorter. */
#define FLIGHT_LOST_MS 180000
#define SWEEP_MS 10000
#define NOTIFY_HEADERS_MAX 4096
/* What tm writes beside our lines: Via, tag, CSeq, Call-ID and the like. */
#define NOTIFY_TM_HEADERS 350
#define NOTIFY_JSON_MAX (1 << 20)

/* One notification under way: the due entry is ours until every client has answered. */
struct round {
	struct due *due;
	size_t pending;
	bool taken;  /* some client took it, or will be pushed what waits */
	bool parked; /* something waits for the user's word: in-band too */
	long number;
	struct cpm_buf json;
	uint64_t tickets[CONTACTS_MAX]; /* of all system messages sent */
	size_t sent;
	int64_t begun_ms;
	struct round *next, **at; /* all rounds under way, the latest first */
};

static struct store *store;
static struct tickets *tickets;
static struct round *rounds;
static int64_t swept_ms;

bool notify_init(int process, struct store *queue_store)
{
	store = queue_store;
	tickets = tickets_new(TICKET_COMMAND, process, NOTIFY_FLIGHTS);
	return tickets != NULL;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool suits(const struct cpm_documents *documents, const struct contact *c)
{
	return contact_takes_messages(c)
		   && cpm_decide_client(documents, c->instance, CPM_MEDIUM_DEFERRED)
		   && cpm_decide_client(documents, c->instance, CPM_MEDIUM_PAGER);
}

/* NO-4: the list, or the summary when it would not fit. */
static bool body_write(struct cpm_buf *body, const struct cpm_msginfo *info, size_t room)
{
	struct cpm_msginfo summary = {.number = info->number};
	size_t fitted, max = (size_t)settings.notify_body_bytes;

	cpm_buf_reset(body);
	if(cpm_msginfo_build(info, room < max ? room : max, body, &fitted) == CPM_OK
			&& fitted == info->count)
		return true;
	cpm_buf_reset(body);
	return cpm_msginfo_build(&summary, max, body, &fitted) == CPM_OK;
}

/* 8.3.1.6.3 step 2: the tag of system messages, the PF itself as originator, the release version (added by message_send_out). body is
 * for use here. */
static bool system_message_send(struct cpm_slice aor, const struct contact *c,
		const struct cpm_msginfo *info, struct cpm_buf *body, uint64_t ticket)
{
	char text[NOTIFY_HEADERS_MAX], uri_text[1024], from_text[600], to_text[CPM_URI_KEY_MAX + 2];
	struct cpm_buf lines, uri, from, to;
	struct message_out m;

	cpm_buf_init_fixed(&lines, text, sizeof(text));
	cpm_buf_init_fixed(&uri, uri_text, sizeof(uri_text));
	cpm_buf_init_fixed(&from, from_text, sizeof(from_text));
	cpm_buf_init_fixed(&to, to_text, sizeof(to_text));
	contact_add_routes(c, &lines);
	cpm_buf_add_str(&lines, "Accept-Contact: ");
	if(settings.system_icsi)
		cpm_feature_add_accept_contact(&lines, CPM_ICSI_SYSTEMMSG);
	else
		cpm_buf_add_str(&lines, "*;" CPM_SYSTEM_TAG);
	cpm_buf_add_char(&from, '<');
	cpm_buf_add(&from, command_own_uri());
	cpm_buf_add_char(&from, '>');
	cpm_buf_add_char(&to, '<');
	cpm_buf_add(&to, aor);
	cpm_buf_add_char(&to, '>');
	cpm_buf_add_str(&lines, "\r\nP-Asserted-Identity: ");
	cpm_buf_add(&lines, cpm_buf_slice(&from));
	cpm_buf_add_str(&lines, "\r\nContent-Type: application/msginfo+xml\r\n");
	contact_add_request_uri(c, aor, &uri);
	if(lines.rc != CPM_OK || uri.rc != CPM_OK || from.rc != CPM_OK || to.rc != CPM_OK
			|| !body_write(body, info,
					transport_room(contact_next_hop(c),
							lines.n + uri.n + from.n + to.n + NOTIFY_TM_HEADERS)))
		return false;
	m = (struct message_out){.uri = cpm_buf_slice(&uri),
			.from = cpm_buf_slice(&from),
			.to = cpm_buf_slice(&to),
			.next_hop = contact_next_hop(c),
			.headers = cpm_buf_slice(&lines),
			.body = cpm_buf_slice(body),
			.socket = c->socket};
	count(system_messages);
	return message_send_out(&m, ticket);
}

/* 8.3.1.6.3 step 3. */
static void out_of_band(struct cpm_slice aor, long number, const struct cpm_buf *json)
{
	struct event_facts facts = {.user = aor, .reason = "deferred", .count = number};

	if(json->rc == CPM_OK)
		facts.json = cpm_buf_slice(json);
	count(notified_oob);
	LM_INFO("event=notified user=%.*s how=out-of-band number=%ld\n", USER_FMT(aor), number);
	event_run(EVENT_NOTIFY_OOB, &facts);
}

static void round_end(struct round *r)
{
	if(!r->taken)
		out_of_band(r->due->aor, r->number, &r->json);
	due_done(r->due);
	*r->at = r->next;
	if(r->next)
		r->next->at = r->at;
	cpm_buf_free(&r->json);
	free(r);
}

int64_t notify_run(int64_t now)
{
	struct round *r, *next;
	size_t i;

	if(now < swept_ms + SWEEP_MS)
		return swept_ms + SWEEP_MS;
	swept_ms = now;
	for(r = rounds; r; r = next) {
		next = r->next;
		if(r->begun_ms + FLIGHT_LOST_MS >= now)
			continue;
		for(i = 0; i < r->sent; i++)
			ticket_redeem(tickets, r->tickets[i]);
		round_end(r);
	}
	return now + SWEEP_MS;
}

void notify_answered(uint64_t ticket, int status, int64_t now)
{
	struct round *r = ticket_redeem(tickets, ticket);

	if(!r)
		return;
	r->taken |= status >= 200 && status < 300;
	if(--r->pending == 0)
		round_end(r);
}

/* Sends to each client that matches; the round ends with the last answer, or at once when there is none to wait for. */
static void round_begin(struct round *r, const struct cpm_msginfo *info)
{
	struct cpm_buf body;
	const struct cpm_documents *documents = due_documents(r->due);
	struct contacts contacts;
	uint64_t ticket;
	size_t i;

	if(!contacts_load(r->due->aor, &contacts))
		contacts.count = 0;
	cpm_buf_init(&body, (size_t)settings.notify_body_bytes);
	r->pending = 1; /* ours: no answer may end the round while we send */
	for(i = 0; i < contacts.count; i++) {
		if(!suits(documents, &contacts.items[i]))
			continue;
		r->taken |= !r->parked;
		if(!r->parked || !ticket_take(tickets, r, &ticket))
			continue;
		r->tickets[r->sent++] = ticket;
		if(system_message_send(r->due->aor, &contacts.items[i], info, &body, ticket))
			r->pending++;
		else
			ticket_redeem(tickets, ticket);
	}
	cpm_buf_free(&body);
	contacts_free(&contacts);
	if(r->pending > 1) {
		LM_INFO("event=notified user=%.*s how=in-band number=%ld clients=%zu\n",
				USER_FMT(r->due->aor), r->number, r->pending - 1);
		count(notified);
	}
	if(--r->pending == 0)
		round_end(r);
}

static void notify_listed(struct due *d, const struct listing *listing)
{
	struct cpm_msginfo info = listing->info;
	struct round *r = calloc(1, sizeof(*r));

	if(!r) {
		due_again(d, now_ms() + TROUBLE_REST_MS);
		return;
	}
	r->due = d;
	r->begun_ms = now_ms();
	r->next = rounds;
	r->at = &rounds;
	if(rounds)
		rounds->at = &r->next;
	rounds = r;
	r->number = (long)info.number;
	r->parked = listing->parked > 0;
	cpm_buf_init(&r->json, NOTIFY_JSON_MAX);
	if(event_wanted(EVENT_NOTIFY_OOB))
		cpm_msginfo_add_json(&r->json, d->aor, "deferred", &info);
	/* NO-4: the summary when the list would be longer than wished, or not complete. */
	if(info.number > (uint64_t)settings.notify_list_max || info.number > info.count)
		info.count = 0;
	round_begin(r, &info);
}

static void on_listed(void *context, enum store_rc rc, const struct listing *listing)
{
	struct due *d = context;

	if(rc != STORE_OK)
		due_again(d, now_ms() + TROUBLE_REST_MS);
	else if(listing->info.number)
		notify_listed(d, listing);
	else
		due_done(d);
}

void notify_due(struct due *d, int64_t now)
{
	struct cpm_facts facts = {.medium = CPM_MEDIUM_DEFERRED, .now_ms = now};
	int64_t until;

	if(d->docs == XDM_FAILED && settings.xdm_fail != XDM_FAIL_OPEN) {
		due_again(d, now + TROUBLE_REST_MS);
		return;
	}
	/* NO-1: it waits for do-not-disturb to end. */
	if(cpm_decide_dnd(due_documents(d), &facts, NULL, &until)) {
		changes_watch(d->aor, now);
		due_again(d, later(earlier(until, now + settings.xdm_max_age_ms), now + DND_LOOK_MIN_MS));
		return;
	}
	if(!listing_load(store, d->aor, now, settings.notify_pushed ? LISTING_ALL : LISTING_PARKED,
			   (size_t)settings.notify_list_max, on_listed, d))
		due_again(d, now + TROUBLE_REST_MS);
}

void notify_expired(const struct cpm_record *record, enum cpm_msginfo_status status,
		const struct ending_place *place, const struct contacts *clients, int64_t now)
{
	struct cpm_msginfo_item item = {0};
	struct cpm_msginfo info = {.number = 1, .items = &item, .count = 1};
	struct cpm_buf body;
	size_t i;

	cpm_metadata_of(record, &item);
	item.status = status;
	if(place) {
		item.uid = place->uid;
		item.folder = (struct cpm_slice){place->folder, place->folder_n};
	}
	cpm_buf_init(&body, (size_t)settings.notify_body_bytes);
	for(i = 0; i < clients->count; i++) {
		if(contact_takes_messages(&clients->items[i]))
			system_message_send(record->aor, &clients->items[i], &info, &body, 0);
	}
	cpm_buf_free(&body);
}
