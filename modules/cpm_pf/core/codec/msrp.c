/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The MSRP reader: lines of a head into the caller's memory, then octets of a
 * body until the end-line of this very transaction.
 */
#include "msrp.h"

#include "../base/ascii.h"

#define HYPHENS "-------"

enum state {
	STATE_IDLE,
	STATE_HEAD,
	STATE_BODY,
	STATE_ENDED, /* the end-line came in place of a body */
};

/* Octets 2 to 4 of the headers that must come first have a place of their own. */
enum place { FIRST_TO_PATH, FIRST_FROM_PATH, FIRST_DONE };

void cpm_msrp_reader_init(
		struct cpm_msrp_reader *r, char *memory, size_t size, const struct cpm_msrp_limits *limits)
{
	memset(r, 0, sizeof(*r));
	r->memory = memory;
	r->size = size;
	r->limits = limits;
}

bool cpm_msrp_reader_idle(const struct cpm_msrp_reader *r)
{
	return r->state == STATE_IDLE;
}

static bool is_ident(struct cpm_slice s, size_t min, size_t max)
{
	if(s.n < min || s.n > max || (!cpm_ascii_alpha(s.p[0]) && !cpm_ascii_digit(s.p[0])))
		return false;
	for(size_t i = 1; i < s.n; i++)
		if(!cpm_ascii_alpha(s.p[i]) && !cpm_ascii_digit(s.p[i]) && !cpm_ascii_in(s.p[i], ".-+%="))
			return false;
	return true;
}

static struct cpm_slice take_word(struct cpm_slice *rest)
{
	size_t blank = cpm_slice_find(*rest, ' ');
	struct cpm_slice word = cpm_slice_head(*rest, blank);

	*rest = cpm_slice_from(*rest, blank + 1);
	return word;
}

static bool status_parse(struct cpm_slice word, unsigned *status)
{
	uint64_t value;

	if(word.n != 3 || !cpm_slice_u64(word, &value))
		return false;
	*status = (unsigned)value;
	return true;
}

/* "MSRP" SP tid SP (method / status [SP comment]) */
static bool start_line_parse(struct cpm_msrp_reader *r, struct cpm_slice line)
{
	struct cpm_msrp_head *h = &r->head;
	struct cpm_slice word;

	if(!cpm_slice_eq(take_word(&line), CPM_SLICE("MSRP")))
		return false;
	h->tid = take_word(&line);
	if(!is_ident(h->tid, CPM_MSRP_TID_MIN, CPM_MSRP_TID_MAX))
		return false;
	word = take_word(&line);
	if(status_parse(word, &h->status)) {
		h->kind = CPM_MSRP_RESPONSE;
		return true;
	}
	if(!word.n || line.n)
		return false;
	for(size_t i = 0; i < word.n; i++)
		if(word.p[i] < 'A' || word.p[i] > 'Z')
			return false;
	h->method = word;
	h->kind = cpm_slice_eq(word, CPM_SLICE("SEND"))     ? CPM_MSRP_SEND
			  : cpm_slice_eq(word, CPM_SLICE("REPORT")) ? CPM_MSRP_REPORT
														: CPM_MSRP_OTHER;
	return true;
}

static void end_prepare(struct cpm_msrp_reader *r)
{
	memcpy(r->end, "\r\n" HYPHENS, 9);
	memcpy(r->end + 9, r->head.tid.p, r->head.tid.n);
	r->end_length = 9 + r->head.tid.n;
}

/* Can only be a number that is in range: "*" or digits. */
static bool range_number(struct cpm_slice s, uint64_t *value, bool *known)
{
	*known = !cpm_slice_eq(s, CPM_SLICE("*"));
	return !*known || (cpm_slice_u64(s, value) && *value < INT64_MAX);
}

