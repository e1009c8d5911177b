/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the module exports to the native script and to KEMI.
 */
#include "exports.h"

#include "../../core/mod_fix.h"
#include "../script/script.h"

#define WRAP_0(name)                                           \
	static int w_##name(struct sip_msg *msg, char *a, char *b) \
	{                                                          \
		return ki_##name(msg);                                 \
	}
#define WRAP_1(name)                                           \
	static int w_##name(struct sip_msg *msg, char *a, char *b) \
	{                                                          \
		str first;                                             \
		if(fixup_get_svalue(msg, (gparam_t *)a, &first) < 0)   \
			return -2;                                         \
		return ki_##name(msg, &first);                         \
	}
#define WRAP_2(name)                                                  \
	static int w_##name(struct sip_msg *msg, char *a, char *b)        \
	{                                                                 \
		str first, second;                                            \
		if(fixup_get_svalue(msg, (gparam_t *)a, &first) < 0           \
				|| fixup_get_svalue(msg, (gparam_t *)b, &second) < 0) \
			return -2;                                                \
		return ki_##name(msg, &first, &second);                       \
	}

WRAP_0(trust_asserted)
WRAP_1(load_user)
WRAP_2(load_user_uri)
WRAP_0(check_version)
WRAP_0(check_anonymity)
WRAP_0(check_message)
WRAP_0(check_blocked)
WRAP_0(check_dnd)
WRAP_1(apply_policy)
WRAP_1(is_service)
WRAP_1(reject)
WRAP_0(select_clients)
WRAP_0(interwork)
WRAP_0(interwork_copy)
WRAP_0(forward)
WRAP_0(check_registered)
WRAP_0(check_media)
WRAP_0(select_session)
WRAP_0(dress_session)
WRAP_0(follow_redirect)
WRAP_1(refuse)
WRAP_1(defer)
WRAP_1(store)
WRAP_1(record)
WRAP_0(unrecord)
WRAP_1(bridge)
WRAP_1(bridge_isf)
WRAP_1(bridge_forward)
WRAP_1(bridge_session)
WRAP_1(bridge_session_isf)
WRAP_1(receive)
WRAP_1(manage_deferred)
WRAP_1(handle_subscribe)
WRAP_0(handle_indialog)
WRAP_0(handle_xcap_diff)
WRAP_0(push_deferred)
WRAP_1(push_deferred_aor)
WRAP_2(push_deferred_contact)

static int w_reject_code(struct sip_msg *msg, char *a, char *b)
{
	str warning;
	int code;

	if(fixup_get_svalue(msg, (gparam_t *)a, &warning) < 0
			|| fixup_get_ivalue(msg, (gparam_t *)b, &code) < 0)
		return -2;
	return ki_reject_code(msg, &warning, code);
}

