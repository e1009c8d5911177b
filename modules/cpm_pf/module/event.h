/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tells the routing script what becomes of messages: event_route[cpm_pf:...],
 * or with KEMI the function that parameter event_callback names. A route runs in
 * the queue process, so it must not wait: what takes time is to be handed to
 * another process (mqueue, for instance).
 */
#ifndef CPM_EVENT_H
#define CPM_EVENT_H

#include "../core/queue/record.h"

enum event_kind {
	EVENT_DEFERRED,
	EVENT_DELIVERED,
	EVENT_EXPIRED,
	EVENT_UNDELIVERED,
	EVENT_NOTIFY_OOB,
	EVENTS,
};

/* What $cpm(...) says in the route. The route's message is the stored one as its client would get it, body included; without a record
 * an empty MESSAGE to the user. Everything borrows. */
struct event_facts {
	struct cpm_slice user;
	const struct cpm_record *record; /* of the message; NULL when several are spoken of */
	struct cpm_slice body;
	const char *reason;    /* static word */
	int status;            /* the client's answer; 0 without */
	long count;            /* messages spoken of */
	struct cpm_slice json; /* what a gateway is to be told (companion 4.8); empty without */
};

/* In mod_init: finds the routes. False when event_callback is set and no KEMI engine runs. */
bool event_init(void);

/* Does the script listen? With KEMI: to any event. */
bool event_wanted(enum event_kind kind);

/* Runs the route, if there is one. True when it took the message over by cpm_interwork(), which only EVENT_EXPIRED lets it do. */
bool event_run(enum event_kind kind, const struct event_facts *facts);

#endif
