/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Private to the dialog_ files of this folder: the table of dialogs. What is
 * marked "locked" wants the lock held.
 */
#ifndef CPM_DIALOGS_H
#define CPM_DIALOGS_H

#include "../core/session/dialog.h"
#include "../core/session/timer.h"
#include "dialog.h"
#include "tm.h"

#define DIALOG_HEADERS_MAX 2048
#define DIALOG_CONTACT_MAX 256
#define DIALOG_SDP_MAX 4096
#define DIALOG_ALLOW "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS\r\n"

struct dialog {
	dialog_id id;
	struct dialog *next; /* of the same bucket */
	size_t bucket;
	enum cpm_dialog_state state;
	unsigned todo; /* steps for the owner: a sum of enum cpm_dialog_step */
	int owner;
	dialog_told told;
	struct transaction_id transaction;
	dlg_t *dlg; /* the owner's, but for its id, which never changes */
	unsigned invite_cseq, remote_cseq;
	str target;   /* the peer's new Contact, not yet in dlg; shared memory */
	bool updates; /* the peer's Allow names UPDATE */
	int64_t deadline_ms;
	uint32_t expires_s;            /* session interval; 0 without */
	bool refresher;                /* we are */
	int64_t refresh_ms;            /* when we refresh; 0: not */
	struct transaction_copy reply; /* our 200, until the ACK */
	str sdp;                       /* our side of the media; shared memory */
	uint64_t media;                /* the peer's (dialogs_media) */
	str farewell;                  /* header lines of our BYE; shared memory */
	int64_t resend_ms;             /* 0: not any more */
	struct cpm_session_terms terms;
	char contact[DIALOG_CONTACT_MAX]; /* our Contact line */
};

extern struct dialog_config dialogs_config;

/* What a request says of the dialog that it belongs to. */
struct dialogs_key {
	str call_id, from_tag, to_tag; /* no to_tag: a CANCEL */
};

void dialogs_lock(void);
void dialogs_unlock(void);
int64_t dialogs_now(void);

/* Locked. NULL when it is gone. */
struct dialog *dialogs_find(dialog_id id);
struct dialog *dialogs_match(const struct dialogs_key *key);
/* Locked: each dialog of an owner; the callback returns false to end the walk. */
void dialogs_each(int owner, bool (*each)(void *context, struct dialog *d), void *context);
/* Locked. Gives it an id; false at the maximum. */
bool dialogs_enter(struct dialog *d);
void dialogs_leave(struct dialog *d);
/* Locked: sets the deadline of its state anew. */
void dialogs_clock(struct dialog *d, int64_t now_ms);
/* Locked: moves the state and notes what is for the owner; the steps. */
unsigned dialogs_move(struct dialog *d, enum cpm_dialog_event event, int64_t now_ms);
/* The same without the lock, by id; lets the owner know. */
unsigned dialogs_step(dialog_id id, enum cpm_dialog_event event);

/* The SDP that is a message's whole body; else empty. Borrows from it. */
struct cpm_slice dialogs_description(struct sip_msg *msg);
/* Which MSRP session a description is about; 0: none. */
uint64_t dialogs_media(struct cpm_slice sdp);

/* 487 to an INVITE. */
void dialogs_terminate(const struct transaction_id *transaction);

/* Of one that is not in the table. */
void dialogs_free(struct dialog *d);

/* The owner's: a request of ours within the dialog; its final answer comes in any process, with the dialog's id as parameter. False
 * when it cannot be sent. */
typedef void (*dialogs_answered)(struct cell *t, int type, struct tmcb_params *ps);
bool dialogs_send(struct dialog *d, const char *method, struct cpm_slice lines,
		struct cpm_slice body, dialogs_answered answered);
/* Locked: is it to be refreshed now? Says so once. */
bool dialogs_refresh_due(struct dialog *d, int64_t now_ms);
/* The owner's: refreshes it. */
void dialogs_refresh(struct dialog *d);
/* In a worker: answers the peer's refresh, or new target. own: our Contact line; target: the peer's Contact, or empty; lines: a buffer for
 * headers. */
void dialogs_take_refresh(struct sip_msg *msg, dialog_id id, const char *own, const str *target,
		struct cpm_buf *lines);

/* Does any header of this type list the token? */
bool dialogs_header_lists(const struct sip_msg *msg, hdr_types_t type, struct cpm_slice token);
/* What a request says of session timers. */
void dialogs_wish(const struct sip_msg *msg, struct cpm_session_wish *wish);
/* Appends our Contact line, as reached at a socket. tags: its feature tags (DIALOG_TAGS_...), or "". */
void dialogs_add_contact(
		struct cpm_buf *out, const struct socket_info *s, int proto, const char *tags);
/* Replies with our Server line added. */
void dialogs_reply(struct sip_msg *msg, int code, const char *reason, struct cpm_buf *lines);
/* Makes the transaction unless it is there; false for a retransmission too. */
bool dialogs_transaction(struct sip_msg *msg, bool *retransmission);

#endif
