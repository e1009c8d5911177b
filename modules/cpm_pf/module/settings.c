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
		.hostname = "localhost",
		.release = "CPM-serv/OMA1.0",
		.isf_uri = "",
		.core_uri = "",
		.min_version = "",
		.strict_version = 0,
		.allow_anonymous = 1,
		.pf_uri = "",
		.system_icsi = 0,
		.contact_xavp = "cpm",
		.location = "location",
		.event_callback = "",

		.redis_address = "127.0.0.1:6379",
		.redis_prefix = "cpm",
		.redis_connections = 3,
		.redis_timeout_ms = 1000,
		.redis_reconnect_min_ms = 100,
		.redis_reconnect_max_ms = 5000,

		.queue_workers = 1,
		.queue_shards = 64,
		.queue_mailbox = 65536,
		.queue_max_pending = 10000,
		.max_user_messages = 10000,
		.max_expiry_s = 3 * 24 * 3600,
		.ttl_grace_s = 7 * 24 * 3600,
		.dedup_window_s = 24 * 3600,
		.retry_min_s = 60,
		.retry_max_s = 3600,
		.expired_word = "discard",
		.expiry_rate = 2000,
		.claim_ms = 60000,
		.report_expiry_s = 3 * 24 * 3600,
		.report_rate = 200,
		.notify_expired = 1,
		.notify_expired_oob = 0,

		.push_on_register = 1,
		.push_delay_ms = 50,
		.push_window = 1,
		.push_prefetch = 16,
		.push_prefetch_bytes = 262144,
		.push_parallel = 64,
		.push_sessions = 100000,
		.push_lease_ms = 10000,
		.push_ack_ms = 20,
		.push_rate = 0,

		.notify_delay_ms = 1000,
		.notify_list_max = 10,
		.notify_body_bytes = 8000,
		.notify_pushed = 0,
		.subscribe_body_bytes = 60000,
		.max_dialogs = 10000,
		.min_se_s = 90,
		.session_expires_s = 1800,

		.msrp_listen = "",
		.msrp_host = "",
		.msrp_tls_certificate = "",
		.msrp_tls_key = "",
		.msrp_tls_ca = "",
		.msrp_workers = 1,
		.msrp_max_sessions = 2000,
		.msrp_max_connections = 4000,
		.msrp_chunk_bytes = 65536,
		.msrp_bind_ms = 30000,
		.bridge_wait_ms = 15000,
		.msrp_idle_ms = 60000,
		.msrp_response_ms = 30000,
		.msrp_life_s = 1800,
		.msrp_staging_s = 900,
		.max_large_bytes = 64 << 20,

		.xcap_root = "",
		.xcap_lists_auid = "resource-lists",
		.xcap_policy_auid = "org.openmobilealliance.access-rules",
		.xcap_profile_auid = "org.openmobilealliance.upp-directory",
		.xcap_lists_document = "index",
		.xcap_policy_document = "access-rules",
		.xcap_profile_document = "upp-directory",
		.xcap_identity_header = "X-XCAP-Asserted-Identity",
		.xcap_user = "",
		.xcap_password = "",
		.xcap_ca_file = "",
		.xdm_max_age_ms = 60000,
		.xdm_stale_ms = 600000,
		.xdm_timeout_ms = 2000,
		.xdm_retry_ms = 2000,
		.xdm_cache_mb = 32,
		.xdm_max_parallel = 64,
		.xdm_max_waiters = 10000,
		.xdm_subscribe = "",
		.xdm_contact = "",
		.xdm_subscribe_s = 3600,
		.xdm_subscriptions = 10000,
		.xdm_fail_word = "open",

		.store_url = "",
		.store_ca_file = "",
		.store_service = "",
		.store_password = "",
		.store_user = "{user}@{domain}",
		.store_folder = "Default/{peer}",
		.store_delimiters = "/",
		.store_workers = 1,
		.store_parallel = 32,
		.store_user_parallel = 4,
		.store_max_pending = 1000,
		.store_max_object_bytes = 262144,
		.store_timeout_ms = 5000,
		.store_idle_ms = 60000,
		.store_retry_min_ms = 500,
		.store_retry_max_ms = 30000,

		.max_message_bytes = 60000,
		.max_header_bytes = 4096,
		.max_record_bytes = 32768,
		.max_document_bytes = 8 << 20,
		.max_document_memory = 32 << 20,
		.max_xml_depth = 32,
		.max_xml_elements = 400000,
		.max_list_entries = 150000,
		.max_list_depth = 5,
		.max_linked_documents = 16,
		.max_rules = 1000,
		.max_conditions = 10000,
		.max_mime_parts = 32,
		.max_cpim_headers = 64,
};

