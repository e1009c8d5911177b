/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Conversation history (8.5): a message is recorded in the user's message store
 * before it is delivered, where the user's setting <allow-offline-storage> says
 * so, and taken out again when the delivery failed. Trouble with recording
 * never stops a delivery.
 */
#ifndef CPM_HISTORY_H
#define CPM_HISTORY_H

#include "../archive/archive.h"
#include "due.h"

/* Appends the Message-UID header line with CRLF (companion section 4.3). */
void history_add_header(
		struct cpm_buf *out, uint32_t uid, uint32_t uidvalidity, struct cpm_slice folder);

/* Queue process: starts recording a message that is to be pushed; back gets the result and takes the job over. key_suffix tells
 * attempts apart. False when it cannot be asked: deliver without. */
bool history_record(struct cpm_slice aor, struct cpm_slice id, const char *key_suffix,
		struct cpm_slice record, struct cpm_slice body, uint64_t ticket,
		void (*back)(struct command_job *job, struct store *store, int64_t now));

/* A recording whose answer was lost: taken out should it arrive, and made anew under another key, once, when there is time for it. True:
 * back is called again. */
bool history_again(struct archive_job *job);

/* Any process: what the job stored, or may have stored, is one too many: taken out, durably. */
void history_withdraw(const struct archive_job *job);

/* A recording that failed: counted, logged, and looked for when it may be there all the same. */
void history_failed(const struct archive_job *job);

/* Any process: the recording is to be taken out, durably and until it has happened. key: <id><suffix>, without the host. */
void history_remove(struct cpm_slice aor, struct cpm_slice id, const char *key_suffix, uint32_t uid,
		uint32_t uidvalidity, struct cpm_slice folder);

/* Queue process: such a removal that fell due among the reports. */
void removal_due(struct due *d, int64_t now);

#endif
