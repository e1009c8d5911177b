/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * RPC about MSRP: what each process counts.
 */
#include "../media/media.h"
#include "../module/settings.h"
#include "rpc.h"

/* In the order of endpoint_statistics.refused. */
static char *const refusals[] = {"refused_400", "refused_403", "refused_408", "refused_413",
		"refused_415", "refused_423", "refused_481", "refused_501", "refused_506", "refused_other"};

static void process_add(rpc_t *rpc, void *h, int process)
{
	struct endpoint_statistics s = media_statistics(process);
	size_t i;

	rpc_add_number(rpc, h, "sessions", (int64_t)s.legs);
	rpc_add_number(rpc, h, "connections", (int64_t)s.channels);
	rpc_add_number(rpc, h, "conversations", (int64_t)media_conversations(process));
	rpc_add_number(rpc, h, "accepted", (int64_t)s.accepted);
	rpc_add_number(rpc, h, "dialled", (int64_t)s.dialled);
	rpc_add_number(rpc, h, "frames_in", (int64_t)s.frames_in);
	rpc_add_number(rpc, h, "octets_in", (int64_t)s.octets_in);
	rpc_add_number(rpc, h, "octets_out", (int64_t)s.octets_out);
	rpc_add_number(rpc, h, "malformed", (int64_t)s.malformed);
	rpc_add_number(rpc, h, "slow", (int64_t)s.slow);
	rpc_add_number(rpc, h, "turned_away", (int64_t)s.turned_away);
	for(i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		rpc_add_number(rpc, h, refusals[i], (int64_t)s.refused[i]);
}

const char *rpc_msrp_doc[] = {"Sessions, connections and refusals of the msrp processes", 0};
void rpc_msrp(rpc_t *rpc, void *ctx)
{
	void *top, *list, *h;
	int i;

	if(!media_on()) {
		rpc->fault(ctx, 404, "no msrp process: msrp_listen is not set");
		return;
	}
	if(rpc->add(ctx, "{", &top) < 0 || rpc->struct_add(top, "[", "processes", &list) < 0)
		return;
	for(i = 0; i < settings.msrp_workers; i++) {
		if(rpc->array_add(list, "{", &h) < 0)
			return;
		process_add(rpc, h, i);
	}
}
