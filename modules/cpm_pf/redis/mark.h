/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Marks of messages that go straight into the message store: "+<since, ms>:<id>",
 * where that of a put is the id alone.
 */
#ifndef CPM_MARK_H
#define CPM_MARK_H

#include "call.h"

/* NULL when the mark is out of bounds, or without memory. */
struct command *mark_call(
		const struct store_config *config, const char *sha, const struct store_mark *mark);

/* As store_mark_cb; STORE_DOWN for what is no mark. id borrows from the reply, and is left alone when there is none. */
enum store_rc mark_read(const redisReply *reply, struct cpm_slice *id, int64_t *since_ms);

#endif
