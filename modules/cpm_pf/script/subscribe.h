/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * SUBSCRIBE deferred-messages: a user asks what is deferred, and gets one
 * NOTIFY that ends the subscription. The norm's 8.3.1.6.5; companion section
 * 4.7; RFC 6665.
 */
#ifndef CPM_SUBSCRIBE_H
#define CPM_SUBSCRIBE_H

#include "../module/context.h"

/* Takes the SUBSCRIBE. 0: parked. Else c->reason says why not: -1 "unauthorised", "bad-event" (Allow-Events is added to the reply),
 * "not-acceptable", "malformed"; -2 "store", "busy". */
int subscribe_begin(struct sip_msg *msg, struct context *c, const str *route);

#endif
