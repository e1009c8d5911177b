/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Moves push sessions by their states: a turn, the documents, the run, the rest.
 */
#include "push.h"

#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../module/wake.h"
#include "flight.h"
#include "judge.h"
#include "run.h"
#include "session.h"
#include "session_report.h"

/* Whoever finds nothing to do for a user leaves him to others; in the end to the next registration. */
#define LOOKS_MAX 10
#define LOOK_MIN_MS 2000

static struct store *store;
static size_t turns; /* sessions that have their turn */
static int64_t swept_ms;

static void session_step(struct session *s, enum cpm_push_event event, int64_t now);

bool push_init(int index, struct store *queue_store)
{
	store = queue_store;
	return run_init(queue_store, session_step) && flights_init(index)
		   && sessions_init((size_t)settings.push_sessions);
}

static void session_check(struct session *s, int64_t now)
{
	struct xdm_waiter waiter = {.kind = WAITER_PUSH};
	struct xdm_entry *entry = NULL;
	enum xdm_state state;

	if(!run_begin(s)) {
		session_step(s, CPM_PUSH_NO_CLIENT, now);
		return;
	}
	if(!session_report_empty(s->report)) {
		/* The store was away when the last run ended: tell it first, then look again. */
		s->run->stopped = true;
		s->run->rest_until_ms = now;
		session_step(s, CPM_PUSH_CLEAR, now);
		return;
	}
	state = s->refresh ? XDM_MISS : xdm_lookup(s->aor, now, &entry);
	if(state == XDM_MISS) {
		if(!xdm_wait(s->aor, &waiter, s->refresh)) {
			s->run->rest_until_ms = now + SESSION_TROUBLE_REST_MS;
			session_step(s, CPM_PUSH_NOT_NOW, now);
			return;
		}
		s->refresh = false;
		session_wake_at(s, now + 2 * settings.xdm_timeout_ms + SESSION_TROUBLE_REST_MS);
		return;
	}
	session_step(s, judge_session(s, state, entry, now), now);
}

void push_answered(uint64_t ticket, int status, int64_t now)
{
	run_answered(ticket, status, now);
}

void push_documents(struct documents_job *job, int64_t now)
{
	struct session *s = session_find(job->aor);

	if(s && s->state == CPM_PUSH_CHECKING) {
		session_wake_clear(s);
		session_step(s, judge_session(s, job->state, job->entry, now), now);
		return;
	}
	xdm_release(&job->entry);
}

static void session_rest(struct session *s, int64_t now)
{
	int64_t until = s->run ? s->run->rest_until_ms : 0;

	turns--;
	/* A run has told the store itself. */
	if(until && !s->run->asked)
		store_push(store, s->aor, until + settings.push_lease_ms, NULL, NULL);
	run_end(s);
	if(!session_report_empty(s->report))
		until = later(until, now + SESSION_TROUBLE_REST_MS);
	session_aim_clear(s);
	s->force = s->registered = false;
	if(until && s->gone_until_ms > now)
		until = later(until, s->gone_until_ms);
	if(s->again) {
		s->again = false;
		s->force = s->again_force;
		s->registered = s->again_registered;
		s->again_force = s->again_registered = false;
		until = now;
	}
	if(until)
		session_wake_at(s, later(until, now));
	else
		session_free(s);
}

static void session_end(struct session *s, int64_t now)
{
	if(s->run)
		s->run->rest_until_ms = 0;
	session_rest(s, now);
}

static void session_step(struct session *s, enum cpm_push_event event, int64_t now)
{
	switch(cpm_push_next(&s->state, event)) {
		case CPM_PUSH_NOTHING:
		case CPM_PUSH_REMEMBER:
			break;
		case CPM_PUSH_QUEUE:
			session_wake_clear(s);
			session_line_up(s);
			break;
		case CPM_PUSH_CHECK:
			turns++;
			session_check(s, now);
			break;
		case CPM_PUSH_FETCH:
			if(!run_start(s, now))
				session_step(s, CPM_PUSH_LATER, now);
			else
				session_wake_at(s, s->run->renew_ms);
			break;
		case CPM_PUSH_REST:
			session_rest(s, now);
			break;
		case CPM_PUSH_END:
			session_end(s, now);
			break;
	}
}

