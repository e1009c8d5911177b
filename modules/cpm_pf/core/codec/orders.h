/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What a client orders about its deferred messages: the URI list of a
 * management INVITE. The norm's 8.3.1.6.3; companion section 7.
 */
#ifndef CPM_ORDERS_H
#define CPM_ORDERS_H

#include "recipients.h"

enum cpm_order_action {
	CPM_ORDER_DELIVER, /* also when no action is said */
	CPM_ORDER_DELETE,
	CPM_ORDER_INTERWORK,
	CPM_ORDER_STORE,
};

struct cpm_order {
	struct cpm_slice id;   /* user part of the message-URI-ID, unescaped */
	struct cpm_slice host; /* its host part, as written */
	struct cpm_slice uri;  /* the entry as written, for the log */
	enum cpm_order_action action;
};

struct cpm_orders {
	const struct cpm_order *items; /* in document order, each id once: the first one counts */
	size_t count;
	size_t ignored;                 /* entries with an unknown action or without an id */
	struct cpm_slice first_ignored; /* the first of them as written, for the log; else empty */
};

/* Reads the list into the arena; errors as cpm_recipients_parse. */
enum cpm_rc cpm_orders_parse(struct cpm_slice text, const struct cpm_limits *limits,
		struct cpm_arena *arena, struct cpm_orders *out, struct cpm_diag *diag);

/* "deliver", "delete", "interwork", "store" */
const char *cpm_order_action_name(enum cpm_order_action action);

#endif
