/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The store processes: make objects of messages, keep the client of the message
 * store going, and send results to the queue processes.
 */
#include "archive.h"

#include <stdatomic.h>
#include <time.h>

#include "../../core/cfg/cfg_struct.h"
#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "../core/codec/object.h"
#include "../core/codec/uri.h"
#include "../module/context.h"
#include "../module/logged.h"
#include "../module/outcome.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"

#define ARCHIVE_TURN_JOBS 256
#define LOGIN_MAX 512
#define TURN_MS 1000
#define STORE_FDS_MAX 16
/* A rest after a turn: a part of what a job takes, when so many calls are under way that the message store has enough to do meanwhile
 * (doc/adr/0048). */
#define REST_CALLS 12
#define REST_PART 16
#define REST_MAX_US 1000
/* What archive_rekey adds to a key. */
#define ARCHIVE_KEY_MORE 2

struct archive_shared {
	atomic_ulong pending, connections, latency_max_ms;
	char state[32];
};

static struct archive_shared *shared; /* one each process */
static atomic_size_t *in_flight;      /* octets of the jobs that are not freed yet */
static int self;
static struct mailbox *mailbox;
static struct imap *imap;
/* For marks alone. */
static struct store *store;
static struct store_config store_config;
static size_t awaited; /* jobs that wait for nothing but their mark */
static bool watched;
static int64_t job_us; /* what a job takes, on average */
/* Results that a full queue process could not take yet. */
static struct archive_job **waiting;
static size_t waiting_count;

bool archive_configured(void)
{
	return settings.store_url[0] != '\0';
}

bool archive_init(void)
{
	int i;

	if(!archive_configured())
		return true;
	shared = shm_mallocxz((size_t)settings.store_workers * sizeof(*shared));
	in_flight = shm_mallocxz(sizeof(*in_flight));
	if(!shared || !in_flight)
		return false;
	for(i = 0; i < settings.store_workers; i++)
		strcpy(shared[i].state, "connected");
	return post_init(POST_STORE, settings.store_workers, (size_t)settings.store_max_pending);
}

const char *archive_state(void)
{
	int i;

	if(!archive_configured())
		return "none";
	for(i = 0; i < settings.store_workers; i++) {
		if(strcmp(shared[i].state, "connected") != 0)
			return shared[i].state;
	}
	return "connected";
}

void archive_gauges(struct archive_gauges *out)
{
	int i;

	memset(out, 0, sizeof(*out));
	if(archive_configured())
		out->octets = atomic_load(in_flight);
	for(i = 0; archive_configured() && i < settings.store_workers; i++) {
		unsigned long longest = atomic_exchange(&shared[i].latency_max_ms, 0);

		out->pending += atomic_load(&shared[i].pending);
		out->connections += atomic_load(&shared[i].connections);
		if(longest > out->latency_max_ms)
			out->latency_max_ms = longest;
	}
}

static char *text_put(char *at, struct cpm_slice *to, struct cpm_slice from)
{
	*to = (struct cpm_slice){at, from.n};
	if(from.n && from.p)
		memcpy(at, from.p, from.n);
	return at + from.n;
}

static bool octets_take(size_t n)
{
	size_t before;

	if(!archive_configured())
		return false;
	before = atomic_fetch_add(in_flight, n);
	if(!n
			|| (n <= (size_t)settings.store_max_bytes_in_flight
					&& before <= (size_t)settings.store_max_bytes_in_flight - n))
		return true;
	atomic_fetch_sub(in_flight, n);
	count(imap_overflow);
	return false;
}

