/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Messages that go into the user's message store in place of delivery: at once
 * (8.3.1.1 step 4c, 8.3.1.6 step 3), or from the queue where they wait for it
 * (8.3.1.6.3 step 5, 8.3.1.6.4, 8.3.1.6.8 step 2b).
 */
#ifndef CPM_STORING_H
#define CPM_STORING_H

#include "../archive/archive.h"
#include "../module/job.h"

/* Any process: hands a message with a parked transaction to the store process. When the message store cannot take it, it is deferred
 * in place of that and put there later. False when neither can be asked: the caller keeps the job. */
bool storing_post(struct store_job *job);

/* When a message that is put into the queue for the message store, or ordered into it, is to be taken from there: store_ms of
 * store_put, store_manage and store_settle. 0 without a message store: it only waits. */
int64_t storing_first_ms(int64_t now);
/* When one that the message store did not take is to be tried again: by its age, and where the message store may have it all the same not
 * before store_settle_ms. */
int64_t storing_again_ms(int64_t now, int64_t since_ms, enum imap_rc rc);

/* Does the message store never take this message, as it is set up? Then it is tried again after STORING_LATER_MS. */
bool storing_never(const struct archive_job *job);
#define STORING_LATER_MS 3600000

#endif
