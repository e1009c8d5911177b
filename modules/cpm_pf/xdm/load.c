/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Loads of users' documents.
 */
#include "load.h"

#include <stdlib.h>

#include "../../core/dprint.h"
#include "../core/codec/number.h"
#include "../core/codec/uri.h"

#include "fetch.h"
#include "url.h"

#define REPORT_INTERVAL_MS 10000

enum load_state {
	LOAD_IDLE,
	LOAD_CONFIRMING, /* are the documents of the copy current? */
	LOAD_FETCHING,
	LOAD_COMPILING,
	LOAD_ENDED,
};

enum load_event {
	LOAD_WAIT, /* for GETs; not an event */
	LOAD_WANTED,
	LOAD_KNOWN, /* wanted, and there is a copy */
	LOAD_SAME,  /* nothing has changed */
	LOAD_CHANGED,
	LOAD_ANSWERED, /* every document that is needed is at hand */
	LOAD_LINKED,   /* links lead to documents that are not at hand */
	LOAD_COMPILED,
	LOAD_REPEAT, /* the copy was called out of date while it was confirmed or made */
	LOAD_FAILED,
	LOAD_OVER,
};

enum part_state {
	PART_UNKNOWN,
	PART_ASKED,
	PART_SAME, /* as in the copy, body not at hand */
	PART_HERE,
	PART_ABSENT,
};

struct part {
	struct part *next;
	struct load *load;
	enum part_state state;
	bool own;         /* one of the user's own documents, not one linked to */
	bool needed;      /* by what is compiled now */
	bool existed;     /* when the copy was made */
	struct fetch get; /* its body and etag are the part's */
	char url[];
};

struct load {
	struct user *user;
	struct xdm_entry *copy; /* a reference; NULL when there is none */
	struct process_job *jobs, **last_job;
	enum load_state state;
	struct part *own[URL_DOCUMENTS];
	struct part *parts, **last_part; /* the user's own first, then linked ones */
	size_t count;
	size_t open;   /* GETs that are not answered */
	size_t rounds; /* of GETs */
	bool repeated;
	int64_t began_ms, deadline_ms, now_ms;
	unsigned long invalidations; /* when it began */
	struct cpm_arena arena;
	const struct cpm_documents *documents;
	enum xdm_failure failure;
	const char *detail;
	long status;
};

struct transition {
	enum load_state state;
	enum load_event event;
	enum load_event (*act)(struct load *l);
	enum load_state next;
};

static const struct xdm_config *config;
static load_ended tell;
static int64_t report_at_ms; /* before that failures are only counted */
static unsigned long unsaid;

static void load_run(struct load *l, enum load_event event);

void load_init(const struct xdm_config *c, load_ended ended)
{
	config = c;
	tell = ended;
	report_at_ms = 0;
	unsaid = 0;
}

/* A user as log lines show him: NUL-terminated, until the next call. */
static const char *shown(struct cpm_slice aor)
{
	static char text[CPM_URI_KEY_MAX + 1];

	aor = cpm_slice_head(aor, CPM_URI_KEY_MAX);
	cpm_number_hide(aor, config->log_hide_digits, text);
	text[aor.n] = '\0';
	return text;
}

void load_report(struct cpm_slice aor, enum xdm_failure failure, const char *detail, long status,
		int64_t now_ms)
{
	cache_count(&cache_counters()->failed[failure]);
	LM_DBG("documents of %s: %s\n", shown(aor), xdm_failure_name(failure));
	if(now_ms < report_at_ms && report_at_ms - now_ms <= REPORT_INTERVAL_MS) {
		unsaid++;
		return;
	}
	LM_WARN("documents of a user cannot be had from %s: %s, status %ld%s%s; "
			"%lu more since the last such line\n",
			config->root, xdm_failure_name(failure), status, detail ? ", " : "",
			detail ? detail : "", unsaid);
	report_at_ms = now_ms + REPORT_INTERVAL_MS;
	unsaid = 0;
}

static enum load_event fail(struct load *l, enum xdm_failure failure, const char *detail)
{
	l->failure = failure;
	l->detail = detail;
	return LOAD_FAILED;
}

static struct part *part_add(struct load *l, struct cpm_slice url)
{
	struct part *p = calloc(1, sizeof(*p) + url.n + 1);

	if(!p)
		return NULL;
	memcpy(p->url, url.p, url.n);
	p->load = l;
	*l->last_part = p;
	l->last_part = &p->next;
	l->count++;
	return p;
}

