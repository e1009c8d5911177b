/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stands in for Kamailio's listening sockets: there are none.
 */
#ifndef STUB_IP_ADDR_H
#define STUB_IP_ADDR_H

#include <sys/socket.h>

#include "parser/msg_parser.h"

enum { PROTO_UDP = 1, PROTO_TCP };
#define SI_IS_MCAST 1

typedef struct {
	unsigned af;
} ip_addr_t;

struct socket_info {
	struct socket_info *next;
	int flags, proto;
	unsigned short port_no;
	ip_addr_t address;
	str address_str;
};

struct dest_info {
	int proto;
};

static inline int ip_addr_any(const ip_addr_t *ip)
{
	(void)ip;
	return 0;
}

#endif