struct archive_job *archive_job_make(enum archive_task task, struct cpm_slice aor,
		struct cpm_slice id, const char *suffix, struct cpm_slice record, struct cpm_slice body,
		bool copy)
{
	char key[256];
	struct archive_job *job;
	char *at;
	struct cpm_buf b;

	cpm_buf_init_fixed(&b, key, sizeof(key));
	if(cpm_object_add_key(&b, id, suffix, aor) != CPM_OK || !octets_take(record.n + body.n))
		return NULL;
	job = shm_malloc(
			sizeof(*job) + b.n + ARCHIVE_KEY_MORE + (copy ? aor.n + record.n + body.n : 0));
	if(!job) {
		atomic_fetch_sub(in_flight, record.n + body.n);
		return NULL;
	}
	memset(job, 0, sizeof(*job));
	job->octets = record.n + body.n;
	job->command.head.kind = JOB_COMMAND;
	job->back = POST_QUEUE;
	job->process = post_process_of(POST_QUEUE, aor);
	job->task = task;
	job->begun_ms = now_ms();
	at = text_put(job->text, &job->key, cpm_buf_slice(&b)) + ARCHIVE_KEY_MORE;
	job->aor = aor;
	job->record = record;
	job->body = body;
	if(copy) {
		at = text_put(at, &job->aor, aor);
		at = text_put(at, &job->record, record);
		text_put(at, &job->body, body);
	}
	return job;
}

void archive_job_free(struct archive_job *job)
{
	atomic_fetch_sub(in_flight, job->octets);
	shm_free(job);
}

void archive_rekey(struct archive_job *job)
{
	size_t at = cpm_slice_find(job->key, '@');
	char *host = (char *)job->key.p + at;

	memmove(host + ARCHIVE_KEY_MORE, host, job->key.n - at);
	memcpy(host, ".2", ARCHIVE_KEY_MORE);
	job->key.n += ARCHIVE_KEY_MORE;
	/* The mark is its own already. */
	job->identity = CPM_SLICE_NONE;
	job->second = true;
}

bool archive_post(struct archive_job *job)
{
	int process = post_process_of(POST_STORE, job->aor);

	if(!archive_configured())
		return false;
	if(atomic_fetch_add(&shared[process].pending, 1) < (unsigned long)settings.store_max_pending
			&& post_to(POST_STORE, process, job))
		return true;
	atomic_fetch_sub(&shared[process].pending, 1);
	count(imap_overflow);
	return false;
}

static bool result_post(struct archive_job *job)
{
	return post_to(job->back, job->process, job);
}

/* What cannot be settled here goes to the queue process; what that cannot take now is tried again with the next turn. */
static void job_back(struct archive_job *job)
{
	unsigned long latency = (unsigned long)(now_ms() - job->begun_ms);

	job->ended = true;
	if(job->marking) {
		awaited++;
		return;
	}
	if(latency > atomic_load(&shared[self].latency_max_ms))
		atomic_store(&shared[self].latency_max_ms, latency);
	update_stat(stat_imap_latency_ms, (int)latency);
	job_us += ((int64_t)latency * 1000 - job_us) / REST_PART;
	switch(job->rc) {
		case IMAP_OK:
		case IMAP_ABSENT:
			count(imap_done);
			break;
		case IMAP_REFUSED:
			count(imap_refused);
			break;
		case IMAP_DOWN:
			count(imap_down);
			break;
		case IMAP_UNSURE:
			count(imap_unsure);
			break;
	}
	if(job->found)
		count(imap_found);
	if((job->settle && job->settle(job)) || result_post(job))
		atomic_fetch_sub(&shared[self].pending, 1);
	else
		waiting[waiting_count++] = job;
}

static void job_fail(struct archive_job *job, enum imap_rc rc, const char *reason)
{
	job->rc = rc;
	job->reason = reason;
	job_back(job);
}

static void waiting_flush(void)
{
	size_t i, left = 0;

	for(i = 0; i < waiting_count; i++) {
		if(result_post(waiting[i]))
			atomic_fetch_sub(&shared[self].pending, 1);
		else
			waiting[left++] = waiting[i];
	}
	waiting_count = left;
}

static void on_answer(void *context, const struct imap_result *result)
{
	struct archive_job *job = context;

	job->rc = result->rc;
	job->reason = result->reason;
	job->found = result->found;
	if(result->rc == IMAP_OK && job->task != ARCHIVE_REMOVE) {
		job->uid = result->uid;
		job->uidvalidity = result->uidvalidity;
	}
	if(result->rc == IMAP_REFUSED)
		LM_DBG("message store: %.*s\n", USER_FMT(result->detail));
	job_back(job);
}

