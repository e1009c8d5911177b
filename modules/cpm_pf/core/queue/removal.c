/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Seven lines: the version, then one value each.
 */
#include "removal.h"

static bool is_line(struct cpm_slice s)
{
	return s.n && cpm_slice_find(s, '\n') == s.n && cpm_slice_find(s, '\r') == s.n
		   && cpm_slice_find(s, '\0') == s.n;
}

enum cpm_rc cpm_removal_build(const struct cpm_removal *r, struct cpm_buf *out)
{
	if(!is_line(r->aor) || !is_line(r->folder) || !is_line(r->key))
		return CPM_SYNTAX;
	cpm_buf_add_str(out, "removal/1\n");
	cpm_buf_add(out, r->aor);
	cpm_buf_add_char(out, '\n');
	cpm_buf_add(out, r->folder);
	cpm_buf_add_char(out, '\n');
	cpm_buf_add(out, r->key);
	cpm_buf_add_char(out, '\n');
	cpm_buf_add_u64(out, r->uid);
	cpm_buf_add_char(out, '\n');
	cpm_buf_add_u64(out, r->uidvalidity);
	cpm_buf_add_char(out, '\n');
	cpm_buf_add_u64(out, r->since_ms < 0 ? 0 : (uint64_t)r->since_ms);
	cpm_buf_add_char(out, '\n');
	return out->rc;
}

bool cpm_removal_is(struct cpm_slice text)
{
	return cpm_slice_starts(text, CPM_SLICE("removal/"));
}

static bool number(struct cpm_slice *rest, uint64_t max, uint64_t *value)
{
	struct cpm_slice line;

	return cpm_slice_split(rest, '\n', &line) && cpm_slice_u64(line, value) && *value <= max;
}

enum cpm_rc cpm_removal_parse(struct cpm_slice text, struct cpm_removal *r)
{
	struct cpm_slice line;
	uint64_t uid, uidvalidity, since;

	*r = (struct cpm_removal){0};
	if(!cpm_removal_is(text) || !cpm_slice_split(&text, '\n', &line))
		return CPM_SYNTAX;
	if(!cpm_slice_eq(line, CPM_SLICE("removal/1")))
		return CPM_VERSION;
	if(!cpm_slice_split(&text, '\n', &r->aor) || !cpm_slice_split(&text, '\n', &r->folder)
			|| !cpm_slice_split(&text, '\n', &r->key) || !is_line(r->aor) || !is_line(r->folder)
			|| !is_line(r->key) || !number(&text, UINT32_MAX, &uid)
			|| !number(&text, UINT32_MAX, &uidvalidity) || !number(&text, INT64_MAX, &since))
		return CPM_SYNTAX;
	r->uid = (uint32_t)uid;
	r->uidvalidity = (uint32_t)uidvalidity;
	r->since_ms = (int64_t)since;
	return CPM_OK;
}
