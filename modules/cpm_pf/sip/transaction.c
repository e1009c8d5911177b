/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Parks, answers and continues transactions of tm.
 */
#include "transaction.h"

#include "../../core/data_lump_rpl.h"
#include "../../core/kemi.h"
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

	if(t == NULL || t == T_UNDEFINED) {
		rc = tm.t_newtran(msg);
		if(rc == 0)
			return TRANSACTION_RETRANSMISSION;
		if(rc < 0)
			return TRANSACTION_FAILED;
	}
	if(tm.t_get_reply_totag(msg, &tag) < 0 || tag.len > TRANSACTION_TAG_MAX)
		return TRANSACTION_FAILED;
	memcpy(id->tag, tag.s, (size_t)tag.len);
	id->tag_len = (unsigned char)tag.len;
	return tm.t_suspend(msg, &id->index, &id->label) == 0 ? TRANSACTION_PARKED : TRANSACTION_FAILED;
}

void transaction_unpark(const struct transaction_id *id)
{
	tm.t_cancel_suspend(id->index, id->label);
}

bool transaction_reply(const struct transaction_id *id, int code, const char *reason, struct cpm_slice headers)
{
	struct cell *t;
	str text = {(char *)reason, (int)strlen(reason)};
	str lines = str_of_slice(headers);
	str tag = {(char *)id->tag, id->tag_len};

	/* The look-up takes the reference that the reply gives back. */
	if(tm.t_lookup_ident(&t, id->index, id->label) < 0)
		return false;
	return tm.t_reply_with_body(t, (unsigned)code, &text, NULL, &lines, &tag) >= 0;
}

bool transaction_route_find(const str *name, struct transaction_route *route)
{
	sr_kemi_eng_t *engine = sr_kemi_eng_get();

	if(name->len <= 0 || (size_t)name->len >= sizeof(route->name))
		return false;
	memcpy(route->name, name->s, (size_t)name->len);
	route->name[name->len] = '\0';
	route->index = engine ? -1 : route_lookup(&main_rt, route->name);
	return engine || route->index >= 0;
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
	str text = {(char *)reason, (int)strlen(reason)};

	if(headers.n && !add_lump_rpl(msg, (char *)headers.p, (int)headers.n, LUMP_RPL_HDR))
		return false;
	return sl.freply(msg, code, &text) >= 0;
}
