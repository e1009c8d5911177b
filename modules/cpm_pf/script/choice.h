/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Which of a user's clients an invitation to a CPM session is for. The norm's
 * 8.3.2.1 steps 5c and 6.
 */
#ifndef CPM_CHOICE_H
#define CPM_CHOICE_H

#include "../core/codec/sdpmedia.h"
#include "../module/context.h"
#include "../sip/contacts.h"

struct session_choice {
	struct contacts contacts;    /* all that are registered */
	bool expected[CONTACTS_MAX]; /* to receive it */
	size_t count;                /* of them */
	bool named; /* the invitation names its client: a GRUU, or Session-Replaces of a session that is known */
	bool extended; /* the latter */
};

/* In mod_init: room for where so many sessions are. False without memory. */
bool choice_init(size_t sessions);

/* Chooses by what the invitation names, else by the clients' feature tags, the media that are offered, and the user's active profile.
 * False without memory or a user; otherwise free it with choice_free. */
bool choice_make(struct sip_msg *msg, struct context *c, struct session_choice *choice);
void choice_free(struct session_choice *choice);

/* Request-Disposition of an invitation, empty without. Borrows from the message. */
struct cpm_slice choice_disposition(const struct sip_msg *msg);
/* Appends Reject-Contact (RFC 3841) with the instance of each client that is not expected, and Request-Disposition, as whole lines with
 * CRLF; nothing when the client is named. asked: Request-Disposition of the invitation, whose other directives stay. */
void choice_add_headers(
		const struct session_choice *choice, struct cpm_slice asked, struct cpm_buf *out);

/* The media that a request offers. CPM_NOTFOUND: it carries no SDP; else as cpm_sdpmedia_read and cpm_mime_find. */
enum cpm_rc choice_read_media(
		const struct request *r, struct cpm_sdpmedia *media, struct cpm_diag *diag);

/* The medium of the policy that a name stands for; false when the policy has none. */
bool choice_medium(struct cpm_slice name, enum cpm_medium *medium);

/* In any process: the user's session with this Contribution-ID is on this client now. instance: its +sip.instance, else uri, its contact,
 * counts. An empty contribution_id does nothing. */
void choice_remember(struct cpm_slice aor, struct cpm_slice contribution_id,
		struct cpm_slice instance, struct cpm_slice uri);

#endif
