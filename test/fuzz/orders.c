/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * URI lists of requests, as recipients and as orders: every entry is an order,
 * is ignored or repeats an id, and no id comes twice.
 */
#include <stdlib.h>

#include "core/codec/orders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;

static bool listed(const struct cpm_recipients *list, struct cpm_slice uri)
{
	for(size_t i = 0; i < list->count; i++)
		if(cpm_slice_eq(list->items[i].uri, uri))
			return true;
	return false;
}

static void check(const struct cpm_recipients *list, const struct cpm_orders *orders)
{
	if(orders->count + orders->ignored > list->count
			|| !orders->first_ignored.n != !orders->ignored)
		abort();
	for(size_t i = 0; i < list->count; i++)
		if(!list->items[i].uri.n || list->items[i].copy > CPM_COPY_BCC)
			abort();
	for(size_t i = 0; i < orders->count; i++) {
		if(!orders->items[i].id.n || !listed(list, orders->items[i].uri))
			abort();
		cpm_order_action_name(orders->items[i].action);
		for(size_t j = 0; j < i && i < 100; j++)
			if(cpm_slice_eq(orders->items[i].id, orders->items[j].id))
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpm_slice text = {(const char *)data, size};
	struct cpm_diag diag = {0};
	struct cpm_recipients list;
	struct cpm_orders orders;
	struct cpm_arena arena;
	enum cpm_rc rc;

	cpm_arena_init(&arena, &cpm_allocator_libc, 1 << 22);
	rc = cpm_recipients_parse(text, &limits, &arena, &list, &diag);
	if(rc && (!diag.reason || list.count))
		abort();
	if(cpm_orders_parse(text, &limits, &arena, &orders, &diag) != rc)
		abort();
	check(&list, &orders);
	cpm_arena_free(&arena);
	return 0;
}
