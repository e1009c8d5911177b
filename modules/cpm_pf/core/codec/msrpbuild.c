/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * MSRP frames to be sent.
 */
#include "msrpbuild.h"

#define CRLF "\r\n"

static void add_start(struct cpm_buf *b, struct cpm_slice tid, const char *what)
{
	cpm_buf_add_str(b, "MSRP ");
	cpm_buf_add(b, tid);
	cpm_buf_add_char(b, ' ');
	cpm_buf_add_str(b, what);
}

static void add_header(struct cpm_buf *b, const char *name, struct cpm_slice value)
{
	if(!value.n)
		return;
	cpm_buf_add_str(b, name);
	cpm_buf_add_str(b, ": ");
	cpm_buf_add(b, value);
	cpm_buf_add_str(b, CRLF);
}

static void add_number(struct cpm_buf *b, uint64_t value, bool known)
{
	if(known)
		cpm_buf_add_u64(b, value);
	else
		cpm_buf_add_char(b, '*');
}

static void add_range(struct cpm_buf *b, const struct cpm_msrp_range *range)
{
	cpm_buf_add_str(b, "Byte-Range: ");
	cpm_buf_add_u64(b, range->first);
	cpm_buf_add_char(b, '-');
	add_number(b, range->last, range->last_known);
	cpm_buf_add_char(b, '/');
	add_number(b, range->total, range->total_known);
	cpm_buf_add_str(b, CRLF);
}

void cpm_msrp_add_send(struct cpm_buf *b, const struct cpm_msrp_send *send)
{
	add_start(b, send->tid, "SEND" CRLF);
	add_header(b, "To-Path", send->to_path);
	add_header(b, "From-Path", send->from_path);
	add_header(b, "Message-ID", send->message_id);
	add_range(b, &send->range);
	if(send->success_report)
		cpm_buf_add_str(b, "Success-Report: yes" CRLF);
	if(send->responses != CPM_MSRP_ALL)
		cpm_buf_add_str(b, send->responses == CPM_MSRP_NONE ? "Failure-Report: no" CRLF
															: "Failure-Report: partial" CRLF);
	if(send->content_type.n) {
		cpm_buf_add(b, send->mime_headers);
		add_header(b, "Content-Type", send->content_type);
		cpm_buf_add_str(b, CRLF);
	}
}

void cpm_msrp_add_end(struct cpm_buf *b, struct cpm_slice tid, char flag, bool body)
{
	cpm_buf_add_str(b, body ? CRLF "-------" : "-------");
	cpm_buf_add(b, tid);
	cpm_buf_add_char(b, flag);
	cpm_buf_add_str(b, CRLF);
}

static void add_status(struct cpm_buf *b, unsigned status)
{
	cpm_buf_add_u64(b, status);
	cpm_buf_add_char(b, ' ');
	cpm_buf_add_str(b, cpm_msrp_phrase(status));
	cpm_buf_add_str(b, CRLF);
}

void cpm_msrp_add_response(struct cpm_buf *b, struct cpm_slice tid, unsigned status,
		struct cpm_slice to_path, struct cpm_slice from_path)
{
	add_start(b, tid, "");
	add_status(b, status);
	add_header(b, "To-Path", to_path);
	add_header(b, "From-Path", from_path);
	cpm_msrp_add_end(b, tid, CPM_MSRP_LAST, false);
}

void cpm_msrp_add_report(struct cpm_buf *b, const struct cpm_msrp_report *report)
{
	struct cpm_msrp_range range = {1, report->total, report->total, true, true};

	add_start(b, report->tid, "REPORT" CRLF);
	add_header(b, "To-Path", report->to_path);
	add_header(b, "From-Path", report->from_path);
	add_header(b, "Message-ID", report->message_id);
	add_range(b, &range);
	cpm_buf_add_str(b, "Status: 000 ");
	add_status(b, report->status);
	cpm_msrp_add_end(b, report->tid, CPM_MSRP_LAST, false);
}

bool cpm_msrp_tid_occurs(struct cpm_slice tid, struct cpm_slice body)
{
	size_t need = 7 + tid.n;

	/* The seven hyphens are rare; whoever follows them is compared. */
	for(size_t at = 0; at + need <= body.n; at++) {
		const char *hyphen = memchr(body.p + at, '-', body.n - at - need + 1);

		if(!hyphen)
			return false;
		at = (size_t)(hyphen - body.p);
		if(memcmp(hyphen, "-------", 7) == 0 && memcmp(hyphen + 7, tid.p, tid.n) == 0)
			return true;
	}
	return false;
}

void cpm_msrp_add_id(struct cpm_buf *b, const unsigned char random[CPM_MSRP_ID_BYTES])
{
	/* 64 characters for 6 bits; the first must be a letter or a digit. */
	static const char digits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	char text[CPM_MSRP_ID_LENGTH];

	for(size_t i = 0; i < CPM_MSRP_ID_BYTES / 3; i++) {
		const unsigned char *r = random + 3 * i;
		unsigned bits = ((unsigned)r[0] << 16) | ((unsigned)r[1] << 8) | r[2];

		for(size_t k = 0; k < 4; k++)
			text[4 * i + k] = digits[(bits >> (6 * k)) & 63];
	}
	if(text[0] == '.' || text[0] == '-')
		text[0] = 'm';
	cpm_buf_add(b, (struct cpm_slice){text, sizeof(text)});
}

const char *cpm_msrp_phrase(unsigned status)
{
	static const struct {
		unsigned status;
		const char *phrase;
	} phrases[] = {
			{200, "OK"},
			{400, "Bad Request"},
			{403, "Forbidden"},
			{408, "Timeout"},
			{413, "Message Too Large"},
			{415, "Unsupported Media Type"},
			{423, "Parameter Out Of Bounds"},
			{481, "Session Does Not Exist"},
			{501, "Not Implemented"},
			{506, "Session In Use"},
	};

	for(size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if(phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}
