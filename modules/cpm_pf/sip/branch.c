/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Branches and lumps.
 */
#include "branch.h"

#include "../../core/data_lump.h"
#include "../../core/dset.h"
#include "../../core/msg_translator.h"
#include "../core/codec/header.h"
#include "../core/codec/uri.h"
#include "tm.h"

bool branch_add(
		struct sip_msg *msg, struct cpm_slice uri, const struct contact *contact, bool first)
{
	str to = str_of_slice(uri), hop = str_of_slice(contact_next_hop(contact)),
		path = str_of_slice(contact->path), instance = str_of_slice(contact->instance),
		ruid = str_of_slice(contact->ruid);

	if(!first)
		return append_branch(msg, &to, &hop, path.len ? &path : NULL, Q_UNSPECIFIED, 0,
					   contact->socket, instance.len ? &instance : NULL, 0, &ruid, NULL)
			   > 0;
	if(rewrite_uri(msg, &to) < 0 || set_dst_uri(msg, &hop) < 0
			|| (path.len && set_path_vector(msg, &path) < 0)
			|| (instance.len && set_instance(msg, &instance) < 0))
		return false;
	if(contact->socket)
		set_force_socket(msg, contact->socket);
	return true;
}

static bool is_tried(const struct cell *t, struct cpm_slice uri)
{
	int i;

	for(i = 0; i < t->nr_of_outgoings; i++) {
		if(cpm_slice_eq(slice_of_str(&t->uac[i].uri), uri))
			return true;
	}
	return false;
}

static bool is_branch(struct cpm_slice uri)
{
	branch_t *b;
	int i;

	for(i = 0; (b = get_sip_branch(i)); i++) {
		if(cpm_slice_eq((struct cpm_slice){b->uri, b->len}, uri))
			return true;
	}
	return false;
}

static bool redirect_add(struct sip_msg *msg, struct cpm_slice uri, struct cpm_slice next_hop)
{
	struct cpm_uri parsed;
	str to, hop = str_of_slice(next_hop);

	/* Without a next hop we could not send to a number. */
	if(cpm_uri_parse(uri, &parsed, NULL) != CPM_OK || (parsed.scheme == CPM_URI_TEL && !next_hop.n))
		return false;
	/* A Request-URI has no header fields (RFC 3261 section 19.1.1), and these are none of the caller's. */
	if(parsed.headers.n)
		uri = cpm_slice_head(uri, (size_t)(parsed.headers.p - uri.p) - 1);
	to = str_of_slice(uri);
	return append_branch(msg, &to, hop.len ? &hop : NULL, NULL, Q_UNSPECIFIED, 0, NULL, NULL, 0,
				   NULL, NULL)
		   > 0;
}

/* A stored reply is shared, and must not be parsed in place. */
static size_t contacts_take(struct sip_msg *msg, const struct cell *t, const struct sip_msg *reply,
		struct cpm_slice next_hop, size_t max)
{
	char *copy = pkg_malloc(reply->len + 1);
	const struct hdr_field *h;
	struct cpm_slice rest, value, uri;
	struct sip_msg own;
	size_t count = 0;

	if(!copy)
		return 0;
	memcpy(copy, reply->buf, reply->len);
	copy[reply->len] = '\0';
	if(build_sip_msg_from_buf(&own, copy, (int)reply->len, 0) == 0
			&& parse_headers(&own, HDR_EOH_F, 0) >= 0) {
		for(h = own.headers; h; h = h->next) {
			rest = h->type == HDR_CONTACT_T ? slice_of_str(&h->body) : CPM_SLICE_NONE;
			while(count < max && cpm_header_next_value(&rest, &value)) {
				if(cpm_uri_of_address(value, &uri) && !is_tried(t, uri) && !is_branch(uri)
						&& redirect_add(msg, uri, next_hop))
					count++;
			}
		}
	}
	free_sip_msg(&own);
	pkg_free(copy);
	return count;
}

size_t branch_add_redirects(struct sip_msg *msg, struct cpm_slice next_hop)
{
	struct cell *t = tm.t_gett();
	size_t count = 0;
	int i;

	if(t == NULL || t == T_UNDEFINED)
		return 0;
	clear_branches();
	for(i = 0; i < t->nr_of_outgoings; i++) {
		const struct sip_msg *reply = t->uac[i].reply;

		if(t->uac[i].last_received == 302 && reply && reply != FAKED_REPLY)
			count += contacts_take(msg, t, reply, next_hop, BRANCH_REDIRECTS_MAX - count);
	}
	return count;
}

bool branch_append_headers(struct sip_msg *msg, struct cpm_slice lines)
{
	struct hdr_field *last;
	struct lump *anchor;
	char *copy;

	if(parse_headers(msg, HDR_EOH_F, 0) < 0)
		return false;
	last = msg->last_header;
	anchor = anchor_lump(msg, last->name.s + last->len - msg->buf, 0, 0);
	copy = anchor ? pkg_malloc(lines.n) : NULL;
	if(!copy)
		return false;
	memcpy(copy, lines.p, lines.n);
	if(insert_new_lump_before(anchor, copy, (int)lines.n, 0))
		return true;
	pkg_free(copy);
	return false;
}

void branch_remove_headers(struct sip_msg *msg, hdr_types_t type)
{
	struct hdr_field *h;

	for(h = msg->headers; h; h = h->next) {
		if(h->type == type)
			del_lump(msg, (int)(h->name.s - msg->buf), h->len, 0);
	}
}
