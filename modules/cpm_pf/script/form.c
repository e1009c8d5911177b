/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Reads CPIM and MIME of a request's body.
 */
#include "form.h"

#include "../../core/dprint.h"
#include "../core/codec/mime.h"
#include "../module/settings.h"
#include "../module/statistics.h"

static bool refuse(struct context *c, const char *reason, const char *why)
{
	const struct request *r = &c->request;

	c->reason = reason;
	LM_NOTICE("event=refused call_id=%.*s reason=%s why=\"%s\"\n", (int)r->call_id.n,
			r->call_id.n ? r->call_id.p : "", reason, why ? why : "");
	return false;
}

bool form_refuse_rc(struct context *c, enum cpm_rc rc, const struct cpm_diag *diag)
{
	if(rc == CPM_LIMIT) {
		count(too_large);
		return refuse(c, "too-large", diag->reason);
	}
	count(malformed);
	return refuse(c, "malformed", diag->reason);
}

/* The first message/cpim part of a multipart body. */
static enum cpm_rc read_parts(const struct request *r, const struct cpm_media_type *type,
		struct cpm_cpim *cpim, struct cpm_diag *diag)
{
	struct cpm_mime_parts it;
	struct cpm_mime_part part;
	struct cpm_media_type inner;
	struct cpm_slice value;
	bool end = false, found = false;
	enum cpm_rc rc = cpm_mime_parts_init(&it, r->body, type, &settings.limits, diag);

	while(rc == CPM_OK) {
		rc = cpm_mime_parts_next(&it, &part, &end, diag);
		if(rc != CPM_OK || end)
			break;
		if(!found && cpm_mime_header(part.headers, CPM_SLICE("Content-Type"), &value)
				&& cpm_media_type_parse(value, &inner)
				&& cpm_media_type_is(&inner, "message", "cpim")) {
			rc = cpm_cpim_parse(part.body, &settings.limits, cpim, diag);
			found = true;
		}
	}
	return rc;
}

static bool read_form(struct context *c, const struct request *r, struct cpm_cpim *cpim)
{
	struct cpm_media_type type;
	struct cpm_diag diag = {0};
	enum cpm_rc rc = CPM_OK;

	memset(cpim, 0, sizeof(*cpim));
	if(r->body.n > settings.limits.max_message_bytes) {
		count(too_large);
		return refuse(c, "too-large", "body over max_message_bytes");
	}
	if(!r->body.n)
		return true;
	if(!r->content_type.n) {
		count(malformed);
		return refuse(c, "malformed", "body without Content-Type");
	}
	if(!cpm_media_type_parse(r->content_type, &type)) {
		count(unsupported);
		return refuse(c, "unsupported", "Content-Type is no media type");
	}
	if(cpm_media_type_is(&type, "message", "cpim"))
		rc = cpm_cpim_parse(r->body, &settings.limits, cpim, &diag);
	else if(cpm_slice_ieq(type.type, CPM_SLICE("multipart")))
		rc = read_parts(r, &type, cpim, &diag);
	return rc == CPM_OK || form_refuse_rc(c, rc, &diag);
}

bool form_check(struct context *c, const struct request *r)
{
	if(!c->form_read) {
		c->form_ok = read_form(c, r, &c->cpim);
		c->form_read = true;
	}
	return c->form_ok;
}
