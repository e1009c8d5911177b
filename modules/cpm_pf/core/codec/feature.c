/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Names are compared whole after undoing the percent-encoding: oma.cpm.msg is
 * not oma.cpm.largemsg.
 */
#include "feature.h"

#include "../base/ascii.h"
#include "header.h"

#define ICSI "urn:urn-7:3gpp-service.ims.icsi."

static const char *const urns[CPM_ICSI_COUNT] = {
		[CPM_ICSI_MSG] = ICSI "oma.cpm.msg",
		[CPM_ICSI_LARGEMSG] = ICSI "oma.cpm.largemsg",
		[CPM_ICSI_DEFERRED] = ICSI "oma.cpm.deferred",
		[CPM_ICSI_SESSION] = ICSI "oma.cpm.session",
		[CPM_ICSI_SESSION_GROUP] = ICSI "oma.cpm.session.group",
		[CPM_ICSI_FILETRANSFER] = ICSI "oma.cpm.filetransfer",
		[CPM_ICSI_SYSTEMMSG] = ICSI "oma.cpm.systemmsg",
};

static const struct cpm_slice icsi_tag = {"+g.3gpp.icsi-ref", sizeof("+g.3gpp.icsi-ref") - 1};

const char *cpm_icsi_urn(enum cpm_icsi icsi)
{
	return (size_t)icsi < CPM_ICSI_COUNT ? urns[icsi] : "";
}

void cpm_feature_add_accept_contact(struct cpm_buf *b, enum cpm_icsi icsi)
{
	cpm_buf_add_str(b, "*;");
	cpm_buf_add(b, icsi_tag);
	cpm_buf_add_str(b, "=\"");
	for(const char *c = cpm_icsi_urn(icsi); *c; c++) {
		if(*c == ':')
			cpm_buf_add_str(b, "%3A");
		else
			cpm_buf_add_char(b, *c);
	}
	cpm_buf_add_char(b, '"');
}

/* Takes the text of name off an encoded value; false when it does not start with it. */
static bool take_name(struct cpm_slice *value, const char *name)
{
	size_t i = 0;

	for(; *name; name++, i++) {
		int byte;

		if(i >= value->n)
			return false;
		byte = cpm_ascii_escape(*value, i);
		if(cpm_ascii_lower(byte < 0 ? value->p[i] : (char)byte) != cpm_ascii_lower(*name))
			return false;
		if(byte >= 0)
			i += 2;
	}
	*value = cpm_slice_from(*value, i);
	return true;
}

/* One service name: exactly this one, or any of CPM when icsi is CPM_ICSI_COUNT. */
static bool name_matches(struct cpm_slice name, enum cpm_icsi icsi)
{
	if(icsi == CPM_ICSI_COUNT)
		return take_name(&name, ICSI "oma.cpm.") && name.n;
	return take_name(&name, cpm_icsi_urn(icsi)) && !name.n;
}

static bool list_matches(struct cpm_slice list, enum cpm_icsi icsi)
{
	struct cpm_slice name;

	while(cpm_slice_split(&list, ',', &name))
		if(name_matches(cpm_slice_trim(name), icsi))
			return true;
	return false;
}

static bool header_matches(struct cpm_slice header, enum cpm_icsi icsi)
{
	struct cpm_slice value, params, name, list;

	while(cpm_header_next_value(&header, &value)) {
		cpm_header_strip_params(value, &params);
		while(cpm_header_next_param(&params, &name, &list))
			if(cpm_slice_ieq(name, icsi_tag) && list_matches(cpm_header_unquote(list), icsi))
				return true;
	}
	return false;
}

bool cpm_feature_in(struct cpm_slice header_value, enum cpm_icsi icsi)
{
	return (size_t)icsi < CPM_ICSI_COUNT && header_matches(header_value, icsi);
}

bool cpm_feature_any(struct cpm_slice header_value)
{
	return header_matches(header_value, CPM_ICSI_COUNT);
}

bool cpm_feature_in_service(struct cpm_slice header_value, enum cpm_icsi icsi)
{
	return (size_t)icsi < CPM_ICSI_COUNT && list_matches(header_value, icsi);
}

bool cpm_feature_system(struct cpm_slice header)
{
	struct cpm_slice rest = header, value, params, name, ignored;

	while(cpm_header_next_value(&rest, &value)) {
		cpm_header_strip_params(value, &params);
		while(cpm_header_next_param(&params, &name, &ignored))
			if(cpm_slice_ieq(name, CPM_SLICE(CPM_SYSTEM_TAG)))
				return true;
	}
	return cpm_feature_in(header, CPM_ICSI_SYSTEMMSG);
}

bool cpm_feature_denied(struct cpm_slice contact, struct cpm_slice tag)
{
	struct cpm_slice value, params, name, said;

	while(cpm_header_next_value(&contact, &value)) {
		cpm_header_strip_params(value, &params);
		while(cpm_header_next_param(&params, &name, &said))
			if(cpm_slice_ieq(name, tag)
					&& cpm_slice_ieq(cpm_header_unquote(said), CPM_SLICE("FALSE")))
				return true;
	}
	return false;
}
