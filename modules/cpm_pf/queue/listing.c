/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Pages of a user's queue into one list.
 */
#include "listing.h"

#include <stdlib.h>

#include "../core/base/arena.h"
#include "../core/queue/metadata.h"
#include "../core/queue/record.h"

#define LISTING_PAGE 200
/* Once the list is full so many messages are looked at for the number; the rest of a longer queue counts as being of the kind. */
#define LISTING_COUNT_MAX 1000
/* And so many at most for a list that does not get full. */
#define LISTING_LOOK_MAX 5000
#define LISTING_MEMORY (32u << 20)

struct load {
	struct store *store;
	int64_t now_ms;
	enum listing_kind kind;
	size_t max, offset;
	struct listing listing;
	struct cpm_msginfo_item *items;
	struct cpm_arena arena; /* of the records */
	listing_cb cb;
	void *context;
	struct cpm_slice aor; /* in the same block */
};

static void load_free(struct load *l)
{
	cpm_arena_free(&l->arena);
	free(l->items);
	free(l);
}

static bool state_is(struct cpm_slice state, const char *word)
{
	return cpm_slice_eq(state, cpm_slice_of(word));
}

static bool of_kind(struct load *l, struct cpm_slice state)
{
	bool parked = state_is(state, "pull");

	if(state_is(state, "quarantined") || state_is(state, "delete"))
		return false;
	l->listing.parked += parked;
	return l->kind == LISTING_ALL || parked;
}

/* Of a message to several people: all of them, as far as they were kept. */
static void recipients_add(struct load *l, struct cpm_msginfo_item *item, struct cpm_slice kept)
{
	struct cpm_slice rest = kept, uri, *list;
	size_t n = 0;

	while(cpm_slice_split(&rest, ' ', &uri))
		n++;
	if(!n || !(list = cpm_arena_array(&l->arena, n, sizeof(*list))))
		return;
	item->recipients = list;
	while(cpm_slice_split(&kept, ' ', &uri))
		list[item->recipient_count++] = uri;
}

static void item_add(struct load *l, const struct store_listed *listed)
{
	struct cpm_record record;
	struct cpm_slice text;
	struct cpm_msginfo_item *item;

	if(l->listing.info.count == l->max)
		return;
	/* Without memory the list ends here, and the number tells of the rest. */
	if(!cpm_arena_dup(&l->arena, listed->record, &text)) {
		l->max = l->listing.info.count;
		return;
	}
	/* One that cannot be read is counted, and told of by its number alone. */
	if(cpm_record_parse(text, &record, NULL) != CPM_OK)
		return;
	item = &l->items[l->listing.info.count++];
	cpm_metadata_of(&record, item);
	recipients_add(l, item, record.recipients);
}

static bool enough(const struct load *l)
{
	if(l->listing.info.count < l->max)
		return l->offset >= LISTING_LOOK_MAX;
	return l->kind == LISTING_ALL || l->offset >= LISTING_COUNT_MAX;
}

static void on_page(void *context, enum store_rc rc, const struct store_listed *items, size_t count,
		size_t total)
{
	struct load *l = context;
	size_t i;

	for(i = 0; rc == STORE_OK && i < count; i++) {
		if(!of_kind(l, items[i].state))
			continue;
		l->listing.info.number++;
		item_add(l, &items[i]);
	}
	l->offset += count;
	if(rc == STORE_OK && count && l->offset < total && !enough(l)) {
		if(store_list(l->store, l->aor, l->now_ms, l->offset, LISTING_PAGE, on_page, l))
			return;
		rc = STORE_DOWN;
	}
	if(rc == STORE_OK && l->offset < total && l->listing.info.count == l->max)
		l->listing.info.number += total - l->offset;
	l->listing.info.items = l->items;
	l->cb(l->context, rc, rc == STORE_OK ? &l->listing : NULL);
	load_free(l);
}

bool listing_load(struct store *store, struct cpm_slice aor, int64_t now_ms, enum listing_kind kind,
		size_t max, listing_cb cb, void *context)
{
	struct load *l = calloc(1, sizeof(*l) + aor.n);

	if(!l)
		return false;
	cpm_arena_init(&l->arena, &cpm_allocator_libc, LISTING_MEMORY);
	l->items = calloc(max ? max : 1, sizeof(*l->items));
	memcpy(l + 1, aor.p, aor.n);
	l->aor = (struct cpm_slice){(char *)(l + 1), aor.n};
	l->store = store;
	l->now_ms = now_ms;
	l->kind = kind;
	l->max = max;
	l->cb = cb;
	l->context = context;
	if(l->items && store_list(store, aor, now_ms, 0, LISTING_PAGE, on_page, l))
		return true;
	load_free(l);
	return false;
}
