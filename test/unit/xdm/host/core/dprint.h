/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stands in for Kamailio's log.
 */
#ifndef STUB_DPRINT_H
#define STUB_DPRINT_H

enum host_level { HOST_DEBUG, HOST_NOTICE, HOST_WARN, HOST_WORSE };

void host_log(enum host_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define LM_DBG(...) host_log(HOST_DEBUG, __VA_ARGS__)
#define LM_NOTICE(...) host_log(HOST_NOTICE, __VA_ARGS__)
#define LM_WARN(...) host_log(HOST_WARN, __VA_ARGS__)
#define LM_CRIT(...) host_log(HOST_WORSE, __VA_ARGS__)
#define LM_BUG(...) host_log(HOST_WORSE, __VA_ARGS__)

#endif
