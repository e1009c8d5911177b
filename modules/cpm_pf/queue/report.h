/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Disposition notifications to the senders of messages that ended here: made
 * with the end, kept in the store, sent with retry. core/queue/report.h says
 * when one is owed and what it says. The norm's 8.3.1.5; RFC 5438.
 */
#ifndef CPM_MODULE_REPORT_H
#define CPM_MODULE_REPORT_H

#include "../core/queue/report.h"
#include "../redis/store.h"

/* In the queue process, once. */
bool report_init(int process);

/* The report that this end of a message owes to its sender: empty id when none is. It borrows from memory that the next call uses
 * again. */
void report_make(const struct cpm_record *r, struct cpm_slice body, enum cpm_end end, int64_t now,
		struct store_report *report);

#endif
