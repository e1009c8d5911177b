/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The nodes of a simulation: loaded, run until nothing moves, cut off from the
 * store, frozen and killed.
 */
#ifndef SIM_FLEET_H
#define SIM_FLEET_H

#include "node.h"
#include "server.h"

#define FLEET_MAX 4
#define FLEET_LIVES_MAX 200

struct node {
	const struct node_api *api;
	unsigned life; /* counts its starts: what was meant for an earlier life is lost */
	bool alive;
	bool cut; /* no way to the store */
	int64_t frozen_until_ms;
	bool talked;       /* to the store, when it was last pumped */
	int unsettled;     /* so many turns until its connection is what it will be */
	bool lose_answers; /* the next answers of the store get lost on their way */
	int doom; /* it dies after so many turns with the store, between its commands and their answers; 0: not */
	int64_t skew_ms;  /* its clock is ahead by so much */
	int64_t push_ms;  /* when its push sessions want to run */
	int64_t due_ms;   /* when what is due wants it; 0: not said */
	int64_t fault_ms; /* when something last went wrong with it; -1: never */
	char address[128];
	char path[128]; /* of its link to the server's socket */
};

struct fleet {
	struct node nodes[FLEET_MAX];
	int count;
	struct server *server;
	const struct node_world *world;
	struct node_settings settings;
	const struct node_api *lives[FLEET_LIVES_MAX]; /* all that were loaded for this fleet */
	int life_count;
};

/* settings.address is set for each node. */
void fleet_open(struct fleet *f, int count, struct server *server,
		const struct node_settings *settings, const struct node_world *world, int64_t now_ms);
void fleet_close(struct fleet *f);

/* Does the node do anything now? */
bool node_runs(const struct node *n, int64_t now_ms);
/* Runs a node until it waits for nothing but time. due: it also looks at what is due. */
void fleet_pump(struct fleet *f, int node, int64_t now_ms, bool due);

void fleet_kill(struct fleet *f, int node, int64_t now_ms);
void fleet_start(struct fleet *f, int node, int64_t now_ms);
/* All lose their connections, with what is under way. */
void fleet_shake(struct fleet *f, int64_t now_ms);
/* With what is under way, answered or not. */
void fleet_cut(struct fleet *f, int node, int64_t now_ms);
void fleet_heal(struct fleet *f, int node, int64_t now_ms);

#endif
