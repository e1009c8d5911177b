/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What is around the recording of conversations, as the tests want it: the
 * clock, the queue's store, copies, and the message store.
 */
#ifndef OUTSIDE_H
#define OUTSIDE_H

#include "archive/archive.h"
#include "core/base/buf.h"
#include "media/copy.h"
#include "queue/due.h"

#define OUTSIDE_MAX 16

struct outside {
	int64_t now_ms;
	/* Put into the store, in order. */
	size_t puts;
	struct outside_put {
		struct cpm_buf record, body;
		int64_t due_ms;
		store_done_cb cb;
		void *context;
	} put[OUTSIDE_MAX];
	bool store_down;
	/* Copies: octets of the last, what they were told. */
	size_t copies, copies_finished, copies_dropped;
	uint64_t copy_total, copy_octets;
	bool copy_pauses, copy_refused;
	const struct copy_hooks *copy_hooks;
	void *copy_owner;
	/* Said to be unrecorded, and why the last was. */
	size_t failed;
	const char *why;
	/* Jobs for the message store that are not answered, in order. */
	size_t jobs;
	struct archive_job *job[OUTSIDE_MAX];
	bool archive_full;
	const char *reason;     /* of answers; NULL: "away" */
	struct cpm_slice first; /* whose mark is there */
	/* Given back, in order: due_done (at_ms 0), due_again. */
	size_t given;
	struct outside_given {
		struct due *due;
		int64_t at_ms;
	} given_back[OUTSIDE_MAX];
	size_t withdrawn;
};
extern struct outside outside;

/* As at the start, a long time later. */
void outside_begin(void);
/* Answers the first job. */
void outside_answer(enum imap_rc rc, enum store_rc marked);

/* The record of an INVITE, from alice to bob. */
struct cpm_slice outside_invite(void);

#endif
