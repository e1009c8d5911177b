/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Asks the shards that this queue process looks after for what is due, each in
 * its turn (core/queue/turns.h), at bounded rates; due_claimed gets it.
 */
#ifndef CPM_CLAIMS_H
#define CPM_CLAIMS_H

#include "../redis/store.h"

/* In the queue process, once. */
bool claims_init(int process, struct store *store);
/* Asks those whose turn it is; returns when it wants to run again, INT64_MAX: after the next answer. */
int64_t claims_run(int64_t now);

#endif
