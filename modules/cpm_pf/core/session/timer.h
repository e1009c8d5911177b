/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * SIP session timers: what a UAS answers to an offered interval, and when who
 * has to act. RFC 4028; companion section 8.8.
 */
#ifndef CPM_SESSION_TIMER_H
#define CPM_SESSION_TIMER_H

#include "../base/buf.h"

/* RFC 4028 section 4: nobody may ask for less. */
#define CPM_SESSION_MIN_S 90
/* Past a day an interval says no more. */
#define CPM_SESSION_MAX_S 86400

enum cpm_refresher { CPM_REFRESHER_NONE, CPM_REFRESHER_UAC, CPM_REFRESHER_UAS };

/* What a request says. */
struct cpm_session_wish {
	bool timer;         /* Supported: timer */
	uint32_t expires_s; /* Session-Expires; 0 without one */
	enum cpm_refresher refresher;
	uint32_t min_s; /* Min-SE; 0 without one */
};

/* What is answered. */
struct cpm_session_terms {
	bool too_small; /* 422 with Min-SE: min_s; nothing else counts then */
	uint32_t min_s;
	uint32_t expires_s; /* 0: no session timer */
	enum cpm_refresher refresher;
	bool require; /* Require: timer */
};

/* Reads a Session-Expires or Min-SE value: "1800;refresher=uac". False when it is none. Numbers past CPM_SESSION_MAX_S count as
 * that; other parameters are skipped. */
bool cpm_session_expires_parse(
		struct cpm_slice value, uint32_t *seconds, enum cpm_refresher *refresher);

/* The answer of a UAS (RFC 4028 section 9) whose smallest and largest intervals are these. */
void cpm_session_agree(const struct cpm_session_wish *wish, uint32_t min_s, uint32_t max_s,
		struct cpm_session_terms *terms);

/* Appends the header lines of a 2xx, or of a 422 when too_small, each with CRLF. */
void cpm_session_add_headers(struct cpm_buf *out, const struct cpm_session_terms *terms);

/* After a refresh: in how many milliseconds the refresher refreshes again, and the other side gives up. */
int64_t cpm_session_refresh_ms(uint32_t expires_s);
int64_t cpm_session_give_up_ms(uint32_t expires_s);

#endif
