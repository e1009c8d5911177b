/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The INVITE to CPMDeferredMsgMgmt@host: a user orders what becomes of deferred
 * messages. The norm's 8.3.1.6.3; companion section 7.
 */
#ifndef CPM_MANAGE_H
#define CPM_MANAGE_H

#include "../module/context.h"

/* Takes the INVITE. 0: parked, or answered with 400, 420 or 422; the script ends. Else c->reason says why not: -1 "unauthorised",
 * "malformed", "too-large", "no-messages" (the last also in the route); -2 "store", "busy". */
int manage_begin(struct sip_msg *msg, struct context *c, const str *route);

#endif
