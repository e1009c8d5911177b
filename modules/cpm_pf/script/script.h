/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The functions of the routing script. Each ki_ function is the KEMI export;
 * the native script reaches it through exports.c. Results: 1 yes or done, -1
 * no, -2 trouble of ours (logged once, counted), 0 the script ends here.
 * doc/reference.md describes each.
 */
#ifndef CPM_SCRIPT_H
#define CPM_SCRIPT_H

#include "../../core/parser/msg_parser.h"

int ki_trust_asserted(struct sip_msg *msg);
int ki_load_user(struct sip_msg *msg, str *route);
int ki_load_user_uri(struct sip_msg *msg, str *uri, str *route);
int ki_check_version(struct sip_msg *msg);
int ki_check_anonymity(struct sip_msg *msg);
int ki_check_message(struct sip_msg *msg);
int ki_check_blocked(struct sip_msg *msg);
int ki_check_dnd(struct sip_msg *msg);
int ki_apply_policy(struct sip_msg *msg, str *medium);
int ki_is_service(struct sip_msg *msg, str *service);
int ki_reject(struct sip_msg *msg, str *warning);
int ki_reject_code(struct sip_msg *msg, str *warning, int code);
int ki_select_clients(struct sip_msg *msg);
int ki_interwork(struct sip_msg *msg);
int ki_interwork_copy(struct sip_msg *msg);
int ki_forward(struct sip_msg *msg);
/* 8.3.2.1: steps 1, 4 and 6, and what to do when no client accepted. */
int ki_check_registered(struct sip_msg *msg);
int ki_check_media(struct sip_msg *msg);
int ki_select_session(struct sip_msg *msg);
int ki_dress_session(struct sip_msg *msg);
int ki_follow_redirect(struct sip_msg *msg);
int ki_refuse(struct sip_msg *msg, str *reason);
/* 8.3.1.1 step 4c. */
int ki_store(struct sip_msg *msg, str *route);
/* 8.5: before a delivery, and when it failed. */
int ki_record(struct sip_msg *msg, str *route);
int ki_unrecord(struct sip_msg *msg);
int ki_defer(struct sip_msg *msg, str *route);
int ki_bridge(struct sip_msg *msg, str *route);
int ki_bridge_isf(struct sip_msg *msg, str *route);
int ki_bridge_forward(struct sip_msg *msg, str *route);
/* 8.3.2.1 step 5. */
int ki_bridge_session(struct sip_msg *msg, str *route);
int ki_bridge_session_isf(struct sip_msg *msg, str *route);
int ki_receive(struct sip_msg *msg, str *route);
int ki_manage_deferred(struct sip_msg *msg, str *route);
int ki_handle_subscribe(struct sip_msg *msg, str *route);
int ki_handle_indialog(struct sip_msg *msg);
int ki_handle_xcap_diff(struct sip_msg *msg);
int ki_push_deferred(struct sip_msg *msg);
int ki_push_deferred_aor(struct sip_msg *msg, str *aor);
int ki_push_deferred_contact(struct sip_msg *msg, str *aor, str *contact);

/* Ends the wait of a script for documents; parked is its waiter's. */
void script_resume(unsigned long long parked);

#endif
