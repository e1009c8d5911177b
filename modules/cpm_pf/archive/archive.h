/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The store processes: the only ones that talk to the users' message stores.
 * They put objects there, and take them out again; what that means is decided
 * by who asked, in the user's queue process. Users are spread over them by hash.
 */
#ifndef CPM_ARCHIVE_H
#define CPM_ARCHIVE_H

#include "../core/codec/folder.h"
#include "../imap/imap.h"
#include "../module/command.h"
#include "../module/post.h"

enum archive_task {
	ARCHIVE_STORE, /* in place of delivery: without the request for delivery reports (8.3.1.1 step 4c) */
	ARCHIVE_RECORD, /* history, as received (8.5) */
	ARCHIVE_REMOVE,
	ARCHIVE_FIND, /* one that may have been stored: its UID */
};

/* In shared memory. Its owner is the sender until archive_post, then the store process, then command.run. */
#define ARCHIVE_ID_MAX 64

struct archive_job {
	struct command_job
			command; /* run: called in a queue process with the result; takes the job over */
	/* Called before that with the result, in the store process: true when it could be brought to an end there, without Redis, and the
	 * job is taken over. NULL: the queue process always. */
	bool (*settle)(struct archive_job *job);
	/* Where the result goes: archive_job_make sets the user's queue process. */
	enum post_kind back;
	int process;
	enum archive_task task;
	void *owner;     /* the sender's own: what it is about */
	uint64_t ticket; /* likewise */
	bool again;      /* an earlier attempt may have stored it */
	size_t octets;   /* of the room in flight */
	bool second;     /* its key is another than at first */
	int64_t begun_ms;
	struct cpm_slice aor;          /* canonical key; borrows from the job or from owner */
	struct cpm_slice key;          /* of the object, local@host */
	struct cpm_slice record, body; /* STORE, RECORD: of the message */
	/* STORE, RECORD: of a message that was not put: it is marked in the queue's store beside its append. Borrows; empty: not to be marked. */
	struct cpm_slice identity;
	enum store_rc
			marked; /* as store_mark_cb says: unless it is STORE_OK, what was stored is one too many */
	int64_t marked_ms;
	size_t first_n;
	char first[ARCHIVE_ID_MAX];
	/* The store process's own. */
	bool marking, ended;
	/* The result. For REMOVE folder and numbers are given. */
	enum imap_rc rc;
	const char *reason; /* static; imap_result's, and "record": the message cannot be read */
	bool found;         /* it had been stored before */
	uint32_t uid, uidvalidity;
	size_t folder_n;
	char folder[CPM_FOLDER_MAX];
	char text[]; /* copies */
};

static inline struct cpm_slice archive_first(const struct archive_job *job)
{
	return (struct cpm_slice){job->first, job->first_n};
}

static inline struct cpm_slice archive_folder(const struct archive_job *job)
{
	return (struct cpm_slice){job->folder, job->folder_n};
}

/* In mod_init. */
bool archive_init(void);

/* Is there a message store at all (parameter store_url)? */
bool archive_configured(void);

/* A job with a key of its own, <id><suffix>@<hostname>; aor, record and body are copied or, when copy is false, borrowed from what
 * outlives the job. A body without bytes (p NULL) gets room for n. NULL without memory, or when store_max_bytes_in_flight are under
 * way: as when archive_post is false, the message store has to wait for it. Freed by archive_job_free. */
struct archive_job *archive_job_make(enum archive_task task, struct cpm_slice aor,
		struct cpm_slice id, const char *suffix, struct cpm_slice record, struct cpm_slice body,
		bool copy);

void archive_job_free(struct archive_job *job);

/* Gives the object of a RECORD job another key, once: that of the first may still arrive. */
void archive_rekey(struct archive_job *job);

/* Any process. False when it is full: the caller keeps the job. */
bool archive_post(struct archive_job *job);

/* In the process that runs the store: reads the octets of the large message id into the room that the job has for its body, then posts
 * it. When that fails command.run gets it at once, with IMAP_DOWN. */
void archive_gather(struct archive_job *job, struct store *store, struct cpm_slice id);

/* "connected", or why the message store is away; "none" without one. */
const char *archive_state(void);
struct archive_gauges {
	unsigned long pending, connections,
			latency_max_ms; /* latency: the longest call since the last look */
	size_t octets;          /* of messages under way, of this node */
};
void archive_gauges(struct archive_gauges *out);

/* The life of store process number index (from 0): never returns. */
void archive_run(int index);

#endif
