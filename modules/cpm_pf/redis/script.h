/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The Lua scripts, embedded at build time from redis/lua.
 */
#ifndef CPM_SCRIPT_H
#define CPM_SCRIPT_H

enum script {
	SCRIPT_PUT,
	SCRIPT_NEXT,
	SCRIPT_CLAIM,
	SCRIPT_SETTLE,
	SCRIPT_REPORT,
	SCRIPT_LIST,
	SCRIPT_ACT,
	SCRIPT_PIECE,
	SCRIPT_SEAL,
	SCRIPT_MARK,
	SCRIPT_ROOM,
	SCRIPT_LOADED, /* the store loads those before; an operator's call sends its script along */
	SCRIPT_TOTALS = SCRIPT_LOADED,
	SCRIPT_SHAPE,
};

const char *script_text(enum script script);

#endif
