/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Messages on their way to a client or the ISF: sent and not yet answered.
 * A flight ends with flight_land, once, however late or often it is answered.
 * Queue process.
 */
#ifndef CPM_FLIGHT_H
#define CPM_FLIGHT_H

#include "../core/queue/record.h"
#include "session.h"

struct flight {
	struct session *session; /* NULL: free */
	struct session_batch *batch;
	const struct store_message *message;
	int64_t lost_ms; /* when the answer is given up */
	uint64_t ticket;
	size_t contact;                  /* it goes to this one of the run's */
	struct recording *recording;     /* the flight's; NULL: none */
	const struct cpm_record *record; /* the batch's */
};

/* In the queue process, once; after the settings are known. */
bool flights_init(int process);

/* Users to whom a large message is on its way: that can take long, so their turn is nobody else's loss. No more than the msrp processes
 * have sessions. */
size_t flights_slow(void);

/* Sends one message to the run's present client, or where its user ordered; the answer comes to push_answered, also when it could
 * not be sent. False when too many are under way. */
bool flight_start(struct session *s, struct session_batch *b, const struct store_message *m,
		const struct cpm_record *r, int64_t now);

/* The flight that has ended, out of its run's count. A recording is taken out when it did not deliver. False for an answer that came
 * too late. */
bool flight_land(uint64_t ticket, int status, struct flight *landed);

/* Gives lost answers up, as 408: they must not hold a user's queue for ever. */
void flights_sweep(int64_t now, void (*lost)(uint64_t ticket, int status, int64_t now));

#endif
