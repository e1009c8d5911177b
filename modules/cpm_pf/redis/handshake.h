/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What a fresh connection has to pass before it carries commands: AUTH, SELECT,
 * the role under Sentinel, the number of shards (whose SET is also the write
 * probe), durability, and the loading of the scripts. All in one write.
 */
#ifndef CPM_HANDSHAKE_H
#define CPM_HANDSHAKE_H

#include "address.h"
#include "command.h"
#include "durability.h"
#include "script.h"

#define SCRIPT_SHA_SIZE 41

struct handshake {
	const struct store_config *config;
	struct durability durability;
	char sha[SCRIPT_LOADED][SCRIPT_SHA_SIZE];
	char detail[128];     /* of a refusal, for the log */
	bool full;            /* the server takes no writes for now */
	bool shards_ok;       /* this server holds the number of shards, and it is ours */
	bool moved;           /* Cluster: another server holds it ... */
	struct address owner; /* ... namely this one */
};

/* Fills out with the steps. False without memory. from: the server's own address. */
bool handshake_begin(struct handshake *h, const struct store_config *config, bool sentinel,
		struct command_queue *out);
/* Judges the answer to a step. NULL to go on, else the static reason why this server cannot be used. */
const char *handshake_answer(
		struct handshake *h, int step, const redisReply *reply, const struct address *from);
/* A static word when the error text means that the server takes no writes for now ("full", "replicas"), else NULL. */
const char *handshake_write_refusal(const char *error);

#endif
