/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stands in for Kamailio's module interface.
 */
#ifndef STUB_SR_MODULE_H
#define STUB_SR_MODULE_H

typedef struct {
	const char *name;
} param_export_t;

#endif
