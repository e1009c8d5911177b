/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The MESSAGEs that this function sends itself: a deferred message to a client
 * or to the interworking function, and what it has to say (reports, system
 * messages). The norm's 8.3.1.6.6; RFC 3428.
 */
#ifndef CPM_MESSAGE_H
#define CPM_MESSAGE_H

#include "../core/codec/feature.h"
#include "../core/queue/record.h"
#include "contacts.h"
#include "request.h"

/* Told of the final answer (408 for none), in whatever process it comes to: hand over and return. */
/* expires_s: what a 2xx to a SUBSCRIBE grants; 0 when it does not say. */
typedef void (*message_answered)(uint64_t ticket, int status, int64_t expires_s);

/* release: the CPM release version for User-Agent. Both must stay valid. */
void message_init(const char *release, message_answered answered);

/* Appends the header lines, each with CRLF: everything but what tm writes itself. */
void message_add_headers(const struct cpm_record *r, const struct contact *c, struct cpm_buf *out);

/* The same for the INVITE of a large message, without Content-Type: the service that it is for, and session timers of so many
 * seconds. contact NULL: to the ISF, with the feature tags that it came with; a session has those in any case. The norm's 8.3.1.6.7
 * steps 1 to 6. */
void message_add_invite_headers(const struct cpm_record *r, const struct contact *c,
		enum cpm_icsi service, unsigned session_s, struct cpm_buf *out);

/* Any MESSAGE of ours, or another request outside of a dialog. headers: complete lines with CRLF; User-Agent is added, tm writes Via, Call-ID, CSeq and the like. from and to
 * are header values without tag. */
struct message_out {
	struct cpm_slice uri, from, to;
	struct cpm_slice next_hop; /* a URI; empty: the Request-URI decides */
	struct cpm_slice headers;
	struct cpm_slice body;
	struct socket_info *socket; /* NULL: chosen by the next hop */
	const char *method;         /* NULL: MESSAGE */
	bool datagram;              /* as one datagram, however large: it was tried over TCP before */
};

/* Sends it as a new request; answered is called once with the ticket, unless that is 0. False when it could not be sent: then it is
 * not called. */
bool message_send_out(const struct message_out *m, uint64_t ticket);

/* A deferred message to a client: likewise. extra: further header lines with CRLF, or empty. attempts: earlier ones that failed; what
 * is above the core's udp_mtu goes over TCP at first, and each other time as a datagram (RFC 3261 18.1.1). */
bool message_send(const struct cpm_record *r, struct cpm_slice body, const struct contact *c,
		struct cpm_slice extra, int64_t attempts, uint64_t ticket);
/* A deferred message straight to the ISF, with the Request-URI and the feature tags that it came with: likewise. */
bool message_interwork(const struct cpm_record *r, struct cpm_slice body, struct cpm_slice next_hop,
		uint64_t ticket);

/* Appends a deferred message as the request that it came as, as far as it was kept, with its body: for event routes. */
void message_add_text(const struct cpm_record *r, struct cpm_slice body, struct cpm_buf *out);

/* Sends a copy of a received MESSAGE to another hop, the Request-URI as it came; nobody waits for the answer. */
bool message_copy(struct sip_msg *msg, const struct request *r, struct cpm_slice next_hop);

#endif
