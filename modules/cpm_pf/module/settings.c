/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Parameters: defaults, names, ranges. A bad value stops the start with one
 * line that says what to write instead.
 */
#include "settings.h"

#include <limits.h>

#include "../core/codec/folder.h"
#include "../core/codec/uri.h"
#include "../core/codec/version.h"

struct settings settings = {
#define TEXT(name, value) .name = value,
#define WORD(name, value) .name##_word = value,
#define NUMBER(name, value, low, high) .name = value,
#define SWITCH(name, value) .name = value,
#include "parameters.def"
};

param_export_t settings_params[] = {
#define TEXT(name, value) {#name, PARAM_STRING, &settings.name},
#define WORD(name, value) {#name, PARAM_STRING, &settings.name##_word},
#define NUMBER(name, value, low, high) {#name, PARAM_INT, &settings.name},
#define SWITCH(name, value) {#name, PARAM_INT, &settings.name},
#include "parameters.def"
		{0, 0, 0}};

static const struct range {
	const char *name;
	const int *value;
	int low, high;
} ranges[] = {
#define TEXT(name, value)
#define WORD(name, value)
#define NUMBER(name, value, low, high) {#name, &settings.name, low, high},
#define SWITCH(name, value)
#include "parameters.def"
};

static char server_line[256], agent_line[256], own_uri[300];

static bool ranges_check(void)
{
	size_t i;

	for(i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct range *r = &ranges[i];
		if(*r->value < r->low || *r->value > r->high) {
			LM_ERR("parameter %s is %d: write a number from %d to %d\n", r->name, *r->value, r->low,
					r->high);
			return false;
		}
	}
	if(settings.redis_reconnect_max_ms < settings.redis_reconnect_min_ms) {
		LM_ERR("parameter redis_reconnect_max_ms is below redis_reconnect_min_ms: write at least "
			   "%d\n",
				settings.redis_reconnect_min_ms);
		return false;
	}
	if(settings.retry_max_s < settings.retry_min_s) {
		LM_ERR("parameter retry_max_s is below retry_min_s: write at least %d\n",
				settings.retry_min_s);
		return false;
	}
	return true;
}

static void limits_fill(void)
{
	settings.limits = (struct cpm_limits){
			.max_message_bytes = (size_t)settings.max_message_bytes,
			.max_header_bytes = (size_t)settings.max_header_bytes,
			.max_record_bytes = (size_t)settings.max_record_bytes,
			.max_document_bytes = (size_t)settings.max_document_bytes,
			.max_document_memory = (size_t)settings.max_document_memory,
			.max_xml_depth = (size_t)settings.max_xml_depth,
			.max_xml_elements = (size_t)settings.max_xml_elements,
			.max_list_entries = (size_t)settings.max_list_entries,
			.max_list_depth = (size_t)settings.max_list_depth,
			.max_linked_documents = (size_t)settings.max_linked_documents,
			.max_rules = (size_t)settings.max_rules,
			.max_conditions = (size_t)settings.max_conditions,
			.max_mime_parts = (size_t)settings.max_mime_parts,
			.max_cpim_headers = (size_t)settings.max_cpim_headers,
	};
}

static void store_fill(void)
{
	settings.store = (struct store_config){
			.address = settings.redis_address,
			.user = settings.redis_user,
			.password = settings.redis_password,
			.database = settings.redis_database,
			.prefix = settings.redis_prefix,
			.shards = (unsigned)settings.queue_shards,
			.connections = (unsigned)settings.redis_connections,
			.timeout_ms = settings.redis_timeout_ms,
			.reconnect_min_ms = settings.redis_reconnect_min_ms,
			.reconnect_max_ms = settings.redis_reconnect_max_ms,
			.wait_replicas = (unsigned)settings.redis_wait_replicas,
			.require_durable = settings.redis_require_durable != 0,
			.max_pending = (size_t)settings.queue_max_pending,
			.max_user_messages = (size_t)settings.max_user_messages,
			.ttl_grace_ms = (int64_t)settings.ttl_grace_s * 1000,
			.claim_ms = settings.claim_ms,
			.limits = &settings.limits,
	};
}

