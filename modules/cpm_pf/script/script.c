/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The checks and decisions that a routing script composes.
 */
#include "script.h"

#include "../../core/dprint.h"
#include "../../core/mem/shm.h"
#include "../core/codec/feature.h"
#include "../core/codec/version.h"
#include "../core/codec/warning.h"
#include "../media/invitation.h"
#include "../media/receive.h"
#include "../module/context.h"
#include "../module/logged.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../module/wake.h"
#include "../queue/changes.h"
#include "../sip/dialog.h"
#include "../sip/transaction.h"
#include "deferral.h"
#include "manage.h"
#include "subscribe.h"


/* A script that waits for documents. */
struct parked_script {
	struct transaction_id transaction;
	struct transaction_route route;
};

/* Documents that cannot be had: -2 when the checks cannot say. 0 means decide as if the user had none. */
static int documents_trouble(struct context *c)
{
	if(!c->docs_known) {
		LM_ERR("call cpm_load_user before the checks\n");
		return -2;
	}
	return c->docs == XDM_FAILED && settings.xdm_fail == XDM_FAIL_CLOSED ? -2 : 0;
}

int ki_trust_asserted(struct sip_msg *msg)
{
	return context_trust_asserted(msg, context_of(msg)) ? 1 : -1;
}

static int documents_wait(struct sip_msg *msg, struct context *c, const str *route)
{
	struct parked_script *p;
	struct xdm_waiter waiter = {.kind = WAITER_SCRIPT};
	struct transaction_route target;

	if(!transaction_route_find(route, &target)) {
		LM_ERR("cpm_load_user: there is no route[%.*s]\n", route->len, route->s);
		return -2;
	}
	if(!(p = shm_malloc(sizeof(*p))))
		return -2;
	p->route = target;
	context_keep(msg, c);
	switch(transaction_park(msg, &p->transaction)) {
		case TRANSACTION_PARKED:
			break;
		case TRANSACTION_ABSORBED:
			shm_free(p);
			return 0;
		case TRANSACTION_FAILED:
			shm_free(p);
			return -2;
	}
	waiter.a = (unsigned long long)(uintptr_t)p;
	if(xdm_wait(c->user.key, &waiter, false))
		return 0;
	transaction_unpark(&p->transaction);
	shm_free(p);
	LM_WARN("too many requests wait for documents\n");
	return -2;
}

static int load_user(struct sip_msg *msg, struct cpm_slice uri, const str *route)
{
	struct context *c = context_of(msg);
	int rc;

	if(!context_set_user(c, uri))
		return -1;
	switch(context_find_documents(c)) {
		case XDM_MISS:
			rc = documents_wait(msg, c, route);
			if(rc < 0) {
				c->docs = XDM_FAILED;
				c->docs_known = true;
				c->reason = "busy";
			}
			return rc;
		case XDM_FAILED:
			count(documents_missing);
			return 1;
		default:
			return 1;
	}
}

int ki_load_user(struct sip_msg *msg, str *route)
{
	return load_user(msg, request_uri(msg), route);
}

int ki_load_user_uri(struct sip_msg *msg, str *uri, str *route)
{
	return load_user(msg, slice_of_str(uri), route);
}

void script_resume(unsigned long long parked)
{
	struct parked_script *p = (struct parked_script *)(uintptr_t)parked;

	context_resume("", NULL);
	if(!transaction_continue(&p->transaction, &p->route))
		count(unparked);
	context_resume(NULL, NULL);
	shm_free(p);
}

int ki_check_version(struct sip_msg *msg)
{
	const struct request *r;
	unsigned major, minor;

	if(!settings.min_version[0])
		return -1;
	r = context_request(msg, context_of(msg));
	if(!r)
		return -2;
	if(cpm_version_of(r->user_agent, &major, &minor)) {
		if(cpm_version_at_least(
				   major, minor, settings.min_version_major, settings.min_version_minor))
			return -1;
	} else if(!settings.strict_version)
		return -1;
	count(version_refused);
	return 1;
}

int ki_check_anonymity(struct sip_msg *msg)
{
	struct context *c = context_of(msg);

	if(settings.allow_anonymous)
		return -1;
	if(!context_request(msg, c))
		return -2;
	if(!c->facts.anonymous)
		return -1;
	count(anonymity_refused);
	return 1;
}

int ki_check_message(struct sip_msg *msg)
{
	return deferral_check_form(msg, context_of(msg)) ? -1 : 1;
}

int ki_check_blocked(struct sip_msg *msg)
{
	struct context *c = context_judged(msg);
	int trouble = documents_trouble(c);

	if(trouble)
		return trouble;
	if(!cpm_decide_blocked(context_documents(c), &c->facts))
		return -1;
	count(blocked);
	return 1;
}

int ki_check_dnd(struct sip_msg *msg)
{
	struct context *c = context_judged(msg);
	int trouble = documents_trouble(c);
	struct cpm_facts facts;
	struct cpm_slice rule;

	if(trouble)
		return trouble;
	facts = c->facts;
	if(!c->decided)
		facts.medium = CPM_MEDIUM_PAGER;
	facts.now_ms = c->now_ms;
	if(!cpm_decide_dnd(context_documents(c), &facts, &rule, NULL))
		return -1;
	c->rule = rule;
	c->dnd = true;
	return 1;
}

