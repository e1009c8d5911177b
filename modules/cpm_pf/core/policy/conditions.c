/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The conditions of one rule: RFC 4745 section 7, the OMA conditions and the
 * service and media lists. What is not understood keeps the rule from matching
 * (RFC 4745 section 6.1 and companion section 2.4).
 */
#include "compile.h"

#include "../base/ascii.h"
#include "../codec/date.h"

struct builder {
	struct cpm_compile *c;
	size_t document;
	struct cpm_rule *rule;
	struct cpm_condition *conditions; /* one place for each child of <conditions> */
	size_t values;
};

static enum cpm_rc nomem(struct builder *b)
{
	return cpm_compile_fail(b->c, CPM_NOMEM, b->document, "no memory");
}

static enum cpm_rc count_value(struct builder *b)
{
	if(b->values == b->c->limits->max_conditions)
		return cpm_compile_fail(b->c, CPM_LIMIT, b->document, "too many conditions in a rule");
	b->values++;
	return CPM_OK;
}

static struct cpm_condition *add_condition(struct builder *b, enum cpm_condition_kind kind)
{
	struct cpm_condition *condition = &b->conditions[b->rule->condition_count++];

	condition->kind = kind;
	return condition;
}

static void never(struct builder *b, const char *reason)
{
	if(!b->rule->never)
		b->rule->never = reason;
}

static void raise_class(struct builder *b, enum cpm_rule_class class)
{
	if(class > b->rule->class)
		b->rule->class = class;
}

static size_t count_children(const xmlNode *parent)
{
	size_t count = 0;

	for(const xmlNode *node = cpm_xml_first(parent); node; node = cpm_xml_next(node))
		count++;
	return count;
}

static enum cpm_rc add_uri(struct builder *b, struct cpm_keyset_builder *keys, const xmlNode *node)
{
	struct cpm_slice id = CPM_SLICE_NONE;
	enum cpm_rc rc;

	cpm_xml_attribute(node, "id", &id);
	rc = cpm_compile_add_uri(b->c, keys, id);
	return rc ? nomem(b) : CPM_OK;
}

/* The lower-case domain in scratch memory; empty (and a warning) when there is none to compare. */
static enum cpm_rc read_domain(
		struct builder *b, struct cpm_slice written, struct cpm_slice *domain)
{
	char *p = cpm_arena_alloc(b->c->scratch, written.n);

	if(!p)
		return nomem(b);
	for(size_t i = 0; i < written.n; i++)
		p[i] = cpm_ascii_lower(written.p[i]);
	*domain = (struct cpm_slice){p, written.n};
	if(domain->n > 1 && p[domain->n - 1] == '.')
		domain->n--;
	if(!domain->n)
		b->c->warnings++;
	return CPM_OK;
}

static enum cpm_rc add_domain(
		struct builder *b, struct cpm_keyset_builder *keys, struct cpm_slice written)
{
	struct cpm_slice domain;
	enum cpm_rc rc = read_domain(b, written, &domain);

	if(rc || !domain.n)
		return rc;
	return cpm_keyset_add(keys, domain) ? nomem(b) : CPM_OK;
}

static enum cpm_rc add_except(
		struct builder *b, struct cpm_keyset_builder *keys, const xmlNode *node)
{
	struct cpm_slice domain;
	enum cpm_rc rc = count_value(b);

	if(rc)
		return rc;
	if(!cpm_xml_attribute(node, "domain", &domain))
		return add_uri(b, keys, node);
	rc = add_domain(b, keys, domain);
	if(!rc && cpm_xml_attribute(node, "id", &domain))
		rc = add_uri(b, keys, node);
	return rc;
}

/* Does the element hold only what we know? Children narrow <one> and <many> down, so an unknown one
 * must not be overlooked. */
static bool known_children(const xmlNode *node, const char *name)
{
	for(const xmlNode *child = cpm_xml_first(node); child; child = cpm_xml_next(child))
		if(!name || !cpm_xml_is(child, CPM_NS_RULES, name))
			return false;
	return true;
}

