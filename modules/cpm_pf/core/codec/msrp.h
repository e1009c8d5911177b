/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * MSRP frames on the wire: an incremental reader that is fed any piece of a
 * connection and hands a body out as it comes. It collects the head of one
 * frame at most, never a body. RFC 4975 sections 7 and 9.
 */
#ifndef CPM_MSRP_H
#define CPM_MSRP_H

#include "../base/rc.h"
#include "../base/slice.h"

#define CPM_MSRP_TID_MIN 4
#define CPM_MSRP_TID_MAX 32
/* CRLF, seven hyphens, transaction id, flag, CRLF. */
#define CPM_MSRP_END_MAX (2 + 7 + CPM_MSRP_TID_MAX + 1 + 2)

enum cpm_msrp_kind { CPM_MSRP_RESPONSE, CPM_MSRP_SEND, CPM_MSRP_REPORT, CPM_MSRP_OTHER };

/* The flag of an end-line. */
#define CPM_MSRP_LAST '$'
#define CPM_MSRP_CONTINUED '+'
#define CPM_MSRP_ABORTED '#'

/* Which responses the sender of a request wants. */
enum cpm_msrp_wish { CPM_MSRP_ALL, CPM_MSRP_NONE, CPM_MSRP_ERRORS };

/* Octets of the whole message, counted from 1; last is first - 1 when there are none. */
struct cpm_msrp_range {
	uint64_t first, last, total;
	bool last_known, total_known; /* false: '*' */
};

/* Slices borrow from the reader's memory and are valid until the next frame starts. Values are
 * trimmed; empty means absent. */
struct cpm_msrp_head {
	enum cpm_msrp_kind kind;
	struct cpm_slice tid;
	struct cpm_slice method;   /* of a request */
	unsigned status;           /* of a response, or in the Status header of a REPORT */
	unsigned status_namespace; /* of a REPORT: 0 is RFC 4975's own */
	struct cpm_slice to_path;  /* one URI or more, separated by blanks */
	struct cpm_slice from_path;
	struct cpm_slice message_id;
	struct cpm_slice content_type;
	struct cpm_msrp_range range;  /* 1-asterisk/asterisk when there is no Byte-Range */
	bool ranged;                  /* there is one */
	bool success_report;          /* Success-Report: yes */
	enum cpm_msrp_wish responses; /* Failure-Report */
	bool body;                    /* a blank line follows: a body, be it empty */
	struct cpm_slice text;        /* start-line and headers as received, line ends included */
	/* The frame is delimited well, but must be answered with 400: a static string that says why;
	 * NULL when all is well. What could be read is filled in. */
	const char *fault;
};

struct cpm_msrp_limits {
	size_t max_line;    /* bytes of one line of the head, its end included */
	size_t max_headers; /* lines of one head */
};

#define CPM_MSRP_LIMITS_DEFAULT              \
	{                                        \
		.max_line = 2048, .max_headers = 64, \
	}

enum cpm_msrp_event {
	CPM_MSRP_MORE, /* the input is used up */
	CPM_MSRP_HEAD, /* reader->head is complete */
	CPM_MSRP_BODY, /* *piece: the next octets of the body, never empty */
	CPM_MSRP_END,  /* the frame has ended, reader->flag says how */
};

/* Reads one direction of a connection. Fields but head, flag and octets are private. */
struct cpm_msrp_reader {
	struct cpm_msrp_head head;
	char flag;
	uint64_t octets; /* of the present body, as far as handed out */
	char *memory;    /* the head's bytes */
	size_t size, used, line, lines;
	const struct cpm_msrp_limits *limits;
	int state;
	char end[CPM_MSRP_END_MAX];  /* the end-line up to its flag */
	char held[CPM_MSRP_END_MAX]; /* octets that may be the end-line's start */
	size_t end_length, matched, implied;
};

/* memory is the caller's and holds one head of at most size bytes; it and limits outlive the
 * reader. */
void cpm_msrp_reader_init(
		struct cpm_msrp_reader *r, char *memory, size_t size, const struct cpm_msrp_limits *limits);

/* True between two frames: nothing of a frame has been read. */
bool cpm_msrp_reader_idle(const struct cpm_msrp_reader *r);

/* Takes bytes off *input until something is to be told. piece borrows from the input or from the
 * reader, until the next call. Every frame gives HEAD, BODY any number of times, END.
 *   CPM_SYNTAX  this is no MSRP, or an end is missing: the connection is of no further use
 *   CPM_LIMIT   a line, the head or the number of headers is too large: the same
 * After an error the reader may only be initialised anew. */
enum cpm_rc cpm_msrp_next(struct cpm_msrp_reader *r, struct cpm_slice *input,
		enum cpm_msrp_event *event, struct cpm_slice *piece, struct cpm_diag *diag);

/* "first-last/total" with '*' for what is unknown. False when it is none, or contradicts itself. */
bool cpm_msrp_range_parse(struct cpm_slice text, struct cpm_msrp_range *range);

#endif
