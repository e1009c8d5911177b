/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What any process may ask of the documents cache.
 */
#include "xdm.h"

#include <libxml/parser.h>
#include <unistd.h>

#include "cache.h"
#include "fetch.h"
#include "file.h"
#include "process.h"
#include "url.h"

#define CACHE_BYTES_MIN 65536

static const struct xdm_config *config;

static const char *header_problem(const char *header)
{
	for(const char *c = header; *c; c++)
		if(*c <= ' ' || *c >= 0x7f || *c == ':')
			return "the identity header must be a header name without colon, or empty";
	return strlen(header) > 64 ? "the name of the identity header is too long" : NULL;
}

static const char *names_problem(const struct xdm_config *c)
{
	const char *names[] = {c->lists_auid, c->policy_auid, c->profile_auid, c->lists_document,
			c->policy_document, c->profile_document};

	for(size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct cpm_slice name = cpm_slice_of(names[i]);

		if(!name.n || name.n > 256 || name.p[0] == '/' || !url_is_safe(name)
				|| cpm_slice_find(name, '?') < name.n || cpm_slice_find(name, '#') < name.n)
			return "AUIDs and document names must be path segments such as resource-lists and "
				   "index";
	}
	return NULL;
}

static const char *config_problem(const struct xdm_config *c)
{
	const char *problem = url_root_problem(c->root);

	if(!problem)
		problem = names_problem(c);
	if(!problem)
		problem = header_problem(c->identity_header);
	if(problem)
		return problem;
	if(url_is_file(cpm_slice_of(c->root)) && !file_root_exists(c))
		return "the folder of the XCAP root does not exist or cannot be read";
	if(c->ca_file && access(c->ca_file, R_OK) != 0)
		return "the CA file of the XDMS cannot be read";
	if(c->cache_bytes < CACHE_BYTES_MIN)
		return "the documents cache needs at least 65536 bytes";
	if(!c->max_parallel || !c->max_waiters)
		return "at least one GET at once and one waiter must be allowed";
	if(c->timeout_ms < 1 || c->max_age_ms < 0 || c->stale_ms < 0 || c->retry_ms < 0)
		return "the XDMS time-out must be at least 1 ms, its other times not below 0";
	return NULL;
}

bool xdm_init(const struct xdm_config *c, xdm_resume resume, const char **error)
{
	*error = config_problem(c);
	if(*error)
		return false;
	xmlInitParser();
	config = c;
	*error = "libcurl cannot start";
	if(!fetch_init(c))
		return false;
	*error = "not enough shared memory for the documents cache: start with more (-m)";
	if(!cache_init(c))
		return false;
	if(!process_init(c, resume)) {
		cache_destroy();
		return false;
	}
	*error = NULL;
	return true;
}

void xdm_destroy(void)
{
	process_destroy();
	cache_destroy();
}

const char *xdm_state_name(enum xdm_state s)
{
	switch(s) {
		case XDM_FRESH:
			return "fresh";
		case XDM_LAST:
			return "last";
		case XDM_FAILED:
			return "failed";
		case XDM_MISS:
			return "miss";
	}
	return "unknown";
}

const char *xdm_failure_name(enum xdm_failure f)
{
	static const char *const names[XDM_FAILURES] = {"none", "timeout", "unreachable", "broken",
			"status", "too-large", "unparsable", "no-memory", "not-asked"};

	return (size_t)f < XDM_FAILURES ? names[f] : "unknown";
}

const struct cpm_documents *xdm_documents(const struct xdm_entry *e)
{
	return e->documents;
}

enum xdm_state xdm_lookup(struct cpm_slice aor, int64_t now_ms, struct xdm_entry **entry)
{
	enum xdm_state state;
	bool ask;

	state = cache_lookup(aor, now_ms, entry, &ask);
	if(ask && !process_ask(aor, NULL, true))
		cache_unask(aor);
	return state;
}

enum xdm_state xdm_last(struct cpm_slice aor, int64_t now_ms, struct xdm_entry **entry)
{
	int64_t age;

	*entry = cache_peek(aor, now_ms, &age);
	return *entry ? XDM_LAST : XDM_FAILED;
}

void xdm_release(struct xdm_entry **entry)
{
	entry_release(entry);
}

bool xdm_wait(struct cpm_slice aor, const struct xdm_waiter *waiter, bool refresh)
{
	if(process_ask(aor, waiter, refresh))
		return true;
	cache_count(&cache_counters()->rejected);
	return false;
}

void xdm_invalidate(struct cpm_slice aor)
{
	cache_invalidate(aor);
}

static void describe_part(struct cpm_buf *out, struct cpm_slice aor, const struct entry_part *part,
		size_t index, int64_t age_ms)
{
	cpm_buf_add_str(out, "url=");
	if(part->url.n)
		cpm_buf_add(out, part->url);
	else
		url_add(out, config, (enum url_document)index, aor);
	cpm_buf_add_str(out, part->exists ? " status=200 etag=" : " status=404 etag=");
	cpm_buf_add(out, part->etag.n ? part->etag : CPM_SLICE("-"));
	cpm_buf_add_str(out, " bytes=");
	cpm_buf_add_u64(out, part->bytes);
	cpm_buf_add_str(out, " age_ms=");
	cpm_buf_add_i64(out, age_ms);
	cpm_buf_add_char(out, '\n');
}

bool xdm_describe(struct cpm_slice aor, int64_t now_ms, struct cpm_buf *out)
{
	int64_t age_ms;
	struct xdm_entry *e = cache_peek(aor, now_ms, &age_ms);

	if(!e)
		return false;
	for(size_t i = 0; i < e->count; i++)
		describe_part(out, aor, &e->parts[i], i, age_ms);
	entry_release(&e);
	return true;
}

void xdm_stats(struct xdm_stats *out)
{
	struct cache_counters *c = cache_counters();

	*out = (struct xdm_stats){
			.users = atomic_load(&c->users),
			.bytes = atomic_load(&c->bytes),
			.fetches = atomic_load(&c->fetches),
			.not_modified = atomic_load(&c->not_modified),
			.not_found = atomic_load(&c->not_found),
			.rejected = atomic_load(&c->rejected),
			.evicted = atomic_load(&c->evicted),
			.waiters = atomic_load(&c->waiters),
	};
	cache_hits(&out->hits, &out->misses, &out->stale_hits);
	for(int i = 0; i < XDM_FAILURES; i++) {
		out->failed[i] = atomic_load(&c->failed[i]);
		out->failures += out->failed[i];
	}
}
