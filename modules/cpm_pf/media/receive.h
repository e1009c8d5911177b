/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Receiving a large message: INVITE answered, octets over MSRP into the store
 * piece by piece, and the message in the queue once all of it is safe. The
 * norm's 8.3.1.4 and 8.3.1.6; companion section 5.1.
 */
#ifndef CPM_RECEIVE_H
#define CPM_RECEIVE_H

#include "../module/context.h"

/* cpm_receive. 0: the INVITE is answered, now or later, by us or by the route; otherwise c->reason says why not, and -1 (the message's
 * fault) or -2 (ours) is for the script. */
int receive_begin(struct sip_msg *msg, struct context *c, const str *route);

#endif