/* Nobody came to push for this user: we do, unless we are about to or know better when. */
static bool ours_already(const struct session *s, int64_t now)
{
	if(!s || s->state != CPM_PUSH_RESTING)
		return s != NULL;
	if(s->wake.at_ms <= now)
		return false;
	store_push(store, s->aor, s->wake.at_ms + settings.push_lease_ms, NULL, NULL);
	return true;
}

void push_trigger(const struct trigger_job *job, int64_t now)
{
	struct session *s = session_find(job->aor);

	if(job->due && ours_already(s, now))
		return;
	if(!s && !(s = session_make(job->aor))) {
		count(push_overflow);
		return;
	}
	if(s->state == CPM_PUSH_RESTING || s->state == CPM_PUSH_READY) {
		session_aim(s, job->contact);
		s->force |= job->force;
		s->registered |= job->registered;
		s->ordered |= job->ordered;
	} else {
		/* The clients of a run are chosen at its start. */
		s->again = true;
		s->again_force |= job->force;
		s->again_registered |= job->registered;
		return;
	}
	if(s->state != CPM_PUSH_RESTING)
		return;
	if(job->not_before_ms > now)
		session_wake_at(s, cpm_alarm_is_set(&s->wake) ? earlier(s->wake.at_ms, job->not_before_ms)
													  : job->not_before_ms);
	else
		session_step(s, CPM_PUSH_TRIGGER, now);
}

int64_t push_stored_ms(struct cpm_slice aor, enum cpm_defer_cause cause, int64_t now)
{
	switch(cause) {
		case CPM_CAUSE_DND:
			return contacts_any(aor) ? now + JUDGE_DND_LOOK_MIN_MS + settings.push_lease_ms : 0;
		case CPM_CAUSE_UNDELIVERED:
			return now + (int64_t)settings.retry_min_s * 1000 + settings.push_lease_ms;
		default:
			return 0;
	}
}

void push_stored(struct cpm_slice aor, enum cpm_defer_cause cause, int64_t now)
{
	struct trigger_job job = {.aor = aor};
	struct session *s = session_find(aor);

	switch(cause) {
		case CPM_CAUSE_OFFLINE:
			/* The client may have registered while the message was on its way to the store. */
			if((!s || s->gone_until_ms <= now) && contacts_any(aor))
				push_trigger(&job, now);
			break;
		case CPM_CAUSE_DND:
			job.not_before_ms = now + JUDGE_DND_LOOK_MIN_MS;
			if(!s && contacts_any(aor))
				push_trigger(&job, now);
			break;
		case CPM_CAUSE_UNDELIVERED:
			job.not_before_ms = now + (int64_t)settings.retry_min_s * 1000;
			if(!s)
				push_trigger(&job, now);
			break;
		default:
			break;
	}
}

void push_due(struct due *d, int64_t now)
{
	bool interwork = d->body.n > 0;

	if(interwork || contacts_any(d->aor))
		post_due(d->aor, interwork);
	/* The one that pushes says when he looks again. */
	if(d->attempts < LOOKS_MAX)
		due_again(d, now + settings.push_lease_ms + ((int64_t)LOOK_MIN_MS << d->attempts));
	else
		due_done(d);
}

/* The documents process never answered. */
static void session_overdue(struct session *s, int64_t now)
{
	s->run->rest_until_ms = now + SESSION_TROUBLE_REST_MS;
	session_step(s, CPM_PUSH_NOT_NOW, now);
}

int64_t push_run(int64_t now)
{
	struct session *s;
	int64_t next;

	while((s = session_due(now, &next))) {
		if(s->state == CPM_PUSH_RUNNING)
			run_tend(s, now);
		else if(s->state == CPM_PUSH_CHECKING)
			session_overdue(s, now);
		else
			session_step(s, CPM_PUSH_TIME, now);
	}
	while(turns - flights_slow() < (size_t)settings.push_parallel && (s = session_step_up()))
		session_step(s, CPM_PUSH_TURN, now);
	if(now - swept_ms > 10000) {
		swept_ms = now;
		flights_sweep(now, run_answered);
	}
	return earlier(next, now + 10000);
}
