/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One node of the simulation: the module's own push sessions, due work, ends
 * and reports, and its store, in a shared object. It is loaded once for each
 * node, so each has variables of its own. Below it lies the world.
 */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include "core/policy/decide.h"
#include "core/queue/record.h"
#include "redis/store.h"
#include "xdm/xdm.h"

/* Documents at hand, as xdm hands them out. */
struct xdm_entry {
	const struct cpm_documents *documents;
	int references;
};

#define NODE_PHONES_MAX 4

/* What a node asks of the world; node is its number. Nothing here calls the node back at once. */
struct node_world {
	int64_t (*now_ms)(int node); /* by the node's clock, which may be wrong */
	int64_t (*steady_ms)(void);
	void (*log)(int node, const char *level, const char *text);
	/* Contacts of a user that are registered; returns how many. */
	size_t (*contacts)(struct cpm_slice aor, struct cpm_slice uris[NODE_PHONES_MAX]);
	enum xdm_state (*documents)(struct cpm_slice aor, struct xdm_entry **entry);
	/* node_api.documents is to be called later, with the ticket. */
	bool (*documents_wait)(int node, struct cpm_slice aor, uint64_t ticket);
	/* Each is answered later by node_api.answer. */
	void (*push)(int node, const struct cpm_record *record, struct cpm_slice body,
			struct cpm_slice contact, uint64_t ticket);
	void (*interwork)(
			int node, const struct cpm_record *record, struct cpm_slice body, uint64_t ticket);
	void (*report)(int node, struct cpm_slice uri, struct cpm_slice body, uint64_t ticket);
	/* A notification is due; returns 0 when its user was told, else when to try again. */
	int64_t (*notify)(int node, struct cpm_slice aor);
	/* event_route[cpm_pf:expired]: does it send the message to the ISF? */
	bool (*take_expired)(struct cpm_slice id);
	void (*stored)(int node, void *context, enum store_rc rc, struct cpm_slice id);
	/* A call of the store that asks for a lease is about to be made. */
	void (*lease)(int node, struct cpm_slice aor, struct cpm_slice token, int64_t lease_ms);
	/* How long the lease of another still runs, by the clock of the world. */
	int64_t (*lease_left)(struct cpm_slice aor);
};

struct node_settings {
	const char *address; /* of the store */
	unsigned shards;
	int push_window, push_lease_ms, push_parallel, claim_ms, expiry_rate, retry_min_s, retry_max_s,
			report_expiry_s, redis_timeout_ms, max_user_messages;
};

struct node_api {
	bool (*open)(int number, const struct node_settings *settings, const struct node_world *world);
	/* One turn, with a look at what is due or without. Returns in how long the push sessions want the next one, *due_ms in how
	 * long what is due wants it (0 without the look). *moved: something was under way, so another turn may be wanted at once. */
	int64_t (*run)(bool due, int64_t *due_ms, bool *moved);
	int64_t (*clock)(void); /* what time it is for the node */
	bool (*available)(void);
	size_t (*pending)(void); /* commands that the store has not answered */
	size_t (*sockets)(struct store_poll *set, size_t max);
	bool (*put)(const struct store_put *put, enum cpm_defer_cause cause, void *context);
	void (*trigger)(struct cpm_slice aor, struct cpm_slice contact, bool force, bool registered,
			int64_t at_ms);
	void (*answer)(uint64_t ticket, int status);
	void (*documents)(
			struct cpm_slice aor, uint64_t ticket, enum xdm_state state, struct xdm_entry *entry);
	bool (*manage)(const struct store_manage *manage);
	/* Gives up its connection. Nothing of it may be called afterwards. */
	void (*close)(void);
};

extern const struct node_api node_api;

#endif
