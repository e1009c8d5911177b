/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * GETs: their line, the breaker, and libcurl's multi interface.
 */
#include "fetch.h"

#include <stdlib.h>

#include "../../core/dprint.h"

#include "cache.h"
#include "file.h"
#include "url.h"

#define ETAG_MAX 256
#define HEADER_MAX 2048

struct line {
	struct fetch *first, **last;
};

struct breaker {
	bool open;
	int64_t until_ms; /* then one at a time */
};

static const struct xdm_config *config;
static bool files;
static CURLM *multi;
static CURL **idle; /* handles to use again: they keep what is costly to make */
static size_t idle_count, active;
static struct line waiting;
static struct breaker breaker;

bool fetch_init(const struct xdm_config *c)
{
	config = c;
	files = url_is_file(cpm_slice_of(c->root));
	return files || curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

bool fetch_open(void)
{
	waiting = (struct line){NULL, &waiting.first};
	breaker = (struct breaker){0};
	multi = curl_multi_init();
	idle = calloc(config->max_parallel, sizeof(*idle));
	if(!multi || !idle)
		return false;
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)config->max_parallel);
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)config->max_parallel);
	return true;
}

void fetch_close(void)
{
	while(idle_count)
		curl_easy_cleanup(idle[--idle_count]);
	free(idle);
	idle = NULL;
	curl_multi_cleanup(multi);
	multi = NULL;
}

void fetch_begin(struct fetch *f)
{
	cpm_buf_init(&f->body, config->limits->max_document_bytes);
	cpm_buf_init(&f->etag, ETAG_MAX);
	if(f->ahead) {
		f->next = waiting.first;
		waiting.first = f;
		if(!f->next)
			waiting.last = &f->next;
		return;
	}
	f->next = NULL;
	*waiting.last = f;
	waiting.last = &f->next;
}

static void end(
		struct fetch *f, enum fetch_outcome outcome, enum xdm_failure failure, int64_t now_ms)
{
	f->outcome = outcome;
	f->failure = failure;
	f->done(f, now_ms);
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct fetch *f = context;

	cpm_buf_add(&f->body, (struct cpm_slice){data, size * count});
	return f->body.rc ? 0 : size * count;
}

/* With authentication there may be several answers: the last one counts. */
static size_t on_header(char *data, size_t size, size_t count, void *context)
{
	struct cpm_slice line = {data, size * count};
	struct fetch *f = context;

	if(cpm_slice_istarts(line, CPM_SLICE("HTTP/")))
		cpm_buf_reset(&f->etag);
	if(cpm_slice_istarts(line, CPM_SLICE("ETag:"))) {
		cpm_buf_reset(&f->etag);
		cpm_buf_add(&f->etag, cpm_slice_trim(cpm_slice_from(line, 5)));
		/* One that is too long is not kept, and the document asked for in full next time. */
		if(f->etag.rc)
			cpm_buf_reset(&f->etag);
	}
	return size * count;
}

static bool add_header(struct fetch *f, struct cpm_buf *text)
{
	struct curl_slist *more;

	cpm_buf_add_char(text, '\0');
	more = text->rc ? NULL : curl_slist_append(f->headers, text->p);
	if(!more)
		return false;
	f->headers = more;
	return true;
}

static bool add_headers(struct fetch *f)
{
	char memory[HEADER_MAX];
	struct cpm_buf text;

	if(config->identity_header[0]) {
		cpm_buf_init_fixed(&text, memory, sizeof(memory));
		url_add_identity(&text, config->identity_header, f->user);
		if(!add_header(f, &text))
			return false;
	}
	if(!f->validator.n)
		return true;
	cpm_buf_init_fixed(&text, memory, sizeof(memory));
	cpm_buf_add_str(&text, "If-None-Match: ");
	cpm_buf_add(&text, f->validator);
	return add_header(f, &text);
}

static bool set_options(struct fetch *f, int64_t now_ms)
{
	bool tls = cpm_slice_istarts(cpm_slice_of(config->root), CPM_SLICE("https:"));
	long left = (long)(f->deadline_ms - now_ms);
	CURL *e = f->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, f);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, left);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, left);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	/* The environment's proxy is meant for others. */
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_USERAGENT, "cpm_pf");
	curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)config->limits->max_document_bytes);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	if(config->ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, config->ca_file);
	if(config->user) {
		curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
		curl_easy_setopt(e, CURLOPT_USERNAME, config->user);
		curl_easy_setopt(e, CURLOPT_PASSWORD, config->password ? config->password : "");
	}
	return curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http") == CURLE_OK
		   && curl_easy_setopt(e, CURLOPT_URL, f->url) == CURLE_OK;
}

static void put_back(struct fetch *f)
{
	curl_slist_free_all(f->headers);
	f->headers = NULL;
	if(!f->easy)
		return;
	curl_easy_reset(f->easy);
	idle[idle_count++] = f->easy;
	f->easy = NULL;
}

static void start(struct fetch *f, int64_t now_ms)
{
	f->started_ms = now_ms;
	f->easy = idle_count ? idle[--idle_count] : curl_easy_init();
	if(!f->easy || !add_headers(f) || !set_options(f, now_ms)
			|| curl_multi_add_handle(multi, f->easy) != CURLM_OK) {
		put_back(f);
		end(f, FETCH_FAILED, XDM_NO_MEMORY, now_ms);
		return;
	}
	active++;
	cache_count(&cache_counters()->fetches);
}