/* clang-format off */
#define TEXT(name) {#name, PARAM_STRING, &settings.name}
#define NUMBER(name) {#name, PARAM_INT, &settings.name}

param_export_t settings_params[] = {
	TEXT(hostname), TEXT(release), TEXT(isf_uri), TEXT(core_uri),
	TEXT(min_version), NUMBER(strict_version), NUMBER(allow_anonymous),
	TEXT(pf_uri), NUMBER(system_icsi), TEXT(contact_xavp), TEXT(location), TEXT(event_callback),

	TEXT(redis_address), TEXT(redis_user), TEXT(redis_password), NUMBER(redis_database),
	TEXT(redis_prefix), NUMBER(redis_connections), NUMBER(redis_timeout_ms), NUMBER(redis_reconnect_min_ms),
	NUMBER(redis_reconnect_max_ms), NUMBER(redis_wait_replicas), NUMBER(redis_require_durable),

	NUMBER(queue_workers), NUMBER(queue_shards), NUMBER(queue_mailbox), NUMBER(queue_max_pending),
	NUMBER(max_user_messages), NUMBER(max_expiry_s), NUMBER(ttl_grace_s), NUMBER(dedup_window_s),
	NUMBER(retry_min_s), NUMBER(retry_max_s), {"expired", PARAM_STRING, &settings.expired_word},
	NUMBER(expiry_rate), NUMBER(claim_ms), NUMBER(report_expiry_s), NUMBER(report_rate), NUMBER(notify_expired),
	NUMBER(notify_expired_oob),

	NUMBER(push_on_register), NUMBER(push_delay_ms), NUMBER(push_window), NUMBER(push_prefetch),
	NUMBER(push_prefetch_bytes), NUMBER(push_parallel), NUMBER(push_sessions),
	NUMBER(push_lease_ms), NUMBER(push_ack_ms), NUMBER(push_rate),

	NUMBER(notify_delay_ms), NUMBER(notify_list_max), NUMBER(notify_body_bytes), NUMBER(notify_pushed),
	NUMBER(subscribe_body_bytes), NUMBER(max_dialogs), NUMBER(min_se_s), NUMBER(session_expires_s),

	TEXT(msrp_listen), TEXT(msrp_host), TEXT(msrp_tls_certificate), TEXT(msrp_tls_key),
	TEXT(msrp_tls_ca), NUMBER(msrp_tls_verify), NUMBER(msrp_offer_tls), NUMBER(msrp_cema),
	NUMBER(msrp_workers), NUMBER(msrp_max_sessions), NUMBER(msrp_max_connections),
	NUMBER(msrp_chunk_bytes), NUMBER(msrp_bind_ms), NUMBER(bridge_wait_ms), NUMBER(msrp_idle_ms),
	NUMBER(msrp_response_ms), NUMBER(msrp_life_s), NUMBER(msrp_staging_s), NUMBER(max_large_bytes),

	TEXT(xcap_root), TEXT(xcap_lists_auid), TEXT(xcap_policy_auid), TEXT(xcap_profile_auid),
	TEXT(xcap_lists_document), TEXT(xcap_policy_document), TEXT(xcap_profile_document),
	TEXT(xcap_identity_header), TEXT(xcap_user), TEXT(xcap_password), TEXT(xcap_ca_file),
	NUMBER(xdm_max_age_ms), NUMBER(xdm_stale_ms), NUMBER(xdm_timeout_ms), NUMBER(xdm_retry_ms),
	NUMBER(xdm_cache_mb), NUMBER(xdm_max_parallel), NUMBER(xdm_max_waiters),
	TEXT(xdm_subscribe), TEXT(xdm_contact), NUMBER(xdm_subscribe_s), NUMBER(xdm_subscriptions),
	{"xdm_fail", PARAM_STRING, &settings.xdm_fail_word},

	TEXT(store_url), NUMBER(store_starttls), TEXT(store_ca_file), TEXT(store_service),
	TEXT(store_password), TEXT(store_user), TEXT(store_folder), TEXT(store_delimiters),
	NUMBER(store_workers), NUMBER(store_parallel), NUMBER(store_user_parallel),
	NUMBER(store_max_pending), NUMBER(store_max_object_bytes), NUMBER(store_timeout_ms),
	NUMBER(store_idle_ms), NUMBER(store_retry_min_ms), NUMBER(store_retry_max_ms),

	NUMBER(max_message_bytes), NUMBER(max_header_bytes), NUMBER(max_record_bytes),
	NUMBER(max_document_bytes), NUMBER(max_document_memory), NUMBER(max_xml_depth),
	NUMBER(max_xml_elements), NUMBER(max_list_entries), NUMBER(max_list_depth),
	NUMBER(max_linked_documents), NUMBER(max_rules), NUMBER(max_conditions),
	NUMBER(max_mime_parts), NUMBER(max_cpim_headers),
	{0, 0, 0}
};

