/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Requests that wait: a transaction is parked by a worker and ended later by
 * another process, either with a final reply or by running a route.
 */
#ifndef CPM_TRANSACTION_H
#define CPM_TRANSACTION_H

#include "../../core/ip_addr.h"
#include "../../core/parser/msg_parser.h"
#include "../core/base/buf.h"

#define TRANSACTION_TAG_MAX 64

/* Names a parked transaction in any process. */
struct transaction_id {
	unsigned index, label;
	char tag[TRANSACTION_TAG_MAX]; /* To tag of our replies */
	unsigned char tag_len;
};

/* In mod_init: binds tm and sl. False when one of them is not loaded. */
bool transaction_init(void);

enum transaction_park {
	TRANSACTION_PARKED,
	TRANSACTION_ABSORBED, /* a retransmission, or cancelled and answered so: the script ends here */
	TRANSACTION_FAILED,
};
/* Makes the transaction if there is none and suspends it. */
enum transaction_park transaction_park(struct sip_msg *msg, struct transaction_id *id);

/* Before it: tm waits at least so long for what becomes of the request, and then answers 408. */
void transaction_patience(struct sip_msg *msg, int64_t ms);

/* Undoes transaction_park in the same process, when handing over failed. */
void transaction_unpark(const struct transaction_id *id);

/* Final reply from any process. headers: complete lines with CRLF, or empty. False when the transaction is gone. */
bool transaction_reply(
		const struct transaction_id *id, int code, const char *reason, struct cpm_slice headers);

/* A final reply as it was sent, for sending it again once tm has stopped doing so. In shared memory. */
struct transaction_copy {
	struct dest_info to;
	char *text; /* NULL: nothing to send */
	int len;
};
/* The same as transaction_reply, with a body; copy, when given, is filled as far as memory allows. */
bool transaction_answer(const struct transaction_id *id, int code, const char *reason,
		struct cpm_slice headers, struct cpm_slice body, struct transaction_copy *copy);
void transaction_copy_send(struct transaction_copy *copy);
void transaction_copy_free(struct transaction_copy *copy);

/* Runs a route (by index, or by name for KEMI) for it. False when it is gone. */
struct transaction_route {
	int index; /* of main_rt, or -1: name is a KEMI function */
	char name[64];
};
bool transaction_route_find(const str *name, struct transaction_route *route);
bool transaction_continue(const struct transaction_id *id, const struct transaction_route *route);

/* The final reply that a sender hears from those whom tm sent his request to. Slices are valid during the call. */
struct transaction_end {
	struct cpm_slice call_id;
	int code;
	struct cpm_slice uri,
			instance; /* of the branch whose reply it is: Request-URI, +sip.instance; empty when they are not known */
};
/* Has told called with it, once, by whatever process and with the transaction's replies locked; not with a reply of ours. text is copied.
 * A second call for the same transaction does nothing. */
typedef void transaction_told(const struct transaction_end *end, const char *text);
void transaction_watch(struct sip_msg *msg, transaction_told *told, struct cpm_slice text);

/* Adds header lines to whatever reply this request will get. */
bool transaction_add_header(struct sip_msg *msg, struct cpm_slice lines);
/* Replies to the request under work, statefully where a transaction exists, with header lines added. */
bool transaction_refuse(
		struct sip_msg *msg, int code, const char *reason, struct cpm_slice headers);
/* The same with a body, whose Content-Type is among the headers. */
bool transaction_respond(struct sip_msg *msg, int code, const char *reason,
		struct cpm_slice headers, struct cpm_slice body);

#endif