bool cpm_msrp_range_parse(struct cpm_slice text, struct cpm_msrp_range *range)
{
	size_t hyphen = cpm_slice_find(text, '-');
	struct cpm_slice rest = cpm_slice_from(text, hyphen + 1);
	size_t slash = cpm_slice_find(rest, '/');
	bool known;

	*range = (struct cpm_msrp_range){.first = 1};
	if(!range_number(cpm_slice_head(text, hyphen), &range->first, &known) || !known || !range->first
			|| !range_number(cpm_slice_head(rest, slash), &range->last, &range->last_known)
			|| !range_number(cpm_slice_from(rest, slash + 1), &range->total, &range->total_known))
		return false;
	if(range->last_known && range->last < range->first - 1)
		return false;
	return !range->total_known
		   || (range->first - 1 <= range->total
				   && (!range->last_known || range->last <= range->total));
}

static void fault(struct cpm_msrp_head *h, const char *why)
{
	if(!h->fault)
		h->fault = why;
}

static void once(struct cpm_msrp_head *h, struct cpm_slice *slot, struct cpm_slice value)
{
	if(slot->n)
		fault(h, "a header is repeated");
	else
		*slot = value;
}

static void take_range(struct cpm_msrp_head *h, struct cpm_slice value)
{
	struct cpm_msrp_range range;

	if(h->ranged || !cpm_msrp_range_parse(value, &range))
		fault(h, "Byte-Range is none");
	else
		h->range = range;
	h->ranged = true;
}

static void take_success(struct cpm_msrp_head *h, struct cpm_slice value)
{
	h->success_report = cpm_slice_ieq(value, CPM_SLICE("yes"));
	if(!h->success_report && !cpm_slice_ieq(value, CPM_SLICE("no")))
		fault(h, "Success-Report is neither yes nor no");
}

static void take_failure(struct cpm_msrp_head *h, struct cpm_slice value)
{
	if(cpm_slice_ieq(value, CPM_SLICE("no")))
		h->responses = CPM_MSRP_NONE;
	else if(cpm_slice_ieq(value, CPM_SLICE("partial")))
		h->responses = CPM_MSRP_ERRORS;
	else if(!cpm_slice_ieq(value, CPM_SLICE("yes")))
		fault(h, "Failure-Report is neither yes nor partial nor no");
}

static void take_status(struct cpm_msrp_head *h, struct cpm_slice value)
{
	if(!status_parse(take_word(&value), &h->status_namespace)
			|| !status_parse(take_word(&value), &h->status))
		fault(h, "Status is none");
}

/* RFC 4975 section 9: To-Path and From-Path come first, in this order. */
static void header_take(struct cpm_msrp_reader *r, struct cpm_slice name, struct cpm_slice value)
{
	struct cpm_msrp_head *h = &r->head;

	if(cpm_slice_ieq(name, CPM_SLICE("To-Path"))) {
		if(r->lines != 1)
			fault(h, "To-Path is not the first header");
		once(h, &h->to_path, value);
	} else if(cpm_slice_ieq(name, CPM_SLICE("From-Path"))) {
		if(r->lines != 2)
			fault(h, "From-Path is not the second header");
		once(h, &h->from_path, value);
	} else if(cpm_slice_ieq(name, CPM_SLICE("Message-ID"))) {
		once(h, &h->message_id, value);
	} else if(cpm_slice_ieq(name, CPM_SLICE("Content-Type"))) {
		once(h, &h->content_type, value);
	} else if(cpm_slice_ieq(name, CPM_SLICE("Byte-Range"))) {
		take_range(h, value);
	} else if(cpm_slice_ieq(name, CPM_SLICE("Success-Report"))) {
		take_success(h, value);
	} else if(cpm_slice_ieq(name, CPM_SLICE("Failure-Report"))) {
		take_failure(h, value);
	} else if(cpm_slice_ieq(name, CPM_SLICE("Status")) && h->kind == CPM_MSRP_REPORT) {
		take_status(h, value);
	}
}

static bool header_parse(struct cpm_msrp_reader *r, struct cpm_slice line)
{
	size_t colon = cpm_slice_find(line, ':');
	struct cpm_slice name = cpm_slice_head(line, colon);
	struct cpm_slice value = cpm_slice_trim(cpm_slice_from(line, colon + 1));

	if(colon == line.n || !name.n)
		return false;
	for(size_t i = 0; i < name.n; i++)
		if(!cpm_ascii_token(name.p[i]))
			return false;
	for(size_t i = 0; i < value.n; i++)
		if(cpm_ascii_control(value.p[i]) && value.p[i] != '\t')
			fault(&r->head, "a control character in a header");
	header_take(r, name, value);
	return true;
}

