/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The stored form of a deferred message. The last line, "end: cpm-record", lets
 * the reader tell a complete text from one that was cut between two lines.
 */
#include "record.h"

#include <stddef.h>

#define VERSION_FIELD "cpm-record"
#define END_FIELD "end"

static const char *const kinds[] = {"pager", "large", "session"};
static const char *const handlings[] = {"push", "pull", "store"};
static const char *const causes[] = {"policy", "dnd", "offline", "undelivered", "store", "script"};
static const char *const wants[] = {"positive", "negative", "processing", "display"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum field_type { TYPE_TEXT, TYPE_TIME, TYPE_SIZE, TYPE_FLAG, TYPE_WORD, TYPE_SET };

struct field {
	const char *name;
	enum field_type type;
	bool required;
	size_t offset;
	const char *const *words;
	size_t word_count;
};

#define TEXT(name, member, required)                                            \
	{                                                                           \
		name, TYPE_TEXT, required, offsetof(struct cpm_record, member), NULL, 0 \
	}

/* In the order of writing. TYPE_WORD fields are enums from 0 on, TYPE_SET ones an unsigned. */
static const struct field fields[] = {
		{"kind", TYPE_WORD, true, offsetof(struct cpm_record, kind), kinds, COUNT(kinds)},
		{"handling", TYPE_WORD, true, offsetof(struct cpm_record, handling), handlings,
				COUNT(handlings)},
		{"cause", TYPE_WORD, true, offsetof(struct cpm_record, cause), causes, COUNT(causes)},
		TEXT("id", id, true),
		TEXT("host", host, false),
		TEXT("aor", aor, true),
		TEXT("originator", originator, false),
		{"anonymous", TYPE_FLAG, false, offsetof(struct cpm_record, anonymous), NULL, 0},
		{"sent", TYPE_FLAG, false, offsetof(struct cpm_record, sent), NULL, 0},
		TEXT("rule", rule, false),
		{"arrived-ms", TYPE_TIME, true, offsetof(struct cpm_record, arrived_ms), NULL, 0},
		{"expires-ms", TYPE_TIME, true, offsetof(struct cpm_record, expires_ms), NULL, 0},
		{"size", TYPE_SIZE, true, offsetof(struct cpm_record, size), NULL, 0},
		{"wants", TYPE_SET, false, offsetof(struct cpm_record, wants), wants, COUNT(wants)},
		TEXT("imdn-id", imdn_id, false),
		TEXT("request-uri", request_uri, false),
		TEXT("from", from, false),
		TEXT("to", to, false),
		TEXT("asserted", asserted, false),
		TEXT("subject", subject, false),
		TEXT("date", date, false),
		TEXT("accept-contact", accept_contact, false),
		TEXT("content-type", content_type, false),
		TEXT("content-disposition", content_disposition, false),
		TEXT("conversation-id", conversation_id, false),
		TEXT("contribution-id", contribution_id, false),
		TEXT("in-reply-to", in_reply_to, false),
		TEXT("referred-by", referred_by, false),
		TEXT("recipients", recipients, false),
		TEXT("date-time", date_time, false),
		TEXT("original-to", original_to, false),
		TEXT("imdn-route", imdn_route, false),
};

/* The three enums of the record are read and written through one accessor each way. */
static void *member_of(struct cpm_record *r, const struct field *f)
{
	return (char *)r + f->offset;
}

static const void *member_in(const struct cpm_record *r, const struct field *f)
{
	return (const char *)r + f->offset;
}

static unsigned word_get(const struct cpm_record *r, const struct field *f)
{
	if(f->words == kinds)
		return r->kind;
	return f->words == handlings ? (unsigned)r->handling : (unsigned)r->cause;
}

static void word_set(struct cpm_record *r, const struct field *f, unsigned value)
{
	if(f->words == kinds)
		r->kind = (enum cpm_record_kind)value;
	else if(f->words == handlings)
		r->handling = (enum cpm_handling)value;
	else
		r->cause = (enum cpm_defer_cause)value;
}

static bool one_line(struct cpm_slice s)
{
	return s.n == 0
		   || (!memchr(s.p, '\r', s.n) && !memchr(s.p, '\n', s.n) && !memchr(s.p, '\0', s.n));
}

static void set_add(struct cpm_buf *out, const struct field *f, unsigned set)
{
	bool first = true;

	for(size_t i = 0; i < f->word_count; i++) {
		if(!(set & (1u << i)))
			continue;
		if(!first)
			cpm_buf_add_char(out, ',');
		cpm_buf_add_str(out, f->words[i]);
		first = false;
	}
}

static bool field_absent(const struct cpm_record *r, const struct field *f)
{
	switch(f->type) {
		case TYPE_TEXT:
			return ((const struct cpm_slice *)member_in(r, f))->n == 0;
		case TYPE_FLAG:
			return !*(const bool *)member_in(r, f);
		case TYPE_SET:
			return *(const unsigned *)member_in(r, f) == 0;
		default:
			return false;
	}
}

/* NULL when the value can be written, else what is wrong with it. */
static const char *field_refusal(const struct cpm_record *r, const struct field *f,
		const struct cpm_limits *limits, bool *limit)
{
	*limit = false;
	if(f->required && field_absent(r, f))
		return "a required field is empty";
	switch(f->type) {
		case TYPE_TEXT: {
			const struct cpm_slice *s = member_in(r, f);
			*limit = s->n > limits->max_header_bytes;
			if(*limit)
				return "a value is too long";
			return one_line(*s) ? NULL : "CR, LF or NUL in a value";
		}
		case TYPE_TIME:
			return *(const int64_t *)member_in(r, f) < 0 ? "a negative time" : NULL;
		case TYPE_WORD:
			return word_get(r, f) < f->word_count ? NULL : "an unknown word";
		case TYPE_SET:
			return *(const unsigned *)member_in(r, f) >> f->word_count ? "an unknown word" : NULL;
		default:
			return NULL;
	}
}

static void field_add(struct cpm_buf *out, const struct cpm_record *r, const struct field *f)
{
	cpm_buf_add_str(out, f->name);
	cpm_buf_add(out, CPM_SLICE(": "));
	switch(f->type) {
		case TYPE_TEXT:
			cpm_buf_add(out, *(const struct cpm_slice *)member_in(r, f));
			break;
		case TYPE_TIME:
			cpm_buf_add_i64(out, *(const int64_t *)member_in(r, f));
			break;
		case TYPE_SIZE:
			cpm_buf_add_u64(out, *(const uint64_t *)member_in(r, f));
			break;
		case TYPE_FLAG:
			cpm_buf_add(out, CPM_SLICE("yes"));
			break;
		case TYPE_WORD:
			cpm_buf_add_str(out, f->words[word_get(r, f)]);
			break;
		case TYPE_SET:
			set_add(out, f, *(const unsigned *)member_in(r, f));
			break;
	}
	cpm_buf_add_char(out, '\n');
}

enum cpm_rc cpm_record_build(const struct cpm_record *r, const struct cpm_limits *limits,
		struct cpm_buf *out, struct cpm_diag *diag)
{
	size_t start = out->n;

	cpm_buf_add(out, CPM_SLICE(VERSION_FIELD ": "));
	cpm_buf_add_u64(out, CPM_RECORD_VERSION);
	cpm_buf_add_char(out, '\n');
	for(size_t i = 0; i < COUNT(fields); i++) {
		bool limit;
		const char *refusal = field_refusal(r, &fields[i], limits, &limit);

		if(refusal)
			return cpm_diag_set(diag, limit ? CPM_LIMIT : CPM_SYNTAX, out->n - start, refusal);
		if(!field_absent(r, &fields[i]))
			field_add(out, r, &fields[i]);
		if(out->n - start > limits->max_record_bytes)
			return cpm_diag_set(diag, CPM_LIMIT, out->n - start, "the record is too long");
	}
	cpm_buf_add(out, CPM_SLICE(END_FIELD ": " VERSION_FIELD "\n"));
	if(out->rc != CPM_OK)
		return cpm_diag_set(diag, out->rc, out->n - start, "no room for the record");
	if(out->n - start > limits->max_record_bytes)
		return cpm_diag_set(diag, CPM_LIMIT, out->n - start, "the record is too long");
	return CPM_OK;
}

/* Index in words, or count. */
static size_t word_find(const char *const *words, size_t count, struct cpm_slice s)
{
	size_t i = 0;

	while(i < count && !cpm_slice_eq(cpm_slice_of(words[i]), s))
		i++;
	return i;
}

static bool set_parse(const struct field *f, struct cpm_slice value, unsigned *set)
{
	struct cpm_slice part;

	*set = 0;
	if(value.n == 0 || value.p[value.n - 1] == ',')
		return false;
	while(cpm_slice_split(&value, ',', &part)) {
		size_t i = word_find(f->words, f->word_count, part);
		if(i == f->word_count || (*set & (1u << i)))
			return false;
		*set |= 1u << i;
	}
	return true;
}

static bool field_parse(const struct field *f, struct cpm_slice value, struct cpm_record *r)
{
	uint64_t number;
	size_t word;

	switch(f->type) {
		case TYPE_TEXT:
			*(struct cpm_slice *)member_of(r, f) = value;
			return value.n > 0;
		case TYPE_TIME:
			if(!cpm_slice_u64(value, &number) || number > INT64_MAX)
				return false;
			*(int64_t *)member_of(r, f) = (int64_t)number;
			return true;
		case TYPE_SIZE:
			return cpm_slice_u64(value, member_of(r, f));
		case TYPE_FLAG:
			*(bool *)member_of(r, f) = true;
			return cpm_slice_eq(value, CPM_SLICE("yes"));
		case TYPE_WORD:
			word = word_find(f->words, f->word_count, value);
			if(word == f->word_count)
				return false;
			word_set(r, f, (unsigned)word);
			return true;
		case TYPE_SET:
			return set_parse(f, value, member_of(r, f));
	}
	return false;
}

/* Takes the next "name: value" line off text from *offset on. */
static enum cpm_rc line_parse(struct cpm_slice text, size_t *offset, struct cpm_slice *name,
		struct cpm_slice *value, struct cpm_diag *diag)
{
	struct cpm_slice rest = cpm_slice_from(text, *offset);
	struct cpm_slice line = cpm_slice_head(rest, cpm_slice_find(rest, '\n'));
	size_t colon = cpm_slice_find(line, ':');

	if(line.n == rest.n)
		return cpm_diag_set(diag, CPM_NEED_MORE, *offset, "the record ends too early");
	if(!one_line(line))
		return cpm_diag_set(diag, CPM_SYNTAX, *offset, "CR or NUL in a line");
	if(colon == 0 || colon + 1 >= line.n || line.p[colon + 1] != ' ')
		return cpm_diag_set(diag, CPM_SYNTAX, *offset, "not a \"field: value\" line");
	*name = cpm_slice_head(line, colon);
	*value = cpm_slice_from(line, colon + 2);
	*offset += line.n + 1;
	return CPM_OK;
}

static enum cpm_rc version_parse(struct cpm_slice text, size_t *offset, struct cpm_diag *diag)
{
	struct cpm_slice name, value;
	uint64_t version;
	enum cpm_rc rc = line_parse(text, offset, &name, &value, diag);

	if(rc != CPM_OK)
		return rc;
	if(!cpm_slice_eq(name, CPM_SLICE(VERSION_FIELD)) || !cpm_slice_u64(value, &version))
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "does not start with its version");
	/* version 1 has no predecessor */
	if(version != CPM_RECORD_VERSION
			&& (CPM_RECORD_VERSION == 1 || version != CPM_RECORD_VERSION - 1))
		return cpm_diag_set(diag, CPM_VERSION, 0, "an unknown record version");
	return CPM_OK;
}

