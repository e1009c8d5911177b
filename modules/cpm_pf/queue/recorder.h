/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Messages of conversations that are due to be recorded (media/chronicle.h), in
 * the queue process: into the message store one after the other for each user,
 * so that they lie there in their order. What it does not take is tried again
 * until it expires, and those that follow wait behind it. The norm's 8.3.2.1
 * (first 200, step 5), 8.5.
 */
#ifndef CPM_RECORDER_H
#define CPM_RECORDER_H

#include "due.h"

/* Takes one whose record is of kind session, and gives it back in the end. */
void recorder_due(struct due *d, int64_t now);

#endif
