/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * RPC commands for operators: what they share, and those about the module as a
 * whole. rpc_queue.c and rpc_documents.c have the others.
 */
#include "rpc.h"

#include "../archive/archive.h"
#include "../core/codec/date.h"
#include "../media/media.h"
#include "../module/exports.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../queue/queue.h"
#include "../redis/admin.h"
#include "../sip/dialog.h"
#include "../sip/request.h"

bool rpc_user(rpc_t *rpc, void *ctx, const str *text, char *memory, struct cpm_uri_key *key)
{
	if(cpm_uri_canon(slice_of_str(text), memory, CPM_URI_KEY_MAX, key) == CPM_OK)
		return true;
	rpc->fault(ctx, 400, "Write the user as a SIP or tel URI, for instance sip:bob@example.net");
	return false;
}

void rpc_add_text(rpc_t *rpc, void *handle, char *name, struct cpm_slice text)
{
	str s = str_of_slice(text);

	rpc->struct_add(handle, "S", name, &s);
}

void rpc_add_number(rpc_t *rpc, void *handle, char *name, int64_t value)
{
	char text[24];
	struct cpm_buf b;

	if(value >= INT32_MIN && value <= INT32_MAX) {
		rpc->struct_add(handle, "d", name, (int)value);
		return;
	}
	cpm_buf_init_fixed(&b, text, sizeof(text));
	cpm_buf_add_i64(&b, value);
	rpc_add_text(rpc, handle, name, cpm_buf_slice(&b));
}

void rpc_add_time(rpc_t *rpc, void *handle, char *name, int64_t ms)
{
	char text[32];
	struct cpm_buf b;

	if(!ms)
		return;
	cpm_buf_init_fixed(&b, text, sizeof(text));
	cpm_date_add_rfc3339(&b, ms);
	rpc_add_text(rpc, handle, name, cpm_buf_slice(&b));
}

void rpc_add_lines(rpc_t *rpc, void *h, struct cpm_slice text)
{
	struct cpm_slice line;
	void *lines;
	str s;

	if(rpc->struct_add(h, "[", "lines", &lines) < 0)
		return;
	while(cpm_slice_split(&text, '\n', &line)) {
		s = str_of_slice(line);
		rpc->array_add(lines, "S", &s);
	}
}

struct statistics_listing {
	rpc_t *rpc;
	void *handle;
};

static void statistic_each(void *context, const char *name, unsigned long value)
{
	struct statistics_listing *l = context;

	rpc_add_number(l->rpc, l->handle, (char *)name, (int64_t)value);
}

static void documents_add(rpc_t *rpc, void *h)
{
	struct xdm_stats s;

	xdm_stats(&s);
	rpc_add_number(rpc, h, "documents_users", (int64_t)s.users);
	rpc_add_number(rpc, h, "documents_bytes", (int64_t)s.bytes);
	rpc_add_number(rpc, h, "documents_hits", (int64_t)s.hits);
	rpc_add_number(rpc, h, "documents_misses", (int64_t)s.misses);
	rpc_add_number(rpc, h, "documents_stale_hits", (int64_t)s.stale_hits);
	rpc_add_number(rpc, h, "documents_fetches", (int64_t)s.fetches);
	rpc_add_number(rpc, h, "documents_not_modified", (int64_t)s.not_modified);
	rpc_add_number(rpc, h, "documents_not_found", (int64_t)s.not_found);
	rpc_add_number(rpc, h, "documents_failures", (int64_t)s.failures);
	rpc_add_number(rpc, h, "documents_rejected", (int64_t)s.rejected);
	rpc_add_number(rpc, h, "documents_evicted", (int64_t)s.evicted);
	rpc_add_number(rpc, h, "documents_waiters", (int64_t)s.waiters);
}