static struct part *part_find(const struct load *l, struct cpm_slice url)
{
	struct part *p = l->parts;

	while(p && !cpm_slice_eq(cpm_slice_of(p->url), url))
		p = p->next;
	return p;
}

static void part_drop(struct part *p)
{
	cpm_buf_free(&p->get.body);
	cpm_buf_free(&p->get.etag);
}

static void parts_free(struct load *l)
{
	while(l->parts) {
		struct part *p = l->parts;

		l->parts = p->next;
		part_drop(p);
		free(p);
	}
	l->last_part = &l->parts;
	l->count = 0;
}

static bool parts_add_own(struct load *l)
{
	for(int i = 0; i < URL_DOCUMENTS; i++) {
		char memory[URL_MAX];
		struct cpm_buf url;
		struct part *p;

		cpm_buf_init_fixed(&url, memory, sizeof(memory));
		url_add(&url, config, (enum url_document)i, user_aor(l->user));
		p = url.rc ? NULL : part_add(l, cpm_buf_slice(&url));
		if(!p)
			return false;
		p->own = p->needed = true;
		l->own[i] = p;
	}
	return true;
}

/* A document of somebody else's that is refused, or broken, is an empty list to this user.
 * Trouble of the server is not. */
static bool part_is_denied(const struct part *p)
{
	return !p->own && p->get.failure == XDM_STATUS && p->get.status >= 400 && p->get.status < 500;
}

/* A GET has ended. */
static void part_answered(struct fetch *f, int64_t now_ms)
{
	struct part *p = f->owner;
	struct load *l = p->load;

	l->now_ms = now_ms;
	if(f->outcome == FETCH_HERE) {
		p->state = PART_HERE;
	} else if(f->outcome == FETCH_SAME) {
		p->state = PART_SAME;
	} else if(f->outcome == FETCH_ABSENT || part_is_denied(p)) {
		p->state = PART_ABSENT;
	} else {
		p->state = PART_UNKNOWN;
		l->status = f->status;
		fail(l, f->failure, f->detail);
	}
	if(p->state != PART_HERE)
		part_drop(p);
	if(--l->open)
		return;
	load_run(l, l->failure ? LOAD_FAILED : LOAD_ANSWERED);
}

static void part_ask(struct part *p, struct cpm_slice validator)
{
	struct load *l = p->load;

	part_drop(p);
	p->get = (struct fetch){.url = p->url,
			.user = user_aor(l->user),
			.validator = validator,
			.deadline_ms = l->deadline_ms,
			.ahead = l->rounds > 0 || l->repeated,
			.done = part_answered,
			.owner = p};
	p->state = PART_ASKED;
	l->open++;
	fetch_begin(&p->get);
}

/* The copy's documents, each with its validator. */
static enum load_event confirm(struct load *l)
{
	struct part *p = l->parts;

	for(size_t i = 0; i < l->copy->count; i++) {
		const struct entry_part *known = &l->copy->parts[i];

		if(known->url.n)
			p = part_add(l, known->url);
		if(!p)
			return fail(l, XDM_NO_MEMORY, NULL);
		p->existed = known->exists;
		p = p->next;
	}
	p = l->parts;
	for(size_t i = 0; i < l->copy->count; i++, p = p->next)
		part_ask(p, l->copy->parts[i].etag);
	l->rounds++;
	return LOAD_WAIT;
}

static enum load_event compare(struct load *l)
{
	for(const struct part *p = l->parts; p; p = p->next)
		if(p->state != PART_SAME && !(p->state == PART_ABSENT && !p->existed))
			return LOAD_CHANGED;
	return LOAD_SAME;
}

/* What is needed and not at hand. */
static enum load_event fetch(struct load *l)
{
	for(struct part *p = l->parts; p; p = p->next)
		if(p->needed && p->state != PART_HERE && p->state != PART_ABSENT)
			part_ask(p, CPM_SLICE_NONE);
	l->rounds++;
	return l->open ? LOAD_WAIT : LOAD_ANSWERED;
}

/* Room for confirming, for one round a level of links, and for looking again after a linked
 * document proved broken. */
static bool may_go_on(const struct load *l)
{
	return l->rounds <= 3 + config->limits->max_list_depth + l->count;
}

static enum load_event need_linked(struct load *l, const struct cpm_missing *missing)
{
	bool more = false;

