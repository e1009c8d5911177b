/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Clients from usrloc, copied out under its lock.
 */
#include "contacts.h"

#include <time.h>

#include "../../core/sr_module.h"
#include "../core/codec/feature.h"
#include "../core/codec/header.h"
#include "../usrloc/usrloc.h"
#include "request.h"

#define CONTACTS_MEMORY_MAX 65536

static usrloc_api_t usrloc;
static udomain_t *domain;
static const char *features_xavp;
static struct cpm_slice home;
static contacts_event registered;

/* usrloc names a user "user@domain", or "user" alone when use_domain is off. */
static struct cpm_slice usrloc_name(struct cpm_slice aor)
{
	struct cpm_slice name = cpm_slice_from(aor, cpm_slice_find(aor, ':') + 1);

	return usrloc.use_domain ? name : cpm_slice_head(name, cpm_slice_find(name, '@'));
}

static void on_contact(ucontact_t *c, int type, void *param)
{
	char text[CPM_URI_KEY_MAX], memory[CPM_URI_KEY_MAX];
	struct cpm_slice name = slice_of_str(c->aor);
	struct cpm_uri_key key;
	struct cpm_buf b;

	if(!registered || !(type & (UL_CONTACT_INSERT | UL_CONTACT_UPDATE)))
		return;
	cpm_buf_init_fixed(&b, text, sizeof(text));
	cpm_buf_add_str(&b, "sip:");
	cpm_buf_add(&b, name);
	if(cpm_slice_find(name, '@') == name.n) {
		cpm_buf_add_char(&b, '@');
		cpm_buf_add(&b, home);
	}
	if(b.rc == CPM_OK && cpm_uri_canon(cpm_buf_slice(&b), memory, sizeof(memory), &key) == CPM_OK)
		registered(key.key, slice_of_str(&c->c), (type & UL_CONTACT_UPDATE) != 0);
}

bool contacts_init(const char *location, const char *xavp, const char *default_domain,
		contacts_event on_register)
{
	bind_usrloc_t bind = (bind_usrloc_t)find_mod_export("usrloc", "ul_bind_usrloc", 1, 0);

	features_xavp = xavp;
	home = cpm_slice_of(default_domain);
	registered = on_register;
	if(!bind) {
		LM_NOTICE("usrloc is not loaded: no client is known, every message waits\n");
		return true;
	}
	if(bind(&usrloc) < 0 || usrloc.register_udomain(location, &domain) < 0) {
		LM_ERR("cannot use the location table \"%s\" of usrloc\n", location);
		return false;
	}
	if(on_register
			&& usrloc.register_ulcb(UL_CONTACT_INSERT | UL_CONTACT_UPDATE, on_contact, NULL) < 0) {
		LM_ERR("cannot register with usrloc\n");
		return false;
	}
	return true;
}

/* The value kept as $xavp(<features_xavp>=>contact). */
static struct cpm_slice contact_header(const ucontact_t *c)
{
	sr_xavp_t *x, *y;

	for(x = c->xavp; x; x = x->next) {
		if(x->val.type != SR_XTYPE_XAVP || strcmp(x->name.s, features_xavp) != 0)
			continue;
		for(y = x->val.v.xavp; y; y = y->next) {
			if(y->val.type == SR_XTYPE_STR && strcmp(y->name.s, "contact") == 0)
				return slice_of_str(&y->val.v.s);
		}
	}
	return CPM_SLICE_NONE;
}

/* Of a header with several contacts, the value that belongs to this one. */
static struct cpm_slice contact_value(struct cpm_slice header, struct cpm_slice uri)
{
	struct cpm_slice value, address;

	while(cpm_header_next_value(&header, &value)) {
		if(cpm_uri_of_address(value, &address) && cpm_slice_eq(address, uri))
			return value;
	}
	return CPM_SLICE_NONE;
}

/* While the list is built slices hold offsets into its memory, since that may still move. */
static struct cpm_slice memory_add(struct cpm_buf *b, struct cpm_slice s)
{
	struct cpm_slice at = {(const char *)(uintptr_t)b->n, s.n};

	cpm_buf_add(b, s);
	return at;
}

static void memory_settle(const struct cpm_buf *b, struct cpm_slice *s)
{
	s->p = b->p + (uintptr_t)s->p;
}