/* A plain <many domain> joins the members; anything else is kept as it is. */
static enum cpm_rc add_many(struct builder *b, struct cpm_keyset_builder *members,
		struct cpm_many *many, size_t *count, const xmlNode *node)
{
	struct cpm_keyset_builder excepted = {.scratch = b->c->scratch, .seed = b->c->seed};
	struct cpm_slice written = CPM_SLICE_NONE, domain = CPM_SLICE_NONE;
	bool has_domain = cpm_xml_attribute(node, "domain", &written);
	enum cpm_rc rc;

	if(has_domain && !cpm_xml_first(node))
		return add_domain(b, members, written);
	if(has_domain) {
		rc = read_domain(b, written, &domain);
		if(rc || !domain.n)
			return rc;
	}
	for(const xmlNode *child = cpm_xml_first(node); child; child = cpm_xml_next(child)) {
		rc = add_except(b, &excepted, child);
		if(rc)
			return rc;
	}
	if(!cpm_arena_dup(b->c->arena, domain, &many[*count].domain))
		return nomem(b);
	rc = cpm_keyset_build(&excepted, b->c->arena, &many[*count].excepted);
	++*count;
	return rc ? nomem(b) : CPM_OK;
}

static enum cpm_rc add_identity_child(struct builder *b, struct cpm_keyset_builder *members,
		struct cpm_many *many, size_t *count, const xmlNode *node)
{
	enum cpm_rc rc = count_value(b);

	if(rc)
		return rc;
	if(cpm_xml_is(node, CPM_NS_RULES, "one") && known_children(node, NULL))
		return add_uri(b, members, node);
	if(cpm_xml_is(node, CPM_NS_RULES, "many") && known_children(node, "except"))
		return add_many(b, members, many, count, node);
	b->c->warnings++;
	return CPM_OK;
}

static size_t count_many(const xmlNode *node)
{
	size_t count = 0;

	for(const xmlNode *child = cpm_xml_first(node); child; child = cpm_xml_next(child))
		if(cpm_xml_is(child, CPM_NS_RULES, "many"))
			count++;
	return count;
}

static enum cpm_rc read_identity(struct builder *b, const xmlNode *node)
{
	struct cpm_keyset_builder members = {.scratch = b->c->scratch, .seed = b->c->seed};
	struct cpm_identity *identity = cpm_arena_alloc(b->c->arena, sizeof(*identity));
	struct cpm_many *many = cpm_arena_array(b->c->arena, count_many(node), sizeof(*many));
	enum cpm_rc rc;

	if(!identity || !many)
		return nomem(b);
	for(const xmlNode *child = cpm_xml_first(node); child; child = cpm_xml_next(child)) {
		rc = add_identity_child(b, &members, many, &identity->many_count, child);
		if(rc)
			return rc;
	}
	identity->many = many;
	if(cpm_keyset_build(&members, b->c->arena, &identity->members))
		return nomem(b);
	/* Of one condition only: the bits of two may differ for an originator that meets both. */
	if(!identity->many_count && b->rule->signature == UINT64_MAX)
		b->rule->signature = identity->members.signature;
	add_condition(b, CPM_CONDITION_IDENTITY)->of.identity = identity;
	raise_class(b, CPM_CLASS_IDENTITY);
	return CPM_OK;
}

static enum cpm_rc read_external_list(struct builder *b, const xmlNode *node)
{
	const struct cpm_keyset **lists =
			cpm_arena_array(b->c->arena, count_children(node), sizeof(struct cpm_keyset *));
	struct cpm_condition *condition;
	size_t count = 0;

	if(!lists)
		return nomem(b);
	for(const xmlNode *child = cpm_xml_first(node); child; child = cpm_xml_next(child)) {
		struct cpm_slice anchor;
		enum cpm_rc rc = count_value(b);

		if(rc)
			return rc;
		if(!cpm_xml_is(child, NULL, "entry") || !cpm_xml_attribute(child, "anc", &anchor)) {
			b->c->warnings++;
			continue;
		}
		rc = cpm_urilist_linked(b->c, b->document, anchor, &lists[count++]);
		if(rc)
			return rc;
	}
	condition = add_condition(b, CPM_CONDITION_EXTERNAL_LIST);
	condition->of.lists = lists;
	condition->count = count;
	raise_class(b, CPM_CLASS_EXTERNAL);
	return CPM_OK;
}

