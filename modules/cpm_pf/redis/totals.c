/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Operators' questions about the queue as a whole: its sums and its shape.
 */
#include <stdlib.h>

#include "admin.h"
#include "inquiry.h"
#include "script.h"

/* Messages looked at in one step: keeps the server free for others. */
#define SHAPE_STEP 500
#define DOMAIN_MAX 255

/* In the order of the answer of totals.lua, behind its four counts. */
static const char *const sums[] = {"accepted", "delivered", "stored", "forwarded", "interworked",
		"deleted", "expired", "vanished", "reports", "reports_ended"};
#define SUMS (sizeof(sums) / sizeof(sums[0]))
#define COUNTS 4

static bool totals_of_shard(
		struct inquiry *a, unsigned shard, struct admin_totals *totals, const char **error)
{
	struct inquiry_args args;
	redisReply *r;
	uint64_t v[COUNTS + SUMS];

	inquiry_args_init(&args);
	inquiry_arg(&args, "EVAL");
	inquiry_arg(&args, script_text(SCRIPT_TOTALS));
	inquiry_arg(&args, "6");
	for(const char *const *kind = (const char *const[]){"due", "claimed", "quarantine", "tasks",
				"taken", "sums", NULL};
			*kind; kind++)
		inquiry_key(&args, a->config, shard, *kind, CPM_SLICE_NONE);
	for(size_t i = 0; i < SUMS; i++)
		inquiry_arg(&args, sums[i]);
	r = inquiry_ask(a, &args, error);
	if(r && (!call_rows_ok(r, COUNTS + SUMS, 1) || r->elements != COUNTS + SUMS))
		r = inquiry_unknown(r, error);
	if(!r)
		return false;
	for(size_t i = 0; i < COUNTS + SUMS; i++)
		v[i] = (uint64_t)r->element[i]->integer;
	freeReplyObject(r);
	totals->waiting += v[0] + v[1] + v[2];
	totals->claimed += v[1];
	totals->quarantined += v[2];
	totals->tasks += v[3];
	totals->accepted += v[4];
	for(size_t i = 0; i < STORE_OUTCOMES; i++)
		totals->ended[i] += v[COUNTS + 1 + i];
	totals->vanished += v[COUNTS + 1 + STORE_OUTCOMES];
	totals->reports += v[COUNTS + 2 + STORE_OUTCOMES];
	totals->reports_ended += v[COUNTS + 3 + STORE_OUTCOMES];
	return true;
}

bool admin_totals(
		const struct store_config *config, struct admin_totals *totals, const char **error)
{
	struct inquiry a;
	bool ok = inquiry_open(&a, config, error);

	*totals = (struct admin_totals){.waiting = 0};
	for(unsigned i = 0; ok && i < config->shards; i++)
		ok = totals_of_shard(&a, i, totals, error);
	inquiry_close(&a);
	totals->balance =
			(int64_t)totals->accepted - (int64_t)totals->vanished - (int64_t)totals->waiting;
	for(size_t i = 0; i < STORE_OUTCOMES; i++)
		totals->balance -= (int64_t)totals->ended[i];
	return ok;
}

const int64_t admin_age_ms[ADMIN_AGES] = {
		60000, 600000, 3600000, 6 * 3600000, 86400000, 3 * 86400000, INT64_MAX};

struct domain {
	struct admin_shape shape;
	char name[DOMAIN_MAX + 1];
};

struct shape {
	struct domain *domains; /* ADMIN_DOMAINS_MAX and one for all others, which is the last */
	size_t count;
	struct domain **slots;
	uint64_t looked, waiting;
};

#define SLOTS 4096 /* a power of two, well above ADMIN_DOMAINS_MAX */

static struct domain *domain_of(struct shape *s, struct cpm_slice name)
{
	size_t slot = (size_t)cpm_slice_hash(name, 0) & (SLOTS - 1);
	struct domain *d;

	while(s->slots[slot] && !cpm_slice_eq(s->slots[slot]->shape.domain, name))
		slot = (slot + 1) & (SLOTS - 1);
	if(s->slots[slot])
		return s->slots[slot];
	if(s->count == ADMIN_DOMAINS_MAX || name.n > DOMAIN_MAX)
		return &s->domains[ADMIN_DOMAINS_MAX];
	d = s->slots[slot] = &s->domains[s->count++];
	memcpy(d->name, name.p, name.n);
	d->shape.domain = (struct cpm_slice){d->name, name.n};
	return d;
}

