/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The message/cpim reader: message headers by namespace, then the MIME headers
 * of the content, then the content.
 */
#include "cpim.h"

#include "../base/ascii.h"
#include "header.h"
#include "mime.h"

#define NAMESPACES_MAX 16

enum namespace {
	NS_OTHER,
	NS_CPIM,
	NS_IMDN,
	NS_CPM,
};

struct binding {
	struct cpm_slice prefix; /* empty for the default namespace */
	enum namespace ns;
};

struct scope {
	struct binding bindings[NAMESPACES_MAX];
	size_t n;
};

/* Which header goes where. */
static const struct {
	enum namespace ns;
	const char *name;
	size_t field; /* offset in struct cpm_cpim */
} known[] = {
		{NS_CPIM, "From", offsetof(struct cpm_cpim, from)},
		{NS_CPIM, "To", offsetof(struct cpm_cpim, to)},
		{NS_CPIM, "DateTime", offsetof(struct cpm_cpim, date_time)},
		{NS_CPIM, "Subject", offsetof(struct cpm_cpim, subject)},
		{NS_IMDN, "Message-ID", offsetof(struct cpm_cpim, imdn_id)},
		{NS_IMDN, "Disposition-Notification", offsetof(struct cpm_cpim, disposition)},
		{NS_IMDN, "Original-To", offsetof(struct cpm_cpim, original_to)},
		{NS_CPM, "Payload-Type", offsetof(struct cpm_cpim, payload_type)},
};

static enum namespace namespace_of(struct cpm_slice uri)
{
	if(cpm_slice_ieq(uri, CPM_SLICE("urn:ietf:params:cpim-headers:")))
		return NS_CPIM;
	if(cpm_slice_ieq(uri, CPM_SLICE("urn:ietf:params:imdn")))
		return NS_IMDN;
	if(cpm_slice_ieq(uri, CPM_SLICE("http://www.openmobilealliance.org/cpm/")))
		return NS_CPM;
	return NS_OTHER;
}

/* NS: [prefix] <uri>; a later declaration of a prefix replaces the earlier one. A value that is no
 * declaration binds nothing. */
static enum cpm_rc scope_declare(struct scope *scope, struct cpm_slice value)
{
	size_t open = cpm_slice_find(value, '<');
	struct cpm_slice prefix = cpm_slice_trim(cpm_slice_head(value, open));
	struct cpm_slice uri = cpm_slice_from(value, open + 1);
	size_t close = cpm_slice_find(uri, '>');
	size_t i = 0;

	if(close == uri.n)
		return CPM_OK;
	while(i < scope->n && !cpm_slice_eq(scope->bindings[i].prefix, prefix))
		i++;
	if(i == NAMESPACES_MAX)
		return CPM_LIMIT;
	if(i == scope->n)
		scope->n++;
	scope->bindings[i] =
			(struct binding){prefix, namespace_of(cpm_slice_trim(cpm_slice_head(uri, close)))};
	return CPM_OK;
}

/* Takes the prefix off *name. */
static enum namespace scope_resolve(const struct scope *scope, struct cpm_slice *name)
{
	size_t dot = cpm_slice_find(*name, '.');
	struct cpm_slice prefix = cpm_slice_head(*name, dot < name->n ? dot : 0);

	if(dot < name->n)
		*name = cpm_slice_from(*name, dot + 1);
	for(size_t i = 0; i < scope->n; i++)
		if(cpm_slice_eq(scope->bindings[i].prefix, prefix))
			return scope->bindings[i].ns;
	return NS_OTHER;
}

/* RFC 3862 section 2.3: parameters stand between the colon and the blank in front of the value. */
static struct cpm_slice without_params(const struct cpm_mime_field *field)
{
	if(!cpm_slice_starts(field->value, CPM_SLICE(";"))
			|| field->value.p != field->name.p + field->name.n + 1)
		return field->value;
	return cpm_slice_trim(cpm_slice_from(field->value, cpm_header_find(field->value, " ")));
}

static enum cpm_rc route_keep(struct cpm_slice value, struct cpm_cpim *out)
{
	if(out->record_route_count == CPM_CPIM_ROUTES_MAX)
		return CPM_LIMIT;
	out->record_routes[out->record_route_count++] = value;
	return CPM_OK;
}

