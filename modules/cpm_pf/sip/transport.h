/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * How much fits into a request of ours. tm sends what it makes itself as one
 * datagram whatever the core's udp_mtu says, so who makes a body asks first.
 * RFC 3261 section 18.1.1, RFC 3428 section 8.
 */
#ifndef CPM_TRANSPORT_H
#define CPM_TRANSPORT_H

#include "../core/base/buf.h"

/* Room for the body of a request to this URI whose other bytes are about so many: SIZE_MAX over a stream; as a datagram what udp_mtu
 * leaves, or 1300 bytes when it is not set. */
size_t transport_room(struct cpm_slice next_hop, size_t head);

/* Should a request of so many bytes to this URI go over TCP? When it would be a datagram above the core's udp_mtu, where that is set;
 * *uri is then the one to send to, in memory (of size bytes). */
bool transport_wants_stream(struct cpm_slice *uri, size_t bytes, char *memory, size_t size);

#endif