/* The store knows best what it can connect to; this one is made only to ask. */
static bool store_check(void)
{
	const char *error = NULL;
	struct store *store = store_new(&settings.store, &error);

	if(!store) {
		LM_ERR("parameter redis_address and its kin: %s\n", error ? error : "no memory");
		return false;
	}
	store_free(&store);
	return true;
}

static void xdm_fill(void)
{
	settings.xdm = (struct xdm_config){
			.root = settings.xcap_root,
			.lists_auid = settings.xcap_lists_auid,
			.policy_auid = settings.xcap_policy_auid,
			.profile_auid = settings.xcap_profile_auid,
			.lists_document = settings.xcap_lists_document,
			.policy_document = settings.xcap_policy_document,
			.profile_document = settings.xcap_profile_document,
			.identity_header = settings.xcap_identity_header,
			.max_age_ms = settings.xdm_max_age_ms,
			.stale_ms = settings.xdm_stale_ms,
			.timeout_ms = settings.xdm_timeout_ms,
			.retry_ms = settings.xdm_retry_ms,
			.cache_bytes = (size_t)settings.xdm_cache_mb << 20,
			.max_parallel = (size_t)settings.xdm_max_parallel,
			.max_waiters = (size_t)settings.xdm_max_waiters,
			.user = settings.xcap_user[0] ? settings.xcap_user : NULL,
			.password = settings.xcap_password[0] ? settings.xcap_password : NULL,
			.ca_file = settings.xcap_ca_file[0] ? settings.xcap_ca_file : NULL,
			.log_hide_digits = (size_t)settings.log_hide_digits,
			.limits = &settings.limits,
	};
}

static void imap_fill(void)
{
	settings.imap = (struct imap_config){
			.url = settings.store_url,
			.starttls = settings.store_starttls != 0,
			.ca_file = settings.store_ca_file[0] ? settings.store_ca_file : NULL,
			.service = settings.store_service[0] ? settings.store_service : NULL,
			.password = settings.store_password,
			.timeout_ms = settings.store_timeout_ms,
			.idle_ms = settings.store_idle_ms,
			.retry_min_ms = settings.store_retry_min_ms,
			.retry_max_ms = settings.store_retry_max_ms,
			.max_connections = (size_t)settings.store_parallel,
			.max_user_connections = (size_t)settings.store_user_parallel,
			.max_pending = (size_t)settings.store_max_pending,
			.max_object_bytes = (size_t)settings.store_max_object_bytes,
	};
}

/* A session has a folder in that of its conversation, unless told otherwise. */
static bool folders_check(void)
{
	struct cpm_slice delimiters = cpm_slice_of(settings.store_delimiters);
	const char *error = cpm_folder_check(cpm_slice_of(settings.store_folder), delimiters);

	if(error) {
		LM_ERR("parameters store_folder and store_delimiters: %s\n", error);
		return false;
	}
	snprintf(settings.session_folder, sizeof(settings.session_folder), "%s%s",
			settings.store_session_folder[0] ? settings.store_session_folder
											 : settings.store_folder,
			settings.store_session_folder[0] ? "" : "/{contrib}");
	error = cpm_folder_check(cpm_slice_of(settings.session_folder), delimiters);
	if(error)
		LM_ERR("parameter store_session_folder, \"%s\": %s\n", settings.session_folder, error);
	return !error;
}

/* The client of the message store knows best what it can use; this one is made only to ask. */
static bool imap_check(void)
{
	struct cpm_folder_values example = {
			.user = CPM_SLICE("u"), .domain = CPM_SLICE("d"), .aor = CPM_SLICE("sip:u@d")};
	char memory[1024];
	struct cpm_buf login;
	const char *error = NULL;
	struct imap *imap;

	if(!settings.store_url[0])
		return true;
	if(!folders_check())
		return false;
	cpm_buf_init_fixed(&login, memory, sizeof(memory));
	if(cpm_folder_add_login(&login, cpm_slice_of(settings.store_user), &example) != CPM_OK) {
		LM_ERR("parameter store_user is \"%s\": write for instance \"{user}@{domain}\"; {aor} is "
			   "the whole "
			   "URI\n",
				settings.store_user);
		return false;
	}
	if(settings.store_max_bytes_in_flight
			< settings.store_max_object_bytes + settings.max_record_bytes) {
		LM_ERR("parameter store_max_bytes_in_flight is %d: write at least %d, for one object "
			   "(store_max_object_bytes) with its record (max_record_bytes)\n",
				settings.store_max_bytes_in_flight,
				settings.store_max_object_bytes + settings.max_record_bytes);
		return false;
	}
	imap = imap_new(&settings.imap, &error);
	if(!imap) {
		LM_ERR("parameter store_url and its kin: %s\n", error ? error : "no memory");
		return false;
	}
	imap_free(&imap);
	return true;
}

