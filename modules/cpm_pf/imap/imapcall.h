/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One call to the message store as a sequence of commands: which command comes
 * next is a table. Writes commands and reads their answers; no I/O.
 */
#ifndef CPM_IMAPCALL_H
#define CPM_IMAPCALL_H

#include "../core/base/buf.h"
#include "../core/codec/imap.h"
#include "imap.h"

enum imapcall_kind { IMAPCALL_APPEND = 1, IMAPCALL_FIND = 2, IMAPCALL_REMOVE = 4 };

enum imapcall_step {
	IMAPCALL_APPENDING,
	IMAPCALL_CREATING,
	IMAPCALL_SUBSCRIBING,
	IMAPCALL_SELECTING,
	IMAPCALL_SEARCHING,
	IMAPCALL_MARKING,
	IMAPCALL_EXPUNGING,
	IMAPCALL_ENDED,
};

struct imapcall {
	struct imapcall *next; /* in line */
	enum imapcall_kind kind;
	enum imapcall_step step;
	struct cpm_slice user, folder, key, object; /* in the same block */
	uint64_t user_hash;                         /* as imaplink's */
	uint32_t uid, uidvalidity;
	uint32_t seen;      /* number in the answer under way: UIDVALIDITY, or the highest one found */
	bool again;         /* look before appending */
	bool created;       /* the folder was made: another TRYCREATE is a refusal */
	bool appended;      /* the server has the object, but did not say where */
	bool under_way;     /* an APPEND with its object was given to the connection */
	bool doubtful;      /* the answer to an APPEND was lost */
	bool literal_waits; /* the object goes out after "+" */
	int restarts;
	int64_t deadline_ms;
	imap_cb cb;
	void *context;
	struct imap_result result; /* once ended */
};

/* The connection under it is gone. sent: all that it was given had been written. */
void imapcall_lost(struct imapcall *call, bool sent);
/* The call from its beginning: at first, and on a new connection when the old one was lost. */
void imapcall_start(struct imapcall *call);
/* Appends the command of the present step behind its tag. literal_plus: the object follows at once. */
enum cpm_rc imapcall_add_command(struct imapcall *call, bool literal_plus, struct cpm_buf *out);
/* "+" came: appends what the server waits for. False when it waits for nothing of ours. */
bool imapcall_add_literal(struct imapcall *call, struct cpm_buf *out);
/* An untagged response of the command under way. */
void imapcall_note(struct imapcall *call, const struct cpm_imap_response *response);
/* Its answer: the next step, or IMAPCALL_ENDED with the result. */
void imapcall_answered(struct imapcall *call, const struct cpm_imap_response *response);
/* Ends it from outside; an append that may have had its effect becomes unsure. */
void imapcall_fail(
		struct imapcall *call, enum imap_rc rc, const char *reason, struct cpm_slice detail);

#endif
