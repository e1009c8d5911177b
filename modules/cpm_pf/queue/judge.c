/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Decides with the user's documents and the registered clients.
 */
#include "judge.h"

#include "../archive/archive.h"
#include "../core/codec/cpim.h"
#include "../module/settings.h"
#include "changes.h"

const struct cpm_documents *judge_documents(const struct session_run *run)
{
	return run->entry ? xdm_documents(run->entry) : &cpm_documents_none;
}

const struct contact *judge_client_for_large(const struct session_run *run)
{
	size_t i, n = run->contacts.count;

	for(i = 0; i < n; i++) {
		size_t at = (run->contact + i) % n;

		if(run->suitable[at]
				&& cpm_decide_client(
						judge_documents(run), run->contacts.items[at].instance, CPM_MEDIUM_LARGE))
			return &run->contacts.items[at];
	}
	return NULL;
}

static bool client_suits(
		const struct session *s, const struct contact *c, const struct cpm_documents *d)
{
	return contact_takes_messages(c) && session_aims_at(s, c->uri)
		   && cpm_decide_client(d, c->instance, CPM_MEDIUM_DEFERRED)
		   && cpm_decide_client(d, c->instance, CPM_MEDIUM_PAGER);
}

/* Picks the clients that may have the messages; false when there is none. */
static bool clients_choose(struct session *s, const struct cpm_documents *d)
{
	struct session_run *run = s->run;
	bool any = false;
	size_t i;

	if(!contacts_load(s->aor, &run->contacts))
		return false;
	for(i = run->contacts.count; i-- > 0;) {
		run->suitable[i] = client_suits(s, &run->contacts.items[i], d);
		if(run->suitable[i]) {
			run->contact = i;
			any = true;
		}
	}
	return any;
}

bool judge_next_client(struct session_run *run)
{
	size_t i;

	for(i = run->contact + 1; i < run->contacts.count; i++) {
		if(run->suitable[i]) {
			run->contact = i;
			return true;
		}
	}
	return false;
}

enum cpm_push_event judge_session(
		struct session *s, enum xdm_state state, struct xdm_entry *entry, int64_t now)
{
	struct cpm_facts facts = {.medium = CPM_MEDIUM_DEFERRED, .now_ms = now};
	const struct cpm_documents *d;
	bool orders = s->force || s->ordered; /* there may be some */
	int64_t until;

	s->ordered = false;
	s->run->entry = entry;
	d = judge_documents(s->run);
	if(state == XDM_FAILED && settings.xdm_fail != XDM_FAIL_OPEN) {
		s->run->rest_until_ms = now + SESSION_TROUBLE_REST_MS;
		return CPM_PUSH_NOT_NOW;
	}
	s->run->reachable = clients_choose(s, d);
	if(cpm_decide_dnd(d, &facts, NULL, &until)) {
		s->refresh = true;
		changes_watch(s->aor, now);
		s->run->ordered_only = true;
		s->run->rest_until_ms =
				later(earlier(until, now + settings.xdm_max_age_ms), now + JUDGE_DND_LOOK_MIN_MS);
		if(orders)
			return CPM_PUSH_CLEAR;
		return contacts_any(s->aor) ? CPM_PUSH_NOT_NOW : CPM_PUSH_NO_CLIENT;
	}
	/* What the user ordered for the ISF needs no client. */
	s->run->ordered_only = !s->run->reachable;
	return s->run->reachable || orders ? CPM_PUSH_CLEAR : CPM_PUSH_NO_CLIENT;
}

bool judge_unwelcome(
		const struct session *s, const struct cpm_record *r, int64_t now, int64_t *until)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_facts facts = {
			.medium = CPM_MEDIUM_DEFERRED, .anonymous = r->anonymous, .now_ms = now};

	if(cpm_uri_canon(r->originator, memory, sizeof(memory), &facts.originators[0]) == CPM_OK)
		facts.originator_count = 1;
	if(!cpm_decide_dnd(judge_documents(s->run), &facts, NULL, until))
		return false;
	*until = later(earlier(*until, now + settings.xdm_max_age_ms), now + JUDGE_DND_LOOK_MIN_MS);
	return true;
}

bool judge_history(const struct session *s, const struct store_message *m,
		const struct cpm_record *r, int64_t now)
{
	enum cpm_medium media[] = {
			r->kind == CPM_RECORD_LARGE ? CPM_MEDIUM_LARGE : CPM_MEDIUM_PAGER, CPM_MEDIUM_DEFERRED};
	char memory[CPM_URI_KEY_MAX];
	struct cpm_facts facts = {.anonymous = r->anonymous, .now_ms = now};
	struct cpm_verdict verdict;
	struct cpm_cpim cpim;
	bool wanted = false;
	size_t i;

	if(!archive_configured())
		return false;
	if(cpm_uri_canon(r->originator, memory, sizeof(memory), &facts.originators[0]) == CPM_OK)
		facts.originator_count = 1;
	for(i = 0; i < 2 && !wanted; i++) {
		facts.medium = media[i];
		cpm_decide(judge_documents(s->run), &facts, &verdict);
		wanted = verdict.record_history;
	}
	return wanted
		   && (cpm_cpim_find(m->body, r->content_type, &settings.limits, &cpim, NULL) != CPM_OK
				   || !cpm_cpim_is_imdn(&cpim));
}