/* What must be there, whatever the order. */
static void head_check(struct cpm_msrp_head *h)
{
	if(!h->to_path.n || !h->from_path.n)
		fault(h, "To-Path or From-Path is missing");
	if(h->kind != CPM_MSRP_SEND && h->kind != CPM_MSRP_REPORT)
		return;
	if(!h->message_id.n)
		fault(h, "Message-ID is missing");
	else if(h->message_id.n > 255)
		fault(h, "Message-ID is too long");
	if(h->kind == CPM_MSRP_REPORT && !h->status)
		fault(h, "Status is missing");
}

/* The end-line inside a head: no body. */
static bool end_line_parse(struct cpm_msrp_reader *r, struct cpm_slice line)
{
	size_t hyphens = sizeof(HYPHENS) - 1;
	struct cpm_slice rest = cpm_slice_from(line, hyphens);

	if(rest.n != r->head.tid.n + 1 || !cpm_slice_starts(rest, r->head.tid)
			|| !cpm_ascii_in(rest.p[rest.n - 1], "$+#"))
		return false;
	r->flag = rest.p[rest.n - 1];
	return true;
}

/* One line of the head without its end. *event becomes HEAD when it was the last. */
static enum cpm_rc line_take(struct cpm_msrp_reader *r, struct cpm_slice line,
		enum cpm_msrp_event *event, const char **reason)
{
	struct cpm_msrp_head *h = &r->head;

	if(!h->tid.n) {
		*reason = "not a start-line of MSRP";
		if(!start_line_parse(r, line))
			return CPM_SYNTAX;
		end_prepare(r);
		return CPM_OK;
	}
	if(line.n && !cpm_slice_starts(line, CPM_SLICE(HYPHENS))) {
		*reason = "too many headers";
		if(r->lines++ == r->limits->max_headers)
			return CPM_LIMIT;
		*reason = "not a header";
		return header_parse(r, line) ? CPM_OK : CPM_SYNTAX;
	}
	h->text = (struct cpm_slice){r->memory, r->line};
	head_check(h);
	*event = CPM_MSRP_HEAD;
	if(line.n) {
		*reason = "an end-line of another transaction";
		if(!end_line_parse(r, line))
			return CPM_SYNTAX;
		r->state = STATE_ENDED;
		return CPM_OK;
	}
	*reason = "a response with a body";
	if(h->kind == CPM_MSRP_RESPONSE)
		return CPM_SYNTAX;
	h->body = true;
	r->state = STATE_BODY;
	/* The blank line's CRLF may also be the one in front of the end-line. */
	memcpy(r->held, "\r\n", 2);
	r->matched = r->implied = 2;
	return CPM_OK;
}

/* Bytes up to and with the next LF go into the memory. */
static enum cpm_rc head_take(struct cpm_msrp_reader *r, struct cpm_slice *input,
		enum cpm_msrp_event *event, const char **reason)
{
	while(input->n) {
		size_t end = cpm_slice_find(*input, '\n');
		bool complete = end < input->n;
		size_t n = end + complete;
		struct cpm_slice line;
		enum cpm_rc rc;

		*reason = "a line or a head that is too long";
		if(n > r->size - r->used || n > r->limits->max_line - (r->used - r->line))
			return CPM_LIMIT;
		memcpy(r->memory + r->used, input->p, n);
		r->used += n;
		*input = cpm_slice_from(*input, n);
		*reason = "not a start-line of MSRP";
		if(!r->line && memcmp(r->memory, "MSRP ", r->used < 5 ? r->used : 5) != 0)
			return CPM_SYNTAX;
		if(!complete)
			break;
		line = (struct cpm_slice){r->memory + r->line, r->used - r->line - 1};
		*reason = "a line that does not end with CRLF";
		if(!line.n || line.p[line.n - 1] != '\r')
			return CPM_SYNTAX;
		line.n--;
		rc = line_take(r, line, event, reason);
		r->line = r->used;
		if(rc || *event == CPM_MSRP_HEAD)
			return rc;
	}
	return CPM_OK;
}

