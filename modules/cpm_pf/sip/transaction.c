/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Parks, answers and continues transactions of tm.
 */
#include "transaction.h"

#include "../../core/data_lump_rpl.h"
#include "../../core/forward.h"
#include "../../core/kemi.h"
#include "../../core/mem/shm.h"
#include "../../core/route.h"
#include "../sl/sl.h"
#include "tm.h"

struct tm_binds tm;
static sl_api_t sl;

bool transaction_init(void)
{
	if(load_tm_api(&tm) < 0) {
		LM_ERR("module tm is not loaded: write loadmodule \"tm.so\" before cpm_pf.so\n");
		return false;
	}
	if(sl_load_api(&sl) < 0) {
		LM_ERR("module sl is not loaded: write loadmodule \"sl.so\" before cpm_pf.so\n");
		return false;
	}
	return true;
}

enum transaction_park transaction_park(struct sip_msg *msg, struct transaction_id *id)
{
	struct cell *t = tm.t_gett();
	str tag;
	int rc;

	if(is_route_type(ONEVENT_ROUTE)) {
		LM_ERR("an event route has no request that could wait for an answer\n");
		return TRANSACTION_FAILED;
	}
	if(t == NULL || t == T_UNDEFINED) {
		rc = tm.t_newtran(msg);
		if(rc == 0)
			return TRANSACTION_ABSORBED;
		if(rc < 0)
			return TRANSACTION_FAILED;
	}
	if(tm.t_get_reply_totag(msg, &tag) < 0 || tag.len > TRANSACTION_TAG_MAX)
		return TRANSACTION_FAILED;
	memcpy(id->tag, tag.s, (size_t)tag.len);
	id->tag_len = (unsigned char)tag.len;
	rc = tm.t_suspend(msg, &id->index, &id->label);
	if(rc == 0)
		return TRANSACTION_PARKED;
	if(rc != 1)
		return TRANSACTION_FAILED;
	/* tm has seen a CANCEL, and answers. */
	tm.t_release_transaction(tm.t_gett());
	return TRANSACTION_ABSORBED;
}

void transaction_patience(struct sip_msg *msg, int64_t ms)
{
	tm.set_fr(msg, (unsigned)ms, (unsigned)ms);
}

void transaction_unpark(const struct transaction_id *id)
{
	tm.t_cancel_suspend(id->index, id->label);
}

bool transaction_reply(
		const struct transaction_id *id, int code, const char *reason, struct cpm_slice headers)
{
	return transaction_answer(id, code, reason, headers, CPM_SLICE_NONE, NULL);
}

static void copy_take(const struct transaction_id *id, struct transaction_copy *copy)
{
	struct cell *t;
	int len;

	if(tm.t_lookup_ident(&t, id->index, id->label) < 0)
		return;
	len = (int)t->uas.response.buffer_len;
	if(t->uas.response.buffer && len > 0 && t->uas.response.dst.send_sock
			&& (copy->text = shm_malloc((size_t)len))) {
		memcpy(copy->text, t->uas.response.buffer, (size_t)len);
		copy->len = len;
		copy->to = t->uas.response.dst;
	}
	tm.unref_cell(t);
}

/* Who parked it for us may have been in tm's t_continue, which puts the request's reply lumps back at its end: a reply that is made
 * meanwhile can lose its headers and body. Until then it holds this lock. */
static void continue_wait(struct cell *t)
{
	if(atomic_get(&t->reply_locker_pid) == my_pid())
		return;
	lock_get(&t->reply_mutex);
	lock_release(&t->reply_mutex);
}

static bool answer(const struct transaction_id *id, int code, const char *reason,
		struct cpm_slice headers, struct cpm_slice body, struct transaction_copy *copy)
{
	struct cell *t;
	str text = {(char *)reason, (int)strlen(reason)};
	str lines = str_of_slice(headers), content = str_of_slice(body);
	str tag = {(char *)id->tag, id->tag_len};

	/* The look-up takes the reference that the reply gives back. */
	if(tm.t_lookup_ident(&t, id->index, id->label) < 0)
		return false;
	continue_wait(t);
	if(tm.t_reply_with_body(t, (unsigned)code, &text, content.len ? &content : NULL, &lines, &tag)
			< 0)
		return false;
	if(copy)
		copy_take(id, copy);
	return true;
}

