/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The states of a dialog that an INVITE to us began. What happens in each is
 * one table; a pair that it does not list changes nothing. RFC 3261 sections
 * 9.2, 13.3.1 and 15.1.
 */
#ifndef CPM_SESSION_DIALOG_H
#define CPM_SESSION_DIALOG_H

enum cpm_dialog_state {
	CPM_DIALOG_PENDING,   /* the INVITE waits for our answer */
	CPM_DIALOG_RINGING,   /* the same, and our 180 is being sent */
	CPM_DIALOG_CANCELLED, /* the caller gave up meanwhile: 487 follows the 180 */
	CPM_DIALOG_ANSWERED,  /* 200 sent, no ACK yet */
	CPM_DIALOG_LEAVING,   /* the same, and to be ended once the ACK has come */
	CPM_DIALOG_CONFIRMED, /* ACK came */
	CPM_DIALOG_ENDING,    /* our BYE is under way */
	CPM_DIALOG_ENDED,     /* over: to be freed */
	CPM_DIALOG_STATES,
};

enum cpm_dialog_event {
	CPM_DIALOG_RING,   /* we say 180 */
	CPM_DIALOG_RUNG,   /* it is sent */
	CPM_DIALOG_ANSWER, /* we say 200 */
	CPM_DIALOG_REFUSE, /* the INVITE got another final answer */
	CPM_DIALOG_CANCEL,
	CPM_DIALOG_ACK,
	CPM_DIALOG_BYE,      /* from the peer */
	CPM_DIALOG_HANG_UP,  /* we want to end it */
	CPM_DIALOG_BYE_DONE, /* our BYE was answered, or could not be sent */
	CPM_DIALOG_TIME,     /* the state's time is over */
	CPM_DIALOG_EVENTS,
};

/* What is to be done; several at once. */
enum cpm_dialog_step {
	CPM_DIALOG_NOTHING = 0,
	CPM_DIALOG_SEND_200 = 1,
	CPM_DIALOG_SEND_487 = 2,
	CPM_DIALOG_SEND_BYE = 4,
	CPM_DIALOG_TELL_ACKED = 8, /* whoever uses the dialog hears of it */
	CPM_DIALOG_TELL_ENDED = 16,
	CPM_DIALOG_FREE = 32,
	CPM_DIALOG_SEND_180 = 64,
};

/* Moves *state on; the steps, as a sum of enum cpm_dialog_step. */
unsigned cpm_dialog_next(enum cpm_dialog_state *state, enum cpm_dialog_event event);

#endif
