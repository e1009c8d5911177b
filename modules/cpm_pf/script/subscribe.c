/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * From SUBSCRIBE to 200 and NOTIFY. The 200 is sent when the list is at hand,
 * so that a store in trouble is answered 503 instead of an empty list.
 */
#include "subscribe.h"

#include "../../core/mem/shm.h"
#include "../core/codec/header.h"
#include "../core/codec/mime.h"
#include "../module/command.h"
#include "../module/logged.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../queue/listing.h"
#include "../queue/queue.h"
#include "../sip/transport.h"

#define EVENT_NAME "deferred-messages"
#define SUBSCRIBE_HEADERS_MAX 1024
/* A NOTIFY but for its body, with a route set of usual length. */
#define NOTIFY_HEAD 700
/* The number alone always goes out. */
#define SUMMARY_ROOM 200

struct subscribe_job {
	struct command_job command;
	struct command_request request;
	struct dlg *dlg;
	size_t max_body;                      /* of the NOTIFY */
	struct cpm_slice aor, contact, event; /* borrow from the job; contact: our header line */
};

/* Any header of this type: does it allow our media type? No such header allows everything (RFC 3261 20.1 speaks of SIP's defaults, but
 * a subscriber that names nothing takes the package's own). */
static bool accepts(const struct sip_msg *msg)
{
	struct cpm_slice rest, value;
	struct cpm_media_type type;
	const struct hdr_field *h;
	bool named = false;

	for(h = msg->headers; h; h = h->next) {
		if(h->type != HDR_ACCEPT_T)
			continue;
		named = true;
		rest = slice_of_str(&h->body);
		while(cpm_header_next_value(&rest, &value)) {
			if(!cpm_media_type_parse(value, &type))
				continue;
			if(cpm_media_type_is(&type, "application", "msginfo+xml")
					|| cpm_media_type_is(&type, "*", "*")
					|| cpm_media_type_is(&type, "application", "*"))
				return true;
		}
	}
	return !named;
}

static struct cpm_slice event_of(const struct sip_msg *msg)
{
	const struct hdr_field *h;

	for(h = msg->headers; h && h->type != HDR_EVENT_T; h = h->next)
		;
	return h ? cpm_slice_trim(slice_of_str(&h->body)) : CPM_SLICE_NONE;
}

static void subscribe_run(struct command_job *head, struct store *store, int64_t now);

static struct subscribe_job *job_make(
		struct sip_msg *msg, struct cpm_slice aor, struct cpm_slice event)
{
	struct subscribe_job *job;
	char line[256], *at;
	struct cpm_buf contact;

	cpm_buf_init_fixed(&contact, line, sizeof(line));
	dialog_add_contact(&contact, msg);
	if(contact.rc != CPM_OK || !(job = shm_malloc(sizeof(*job) + aor.n + contact.n + event.n)))
		return NULL;
	memset(job, 0, sizeof(*job));
	job->command = (struct command_job){{JOB_COMMAND}, subscribe_run};
	at = command_put((char *)(job + 1), &job->aor, aor);
	at = command_put(at, &job->contact, cpm_buf_slice(&contact));
	command_put(at, &job->event, event);
	return job;
}

static void job_free(struct subscribe_job *job)
{
	dialog_once_free(&job->dlg);
	shm_free(job);
}

static int hand_over(struct sip_msg *msg, struct context *c, struct subscribe_job *job)
{
	context_keep(msg, c);
	switch(transaction_park(msg, &job->request.transaction)) {
		case TRANSACTION_PARKED:
			break;
		case TRANSACTION_ABSORBED:
			job_free(job);
			return 0;
		case TRANSACTION_FAILED:
		default:
			job_free(job);
			c->reason = "busy";
			return -2;
	}
	if(post_queue(job->aor, job))
		return 0;
	transaction_unpark(&job->request.transaction);
	job_free(job);
	c->reason = "busy";
	return -2;
}

/* What fits into one NOTIFY to the subscriber. */
static size_t body_max(const struct sip_msg *msg)
{
	struct cpm_slice rest = slice_of_str(&msg->contact->body), value, uri;
	size_t room, most = (size_t)settings.subscribe_body_bytes;

	if(!cpm_header_next_value(&rest, &value) || !cpm_uri_of_address(value, &uri))
		return most;
	room = transport_room(uri, NOTIFY_HEAD);
	if(room < SUMMARY_ROOM)
		room = SUMMARY_ROOM;
	return room < most ? room : most;
}