/* What the templates are filled with; memory holds the unescaped user part. */
static void values_fill(struct cpm_folder_values *v, struct cpm_slice aor,
		const struct cpm_record *r, struct cpm_buf *memory)
{
	struct cpm_uri uri;

	*v = (struct cpm_folder_values){.aor = aor, .domain = cpm_slice_of(settings.hostname)};
	if(cpm_uri_parse(aor, &uri, NULL) == CPM_OK) {
		cpm_uri_add_unescaped(memory, uri.user);
		v->user = cpm_buf_slice(memory);
		if(uri.host.n)
			v->domain = uri.host;
	}
	if(!r)
		return;
	v->conv = r->conversation_id;
	v->contrib = r->contribution_id;
	v->peer = r->anonymous      ? CPM_SLICE("anonymous")
			  : r->originator.n ? r->originator
								: CPM_SLICE("unknown");
}

/* A session without a Contribution-ID has no folder of its own. */
static struct cpm_slice folder_template(const struct cpm_record *r)
{
	return cpm_slice_of(r->kind == CPM_RECORD_SESSION && r->contribution_id.n
								? settings.session_folder
								: settings.store_folder);
}

static bool login_make(const struct cpm_folder_values *v, struct cpm_buf *login)
{
	return cpm_folder_add_login(login, cpm_slice_of(settings.store_user), v) == CPM_OK;
}

static enum cpm_rc object_make(
		const struct archive_job *job, const struct cpm_record *r, struct cpm_buf *out)
{
	static struct cpm_buf stripped;
	struct cpm_object o = {.key = job->key,
			.from = r->from,
			.to = r->to,
			.date = r->date,
			.subject = r->subject,
			.conversation_id = r->conversation_id,
			.contribution_id = r->contribution_id,
			.in_reply_to = r->in_reply_to,
			.accept_contact = r->accept_contact,
			.imdn_id = r->imdn_id,
			.content_type = r->content_type,
			.content_disposition = r->content_disposition,
			.body = job->body,
			.sent = r->sent};
	struct cpm_diag diag = {0};
	enum cpm_rc rc;

	if(!stripped.max)
		cpm_buf_init(&stripped, (size_t)settings.store_max_object_bytes);
	cpm_buf_reset(&stripped);
	if(job->task == ARCHIVE_STORE) {
		rc = cpm_object_strip(job->body, r->content_type, &settings.limits, &stripped, &diag);
		if(rc == CPM_LIMIT || rc == CPM_NOMEM)
			return rc;
		if(rc == CPM_OK)
			o.body = cpm_buf_slice(&stripped);
		else
			outcome_unstripped(r->id, r->aor, diag.reason);
	}
	return cpm_object_build(&o, out);
}

static void find_begin(
		struct archive_job *job, struct cpm_slice login, struct cpm_slice key, int64_t now)
{
	struct imap_find f = {.user = login, .folder = archive_folder(job), .key = key};

	if(!imap_find(imap, &f, now, on_answer, job))
		job_fail(job, IMAP_DOWN, imap_available(imap) ? "busy" : "away");
}

static void on_marked(void *context, enum store_rc rc, struct cpm_slice id, int64_t since_ms)
{
	struct archive_job *job = context;

	job->marking = false;
	/* Trouble with a recording stops nothing, nor does trouble with its mark. */
	if(rc == STORE_DOWN && job->task == ARCHIVE_RECORD)
		rc = STORE_OK;
	job->marked = id.n > sizeof(job->first) ? STORE_DOWN : rc;
	job->marked_ms = since_ms;
	job->first_n = job->marked == STORE_DOWN ? 0 : id.n;
	memcpy(job->first, id.p, job->first_n);
	if(!job->ended)
		return;
	awaited--;
	job_back(job);
}

