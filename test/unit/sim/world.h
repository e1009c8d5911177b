/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The world around the nodes of a simulation: senders, users, phones, the ISF,
 * operators, and what goes wrong; a clock that jumps from event to event; and
 * for each message what may be said of it. Everything follows from a seed.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "core/base/arena.h"
#include "fleet.h"

#define SIM_USERS_MAX 16
#define SIM_PHONES_MAX 3
#define SIM_TRIES_MAX 3
#define SIM_SHARDS_MAX 3

#define SIM_SECOND INT64_C(1000)
#define SIM_MINUTE (60 * SIM_SECOND)
#define SIM_HOUR (60 * SIM_MINUTE)
#define SIM_DAY (24 * SIM_HOUR)

/* Where a message was found in the store. */
enum place {
	PLACE_TEXT = 1,    /* record and body */
	PLACE_WAITING = 2, /* u: to be pushed */
	PLACE_PARKED = 4,
	PLACE_QUARANTINED = 8,
	PLACE_CLAIMED = 16, /* for its end */
	PLACE_DUE = 32,     /* its expiry or deletion is set */
	PLACE_RETRY = 64,   /* it has a mark: tried before, or parked, or ordered */
	PLACE_KEPT = 128,   /* ... for the message store */
	PLACE_FLYING = 256, /* handed out */
};

struct message {
	char ids[SIM_TRIES_MAX][40]; /* one for each time that its sender tried */
	int tries, stored; /* stored: the try that is in the store, -1: none was seen there yet */
	int user;
	int64_t serial;  /* of its sending */
	int64_t arrival; /* its place among those of its user; 0: not seen yet */
	int64_t arrived_ms, expires_ms;
	unsigned wants;
	bool damaged; /* its record cannot be read */
	bool accepted, refused, given_up;
	bool forgotten; /* by the store, after it had been accepted */
	bool ended;
	unsigned place, before;       /* sets of enum place: now, and at the step before */
	int64_t stored_step, seen_ms; /* when it was first seen in the store */
	bool kept;  /* for the message store, after it had expired: it expires no more */
	bool jumps; /* it may be overtaken: it was tried, parked or ordered */
	int pushes;
	bool took; /* a phone has answered 2xx to it; by whom it was sent, and when */
	int took_node;
	unsigned took_life;
	int64_t took_ms;
	bool isf_took, delete_wanted, expire_wanted;
	bool reported;         /* a report has been sent, taken or not */
	int failures_reported; /* reports that its sender took */
	int64_t report_ms;     /* when the last of them was taken; by whom it was sent */
	int report_node;
	unsigned report_life;
};

enum manner {
	MANNER_GOOD,
	MANNER_SLOW,
	MANNER_BUSY,    /* 480 */
	MANNER_REFUSES, /* some messages: 603 */
	MANNER_SILENT,
	MANNER_FLAPS, /* comes and goes every few seconds for a while */
	MANNERS,
};

struct phone {
	char uri[64];
	bool registered;
	int64_t since_ms; /* it came or went */
	enum manner manner;
};

enum quiet {
	QUIET_NEVER,
	QUIET_NOW,
	QUIET_NIGHTS,
	QUIETS,
};

struct user {
	char aor[64];
	unsigned shard;
	struct phone phones[SIM_PHONES_MAX];
	int phone_count;
	enum quiet quiet;
	int64_t quiet_since_ms;
	bool keeps; /* what expires is for the message store */
	bool pulls; /* messages are parked until it says what to do with them */
	int notified;
	int64_t arrival, arrival_before; /* the highest of its messages: now, and at the step before */
	/* the lease as the clock of this world sees it */
	char token[128];
	int64_t lease_end_ms;
};

/* A push that is not yet answered. */
struct flight {
	bool used;
	int node, user;
	unsigned life;
	struct message *message;
	int64_t sent_ms;
	uint64_t ticket;
};

/* A call of this step that asked for a lease. */
struct lease_call {
	int user, node;
	char token[128];
	int64_t lease_ms;
};

enum event_kind {
	EVENT_ARRIVAL,
	EVENT_MESSAGE,
	EVENT_RESEND,
	EVENT_ANSWER,
	EVENT_DOCUMENTS,
	EVENT_PHONE, /* comes or goes */
	EVENT_REFRESH,
	EVENT_QUIET, /* do-not-disturb goes on or off */
	EVENT_ORDERS,
	EVENT_OPERATOR,
	EVENT_FAULT,
	EVENT_MEND,
	EVENT_LEASE,
	EVENT_ROLLBACK, /* of the store */
	EVENT_LOOK,     /* is what should have gone still there? */
};

