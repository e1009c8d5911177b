/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The loop of a media process.
 */
#include "media.h"

#include <poll.h>
#include <sys/resource.h>
#include <time.h>

#include "../../core/cfg/cfg_struct.h"
#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../queue/queue.h"
#include "bridge.h"
#include "branch.h"
#include "call.h"
#include "conversation.h"
#include "receipt.h"
#include "transfer.h"

#define MEDIA_TURN_JOBS 256
#define MEDIA_FDS_MAX 64
/* Time-outs of dialogs and receipts are looked for this often. */
#define MEDIA_SWEEP_MS 1000
#define LISTEN_TEXT_MAX 128

struct media_shared {
	volatile int available;
	unsigned next;                         /* atomic; of the first only */
	struct endpoint_statistics statistics; /* written by its process alone, as the next one */
	size_t conversations;
};

static struct media_shared *shared; /* one each process */
static struct store_config store_config;
static struct endpoint_config endpoint_config = ENDPOINT_CONFIG_DEFAULT;
static char listen_text[ENDPOINT_LISTEN_MAX][LISTEN_TEXT_MAX];
static struct endpoint *endpoint;
static struct store *store;
static int self;
static struct mailbox *mailbox;
static struct pace pace;
static int64_t rest_us; /* until the pace has something to do; -1: nothing by itself */

bool media_on(void)
{
	return settings.msrp_listen[0] != '\0';
}

bool media_init(void)
{
	if(!media_on())
		return true;
	shared = shm_mallocxz((size_t)settings.msrp_workers * sizeof(*shared));
	return shared && post_init(POST_MEDIA, settings.msrp_workers, (size_t)settings.queue_mailbox)
		   && call_init();
}

bool media_available(void)
{
	int i;

	for(i = 0; i < settings.msrp_workers; i++)
		if(!media_on() || !shared[i].available)
			return false;
	return true;
}

int media_choose(void)
{
	return (int)(__atomic_fetch_add(&shared[0].next, 1, __ATOMIC_RELAXED)
				 % (unsigned)settings.msrp_workers);
}

int media_owner(int process)
{
	return settings.queue_workers + process;
}

struct endpoint_statistics media_statistics(int process)
{
	return shared[process].statistics;
}

size_t media_conversations(int process)
{
	return shared[process].conversations;
}

int media_self(void)
{
	return self;
}

struct endpoint *media_endpoint(void)
{
	return endpoint;
}

struct store *media_store(void)
{
	return store;
}

struct pace *media_pace(void)
{
	return &pace;
}

int64_t media_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void media_pace_run(void)
{
	rest_us = pace_run(&pace, queue_stored_ms() + PACE_BUSY_MS > now_ms(), media_now_us());
}

bool media_place(bool tls, struct endpoint_place *place)
{
	return endpoint_place(endpoint, tls, false, place)
		   || endpoint_place(endpoint, tls, true, place);
}

static void on_store_log(void *context, enum store_log_level level, const char *text)
{
	if(level == STORE_LOG_ERROR)
		LM_ERR("%s\n", text);
	else if(level == STORE_LOG_WARNING)
		LM_WARN("%s\n", text);
	else
		LM_DBG("%s\n", text);
}

static void on_store_state(void *context, bool available, const char *reason)
{
	shared[self].available = available;
	LM_NOTICE("redis: for large messages: %s\n", reason);
}

static void on_endpoint_log(void *context, enum endpoint_log level, const char *text)
{
	if(level == ENDPOINT_LOG_ERROR)
		LM_ERR("msrp: %s\n", text);
	else if(level == ENDPOINT_LOG_WARNING)
		LM_WARN("msrp: %s\n", text);
	else
		LM_INFO("msrp: %s\n", text);
}

/* "a:1,tls:b:2" into addresses; each further process has the next ports. False when there are too many, or one is too long. */
static bool listen_fill(int index)
{
	struct cpm_slice rest = cpm_slice_of(settings.msrp_listen), part;

	while(cpm_slice_split(&rest, ',', &part)) {
		char *text = listen_text[endpoint_config.listen_count];
		uint64_t port;
		size_t colon;

		part = cpm_slice_trim(part);
		for(colon = part.n; colon && part.p[colon - 1] != ':'; colon--)
			;
		if(endpoint_config.listen_count == ENDPOINT_LISTEN_MAX || part.n > LISTEN_TEXT_MAX - 8
				|| !cpm_slice_u64(cpm_slice_from(part, colon), &port))
			return false;
		snprintf(text, LISTEN_TEXT_MAX, "%.*s%llu", (int)colon, part.p,
				(unsigned long long)port + (unsigned)index);
		endpoint_config.listen[endpoint_config.listen_count++] = text;
	}
	return endpoint_config.listen_count > 0;
}