/* Beside the append; both are waited for. */
static bool mark_begin(struct archive_job *job, struct cpm_slice id, int64_t now)
{
	struct store_mark mark = {.id = id,
			.aor = job->aor,
			.identity = job->identity,
			.history = job->task == ARCHIVE_RECORD,
			.now_ms = now,
			.ttl_ms = (int64_t)settings.dedup_window_s * 1000};

	job->marking = store_mark(store, &mark, on_marked, job);
	job->marked = STORE_DOWN;
	if(!job->marking && job->task == ARCHIVE_RECORD)
		job->marked = STORE_OK;
	return job->marking || job->marked == STORE_OK;
}

static void append_begin(struct archive_job *job, int64_t now)
{
	static struct cpm_buf object;
	char login_text[LOGIN_MAX], user_text[LOGIN_MAX], key_text[260];
	struct cpm_buf login, user, folder, key;
	struct cpm_folder_values values;
	struct cpm_record r;
	struct imap_append a = {.again = job->again};

	if(cpm_record_parse(job->record, &r, NULL) != CPM_OK) {
		job_fail(job, IMAP_REFUSED, "record");
		return;
	}
	if(!object.max)
		cpm_buf_init(&object, (size_t)settings.store_max_object_bytes);
	cpm_buf_reset(&object);
	cpm_buf_init_fixed(&login, login_text, sizeof(login_text));
	cpm_buf_init_fixed(&user, user_text, sizeof(user_text));
	cpm_buf_init_fixed(&folder, job->folder, sizeof(job->folder));
	cpm_buf_init_fixed(&key, key_text, sizeof(key_text));
	values_fill(&values, job->aor, &r, &user);
	if(!login_make(&values, &login)
			|| cpm_folder_add(&folder, folder_template(&r), cpm_slice_of(settings.store_delimiters),
					   &values)
					   != CPM_OK
			|| cpm_object_add_message_id(&key, job->key) != CPM_OK) {
		job_fail(job, IMAP_REFUSED, "name");
		return;
	}
	job->folder_n = folder.n;
	if(job->task == ARCHIVE_FIND) {
		find_begin(job, cpm_buf_slice(&login), cpm_buf_slice(&key), now);
		return;
	}
	switch(object_make(job, &r, &object)) {
		case CPM_OK:
			break;
		case CPM_LIMIT:
			job_fail(job, IMAP_REFUSED, "too-large");
			return;
		default:
			job_fail(job, IMAP_DOWN, "busy");
			return;
	}
	if(job->identity.n && !mark_begin(job, r.id, now)) {
		job_fail(job, IMAP_DOWN, "queue");
		return;
	}
	a.user = cpm_buf_slice(&login);
	a.folder = archive_folder(job);
	a.key = cpm_buf_slice(&key);
	a.object = cpm_buf_slice(&object);
	if(!imap_append(imap, &a, now, on_answer, job))
		job_fail(job, IMAP_DOWN, imap_available(imap) ? "busy" : "away");
}

static void remove_begin(struct archive_job *job, int64_t now)
{
	char login_text[LOGIN_MAX], user_text[LOGIN_MAX], key_text[260];
	struct cpm_buf login, user, key;
	struct cpm_folder_values values;
	struct imap_remove r = {
			.folder = archive_folder(job), .uid = job->uid, .uidvalidity = job->uidvalidity};

	cpm_buf_init_fixed(&login, login_text, sizeof(login_text));
	cpm_buf_init_fixed(&user, user_text, sizeof(user_text));
	cpm_buf_init_fixed(&key, key_text, sizeof(key_text));
	values_fill(&values, job->aor, NULL, &user);
	if(!login_make(&values, &login) || cpm_object_add_message_id(&key, job->key) != CPM_OK) {
		job_fail(job, IMAP_REFUSED, "name");
		return;
	}
	r.user = cpm_buf_slice(&login);
	r.key = cpm_buf_slice(&key);
	if(!imap_remove(imap, &r, now, on_answer, job))
		job_fail(job, IMAP_DOWN, imap_available(imap) ? "busy" : "away");
}

static void job_take(struct archive_job *job, int64_t now)
{
	/* It may come for a second time. */
	job->ended = false;
	job->marked = STORE_OK;
	count(imap_calls);
	if(job->task == ARCHIVE_REMOVE)
		remove_begin(job, now);
	else
		append_begin(job, now);
}

