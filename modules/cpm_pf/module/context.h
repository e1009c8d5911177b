/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the script functions know about the message under work: the served
 * user, the authenticated originator, the user's documents and the verdict.
 * One per process; it belongs to one message and starts anew with the next.
 * Across suspension and into failure routes it travels as text in an AVP of
 * the transaction.
 */
#ifndef CPM_CONTEXT_H
#define CPM_CONTEXT_H

#include "../core/codec/cpim.h"
#include "../core/codec/folder.h"
#include "../core/policy/decide.h"
#include "../sip/request.h"
#include "../xdm/xdm.h"

enum context_event {
	CONTEXT_REQUEST,   /* a request is under work */
	CONTEXT_EVENT,     /* an event route runs */
	CONTEXT_EVENT_END, /* ... of a message that ends: it can be taken over */
};

struct context {
	unsigned message;
	int pid;
	const char *buffer;
	int64_t now_ms; /* the instant by which it is judged, one for all steps */

	bool read; /* request is filled */
	struct request request;

	bool form_read, form_ok; /* has the body been looked at, and could it be kept? */
	struct cpm_cpim cpim;    /* then: what its CPIM says; empty when it holds none */

	struct cpm_uri_key user; /* empty key until cpm_load_user */
	char user_memory[CPM_URI_KEY_MAX];
	struct cpm_facts facts; /* originators, anonymity; medium and time are set for each decision */
	char originator_memory[CPM_FACTS_ORIGINATORS][CPM_URI_KEY_MAX];
	bool facts_ready;

	enum xdm_state docs;
	bool docs_known;
	struct xdm_entry *entry;

	struct cpm_verdict verdict; /* its slices borrow from the documents */
	bool decided;
	char rule_memory
			[256]; /* the rule's id when it came from the AVP or was set by do-not-disturb */
	struct cpm_slice rule;
	bool dnd;         /* the last cpm_check_dnd said yes */
	bool undelivered; /* clients or the ISF were tried */
	bool no_client;   /* cpm_select_clients or cpm_select_session found none */
	bool dressed;     /* cpm_select_session has header fields for the branches */
	bool to_known; /* it goes to the ISF or by core_uri: to whom an anonymous originator is named */

	const char *reason;   /* static word: why cpm_defer's route runs */
	struct cpm_slice why; /* in words, for the log; static, or borrows from the request */
	char message_id[64];
	long count;

	/* The recording of this message in the user's message store, as long as it is there. */
	struct context_recording {
		char id[64];               /* key of the object without the host */
		uint32_t uid, uidvalidity; /* 0: none */
		size_t folder_n;
		char folder[CPM_FOLDER_MAX];
	} recording;
	bool recorded; /* cpm_record has been through, with or without success */

	enum context_event event;
	bool taken; /* by cpm_interwork in such a route */
	int status; /* in an event route: the client's answer; in a resumed one: of whom the INVITE was forwarded to; else 0 */
	struct cpm_slice json; /* borrows from the event's facts */
};

/* The context of this message; a new one when the message is another than last time. Never NULL. */
struct context *context_of(struct sip_msg *msg);

/* Its request, read on first use; NULL when the headers cannot be parsed. */
const struct request *context_request(struct sip_msg *msg, struct context *c);

/* Takes P-Asserted-Identity of the message as authenticated; false when there is none that can be used. */
bool context_trust_asserted(struct sip_msg *msg, struct context *c);
/* Takes one URI (a digest identity, say) as authenticated, in place of others. */
bool context_set_originator(struct context *c, struct cpm_slice uri);

/* Sets the served user; false when uri is no SIP or tel URI. */
bool context_set_user(struct context *c, struct cpm_slice uri);

/* Copies what fits. */
void context_set_rule(struct context *c, struct cpm_slice rule);
void context_set_message_id(struct context *c, struct cpm_slice id);

/* The next context_of starts anew, whatever its message is. */
void context_forget(void);

/* Looks the documents up in the cache; XDM_MISS leaves the context without. */
enum xdm_state context_find_documents(struct context *c);

/* The context with its documents looked up, where a route was resumed or a failure route runs: the copy at hand whatever its age.
 * c->reason becomes "documents" when there is none and xdm_fail says not to go on without. */
struct context *context_judged(struct sip_msg *msg);

/* The documents to decide with: those at hand, or those of a user who has none. */
const struct cpm_documents *context_documents(const struct context *c);

/* Keeps user, originators and verdict in an AVP of the transaction, for routes that run later in another process. */
void context_keep(struct sip_msg *msg, const struct context *c);

/* Before a route is run for a parked transaction: the context it will find. cleared by context_resume(NULL, ...). */
void context_resume(const char *reason, const char *message_id);
/* ... and the SIP status that belongs to it, when it is not the reason's own; before context_resume. */
void context_resume_status(int status);
/* ... and what was recorded; before context_resume. */
void context_resume_recorded(const struct context_recording *recording);

/* Milliseconds since the epoch; never goes back within a process (core/base/clock.h). */
int64_t now_ms(void);

#endif
