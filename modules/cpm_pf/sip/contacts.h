/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A user's registered clients, from the registrar in this Kamailio (usrloc).
 * The norm's 8.1.3; companion section 5.5.
 */
#ifndef CPM_CONTACTS_H
#define CPM_CONTACTS_H

#include "../core/base/buf.h"
#include "../core/policy/documents.h"

struct socket_info;

#define CONTACTS_MAX 32

/* One client; slices borrow from the list. */
struct contact {
	struct cpm_slice uri;
	struct cpm_slice received; /* where its REGISTER came from; empty when the contact says it */
	struct cpm_slice path;     /* Path of the registration, empty without */
	struct cpm_slice instance; /* +sip.instance, with <>; empty without */
	struct cpm_slice ruid;
	struct cpm_slice
			features; /* Contact header of the REGISTER, with the feature tags; empty when it was not kept */
	struct socket_info *socket;
};

struct contacts {
	struct contact items[CONTACTS_MAX];
	size_t count;
	struct cpm_buf memory;
};

/* Told of each registration, in the process that handles the REGISTER, with usrloc's lock held: copy and return. aor is the
 * canonical key. */
typedef void (*contacts_event)(struct cpm_slice aor, struct cpm_slice contact, bool refreshed);

/* In mod_init. xavp is the name under which the script keeps the Contact header of a REGISTER (usrloc's xavp_contact); on_register may
 * be NULL. When usrloc is not loaded every user has no client, said once in the log. */
bool contacts_init(const char *location, const char *xavp, const char *default_domain,
		contacts_event on_register);

/* The valid contacts of a user, at most CONTACTS_MAX, in usrloc's order. False without memory. Free with contacts_free. */
bool contacts_load(struct cpm_slice aor, struct contacts *list);
void contacts_free(struct contacts *list);
/* Is there any? */
bool contacts_any(struct cpm_slice aor);

/* Does this client take CPM messages, by its feature tags? One that told nothing about CPM counts as able (companion section 3). */
bool contact_takes_messages(const struct contact *c);

/* The same for CPM sessions. */
bool contact_takes_sessions(const struct contact *c);

/* Appends the Request-URI for a request to this client: its public GRUU (RFC 5627: the AoR with gr), else its contact. */
void contact_add_request_uri(const struct contact *c, struct cpm_slice aor, struct cpm_buf *out);
/* Where such a request goes first: the first Path hop, else received, else the contact. */
struct cpm_slice contact_next_hop(const struct contact *c);

/* Appends a Route header line for each hop of its Path (RFC 3327): tm sends to the first, and all of them are the route set. */
void contact_add_routes(const struct contact *c, struct cpm_buf *out);

#endif
