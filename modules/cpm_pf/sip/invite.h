/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * INVITEs of ours with an SDP offer, and the dialogs that come of them. tm sends
 * the ACK. RFC 3261 section 13.2.
 */
#ifndef CPM_INVITE_H
#define CPM_INVITE_H

#include "../core/base/buf.h"
#include "contacts.h"
#include "dialog.h"

struct invite {
	struct cpm_slice uri, from, to;
	struct cpm_slice next_hop; /* empty: by uri */
	struct cpm_slice headers;  /* complete lines with CRLF, without Contact and Content-Type */
	struct cpm_slice sdp;
	/* What goes with the SDP when it is a part of a body: the body before it and after it, and its type. Empty: it is alone. */
	struct cpm_slice before, after, content_type;
	const char *tags;           /* of our Contact: DIALOG_TAGS_... */
	struct socket_info *socket; /* NULL: the server's first of the transport that it needs */
};

/* An answer, in any process: the final one, or the first 180 before it, which has a status and nothing else. */
struct invite_reply {
	int status;
	struct dlg *dlg; /* the callee's: for dialog_adopt or invite_bye; NULL but with a 2xx */
	struct dialog_terms terms;
	struct cpm_slice sdp;      /* the callee's; valid during the call, as the next one */
	struct cpm_slice offer;    /* ours */
	struct cpm_slice contacts; /* of a 302: its first Contact header */
};
typedef void (*invite_answered)(uint64_t ticket, const struct invite_reply *reply);
/* In mod_init: room for so many INVITEs under way at once, over all processes. False without memory. */
bool invite_init(invite_answered answered, size_t max);

/* The ticket's low 24 bits are a place below max that no other INVITE under way has; the rest tells it from earlier ones with that
 * place. False when it cannot be sent; then no answer comes. */
#define INVITE_PLACE(ticket) ((size_t)((ticket)&0xffffff))
bool invite_send(const struct invite *invite, uint64_t ticket);
/* By the process that sent it: CANCEL. The final answer comes all the same, a 2xx that was faster too. */
void invite_cancel(uint64_t ticket);
/* BYE, whose answer nobody waits for. headers: complete lines with CRLF. Frees the dialog. */
void invite_bye(struct dlg **dlg, struct cpm_slice headers);

#endif