static void contact_copy(struct contacts *list, const ucontact_t *c)
{
	struct contact *item = &list->items[list->count++];
	struct cpm_buf *b = &list->memory;
	struct cpm_slice uri = slice_of_str(&c->c);

	item->uri = memory_add(b, uri);
	item->received = memory_add(b, slice_of_str(&c->received));
	item->path = memory_add(b, slice_of_str(&c->path));
	item->instance = memory_add(b, slice_of_str(&c->instance));
	item->ruid = memory_add(b, slice_of_str(&c->ruid));
	item->features = memory_add(b, contact_value(contact_header(c), uri));
	item->socket = c->sock;
}

/* Calls each for the user's valid contacts under usrloc's lock, until it returns false. */
static void contacts_walk(
		struct cpm_slice aor, bool (*each)(void *context, ucontact_t *c), void *context)
{
	struct cpm_slice name;
	str text;
	urecord_t *record;
	ucontact_t *c;
	time_t now = time(NULL);

	if(!domain)
		return;
	name = usrloc_name(aor);
	/* usrloc's hash reads an empty name that is NULL. */
	if(!name.n)
		return;
	text = str_of_slice(name);
	usrloc.lock_udomain(domain, &text);
	if(usrloc.get_urecord(domain, &text, &record) == 0) {
		for(c = record->contacts; c; c = c->next) {
			if(VALID_CONTACT(c, now) && !each(context, c))
				break;
		}
		usrloc.release_urecord(record);
	}
	usrloc.unlock_udomain(domain, &text);
}

static bool copy_each(void *context, ucontact_t *c)
{
	struct contacts *list = context;

	contact_copy(list, c);
	return list->count < CONTACTS_MAX;
}

bool contacts_load(struct cpm_slice aor, struct contacts *list)
{
	size_t i;

	list->count = 0;
	cpm_buf_init(&list->memory, CONTACTS_MEMORY_MAX);
	contacts_walk(aor, copy_each, list);
	if(list->memory.rc != CPM_OK) {
		contacts_free(list);
		return false;
	}
	for(i = 0; i < list->count; i++) {
		struct contact *item = &list->items[i];
		memory_settle(&list->memory, &item->uri);
		memory_settle(&list->memory, &item->received);
		memory_settle(&list->memory, &item->path);
		memory_settle(&list->memory, &item->instance);
		memory_settle(&list->memory, &item->ruid);
		memory_settle(&list->memory, &item->features);
	}
	return true;
}

void contacts_free(struct contacts *list)
{
	cpm_buf_free(&list->memory);
	list->count = 0;
}

static bool any_each(void *context, ucontact_t *c)
{
	*(bool *)context = true;
	return false;
}

bool contacts_any(struct cpm_slice aor)
{
	bool any = false;

	contacts_walk(aor, any_each, &any);
	return any;
}

bool contact_takes_messages(const struct contact *c)
{
	return !cpm_feature_any(c->features) || cpm_feature_in(c->features, CPM_ICSI_MSG)
		   || cpm_feature_in(c->features, CPM_ICSI_DEFERRED);
}

bool contact_takes_sessions(const struct contact *c)
{
	return !cpm_feature_any(c->features) || cpm_feature_in(c->features, CPM_ICSI_SESSION)
		   || cpm_feature_in(c->features, CPM_ICSI_SESSION_GROUP);
}

void contact_add_request_uri(const struct contact *c, struct cpm_slice aor, struct cpm_buf *out)
{
	struct cpm_slice instance = c->instance;

	if(instance.n < 3 || instance.p[0] != '<' || !cpm_slice_istarts(aor, CPM_SLICE("sip:"))) {
		cpm_buf_add(out, c->uri);
		return;
	}
	cpm_buf_add(out, aor);
	cpm_buf_add_str(out, ";gr=");
	cpm_buf_add(out, cpm_slice_head(cpm_slice_from(instance, 1), instance.n - 2));
}

struct cpm_slice contact_next_hop(const struct contact *c)
{
	struct cpm_slice rest = c->path, value, uri;

	if(cpm_header_next_value(&rest, &value) && cpm_uri_of_address(value, &uri))
		return uri;
	return c->received.n ? c->received : c->uri;
}

void contact_add_routes(const struct contact *c, struct cpm_buf *out)
{
	struct cpm_slice rest = c->path, value;

	while(cpm_header_next_value(&rest, &value)) {
		cpm_buf_add_str(out, "Route: ");
		cpm_buf_add(out, value);
		cpm_buf_add_str(out, "\r\n");
	}
}
