/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The user preferences profile: which device wants which medium, in the active
 * profile. Companion section 3.
 */
#include "compile.h"

struct cpm_slice cpm_device_instance(struct cpm_slice value)
{
	value = cpm_slice_trim(value);
	if(value.n > 1 && value.p[0] == '"' && value.p[value.n - 1] == '"')
		value = cpm_slice_trim((struct cpm_slice){value.p + 1, value.n - 2});
	if(value.n > 1 && value.p[0] == '<' && value.p[value.n - 1] == '>')
		value = cpm_slice_trim((struct cpm_slice){value.p + 1, value.n - 2});
	return value;
}

static bool word_false(struct cpm_slice s)
{
	return cpm_slice_ieq(s, CPM_SLICE("false")) || cpm_slice_eq(s, CPM_SLICE("0"))
		   || cpm_slice_ieq(s, CPM_SLICE("inactive"));
}

static const xmlNode *find_active(const xmlNode *root)
{
	struct cpm_slice active;

	for(const xmlNode *node = cpm_xml_first(root); node; node = cpm_xml_next(node))
		if(cpm_xml_is(node, CPM_NS_PROFILE, "profile") && cpm_xml_attribute(node, "active", &active)
				&& (cpm_slice_ieq(active, CPM_SLICE("true"))
						|| cpm_slice_eq(active, CPM_SLICE("1"))))
			return node;
	return NULL;
}

/* Only what is clearly refused counts: anything else must not keep messages from a device. */
static void read_device(struct cpm_compile *c, const xmlNode *node, struct cpm_device *device)
{
	for(const xmlNode *child = cpm_xml_first(node); child; child = cpm_xml_next(child)) {
		struct cpm_slice medium;

		if(!cpm_xml_is(child, CPM_NS_PROFILE, "deliver")
				|| !cpm_xml_attribute(child, "media", &medium) || !cpm_compile_media(medium))
			c->warnings++;
		else if(word_false(cpm_xml_text(child)))
			device->refused |= cpm_compile_media(medium);
		else if(!cpm_compile_boolean(child))
			c->warnings++;
	}
}

static enum cpm_rc read_devices(
		struct cpm_compile *c, size_t document, const xmlNode *active, struct cpm_profile *profile)
{
	struct cpm_device *devices;
	size_t count = 0;

	for(const xmlNode *node = cpm_xml_first(active); node; node = cpm_xml_next(node))
		count += cpm_xml_is(node, CPM_NS_PROFILE, "device");
	if(count > c->limits->max_conditions)
		return cpm_compile_fail(c, CPM_LIMIT, document, "too many devices");
	devices = cpm_arena_array(c->arena, count, sizeof(*devices));
	if(!devices)
		return cpm_compile_fail(c, CPM_NOMEM, document, "no memory");
	profile->devices = devices;
	for(const xmlNode *node = cpm_xml_first(active); node; node = cpm_xml_next(node)) {
		struct cpm_slice instance = CPM_SLICE_NONE;
		struct cpm_device *device = &devices[profile->count];

		if(!cpm_xml_is(node, CPM_NS_PROFILE, "device"))
			continue;
		cpm_xml_attribute(node, "instance", &instance);
		instance = cpm_device_instance(instance);
		if(!instance.n) {
			c->warnings++;
			continue;
		}
		if(!cpm_arena_dup(c->arena, instance, &device->instance))
			return cpm_compile_fail(c, CPM_NOMEM, document, "no memory");
		read_device(c, node, device);
		profile->count++;
	}
	return CPM_OK;
}

enum cpm_rc cpm_profile_compile(struct cpm_compile *c, size_t document, struct cpm_profile *profile)
{
	const xmlNode *root, *active;
	xmlDocPtr tree;
	enum cpm_rc rc = cpm_compile_tree(c, document, &tree);

	if(rc || !tree)
		return rc;
	root = cpm_xml_first((xmlNode *)tree);
	if(!cpm_xml_is(root, CPM_NS_PROFILE, "upp-directory"))
		return cpm_compile_fail(c, CPM_SYNTAX, document, "not a preferences profile document");
	active = find_active(root);
	return active ? read_devices(c, document, active, profile) : CPM_OK;
}
