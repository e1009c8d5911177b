/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The pseudo-variables $cpm(...).
 */
#include "../archive/archive.h"
#include "../script/deferral.h"
#include "context.h"
#include "exports.h"

enum variable {
	VARIABLE_USER,
	VARIABLE_ORIGINATOR,
	VARIABLE_ACTION,
	VARIABLE_RULE,
	VARIABLE_FORWARD_TO,
	VARIABLE_MESSAGE_ID,
	VARIABLE_COUNT,
	VARIABLE_DOCS,
	VARIABLE_REASON,
	VARIABLE_CODE,
	VARIABLE_JSON,
	VARIABLE_MESSAGE_UID,
	VARIABLE_VISITS,
	VARIABLE_RECORD,
};

static const char *const names[] = {
		[VARIABLE_USER] = "user",
		[VARIABLE_ORIGINATOR] = "originator",
		[VARIABLE_ACTION] = "action",
		[VARIABLE_RULE] = "rule",
		[VARIABLE_FORWARD_TO] = "forward_to",
		[VARIABLE_MESSAGE_ID] = "message_id",
		[VARIABLE_COUNT] = "count",
		[VARIABLE_DOCS] = "docs",
		[VARIABLE_REASON] = "reason",
		[VARIABLE_CODE] = "code",
		[VARIABLE_JSON] = "json",
		[VARIABLE_MESSAGE_UID] = "message_uid",
		[VARIABLE_VISITS] = "visits",
		[VARIABLE_RECORD] = "record",
};

static int variable_parse(pv_spec_p sp, str *in)
{
	size_t i;

	for(i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if(cpm_slice_eq(slice_of_str(in), cpm_slice_of(names[i]))) {
			sp->pvp.pvn.type = PV_NAME_INTSTR;
			sp->pvp.pvn.u.isname.name.n = (int)i;
			return 0;
		}
	}
	LM_ERR("there is no $cpm(%.*s)\n", in->len, in->s);
	return -1;
}

static int get_text(struct sip_msg *msg, pv_param_t *param, pv_value_t *res, struct cpm_slice text)
{
	str s = str_of_slice(text);

	return text.n ? pv_get_strval(msg, param, res, &s) : pv_get_null(msg, param, res);
}

static int code_of(const struct context *c)
{
	if(c->event != CONTEXT_REQUEST)
		return c->status;
	if(c->status && strcmp(c->reason, "undelivered") == 0)
		return c->status;
	return c->reason[0] ? reason_status(c->reason) : 0;
}

static int variable_get(struct sip_msg *msg, pv_param_t *param, pv_value_t *res)
{
	struct context *c = context_of(msg);

	switch((enum variable)param->pvn.u.isname.name.n) {
		case VARIABLE_USER:
			return get_text(msg, param, res, c->user.key);
		case VARIABLE_ORIGINATOR:
			return get_text(msg, param, res,
					c->facts.originator_count ? c->facts.originators[0].key : CPM_SLICE_NONE);
		case VARIABLE_ACTION:
			return c->decided ? get_text(
						   msg, param, res, cpm_slice_of(cpm_action_name(c->verdict.action)))
							  : pv_get_null(msg, param, res);
		case VARIABLE_RULE:
			return get_text(msg, param, res, c->rule);
		case VARIABLE_FORWARD_TO:
			return get_text(msg, param, res, c->verdict.forward_to);
		case VARIABLE_MESSAGE_ID:
			return get_text(msg, param, res, cpm_slice_of(c->message_id));
		case VARIABLE_COUNT:
			return pv_get_sintval(msg, param, res, (int)c->count);
		case VARIABLE_DOCS:
			context_judged(msg);
			return c->docs_known ? get_text(msg, param, res, cpm_slice_of(xdm_state_name(c->docs)))
								 : pv_get_null(msg, param, res);
		case VARIABLE_REASON:
			if(c->event == CONTEXT_REQUEST)
				context_judged(msg);
			return get_text(msg, param, res, cpm_slice_of(c->reason));
		case VARIABLE_CODE:
			return pv_get_sintval(msg, param, res, code_of(c));
		case VARIABLE_JSON:
			return get_text(msg, param, res, c->json);
		case VARIABLE_MESSAGE_UID:
			return c->recording.uid ? pv_get_uintval(msg, param, res, c->recording.uid)
									: pv_get_null(msg, param, res);
		case VARIABLE_VISITS:
			return pv_get_uintval(msg, param, res, request_visits(msg));
		case VARIABLE_RECORD:
			return pv_get_sintval(msg, param, res,
					c->decided && c->verdict.record_history && archive_configured());
	}
	return pv_get_null(msg, param, res);
}

/* Only $cpm(originator) can be set: the identity that the script has proven. */
static int variable_set(struct sip_msg *msg, pv_param_t *param, int op, pv_value_t *val)
{
	struct context *c = context_of(msg);

	if(param->pvn.u.isname.name.n != VARIABLE_ORIGINATOR) {
		LM_ERR("$cpm(%s) cannot be set\n", names[param->pvn.u.isname.name.n]);
		return -1;
	}
	if(!val || (val->flags & PV_VAL_NULL)) {
		c->facts.originator_count = 0;
		return 0;
	}
	return (val->flags & PV_VAL_STR) && context_set_originator(c, slice_of_str(&val->rs)) ? 0 : -1;
}

/* clang-format off */
pv_export_t variables[] = {
	{{"cpm", sizeof("cpm") - 1}, PVT_OTHER, variable_get, variable_set, variable_parse, 0, 0, 0},
	{{0, 0}, 0, 0, 0, 0, 0, 0, 0}
};
/* clang-format on */
