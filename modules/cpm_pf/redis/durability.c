/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Durability of the server.
 */
#include "durability.h"

static void set(char *to, size_t size, struct cpm_slice value)
{
	if(value.n < size) {
		memcpy(to, value.p, value.n);
		to[value.n] = '\0';
	}
}

void durability_take_config(struct durability *d, const redisReply *reply)
{
	if(reply->type != REDIS_REPLY_ARRAY)
		return;
	for(size_t i = 0; i + 1 < reply->elements; i += 2) {
		const redisReply *name = reply->element[i], *value = reply->element[i + 1];
		struct cpm_slice v;

		if(name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
			continue;
		v = (struct cpm_slice){value->str, value->len};
		if(!strcmp(name->str, "appendonly"))
			set(d->appendonly, sizeof(d->appendonly), v);
		else if(!strcmp(name->str, "appendfsync"))
			set(d->appendfsync, sizeof(d->appendfsync), v);
		else if(!strcmp(name->str, "maxmemory-policy"))
			set(d->maxmemory_policy, sizeof(d->maxmemory_policy), v);
	}
}

void durability_take_info(struct durability *d, const redisReply *reply)
{
	struct cpm_slice rest, line;

	if(reply->type != REDIS_REPLY_STRING)
		return;
	rest = (struct cpm_slice){reply->str, reply->len};
	while(cpm_slice_split(&rest, '\n', &line)) {
		size_t colon = cpm_slice_find(line, ':');
		struct cpm_slice name = cpm_slice_head(line, colon);
		struct cpm_slice value = cpm_slice_trim(cpm_slice_from(line, colon + 1));

		if(!d->appendonly[0] && cpm_slice_eq(name, CPM_SLICE("aof_enabled")))
			set(d->appendonly, sizeof(d->appendonly),
					cpm_slice_eq(value, CPM_SLICE("1")) ? CPM_SLICE("yes") : CPM_SLICE("no"));
		else if(!d->maxmemory_policy[0] && cpm_slice_eq(name, CPM_SLICE("maxmemory_policy")))
			set(d->maxmemory_policy, sizeof(d->maxmemory_policy), value);
	}
}

const char *durability_sentence(const struct durability *d, unsigned replicas)
{
	if(!d->appendonly[0] || !d->maxmemory_policy[0])
		return "the server tells neither CONFIG nor INFO: check appendonly and maxmemory-policy "
			   "there";
	if(strcmp(d->appendonly, "yes"))
		return "appendonly is off: a restart of the server loses acknowledged messages; "
			   "set 'appendonly yes'";
	if(strcmp(d->maxmemory_policy, "noeviction"))
		return "maxmemory-policy may evict acknowledged messages; set 'maxmemory-policy "
			   "noeviction'";
	if(!d->appendfsync[0])
		return "the server does not tell appendfsync: check that it is 'always'";
	if(!strcmp(d->appendfsync, "no"))
		return "appendfsync is 'no': a power failure loses acknowledged messages; "
			   "set 'appendfsync always'";
	if(!strcmp(d->appendfsync, "everysec") && replicas == 0)
		return "appendfsync is 'everysec': a power failure may lose the last second of "
			   "acknowledged "
			   "messages; set 'appendfsync always', or wait for replicas";
	return "";
}