/* The search begins at *at, behind the one found last: fields mostly come in the order of writing. */
static const struct field *field_find(struct cpm_slice name, size_t *at)
{
	for(size_t i = 0; i < COUNT(fields); i++) {
		const struct field *f = &fields[(*at + i) % COUNT(fields)];

		if(cpm_slice_eq(cpm_slice_of(f->name), name)) {
			*at = (size_t)(f - fields) + 1;
			return f;
		}
	}
	return NULL;
}

static enum cpm_rc complete(bool *seen, size_t offset, size_t length, struct cpm_diag *diag)
{
	for(size_t i = 0; i < COUNT(fields); i++) {
		if(fields[i].required && !seen[i])
			return cpm_diag_set(diag, CPM_SYNTAX, offset, "a required field is missing");
	}
	if(offset != length)
		return cpm_diag_set(diag, CPM_SYNTAX, offset, "bytes after the end");
	return CPM_OK;
}

enum cpm_rc cpm_record_parse(struct cpm_slice text, struct cpm_record *r, struct cpm_diag *diag)
{
	bool seen[COUNT(fields)] = {false};
	size_t offset = 0, at = 0;
	enum cpm_rc rc = version_parse(text, &offset, diag);

	*r = (struct cpm_record){.kind = CPM_RECORD_PAGER};
	while(rc == CPM_OK) {
		struct cpm_slice name, value;
		size_t start = offset;
		const struct field *f;

		rc = line_parse(text, &offset, &name, &value, diag);
		if(rc != CPM_OK)
			break;
		if(cpm_slice_eq(name, CPM_SLICE(END_FIELD)))
			return complete(seen, offset, text.n, diag);
		f = field_find(name, &at);
		if(!f)
			continue;
		if(seen[f - fields])
			return cpm_diag_set(diag, CPM_SYNTAX, start, "a field comes twice");
		seen[f - fields] = true;
		if(!field_parse(f, value, r))
			return cpm_diag_set(diag, CPM_SYNTAX, start, "a field has a bad value");
	}
	return rc;
}

const char *cpm_handling_name(enum cpm_handling h)
{
	return (unsigned)h < COUNT(handlings) ? handlings[h] : "unknown";
}

const char *cpm_defer_cause_name(enum cpm_defer_cause c)
{
	return (unsigned)c < COUNT(causes) ? causes[c] : "unknown";
}