static enum cpm_rc read_other_identity(struct builder *b, const xmlNode *node)
{
	(void)node;
	add_condition(b, CPM_CONDITION_OTHER_IDENTITY);
	raise_class(b, CPM_CLASS_OTHER);
	return CPM_OK;
}

static enum cpm_rc read_anonymous(struct builder *b, const xmlNode *node)
{
	(void)node;
	add_condition(b, CPM_CONDITION_ANONYMOUS);
	return CPM_OK;
}

static enum cpm_rc read_sphere(struct builder *b, const xmlNode *node)
{
	(void)node;
	never(b, "the condition sphere is not supported");
	return CPM_OK;
}

/* Pairs of <from> and <until>; what is no pair, or is no time, is left out. */
static enum cpm_rc read_validity(struct builder *b, const xmlNode *node)
{
	struct cpm_interval *intervals =
			cpm_arena_array(b->c->arena, count_children(node), sizeof(*intervals));
	struct cpm_condition *condition;
	size_t count = 0;

	if(!intervals)
		return nomem(b);
	for(const xmlNode *from = cpm_xml_first(node), *until; from; from = cpm_xml_next(until)) {
		struct cpm_interval *interval = &intervals[count];
		enum cpm_rc rc = count_value(b);

		if(rc)
			return rc;
		until = cpm_xml_next(from);
		if(!cpm_xml_is(from, CPM_NS_RULES, "from") || !cpm_xml_is(until, CPM_NS_RULES, "until")) {
			b->c->warnings++;
			until = from;
		} else if(cpm_date_parse_rfc3339(cpm_xml_text(from), &interval->from_ms)
				  && cpm_date_parse_rfc3339(cpm_xml_text(until), &interval->until_ms)
				  && interval->from_ms < interval->until_ms) {
			count++;
		} else {
			b->c->warnings++;
		}
	}
	condition = add_condition(b, CPM_CONDITION_VALIDITY);
	condition->of.intervals = intervals;
	condition->count = count;
	return CPM_OK;
}

static bool is_cpm(const xmlNode *service)
{
	struct cpm_slice enabler;

	return cpm_xml_is(service, NULL, "service") && cpm_xml_attribute(service, "enabler", &enabler)
		   && cpm_slice_ieq(enabler, CPM_SLICE("CPM"));
}

static enum cpm_rc find_cpm(struct builder *b, const xmlNode *parent, bool *found)
{
	for(const xmlNode *node = cpm_xml_first(parent); node; node = cpm_xml_next(node)) {
		enum cpm_rc rc = count_value(b);

		if(rc)
			return rc;
		*found = *found || is_cpm(node);
	}
	return CPM_OK;
}

static enum cpm_rc read_service_list(struct builder *b, const xmlNode *node)
{
	bool covers = false;
	enum cpm_rc rc = find_cpm(b, node, &covers);

	for(const xmlNode *child = cpm_xml_first(node); child && !rc; child = cpm_xml_next(child))
		if(cpm_xml_is(child, NULL, "all-services-except")) {
			bool excepted = false;

			rc = find_cpm(b, child, &excepted);
			covers = covers || !excepted;
		}
	b->rule->covers_cpm = covers && (!b->rule->has_service_list || b->rule->covers_cpm);
	b->rule->has_service_list = true;
	return rc;
}

static enum cpm_rc read_media(struct builder *b, const xmlNode *parent, unsigned *media)
{
	for(const xmlNode *node = cpm_xml_first(parent); node; node = cpm_xml_next(node)) {
		enum cpm_rc rc = count_value(b);

		if(rc)
			return rc;
		if(cpm_compile_is_extension(node))
			*media |= cpm_compile_media(cpm_slice_of((const char *)node->name));
	}
	return CPM_OK;
}

