/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * CPM's service identifiers (ICSI) in feature tags and service headers.
 * RFC 3840, RFC 3841, RFC 6050, 3GPP TS 24.229 section 7.9.2.
 */
#ifndef CPM_FEATURE_H
#define CPM_FEATURE_H

#include "../base/buf.h"

enum cpm_icsi {
	CPM_ICSI_MSG,
	CPM_ICSI_LARGEMSG,
	CPM_ICSI_DEFERRED,
	CPM_ICSI_SESSION,
	CPM_ICSI_SESSION_GROUP,
	CPM_ICSI_FILETRANSFER,
	CPM_ICSI_SYSTEMMSG,
	CPM_ICSI_COUNT,
};

/* "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg", ... */
const char *cpm_icsi_urn(enum cpm_icsi icsi);

/* The plain tag of system messages (the norm's 8.3.1.6.3 step 2b). */
#define CPM_SYSTEM_TAG "+g.oma.cpm.system-message"

/* Appends *;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg" */
void cpm_feature_add_accept_contact(struct cpm_buf *b, enum cpm_icsi icsi);

/* True when a feature tag in an Accept-Contact or Contact value names exactly this service. The
 * value may be a comma-separated list, hold several +g.3gpp.icsi-ref tags, and each tag several
 * services; case and percent-encoding do not matter. */
bool cpm_feature_in(struct cpm_slice header_value, enum cpm_icsi icsi);

/* The same for any service of CPM, also one that is not in the list above. */
bool cpm_feature_any(struct cpm_slice header_value);

/* True when a feature tag in an Accept-Contact or Contact value marks a system message: by the plain tag, or by its later service. */
bool cpm_feature_system(struct cpm_slice header_value);

/* True when a Contact value says that its client does not have what this tag names ("audio"): the tag with the value "FALSE" (RFC 3840). */
bool cpm_feature_denied(struct cpm_slice contact, struct cpm_slice tag);

/* True when a P-Asserted-Service or P-Preferred-Service value (a comma-separated list of URNs in
 * the clear) names this service. */
bool cpm_feature_in_service(struct cpm_slice header_value, enum cpm_icsi icsi);

#endif