static void on_log(void *context, enum imap_log_level level, const char *text)
{
	if(level == IMAP_LOG_WARNING)
		LM_WARN("%s\n", text);
	else if(level == IMAP_LOG_NOTICE)
		LM_NOTICE("%s\n", text);
	else
		LM_DBG("%s\n", text);
}

static void on_state(void *context, bool available, const char *reason)
{
	strncpy(shared[self].state, reason, sizeof(shared[self].state) - 1);
	if(!available)
		count(imap_away);
}

static void on_store_log(void *context, enum store_log_level level, const char *text)
{
	/* The queue process says it too. */
	LM_DBG("%s\n", text);
}

static void archive_start(int index)
{
	const char *error = NULL;

	self = index;
	mailbox = post_mailbox(POST_STORE, index);
	settings.imap.log = on_log;
	settings.imap.state = on_state;
	store_config = settings.store;
	store_config.connections = 1;
	store_config.log = on_store_log;
	imap = imap_new(&settings.imap, &error);
	store = imap ? store_new(&store_config, &error) : NULL;
	waiting = calloc((size_t)settings.store_max_pending + ARCHIVE_TURN_JOBS, sizeof(*waiting));
	if(!imap || !store || !waiting) {
		LM_CRIT("the store process cannot start: %s\n", error ? error : "no memory");
		exit(1);
	}
}

/* Redis mostly answers before the message store, whose answer wakes us anyway. */
static void store_watch(void)
{
	struct store_poll wanted[STORE_FDS_MAX];
	bool watch = awaited > 0 || !store_available(store);
	size_t i, n;

	if(!watch && !watched)
		return;
	n = store_poll_set(store, wanted, STORE_FDS_MAX);
	for(i = 0; i < n; i++)
		imap_watch(imap, wanted[i].fd, watch, watch && wanted[i].write);
	watched = watch;
}

/* Answers and jobs of a moment are taken in one turn, and their marks go to Redis in one write: each turn for its own costs several
 * processes a wake. Who posts need not wake us meanwhile. */
static void archive_rest(size_t calls)
{
	int64_t us = job_us / REST_PART;
	struct timespec rest = {.tv_nsec = (us < REST_MAX_US ? us : REST_MAX_US) * 1000};

	if(calls >= REST_CALLS && us > 0)
		nanosleep(&rest, NULL);
}

/* New jobs wake us even while calls are under way: the next answer may be long in coming, and their users' connections idle. Jobs that
 * have come already are taken first, but answers do not wait for a second such turn: under load there always are some. */
static void archive_sleep(int64_t wait)
{
	static bool unseen; /* answers were not looked for */
	bool asleep = mailbox_sleep(mailbox);
	int ms = wait < 0 ? 0 : wait > TURN_MS ? TURN_MS : (int)wait;

	unseen = !asleep && !unseen;
	if(unseen)
		return;
	if(waiting_count)
		ms = 1;
	imap_wait(imap, mailbox_fd(mailbox), asleep ? ms : 0);
	if(asleep)
		mailbox_awake(mailbox);
}

void archive_run(int index)
{
	void *jobs[ARCHIVE_TURN_JOBS];
	struct imap_gauges gauges;
	int64_t now, until, then;
	size_t i, n;

	archive_start(index);
	for(;;) {
		cfg_update();
		waiting_flush();
		now = now_ms();
		n = mailbox_take(mailbox, jobs, ARCHIVE_TURN_JOBS);
		for(i = 0; i < n; i++)
			job_take(jobs[i], now);
		until = store_run(store, now);
		then = imap_run(imap, now);
		until = then < until ? then : until;
		/* Behind imap_run: what ended there may wait for its mark alone. */
		store_watch();
		imap_gauges(imap, &gauges);
		atomic_store(&shared[self].connections, gauges.connections);
		if(n < ARCHIVE_TURN_JOBS)
			archive_rest(gauges.pending);
		archive_sleep(until - now);
	}
}