bool transaction_answer(const struct transaction_id *id, int code, const char *reason,
		struct cpm_slice headers, struct cpm_slice body, struct transaction_copy *copy)
{
	/* A look-up makes what it finds the current transaction, and at the end of the script tm would give its reference back a second
	 * time. */
	struct cell *current = tm.t_gett();
	int branch = tm.t_gett_branch();
	bool answered = answer(id, code, reason, headers, body, copy);

	tm.t_sett(current, branch);
	return answered;
}

void transaction_copy_send(struct transaction_copy *copy)
{
	if(copy->text)
		msg_send(&copy->to, copy->text, copy->len);
}

void transaction_copy_free(struct transaction_copy *copy)
{
	if(copy->text)
		shm_free(copy->text);
	copy->text = NULL;
}

struct watch {
	transaction_told *told;
	bool done; /* under the lock of the transaction's replies */
	char text[];
};

/* Each 2xx to an INVITE is passed on; the first one counts. */
static void on_reply_out(struct cell *t, int type, struct tmcb_params *ps)
{
	struct watch *w = *ps->param;
	struct transaction_end end = {.code = ps->code};
	int branch = t->relayed_reply_branch;

	(void)type;
	if(w->done || ps->code < 200 || (ps->flags & TMCB_LOCAL_F) || !ps->req || !ps->req->callid)
		return;
	w->done = true;
	end.call_id = slice_of_str(&ps->req->callid->body);
	if(branch >= 0 && branch < t->nr_of_outgoings) {
		end.uri = slice_of_str(&t->uac[branch].uri);
		end.instance = slice_of_str(&t->uac[branch].instance);
	}
	w->told(&end, w->text);
}

static void watch_free(void *param)
{
	shm_free(param);
}

static bool watched(const struct cell *t)
{
	const volatile struct tm_callback *c;

	if(t == NULL || t == T_UNDEFINED)
		return false;
	for(c = t->tmcb_hl.first; c && c->callback != on_reply_out; c = c->next)
		;
	return c != NULL;
}

void transaction_watch(struct sip_msg *msg, transaction_told *told, struct cpm_slice text)
{
	struct watch *w = watched(tm.t_gett()) ? NULL : shm_malloc(sizeof(*w) + text.n + 1);

	if(!w)
		return;
	w->told = told;
	w->done = false;
	if(text.n)
		memcpy(w->text, text.p, text.n);
	w->text[text.n] = '\0';
	if(tm.register_tmcb(msg, NULL, TMCB_RESPONSE_OUT, on_reply_out, w, watch_free) <= 0)
		shm_free(w);
}

bool transaction_route_find(const str *name, struct transaction_route *route)
{
	static struct transaction_route last;
	sr_kemi_eng_t *engine = sr_kemi_eng_get();

	/* Scripts name few routes, mostly one, and those do not change. */
	if(name->len > 0 && (size_t)name->len < sizeof(last.name) && !last.name[name->len]
			&& memcmp(last.name, name->s, (size_t)name->len) == 0) {
		*route = last;
		return true;
	}
	if(name->len <= 0 || (size_t)name->len >= sizeof(route->name))
		return false;
	memcpy(route->name, name->s, (size_t)name->len);
	route->name[name->len] = '\0';
	route->index = engine ? -1 : route_lookup(&main_rt, route->name);
	if(!engine && route->index < 0)
		return false;
	last = *route;
	return true;
}

bool transaction_continue(const struct transaction_id *id, const struct transaction_route *route)
{
	str name = {(char *)route->name, (int)strlen(route->name)};

	if(route->index >= 0)
		return tm.t_continue(id->index, id->label, main_rt.rlist[route->index]) >= 0;
	return tm.t_continue_cb(id->index, id->label, &name, NULL) >= 0;
}

bool transaction_refuse(struct sip_msg *msg, int code, const char *reason, struct cpm_slice headers)
{
	return transaction_respond(msg, code, reason, headers, CPM_SLICE_NONE);
}

bool transaction_add_header(struct sip_msg *msg, struct cpm_slice lines)
{
	return add_lump_rpl(msg, (char *)lines.p, (int)lines.n, LUMP_RPL_HDR) != NULL;
}

bool transaction_respond(struct sip_msg *msg, int code, const char *reason,
		struct cpm_slice headers, struct cpm_slice body)
{
	str text = {(char *)reason, (int)strlen(reason)};

	if(headers.n && !add_lump_rpl(msg, (char *)headers.p, (int)headers.n, LUMP_RPL_HDR))
		return false;
	if(body.n && !add_lump_rpl(msg, (char *)body.p, (int)body.n, LUMP_RPL_BODY))
		return false;
	return sl.freply(msg, code, &text) >= 0;
}