struct range { const char *name; const int *value; int low, high; };
#define RANGE(name, low, high) {#name, &settings.name, low, high}

static const struct range ranges[] = {
	RANGE(redis_database, 0, 1000000),
	RANGE(redis_connections, 1, 8), RANGE(redis_timeout_ms, 10, 60000),
	RANGE(redis_reconnect_min_ms, 10, 60000), RANGE(redis_reconnect_max_ms, 10, 600000),
	RANGE(redis_wait_replicas, 0, 16), RANGE(queue_workers, 1, 16), RANGE(queue_shards, 1, 4096),
	RANGE(queue_mailbox, 64, 1 << 20), RANGE(queue_max_pending, 1, 1000000),
	RANGE(max_user_messages, 1, 10000000), RANGE(max_expiry_s, 1, 10 * 366 * 86400),
	RANGE(ttl_grace_s, 1, INT_MAX), RANGE(dedup_window_s, 0, INT_MAX),
	RANGE(retry_min_s, 1, 86400), RANGE(retry_max_s, 1, 30 * 86400),
	RANGE(expiry_rate, 1, 100000), RANGE(claim_ms, 1000, 3600000), RANGE(report_expiry_s, 1, 30 * 86400), RANGE(report_rate, 1, 100000),
	RANGE(push_delay_ms, 0, 60000), RANGE(push_window, 1, 1000), RANGE(push_prefetch, 1, 1000),
	RANGE(push_prefetch_bytes, 1024, 64 << 20), RANGE(push_parallel, 1, 100000),
	RANGE(push_sessions, 1, 10000000), RANGE(push_lease_ms, 1000, 600000), RANGE(push_ack_ms, 0, 1000),
	RANGE(push_rate, 0, 1000000),
	RANGE(xdm_max_age_ms, 0, INT_MAX), RANGE(xdm_stale_ms, 0, INT_MAX), RANGE(xdm_timeout_ms, 10, 60000),
	RANGE(xdm_retry_ms, 0, 600000), RANGE(xdm_cache_mb, 1, 65536), RANGE(xdm_max_parallel, 1, 1000),
	RANGE(xdm_max_waiters, 1, 1000000),
	RANGE(notify_delay_ms, 0, 3600000), RANGE(notify_list_max, 0, 1000), RANGE(notify_body_bytes, 200, 60000),
	RANGE(subscribe_body_bytes, 200, 1 << 20), RANGE(max_dialogs, 1, 1000000), RANGE(min_se_s, 90, 86400),
	RANGE(session_expires_s, 90, 86400), RANGE(xdm_subscribe_s, 60, 7 * 86400), RANGE(xdm_subscriptions, 1, 1000000),
	RANGE(store_workers, 1, 16), RANGE(store_parallel, 1, 1000), RANGE(store_user_parallel, 1, 1000),
	RANGE(store_max_pending, 1, 100000), RANGE(store_max_object_bytes, 1024, 64 << 20),
	RANGE(store_timeout_ms, 100, 60000), RANGE(store_idle_ms, 0, 1500000),
	RANGE(store_retry_min_ms, 10, 60000), RANGE(store_retry_max_ms, 10, 600000),
	RANGE(msrp_tls_verify, 0, 2), RANGE(msrp_offer_tls, 0, 1), RANGE(msrp_cema, 0, 1),
	RANGE(msrp_workers, 1, 16), RANGE(msrp_max_sessions, 1, 100000), RANGE(msrp_max_connections, 1, 200000),
	RANGE(msrp_chunk_bytes, 2048, 131072), RANGE(msrp_bind_ms, 100, 600000), RANGE(bridge_wait_ms, 100, 60000), RANGE(msrp_idle_ms, 100, 3600000),
	RANGE(msrp_response_ms, 100, 600000), RANGE(msrp_life_s, 1, 86400), RANGE(msrp_staging_s, 10, 86400),
	RANGE(max_large_bytes, 1, 512 << 20),
	RANGE(max_message_bytes, 1, 65535), RANGE(max_header_bytes, 64, 65535),
	RANGE(max_record_bytes, 512, 1 << 20), RANGE(max_document_bytes, 256, 256 << 20),
	RANGE(max_document_memory, 4096, 1 << 30), RANGE(max_xml_depth, 4, 256),
	RANGE(max_xml_elements, 16, 100000000), RANGE(max_list_entries, 1, 10000000),
	RANGE(max_list_depth, 1, 32), RANGE(max_linked_documents, 0, 1000), RANGE(max_rules, 1, 100000),
	RANGE(max_conditions, 1, 10000000), RANGE(max_mime_parts, 1, 1000), RANGE(max_cpim_headers, 4, 10000),
};
/* clang-format on */

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

/* The client of the message store knows best what it can use; this one is made only to ask. */
static bool imap_check(void)
{
	struct cpm_folder_values example = {
			.user = CPM_SLICE("u"), .domain = CPM_SLICE("d"), .aor = CPM_SLICE("sip:u@d")};
	char memory[1024];
	struct cpm_buf login;
	const char *error;
	struct imap *imap;

	if(!settings.store_url[0])
		return true;
	error = cpm_folder_check(
			cpm_slice_of(settings.store_folder), cpm_slice_of(settings.store_delimiters));
	if(error) {
		LM_ERR("parameters store_folder and store_delimiters: %s\n", error);
		return false;
	}
	cpm_buf_init_fixed(&login, memory, sizeof(memory));
	if(cpm_folder_add_login(&login, cpm_slice_of(settings.store_user), &example) != CPM_OK) {
		LM_ERR("parameter store_user is \"%s\": write for instance \"{user}@{domain}\"; {aor} is "
			   "the whole "
			   "URI\n",
				settings.store_user);
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

	if(!uri_check("pf_uri", settings.pf_uri) || !uri_check("xdm_subscribe", settings.xdm_subscribe)
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
