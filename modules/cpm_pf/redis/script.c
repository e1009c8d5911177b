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
		case SCRIPT_EXPIRE:
			return lua_expire;
		case SCRIPT_LIST:
			return lua_list;
		case SCRIPT_TOTALS:
			return lua_totals;
	}
	return NULL;
}
