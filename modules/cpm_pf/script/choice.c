/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The choice, and the table of sessions that it looks into.
 */
#include "choice.h"

#include <sys/random.h>

#include "../../core/locking.h"
#include "../../core/mem/shm.h"
#include "../core/codec/feature.h"
#include "../core/codec/header.h"
#include "../core/codec/mime.h"
#include "../core/session/whereabouts.h"
#include "../module/settings.h"

static gen_lock_t *lock;
static struct cpm_whereabouts *table; /* shared memory, under the lock */

bool choice_init(size_t sessions)
{
	size_t size = cpm_whereabouts_size(sessions);
	void *memory = size ? shm_malloc(size) : NULL;
	uint64_t seed;

	if(!memory || getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return false;
	table = cpm_whereabouts_init(memory, sessions, seed);
	lock = lock_alloc();
	return lock && lock_init(lock);
}

void choice_remember(struct cpm_slice aor, struct cpm_slice contribution_id,
		struct cpm_slice instance, struct cpm_slice uri)
{
	if(!contribution_id.n)
		return;
	lock_get(lock);
	cpm_whereabouts_put(table, aor, contribution_id, instance.n ? instance : uri);
	lock_release(lock);
}

static uint64_t client_of_session(struct cpm_slice aor, struct cpm_slice contribution_id)
{
	uint64_t client;

	lock_get(lock);
	client = cpm_whereabouts_find(table, aor, contribution_id);
	lock_release(lock);
	return client;
}

enum cpm_rc choice_read_media(
		const struct request *r, struct cpm_sdpmedia *media, struct cpm_diag *diag)
{
	struct cpm_mime_part part;
	enum cpm_rc rc = CPM_NOTFOUND;

	media->count = 0;
	if(r->body.n)
		rc = cpm_mime_find(
				r->body, r->content_type, "application", "sdp", &settings.limits, &part, diag);
	return rc ? rc : cpm_sdpmedia_read(part.body, media, diag);
}

/* The tag of RFC 3840 for a medium. */
static struct cpm_slice tag_of(struct cpm_slice medium)
{
	if(cpm_slice_eq(medium, CPM_SLICE(CPM_SDPMEDIA_MESSAGE))
			|| cpm_slice_eq(medium, CPM_SLICE(CPM_SDPMEDIA_FILE)))
		return CPM_SLICE("message");
	return medium;
}

bool choice_medium(struct cpm_slice name, enum cpm_medium *medium)
{
	if(cpm_slice_eq(name, CPM_SLICE(CPM_SDPMEDIA_MESSAGE))) {
		*medium = CPM_MEDIUM_SESSION;
		return true;
	}
	return cpm_medium_of(name, medium) && *medium >= CPM_MEDIUM_SESSION;
}

static bool takes(const struct context *c, const struct contact *contact, struct cpm_slice name)
{
	enum cpm_medium medium;

	return !cpm_feature_denied(contact->features, tag_of(name))
		   && (!choice_medium(name, &medium)
				   || cpm_decide_client(context_documents(c), contact->instance, medium));
}

/* One of the media is enough: what else is offered a client refuses in its answer. */
static bool client_suits(
		const struct context *c, const struct contact *contact, const struct cpm_sdpmedia *media)
{
	size_t i;

	if(!contact_takes_sessions(contact))
		return false;
	for(i = 0; i < media->count; i++) {
		if(takes(c, contact, media->names[i]))
			return true;
	}
	return media->count == 0 && takes(c, contact, CPM_SLICE(CPM_SDPMEDIA_MESSAGE));
}

static void expect(struct session_choice *choice, size_t i)
{
	choice->expected[i] = true;
	choice->count++;
}

/* The instance that a GRUU as Request-URI names (RFC 5627), unescaped into out. */
static bool gruu_read(struct cpm_slice request_uri, struct cpm_buf *out)
{
	struct cpm_uri uri;
	struct cpm_slice value;

	if(cpm_uri_parse(request_uri, &uri, NULL) != CPM_OK
			|| !cpm_uri_param(uri.params, CPM_SLICE("gr"), &value) || !value.n)
		return false;
	cpm_uri_add_unescaped(out, value);
	return true;
}

static bool is_instance(struct cpm_slice instance, struct cpm_slice name)
{
	return instance.n == name.n + 2 && instance.p[0] == '<'
		   && cpm_slice_ieq(cpm_slice_head(cpm_slice_from(instance, 1), name.n), name);
}

static void choose_gruu(struct session_choice *choice, struct cpm_slice name)
{
	size_t i;

	choice->named = true;
	for(i = 0; i < choice->contacts.count; i++) {
		if(is_instance(choice->contacts.items[i].instance, name))
			expect(choice, i);
	}
}

/* A session that we do not know, or whose client is gone, names none. */
static void choose_extended(struct session_choice *choice, uint64_t client)
{
	size_t i;

	for(i = 0; client && i < choice->contacts.count; i++) {
		const struct contact *contact = &choice->contacts.items[i];

		if(cpm_whereabouts_client(table, contact->instance.n ? contact->instance : contact->uri)
				== client)
			expect(choice, i);
	}
	choice->named = choice->extended = choice->count > 0;
}

bool choice_make(struct sip_msg *msg, struct context *c, struct session_choice *choice)
{
	const struct request *r = context_request(msg, c);
	char memory[512];
	struct cpm_buf gruu;
	struct cpm_sdpmedia media;
	size_t i;

	memset(choice, 0, sizeof(*choice));
	if(!r || !c->user.key.n || !contacts_load(c->user.key, &choice->contacts))
		return false;
	cpm_buf_init_fixed(&gruu, memory, sizeof(memory));
	if(gruu_read(r->original_uri, &gruu)) {
		choose_gruu(choice, cpm_buf_slice(&gruu));
		return true;
	}
	if(r->session_replaces.n)
		choose_extended(choice, client_of_session(c->user.key, r->session_replaces));
	if(choice->named)
		return true;
	choice_read_media(r, &media, NULL);
	for(i = 0; i < choice->contacts.count; i++) {
		if(client_suits(c, &choice->contacts.items[i], &media))
			expect(choice, i);
	}
	return true;
}

void choice_free(struct session_choice *choice)
{
	contacts_free(&choice->contacts);
}

static void rejections_add(const struct session_choice *choice, struct cpm_buf *out)
{
	const char *before = "Reject-Contact: ";
	size_t i;

	for(i = 0; i < choice->contacts.count; i++) {
		struct cpm_slice instance = choice->contacts.items[i].instance;

		if(choice->expected[i] || !instance.n)
			continue;
		cpm_buf_add_str(out, before);
		cpm_buf_add_str(out, "*;+sip.instance=\"");
		cpm_buf_add(out, instance);
		cpm_buf_add_char(out, '"');
		before = ", ";
	}
	if(*before == ',')
		cpm_buf_add_str(out, "\r\n");
}

/* What the caller asked for, but how to fork. */
static void directives_add(struct cpm_slice asked, struct cpm_buf *out)
{
	static const char *const ours[] = {"fork", "no-fork", "parallel", "sequential"};
	struct cpm_slice value;
	size_t i;

	while(cpm_header_next_value(&asked, &value)) {
		for(i = 0; i < 4 && !cpm_slice_ieq(value, cpm_slice_of(ours[i])); i++)
			;
		if(i < 4)
			continue;
		cpm_header_add_unfolded(out, value);
		cpm_buf_add_str(out, ", ");
	}
}

struct cpm_slice choice_disposition(const struct sip_msg *msg)
{
	const struct hdr_field *h;

	for(h = msg->headers; h; h = h->next) {
		if(h->type == HDR_REQUESTDISPOSITION_T)
			return slice_of_str(&h->body);
	}
	return CPM_SLICE_NONE;
}

void choice_add_headers(
		const struct session_choice *choice, struct cpm_slice asked, struct cpm_buf *out)
{
	if(choice->named)
		return;
	rejections_add(choice, out);
	cpm_buf_add_str(out, "Request-Disposition: ");
	directives_add(asked, out);
	cpm_buf_add_str(out, "fork, parallel\r\n");
}