static const char *text_or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static void config_fill(void)
{
	endpoint_config.host = text_or_null(settings.msrp_host);
	endpoint_config.tls_certificate = text_or_null(settings.msrp_tls_certificate);
	endpoint_config.tls_key = text_or_null(settings.msrp_tls_key);
	endpoint_config.tls_ca = text_or_null(settings.msrp_tls_ca);
	endpoint_config.tls_verify = settings.msrp_tls_verify;
	endpoint_config.max_legs = (size_t)settings.msrp_max_sessions;
	endpoint_config.max_channels = (size_t)settings.msrp_max_connections;
	endpoint_config.max_unbound = (size_t)settings.msrp_max_connections / 4 + 1;
	endpoint_config.chunk_bytes = (size_t)settings.msrp_chunk_bytes;
	endpoint_config.bind_ms = settings.msrp_bind_ms;
	endpoint_config.idle_ms = settings.msrp_idle_ms;
	endpoint_config.response_ms = settings.msrp_response_ms;
	endpoint_config.life_ms = (int64_t)settings.msrp_life_s * 1000;
	endpoint_config.log = on_endpoint_log;
	store_config = settings.store;
	store_config.log = on_store_log;
	store_config.state = on_store_state;
	/* Redis takes a piece from each connection in a turn of its loop, and makes them safe together: no more than one at a time
	 * keeps it from the messages of the queue process. */
	store_config.connections = 1;
	pace.share = settings.msrp_share;
	pace.processes = settings.msrp_workers;
}

bool media_check(void)
{
	int i;

	for(i = 0; media_on() && i < settings.msrp_workers; i++) {
		const char *error = "write addresses with ports, separated by commas";
		struct endpoint *e;

		config_fill();
		e = listen_fill(i) ? endpoint_new(&endpoint_config, &error) : NULL;
		endpoint_config.listen_count = 0;
		if(!e) {
			LM_ERR("parameter msrp_listen is \"%s\": %s\n", settings.msrp_listen, error);
			return false;
		}
		endpoint_free(&e);
	}
	return true;
}

static void media_start(int index)
{
	const char *error = "write addresses with ports, separated by commas";

	self = index;
	mailbox = post_mailbox(POST_MEDIA, index);
	config_fill();
	if(listen_fill(index))
		endpoint = endpoint_new(&endpoint_config, &error);
	if(!endpoint) {
		LM_CRIT("the msrp process cannot start: msrp_listen is \"%s\": %s\n", settings.msrp_listen,
				error);
		exit(1);
	}
	/* Media is background work: who waits for a 202 goes first. */
	if(setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + settings.msrp_nice) < 0)
		LM_WARN("msrp_nice: the priority stays as it is\n");
	store = store_new(&store_config, &error);
	if(!store || !transfer_start() || !branch_start()) {
		LM_CRIT("the msrp process cannot start: %s\n", store ? "no memory" : error);
		exit(1);
	}
}

static void media_sleep(int64_t until)
{
	struct store_poll wanted[MEDIA_FDS_MAX];
	struct pollfd fds[MEDIA_FDS_MAX + 2];
	size_t i, n;
	int64_t wait = until - now_ms();
	struct timespec most;

	if(endpoint_busy(endpoint) || !mailbox_sleep(mailbox))
		return;
	fds[0] = (struct pollfd){.fd = mailbox_fd(mailbox), .events = POLLIN};
	fds[1] = (struct pollfd){.fd = endpoint_fd(endpoint), .events = POLLIN};
	n = store_poll_set(store, wanted, MEDIA_FDS_MAX);
	for(i = 0; i < n; i++)
		fds[i + 2] = (struct pollfd){
				.fd = wanted[i].fd, .events = (short)(POLLIN | (wanted[i].write ? POLLOUT : 0))};
	wait = (wait < 0 ? 0 : wait > MEDIA_SWEEP_MS ? MEDIA_SWEEP_MS : wait) * 1000;
	if(rest_us >= 0 && rest_us < wait)
		wait = rest_us;
	most = (struct timespec){.tv_sec = wait / 1000000, .tv_nsec = wait % 1000000 * 1000};
	ppoll(fds, n + 2, &most, NULL);
	mailbox_awake(mailbox);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void media_run(int index)
{
	void *jobs[MEDIA_TURN_JOBS];
	int64_t now, next, swept_ms = 0;
	size_t i, n, pending;

	media_start(index);
	for(;;) {
		cfg_update();
		now = now_ms();
		n = mailbox_take(mailbox, jobs, MEDIA_TURN_JOBS);
		for(i = 0; i < n; i++) {
			struct command_job *job = jobs[i];
			job->run(job, store, now);
		}
		next = endpoint_run(endpoint, now);
		/* What came goes to the store at once; what the store has goes out with the same turn. */
		next = earlier(next, store_run(store, now));
		pending = store_pending(store);
		next = earlier(next, endpoint_run(endpoint, now));
		if(now - swept_ms >= MEDIA_SWEEP_MS) {
			swept_ms = now;
			endpoint_statistics(endpoint, &shared[self].statistics);
			receipt_sweep(now);
			bridge_sweep(now);
			conversation_sweep(now);
			shared[self].conversations = conversation_count();
			branch_sweep(now);
			transfer_sweep(now);
			dialog_sweep(media_owner(self), now);
		}
		/* What this turn asks of the store after its own is to be sent before we sleep. */
		media_pace_run();
		if(n < MEDIA_TURN_JOBS && store_pending(store) <= pending)
			media_sleep(earlier(next, swept_ms + MEDIA_SWEEP_MS));
	}
}