#define SHAPE_HEAD 2
#define SHAPE_ROW (1 + ADMIN_AGES)

static void shape_add(struct shape *s, const redisReply *r)
{
	for(size_t i = SHAPE_HEAD; i < r->elements; i += SHAPE_ROW) {
		struct domain *d = domain_of(s, call_slice_of(r->element[i]));

		for(size_t age = 0; age < ADMIN_AGES; age++) {
			uint64_t n = (uint64_t)call_number_of(r->element[i + 1 + age]);
			d->shape.ages[age] += n;
			d->shape.total += n;
		}
	}
}

/* Counts up to most messages of a shard. */
static bool shape_shard(struct inquiry *a, unsigned shard, int64_t now_ms, size_t most,
		struct shape *s, const char **error)
{
	size_t from = 0, looked = 1;

	for(bool first = true; first || (from < most && looked > 0); first = false) {
		struct inquiry_args args;
		redisReply *r;

		inquiry_args_init(&args);
		inquiry_arg(&args, "EVAL");
		inquiry_arg(&args, script_text(SCRIPT_SHAPE));
		inquiry_arg(&args, "1");
		inquiry_key(&args, a->config, shard, "due", CPM_SLICE_NONE);
		inquiry_key(&args, a->config, shard, "", CPM_SLICE_NONE);
		inquiry_number(&args, now_ms);
		inquiry_number(&args, (int64_t)from);
		inquiry_number(&args, (int64_t)(most - from < SHAPE_STEP ? most - from : SHAPE_STEP));
		for(size_t age = 0; age + 1 < ADMIN_AGES; age++)
			inquiry_number(&args, admin_age_ms[age]);
		r = inquiry_ask(a, &args, error);
		if(r && !call_rows_ok(r, SHAPE_HEAD, SHAPE_ROW))
			r = inquiry_unknown(r, error);
		if(!r)
			return false;
		if(first)
			s->waiting += (uint64_t)r->element[0]->integer;
		looked = (size_t)r->element[1]->integer;
		shape_add(s, r);
		freeReplyObject(r);
		from += looked;
	}
	s->looked += from;
	return true;
}

static int by_total(const void *a, const void *b)
{
	const struct domain *x = a, *y = b;

	return (x->shape.total < y->shape.total) - (x->shape.total > y->shape.total);
}

static bool shape_all(const struct store_config *config, int64_t now_ms, size_t limit,
		struct shape *s, const char **error)
{
	struct inquiry a;
	bool ok = inquiry_open(&a, config, error);

	for(unsigned i = 0; ok && i < config->shards; i++) {
		/* what one shard leaves over is for the others */
		size_t left = limit > s->looked ? limit - (size_t)s->looked : 0;
		ok = shape_shard(&a, i, now_ms, left / (config->shards - i), s, error);
	}
	inquiry_close(&a);
	return ok;
}

bool admin_shape(const struct store_config *config, int64_t now_ms, size_t limit,
		void (*each)(void *context, const struct admin_shape *shape), void *context,
		uint64_t *looked, uint64_t *waiting, const char **error)
{
	struct shape s = {.count = 0};
	bool ok;

	*error = "out of memory";
	s.domains = calloc(ADMIN_DOMAINS_MAX + 1, sizeof(*s.domains));
	s.slots = calloc(SLOTS, sizeof(*s.slots));
	ok = s.domains && s.slots && shape_all(config, now_ms, limit, &s, error);
	if(ok) {
		qsort(s.domains, s.count, sizeof(*s.domains), by_total);
		for(size_t i = 0; i < s.count; i++) {
			/* the name moved with its place */
			s.domains[i].shape.domain.p = s.domains[i].name;
			each(context, &s.domains[i].shape);
		}
		if(s.domains[ADMIN_DOMAINS_MAX].shape.total)
			each(context, &s.domains[ADMIN_DOMAINS_MAX].shape);
	}
	*looked = s.looked;
	*waiting = s.waiting;
	free(s.domains);
	free(s.slots);
	return ok;
}
