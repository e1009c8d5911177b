/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A large message on its way through: its sender on one side, the client that
 * accepted first on the other, as a table. An event that it does not list for a
 * state changes nothing. The norm's 8.3.1.2 steps 4 and 8 to 11.
 */
#ifndef CPM_BRIDGE_STATES_H
#define CPM_BRIDGE_STATES_H

enum cpm_bridge_state {
	CPM_BRIDGE_INVITING, /* clients are invited, the sender's INVITE waits */
	CPM_BRIDGE_JOINING,  /* one has accepted, its media connection is still to come */
	CPM_BRIDGE_OPEN,     /* one has accepted, the sender is answered: octets go through */
	CPM_BRIDGE_LEAVING,  /* the sender has its answer, good or bad, and is to say BYE */
	CPM_BRIDGE_GONE,
	CPM_BRIDGE_STATES,
};

enum cpm_bridge_event {
	CPM_BRIDGE_CHOSEN, /* the first usable 2xx, of a client whose media connection must be waited for */
	CPM_BRIDGE_ACCEPTED,  /* ... or need not be; or it has come */
	CPM_BRIDGE_REFUSED,   /* no client is left that could accept, or none did in time */
	CPM_BRIDGE_UNABLE,    /* a client has accepted, but the sender's side cannot be set up */
	CPM_BRIDGE_CONFIRMED, /* the client has confirmed every chunk */
	CPM_BRIDGE_BROKEN,    /* it will not: lost, refused, or what comes cannot be passed on */
	CPM_BRIDGE_LOST,      /* the sender's media connection is lost */
	CPM_BRIDGE_OVER,      /* the sender has ended the dialog, or cancelled */
	CPM_BRIDGE_TIME,      /* the state has lasted too long */
	CPM_BRIDGE_EVENTS,
};

enum cpm_bridge_step {
	CPM_BRIDGE_NOTHING,
	CPM_BRIDGE_CHOOSE, /* the other clients are cancelled */
	CPM_BRIDGE_ANSWER, /* the sender gets its 200, the other clients are cancelled */
	CPM_BRIDGE_REFUSE, /* the script's route goes on */
	CPM_BRIDGE_CANCEL, /* all clients are cancelled */
	CPM_BRIDGE_TELL,   /* the sender's last SEND gets its 200 */
	CPM_BRIDGE_FAIL,   /* the sender hears that it failed; the client's dialog ends */
	CPM_BRIDGE_STOP,   /* the client hears that no more comes; both dialogs end */
	CPM_BRIDGE_END,    /* both dialogs end */
};

enum cpm_bridge_step cpm_bridge_next(enum cpm_bridge_state *state, enum cpm_bridge_event event);

#endif