static bool words_check(void)
{
	static const char *const words[] = {"open", "closed", "defer"};
	size_t i, n;

	for(i = 0; i < 3 && strcmp(words[i], settings.xdm_fail_word) != 0; i++)
		;
	if(i == 3) {
		LM_ERR("parameter xdm_fail is \"%s\": write \"open\", \"closed\" or \"defer\"\n",
				settings.xdm_fail_word);
		return false;
	}
	settings.xdm_fail = (enum xdm_fail)i;

	if(strcmp(settings.expired_word, "discard") == 0)
		settings.expired = CPM_EXPIRED_DISCARD;
	else if(strcmp(settings.expired_word, "store") == 0)
		settings.expired = CPM_EXPIRED_STORE;
	else {
		LM_ERR("parameter expired is \"%s\": write \"discard\" or \"store\"\n",
				settings.expired_word);
		return false;
	}

	if(settings.xcap_root[0] == '\0') {
		LM_ERR("parameter xcap_root is empty: write the XCAP root, for instance "
			   "\"http://xdms.example.net/xcap\" or \"file:///var/lib/xcap\"\n");
		return false;
	}
	n = strlen(settings.xcap_root);
	if(settings.xcap_root[n - 1] == '/')
		settings.xcap_root[n - 1] = '\0';

	if(settings.min_version[0]
			&& !cpm_version_of(cpm_slice_of(settings.min_version), &settings.min_version_major,
					&settings.min_version_minor)) {
		LM_ERR("parameter min_version is \"%s\": write for instance \"CPM-client/OMA1.0\"\n",
				settings.min_version);
		return false;
	}
	return true;
}

const char *settings_server_line(void)
{
	return server_line;
}

const char *settings_agent_line(void)
{
	return agent_line;
}

static bool uri_check(const char *name, const char *value)
{
	struct cpm_uri uri;

	if(!value[0]
			|| (cpm_uri_parse(cpm_slice_of(value), &uri, NULL) == CPM_OK
					&& !strpbrk(value, "<> \r\n")))
		return true;
	LM_ERR("parameter %s is \"%s\": write a SIP URI, for instance \"sip:cpm@example.net\"\n", name,
			value);
	return false;
}

static bool uris_check(void)
{
	int n = snprintf(own_uri, sizeof(own_uri), "sip:cpm@%s", settings.hostname);

	if(!uri_check("isf_uri", settings.isf_uri) || !uri_check("core_uri", settings.core_uri)
			|| !uri_check("pf_uri", settings.pf_uri)
			|| !uri_check("xdm_subscribe", settings.xdm_subscribe)
			|| !uri_check("xdm_contact", settings.xdm_contact))
		return false;
	if(!settings.pf_uri[0] && n > 0 && (size_t)n < sizeof(own_uri))
		settings.pf_uri = own_uri;
	return true;
}

bool settings_check(void)
{
	int n = snprintf(server_line, sizeof(server_line), "Server: %s\r\n", settings.release);

	if(n < 0 || (size_t)n >= sizeof(server_line) || strpbrk(settings.release, "\r\n")) {
		LM_ERR("parameter release is too long: write for instance \"CPM-serv/OMA1.0\"\n");
		return false;
	}
	snprintf(agent_line, sizeof(agent_line), "User-Agent: %s\r\n", settings.release);
	if(!ranges_check() || !words_check() || !uris_check())
		return false;
	limits_fill();
	store_fill();
	imap_fill();
	xdm_fill();
	return store_check() && imap_check();
}
