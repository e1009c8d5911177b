/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * CPU time of one policy decision: block list, rules for pager mode, and
 * do-not-disturb. 50 rules; 1,000 and 100,000 blocked entries. Prints one JSON
 * line a figure, and two about the compilation of the documents.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/policy/decide.h"

#define ROOT "http://xcap.example.net/"
#define RUNS 9
#define DECISIONS 200000
#define ORIGINATORS 1024
#define RULE_COUNT 50
#define NOW INT64_C(1893535200000)

struct request {
	struct cpm_facts facts;
	char memory[CPM_FACTS_ORIGINATORS][CPM_URI_KEY_MAX];
};

struct figure {
	const char *name;
	const char *unit;
	double runs[RUNS];
};

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void figure_print(struct figure *f)
{
	qsort(f->runs, RUNS, sizeof(f->runs[0]), compare);
	printf("{\"name\":\"%s\",\"value\":%.4f,\"unit\":\"%s\",\"min\":%.4f,\"max\":%.4f,\"runs\":%d}"
		   "\n",
			f->name, f->runs[RUNS / 2], f->unit, f->runs[0], f->runs[RUNS - 1], RUNS);
}

/* Every third entry a number, as address books have them. */
static char *write_lists(unsigned entries)
{
	size_t room = (size_t)entries * 80 + 512, n;
	char *text = malloc(room);

	if(!text)
		exit(1);
	n = (size_t)snprintf(text, room, "%s",
			"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\">"
			"<list name=\"oma_blockedcontacts\">");
	for(unsigned i = 0; i < entries; i++)
		n += (size_t)snprintf(text + n, room - n,
				i % 3 ? "<entry uri=\"sip:blocked.user%u@example.com\"/>\n"
					  : "<entry uri=\"tel:+1555%07u\"/>\n",
				i);
	n += (size_t)snprintf(text + n, room - n, "%s",
			"</list><list name=\"friends\"><entry uri=\"sip:friend@example.org\"/></list>"
			"</resource-lists>");
	return text;
}

/* Rules of all kinds for single persons, domains, lists and hours; a few speak to everybody. */
static char *write_rules(void)
{
	static const char *const conditions[] = {
			"<cp:identity><cp:one id=\"sip:person%u@example.org\"/>"
			"<cp:one id=\"tel:+15559%03u\"/></cp:identity>",
			"<cp:identity><cp:many domain=\"domain%u.example.com\"/></cp:identity>",
			"<cp:identity><cp:many domain=\"d%u.example.org\"><cp:except "
			"id=\"sip:x@d%u.example.org\"/>"
			"</cp:many></cp:identity>",
			"<ocp:external-list><ocp:entry anc=\"" ROOT
			"resource-lists/users/sip:bob@example.net/index"
			"/~~/resource-lists/list%%5B@name=%%22friends%%22%%5D\"/></ocp:external-list>",
			"<cp:validity><cp:from>20%02u-01-01T22:00:00Z</cp:from>"
			"<cp:until>20%02u-01-02T06:00:00Z</cp:until></cp:validity>",
	};
	size_t room = RULE_COUNT * 1024 + 1024, n;
	char *text = malloc(room);

	if(!text)
		exit(1);
	n = (size_t)snprintf(text, room, "%s",
			"<cp:ruleset xmlns:cp=\"urn:ietf:params:xml:ns:common-policy\""
			" xmlns:ocp=\"urn:oma:xml:xdm:common-policy\" "
			"xmlns:oxe=\"urn:oma:xml:xdm:extensions\">");
	for(unsigned i = 0; i < RULE_COUNT; i++) {
		n += (size_t)snprintf(text + n, room - n,
				"<cp:rule id=\"rule-%u\"><cp:conditions>"
				"<oxe:service-list><oxe:service enabler=\"CPM\"/></oxe:service-list>%s",
				i, i % 5 == 4 ? "" : "<oxe:media-list><oxe:pager-mode-message/></oxe:media-list>");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
		n += (size_t)snprintf(text + n, room - n, conditions[i % 5], i + 10, i + 10);
#pragma GCC diagnostic pop
		n += (size_t)snprintf(text + n, room - n,
				"</cp:conditions><cp:actions><oxe:%s>true</oxe:%s></cp:actions></cp:rule>",
				i % 5 == 4 ? "allow-do-not-disturb" : "allow-defer",
				i % 5 == 4 ? "allow-do-not-disturb" : "allow-defer");
	}
	snprintf(text + n, room - n, "%s", "</cp:ruleset>");
	return text;
}

