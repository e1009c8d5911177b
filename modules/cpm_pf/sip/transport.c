/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Datagram or stream, by the URI.
 */
#include "transport.h"

#include "../../core/cfg_core.h"
#include "../core/codec/uri.h"

#define DATAGRAM_MAX 1300

static bool is_datagram(struct cpm_slice uri)
{
	struct cpm_uri parsed;
	struct cpm_slice transport;

	if(cpm_uri_parse(uri, &parsed, NULL) != CPM_OK)
		return true;
	if(parsed.scheme == CPM_URI_SIPS)
		return false;
	return !cpm_uri_param(parsed.params, CPM_SLICE("transport"), &transport)
		   || cpm_slice_ieq(transport, CPM_SLICE("udp"));
}

size_t transport_room(struct cpm_slice next_hop, size_t head)
{
	size_t max = (size_t)cfg_get(core, core_cfg, udp_mtu);

	if(!is_datagram(next_hop))
		return SIZE_MAX;
	if(!max)
		max = DATAGRAM_MAX;
	return head < max ? max - head : 0;
}

bool transport_wants_stream(struct cpm_slice *uri, size_t bytes, char *memory, size_t size)
{
	size_t max = (size_t)cfg_get(core, core_cfg, udp_mtu), end = cpm_slice_find(*uri, '?');
	struct cpm_uri parsed;
	struct cpm_slice transport;
	struct cpm_buf b;

	if(!max || bytes <= max || !is_datagram(*uri))
		return false;
	/* Where the URI itself says udp that stands. */
	if(cpm_uri_parse(*uri, &parsed, NULL) != CPM_OK
			|| cpm_uri_param(parsed.params, CPM_SLICE("transport"), &transport))
		return false;
	cpm_buf_init_fixed(&b, memory, size);
	cpm_buf_add(&b, cpm_slice_head(*uri, end));
	cpm_buf_add_str(&b, ";transport=tcp");
	cpm_buf_add(&b, cpm_slice_from(*uri, end));
	if(b.rc != CPM_OK)
		return false;
	*uri = cpm_buf_slice(&b);
	return true;
}
