/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A world from a seed: users, their phones and documents, and the nodes.
 */
#include "world.h"

#include "core/codec/date.h"
#include "core/policy/documents.h"
#include "core/queue/key.h"
#include "unit.h"

/* 2030-01-01T00:00:00Z */
#define START_MS INT64_C(1893456000000)

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

static void add_rule(
		struct cpm_buf *b, const char *name, const char *conditions, const char *actions)
{
	cpm_buf_add_str(b, "<cp:rule id=\"");
	cpm_buf_add_str(b, name);
	cpm_buf_add_str(b, "\"><cp:conditions><oxe:service-list><oxe:service "
					   "enabler=\"CPM\"/></oxe:service-list>");
	cpm_buf_add_str(b, conditions);
	cpm_buf_add_str(b, "</cp:conditions><cp:actions>");
	cpm_buf_add_str(b, actions);
	cpm_buf_add_str(b, "</cp:actions></cp:rule>");
}

/* From 22 to 6 o'clock. */
static void add_nights(const struct world *w, struct cpm_buf *b, int days)
{
	cpm_buf_add_str(b, "<cp:validity>");
	for(int day = 0; day < days; day++) {
		int64_t night = w->start_ms + day * SIM_DAY + 22 * SIM_HOUR;

		cpm_buf_add_str(b, "<cp:from>");
		cpm_date_add_rfc3339(b, night);
		cpm_buf_add_str(b, "</cp:from><cp:until>");
		cpm_date_add_rfc3339(b, night + 8 * SIM_HOUR);
		cpm_buf_add_str(b, "</cp:until>");
	}
	cpm_buf_add_str(b, "</cp:validity>");
}

static void make_documents(struct world *w, bool keeps, enum quiet quiet, int days)
{
	struct cpm_buf b, nights;
	struct cpm_document document;
	struct cpm_documents_source source = {.xcap_root = CPM_SLICE("http://x"),
			.policy_url = CPM_SLICE("http://x/rules"),
			.documents = &document,
			.count = 1};

	cpm_buf_init(&b, 1 << 20);
	cpm_buf_init(&nights, 1 << 20);
	cpm_buf_add_str(&b, "<cp:ruleset xmlns:cp=\"urn:ietf:params:xml:ns:common-policy\" "
						"xmlns:oxe=\"urn:oma:xml:xdm:extensions\">");
	if(keeps)
		add_rule(&b, "keep", "<oxe:media-list><oxe:deferred-messages/></oxe:media-list>",
				"<oxe:allow-push>true</oxe:allow-push><oxe:expired>store</oxe:expired>");
	if(quiet == QUIET_NIGHTS)
		add_nights(w, &nights, days);
	cpm_buf_add_char(&nights, '\0');
	if(quiet != QUIET_NEVER)
		add_rule(
				&b, "quiet", nights.p, "<oxe:allow-do-not-disturb>true</oxe:allow-do-not-disturb>");
	cpm_buf_add_str(&b, "</cp:ruleset>");
	document = (struct cpm_document){source.policy_url, cpm_buf_slice(&b), true};
	ck_assert_int_eq(cpm_documents_compile(&source, &limits, &w->arena,
							 &w->documents[keeps][quiet].documents, NULL, NULL, NULL, NULL),
			CPM_OK);
	cpm_buf_free(&b);
	cpm_buf_free(&nights);
}

static void make_users(struct world *w)
{
	w->user_count = 4 + (int)world_random(w, SIM_USERS_MAX - 3);
	for(int i = 0; i < w->user_count; i++) {
		struct user *u = &w->users[i];

		snprintf(u->aor, sizeof(u->aor), "sip:user%d@example.net", i);
		u->shard = cpm_key_shard(cpm_slice_of(u->aor), w->shards);
		u->pulls = world_chance(w, 250);
		u->keeps = world_chance(w, 150);
		u->phone_count = 1 + (int)world_random(w, SIM_PHONES_MAX);
		for(int p = 0; p < u->phone_count; p++) {
			snprintf(u->phones[p].uri, sizeof(u->phones[p].uri), "sip:user%d@192.0.2.%d", i, p);
			world_event(w, (int64_t)world_random(w, (uint64_t)SIM_DAY),
					(struct event){.kind = EVENT_PHONE, .a = i, .b = p});
		}
		world_event(w, (int64_t)world_random(w, (uint64_t)SIM_DAY),
				(struct event){.kind = EVENT_QUIET, .a = i});
	}
}

void world_make(struct world *w, struct server *server, uint64_t seed, int days, bool smooth)
{
	struct node_settings settings;

	*w = (struct world){.seed = seed,
			.random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1,
			.smooth = smooth,
			.unprompted = seed % 2 == 0,
			.server = server,
			.start_ms = START_MS,
			.now_ms = START_MS,
			.end_ms = START_MS + days * SIM_DAY,
			.head_ms = INT64_MAX,
			.index_size = 1 << 16,
			.message_room = 1 << 14};
	world_open(w);
	world_random(w, 2);
	w->shards = 1 + (unsigned)world_random(w, SIM_SHARDS_MAX);
	w->window = world_chance(w, 700) ? 1 : 4;
	w->index = calloc(w->index_size, sizeof(*w->index));
	w->messages = calloc(w->message_room, sizeof(*w->messages));
	cpm_arena_init(&w->arena, &cpm_allocator_libc, (size_t)64 << 20);
	for(int keeps = 0; keeps < 2; keeps++)
		for(int quiet = 0; quiet < QUIETS; quiet++)
			make_documents(w, keeps, (enum quiet)quiet, days + 30);
	settings = (struct node_settings){.shards = w->shards,
			.push_window = w->window,
			.push_lease_ms = 60000,
			.push_parallel = 1 + (int)world_random(w, 8),
			.claim_ms = 60000,
			.expiry_rate = 1000,
			.retry_min_s = 60,
			.retry_max_s = 3600,
			.report_expiry_s = 4 * 86400,
			.redis_timeout_ms = 2000,
			.max_user_messages = 20 + (int)world_random(w, 200)};
	srandom((unsigned)seed);
	server_tell(server, "FLUSHALL");
	fleet_open(&w->fleet, 1 + (int)world_random(w, FLEET_MAX - 1), server, &settings,
			&world_callbacks, w->now_ms);
	make_users(w);
	world_event(w, 0, (struct event){.kind = EVENT_ARRIVAL});
	world_event(w, SIM_HOUR, (struct event){.kind = EVENT_ORDERS});
	world_event(w, SIM_HOUR, (struct event){.kind = EVENT_OPERATOR});
	if(!smooth)
		world_event(w, SIM_HOUR, (struct event){.kind = EVENT_FAULT});
}