static const struct cpm_documents *compile(
		const char *lists, const char *rules, struct cpm_arena *arena)
{
	static const struct cpm_limits limits = CPM_LIMITS_DEFAULT;
	struct cpm_slice lists_url = CPM_SLICE(ROOT "resource-lists/users/sip:bob@example.net/index");
	struct cpm_slice rules_url = CPM_SLICE(
			ROOT "org.openmobilealliance.access-rules/users/sip:bob@example.net/access-rules");
	struct cpm_document documents[] = {
			{lists_url, cpm_slice_of(lists), true}, {rules_url, cpm_slice_of(rules), true}};
	struct cpm_documents_source source = {.xcap_root = CPM_SLICE(ROOT),
			.lists_url = lists_url,
			.policy_url = rules_url,
			.documents = documents,
			.count = 2};
	const struct cpm_documents *d;
	struct cpm_diag diag;

	cpm_arena_init(arena, &cpm_allocator_libc, limits.max_document_memory);
	if(cpm_documents_compile(&source, &limits, arena, &d, NULL, NULL, NULL, &diag)) {
		fprintf(stderr, "documents do not compile: %s\n", diag.reason);
		exit(1);
	}
	return d;
}

/* One in eight is blocked, one in four meets a rule; half assert a number beside the SIP URI. */
static void request_fill(struct request *r, unsigned i, unsigned entries)
{
	char sip[96], tel[48];

	r->facts = (struct cpm_facts){.medium = CPM_MEDIUM_PAGER, .now_ms = NOW};
	if(i % 8 == 0)
		snprintf(
				sip, sizeof(sip), "sip:blocked.user%u@example.com", i * 7919 % entries / 3 * 3 + 1);
	else if(i % 8 == 1)
		snprintf(sip, sizeof(sip), "sip:person%u@example.org", 10 + i % RULE_COUNT / 5 * 5);
	else if(i % 8 == 2)
		snprintf(sip, sizeof(sip), "sip:user%u@domain%u.example.com", i,
				11 + i % RULE_COUNT / 5 * 5);
	else
		snprintf(sip, sizeof(sip), "sip:stranger%u@example.org", i);
	snprintf(tel, sizeof(tel), "tel:+4930%07u", i);
	cpm_uri_canon(cpm_slice_of(sip), r->memory[0], CPM_URI_KEY_MAX, &r->facts.originators[0]);
	cpm_uri_canon(cpm_slice_of(tel), r->memory[1], CPM_URI_KEY_MAX, &r->facts.originators[1]);
	r->facts.originator_count = 1 + i % 2;
}

/* Sums what was decided, so that no step can be left out. */
static size_t decide(const struct cpm_documents *d, const struct request *requests, size_t count)
{
	size_t sum = 0;

	for(size_t i = 0; i < count; i++) {
		const struct cpm_facts *facts = &requests[i % ORIGINATORS].facts;
		struct cpm_verdict verdict;
		int64_t until_ms;

		sum += cpm_decide_blocked(d, facts);
		cpm_decide(d, facts, &verdict);
		sum += (size_t)verdict.action;
		sum += cpm_decide_dnd(d, facts, NULL, &until_ms);
	}
	return sum;
}

static void measure(const char *name, const char *compile_name, unsigned entries)
{
	struct figure decision = {.name = name, .unit = "us"};
	struct figure compilation = {.name = compile_name, .unit = "us"};
	struct request *requests = malloc(ORIGINATORS * sizeof(*requests));
	char *lists = write_lists(entries), *rules = write_rules();
	size_t sum = 0;

	if(!requests)
		exit(1);
	for(unsigned i = 0; i < ORIGINATORS; i++)
		request_fill(&requests[i], i, entries);
	for(size_t run = 0; run < RUNS; run++) {
		struct cpm_arena arena;
		double start = cpu_us();
		const struct cpm_documents *d = compile(lists, rules, &arena);

		compilation.runs[run] = cpu_us() - start;
		sum += decide(d, requests, ORIGINATORS);
		start = cpu_us();
		sum += decide(d, requests, DECISIONS);
		decision.runs[run] = (cpu_us() - start) / DECISIONS;
		if(!run)
			fprintf(stderr, "%s: %zu blocked, %zu rules, %zu bytes\n", name,
					cpm_documents_blocked_count(d), cpm_documents_rule_count(d), arena.used);
		cpm_arena_free(&arena);
	}
	figure_print(&decision);
	figure_print(&compilation);
	fprintf(stderr, "checksum %zu\n", sum);
	free(requests);
	free(lists);
	free(rules);
}

int main(void)
{
	measure("policy_decision_us", "policy_compile_us", 1000);
	measure("policy_decision_100k_us", "policy_compile_100k_us", 100000);
	return 0;
}
