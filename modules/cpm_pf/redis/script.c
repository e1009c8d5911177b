/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The Lua scripts.
 */
#include "script.h"

#include <stddef.h>

#include "lua_scripts.h"

const char *script_text(enum script script)
{
	switch(script) {
		case SCRIPT_PUT:
			return lua_put;
		case SCRIPT_NEXT:
			return lua_next;
		case SCRIPT_CLAIM:
			return lua_claim;
		case SCRIPT_SETTLE:
			return lua_settle;
		case SCRIPT_REPORT:
			return lua_report;
		case SCRIPT_LIST:
			return lua_list;
		case SCRIPT_ACT:
			return lua_act;
		case SCRIPT_PIECE:
			return lua_piece;
		case SCRIPT_SEAL:
			return lua_seal;
		case SCRIPT_MARK:
			return lua_mark;
		case SCRIPT_ROOM:
			return lua_room;
		case SCRIPT_TOTALS:
			return lua_totals;
		case SCRIPT_SHAPE:
			return lua_shape;
	}
	return NULL;
}
