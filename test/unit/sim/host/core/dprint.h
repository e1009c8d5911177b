/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stands in for Kamailio's log.
 */
#ifndef STUB_DPRINT_H
#define STUB_DPRINT_H

/* Comes along with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void host_log(const char *level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define LM_DBG(...) ((void)0)
#define LM_INFO(...) host_log("info", __VA_ARGS__)
#define LM_NOTICE(...) host_log("notice", __VA_ARGS__)
#define LM_WARN(...) host_log("warning", __VA_ARGS__)
#define LM_ERR(...) host_log("error", __VA_ARGS__)
#define LM_CRIT(...) host_log("critical", __VA_ARGS__)
#define LM_BUG(...) host_log("bug", __VA_ARGS__)

#endif
