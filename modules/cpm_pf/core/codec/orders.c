/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * From entries to orders. An id that stands in the list twice is found by
 * sorting, so that a long list costs no square.
 */
#include "orders.h"

#include <stdlib.h>

#include "../base/buf.h"
#include "header.h"
#include "uri.h"

static const char *const names[] = {"deliver", "delete", "interwork", "store"};

const char *cpm_order_action_name(enum cpm_order_action action)
{
	return names[action];
}

/* cpm_action among "a=1&b;c=2", '&' and ';' being the same. */
static bool find_action(struct cpm_slice params, struct cpm_slice *value)
{
	struct cpm_slice part;

	while(cpm_slice_split(&params, '&', &part))
		if(cpm_uri_param(part, CPM_SLICE("cpm_action"), value))
			return true;
	return false;
}

/* Behind ';' or '?'; a parameter counts before a header. False when the action is not known. */
static bool action_of(const struct cpm_uri *uri, enum cpm_order_action *action)
{
	struct cpm_slice value;

	*action = CPM_ORDER_DELIVER;
	if(!find_action(uri->params, &value) && !find_action(uri->headers, &value))
		return true;
	value = cpm_header_unquote(value);
	for(size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if(cpm_slice_ieq(value, cpm_slice_of(names[i]))) {
			*action = (enum cpm_order_action)i;
			return true;
		}
	return false;
}

/* The user part without its escapes, in the arena. */
static enum cpm_rc unescape(
		struct cpm_slice user, struct cpm_arena *arena, struct cpm_slice *id, struct cpm_diag *diag)
{
	char *memory = cpm_arena_alloc(arena, user.n);
	struct cpm_buf b;

	if(!memory)
		return cpm_diag_set(diag, CPM_NOMEM, 0, "no memory");
	cpm_buf_init_fixed(&b, memory, user.n);
	cpm_uri_add_unescaped(&b, user);
	*id = cpm_buf_slice(&b);
	return CPM_OK;
}

static void ignore(struct cpm_orders *out, struct cpm_slice uri)
{
	if(!out->ignored++)
		out->first_ignored = uri;
}

/* Adds the order of one entry, or counts the entry as ignored. */
static enum cpm_rc add(struct cpm_orders *out, struct cpm_order *items, struct cpm_slice text,
		struct cpm_arena *arena, struct cpm_diag *diag)
{
	struct cpm_order order = {.uri = text};
	struct cpm_uri uri;
	enum cpm_rc rc = CPM_OK;

	if(cpm_uri_parse(text, &uri, NULL) || uri.scheme == CPM_URI_TEL || !uri.user.n
			|| !action_of(&uri, &order.action)) {
		ignore(out, text);
		return CPM_OK;
	}
	order.host = uri.host;
	rc = unescape(uri.user, arena, &order.id, diag);
	if(!rc)
		items[out->count++] = order;
	return rc;
}

/* By id, and the earlier one first. */
static int compare(const void *a, const void *b)
{
	const struct cpm_order *x = *(const struct cpm_order *const *)a;
	const struct cpm_order *y = *(const struct cpm_order *const *)b;
	size_t n = x->id.n < y->id.n ? x->id.n : y->id.n;
	int order = n ? memcmp(x->id.p, y->id.p, n) : 0;

	if(order)
		return order;
	if(x->id.n != y->id.n)
		return x->id.n < y->id.n ? -1 : 1;
	return (x > y) - (x < y);
}

/* Keeps the first order of each id. */
static enum cpm_rc drop_repeated(struct cpm_orders *out, struct cpm_order *items,
		struct cpm_arena *arena, struct cpm_diag *diag)
{
	struct cpm_order **sorted = cpm_arena_array(arena, out->count, sizeof(struct cpm_order *));
	const struct cpm_order *kept = NULL;
	size_t n = 0;

	if(!sorted)
		return cpm_diag_set(diag, CPM_NOMEM, 0, "no memory");
	for(size_t i = 0; i < out->count; i++)
		sorted[i] = &items[i];
	qsort(sorted, out->count, sizeof(struct cpm_order *), compare);
	for(size_t i = 0; i < out->count; i++) {
		if(kept && cpm_slice_eq(kept->id, sorted[i]->id))
			sorted[i]->uri.n = 0;
		else
			kept = sorted[i];
	}
	for(size_t i = 0; i < out->count; i++)
		if(items[i].uri.n)
			items[n++] = items[i];
	out->count = n;
	return CPM_OK;
}

enum cpm_rc cpm_orders_parse(struct cpm_slice text, const struct cpm_limits *limits,
		struct cpm_arena *arena, struct cpm_orders *out, struct cpm_diag *diag)
{
	struct cpm_recipients list;
	struct cpm_order *items;
	enum cpm_rc rc;

	*out = (struct cpm_orders){0};
	rc = cpm_recipients_parse(text, limits, arena, &list, diag);
	if(rc)
		return rc;
	items = cpm_arena_array(arena, list.count, sizeof(*items));
	if(!items)
		return cpm_diag_set(diag, CPM_NOMEM, 0, "no memory");
	for(size_t i = 0; i < list.count && !rc; i++)
		rc = add(out, items, list.items[i].uri, arena, diag);
	if(!rc)
		rc = drop_repeated(out, items, arena, diag);
	if(rc)
		*out = (struct cpm_orders){0};
	else
		out->items = items;
	return rc;
}
