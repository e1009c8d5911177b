/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A large message on its way: in (INVITE, MSRP, the store), and out (INVITE,
 * MSRP, BYE), as tables. An event that a table does not list for a state changes
 * nothing. The norm's 8.3.1.4 and 8.3.1.6.7.
 */
#ifndef CPM_LARGE_H
#define CPM_LARGE_H

/* In. */
enum cpm_receipt_state {
	CPM_RECEIPT_OPEN,     /* answered: octets come */
	CPM_RECEIPT_SETTLING, /* whole: it is made safe */
	CPM_RECEIPT_LEAVING,  /* its sender has the answer and is to say BYE */
	CPM_RECEIPT_GONE,
	CPM_RECEIPT_STATES,
};

enum cpm_receipt_event {
	CPM_RECEIPT_COMPLETE, /* every octet is there */
	CPM_RECEIPT_VERDICT,  /* it is safe, or cannot be made so */
	CPM_RECEIPT_OVER,     /* the sender ended the dialog */
	CPM_RECEIPT_LOST,     /* the media connection is lost */
	CPM_RECEIPT_TIME,     /* no BYE came */
	CPM_RECEIPT_EVENTS,
};

enum cpm_receipt_step {
	CPM_RECEIPT_NOTHING,
	CPM_RECEIPT_SETTLE,
	CPM_RECEIPT_ANSWER,
	CPM_RECEIPT_DISCARD,     /* what has come is worth nothing */
	CPM_RECEIPT_DISCARD_BYE, /* the same, and we end the dialog */
	CPM_RECEIPT_END,
	CPM_RECEIPT_END_BYE,
};

enum cpm_receipt_step cpm_receipt_next(enum cpm_receipt_state *state, enum cpm_receipt_event event);

/* Out. */
enum cpm_transfer_state {
	CPM_TRANSFER_INVITED,  /* the INVITE has no final answer yet */
	CPM_TRANSFER_SENDING,  /* 200: the octets go */
	CPM_TRANSFER_GIVEN_UP, /* without a session of ours, the answer is awaited all the same */
	CPM_TRANSFER_OVER,
	CPM_TRANSFER_STATES,
};

enum cpm_transfer_event {
	CPM_TRANSFER_ACCEPTED, /* 2xx */
	CPM_TRANSFER_REFUSED,  /* another final answer */
	CPM_TRANSFER_SENT,     /* every chunk is confirmed */
	CPM_TRANSFER_BROKEN,   /* it is not, or the connection is lost */
	CPM_TRANSFER_EVENTS,
};

enum cpm_transfer_step {
	CPM_TRANSFER_NOTHING,
	CPM_TRANSFER_SEND,
	CPM_TRANSFER_END,     /* tell how it ended */
	CPM_TRANSFER_END_BYE, /* the same, and end the dialog */
};

enum cpm_transfer_step cpm_transfer_next(
		enum cpm_transfer_state *state, enum cpm_transfer_event event);

#endif
