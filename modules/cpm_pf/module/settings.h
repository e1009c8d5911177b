/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The module's parameters: read-only after mod_init. doc/reference.md lists
 * them with their defaults.
 */
#ifndef CPM_SETTINGS_H
#define CPM_SETTINGS_H

#include "../../core/sr_module.h"
#include "../core/base/limits.h"
#include "../imap/imap.h"
#include "../redis/store.h"
#include "../xdm/xdm.h"

/* What a user's policy is while the XDMS cannot be had and no copy is at hand. */
enum xdm_fail { XDM_FAIL_OPEN, XDM_FAIL_CLOSED, XDM_FAIL_DEFER };

struct settings {
	char *hostname;
	char *release;
	char *isf_uri;
	char *core_uri;
	char *min_version;
	int strict_version;
	int allow_anonymous;
	char *pf_uri;
	int system_icsi;
	char *contact_xavp;
	char *location;
	char *event_callback;

	char *redis_address;
	char *redis_user;
	char *redis_password;
	int redis_database;
	char *redis_prefix;
	int redis_connections;
	int redis_timeout_ms;
	int redis_reconnect_min_ms;
	int redis_reconnect_max_ms;
	int redis_wait_replicas;
	int redis_require_durable;

	int queue_workers;
	int queue_shards;
	int queue_mailbox;
	int queue_max_pending;
	int max_user_messages;
	int max_expiry_s;
	int ttl_grace_s;
	int dedup_window_s;
	int retry_min_s;
	int retry_max_s;
	char *expired_word;
	enum cpm_expired expired;
	int expiry_rate;
	int claim_ms;
	int report_expiry_s;
	int report_rate;
	int notify_expired;
	int notify_expired_oob;

	int push_on_register;
	int push_delay_ms;
	int push_window;
	int push_prefetch;
	int push_prefetch_bytes;
	int push_parallel;
	int push_sessions;
	int push_lease_ms;
	int push_ack_ms;
	int push_rate;

	int notify_delay_ms;
	int notify_list_max;
	int notify_body_bytes;
	int notify_pushed;
	int subscribe_body_bytes;
	int max_dialogs;
	int min_se_s;
	int session_expires_s;

	char *msrp_listen;
	char *msrp_host;
	char *msrp_tls_certificate;
	char *msrp_tls_key;
	char *msrp_tls_ca;
	int msrp_tls_verify;
	int msrp_offer_tls;
	int msrp_cema;
	int msrp_workers;
	int msrp_max_sessions;
	int msrp_max_connections;
	int msrp_chunk_bytes;
	int msrp_bind_ms;
	int bridge_wait_ms;
	int msrp_idle_ms;
	int msrp_response_ms;
	int msrp_life_s;
	int msrp_staging_s;
	int max_large_bytes;

	char *xcap_root;
	char *xcap_lists_auid;
	char *xcap_policy_auid;
	char *xcap_profile_auid;
	char *xcap_lists_document;
	char *xcap_policy_document;
	char *xcap_profile_document;
	char *xcap_identity_header;
	char *xcap_user;
	char *xcap_password;
	char *xcap_ca_file;
	int xdm_max_age_ms;
	int xdm_stale_ms;
	int xdm_timeout_ms;
	int xdm_retry_ms;
	int xdm_cache_mb;
	int xdm_max_parallel;
	int xdm_max_waiters;
	char *xdm_subscribe;
	char *xdm_contact;
	int xdm_subscribe_s;
	int xdm_subscriptions;
	char *xdm_fail_word;
	enum xdm_fail xdm_fail;

	char *store_url;
	int store_starttls;
	char *store_ca_file;
	char *store_service;
	char *store_password;
	char *store_user;
	char *store_folder;
	char *store_delimiters;
	int store_workers;
	int store_parallel;
	int store_user_parallel;
	int store_max_pending;
	int store_max_object_bytes;
	int store_timeout_ms;
	int store_idle_ms;
	int store_retry_min_ms;
	int store_retry_max_ms;

	int max_message_bytes;
	int max_header_bytes;
	int max_record_bytes;
	int max_document_bytes;
	int max_document_memory;
	int max_xml_depth;
	int max_xml_elements;
	int max_list_entries;
	int max_list_depth;
	int max_linked_documents;
	int max_rules;
	int max_conditions;
	int max_mime_parts;
	int max_cpim_headers;

	/* made from the above */
	struct cpm_limits limits;
	struct store_config store;
	struct xdm_config xdm;
	struct imap_config imap;
	unsigned min_version_major, min_version_minor;
};

extern struct settings settings;
extern param_export_t settings_params[];

/* Checks every parameter and fills the derived part; logs one line that says what to write instead and returns false on a bad one. */
bool settings_check(void);

/* "Server: <release>" and "User-Agent: <release>" with CRLF. */
const char *settings_server_line(void);
const char *settings_agent_line(void);

#endif
