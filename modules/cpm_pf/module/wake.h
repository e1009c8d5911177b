/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What comes in for those who wait: documents, and clients that register.
 */
#ifndef CPM_WAKE_H
#define CPM_WAKE_H

#include "../xdm/xdm.h"

/* Who waits for documents (kind of struct xdm_waiter). */
enum waiter_kind { WAITER_SCRIPT, WAITER_PUSH, WAITER_RPC, WAITER_DUE };

/* For xdm_init: ends the wait of a parked script, a push session, an RPC command or something due. */
void wake_waiter(const struct xdm_waiter *waiter, struct cpm_slice aor);

/* For contacts_init: a client has registered. */
void wake_registered(struct cpm_slice aor, struct cpm_slice contact, bool refreshed);

#endif