	for(size_t i = 0; i < missing->count; i++) {
		struct part *p = part_find(l, missing->urls[i]);

		if(!p && l->count < URL_DOCUMENTS + 2 * config->limits->max_linked_documents) {
			p = part_add(l, missing->urls[i]);
			if(!p)
				return fail(l, XDM_NO_MEMORY, NULL);
		}
		if(!p || p->needed)
			continue;
		p->needed = more = true;
	}
	return more && may_go_on(l) ? LOAD_LINKED : LOAD_COMPILED;
}

static enum load_event refuse(
		struct load *l, enum cpm_rc rc, struct part *culprit, const struct cpm_diag *diag)
{
	if(rc == CPM_NOMEM)
		return fail(l, XDM_NO_MEMORY, diag->reason);
	if(culprit && !culprit->own && may_go_on(l)) {
		culprit->state = PART_ABSENT;
		part_drop(culprit);
		return LOAD_LINKED;
	}
	return fail(l, rc == CPM_LIMIT ? XDM_TOO_LARGE : XDM_UNPARSABLE, diag->reason);
}

static size_t arena_max(void)
{
	size_t max = config->limits->max_document_memory;

	return max < config->cache_bytes ? max : config->cache_bytes;
}

/* The needed parts go first, so that the compiler's index of one is the list's. */
static enum load_event compile_parts(struct load *l, struct cpm_document *documents)
{
	struct cpm_documents_source source = {.xcap_root = cpm_slice_of(config->root),
			.lists_url = cpm_slice_of(l->own[URL_LISTS]->url),
			.policy_url = cpm_slice_of(l->own[URL_POLICY]->url),
			.profile_url = cpm_slice_of(l->own[URL_PROFILE]->url),
			.documents = documents};
	struct cpm_diag diag = {0};
	struct cpm_missing missing;
	size_t warnings, culprit;
	enum load_event event;
	enum cpm_rc rc;

	for(struct part *p = l->parts; p; p = p->next)
		if(p->needed)
			documents[source.count++] = (struct cpm_document){.url = cpm_slice_of(p->url),
					.body = cpm_buf_slice(&p->get.body),
					.exists = p->state == PART_HERE};
	cpm_arena_init(&l->arena, &cache_allocator, arena_max());
	rc = cpm_documents_compile(&source, config->limits, &l->arena, &l->documents, &missing,
			&warnings, &culprit, &diag);
	if(rc == CPM_NOMEM && l->arena.max - l->arena.used < l->arena.max / 8)
		rc = CPM_LIMIT;
	if(rc)
		event = refuse(
				l, rc, culprit < source.count ? part_find(l, documents[culprit].url) : NULL, &diag);
	else
		event = need_linked(l, &missing);
	if(event != LOAD_COMPILED)
		cpm_arena_free(&l->arena);
	else if(warnings)
		LM_DBG("documents of %s: %zu parts of them mean nothing\n",
				shown((struct cpm_slice){l->user->aor, l->user->aor_n}), warnings);
	return event;
}

static enum load_event compile(struct load *l)
{
	struct cpm_document *documents;
	enum load_event event;
	size_t absent = 0;

	for(size_t i = 0; i < URL_DOCUMENTS; i++)
		absent += l->own[i]->state == PART_ABSENT;
	if(absent == URL_DOCUMENTS) {
		cpm_arena_init(&l->arena, &cache_allocator, 0);
		l->documents = &cpm_documents_none;
		return LOAD_COMPILED;
	}
	documents = calloc(l->count, sizeof(*documents));
	if(!documents)
		return fail(l, XDM_NO_MEMORY, NULL);
	event = compile_parts(l, documents);
	free(documents);
	return event;
}

/* Invalidated while it was asked for: what came may be older than what the caller of that knew.
 * Once, or it might never end. */
static enum load_event ended_well(struct load *l)
{
	return !l->repeated && cache_invalidations(l->user) != l->invalidations ? LOAD_REPEAT
																			: LOAD_OVER;
}

static enum load_event renew(struct load *l)
{
	cache_renew(l->user, l->began_ms, l->invalidations);
	return ended_well(l);
}

static enum load_event publish(struct load *l)
{
	struct entry_part *parts = calloc(l->count, sizeof(*parts));
	struct xdm_entry *e = NULL;
	size_t count = 0;

