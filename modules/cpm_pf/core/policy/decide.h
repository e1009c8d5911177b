/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Decides from compiled documents and facts. Reads memory only: no XML, no
 * clock, no allocation; safe to run in any process at once.
 * The norm's 8.3.1.1, 8.3.1.2, 8.3.1.6; RFC 4745; companion sections 2 and 3.
 */
#ifndef CPM_DECIDE_H
#define CPM_DECIDE_H

#include "documents.h"

enum cpm_action {
	CPM_DELIVER,
	CPM_DELIVER_INTERWORK,
	CPM_INTERWORK,
	CPM_REJECT,
	CPM_STORE,
	CPM_FORWARD,
	CPM_DEFER,
	CPM_PUSH, /* the deferred medium only: push, pull and store */
	CPM_PULL,
};

/* The words of $cpm(action): "deliver", "deliver+interwork", ... */
const char *cpm_action_name(enum cpm_action action);

enum cpm_expired { CPM_EXPIRED_DEFAULT, CPM_EXPIRED_DISCARD, CPM_EXPIRED_STORE };

/* Slices borrow from the documents. */
struct cpm_verdict {
	enum cpm_action
			action; /* DELIVER when no rule says anything; for the deferred medium CPM_PUSH when from_rule is false */
	bool from_rule;              /* false: the default, no rule spoke */
	struct cpm_slice rule;       /* id of the rule that gave the action; empty without one */
	struct cpm_slice forward_to; /* with CPM_FORWARD only: the target URI */
	enum cpm_expired expired;    /* deferred medium */
	bool record_history;         /* <allow-offline-storage> */
};

void cpm_decide(
		const struct cpm_documents *d, const struct cpm_facts *facts, struct cpm_verdict *verdict);

/* True when one of the authenticated originators is in oma_blockedcontacts. */
bool cpm_decide_blocked(const struct cpm_documents *d, const struct cpm_facts *facts);

/* True when do-not-disturb is on at facts->now_ms. rule (when given) gets the id of the rule, until_ms (when given) the time at which
 * the present answer, yes or no, may change by a validity interval alone; INT64_MAX when never. */
bool cpm_decide_dnd(const struct cpm_documents *d, const struct cpm_facts *facts,
		struct cpm_slice *rule, int64_t *until_ms);

/* Does the active profile let this client have this medium? instance is the +sip.instance value with or without <> and quotes;
 * empty when the client registered none. CPM_MEDIUM_DEFERRED asks for deferred delivery. */
bool cpm_decide_client(
		const struct cpm_documents *d, struct cpm_slice instance, enum cpm_medium medium);

/* What happened to one rule or step, in the order looked at; text is written into out, one "rule <id>: <matched|why not>" line each,
 * then "verdict: <action> by <rule>". For the RPC explain and for tests. */
void cpm_decide_explain(
		const struct cpm_documents *d, const struct cpm_facts *facts, struct cpm_buf *out);

#endif
