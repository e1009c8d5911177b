/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The module's tables: functions, KEMI, pseudo-variables, RPC commands.
 */
#ifndef CPM_EXPORTS_H
#define CPM_EXPORTS_H

#include "../../core/kemi.h"
#include "../../core/pvar.h"
#include "../../core/rpc.h"
#include "../../core/sr_module.h"

extern cmd_export_t exports_functions[];
extern sr_kemi_t exports_kemi[];
extern pv_export_t variables[];
extern rpc_export_t rpc_commands[];

#endif