static enum cpm_rc header_keep(
		const struct scope *scope, const struct cpm_mime_field *field, struct cpm_cpim *out)
{
	struct cpm_slice name = field->name;
	enum namespace ns = scope_resolve(scope, &name);

	if(ns == NS_IMDN && cpm_slice_eq(name, CPM_SLICE("IMDN-Record-Route")))
		return route_keep(without_params(field), out);
	for(size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct cpm_slice *slot = (struct cpm_slice *)((char *)out + known[i].field);

		if(known[i].ns != ns || !cpm_slice_eq(name, cpm_slice_of(known[i].name)) || slot->p)
			continue;
		*slot = without_params(field);
		if(slot == &out->disposition)
			out->disposition_line = field->line;
	}
	return CPM_OK;
}

/* Walks over one block of headers up to its blank line. The message headers have a scope, the MIME
 * headers have none. */
static enum cpm_rc parse_block(struct cpm_slice *rest, struct scope *scope, size_t *room,
		struct cpm_slice *block, struct cpm_cpim *out, const char **reason)
{
	struct cpm_mime_field field;
	enum cpm_rc rc;

	*block = cpm_slice_head(*rest, 0);
	while((rc = cpm_mime_next_field(rest, &field)) == CPM_OK) {
		*reason = "too many headers, namespaces or routes";
		if(!(*room)--)
			return CPM_LIMIT;
		block->n += field.line.n;
		if(!scope) {
			if(!out->content_type.p && cpm_slice_ieq(field.name, CPM_SLICE("Content-Type")))
				out->content_type = field.value;
		} else if(!cpm_slice_eq(field.name, CPM_SLICE("NS"))) {
			if(header_keep(scope, &field, out))
				return CPM_LIMIT;
		} else if(scope_declare(scope, without_params(&field)) != CPM_OK) {
			return CPM_LIMIT;
		}
	}
	if(rc == CPM_NOTFOUND)
		return CPM_OK;
	*reason = rc == CPM_NEED_MORE ? "no blank line behind the headers" : "not a header";
	return CPM_SYNTAX;
}

static unsigned wants_of(struct cpm_slice disposition)
{
	static const struct {
		const char *token;
		unsigned want;
	} tokens[] = {
			{"positive-delivery", CPM_WANT_POSITIVE},
			{"negative-delivery", CPM_WANT_NEGATIVE},
			{"processing", CPM_WANT_PROCESSING},
			{"display", CPM_WANT_DISPLAY},
	};
	struct cpm_slice value;
	unsigned wants = 0;

	while(cpm_header_next_value(&disposition, &value)) {
		struct cpm_slice token = cpm_header_strip_params(value, NULL);

		for(size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
			if(cpm_slice_ieq(token, cpm_slice_of(tokens[i].token)))
				wants |= tokens[i].want;
	}
	return wants;
}

enum cpm_rc cpm_cpim_parse(struct cpm_slice body, const struct cpm_limits *limits,
		struct cpm_cpim *out, struct cpm_diag *diag)
{
	struct scope scope = {.bindings = {{.ns = NS_CPIM}}, .n = 1};
	struct cpm_slice rest = body;
	size_t room = limits->max_cpim_headers;
	const char *reason = NULL;
	enum cpm_rc rc;

	*out = (struct cpm_cpim){0};
	rc = parse_block(&rest, &scope, &room, &out->headers, out, &reason);
	if(!rc)
		rc = parse_block(&rest, NULL, &room, &out->content_headers, out, &reason);
	if(rc)
		return cpm_diag_set(diag, rc, body.n - rest.n, reason);
	out->content = rest;
	out->wants = wants_of(out->disposition);
	return CPM_OK;
}

enum cpm_rc cpm_cpim_find(struct cpm_slice body, struct cpm_slice content_type,
		const struct cpm_limits *limits, struct cpm_cpim *out, struct cpm_diag *diag)
{
	struct cpm_mime_part part;
	enum cpm_rc rc = cpm_mime_find(body, content_type, "message", "cpim", limits, &part, diag);

	*out = (struct cpm_cpim){0};
	if(rc)
		return rc;
	rc = cpm_cpim_parse(part.body, limits, out, diag);
	if(rc && diag)
		diag->offset += (size_t)(part.body.p - body.p);
	return rc;
}

bool cpm_cpim_is_imdn(const struct cpm_cpim *cpim)
{
	struct cpm_media_type mt;

	return cpm_media_type_parse(cpim->content_type, &mt)
		   && cpm_media_type_is(&mt, "message", "imdn+xml");
}