/* Is c what the end-line has at this place? */
static bool end_fits(const struct cpm_msrp_reader *r, size_t at, char c)
{
	if(at < r->end_length)
		return c == r->end[at];
	if(at == r->end_length)
		return cpm_ascii_in(c, "$+#");
	return c == (at == r->end_length + 1 ? '\r' : '\n');
}

/* How much of the end-line s starts with. */
static size_t end_match(const struct cpm_msrp_reader *r, struct cpm_slice s)
{
	size_t n = 0;

	while(n < s.n && n < r->end_length + 3 && end_fits(r, n, s.p[n]))
		n++;
	return n;
}

static enum cpm_msrp_event body_end(struct cpm_msrp_reader *r, char flag)
{
	r->flag = flag;
	r->state = STATE_IDLE;
	return CPM_MSRP_END;
}

/* Goes on with an end-line of which a start was held back. */
static enum cpm_msrp_event held_take(
		struct cpm_msrp_reader *r, struct cpm_slice *input, struct cpm_slice *piece)
{
	size_t i = 0;

	while(i < input->n && end_fits(r, r->matched, input->p[i])) {
		r->held[r->matched++] = input->p[i++];
		if(r->matched == r->end_length + 3) {
			*input = cpm_slice_from(*input, i);
			return body_end(r, r->held[r->end_length]);
		}
	}
	*input = cpm_slice_from(*input, i);
	if(!input->n)
		return CPM_MSRP_MORE;
	/* It was none. No later start of an end-line is among the octets held: CR stands only at their
	 * start and at their end, and there the next octet has just shown that it is not LF. */
	*piece = (struct cpm_slice){r->held + r->implied, r->matched - r->implied};
	r->matched = r->implied = 0;
	return CPM_MSRP_BODY;
}

static enum cpm_msrp_event body_take(
		struct cpm_msrp_reader *r, struct cpm_slice *input, struct cpm_slice *piece)
{
	size_t at = 0, n = 0;

	if(r->matched) {
		enum cpm_msrp_event event = held_take(r, input, piece);

		if(event != CPM_MSRP_BODY || piece->n)
			return event;
	}
	while(at < input->n) {
		at += cpm_slice_find(cpm_slice_from(*input, at), '\r');
		n = end_match(r, cpm_slice_from(*input, at));
		if(n == r->end_length + 3 || at + n == input->n)
			break;
		at++;
	}
	if(at) {
		*piece = cpm_slice_head(*input, at);
		*input = cpm_slice_from(*input, at);
		return CPM_MSRP_BODY;
	}
	if(n)
		memcpy(r->held, input->p, n);
	*input = cpm_slice_from(*input, n);
	if(n == r->end_length + 3)
		return body_end(r, r->held[r->end_length]);
	r->matched = n;
	return CPM_MSRP_MORE;
}

static void frame_begin(struct cpm_msrp_reader *r)
{
	memset(&r->head, 0, sizeof(r->head));
	r->head.range.first = 1;
	r->flag = 0;
	r->octets = 0;
	r->used = r->line = r->lines = 0;
	r->matched = r->implied = 0;
	r->state = STATE_HEAD;
}

enum cpm_rc cpm_msrp_next(struct cpm_msrp_reader *r, struct cpm_slice *input,
		enum cpm_msrp_event *event, struct cpm_slice *piece, struct cpm_diag *diag)
{
	size_t before = input->n;
	const char *reason = NULL;
	enum cpm_rc rc;

	*event = CPM_MSRP_MORE;
	*piece = CPM_SLICE_NONE;
	if(r->state == STATE_ENDED) {
		*event = CPM_MSRP_END;
		r->state = STATE_IDLE;
		return CPM_OK;
	}
	if(!input->n)
		return CPM_OK;
	if(r->state == STATE_BODY) {
		*event = body_take(r, input, piece);
		r->octets += piece->n;
		return CPM_OK;
	}
	if(r->state == STATE_IDLE)
		frame_begin(r);
	rc = head_take(r, input, event, &reason);
	return rc ? cpm_diag_set(diag, rc, before - input->n, reason) : CPM_OK;
}