/* The rule for pager mode is the rule for large messages too, unless it excepts either of them. */
static unsigned all_except(unsigned excepted)
{
	unsigned messages = 1u << CPM_MEDIUM_PAGER | 1u << CPM_MEDIUM_LARGE;
	unsigned covered = ((1u << CPM_MEDIUM_COUNT) - 1) & ~excepted;

	return covered | ((excepted & messages) ? 0 : CPM_MEDIA_LARGE_AS_PAGER);
}

static enum cpm_rc read_media_list(struct builder *b, const xmlNode *node)
{
	unsigned named = 0, covered;
	enum cpm_rc rc = read_media(b, node, &named);

	covered = named;
	if(named & 1u << CPM_MEDIUM_PAGER)
		covered |= CPM_MEDIA_LARGE_AS_PAGER;
	for(const xmlNode *child = cpm_xml_first(node); child && !rc; child = cpm_xml_next(child))
		if(cpm_xml_is(child, NULL, "all-media-except")) {
			unsigned excepted = 0;

			rc = read_media(b, child, &excepted);
			covered |= all_except(excepted);
		}
	b->rule->media = b->rule->has_media_list ? b->rule->media & covered : covered;
	b->rule->named |= named;
	b->rule->has_media_list = true;
	return rc;
}

static enum cpm_rc read_condition(struct builder *b, const xmlNode *node)
{
	static const struct {
		const char *ns; /* NULL: one of the extension namespaces */
		const char *name;
		enum cpm_rc (*read)(struct builder *b, const xmlNode *node);
	} table[] = {
			{CPM_NS_RULES, "identity", read_identity},
			{CPM_NS_RULES, "validity", read_validity},
			{CPM_NS_RULES, "sphere", read_sphere},
			{CPM_NS_OMA_CONDITIONS, "external-list", read_external_list},
			{CPM_NS_OMA_CONDITIONS, "other-identity", read_other_identity},
			{CPM_NS_OMA_CONDITIONS, "anonymous-request", read_anonymous},
			{NULL, "service-list", read_service_list},
			{NULL, "media-list", read_media_list},
	};

	for(size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if(cpm_xml_is(node, table[i].ns, table[i].name)
				&& (table[i].ns || cpm_compile_is_extension(node)))
			return table[i].read(b, node);
	never(b, "a condition is not understood");
	b->c->warnings++;
	return CPM_OK;
}

/* other-identity excludes those whom a rule matches otherwise, so beside such a condition in the
 * same rule it excludes itself. */
static void check_contradiction(struct builder *b)
{
	for(size_t i = 0; i < b->rule->condition_count; i++)
		if(b->conditions[i].kind == CPM_CONDITION_OTHER_IDENTITY
				&& b->rule->class > CPM_CLASS_OTHER)
			never(b, "other-identity stands beside another identity condition");
}

enum cpm_rc cpm_conditions_compile(
		struct cpm_compile *c, size_t document, const xmlNode *rule_node, struct cpm_rule *rule)
{
	struct builder b = {.c = c, .document = document, .rule = rule};
	size_t count = 0;

	rule->signature = UINT64_MAX;
	for(const xmlNode *node = cpm_xml_first(rule_node); node; node = cpm_xml_next(node))
		if(cpm_xml_is(node, CPM_NS_RULES, "conditions"))
			count += count_children(node);
	b.conditions = cpm_arena_array(c->arena, count, sizeof(*b.conditions));
	if(!b.conditions)
		return nomem(&b);
	rule->conditions = b.conditions;
	for(const xmlNode *node = cpm_xml_first(rule_node); node; node = cpm_xml_next(node)) {
		if(!cpm_xml_is(node, CPM_NS_RULES, "conditions"))
			continue;
		for(const xmlNode *child = cpm_xml_first(node); child; child = cpm_xml_next(child)) {
			enum cpm_rc rc = read_condition(&b, child);

			if(rc)
				return rc;
		}
	}
	check_contradiction(&b);
	return CPM_OK;
}
