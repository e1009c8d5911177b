/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Would the server keep what it acknowledged? Judged from its configuration,
 * or from INFO where an access list hides the configuration.
 */
#ifndef CPM_DURABILITY_H
#define CPM_DURABILITY_H

#include <hiredis/hiredis.h>

#include "../core/base/slice.h"

/* Empty strings are not known. */
struct durability {
	char appendonly[16];
	char appendfsync[16];
	char maxmemory_policy[32];
};

/* Takes what a CONFIG GET <name> answer tells; a refusal changes nothing. */
void durability_take_config(struct durability *d, const redisReply *reply);
/* Takes what INFO tells and CONFIG did not. */
void durability_take_info(struct durability *d, const redisReply *reply);
/* "" when a 2xx is safe, else one static sentence that says what to change. replicas: how many WAIT makes sure of. */
const char *durability_sentence(const struct durability *d, unsigned replicas);

#endif
