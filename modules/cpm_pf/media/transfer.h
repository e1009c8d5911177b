/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Sending a deferred large message: INVITE with our offer, octets from the store
 * over MSRP, BYE. The norm's 8.3.1.6.7.
 */
#ifndef CPM_TRANSFER_H
#define CPM_TRANSFER_H

#include "../core/queue/record.h"
#include "../module/post.h"
#include "../sip/contacts.h"
#include "call.h"

/* At the start of a media process. False without memory. */
bool transfer_start(void);
/* In it: the final answer to the INVITE of a place, and news of its dialog. */
void transfer_answered(size_t place, uint64_t ticket, const struct call_answer *answer);
void transfer_told(dialog_id id, enum dialog_news news);
/* About once a second: gives up what no answer came to. */
void transfer_sweep(int64_t now_ms);

/* In a queue process: sends a message to a client, or to the ISF (contact NULL). post_answer is called with the ticket and a SIP
 * status: 2xx when all octets are confirmed. deferred: it had to wait, for a client or for somebody's word. history: the record's text
 * when the message is to be recorded once it is over (8.5), its Message-UID goes into the BYE; else empty. False when it cannot be
 * handed over; then it is not called. */
bool transfer_begin(const struct cpm_record *record, const struct contact *contact, bool deferred,
		struct cpm_slice history, uint64_t ticket);

#endif
