/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The binding to Kamailio's tm, shared by the files of this folder.
 */
#ifndef CPM_TM_H
#define CPM_TM_H

#include "../tm/tm_load.h"
#include "request.h"

extern struct tm_binds tm;

#endif