static void count_outcome(enum fetch_outcome outcome)
{
	if(outcome == FETCH_SAME)
		cache_count(&cache_counters()->not_modified);
	if(outcome == FETCH_ABSENT)
		cache_count(&cache_counters()->not_found);
}

static void start_file(struct fetch *f, int64_t now_ms)
{
	enum xdm_failure failure = XDM_FAILURE_NONE;
	enum fetch_outcome outcome = file_read(f, config, &failure);

	cache_count(&cache_counters()->fetches);
	count_outcome(outcome);
	end(f, outcome, failure, now_ms);
}

/* How many may run at present. */
static size_t turns(void)
{
	return breaker.open ? 1 : config->max_parallel;
}

static bool refused(int64_t now_ms)
{
	return breaker.open && now_ms < breaker.until_ms;
}

static void start_waiting(int64_t now_ms)
{
	struct fetch *f;

	while((f = waiting.first)) {
		if(now_ms < f->deadline_ms && !refused(now_ms) && active >= turns())
			return;
		waiting.first = f->next;
		if(!f->next)
			waiting.last = &waiting.first;
		if(!url_is_safe(cpm_slice_of(f->url)))
			end(f, FETCH_ABSENT, XDM_FAILURE_NONE, now_ms);
		else if(now_ms >= f->deadline_ms)
			end(f, FETCH_FAILED, XDM_TIMEOUT, now_ms);
		else if(refused(now_ms))
			end(f, FETCH_FAILED, XDM_NOT_ASKED, now_ms);
		else if(files)
			start_file(f, now_ms);
		else
			start(f, now_ms);
	}
}

static enum xdm_failure failure_of(const struct fetch *f, CURLcode code)
{
	if(f->body.rc)
		return f->body.rc == CPM_LIMIT ? XDM_TOO_LARGE : XDM_NO_MEMORY;
	switch(code) {
		case CURLE_OPERATION_TIMEDOUT:
			return XDM_TIMEOUT;
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_CONNECT:
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_PEER_FAILED_VERIFICATION:
			return XDM_UNREACHABLE;
		case CURLE_FILESIZE_EXCEEDED:
			return XDM_TOO_LARGE;
		case CURLE_OUT_OF_MEMORY:
			return XDM_NO_MEMORY;
		default:
			return XDM_BROKEN;
	}
}

/* A time-out tells of the root only when the GET had its fair time: a load's last one may start
 * late. */
static bool tells_of_root(const struct fetch *f, enum xdm_failure failure, int64_t now_ms)
{
	return failure == XDM_UNREACHABLE
		   || (failure == XDM_TIMEOUT && now_ms - f->started_ms >= config->timeout_ms / 2);
}

static void breaker_note(const struct fetch *f, enum xdm_failure failure, int64_t now_ms)
{
	if(tells_of_root(f, failure, now_ms)) {
		breaker.open = config->retry_ms > 0;
		breaker.until_ms = now_ms + config->retry_ms;
	} else if(breaker.open && f->status) {
		breaker.open = false;
		LM_NOTICE("%s answers again\n", config->root);
	}
}

static enum fetch_outcome outcome_of(struct fetch *f, CURLcode code, enum xdm_failure *failure)
{
	*failure = XDM_FAILURE_NONE;
	if(code != CURLE_OK) {
		f->detail = curl_easy_strerror(code);
		*failure = failure_of(f, code);
		return FETCH_FAILED;
	}
	if(f->status == 200)
		return FETCH_HERE;
	if(f->status == 304 && f->validator.n)
		return FETCH_SAME;
	if(f->status == 404)
		return FETCH_ABSENT;
	*failure = XDM_STATUS;
	return FETCH_FAILED;
}

static void finish(struct fetch *f, CURLcode code, int64_t now_ms)
{
	enum fetch_outcome outcome;
	enum xdm_failure failure;

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &f->status);
	outcome = outcome_of(f, code, &failure);
	curl_multi_remove_handle(multi, f->easy);
	put_back(f);
	active--;
	breaker_note(f, failure, now_ms);
	count_outcome(outcome);
	end(f, outcome, failure, now_ms);
}

void fetch_step(int64_t now_ms)
{
	struct CURLMsg *message;
	int running, left;

	start_waiting(now_ms);
	curl_multi_perform(multi, &running);
	while((message = curl_multi_info_read(multi, &left))) {
		struct fetch *f;

		if(message->msg == CURLMSG_DONE
				&& curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &f) == CURLE_OK)
			finish(f, message->data.result, now_ms);
	}
}

void fetch_wait(int fd, int64_t now_ms, int timeout_ms)
{
	struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};

	if(waiting.first) {
		int64_t left = waiting.first->deadline_ms - now_ms;

		if(active < turns() || refused(now_ms) || left < 0)
			left = 0;
		if(left < timeout_ms)
			timeout_ms = (int)left;
	}
	curl_multi_poll(multi, &extra, 1, timeout_ms, NULL);
}