int ki_apply_policy(struct sip_msg *msg, str *medium)
{
	struct context *c = context_judged(msg);
	int trouble = documents_trouble(c);

	if(trouble)
		return trouble;
	if(!cpm_medium_of(slice_of_str(medium), &c->facts.medium)) {
		LM_ERR("cpm_apply_policy: \"%.*s\" is none of pager, large, deferred, session, "
			   "file-transfer, audio, video\n",
				medium->len, medium->s);
		return -2;
	}
	c->facts.now_ms = c->now_ms;
	context_request(msg, c);
	cpm_decide(context_documents(c), &c->facts, &c->verdict);
	if(c->docs == XDM_FAILED && settings.xdm_fail == XDM_FAIL_DEFER)
		c->verdict.action = CPM_DEFER;
	c->decided = true;
	c->rule = c->verdict.rule;
	return c->verdict.from_rule ? 1 : -1;
}

static const struct {
	const char *name;
	enum cpm_icsi icsi;
} services[] = {{"msg", CPM_ICSI_MSG}, {"largemsg", CPM_ICSI_LARGEMSG},
		{"deferred", CPM_ICSI_DEFERRED}, {"session", CPM_ICSI_SESSION}};

/* By Accept-Contact; by P-Asserted-Service where that names no service of CPM. */
static bool asks_for(const struct request *r, enum cpm_icsi icsi)
{
	bool any = false;
	size_t i;

	for(i = 0; i < r->accept_contact_count; i++) {
		if(cpm_feature_in(r->accept_contact[i], icsi))
			return true;
		any |= cpm_feature_any(r->accept_contact[i]);
	}
	return !any && cpm_feature_in_service(r->asserted_service, icsi);
}

int ki_is_service(struct sip_msg *msg, str *service)
{
	const struct request *r = context_request(msg, context_of(msg));
	bool any = false;
	size_t i, k;

	if(cpm_slice_eq(slice_of_str(service), CPM_SLICE("system"))) {
		for(i = 0; r && i < r->accept_contact_count; i++)
			any |= cpm_feature_system(r->accept_contact[i]);
		return r ? any ? 1 : -1 : -2;
	}
	for(k = 0; k < 4 && !cpm_slice_eq(cpm_slice_of(services[k].name), slice_of_str(service)); k++)
		;
	if(!r || k == 4)
		return -2;
	return asks_for(r, services[k].icsi)
						   || (services[k].icsi == CPM_ICSI_SESSION
								   && asks_for(r, CPM_ICSI_SESSION_GROUP))
				   ? 1
				   : -1;
}

/* The one line of a message that ends here; what was refused for a reason of ours has had it. */
static void rejection_tell(struct sip_msg *msg, int code, const str *warning)
{
	struct context *c = context_of(msg);
	const struct request *r = context_request(msg, c);

	if(r && !c->reason[0])
		LM_INFO("event=rejected call_id=%.*s user=%.*s code=%d warning=%.*s rule=\"%.*s\"\n",
				SLICE_FMT(r->call_id), USER_FMT(c->user.key), code, warning->len, warning->s,
				SLICE_FMT(c->rule));
}

int ki_reject_code(struct sip_msg *msg, str *warning, int code)
{
	char text[512];
	struct cpm_buf b;
	struct cpm_slice words;
	uint64_t number;

	if(!cpm_slice_u64(slice_of_str(warning), &number)
			|| !cpm_warning_text((unsigned)number, &words)) {
		LM_ERR("cpm_reject: there is no warning %.*s\n", warning->len, warning->s);
		return -2;
	}
	cpm_buf_init_fixed(&b, text, sizeof(text));
	cpm_buf_add_str(&b, "Warning: ");
	cpm_warning_add(&b, cpm_slice_of(settings.hostname), words);
	cpm_buf_add_str(&b, "\r\n");
	cpm_buf_add_str(&b, settings_server_line());
	if(b.rc != CPM_OK)
		return -2;
	count(rejected);
	rejection_tell(msg, code, warning);
	return transaction_refuse(
				   msg, code, code == 403 ? "Forbidden" : "Not Acceptable Here", cpm_buf_slice(&b))
				   ? 1
				   : -2;
}

int ki_reject(struct sip_msg *msg, str *warning)
{
	return ki_reject_code(msg, warning, 403);
}

int ki_store(struct sip_msg *msg, str *route)
{
	return deferral_begin_store(msg, context_judged(msg), route);
}

int ki_defer(struct sip_msg *msg, str *route)
{
	return deferral_begin(msg, context_judged(msg), route);
}

int ki_bridge(struct sip_msg *msg, str *route)
{
	return invitation_begin(msg, context_judged(msg), route, &invitation_large);
}

int ki_bridge_isf(struct sip_msg *msg, str *route)
{
	return invitation_begin(msg, context_judged(msg), route, &invitation_large_isf);
}

int ki_bridge_forward(struct sip_msg *msg, str *route)
{
	return invitation_begin(msg, context_judged(msg), route, &invitation_large_forward);
}

int ki_bridge_session(struct sip_msg *msg, str *route)
{
	return invitation_begin(msg, context_judged(msg), route, &invitation_session);
}

int ki_bridge_session_isf(struct sip_msg *msg, str *route)
{
	return invitation_begin(msg, context_judged(msg), route, &invitation_session_isf);
}

int ki_receive(struct sip_msg *msg, str *route)
{
	return receive_begin(msg, context_of(msg), route);
}

int ki_manage_deferred(struct sip_msg *msg, str *route)
{
	return manage_begin(msg, context_of(msg), route);
}

int ki_handle_subscribe(struct sip_msg *msg, str *route)
{
	return subscribe_begin(msg, context_of(msg), route);
}

int ki_handle_indialog(struct sip_msg *msg)
{
	return dialog_request(msg);
}

int ki_handle_xcap_diff(struct sip_msg *msg)
{
	return changes_take(msg, context_of(msg));
}
