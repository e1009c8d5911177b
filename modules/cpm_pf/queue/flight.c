/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Flights by the place of their ticket. With a history, a message is recorded
 * first and flies when that has ended.
 */
#include "flight.h"

#include <stdlib.h>

#include "../../core/mem/shm.h"
#include "../core/queue/retry.h"
#include "../media/transfer.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../module/ticket.h"
#include "../sip/message.h"
#include "history.h"
#include "judge.h"
#include "queue.h"

/* A push whose answer has not come by then never will: tm's own timers are far shorter. */
#define FLIGHT_LOST_MS 180000
/* Added to the longest life of a session with a client. */
#define LARGE_LOST_MS 120000

/* A recording that was made before the message was sent (8.5). */
struct recording {
	uint32_t uid, uidvalidity;
	struct cpm_slice id, folder; /* of its key; both in text */
	char text[];
};

static struct tickets *tickets;
static struct flight *flights; /* by the place of the ticket */
static size_t flight_count;
static size_t slow; /* sessions that have a large message in flight */

/* So many large messages can be on their way: one session of an msrp process each. */
static size_t slow_max(void)
{
	return settings.msrp_listen[0]
				   ? (size_t)settings.msrp_max_sessions * (size_t)settings.msrp_workers
				   : 0;
}

size_t flights_slow(void)
{
	return slow < slow_max() ? slow : slow_max();
}

bool flights_init(int process)
{
	flight_count = (size_t)settings.push_parallel * (size_t)settings.push_window + slow_max();
	tickets = tickets_new(TICKET_PUSH, process, flight_count);
	flights = calloc(flight_count, sizeof(*flights));
	return tickets && flights;
}

/* NULL when too many are under way. */
static struct flight *flight_take(void)
{
	struct flight *f;
	uint64_t ticket;

	if(!ticket_take(tickets, flights, &ticket))
		return NULL;
	f = &flights[ticket_place(ticket)];
	f->ticket = ticket;
	return f;
}

static void flight_to_client(struct flight *f, const struct cpm_record *r)
{
	const struct recording *rec = f->recording;
	char text[CPM_FOLDER_MAX + 100];
	struct cpm_buf extra;

	cpm_buf_init_fixed(&extra, text, sizeof(text));
	if(rec)
		history_add_header(&extra, rec->uid, rec->uidvalidity, rec->folder);
	count(push_sent);
	if(!message_send(r, f->message->body, &f->session->run->contacts.items[f->contact],
			   cpm_buf_slice(&extra), f->message->attempts, f->ticket)) {
		count(push_unsent);
		post_answer(f->ticket, 503);
	}
}

/* Objects of one message are told apart by the attempt and the client, so that the removal of one never meets another. */
static void recording_suffix(const struct store_message *m, size_t contact, char *text, size_t size)
{
	snprintf(text, size, ".%lld.%zu", (long long)m->attempts, contact);
}

static void recording_drop(struct flight *f, const struct cpm_record *r)
{
	struct recording *rec = f->recording;

	f->recording = NULL;
	if(!rec)
		return;
	history_remove(r->aor, rec->id, "", rec->uid, rec->uidvalidity, rec->folder);
	free(rec);
}

static struct recording *recording_make(const struct archive_job *a)
{
	size_t id_n = cpm_slice_find(a->key, '@');
	struct recording *rec = malloc(sizeof(*rec) + id_n + a->folder_n);

	if(!rec)
		return NULL;
	*rec = (struct recording){.uid = a->uid,
			.uidvalidity = a->uidvalidity,
			.id = {rec->text, id_n},
			.folder = {rec->text + id_n, a->folder_n}};
	memcpy(rec->text, a->key.p, id_n);
	memcpy(rec->text + id_n, a->folder, a->folder_n);
	return rec;
}

