/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Delivering a large message as a B2BUA: the user's clients are invited at
 * once, the first that accepts gets the sender's octets piece by piece, and the
 * sender's last SEND its 200 when that client has confirmed them all. Nothing is
 * kept. The norm's 8.3.1.2 steps 4 and 8 to 11.
 *
 * Memory of one: a buffer of BRIDGE_BUFFER octets, and what the endpoint keeps
 * for its legs.
 */
#ifndef CPM_BRIDGE_H
#define CPM_BRIDGE_H

#include "../module/context.h"
#include "../sip/dialog.h"

#define BRIDGE_BUFFER (256u * 1024)
/* Clients that are invited for one message. */
#define BRIDGE_CLIENTS_MAX 8

/* cpm_bridge, in a worker. 0: the INVITE is answered later, by us or by the route. Otherwise c->reason says why not, and -1 (no suitable
 * client, the user's history is recorded, the message's fault) or -2 (ours) is for the script. */
int bridge_begin(struct sip_msg *msg, struct context *c, const str *route);

/* At the start of a media process. False without memory. */
bool bridge_start(void);
/* In it: the final answer to an INVITE of place (see transfer_ticket). dialog: 0 without. */
void bridge_answered(
		size_t place, uint64_t ticket, int status, dialog_id dialog, struct cpm_slice sdp);
/* A dialog of a bridge has news. */
void bridge_told(dialog_id id, enum dialog_news news);
/* About once a second. */
void bridge_sweep(int64_t now_ms);

#endif
