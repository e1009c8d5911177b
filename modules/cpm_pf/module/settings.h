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
#define TEXT(name, value) char *name;
#define WORD(name, value) char *name##_word;
#define NUMBER(name, value, low, high) int name;
#define SWITCH(name, value) int name;
#include "parameters.def"

	/* made from these */
	enum cpm_expired expired;
	enum xdm_fail xdm_fail;
	struct cpm_limits limits;
	struct store_config store;
	struct xdm_config xdm;
	struct imap_config imap;
	char session_folder[256]; /* template of the folder of a session */
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