struct event {
	int64_t at_ms;
	uint64_t sequence;
	enum event_kind kind;
	int a, b; /* node, user, phone, ...: by kind */
	unsigned life;
	int status;
	uint64_t ticket;
	struct message *message;
};

#define SIM_FLIGHTS_MAX 512
#define SIM_LEASES_MAX 512

struct world {
	uint64_t seed, random;
	int64_t now_ms, start_ms, end_ms;
	int64_t skewed_ms; /* when a clock was wrong last */
	int64_t latest_ms; /* that any node's clock has shown */
	bool closing;      /* the last look */
	bool calm;         /* nothing goes wrong any more, and every phone is there */
	bool smooth;       /* nothing goes wrong at all */
	bool unprompted;   /* when calm: no phone registers or refreshes any more */
	uint64_t step;
	struct fleet fleet;
	struct server *server;
	unsigned shards;
	int window;

	struct user users[SIM_USERS_MAX];
	int user_count;
	struct message **messages;
	size_t message_count, message_room;
	struct message **index; /* by id: open addressing */
	size_t index_size;

	struct event *heap;
	size_t heap_count, heap_room;
	uint64_t sequence;

	struct flight flights[SIM_FLIGHTS_MAX];
	struct lease_call leases[SIM_LEASES_MAX];
	size_t lease_count;
	char tokens[SIM_USERS_MAX][FLEET_MAX][128]; /* with which a node asked last */

	struct cpm_arena arena;
	struct xdm_entry documents[2][QUIETS]; /* [keeps][quiet] */

	struct snapshot *snapshot; /* what the store will be again; NULL: nothing is planned */
	bool rolled_back;          /* and what is known of it has to be looked up */
	char dump_sha[48];
	bool touched; /* the store, by something else than a node */
	char head[128];
	int64_t head_ms; /* what falls due next in the store; INT64_MAX: nothing */
	int64_t sums[16], sums_before[16];
	size_t waiting, staying, tasks; /* staying: of those that wait, the ones that never end */
	uint64_t digest;                /* of all that happened */
	/* How much happened. */
	unsigned long pushed, repeats, reports, notifications, faults, checks, interworked;
};

/* calendar.c */

/* The next random number below n. */
uint64_t world_random(struct world *w, uint64_t n);
bool world_chance(struct world *w, unsigned permille);
/* Something will happen after the delay. */
void world_event(struct world *w, int64_t delay_ms, struct event e);
/* Takes the next event. */
struct event world_take(struct world *w);
/* Fails the test, with the seed and the time; m may be NULL. */
void world_fail(struct world *w, const struct message *m, const char *format, ...)
		__attribute__((noreturn, format(printf, 3, 4)));
/* One line of the story, for who wants to read it (SIM_LOG=1). */
void world_say(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Another id for a message, under which it is found from now on. */
void world_give_id(struct world *w, struct message *m);
struct message *world_find(struct world *w, const char *id, size_t n);
bool message_has_id(const struct message *m, const char *id, size_t n);

/* events.c */

void world_happen(struct world *w, const struct event *e);
/* What time it is for a node. */
static inline int64_t world_clock(const struct world *w, int node)
{
	return w->fleet.nodes[node].api->clock();
}

void world_phone_comes(struct world *w, int user, int phone);
struct cpm_slice world_aor(const struct world *w, int user);

/* trouble.c */

void trouble_begins(struct world *w);
void trouble_lease_ends(struct world *w, int user);
void trouble_rolls_back(struct world *w);
/* The store forgets nothing. */
void trouble_forget(struct world *w);
void world_mend(struct world *w, int node);

/* outside.c */

extern const struct node_world world_callbacks;
/* This is the world that nodes are in. */
void world_open(struct world *w);
/* Has nothing gone wrong with the node since it sent this? */
bool flight_sound(const struct world *w, const struct flight *f);

/* setup.c */

/* Everything follows from the seed. smooth: no faults. */
void world_make(struct world *w, struct server *server, uint64_t seed, int days, bool smooth);

/* world.c */

/* Messages and faults come for so many days; then the world is calm until everything has ended. */
void world_run(struct world *w, struct server *server, uint64_t seed, int days, bool smooth);
void world_free(struct world *w);

/* ledger.c */

/* Compares the store with what is known; called after each step that touched it. */
void ledger_check(struct world *w);
/* Some time after the world became calm: nothing waits that somebody meant to push to a client that is there. */
void ledger_look(struct world *w);
/* At the end: nothing is left but what nobody may touch. */
void ledger_close(struct world *w);

#endif