	for(const struct part *p = l->parts; p && parts; p = p->next)
		if(p->needed)
			parts[count++] = (struct entry_part){
					.url = p->own ? CPM_SLICE_NONE : cpm_slice_of(p->url),
					.etag = p->state == PART_HERE ? cpm_buf_slice(&p->get.etag) : CPM_SLICE_NONE,
					.bytes = p->state == PART_HERE ? p->get.body.n : 0,
					.exists = p->state == PART_HERE};
	if(parts)
		e = entry_new(&cache_allocator, parts, count, l->documents, &l->arena);
	free(parts);
	if(!e) {
		cpm_arena_free(&l->arena);
		return fail(l, XDM_NO_MEMORY, NULL);
	}
	cache_publish(l->user, e, l->began_ms, l->invalidations);
	return ended_well(l);
}

static enum load_event give_up(struct load *l)
{
	cache_fail(l->user, l->now_ms);
	load_report(user_aor(l->user), l->failure, l->detail, l->status, l->now_ms);
	return LOAD_OVER;
}

static void copy_hold(struct load *l)
{
	entry_release(&l->copy);
	l->copy = entry_hold(l->user->entry);
	l->invalidations = cache_invalidations(l->user);
	l->began_ms = l->now_ms;
}

static enum load_event prepare(struct load *l)
{
	parts_free(l);
	copy_hold(l);
	l->rounds = 0;
	if(!parts_add_own(l))
		return fail(l, XDM_NO_MEMORY, NULL);
	return l->copy ? LOAD_KNOWN : LOAD_WANTED;
}

static enum load_event repeat(struct load *l)
{
	l->repeated = true;
	return prepare(l);
}

/* clang-format off */
static const struct transition transitions[] = {
	{LOAD_IDLE,       LOAD_KNOWN,    confirm, LOAD_CONFIRMING},
	{LOAD_IDLE,       LOAD_WANTED,   fetch,   LOAD_FETCHING},
	{LOAD_IDLE,       LOAD_FAILED,   give_up, LOAD_ENDED},
	{LOAD_CONFIRMING, LOAD_ANSWERED, compare, LOAD_CONFIRMING},
	{LOAD_CONFIRMING, LOAD_SAME,     renew,   LOAD_ENDED},
	{LOAD_CONFIRMING, LOAD_CHANGED,  fetch,   LOAD_FETCHING},
	{LOAD_CONFIRMING, LOAD_FAILED,   give_up, LOAD_ENDED},
	{LOAD_FETCHING,   LOAD_ANSWERED, compile, LOAD_COMPILING},
	{LOAD_FETCHING,   LOAD_FAILED,   give_up, LOAD_ENDED},
	{LOAD_COMPILING,  LOAD_LINKED,   fetch,   LOAD_FETCHING},
	{LOAD_COMPILING,  LOAD_COMPILED, publish, LOAD_ENDED},
	{LOAD_COMPILING,  LOAD_FAILED,   give_up, LOAD_ENDED},
	{LOAD_ENDED,      LOAD_REPEAT,   repeat,  LOAD_IDLE},
	{LOAD_ENDED,      LOAD_FAILED,   give_up, LOAD_ENDED},
};
/* clang-format on */

static const struct transition *transition_find(enum load_state state, enum load_event event)
{
	for(size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++)
		if(transitions[i].state == state && transitions[i].event == event)
			return &transitions[i];
	return NULL;
}

static void load_end(struct load *l)
{
	struct process_job *jobs = l->jobs;

	l->user->load = NULL;
	entry_release(&l->copy);
	parts_free(l);
	free(l);
	tell(jobs);
}

static void load_run(struct load *l, enum load_event event)
{
	while(event != LOAD_WAIT && event != LOAD_OVER) {
		const struct transition *t = transition_find(l->state, event);

		if(!t) {
			LM_BUG("a load in state %d got event %d\n", (int)l->state, (int)event);
			fail(l, XDM_BROKEN, NULL);
			event = give_up(l);
			break;
		}
		l->state = t->next;
		event = t->act(l);
	}
	if(event == LOAD_OVER)
		load_end(l);
}

static void join(struct load *l, struct process_job *job)
{
	job->next = NULL;
	*l->last_job = job;
	l->last_job = &job->next;
}

bool load_begin(struct user *u, struct process_job *job, int64_t now_ms)
{
	struct load *l = u->load;

	if(l) {
		join(l, job);
		return true;
	}
	l = calloc(1, sizeof(*l));
	if(!l)
		return false;
	l->user = u;
	l->last_job = &l->jobs;
	l->last_part = &l->parts;
	l->now_ms = now_ms;
	l->deadline_ms = now_ms + config->timeout_ms;
	u->load = l;
	join(l, job);
	load_run(l, prepare(l));
	return true;
}