/* Both sides of the account: what came is what has ended and what waits. */
static void totals_add(rpc_t *rpc, void *h, const struct admin_totals *t)
{
	rpc_add_number(rpc, h, "sum_accepted", (int64_t)t->accepted);
	rpc_add_number(rpc, h, "sum_delivered", (int64_t)t->ended[STORE_DELIVERED]);
	rpc_add_number(rpc, h, "sum_stored", (int64_t)t->ended[STORE_STORED]);
	rpc_add_number(rpc, h, "sum_forwarded", (int64_t)t->ended[STORE_FORWARDED]);
	rpc_add_number(rpc, h, "sum_interworked", (int64_t)t->ended[STORE_INTERWORKED]);
	rpc_add_number(rpc, h, "sum_deleted", (int64_t)t->ended[STORE_DELETED]);
	rpc_add_number(rpc, h, "sum_expired", (int64_t)t->ended[STORE_EXPIRED]);
	rpc_add_number(rpc, h, "sum_vanished", (int64_t)t->vanished);
	rpc_add_number(rpc, h, "now_waiting", (int64_t)t->waiting);
	rpc_add_number(rpc, h, "balance", t->balance);
	rpc_add_number(rpc, h, "now_ending", (int64_t)t->claimed);
	rpc_add_number(rpc, h, "now_quarantined", (int64_t)t->quarantined);
	rpc_add_number(rpc, h, "now_tasks", (int64_t)t->tasks);
	rpc_add_number(rpc, h, "sum_reports", (int64_t)t->reports);
	rpc_add_number(rpc, h, "sum_reports_ended", (int64_t)t->reports_ended);
}

static void archive_add(rpc_t *rpc, void *h)
{
	struct archive_gauges g;

	archive_gauges(&g);
	rpc_add_text(rpc, h, "message_store", cpm_slice_of(archive_state()));
	rpc_add_number(rpc, h, "imap_pending", (int64_t)g.pending);
	rpc_add_number(rpc, h, "imap_octets", (int64_t)g.octets);
	rpc_add_number(rpc, h, "imap_connections", (int64_t)g.connections);
	rpc_add_number(rpc, h, "imap_latency_max_ms", (int64_t)g.latency_max_ms);
}

static const char *stats_doc[] = {"Counters, and what the store holds", 0};
static void rpc_stats(rpc_t *rpc, void *ctx)
{
	struct statistics_listing l = {.rpc = rpc};
	struct admin_totals totals;
	const char *error = NULL;

	if(rpc->add(ctx, "{", &l.handle) < 0)
		return;
	rpc_add_text(rpc, l.handle, "redis", cpm_slice_of(queue_state()));
	archive_add(rpc, l.handle);
	statistics_each(statistic_each, &l);
	documents_add(rpc, l.handle);
	rpc_add_number(rpc, l.handle, "dialogs", (int64_t)dialog_count());
	if(admin_totals(&settings.store, &totals, &error)) {
		totals_add(rpc, l.handle, &totals);
	}
}

static const char *ping_doc[] = {"Is the store there for the queue, and how far away is it", 0};
static void rpc_ping(rpc_t *rpc, void *ctx)
{
	const char *error = NULL;
	int64_t us;
	void *h;

	if(!queue_available()) {
		rpc->fault(ctx, 503, "the store is not available to the queue: %s", queue_state());
		return;
	}
	if(media_on() && !media_available()) {
		rpc->fault(ctx, 503, "the store is not available for large messages");
		return;
	}
	us = admin_ping(&settings.store, &error);
	if(us < 0) {
		rpc->fault(ctx, 503, "the store: %s", error ? error : "trouble");
		return;
	}
	if(rpc->add(ctx, "{", &h) < 0)
		return;
	rpc_add_text(rpc, h, "redis", cpm_slice_of(queue_state()));
	rpc_add_number(rpc, h, "round_trip_us", us);
}

/* clang-format off */
rpc_export_t rpc_commands[] = {
	{"cpm_pf.list", rpc_list, rpc_list_doc, 0},
	{"cpm_pf.show", rpc_show, rpc_show_doc, 0},
	{"cpm_pf.flush", rpc_flush, rpc_flush_doc, 0},
	{"cpm_pf.hold", rpc_hold, rpc_hold_doc, 0},
	{"cpm_pf.release", rpc_release, rpc_release_doc, 0},
	{"cpm_pf.delete", rpc_delete, rpc_delete_doc, 0},
	{"cpm_pf.expire", rpc_expire, rpc_expire_doc, 0},
	{"cpm_pf.requeue", rpc_requeue, rpc_requeue_doc, 0},
	{"cpm_pf.shape", rpc_shape, rpc_shape_doc, 0},
	{"cpm_pf.stats", rpc_stats, stats_doc, 0},
	{"cpm_pf.ping", rpc_ping, ping_doc, 0},
	{"cpm_pf.msrp", rpc_msrp, rpc_msrp_doc, 0},
	{"cpm_pf.explain", rpc_explain, rpc_explain_doc, 0},
	{"cpm_pf.documents", rpc_documents, rpc_documents_doc, 0},
	{"cpm_pf.reload", rpc_reload, rpc_reload_doc, 0},
	{0, 0, 0, 0}
};
/* clang-format on */