/* The message was recorded, or could not be: now it goes to its client. */
static void recording_back(struct command_job *command, struct store *queue_store, int64_t now)
{
	struct archive_job *a = (struct archive_job *)command;
	struct flight *f = &flights[ticket_place(a->ticket)];
	bool waits = f->session && f->ticket == a->ticket;
	size_t at = cpm_slice_find(a->key, '@');

	if(waits && history_again(a))
		return;
	if(a->rc != IMAP_OK) {
		history_failed(a);
	} else if(waits && (f->recording = recording_make(a))) {
		count(recordings);
	} else {
		history_remove(
				a->aor, cpm_slice_head(a->key, at), "", a->uid, a->uidvalidity, archive_folder(a));
	}
	archive_job_free(a);
	if(!waits)
		return;
	flight_to_client(f, f->record);
}

static bool record_first(const struct flight *f, const struct cpm_record *r, int64_t now)
{
	char suffix[48];

	if(!judge_history(f->session, f->message, r, now))
		return false;
	recording_suffix(f->message, f->contact, suffix, sizeof(suffix));
	if(history_record(r->aor, r->id, suffix, f->message->record, f->message->body, f->ticket,
			   recording_back))
		return true;
	count(recordings_failed);
	return false;
}

/* A large message goes over MSRP, from a process of its own. */
static void flight_large(struct flight *f, const struct cpm_record *r, int64_t now)
{
	struct session_run *run = f->session->run;
	struct cpm_slice history =
			judge_history(f->session, f->message, r, now) ? f->message->record : CPM_SLICE_NONE;
	bool to_isf = f->message->order == STORE_ORDER_INTERWORK;

	f->lost_ms += (int64_t)settings.msrp_life_s * 1000 + LARGE_LOST_MS;
	if(to_isf)
		count(interworked);
	else
		count(push_sent);
	/* Kept for a client that was there all the time: delivered, and not yet deferred. */
	if(!transfer_begin(r, to_isf ? NULL : judge_client_for_large(run),
			   r->cause != CPM_CAUSE_SCRIPT || f->message->attempts > 0
					   || f->message->order != STORE_ORDER_NONE,
			   history, f->ticket)) {
		count(push_unsent);
		post_answer(f->ticket, 503);
	}
}

/* To where its user ordered. */
static void flight_to_isf(struct flight *f, const struct cpm_record *r)
{
	count(interworked);
	if(!settings.isf_uri[0]
			|| !message_interwork(r, f->message->body, cpm_slice_of(settings.isf_uri), f->ticket)) {
		count(push_unsent);
		post_answer(f->ticket, 503);
	}
}

bool flight_start(struct session *s, struct session_batch *b, const struct store_message *m,
		const struct cpm_record *r, int64_t now)
{
	struct flight *f = flight_take();

	if(!f)
		return false;
	*f = (struct flight){.session = s,
			.batch = b,
			.message = m,
			.lost_ms = now + FLIGHT_LOST_MS,
			.ticket = f->ticket,
			.contact = s->run->contact,
			.record = r};
	s->run->in_flight++;
	if(r->kind == CPM_RECORD_LARGE) {
		slow += s->run->large_in_flight++ == 0;
		flight_large(f, r, now);
	} else if(m->order == STORE_ORDER_INTERWORK)
		flight_to_isf(f, r);
	else if(!record_first(f, r, now))
		flight_to_client(f, r);
	return true;
}

bool flight_land(uint64_t ticket, int status, struct flight *landed)
{
	struct flight *f;

	if(!ticket_redeem(tickets, ticket))
		return false;
	f = &flights[ticket_place(ticket)];
	f->session->run->in_flight--;
	if(f->record->kind == CPM_RECORD_LARGE)
		slow -= --f->session->run->large_in_flight == 0;
	if(cpm_push_outcome_of(status) != CPM_PUSH_DELIVERED)
		recording_drop(f, f->record);
	free(f->recording);
	f->recording = NULL;
	*landed = *f;
	f->session = NULL;
	return true;
}

void flights_sweep(int64_t now, void (*lost)(uint64_t ticket, int status, int64_t now))
{
	size_t i;

	for(i = 0; i < flight_count; i++) {
		if(flights[i].session && flights[i].lost_ms < now)
			lost(flights[i].ticket, 408, now);
	}
}