int subscribe_begin(struct sip_msg *msg, struct context *c, const str *route)
{
	static const char events[] = "Allow-Events: " EVENT_NAME "\r\n";
	struct transaction_route target;
	struct subscribe_job *job;
	struct cpm_slice aor, event;

	if(!transaction_route_find(route, &target)) {
		LM_ERR("cpm_handle_subscribe: there is no route[%.*s]\n", route->len, route->s);
		c->reason = "busy";
		return -2;
	}
	if(!context_request(msg, c) || !msg->contact) {
		c->reason = "malformed";
		return -1;
	}
	event = event_of(msg);
	if(!cpm_slice_ieq(cpm_header_strip_params(event, NULL), CPM_SLICE(EVENT_NAME))) {
		transaction_add_header(msg, CPM_SLICE(events));
		c->reason = "bad-event";
		return -1;
	}
	if(!command_user(c, &aor)
			|| !command_addressed(c, slice_of_str(&msg->first_line.u.request.uri)))
		return -1;
	if(!accepts(msg)) {
		c->reason = "not-acceptable";
		return -1;
	}
	if(!queue_available()) {
		c->reason = "store";
		return -2;
	}
	job = job_make(msg, aor, event);
	if(job && !(job->dlg = dialog_once(msg))) {
		job_free(job);
		c->reason = "malformed";
		return -1;
	}
	if(!job) {
		c->reason = "busy";
		return -2;
	}
	job->request.route = target;
	job->max_body = body_max(msg);
	return hand_over(msg, c, job);
}

static void notify_send(struct subscribe_job *job, struct cpm_slice body)
{
	char text[SUBSCRIBE_HEADERS_MAX];
	struct cpm_buf lines;

	cpm_buf_init_fixed(&lines, text, sizeof(text));
	cpm_buf_add(&lines, job->contact);
	cpm_buf_add_str(&lines, settings_agent_line());
	cpm_buf_add_str(&lines, "Event: ");
	cpm_header_add_unfolded(&lines, job->event);
	cpm_buf_add_str(&lines, "\r\nSubscription-State: terminated;reason=timeout\r\nContent-Type: "
							"application/msginfo+xml\r\n");
	if(lines.rc != CPM_OK || !dialog_once_send(job->dlg, "NOTIFY", cpm_buf_slice(&lines), body))
		LM_WARN("event=unnotified user=%.*s why=\"the NOTIFY cannot be sent\"\n",
				USER_FMT(job->aor));
}

static void on_listed(void *context, enum store_rc rc, const struct listing *listing)
{
	static const struct cpm_slice ours = {"Expires: 0\r\nAllow-Events: " EVENT_NAME "\r\n",
			sizeof("Expires: 0\r\nAllow-Events: " EVENT_NAME "\r\n") - 1};
	struct subscribe_job *job = context;
	char text[SUBSCRIBE_HEADERS_MAX];
	struct cpm_buf lines, body;
	size_t fitted;

	cpm_buf_init_fixed(&lines, text, sizeof(text));
	cpm_buf_add(&lines, job->contact);
	cpm_buf_add_str(&lines, settings_server_line());
	cpm_buf_add(&lines, ours);
	cpm_buf_init(&body, job->max_body);
	if(rc == STORE_OK && cpm_msginfo_build(&listing->info, job->max_body, &body, &fitted) != CPM_OK)
		rc = STORE_DOWN;
	if(rc != STORE_OK || lines.rc != CPM_OK) {
		command_refuse(&job->request, "store");
	} else if(!transaction_reply(&job->request.transaction, 200, "OK", cpm_buf_slice(&lines))) {
		count(unparked);
	} else {
		count(subscriptions);
		notify_send(job, cpm_buf_slice(&body));
		LM_INFO("event=listed user=%.*s number=%llu listed=%zu\n", USER_FMT(job->aor),
				(unsigned long long)listing->info.number, fitted);
	}
	cpm_buf_free(&body);
	job_free(job);
}

static void subscribe_run(struct command_job *head, struct store *store, int64_t now)
{
	struct subscribe_job *job = (struct subscribe_job *)head;

	/* No item is shorter than this: more need not be read than can be written. */
	if(!listing_load(store, job->aor, now, LISTING_ALL, job->max_body / LISTING_ITEM_MIN + 1,
			   on_listed, job)) {
		command_refuse(&job->request, "store");
		job_free(job);
	}
}
