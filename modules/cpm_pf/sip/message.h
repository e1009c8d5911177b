/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The MESSAGE that carries a deferred message to a client. The norm's
 * 8.3.1.6.6; RFC 3428.
 */
#ifndef CPM_MESSAGE_H
#define CPM_MESSAGE_H

#include "../core/queue/record.h"
#include "contacts.h"
#include "request.h"

/* Told of the final answer (408 for none), in whatever process it comes to: hand over and return. */
typedef void (*message_answered)(uint64_t ticket, int status);

/* release: the CPM release version for User-Agent. Both must stay valid. */
void message_init(const char *release, message_answered answered);

/* Appends the header lines, each with CRLF: everything but what tm writes itself. */
void message_add_headers(const struct cpm_record *r, const struct contact *c, struct cpm_buf *out);

/* Sends it as a new request of ours; answered is called once with the ticket. False when it could not be sent: then it is not called. */
bool message_send(const struct cpm_record *r, struct cpm_slice body, const struct contact *c, uint64_t ticket);

/* Sends a copy of a received MESSAGE to another hop, the Request-URI as it came; nobody waits for the answer. */
bool message_copy(struct sip_msg *msg, const struct request *r, struct cpm_slice next_hop);

#endif
