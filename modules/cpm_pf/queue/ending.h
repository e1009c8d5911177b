/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What ending.c asks of others.
 */
#ifndef CPM_ENDING_H
#define CPM_ENDING_H

#include "../core/codec/msginfo.h"
#include "../core/queue/record.h"
#include "../sip/contacts.h"
#include "due.h"

/* Where a stored message is. */
struct ending_place {
	uint32_t uid;
	size_t folder_n;
	char folder[];
};

/* EX-3, EX-6: tells the user's clients, in a system message to each, that a message was discarded or stored on its expiry. Fire and
 * forget. notify.c has it. */
void notify_expired(const struct cpm_record *r, enum cpm_msginfo_status status,
		const struct ending_place *place, const struct contacts *clients, int64_t now);

/* The same by the user's clients as they are now, or out of band without one; as the parameters say. */
void ending_tell(const struct due *d, const struct cpm_record *r, enum cpm_msginfo_status status,
		const struct ending_place *place, int64_t now);

#endif
