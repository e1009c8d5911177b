/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Lists of ids, one for each way to end.
 */
#include "session_report.h"

static void id_keep(struct session_id *id, struct cpm_slice text)
{
	id->len = (unsigned char)(text.n < sizeof(id->text) ? text.n : sizeof(id->text));
	memcpy(id->text, text.p, id->len);
}

static struct cpm_slice id_slice(const struct session_id *id)
{
	return (struct cpm_slice){id->text, id->len};
}

bool session_report_empty(const struct session_report *r)
{
	return !r
		   || r->done_count + r->interworked_count + r->failed_count + r->unsent_count
							  + r->quarantine_count
					  == 0;
}

bool session_report_has_room(const struct session *s)
{
	const struct session_report *r = s->report, *t = s->told;
	size_t flying = s->run->in_flight;

	return r->done_count + t->done_count + flying < SESSION_IDS_MAX
		   && r->interworked_count + t->interworked_count + flying < SESSION_IDS_MAX
		   && r->failed_count + t->failed_count + flying < SESSION_IDS_MAX
		   && r->unsent_count + t->unsent_count < SESSION_IDS_MAX
		   && r->quarantine_count + t->quarantine_count < SESSION_IDS_MAX;
}

#define TAKE_BACK(list)                                         \
	do {                                                        \
		memcpy(report->list + report->list##_count, told->list, \
				told->list##_count * sizeof(told->list[0]));    \
		report->list##_count += told->list##_count;             \
	} while(0)

void session_report_take_back(struct session_report *report, struct session_report *told)
{
	TAKE_BACK(done);
	TAKE_BACK(interworked);
	TAKE_BACK(failed);
	TAKE_BACK(unsent);
	TAKE_BACK(quarantine);
}

void session_report_clear(struct session_report *r)
{
	r->done_count = r->interworked_count = r->failed_count = r->unsent_count = r->quarantine_count =
			0;
}

void session_report_done(struct session *s, const struct store_message *m)
{
	id_keep(&s->report->done[s->report->done_count++], m->id);
}

void session_report_interworked(struct session *s, const struct store_message *m)
{
	id_keep(&s->report->interworked[s->report->interworked_count++], m->id);
}

void session_report_unsent(struct session *s, const struct store_message *m)
{
	id_keep(&s->report->unsent[s->report->unsent_count++], m->id);
}

void session_report_quarantine(struct session *s, const struct store_message *m)
{
	id_keep(&s->report->quarantine[s->report->quarantine_count++], m->id);
}

void session_report_failed(
		struct session *s, const struct store_message *m, int64_t not_before_ms, int status)
{
	struct session_end *end = &s->report->failed[s->report->failed_count++];

	id_keep(&end->id, m->id);
	end->status = status;
	end->not_before_ms = not_before_ms;
}

static size_t ids_list(const struct session_id *ids, size_t n, struct cpm_slice *list)
{
	size_t i;

	for(i = 0; i < n; i++)
		list[i] = id_slice(&ids[i]);
	return n;
}

void session_report_tell(
		const struct session_report *r, struct session_report_lists *lists, struct store_next *next)
{
	size_t i;

	for(i = 0; i < r->failed_count; i++)
		lists->failed[i] = (struct store_failure){
				id_slice(&r->failed[i].id), r->failed[i].not_before_ms, r->failed[i].status};
	next->failed = lists->failed;
	next->failed_count = r->failed_count;
	next->done = lists->done;
	next->done_count = ids_list(r->done, r->done_count, lists->done);
	next->interworked = lists->interworked;
	next->interworked_count = ids_list(r->interworked, r->interworked_count, lists->interworked);
	next->unsent = lists->unsent;
	next->unsent_count = ids_list(r->unsent, r->unsent_count, lists->unsent);
	next->quarantine = lists->quarantine;
	next->quarantine_count = ids_list(r->quarantine, r->quarantine_count, lists->quarantine);
}
