/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The tables.
 */
#include "large.h"

#include <stddef.h>

/* clang-format off */
static const struct {
	enum cpm_receipt_state state;
	enum cpm_receipt_event event;
	enum cpm_receipt_step step;
	enum cpm_receipt_state next;
} receipts[] = {
	{CPM_RECEIPT_OPEN,     CPM_RECEIPT_COMPLETE, CPM_RECEIPT_SETTLE,      CPM_RECEIPT_SETTLING},
	{CPM_RECEIPT_OPEN,     CPM_RECEIPT_OVER,     CPM_RECEIPT_DISCARD,     CPM_RECEIPT_GONE},
	{CPM_RECEIPT_OPEN,     CPM_RECEIPT_LOST,     CPM_RECEIPT_DISCARD_BYE, CPM_RECEIPT_GONE},
	/* What is whole is made safe, whether its sender waits for that or not. */
	{CPM_RECEIPT_SETTLING, CPM_RECEIPT_VERDICT,  CPM_RECEIPT_ANSWER,      CPM_RECEIPT_LEAVING},
	{CPM_RECEIPT_LEAVING,  CPM_RECEIPT_OVER,     CPM_RECEIPT_END,         CPM_RECEIPT_GONE},
	{CPM_RECEIPT_LEAVING,  CPM_RECEIPT_LOST,     CPM_RECEIPT_END_BYE,     CPM_RECEIPT_GONE},
	{CPM_RECEIPT_LEAVING,  CPM_RECEIPT_TIME,     CPM_RECEIPT_END_BYE,     CPM_RECEIPT_GONE},
};

static const struct {
	enum cpm_transfer_state state;
	enum cpm_transfer_event event;
	enum cpm_transfer_step step;
	enum cpm_transfer_state next;
} transfers[] = {
	{CPM_TRANSFER_INVITED,  CPM_TRANSFER_ACCEPTED, CPM_TRANSFER_SEND,    CPM_TRANSFER_SENDING},
	{CPM_TRANSFER_INVITED,  CPM_TRANSFER_REFUSED,  CPM_TRANSFER_END,     CPM_TRANSFER_OVER},
	{CPM_TRANSFER_INVITED,  CPM_TRANSFER_BROKEN,   CPM_TRANSFER_NOTHING, CPM_TRANSFER_GIVEN_UP},
	{CPM_TRANSFER_GIVEN_UP, CPM_TRANSFER_ACCEPTED, CPM_TRANSFER_END_BYE, CPM_TRANSFER_OVER},
	{CPM_TRANSFER_GIVEN_UP, CPM_TRANSFER_REFUSED,  CPM_TRANSFER_END,     CPM_TRANSFER_OVER},
	{CPM_TRANSFER_SENDING,  CPM_TRANSFER_SENT,     CPM_TRANSFER_END_BYE, CPM_TRANSFER_OVER},
	{CPM_TRANSFER_SENDING,  CPM_TRANSFER_BROKEN,   CPM_TRANSFER_END_BYE, CPM_TRANSFER_OVER},
};
/* clang-format on */

enum cpm_receipt_step cpm_receipt_next(enum cpm_receipt_state *state, enum cpm_receipt_event event)
{
	for(size_t i = 0; i < sizeof(receipts) / sizeof(receipts[0]); i++) {
		if(receipts[i].state == *state && receipts[i].event == event) {
			*state = receipts[i].next;
			return receipts[i].step;
		}
	}
	return CPM_RECEIPT_NOTHING;
}

enum cpm_transfer_step cpm_transfer_next(
		enum cpm_transfer_state *state, enum cpm_transfer_event event)
{
	for(size_t i = 0; i < sizeof(transfers) / sizeof(transfers[0]); i++) {
		if(transfers[i].state == *state && transfers[i].event == event) {
			*state = transfers[i].next;
			return transfers[i].step;
		}
	}
	return CPM_TRANSFER_NOTHING;
}
