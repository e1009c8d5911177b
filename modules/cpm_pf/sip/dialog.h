/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Dialogs that end here: an INVITE is taken by a worker, answered and ended by
 * the process that owns the dialog, and what the peer sends in between
 * (ACK, CANCEL, BYE, UPDATE, re-INVITE) is handled by whatever worker gets it.
 * One bounded table in shared memory. RFC 3261 sections 9, 12, 13.3 and 15,
 * RFC 4028; the states are in core/session/dialog.h.
 *
 * Only the owner touches tm's dialog and frees an entry; workers move its state
 * under the table's lock and note what the owner has to do. What tm matches to
 * no transaction any more (a late ACK) is matched here by Call-ID and tags.
 */
#ifndef CPM_SIP_DIALOG_H
#define CPM_SIP_DIALOG_H

#include "transaction.h"

/* Names a dialog in any process; 0 is none. */
typedef uint64_t dialog_id;

/* What the user of a dialog hears, in the owner's process. */
enum dialog_news {
	DIALOG_ACKED, /* the 200 was acknowledged */
	DIALOG_OVER,  /* the peer ended it, cancelled, or was silent; the id is of no use any more */
};
typedef void (*dialog_told)(dialog_id id, enum dialog_news news);

/* Feature tags of a Contact of ours: that of CPM sessions (the norm's 8.3.2.1 step 5c). */
#define DIALOG_TAGS_NONE ""
#define DIALOG_TAGS_SESSION \
	";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session\""

struct dialog_config {
	size_t max;              /* dialogs at once */
	unsigned min_se_s;       /* shortest session interval that we take */
	unsigned session_s;      /* longest */
	const char *server_line; /* of our replies, with CRLF */
	const char *agent_line;  /* of our requests */
	bool (*post)(int owner,
			dialog_id
					id); /* any process: lets the owner call dialog_work soon. False: the next sweep will do */
};

/* In mod_init and mod_destroy. config is copied, its strings are not. */
bool dialog_init(const struct dialog_config *config);
void dialog_destroy(void);

enum dialog_open {
	DIALOG_OPENED,
	DIALOG_ABSORBED, /* a retransmission, or cancelled by now: the script ends here */
	DIALOG_REPLIED,  /* refused with 400 (no Contact), 420 (Require), 422 (session interval) */
	DIALOG_FAILED,   /* no room or no memory */
};

/* In a worker: takes an INVITE, parks its transaction and enters the dialog for owner. told may be NULL. tags: of our Contact in it,
 * DIALOG_TAGS_... */
enum dialog_open dialog_open(struct sip_msg *msg, int owner, dialog_told told, const char *tags,
		dialog_id *id, struct transaction_id *transaction);

/* The owner's: 180 with our Contact and without SDP. Nothing is sent once the INVITE is answered, cancelled or gone. */
void dialog_ring(dialog_id id);
/* The owner's: 200 with our Contact and the session timer's headers; sdp may be empty. It is sent again until the ACK comes. False when
 * the INVITE was cancelled, or is gone. */
bool dialog_answer(dialog_id id, struct cpm_slice sdp);
/* The owner's, or the worker's that opened it and could not hand it over: the INVITE gets another final answer (not from here). */
void dialog_refuse(dialog_id id);
/* The owner's: header lines with CRLF that our BYE will carry beside our own. */
void dialog_set_farewell(dialog_id id, struct cpm_slice lines);
/* The owner's: BYE, once the ACK has come. */
void dialog_hang_up(dialog_id id);

struct dlg;
/* What a 2xx to an INVITE of ours says of the session. */
struct dialog_terms {
	uint32_t expires_s; /* session interval; 0 without */
	bool refresher;     /* we are */
	bool updates;       /* the peer knows UPDATE */
	const char *tags;   /* of our Contact, DIALOG_TAGS_... */
	uint64_t media;     /* the peer's (dialogs_media) */
};
/* Any process: a dialog that an INVITE of ours made enters the table, confirmed and with a socket. Takes dlg over. sdp is what a re-INVITE
 * hears. False at the maximum or without memory: then dlg is the caller's still. */
bool dialog_adopt(struct dlg *dlg, int owner, dialog_told told, const struct dialog_terms *terms,
		struct cpm_slice sdp, dialog_id *id);

/* The owner's: what post asked for. */
void dialog_work(dialog_id id);
/* The owner's, about once a second: time-outs, retransmissions, refreshes, and what post could not hand over. */
void dialog_sweep(int owner, int64_t now_ms);

/* In a worker: an ACK, CANCEL, BYE, UPDATE or re-INVITE of a dialog of ours, or another request in it. 1: handled, and answered where
 * it needs an answer. 0: a retransmission, absorbed. -1: no dialog of ours. */
int dialog_request(struct sip_msg *msg);

/* Any process: is it in the table still? When its peer was faster with a BYE than we with asking it is not. */
bool dialog_lives(dialog_id id);
/* Dialogs in the table, over all processes. */
size_t dialog_count(void);

/* The dialog of a request that is answered and followed by one request of ours, and over: not in the table. */
/* In a worker, after the transaction was made; NULL without a Contact or memory. Shared memory, whoever holds it frees it. */
struct dlg *dialog_once(struct sip_msg *msg);
/* Sends a request within it, nobody waits for the answer. headers: complete lines with CRLF; body may be empty. */
bool dialog_once_send(
		struct dlg *dlg, const char *method, struct cpm_slice headers, struct cpm_slice body);
void dialog_once_free(struct dlg **dlg);

/* Appends "Contact: <sip:cpm@address;transport=...>" with CRLF: where this message came in. */
void dialog_add_contact(struct cpm_buf *out, const struct sip_msg *msg);

#endif
