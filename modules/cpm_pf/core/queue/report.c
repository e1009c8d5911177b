/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The table of reports, and one report from a stored message. The delivery to a
 * client and to the ISF owes nothing: those who deliver report themselves.
 */
#include "report.h"

#include "../codec/date.h"
#include "../codec/imdn.h"
#include "../codec/uri.h"

#define ANONYMOUS "sip:anonymous@anonymous.invalid"

static const struct {
	const char *name;
	unsigned want; /* the request that is answered, 0: none */
	enum cpm_report report;
} ends[CPM_ENDS] = {
		[CPM_END_DEFERRED] = {"deferred", CPM_WANT_PROCESSING, CPM_REPORT_STORED},
		[CPM_END_DELIVERED] = {"delivered", 0, CPM_REPORT_NONE},
		[CPM_END_STORED] = {"stored", CPM_WANT_POSITIVE, CPM_REPORT_DELIVERED},
		[CPM_END_EXPIRED] = {"expired", CPM_WANT_NEGATIVE, CPM_REPORT_FAILED},
		[CPM_END_DELETED] = {"deleted", CPM_WANT_NEGATIVE, CPM_REPORT_FAILED},
		[CPM_END_INTERWORKED] = {"interworked", 0, CPM_REPORT_NONE},
};

static const struct {
	const char *name;
	enum cpm_imdn_kind kind;
	enum cpm_imdn_status status;
} reports[] = {
		[CPM_REPORT_NONE] = {"none", CPM_IMDN_DELIVERY, CPM_IMDN_OTHER},
		[CPM_REPORT_DELIVERED] = {"delivered", CPM_IMDN_DELIVERY, CPM_IMDN_DELIVERED},
		[CPM_REPORT_FAILED] = {"failed", CPM_IMDN_DELIVERY, CPM_IMDN_FAILED},
		[CPM_REPORT_STORED] = {"stored", CPM_IMDN_PROCESSING, CPM_IMDN_STORED},
};

const char *cpm_end_name(enum cpm_end end)
{
	return ends[end].name;
}

const char *cpm_report_name(enum cpm_report report)
{
	return reports[report].name;
}

enum cpm_report cpm_report_owed(enum cpm_end end, const struct cpm_report_facts *facts)
{
	if(facts->is_imdn || !facts->has_imdn_id || !facts->addressable)
		return CPM_REPORT_NONE;
	if(end == CPM_END_DEFERRED && !facts->processing)
		return CPM_REPORT_NONE;
	return facts->wants & ends[end].want ? ends[end].report : CPM_REPORT_NONE;
}

void cpm_report_facts_of(const struct cpm_record *record, struct cpm_slice body,
		const struct cpm_limits *limits, struct cpm_report_facts *facts)
{
	struct cpm_cpim cpim;

	*facts = (struct cpm_report_facts){
			.wants = record->wants,
			.has_imdn_id = record->imdn_id.n > 0,
			.addressable = record->originator.n > 0,
			.anonymous = record->anonymous,
	};
	if(!cpm_cpim_find(body, record->content_type, limits, &cpim, NULL))
		facts->is_imdn = cpm_cpim_is_imdn(&cpim);
}

/* Does the URI name nobody? RCS clients write it into ordinary messages (companion 4.5). */
static bool nobody(struct cpm_slice uri)
{
	struct cpm_uri parsed;

	return cpm_uri_parse(uri, &parsed, NULL) == CPM_OK
		   && cpm_slice_ieq(parsed.host, CPM_SLICE("anonymous.invalid"));
}

/* RFC 5438 section 7.1.1.5: Original-To where a relay changed the recipient, else To. */
static struct cpm_slice original_recipient(
		const struct cpm_record *record, const struct cpm_cpim *cpim)
{
	struct cpm_slice uri;

	if(cpm_uri_of_address(cpim->original_to, &uri))
		return uri;
	return cpm_uri_of_address(cpim->to, &uri) && !nobody(uri) ? uri : record->aor;
}

/* The DateTime of the message; else the Date of the request, else when it came. */
static struct cpm_slice datetime_of(
		const struct cpm_record *record, const struct cpm_cpim *cpim, struct cpm_buf *memory)
{
	int64_t ms = record->arrived_ms;

	if(cpim->date_time.n)
		return cpim->date_time;
	cpm_date_parse_rfc1123(record->date, &ms);
	cpm_date_add_rfc3339(memory, ms);
	return cpm_buf_slice(memory);
}

/* The relays that want to see the report: those with a usable address, none for a sender who is not
 * to be named. *first gets the address of the first one. */
static size_t routes_of(const struct cpm_record *record, const struct cpm_cpim *cpim,
		struct cpm_slice *routes, struct cpm_slice *first)
{
	struct cpm_slice uri;
	size_t n = 0;

	for(size_t i = 0; i < cpim->record_route_count && !record->anonymous; i++) {
		if(!cpm_uri_of_address(cpim->record_routes[i], &uri))
			continue;
		if(!n)
			*first = uri;
		routes[n++] = cpim->record_routes[i];
	}
	return n;
}

enum cpm_rc cpm_report_build(const struct cpm_record *record, struct cpm_slice body,
		enum cpm_report report, struct cpm_slice id, int64_t now_ms,
		const struct cpm_limits *limits, struct cpm_buf *out, struct cpm_report_text *text,
		struct cpm_diag *diag)
{
	struct cpm_slice routes[CPM_CPIM_ROUTES_MAX];
	char memory[40];
	struct cpm_buf date;
	struct cpm_cpim cpim;
	struct cpm_imdn imdn;
	struct cpm_imdn_envelope envelope;

	*text = (struct cpm_report_text){record->originator, record->aor};
	if(!record->originator.n)
		return cpm_diag_set(diag, CPM_NOTFOUND, 0, "the originator is not known");
	if(cpm_cpim_find(body, record->content_type, limits, &cpim, diag))
		return CPM_SYNTAX;
	cpm_buf_init_fixed(&date, memory, sizeof(memory));
	imdn = (struct cpm_imdn){
			.message_id = record->imdn_id,
			.datetime = datetime_of(record, &cpim, &date),
			.recipient_uri = record->aor,
			.original_recipient_uri = original_recipient(record, &cpim),
			.kind = reports[report].kind,
			.status = reports[report].status,
	};
	envelope = (struct cpm_imdn_envelope){
			.from = record->aor,
			.to = record->anonymous ? CPM_SLICE(ANONYMOUS) : record->originator,
			.id = id,
			.routes = routes,
			.route_count = routes_of(record, &cpim, routes, &text->target),
			.now_ms = now_ms,
	};
	return cpm_imdn_build(&envelope, &imdn, out, diag);
}
