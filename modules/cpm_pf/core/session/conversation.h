/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A CPM session whose media go through us: its caller on one side, the client
 * that accepted first on the other, as a table. An event that it does not list
 * for a state changes nothing. The norm's 8.3.2.1 steps 5 and following.
 */
#ifndef CPM_CONVERSATION_STATES_H
#define CPM_CONVERSATION_STATES_H

enum cpm_conversation_state {
	CPM_CONVERSATION_INVITING, /* clients are invited, the caller's INVITE waits */
	CPM_CONVERSATION_JOINING,  /* one has accepted, its media connection is still to come */
	CPM_CONVERSATION_OPEN,     /* one has accepted, the caller is answered: messages go both ways */
	CPM_CONVERSATION_LEAVING,  /* one side has left; what it had said is still passed on */
	CPM_CONVERSATION_GONE,
	CPM_CONVERSATION_STATES,
};

enum cpm_conversation_event {
	CPM_CONVERSATION_CHOSEN, /* the first usable 2xx, of a client whose media connection must be waited for */
	CPM_CONVERSATION_ACCEPTED,  /* ... or need not be; or it has come */
	CPM_CONVERSATION_REFUSED,   /* no client is left that could accept, or one refuses for all */
	CPM_CONVERSATION_UNABLE,    /* a client has accepted, but the caller's side cannot be set up */
	CPM_CONVERSATION_CANCELLED, /* the caller has ended its dialog before it was answered */
	CPM_CONVERSATION_LEFT,      /* one side has ended its dialog, or its media connection is lost */
	CPM_CONVERSATION_QUIET,     /* nothing is left to be passed on */
	CPM_CONVERSATION_TIME, /* the state has lasted too long, or nothing was said for too long */
	CPM_CONVERSATION_EVENTS,
};

enum cpm_conversation_step {
	CPM_CONVERSATION_NOTHING,
	CPM_CONVERSATION_CHOOSE, /* the other clients are cancelled */
	CPM_CONVERSATION_ANSWER, /* the caller gets its 200, the other clients are cancelled */
	CPM_CONVERSATION_REFUSE, /* the script's route goes on, all clients are cancelled */
	CPM_CONVERSATION_CANCEL, /* all clients are cancelled */
	CPM_CONVERSATION_DRAIN, /* what was said to who has left comes to nothing; a clock for the rest starts */
	CPM_CONVERSATION_END, /* both dialogs end */
};

enum cpm_conversation_step cpm_conversation_next(
		enum cpm_conversation_state *state, enum cpm_conversation_event event);

/* Which of two refusals of the clients the caller is to hear (RFC 3261 section 16.7): 0 is none. */
unsigned cpm_conversation_better(unsigned one, unsigned other);

#endif
