/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the tests of core/policy share: words to write documents with, and their
 * compilation from strings.
 */
#ifndef POLICY_H
#define POLICY_H

#include "unit.h"

#include "core/policy/decide.h"

#define ROOT "http://xcap.example.net"
#define LISTS_URL ROOT "/resource-lists/users/sip:bob@example.net/index"
#define RULES_URL ROOT "/org.openmobilealliance.access-rules/users/sip:bob@example.net/access-rules"
#define PROFILE_URL \
	ROOT "/org.openmobilealliance.upp-directory/users/sip:bob@example.net/upp-directory"

#define LISTS(body) \
	"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\">" body "</resource-lists>"
#define LIST(name, body) "<list name=\"" name "\">" body "</list>"
#define ENTRY(uri) "<entry uri=\"" uri "\"/>"
#define EXTERNAL(anchor) "<external anchor=\"" anchor "\"/>"
#define SELECT(name) "/~~/resource-lists/list%5B@name=%22" name "%22%5D"
#define BLOCK(body) LISTS(LIST("oma_blockedcontacts", body))

#define RULES(body)                                                                         \
	"<cp:ruleset xmlns:cp=\"urn:ietf:params:xml:ns:common-policy\""                         \
	" xmlns:ocp=\"urn:oma:xml:xdm:common-policy\" xmlns:oxe=\"urn:oma:xml:xdm:extensions\"" \
	" xmlns:own=\"urn:x-cpm-pf:ext:1\" xmlns:alien=\"urn:alien\">" body "</cp:ruleset>"
#define RULE(id, conditions, actions)                                                          \
	"<cp:rule id=\"" id "\"><cp:conditions>" conditions "</cp:conditions><cp:actions>" actions \
	"</cp:actions></cp:rule>"
#define SERVICE "<oxe:service-list><oxe:service enabler=\"CPM\"/></oxe:service-list>"
#define MEDIA(name) "<oxe:media-list><oxe:" name "/></oxe:media-list>"
#define MEDIA_EXCEPT(body) \
	"<oxe:media-list><oxe:all-media-except>" body "</oxe:all-media-except></oxe:media-list>"
#define PAGER SERVICE MEDIA("pager-mode-message")
#define LARGE SERVICE MEDIA("large-message")
#define DEFERRED SERVICE MEDIA("deferred-messages")
#define IDENTITY(body) "<cp:identity>" body "</cp:identity>"
#define ONE(uri) IDENTITY("<cp:one id=\"" uri "\"/>")
#define OTHER "<ocp:other-identity/>"
#define ANONYMOUS "<ocp:anonymous-request/>"
#define VALID(from, until) \
	"<cp:validity><cp:from>" from "</cp:from><cp:until>" until "</cp:until></cp:validity>"
#define EXTERNAL_LIST(name) \
	"<ocp:external-list><ocp:entry anc=\"" LISTS_URL SELECT(name) "\"/></ocp:external-list>"
#define DO(name) "<oxe:" name ">true</oxe:" name ">"
#define FORWARD(target) \
	DO("allow-forward") "<oxe:forward-to><oxe:target>" target "</oxe:target></oxe:forward-to>"

#define UPP(body) "<upp-directory xmlns=\"urn:x-cpm-pf:upp:1\">" body "</upp-directory>"

/* One compilation and what came out of it. */
struct policy {
	struct cpm_limits limits;
	struct cpm_documents_source source;
	struct cpm_document documents[8];
	struct cpm_arena arena;
	const struct cpm_documents *compiled;
	struct cpm_missing missing;
	size_t warnings;
	size_t culprit;
	struct cpm_diag diag;
};

static inline void policy_add(struct policy *p, const char *url, const char *body)
{
	ck_assert_uint_lt(p->source.count, UNIT_COUNT(p->documents));
	p->documents[p->source.count++] =
			(struct cpm_document){cpm_slice_of(url), cpm_slice_of(body), body != NULL};
}

/* A source of the three documents of sip:bob@example.net; NULL for one that does not exist. */
static inline void policy_init(
		struct policy *p, const char *lists, const char *rules, const char *profile)
{
	*p = (struct policy){.limits = CPM_LIMITS_DEFAULT};
	p->source = (struct cpm_documents_source){.xcap_root = CPM_SLICE(ROOT),
			.lists_url = CPM_SLICE(LISTS_URL),
			.policy_url = CPM_SLICE(RULES_URL),
			.profile_url = CPM_SLICE(PROFILE_URL),
			.documents = p->documents};
	policy_add(p, LISTS_URL, lists);
	policy_add(p, RULES_URL, rules);
	policy_add(p, PROFILE_URL, profile);
	cpm_arena_init(&p->arena, &cpm_allocator_libc, (size_t)64 << 20);
}

static inline enum cpm_rc policy_compile(struct policy *p)
{
	p->source.documents = p->documents;
	return cpm_documents_compile(&p->source, &p->limits, &p->arena, &p->compiled, &p->missing,
			&p->warnings, &p->culprit, &p->diag);
}

static inline void policy_load(
		struct policy *p, const char *lists, const char *rules, const char *profile)
{
	enum cpm_rc rc;

	policy_init(p, lists, rules, profile);
	rc = policy_compile(p);
	ck_assert_msg(rc == CPM_OK, "document %zu: %s: %s", p->culprit, cpm_rc_name(rc),
			p->diag.reason ? p->diag.reason : "");
}

static inline void policy_free(struct policy *p)
{
	cpm_arena_free(&p->arena);
}

/* Facts of a request from "sip:alice@example.org tel:+15550101"; "" is nobody authenticated. */
struct policy_request {
	struct cpm_facts facts;
	char memory[CPM_FACTS_ORIGINATORS][CPM_URI_KEY_MAX];
};

static inline void policy_request(
		struct policy_request *r, const char *originators, enum cpm_medium medium, int64_t now_ms)
{
	struct cpm_slice rest = cpm_slice_of(originators), uri;

	r->facts = (struct cpm_facts){.medium = medium, .now_ms = now_ms};
	while(cpm_slice_split(&rest, ' ', &uri)) {
		size_t i = r->facts.originator_count++;

		ck_assert_uint_lt(i, CPM_FACTS_ORIGINATORS);
		ck_assert_int_eq(
				cpm_uri_canon(uri, r->memory[i], CPM_URI_KEY_MAX, &r->facts.originators[i]),
				CPM_OK);
	}
}

static inline bool policy_blocked(const struct policy *p, const char *originators)
{
	struct policy_request r;

	policy_request(&r, originators, CPM_MEDIUM_PAGER, 0);
	return cpm_decide_blocked(p->compiled, &r.facts);
}

#endif
