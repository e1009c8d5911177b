/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * From request to job.
 */
#include "deferral.h"

#include <sys/random.h>

#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "../archive/archive.h"
#include "../core/codec/feature.h"
#include "../core/queue/key.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../queue/queue.h"
#include "../queue/storing.h"
#include "draft.h"
#include "form.h"

bool deferral_check_form(struct sip_msg *msg, struct context *c)
{
	const struct request *r = context_request(msg, c);

	if(!r) {
		count(malformed);
		c->reason = "malformed";
		return false;
	}
	return form_check(c, r);
}

/* Random bytes in portions, to spare a system call for each message. */
static bool random_take(unsigned char *out, size_t n)
{
	static unsigned char pool[1024];
	static size_t left;

	if(left < n) {
		if(getrandom(pool, sizeof(pool), 0) != sizeof(pool))
			return false;
		left = sizeof(pool);
	}
	left -= n;
	memcpy(out, pool + left, n);
	return true;
}

static enum store_place place_of(enum cpm_handling handling)
{
	switch(handling) {
		case CPM_HANDLING_PULL:
			return STORE_TO_PULL;
		case CPM_HANDLING_STORE:
			return STORE_TO_STORE;
		default:
			return STORE_TO_PUSH;
	}
}

static char *job_put(char *at, struct cpm_slice *to, struct cpm_slice from)
{
	*to = (struct cpm_slice){at, from.n};
	if(from.n)
		memcpy(at, from.p, from.n);
	return at + from.n;
}

static struct store_job *job_make(const struct cpm_record *rec, struct cpm_slice record,
		struct cpm_slice who, struct cpm_slice body)
{
	struct store_job *job =
			shm_malloc(sizeof(*job) + rec->id.n + rec->aor.n + who.n + record.n + body.n);
	char *at = (char *)(job + 1);

	if(!job)
		return NULL;
	job->head.kind = JOB_STORE;
	job->cause = rec->cause;
	job->place = place_of(rec->handling);
	job->wants = rec->wants;
	job->now_ms = rec->arrived_ms;
	job->expires_ms = rec->expires_ms;
	at = job_put(at, &job->id, rec->id);
	at = job_put(at, &job->aor, rec->aor);
	at = job_put(at, &job->identity, who);
	at = job_put(at, &job->record, record);
	job_put(at, &job->body, body);
	return job;
}

/* large: size of the message that an INVITE announces, NULL for pager mode. */
static struct store_job *job_of_request(
		struct sip_msg *msg, struct context *c, bool storing, const uint64_t *large)
{
	/* Kept between messages to spare its allocation. */
	static struct cpm_buf text;
	const struct request *r = context_request(msg, c);
	struct cpm_diag diag = {0};
	struct draft draft;
	struct cpm_buf id;
	unsigned char bytes[12];
	struct store_job *job;
	enum cpm_rc rc;

	if(!r || !c->user.key.n) {
		c->reason = "malformed";
		return NULL;
	}
	if(large)
		memset(&c->cpim, 0, sizeof(c->cpim));
	else if(!form_check(c, r))
		return NULL;
	if(!text.max)
		cpm_buf_init(&text, settings.limits.max_record_bytes);
	cpm_buf_reset(&text);
	if(!draft_make(&draft, c, r, storing, large) || !random_take(bytes, sizeof(bytes))) {
		c->reason = "too-large";
		return NULL;
	}
	cpm_buf_init_fixed(&id, c->message_id, sizeof(c->message_id) - 1);
	cpm_key_add_id(&id, bytes, cpm_key_shard(draft.record.aor, (unsigned)settings.queue_shards));
	c->message_id[id.n] = '\0';
	draft.record.id = cpm_buf_slice(&id);

	rc = cpm_record_build(&draft.record, &settings.limits, &text, &diag);
	if(rc != CPM_OK) {
		form_refuse_rc(c, rc, &diag);
		return NULL;
	}
	job = job_make(
			&draft.record, cpm_buf_slice(&text), draft.identity, large ? CPM_SLICE_NONE : r->body);
	if(!job)
		c->reason = "busy";
	return job;
}

struct store_job *deferral_job(struct sip_msg *msg, struct context *c, bool storing)
{
	return job_of_request(msg, c, storing, NULL);
}

struct store_job *deferral_of_invite(struct sip_msg *msg, struct context *c, uint64_t size)
{
	return job_of_request(msg, c, c->decided && c->verdict.action == CPM_STORE, &size);
}

/* A system message tells of what waits: kept, it would be told of itself. */
static bool is_system_message(const struct request *r)
{
	size_t i;

	for(i = 0; r && i < r->accept_contact_count; i++) {
		if(cpm_feature_system(r->accept_contact[i]))
			return true;
	}
	return false;
}

int deferral_park(struct sip_msg *msg, struct context *c, struct store_job *job,
		bool (*post)(struct store_job *job))
{
	context_keep(msg, c);
	switch(transaction_park(msg, &job->transaction)) {
		case TRANSACTION_PARKED:
			break;
		case TRANSACTION_ABSORBED:
			shm_free(job);
			return 0;
		case TRANSACTION_FAILED:
			shm_free(job);
			return -2;
	}
	if(post(job))
		return 0;
	transaction_unpark(&job->transaction);
	shm_free(job);
	return -2;
}

static bool hand_over(struct store_job *job)
{
	bool archived = job->place == STORE_TO_STORE && archive_configured();

	if(archived ? storing_post(job) : post_queue(job->aor, job)) {
		count(accepted);
		return true;
	}
	count(store_failures);
	return false;
}

static int begin(struct sip_msg *msg, struct context *c, const str *route, bool storing)
{
	struct transaction_route target;
	struct store_job *job;

	if(!transaction_route_find(route, &target)) {
		LM_ERR("cpm_defer: there is no route[%.*s]\n", route->len, route->s);
		c->reason = "busy";
		return -2;
	}
	if(is_system_message(context_request(msg, c))) {
		c->reason = "system";
		return -1;
	}
	if(!queue_available()) {
		count(store_failures);
		c->reason = "store";
		return -2;
	}
	job = deferral_job(msg, c, storing);
	if(!job)
		return reason_status(c->reason) < 500 ? -1 : -2;
	job->route = target;
	job->stored_status = storing ? 200 : 202;
	if(deferral_park(msg, c, job, hand_over) == 0)
		return 0;
	c->reason = "busy";
	return -2;
}

int deferral_begin(struct sip_msg *msg, struct context *c, const str *route)
{
	return begin(msg, c, route, false);
}

int deferral_begin_store(struct sip_msg *msg, struct context *c, const str *route)
{
	return begin(msg, c, route, archive_configured());
}
