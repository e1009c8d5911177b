/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stands in for Kamailio's global variables.
 */
#ifndef STUB_GLOBALS_H
#define STUB_GLOBALS_H

#include "ip_addr.h"

#define udp_listen ((struct socket_info *)0)
#define tcp_listen ((struct socket_info *)0)

#endif