/* clang-format off */
#define ROUTES (REQUEST_ROUTE | FAILURE_ROUTE)
#define EXPORT_0(script, name) {script, (cmd_function)w_##name, 0, 0, 0, ROUTES}
#define EXPORT_1(script, name) \
	{script, (cmd_function)w_##name, 1, fixup_spve_null, fixup_free_spve_null, ROUTES}
#define EXPORT_2(script, name) \
	{script, (cmd_function)w_##name, 2, fixup_spve_spve, fixup_free_spve_spve, ROUTES}

cmd_export_t exports_functions[] = {
	EXPORT_0("cpm_trust_asserted", trust_asserted),
	EXPORT_1("cpm_load_user", load_user),
	EXPORT_2("cpm_load_user", load_user_uri),
	EXPORT_0("cpm_check_version", check_version),
	EXPORT_0("cpm_check_anonymity", check_anonymity),
	EXPORT_0("cpm_check_message", check_message),
	EXPORT_0("cpm_check_blocked", check_blocked),
	EXPORT_0("cpm_check_dnd", check_dnd),
	EXPORT_1("cpm_apply_policy", apply_policy),
	EXPORT_1("cpm_is_service", is_service),
	EXPORT_1("cpm_reject", reject),
	{"cpm_reject", (cmd_function)w_reject_code, 2, fixup_spve_igp, fixup_free_spve_igp, ROUTES},
	EXPORT_0("cpm_select_clients", select_clients),
	EXPORT_0("cpm_interwork", interwork),
	EXPORT_0("cpm_interwork_copy", interwork_copy),
	EXPORT_0("cpm_forward", forward),
	EXPORT_0("cpm_check_registered", check_registered),
	EXPORT_0("cpm_check_media", check_media),
	EXPORT_0("cpm_select_session", select_session),
	{"cpm_dress_session", (cmd_function)w_dress_session, 0, 0, 0, BRANCH_ROUTE},
	EXPORT_0("cpm_follow_redirect", follow_redirect),
	EXPORT_1("cpm_refuse", refuse),
	EXPORT_1("cpm_defer", defer),
	EXPORT_1("cpm_store", store),
	EXPORT_1("cpm_record", record),
	EXPORT_0("cpm_unrecord", unrecord),
	EXPORT_1("cpm_bridge", bridge),
	EXPORT_1("cpm_bridge_isf", bridge_isf),
	EXPORT_1("cpm_bridge_forward", bridge_forward),
	EXPORT_1("cpm_bridge_session", bridge_session),
	EXPORT_1("cpm_bridge_session_isf", bridge_session_isf),
	EXPORT_1("cpm_receive", receive),
	EXPORT_1("cpm_manage_deferred", manage_deferred),
	EXPORT_1("cpm_handle_subscribe", handle_subscribe),
	EXPORT_0("cpm_handle_indialog", handle_indialog),
	EXPORT_0("cpm_handle_xcap_diff", handle_xcap_diff),
	EXPORT_0("cpm_push_deferred", push_deferred),
	EXPORT_1("cpm_push_deferred", push_deferred_aor),
	EXPORT_2("cpm_push_deferred", push_deferred_contact),
	{0, 0, 0, 0, 0, 0}
};

#define KEMI(name, ...) \
	{str_init("cpm_pf"), str_init(#name), SR_KEMIP_INT, ki_##name, {__VA_ARGS__}}
#define NO SR_KEMIP_NONE
#define STR SR_KEMIP_STR
#define INT SR_KEMIP_INT

sr_kemi_t exports_kemi[] = {
	KEMI(trust_asserted, NO, NO, NO, NO, NO, NO),
	KEMI(load_user, STR, NO, NO, NO, NO, NO),
	KEMI(load_user_uri, STR, STR, NO, NO, NO, NO),
	KEMI(check_version, NO, NO, NO, NO, NO, NO),
	KEMI(check_anonymity, NO, NO, NO, NO, NO, NO),
	KEMI(check_message, NO, NO, NO, NO, NO, NO),
	KEMI(check_blocked, NO, NO, NO, NO, NO, NO),
	KEMI(check_dnd, NO, NO, NO, NO, NO, NO),
	KEMI(apply_policy, STR, NO, NO, NO, NO, NO),
	KEMI(is_service, STR, NO, NO, NO, NO, NO),
	KEMI(reject, STR, NO, NO, NO, NO, NO),
	KEMI(reject_code, STR, INT, NO, NO, NO, NO),
	KEMI(select_clients, NO, NO, NO, NO, NO, NO),
	KEMI(interwork, NO, NO, NO, NO, NO, NO),
	KEMI(interwork_copy, NO, NO, NO, NO, NO, NO),
	KEMI(forward, NO, NO, NO, NO, NO, NO),
	KEMI(check_registered, NO, NO, NO, NO, NO, NO),
	KEMI(check_media, NO, NO, NO, NO, NO, NO),
	KEMI(select_session, NO, NO, NO, NO, NO, NO),
	KEMI(dress_session, NO, NO, NO, NO, NO, NO),
	KEMI(follow_redirect, NO, NO, NO, NO, NO, NO),
	KEMI(refuse, STR, NO, NO, NO, NO, NO),
	KEMI(defer, STR, NO, NO, NO, NO, NO),
	KEMI(store, STR, NO, NO, NO, NO, NO),
	KEMI(record, STR, NO, NO, NO, NO, NO),
	KEMI(unrecord, NO, NO, NO, NO, NO, NO),
	KEMI(bridge, STR, NO, NO, NO, NO, NO),
	KEMI(bridge_isf, STR, NO, NO, NO, NO, NO),
	KEMI(bridge_forward, STR, NO, NO, NO, NO, NO),
	KEMI(bridge_session, STR, NO, NO, NO, NO, NO),
	KEMI(bridge_session_isf, STR, NO, NO, NO, NO, NO),
	KEMI(receive, STR, NO, NO, NO, NO, NO),
	KEMI(manage_deferred, STR, NO, NO, NO, NO, NO),
	KEMI(handle_subscribe, STR, NO, NO, NO, NO, NO),
	KEMI(handle_indialog, NO, NO, NO, NO, NO, NO),
	KEMI(handle_xcap_diff, NO, NO, NO, NO, NO, NO),
	KEMI(push_deferred, NO, NO, NO, NO, NO, NO),
	KEMI(push_deferred_aor, STR, NO, NO, NO, NO, NO),
	KEMI(push_deferred_contact, STR, STR, NO, NO, NO, NO),
	{{0, 0}, {0, 0}, 0, NULL, {0, 0, 0, 0, 0, 0}}
};
/* clang-format on */
