/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * RPC commands about users' documents.
 */
#include "rpc.h"

#include "../module/context.h"
#include "../module/settings.h"
#include "../queue/changes.h"
#include "obtain.h"

#define EXPLAIN_MAX 262144

static bool facts_fill(rpc_t *rpc, void *ctx, const str *originator, const str *medium,
		struct cpm_facts *facts, char *memory)
{
	facts->now_ms = now_ms();
	if(!cpm_medium_of(slice_of_str(medium), &facts->medium)) {
		rpc->fault(ctx, 400, "Write the medium as pager, large, deferred or session");
		return false;
	}
	if(cpm_slice_ieq(slice_of_str(originator), CPM_SLICE("anonymous")))
		facts->anonymous = true;
	else if(!rpc_user(rpc, ctx, originator, memory, &facts->originators[0]))
		return false;
	else
		facts->originator_count = 1;
	return true;
}

const char *rpc_explain_doc[] = {"Why a message would be handled so: user originator medium", 0};
void rpc_explain(rpc_t *rpc, void *ctx)
{
	char user_memory[CPM_URI_KEY_MAX], originator_memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;
	struct cpm_facts facts = {0};
	struct cpm_verdict verdict;
	struct xdm_entry *entry;
	const struct cpm_documents *d;
	enum xdm_state docs;
	struct cpm_buf b;
	str user, originator, medium;
	void *h;

	if(rpc->scan(ctx, "SSS", &user, &originator, &medium) < 3) {
		rpc->fault(ctx, 400,
				"Write: cpm_pf.explain user originator|anonymous pager|large|deferred|session");
		return;
	}
	if(!rpc_user(rpc, ctx, &user, user_memory, &key)
			|| !facts_fill(rpc, ctx, &originator, &medium, &facts, originator_memory))
		return;
	docs = obtain_documents(key.key, false, settings.xdm_timeout_ms, &entry);
	d = entry ? xdm_documents(entry) : &cpm_documents_none;
	cpm_decide(d, &facts, &verdict);
	cpm_buf_init(&b, EXPLAIN_MAX);
	cpm_decide_explain(d, &facts, &b);
	if(rpc->add(ctx, "{", &h) >= 0) {
		rpc_add_text(rpc, h, "user", key.key);
		rpc_add_text(rpc, h, "documents", cpm_slice_of(xdm_state_name(docs)));
		rpc_add_number(rpc, h, "blocked", cpm_decide_blocked(d, &facts));
		rpc_add_number(rpc, h, "do_not_disturb", cpm_decide_dnd(d, &facts, NULL, NULL));
		rpc_add_text(rpc, h, "action", cpm_slice_of(cpm_action_name(verdict.action)));
		rpc_add_text(rpc, h, "rule", verdict.rule);
		rpc_add_lines(rpc, h, cpm_buf_slice(&b));
	}
	cpm_buf_free(&b);
	xdm_release(&entry);
}

const char *rpc_documents_doc[] = {"The documents at hand for a user: user", 0};
void rpc_documents(rpc_t *rpc, void *ctx)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;
	struct cpm_buf b;
	str user;
	void *h;

	if(rpc->scan(ctx, "S", &user) < 1) {
		rpc->fault(ctx, 400, "Write: cpm_pf.documents user");
		return;
	}
	if(!rpc_user(rpc, ctx, &user, memory, &key))
		return;
	cpm_buf_init(&b, EXPLAIN_MAX);
	if(!xdm_describe(key.key, now_ms(), &b))
		rpc->fault(ctx, 404, "no documents of this user are at hand");
	else if(rpc->add(ctx, "{", &h) >= 0)
		rpc_add_lines(rpc, h, cpm_buf_slice(&b));
	cpm_buf_free(&b);
}

const char *rpc_reload_doc[] = {"Fetch a user's documents again: user", 0};
void rpc_reload(rpc_t *rpc, void *ctx)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;
	struct xdm_entry *entry;
	enum xdm_state docs;
	str user;
	void *h;

	if(rpc->scan(ctx, "S", &user) < 1) {
		rpc->fault(ctx, 400, "Write: cpm_pf.reload user");
		return;
	}
	if(!rpc_user(rpc, ctx, &user, memory, &key))
		return;
	/* A load that runs already may have asked before the change: told so, it asks once more. */
	xdm_invalidate(key.key);
	docs = obtain_documents(key.key, true, settings.xdm_timeout_ms, &entry);
	xdm_release(&entry);
	changes_tell(key.key, false);
	if(rpc->add(ctx, "{", &h) >= 0)
		rpc_add_text(rpc, h, "documents", cpm_slice_of(xdm_state_name(docs)));
}
